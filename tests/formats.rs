//! Promise 6 and the formats: real articles go in, and come out attributed and valid in every format.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use newswired::sink::SinkOptions;
use support::{Partner, Scene, assert_valid, shared, sink, until, url};

/// The folder of samples, or nothing where the project stands alone and the runner said so.
fn samples() -> Option<PathBuf> {
    let dir = shared("samples");
    if dir.exists() {
        return Some(dir);
    }
    assert!(
        std::env::var_os("NEWSWIRED_WITHOUT_SCHEMAS").is_some(),
        "the samples are not at {}; set NEWSWIRED_WITHOUT_SCHEMAS=1 to skip what needs them",
        dir.display()
    );
    eprintln!("skipped: the samples are not here");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn real_articles_arrive_attributed_and_valid_in_three_formats() {
    let Some(samples) = samples() else { return };
    let dirs = tempfile::tempdir().expect("a temporary directory can be made");
    let mut sinks = Vec::new();
    let mut partners = Vec::new();
    for (id, format) in [("own", "json"), ("xml", "nitf"), ("iptc", "ninjs-1.6")] {
        let options = SinkOptions { dir: Some(dirs.path().join(id)), ..SinkOptions::default() };
        let sink = sink(options).await;
        partners.push(Partner { id, format, url: url(&sink), more: "" });
        sinks.push(sink);
    }
    // These articles are of many agencies and some name no author: this wire asks for what all of them can give.
    let more = r#"require = ["logo", "licence", "contact"]"#;
    let mut scene = Scene::new(&partners, "", "");
    scene.replace_in_config("short_name = \"DCNF\"\n", &format!("short_name = \"DCNF\"\n{more}\n"));
    scene.start().await;

    let mut files: Vec<PathBuf> = std::fs::read_dir(samples.join("ninjs"))
        .expect("the samples can be listed")
        .map(|entry| entry.expect("a sample can be seen").path())
        .collect();
    files.sort();
    files.push(samples.join("dcnf-article.ninjs-1.6.json"));
    let mut guids = std::collections::BTreeSet::new();
    let mut refused = Vec::new();
    for file in &files {
        let body = std::fs::read(file).expect("a sample can be read");
        let (status, answer) = scene.post("application/json", &body).await;
        match status {
            202 => drop(guids.insert(answer["guid"].as_str().expect("the answer names the guid").to_owned())),
            // The same guid and version as another sample's.
            409 | 200 => {}
            _ => refused.push((file.clone(), answer)),
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(guids.len() >= 8, "{guids:?}");
    // One agency's sample has expired long ago, and rightly never leaves.
    assert!(guids.remove("http://tt.se/media/text/210526-militarovning-a0f2d045"), "{guids:?}");
    let live = guids.len() as u64;
    for sink in &sinks {
        let problem = format!("{live} stories arrive");
        until(Duration::from_secs(60), &problem, async || sink.stats().stories == live).await;
        let stats = sink.stats();
        assert_eq!((stats.bad_signature, stats.bad_digest, stats.incomplete, stats.versions_back), (0, 0, 0, 0));
    }
    let written = |id: &str| -> Vec<PathBuf> {
        let list = std::fs::read_dir(dirs.path().join(id)).expect("the sink's directory is there");
        list.map(|entry| entry.expect("a file can be seen").path()).collect()
    };
    assert_valid("nitf", &written("xml"));
    assert_valid("ninjs-1.6", &written("iptc"));
    for file in ["own", "xml", "iptc"].iter().flat_map(|id| written(id)) {
        let text = std::fs::read_to_string(&file).expect("a document can be read");
        for needed in [
            "https://cdn.example.org/dcnf.png",
            "All republished articles must include our logo",
            "licensing@dailycallernewsfoundation.org",
        ] {
            assert!(text.contains(needed), "{needed:?} is not in {}", file.display());
        }
        assert!(!text.contains("REUTERS/Jonathan Ernst"), "a third party's photo went out in {}", file.display());
    }
    assert_eq!(scene.terminate().await, Some(0));
}
