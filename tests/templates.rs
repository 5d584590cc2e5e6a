//! Templates of the operator's: looked at before anything starts, and what they make arrives proved.

mod support;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, newswired, output, sink, until, url};

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>{{ headline }}</title></head><body><h1>{{ headline }}</h1>\n\
                    {{ body_html }}</body></html>\n";

/// A scene whose one partner takes pages that `template` makes.
fn scene(template: &str, url: String) -> Scene {
    let partners = [Partner { id: "web", format: "page", url, more: "" }];
    let profile = "[profiles.page]\nformat = \"template\"\n[profiles.page.template]\nfile = \"PLACE/page.html\"\n\
                   content_type = \"text/html\"\nextension = \"html\"\n";
    let scene = Scene::new(&partners, "", profile);
    std::fs::write(scene.dir.path().join("page.html"), template).expect("a file can be written");
    let place = scene.dir.path().display().to_string();
    scene.replace_in_config("PLACE", &place);
    scene
}

/// Exit code and complaint of `verb`, without the scene's directory.
fn complaint(scene: &Scene, verb: &str) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = output(newswired().arg(verb).arg("--config").arg(scene.config()));
    let said = String::from_utf8(stderr).expect("it prints UTF-8");
    (status.code(), said.replace(&format!("{}/", scene.dir.path().display()), ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_made_by_a_template_arrives() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let partner = sink(SinkOptions { dir: Some(dir.path().to_owned()), ..SinkOptions::default() }).await;
    let mut scene = scene(PAGE, url(&partner));
    assert_eq!(complaint(&scene, "check"), (Some(0), String::new()));
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(Duration::from_secs(20), "the page arrives", async || partner.stats().stories == 1).await;
    let files: Vec<_> =
        std::fs::read_dir(dir.path()).expect("it is there").map(|file| file.expect("it is").path()).collect();
    let page = std::fs::read_to_string(files.first().map_or(Path::new(""), |file| file)).expect("it can be read");
    assert!(page.starts_with("<!DOCTYPE html>\n<html><head><title>"), "{page}");
    assert!(page.contains("https://cdn.example.org/dcnf.png") && page.contains("All republished articles"), "{page}");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test]
async fn a_template_with_a_fault_is_told_before_anything_starts() {
    let broken = |template: &str| {
        let scene = scene(template, "http://127.0.0.1:1/".to_owned());
        let (code, said) = complaint(&scene, "check");
        assert_eq!(code, Some(78), "{said}");
        assert_eq!(complaint(&scene, "run"), (code, said.clone()), "the daemon says the same");
        said
    };
    assert_eq!(
        broken(&PAGE.replace("{{ body_html }}", "{{ body_htm }}")),
        "page.html:3:4: there is no field \"body_htm\"; did you mean \"body_html\"?\n"
    );
    let said = broken(&PAGE.replace("{{ body_html }}", "{{ story_html }}"));
    assert!(said.starts_with("page.html: for the wire \"dcnf\": the template document does not carry"), "{said}");
    assert!(said.contains("licence") && said.contains("logo"), "{said}");
    // A field of a field is found when the built-in story comes by.
    let said = broken(&PAGE.replace("{{ body_html }}", "{{ body_html }}{{ attribution.nothing.at.all }}"));
    assert!(said.starts_with("page.html:3:"), "{said}");
}
