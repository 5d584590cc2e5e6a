//! The ninjs family against the official schemas, and against what Superdesk's receivers take.

use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::article::decode;
use crate::config::{Element, MediaUse, Wire};

const IPTC: [(&str, Format); 4] = [
    ("ninjs-1.3", Format::Ninjs13),
    ("ninjs-1.6", Format::Ninjs16),
    ("ninjs-2.2", Format::Ninjs22),
    ("ninjs-3.1", Format::Ninjs31),
];

/// The documents of `articles`, all of them.
fn rendered(articles: &[Article], wire: &Wire, format: Format) -> Vec<String> {
    let (policies, edition) = (own(wire.clone()), Edition::plain(format));
    let document = |article| {
        let rendition = rendition(article, &policies, &edition);
        let rendition = rendition.unwrap_or_else(|flaw| panic!("{format:?}: {flaw}\n{article:?}"));
        String::from_utf8(rendition.document.bytes().to_vec()).unwrap()
    };
    articles.iter().map(document).collect()
}

/// Wires that ask for much and for nothing, and whose words are odd.
pub fn wires() -> [Wire; 3] {
    let mut bare = wire();
    bare.require.clear();
    (bare.url, bare.contact, bare.licence, bare.logo) = (None, None, None, None);
    let mut odd = wire();
    odd.third_party_media = MediaUse::Credit;
    odd.contact = Some("+1 207 555 0100".into());
    odd.url = Some("harborpress.example".into());
    if let Some(licence) = &mut odd.licence {
        licence.url = Some("see the contract".into());
        licence.line = "Keep it ]]> \"whole\" & <b>credited</b>.\n‏שלום 👩\u{200d}🚒".into();
    }
    [wire(), bare, odd]
}

#[test]
fn generated_articles_are_valid() {
    for (kind, format) in IPTC {
        let thirds = generated::sample().chunks(100).zip(wires());
        let documents: Vec<String> = thirds.flat_map(|(articles, wire)| rendered(articles, &wire, format)).collect();
        assert_eq!(documents.len(), 300);
        schemas::assert_valid(kind, &documents);
        for document in &documents {
            assert_formats("", &serde_json::from_str(document).unwrap(), document);
        }
    }
}

