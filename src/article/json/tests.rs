use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    json!({"newswired": 1, "guid": "urn:newsml:example.org:1", "headline": "Ferry back", "body_text": "It sails.\n\nDaily."})
}

/// The document with some keys set, or removed where the value is `null`.
fn with(changes: Value) -> Value {
    let mut document = minimal();
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(key);
        } else {
            document[key] = value.clone();
        }
    }
    document
}

fn read(document: &Value) -> Result<Article, DecodeError> {
    decode(&document.to_string(), &WireId::new("hpnf"))
}

/// What the sender is told, without the place in the text.
fn refused(changes: Value) -> String {
    let said = read(&with(changes)).unwrap_err().to_string();
    let said = said.replace(" (read as newswired article)", "");
    said.split(" (line ").next().unwrap().to_owned()
}

#[test]
fn a_minimal_document_gets_the_defaults() {
    let article = read(&minimal()).unwrap();
    assert_eq!(article.wire.as_str(), "hpnf");
    assert_eq!((article.version, article.action, article.urgency), (Version::FIRST, Action::Publish, Urgency::NORMAL));
    assert_eq!(article.body.text(), "It sails.\nDaily.");
}

#[test]
fn a_full_document_is_taken_whole() {
    let document = r##"{
        "wire": "photo_desk-2", "version": 3, "action": "correct", "urgency": 2, "language": "en-US",
        "slugline": "US-FERRY", "subheadline": "Sub", "summary": "Sum\nmary", "byline": "By A. Quill",
        "authors": [{"name": "Ada\u0000 Quill", "role": "Reporter", "affiliation": "Bay Times", "uri": "https://x.org/77"}],
        "dateline": "PORT AREN, Maine", "body_html": "<p>It <b>sails</b>.</p>",
        "subjects": [{"code": "11000000", "scheme": "medtop", "name": "politics"}], "genres": [{"name": "Current"}],
        "places": [{"code": "port-aren"}], "sections": ["local"], "keywords": ["ferry", " "], "editor_note": "Eds:\r\nnote",
        "notice": "The vote was 7-2.", "created": "2026-11-24T10:15:00Z", "versioned": "2026-11-24T12:10:00+01:00",
        "embargo": "2026-11-24T12:00:00Z", "expires": "2026-12-24T12:00:00Z",
        "rights_until": "2027-02-22T12:00:00Z", "canonical_url": "https://x.org/ferry",
        "copyright_holder": "HPNF", "copyright_notice": "© HPNF", "usage_terms": "Free.",
        "media": [{"uri": "urn:x:img", "kind": "picture", "headline": "H", "caption": "C", "alt": "A", "credit": "L. Ortiz",
            "holder": "Bay Pictures", "copyright_notice": "© B", "usage_terms": "Ask.",
            "renditions": [{"name": "main", "href": "https://x.org/i.jpg", "mime": "image/jpeg", "width": 16, "height": 9}]}]
    }"##;
    let mut changes: Value = serde_json::from_str(document).unwrap();
    changes["body_text"] = Value::Null;
    let article = read(&with(changes)).unwrap();
    insta::assert_snapshot!("full", serde_json::to_string_pretty(&article).unwrap());
}

