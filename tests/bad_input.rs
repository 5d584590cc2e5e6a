//! Promise 10: bad input is kept, named, and in nobody's way.

mod support;

use std::time::Duration;

use newswired::ledger::SqliteReader;
use newswired::sink::SinkOptions;
use support::{Partner, Scene, article, sink, until, url};

/// Inputs that no article comes of, or one that is valid after all, and the content type they come with.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    let whole = article("whole", 1, "publish");
    let mut inputs: Vec<(&str, Vec<u8>)> = Vec::new();
    // Truncated anywhere.
    inputs.extend((0..90).map(|at| (JSON, whole[..at * whole.len() / 90].to_vec())));
    // One byte turned into one that is no UTF-8, or a control character.
    for at in 0..60 {
        let mut broken = whole.clone();
        let place = at * whole.len() / 60;
        broken[place] = [0xff, 0x00, 0xc3, 0x1f][at % 4];
        inputs.push((JSON, broken));
    }
    // Wrong types, missing keys, unknown keys.
    let value: serde_json::Value = serde_json::from_slice(&whole).expect("the article is JSON");
    let keys: Vec<String> = value.as_object().expect("an article is an object").keys().cloned().collect();
    for key in &keys {
        for wrong in [
            serde_json::json!(null),
            serde_json::json!([[1]]),
            serde_json::json!({ "a": -1 }),
            serde_json::json!(1e300),
        ] {
            let mut broken = value.clone();
            broken[key] = wrong;
            inputs.push((JSON, broken.to_string().into_bytes()));
        }
        let mut missing = value.clone();
        missing.as_object_mut().expect("an object").remove(key);
        inputs.push((JSON, missing.to_string().into_bytes()));
        let mut misspelt = value.clone();
        misspelt[format!("{key}x")] = serde_json::json!(1);
        inputs.push((JSON, misspelt.to_string().into_bytes()));
    }
    // Wrong encodings and content types.
    let utf16: Vec<u8> = String::from_utf8_lossy(&whole).encode_utf16().flat_map(u16::to_le_bytes).collect();
    inputs.push((JSON, utf16.clone()));
    inputs.push(("application/json; charset=utf-16", utf16));
    inputs.push(("application/json; charset=iso-8859-1", whole.clone()));
    inputs.push(("text/html", b"<p>news</p>".to_vec()));
    inputs.push(("image/png", vec![0x89, b'P', b'N', b'G']));
    // Deep nesting, in the JSON and in the HTML.
    inputs.push((JSON, "[".repeat(200_000).into_bytes()));
    inputs.push((JSON, "{\"a\":".repeat(100_000).into_bytes()));
    let html = |body: String, at: usize| {
        let mut hell = value.clone();
        hell["guid"] = format!("urn:test:hell-{at}").into();
        hell["body_html"] = body.into();
        (JSON, hell.to_string().into_bytes())
    };
    let hells = [
        "<div>".repeat(50_000),
        "<b><i><u>".repeat(20_000) + "text",
        "<table><tr><td>".repeat(10_000) + "text",
        "<p>a</b></i><script>alert(1)</script><!-- <p>x --><style>p{}</style>".repeat(500),
        "<a href=\"javascript:alert(1)\" onclick=x>text</a><img src=x onerror=y>".repeat(500),
        "<ul><li>".repeat(10_000) + "text",
        "text\u{0}\u{b}\u{fffe}\u{1f}more".to_owned(),
        "<p>text<iframe src=\"https://example.org/\"></iframe>&#0;&#x1f;&nbsp;&unknown;".repeat(200),
        "<svg><math><mtext><p>text</p><template><p>hidden</p>".to_owned(),
        "<p title=\"".to_owned() + &"x".repeat(200_000),
    ];
    inputs.extend(hells.into_iter().enumerate().map(|(at, body)| html(body, at)));
    inputs.extend(xml_inputs());
    inputs
}