/// Asserts the formats of values that the schemas name and the validator does not look at: URIs and times.
fn assert_formats(name: &str, value: &Value, document: &str) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| assert_formats(name, value, document)),
        Value::Array(values) => values.iter().for_each(|value| assert_formats(name, value, document)),
        Value::String(text) => match name.to_ascii_lowercase().as_str() {
            "uri" | "href" | "scheme" | "schema" | "linkedrights" => {
                assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{name} {text:?} in {document}");
                assert!(url::Url::parse(text).is_ok(), "{name} {text:?} in {document}");
            }
            "firstcreated" | "versioncreated" | "embargoed" | "embargoeduntil" | "expires" => {
                assert!(text.ends_with('Z') && text.parse::<Timestamp>().is_ok(), "{name} {text:?} in {document}");
            }
            _ => {}
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
#[ignore = "takes minutes: ten thousand articles in every format"]
fn ten_thousand_generated_articles_are_valid() {
    let articles = generated::many(10_000);
    for (at, articles) in articles.chunks(1000).enumerate() {
        let wire = &wires()[at % 3];
        for (kind, format) in IPTC {
            schemas::assert_valid(kind, &rendered(articles, wire, format));
        }
        rendered(articles, wire, Format::SuperdeskNinjs).iter().for_each(|document| assert_taken(document));
        for format in ninjs_return::FORMATS {
            articles.iter().for_each(|article| ninjs_return::assert_returns(article, wire, format));
        }
    }
}

#[test]
fn other_peoples_articles_are_valid() {
    let Some(folder) = crate::article::samples::folder() else { return };
    let mut files: Vec<PathBuf> = ["", "ninjs", "formats"]
        .iter()
        .flat_map(|folder_of| std::fs::read_dir(folder.join(folder_of)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| !path.ends_with("wordpress-post.json"))
        .collect();
    files.sort();
    let articles: Vec<Article> = files
        .iter()
        .map(|file| {
            let article = decode(&std::fs::read(file).unwrap(), None, &WireId::new("hpnf"));
            article.unwrap_or_else(|why| panic!("{}: {why}", file.display()))
        })
        .collect();
    assert!(articles.len() >= 24, "{files:?}");
    // Some name no reporter.
    let mut lenient = wire();
    lenient.require.retain(|element| !matches!(element, Element::Byline | Element::Affiliation));
    for (kind, format) in IPTC {
        schemas::assert_valid(kind, &rendered(&articles, &lenient, format));
    }
    rendered(&articles, &lenient, Format::SuperdeskNinjs).iter().for_each(|document| assert_taken(document));
}

#[test]
fn superdesks_receivers_take_generated_articles() {
    for (articles, wire) in generated::sample().chunks(100).zip(wires()) {
        rendered(articles, &wire, Format::SuperdeskNinjs).iter().for_each(|document| assert_taken(document));
    }
}

/// Asserts what the code of Newsroom's `/push`, of the content API behind it and of the plugin for WordPress wants of a
/// document.
fn assert_taken(document: &str) {
    let item: Value = serde_json::from_str(document).unwrap();
    let said = |name: &str| item[name].as_str().unwrap_or_else(|| panic!("there is no {name} in {document}"));
    assert_eq!(said("type"), "text");
    assert!(!said("guid").is_empty() && item.get("uri").is_none(), "{document}");
    assert!(said("version").parse::<u64>().is_ok(), "{document}");
    assert!(matches!(said("pubstatus"), "usable" | "canceled"), "{document}");
    assert!(said("body_html").starts_with('<'), "{document}");
    assert!(!said("headline").is_empty() && !said("source").is_empty());
    assert!(
        (1..=9).contains(&item["urgency"].as_u64().unwrap()) && (1..=6).contains(&item["priority"].as_u64().unwrap())
    );
    assert_eq!(item["description_html"].is_null(), item["description_text"].is_null());
    for name in ["description_html", "description_text", "byline", "located", "ednote", "slugline", "language"] {
        assert!(item[name].is_null() || item[name].is_string(), "{name} in {document}");
    }
    assert!(item["description_html"].as_str().is_none_or(|html| html.starts_with("<p>")), "{document}");
    assert!(
        item["byline"].as_str().is_none_or(|byline| !byline.starts_with("By ")),
        "the receiver says it: {document}"
    );
    for name in ["firstcreated", "versioncreated", "firstpublished", "embargoed"] {
        if let Some(time) = item.get(name) {
            assert_is_superdesks_time(time.as_str().unwrap());
        }
    }
    for name in ["subject", "genre", "place", "service", "authors", "keywords", "signal"] {
        let list = item.get(name).map(|list| list.as_array().unwrap()).into_iter().flatten();
        for member in list {
            assert!(if name == "keywords" { member.is_string() } else { member.is_object() }, "{name} in {document}");
        }
    }
    let associations = item.get("associations").map(|map| map.as_object().unwrap()).into_iter().flatten();
    for (name, asset) in associations {
        assert!(!asset["guid"].as_str().unwrap().is_empty(), "{name} in {document}");
        assert!(["picture", "graphic", "video", "audio"].contains(&asset["type"].as_str().unwrap()), "{document}");
        let files = asset.get("renditions").map(|map| map.as_object().unwrap());
        assert!(files.is_none_or(|files| files.contains_key("original")), "{name} in {document}");
        for (name, file) in files.into_iter().flatten() {
            assert!(
                !["viewImage", "baseImage", "4-3"].contains(&name.as_str()),
                "there is no binary of it: {document}"
            );
            assert!(file["href"].as_str().unwrap().starts_with("http") && file.get("media").is_none(), "{document}");
        }
    }
    assert_no_null(&item, document);
}

/// `2026-11-24T12:00:00+0000`, as Newsroom's `strptime` has it.
fn assert_is_superdesks_time(time: &str) {
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert!(shape == "9999-99-99T99:99:99+9999" && time.ends_with("+0000"), "{time}");
}

fn assert_no_null(value: &Value, document: &str) {
    match value {
        Value::Null => panic!("there is a null in {document}"),
        Value::Array(values) => values.iter().for_each(|value| assert_no_null(value, document)),
        Value::Object(map) => map.values().for_each(|value| assert_no_null(value, document)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn superdesks_times_are_whole_seconds_and_an_embargo_ends_no_earlier() {
    let document = |embargo: &str| -> Value {
        let time = |text: &str| text.parse().ok();
        let article = Article {
            created: time("2026-11-24T10:15:00.999Z"),
            embargo: time(embargo),
            expires: time("2026-12-24T12:00:00.5Z"),
            ..article()
        };
        serde_json::from_str(&text(&article, Format::SuperdeskNinjs)).unwrap()
    };
    let embargoed = document("2026-11-24T12:00:00.000000001Z");
    assert_eq!(embargoed["firstcreated"], "2026-11-24T10:15:00+0000");
    assert_eq!(embargoed["embargoed"], "2026-11-24T12:00:01+0000");
    assert_eq!(embargoed["firstpublished"], "2026-11-24T12:00:01+0000");
    assert_eq!(embargoed["extra"]["expires"], "2026-12-24T12:00:00+0000");
    assert_eq!(document("2026-11-24T12:00:00Z")["embargoed"], "2026-11-24T12:00:00+0000");
}

#[test]
fn files_are_named_as_newsroom_can_bear() {
    let mut article = article();
    let file = article.media[0].renditions[0].clone();
    let named = |name: &str, width| {
        let href = format!("https://cdn.harborpress.example/{width}.jpg");
        crate::article::MediaRendition { name: name.into(), href, width: Some(width), ..file.clone() }
    };
    article.media[0].renditions =
        vec![named("viewImage", 640), named("4-3", 800), named("original", 200), named("baseImage", 1600)];
    let document: Value = serde_json::from_str(&text(&article, Format::SuperdeskNinjs)).unwrap();
    let files = document["associations"]["featuremedia"]["renditions"].as_object().unwrap();
    let files: Vec<_> = files.iter().map(|(name, file)| format!("{name} {}", file["width"])).collect();
    assert_eq!(files, ["4_3 800", "original 1600", "original_2 200", "viewImage_2 640"]);
}

/// A withdrawal names the story, has its own version, and says why to editors.
#[test]
fn a_withdrawal_is_one_in_the_formats_own_terms() {
    for (format, name, status, note) in [
        (Format::Ninjs13, "uri", "pubstatus", "ednote"),
        (Format::Ninjs16, "uri", "pubstatus", "ednote"),
        (Format::Ninjs22, "uri", "pubstatus", "ednote"),
        (Format::Ninjs31, "uri", "pubStatus", "edNote"),
        (Format::SuperdeskNinjs, "guid", "pubstatus", "ednote"),
    ] {
        for (action, said, order) in [(Action::Kill, "canceled", "KILL."), (Action::Withhold, "withheld", "WITHHOLD.")]
        {
            let article = Article { action, ..killed() };
            let document: Value = serde_json::from_str(&text(&article, format)).unwrap();
            let said = if format == Format::SuperdeskNinjs { "canceled" } else { said };
            assert_eq!(document[name], article.guid.as_str(), "{format:?}");
            assert_eq!((&document["version"], &document[status]), (&"3".into(), &said.into()), "{format:?}");
            let note = document[note].as_str().unwrap();
            assert!(note.starts_with(order) && note.contains("<false> statement"), "{format:?}: {note}");
            for gone in [
                "associations",
                "embargoed",
                "embargoedUntil",
                "expires",
                "descriptions",
                "description_text",
                "headline_sub",
            ] {
                assert!(document.get(gone).is_none(), "{gone} in {format:?}");
            }
            let body = document.pointer(body_of(format).unwrap()).unwrap().as_str().unwrap();
            assert!(body.starts_with("<p>The article “") && !body.contains("attribution"), "{format:?}: {body}");
        }
    }
}

#[test]
fn a_correction_says_so_to_editors() {
    let note = |format, notice: Option<&str>, editor_note: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let article =
            Article { action: Action::Correct, notice: own(notice), editor_note: own(editor_note), ..article() };
        let document: Value = serde_json::from_str(&text(&article, format)).unwrap();
        document[if format == Format::Ninjs31 { "edNote" } else { "ednote" }].as_str().unwrap().to_owned()
    };
    for format in ninjs_return::FORMATS {
        assert_eq!(note(format, None, None), "CORRECTION.");
        assert_eq!(
            note(format, Some("Corrects the count."), Some("More follows.")),
            "Corrects the count. More follows."
        );
        assert_eq!(note(format, Some("It was 7-2."), None), "CORRECTION. It was 7-2.");
        assert_eq!(note(format, None, Some("Eds: note the name.")), "CORRECTION. Eds: note the name.");
    }
    let correction = Article { action: Action::Correct, ..article() };
    let document: Value = serde_json::from_str(&text(&correction, Format::SuperdeskNinjs)).unwrap();
    assert_eq!(document["signal"][0]["code"], "sig:correction");
}
