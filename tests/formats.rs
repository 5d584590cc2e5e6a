//! Promise 6 and the formats: real articles go in, and come out attributed and valid in every format.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use newswired::article::WireId;
use newswired::config::Format;
use newswired::sink::{Sink, SinkOptions};
use support::rabbitmq::Rabbit;
use support::{Partner, Scene, assert_valid, newswired, output, shared, sink, until, url};

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

/// The kind by which the official validator knows a format, where there is a schema.
fn schema(format: Format) -> Option<&'static str> {
    match format {
        Format::Ninjs13 | Format::Ninjs16 | Format::Ninjs22 | Format::Ninjs31 | Format::Nitf | Format::NewsMlG2 => {
            Some(format.as_str())
        }
        Format::Json
        | Format::SuperdeskNinjs
        | Format::Html
        | Format::HtmlFragment
        | Format::Text
        | Format::Atom
        | Format::WordPress
        | Format::Template => None,
    }
}

/// The formats that are pushed; a post of WordPress needs a site.
fn pushed() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| *format != Format::WordPress)
}

/// A subscriber for each format, which stores what it gets in a folder of the format's name.
async fn every_format(dir: &Path) -> (Vec<Sink>, Vec<Partner>) {
    let mut sinks = Vec::new();
    let mut partners = Vec::new();
    for format in pushed() {
        let sink = sink(SinkOptions { dir: Some(dir.join(format.as_str())), ..SinkOptions::default() }).await;
        let id = match format {
            Format::Ninjs13 => "ninjs-1-3",
            Format::Ninjs16 => "ninjs-1-6",
            Format::Ninjs22 => "ninjs-2-2",
            Format::Ninjs31 => "ninjs-3-1",
            other => other.as_str(),
        };
        partners.push(Partner { id, format: format.as_str(), url: url(&sink), more: "" });
        sinks.push(sink);
    }
    (sinks, partners)
}

/// All documents that came, after those with a schema were validated.
fn valid_documents(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for format in pushed() {
        let files = written(dir, format.as_str());
        assert!(!files.is_empty(), "nothing came as {}", format.as_str());
        if let Some(kind) = schema(format) {
            assert_valid(kind, &files);
        }
        all.extend(files);
    }
    all
}

fn written(dir: &Path, id: &str) -> Vec<PathBuf> {
    let list = std::fs::read_dir(dir.join(id)).expect("the sink's directory is there");
    list.map(|entry| entry.expect("a file can be seen").path()).collect()
}