/// The same in XML: cut short, with a byte that spoils it, and made to hurt.
fn xml_inputs() -> Vec<(&'static str, Vec<u8>)> {
    const XML: &str = "application/nitf+xml";
    let nitf = |doctype: &str, text: &str| {
        format!(
            "<?xml version=\"1.0\"?>{doctype}<nitf><head><docdata><doc-id id-string=\"urn:test:xml\"/></docdata></head>\
             <body><body.head><hl1>News</hl1><byline>By Ada Quill</byline></body.head><body.content><p>{text}</p></body.content></body></nitf>"
        )
    };
    let whole = nitf("", "text").into_bytes();
    let mut inputs: Vec<(&str, Vec<u8>)> = (0..20).map(|at| (XML, whole[..at * whole.len() / 20].to_vec())).collect();
    for at in 0..20 {
        let mut broken = whole.clone();
        let place = at * whole.len() / 20;
        broken[place] = [0xff, b'<', b'&', 0x00][at % 4];
        inputs.push((XML, broken));
    }
    let entity = |at: usize| format!("<!ENTITY a{at} \"{}\">", format!("&a{};", at - 1).repeat(10));
    let laughs: String = (1..20).map(entity).collect();
    let attributes: String = (0..100_000).map(|at| format!(" a{at}=\"\"")).collect();
    let hells = [
        nitf(&format!("<!DOCTYPE nitf [<!ENTITY a0 \"ha\">{laughs}]>"), "&a19;"),
        nitf("<!DOCTYPE nitf [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", "&x;"),
        nitf("", &"<em>".repeat(100_000)),
        nitf("", &"<br/>".repeat(500_000)),
        nitf("", &format!("<em{attributes}/>")),
        nitf("", &"<ul><li>".repeat(10_000)),
        "<rss/>".to_owned(),
        "<newsMessage><itemSet/></newsMessage>".to_owned(),
    ];
    inputs.extend(hells.into_iter().map(|document| (XML, document.into_bytes())));
    inputs
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_malformed_inputs_stop_nobody() {
    let partner = sink(SinkOptions::default()).await;
    let partners = [Partner { id: "xml", format: "nitf", url: url(&partner), more: "" }];
    let mut scene = Scene::new(&partners, "", "");
    scene.start().await;
    let inputs = inputs();
    assert!(inputs.len() >= 200, "only {} inputs", inputs.len());
    let mut accepted = 0;
    for (content_type, body) in &inputs {
        let (status, answer) = scene.post(content_type, body).await;
        match status {
            202 | 200 => accepted += 1,
            400 | 409 | 413 | 415 | 422 => {
                let detail = answer["detail"].as_str().unwrap_or_default();
                assert!(detail.len() > 10, "status {status} without a reason: {answer}");
            }
            _ => panic!("status {status} for {content_type}: {answer}"),
        }
    }
    // 50 MB, which is beyond the limit: by HTTP it is refused, by the spool it is rejected.
    let huge = vec![b'x'; 50 << 20];
    let (status, _) = scene.post("application/json", &huge).await;
    assert_eq!(status, 413);
    let spool = scene.dir.path().join("spool");
    std::fs::write(spool.join("huge.json"), &huge).expect("a file can be written");
    std::fs::rename(spool.join("huge.json"), spool.join("incoming/huge.json")).expect("a file can be moved");
    std::fs::write(spool.join("bad.json"), b"{").expect("a file can be written");
    std::fs::rename(spool.join("bad.json"), spool.join("incoming/bad.json")).expect("a file can be moved");
    until(Duration::from_secs(20), "both are rejected with their reasons", async || {
        ["huge.json", "huge.json.reason", "bad.json", "bad.json.reason"]
            .iter()
            .all(|name| spool.join("rejected").join(name).exists())
    })
    .await;

    // What comes next is delivered as ever.
    let (status, _) = scene.post("application/json", &article("after", 1, "publish")).await;
    assert_eq!(status, 202);
    until(Duration::from_secs(20), "a good article arrives afterwards", async || {
        partner.stories().contains_key("urn:test:after")
    })
    .await;
    assert!(!scene.log().contains("panicked"), "something panicked");
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let kept = reader.quarantine(true).expect("quarantine can be listed");
    println!("{} inputs: {accepted} were articles after all, {} entries in quarantine", inputs.len(), kept.len());
    assert!(kept.len() >= 100, "only {} entries: bad input was not kept", kept.len());
    let counts = reader.counts().expect("the ledger can be counted");
    assert!(counts.iter().all(|(state, _)| state != "refused"), "a document could not be proved: {counts:?}");
    assert_eq!(scene.terminate().await, Some(0));
}