#[test]
fn a_misspelt_key_is_named_with_the_right_one() {
    insta::assert_snapshot!(refused(json!({"headlne": "x"})), @r#"headlne: unknown key "headlne"; did you mean "headline"?"#);
    insta::assert_snapshot!(refused(json!({"xyzzy": "x"})), @r#"xyzzy: unknown key "xyzzy""#);
    insta::assert_snapshot!(
        refused(json!({"authors": [{"name": "A"}, {"name": "B", "rôle": "x"}]})),
        @r#"authors[1].rôle: unknown key "rôle"; did you mean "role"?"#
    );
    insta::assert_snapshot!(
        refused(json!({"media": [{"kind": "pictur"}]})),
        @r#"media[0].kind: unknown value "pictur"; use one of picture, graphic, video, audio; did you mean "picture"?"#
    );
    insta::assert_snapshot!(refused(json!({"`": 1})), @r#"`: unknown key "`""#);
    assert!(refused(json!({"x".repeat(1_000_000): 1})).len() < 2_000);
}

#[test]
fn wrong_values_are_told_with_their_place() {
    for (changes, said) in [
        (json!({"newswired": 2}), "newswired: version 2 of this format is not known; write 1"),
        (json!({"newswired": null}), "newswired: is missing; it has to be given"),
        (json!({"guid": null}), "guid: is missing; it has to be given"),
        (json!({"guid": "a b"}), "guid: the guid \"a b\" is not a URI: it contains ' '; percent-encode it"),
        (json!({"version": 0}), "version: the version 0 is not between 1 and 9223372036854775807"),
        (json!({"urgency": 10}), "urgency: the urgency 10 is not between 1 (flash) and 9"),
        (
            json!({"action": "kil"}),
            "action: unknown value \"kil\"; use one of publish, update, correct, kill, withhold; did you mean \"kill\"?",
        ),
        (json!({"headline": null}), "headline: is missing; a story to publish needs one"),
        (json!({"headline": " \u{1} "}), "headline: is missing; a story to publish needs one"),
        (json!({"body_text": null}), "body_html: is missing; give the text as body_html or body_text"),
        (json!({"body_html": "<p>x"}), "body_text: stands beside body_html; give one of the two"),
        (
            json!({"body_text": null, "body_html": "<p>&nbsp;<img src=https://x.org/i>"}),
            "body_html: holds no text; a story to publish needs some",
        ),
        (
            json!({"action": "update"}),
            "version: is missing; to update a story takes a version above the one it replaces",
        ),
        (json!({"action": "kill"}), "version: is missing; to kill a story takes a version above the one it replaces"),
        (json!({"authors": [{"name": "A"}, {"role": "x"}]}), "authors[1].name: is missing; it has to be given"),
        (
            json!({"authors": [{"name": ""}]}),
            "authors[0].name: is empty; give the author's name, or leave the author out",
        ),
        (json!({"subjects": [{"scheme": "medtop"}]}), "subjects[0]: has neither a code nor a name; give one of them"),
        (
            json!({"wire": "Main Wire"}),
            "wire: \"Main Wire\" is no wire's id; an id has lower-case letters, digits, - and _ only",
        ),
        (
            json!({"language": "English, US"}),
            "language: \"English, US\" is no language tag; write one as BCP 47 does, such as \"en-US\"",
        ),
        (json!({"canonical_url": "/a"}), "canonical_url: \"/a\" is not an http or https address; write it in full"),
        (
            json!({"media": [{"kind": "video", "renditions": [{"name": "a", "href": "ftp://x"}]}]}),
            "media[0].renditions[0].href: \"ftp://x\" is not an http or https address; write it in full",
        ),
        (json!({"headline": 5}), "headline: invalid type: integer `5`, expected a string"),
    ] {
        assert_eq!(refused(changes.clone()), said, "{changes}");
    }
    let said = refused(json!({"embargo": "tomorrow"}));
    assert!(said.starts_with("embargo: "), "{said}");
}

#[test]
fn a_refusal_says_where_in_the_text() {
    let said = decode("{\n  \"newswired\": 1,\n  \"gid\": 1\n}", &WireId::new("w")).unwrap_err().to_string();
    insta::assert_snapshot!(said, @r#"gid: unknown key "gid"; did you mean "guid"? (line 3, column 7) (read as newswired article)"#);
}

#[test]
fn a_story_that_comes_down_needs_no_text() {
    for action in ["kill", "withhold"] {
        let document = with(json!({"action": action, "version": 2, "headline": null, "body_text": null}));
        let article = read(&document).unwrap();
        assert_eq!(article.headline, "urn:newsml:example.org:1");
        assert!(article.action.withdraws() && article.body.blocks.is_empty());
    }
}

#[test]
fn the_schema_says_what_every_field_means() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["title"], "newswired article, version 1");
    assert!(schema.get("$id").is_none());
    assert_eq!(schema["required"], json!(["newswired", "guid"]));
    let objects = std::iter::once(&schema).chain(schema["$defs"].as_object().unwrap().values());
    for object in objects {
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            assert!(field.get("description").is_some(), "{name} has no description");
        }
    }
}