/// The terms of a real wire: its logo, its reporter's byline, their affiliation with it, and where questions go.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_wires_article_carries_all_that_its_licence_demands() {
    let Some(samples) = samples() else { return };
    let dirs = tempfile::tempdir().expect("a temporary directory can be made");
    let (sinks, partners) = every_format(dirs.path()).await;
    let mut scene = Scene::new(&partners, "", "");
    scene.start_and_publish(&std::fs::read(samples.join("dcnf-article.ninjs-1.6.json")).expect("the sample")).await;
    for sink in &sinks {
        until(Duration::from_secs(20), "it arrives", async || sink.stats().stories == 1).await;
    }
    for file in valid_documents(dirs.path()) {
        let text = std::fs::read_to_string(&file).expect("a document can be read");
        for needed in [
            "https://cdn.example.org/dcnf.png",
            "By Amber Randall, Civil Rights Reporter, DCNF",
            "All republished articles must include our logo, our reporter’s byline and their DCNF affiliation.",
            "licensing@dailycallernewsfoundation.org",
        ] {
            assert!(text.contains(needed), "{needed:?} is not in {}", file.display());
        }
        assert!(!text.contains("By By") && !text.contains("REUTERS/Jonathan Ernst"), "in {}", file.display());
    }
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn real_articles_arrive_attributed_and_valid_in_every_format() {
    let Some(samples) = samples() else { return };
    let dirs = tempfile::tempdir().expect("a temporary directory can be made");
    let (sinks, partners) = every_format(dirs.path()).await;
    // These articles are of many agencies and some name no author: this wire asks for what all of them can give.
    let more = r#"require = ["logo", "licence", "contact"]"#;
    let rabbit = Rabbit::start().await;
    let intake = format!("[intake.amqp]\nurls = [\"{}\"]\n", rabbit.bare_url());
    let mut scene = Scene::new(&partners, "", &intake);
    scene.replace_in_config("short_name = \"DCNF\"\n", &format!("short_name = \"DCNF\"\n{more}\n"));
    scene.start().await;
    until(Duration::from_secs(30), "the daemon consumes", async || scene.log().contains("consuming")).await;

    let mut files: Vec<PathBuf> = std::fs::read_dir(samples.join("ninjs"))
        .expect("the samples can be listed")
        .map(|entry| entry.expect("a sample can be seen").path())
        .collect();
    files.sort();
    files.push(samples.join("dcnf-article.ninjs-1.6.json"));
    let mut publish = newswired();
    publish.args(["publish", "--content-type", "application/ninjs+json", "--amqp", &rabbit.url()]).args(&files);
    let published = output(&mut publish);
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));

    // Some samples are of one guid and version: the first stands, the others are set aside as conflicts.
    let mut guids = BTreeSet::new();
    for file in &files {
        let body = std::fs::read(file).expect("a sample can be read");
        let article = newswired::article::decode(&body, None, &WireId::new("dcnf"));
        guids.insert(article.unwrap_or_else(|why| panic!("{}: {why}", file.display())).guid.to_string());
    }
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
    for file in valid_documents(dirs.path()) {
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

/// XML goes in by every way that articles take, and comes out like any other article.
#[tokio::test(flavor = "multi_thread")]
async fn nitf_and_newsml_go_in_by_http_and_by_file() {
    let Some(samples) = samples() else { return };
    let dirs = tempfile::tempdir().expect("a temporary directory can be made");
    let (sinks, partners) = every_format(dirs.path()).await;
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;

    let latin = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE nitf SYSTEM "nitf-3-4.dtd">
<nitf><head><docdata><doc-id regsrc="TEST" id-string="4711"/></docdata></head><body>
<body.head><hedline><hl1>Café</hl1></hedline><byline>By Ada Quill</byline></body.head>
<body.content><p>Café open</p></body.content></body></nitf>"#;
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(u32::from(c)).expect("it is Latin-1")).collect();
    let newsml = std::fs::read_to_string(samples.join("formats/newsml-g2-2.35-article.xml")).expect("the sample");
    // Whether the sample's embargo is over depends on the day.
    let newsml = newsml.replace("<embargoed>2026-11-24T12:00:00Z</embargoed>", "");
    // The second name says nothing of what it is.
    let place = scene.dir.path().to_owned();
    let (http, token) = (format!("http://127.0.0.1:{}", scene.http), format!("file:{}/token", place.display()));
    for (name, bytes) in [("latin.xml", &latin[..]), ("newsml.dat", newsml.as_bytes())] {
        std::fs::write(place.join(name), bytes).expect("a file can be written");
        let mut publish = newswired();
        publish.arg("publish").arg(place.join(name)).args(["--http", &http, "--token", &token]);
        let published = output(&mut publish);
        assert!(published.status.success(), "{name}: {}", String::from_utf8_lossy(&published.stderr));
    }
    let spooled = newsml.replace(":ferry-vote\"", ":ferry-spooled\"");
    std::fs::write(place.join("spool/spooled.xml"), spooled).expect("a file can be written");
    std::fs::rename(place.join("spool/spooled.xml"), place.join("spool/incoming/spooled.xml"))
        .expect("it can be moved");
    for sink in &sinks {
        until(Duration::from_secs(20), "three stories arrive", async || sink.stats().stories == 3).await;
    }
    valid_documents(dirs.path());
    let own = written(dirs.path(), "json");
    let all: String = own.iter().map(|file| std::fs::read_to_string(file).expect("it can be read")).collect();
    for needed in ["urn:nitf:TEST:4711", "Café open", "By Ada Quill, DCNF", "ferry-spooled"] {
        assert!(all.contains(needed), "{needed:?} is not in {all}");
    }
    assert!(place.join("spool/done/spooled.xml").exists());
    assert_eq!(scene.terminate().await, Some(0));
}
