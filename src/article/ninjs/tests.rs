use serde_json::{Value, json};

use super::*;
use crate::article::Concept;

fn read(document: &Value) -> Result<Article, DecodeError> {
    decode(document, &WireId::new("hpnf"))
}

/// A small ninjs 1.x item with some keys set, or removed where the value is `null`.
fn item(changes: Value) -> Value {
    let mut document = json!({"uri": "urn:x:1", "headline": "H", "body_html": "<p>B</p>"});
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(key);
        } else {
            document[key] = value.clone();
        }
    }
    document
}

fn article(changes: Value) -> Article {
    read(&item(changes.clone())).unwrap_or_else(|why| panic!("{changes}: {why}"))
}

fn refused(changes: Value) -> String {
    read(&item(changes)).unwrap_err().to_string()
}

#[test]
fn the_kind_is_told_by_the_standard_or_the_names() {
    for (document, kind) in [
        (json!({"$standard": {"version": "1.3"}, "uri": "x"}), Kind::Ninjs1),
        (json!({"standard": {"version": "2.1"}, "uri": "x"}), Kind::Ninjs2),
        (json!({"standard": {"version": "3.0"}, "uri": "x", "versioncreated": ""}), Kind::Ninjs3),
        (json!({"uri": "x", "body_html": ""}), Kind::Ninjs1),
        (json!({"uri": "x", "bodies": []}), Kind::Ninjs2),
        (json!({"uri": "x", "bodies": [], "versionCreated": ""}), Kind::Ninjs3),
        (json!({"guid": "x", "body_html": ""}), Kind::Superdesk),
        (json!({"guid": "x", "uri": "y"}), Kind::Ninjs1),
    ] {
        assert_eq!(kind_of(document.as_object().unwrap()), kind, "{document}");
    }
}

#[test]
fn the_action_follows_the_status_the_signals_and_the_version() {
    for (changes, action) in [
        (json!({}), Action::Publish),
        (json!({"version": "1", "pubstatus": "usable"}), Action::Publish),
        (json!({"version": 2}), Action::Update),
        (json!({"version": "2", "pubstatus": "canceled"}), Action::Kill),
        (json!({"version": "2", "pubStatus": "Cancelled", "ednote": "CORRECTS"}), Action::Kill),
        (json!({"version": "2", "pubstatus": "withheld"}), Action::Withhold),
        (json!({"version": "2", "ednote": "Eds: CORRECTS name"}), Action::Correct),
        (json!({"version": "2", "ednote": "Editor’s note: Correction of the name"}), Action::Correct),
        (json!({"version": "1", "edNote": "CORRECT NAME"}), Action::Correct),
        (json!({"version": "2", "ednote": "Correct spelling is Lindqvist"}), Action::Update),
        (json!({"version": "2", "ednote": "UPDATES; corrects nothing"}), Action::Update),
        (json!({"version": "2", "signals": [{"uri": "sig:correction"}]}), Action::Correct),
        (
            json!({"version": "2", "signal": {"code": "http://cv.iptc.org/newscodes/signal/correction"}}),
            Action::Correct,
        ),
        (json!({"version": "2", "signals": [{"code": "sig:update"}]}), Action::Update),
        (json!({"version": "2", "associations": [{"rel": "corrects", "name": "old"}]}), Action::Correct),
    ] {
        assert_eq!(article(changes.clone()).action, action, "{changes}");
    }
}

#[test]
fn a_version_is_a_number_however_it_is_written() {
    for (version, number) in
        [(json!("7"), 7), (json!(7), 7), (json!(7.0), 7), (json!(" v7 "), 7), (json!("007"), 7), (json!(""), 1)]
    {
        assert_eq!(article(json!({"version": version})).version.get(), number, "{version}");
    }
    for version in
        [json!("2026-11-24T12:00:00Z"), json!("1.2"), json!(-1), json!("0"), json!("final"), json!([1]), json!(1e300)]
    {
        let said = refused(json!({"version": version}));
        assert!(said.starts_with("version: "), "{said}");
    }
    insta::assert_snapshot!(
        refused(json!({"version": "1.2"})),
        @r#"version: the version "1.2" is not a whole number; a version is a whole number that grows with every change of the story (read as ninjs 1.x)"#
    );
}

#[test]
fn a_kill_without_a_version_is_no_repeat_of_the_story() {
    insta::assert_snapshot!(
        refused(json!({"pubstatus": "canceled"})),
        @"version: is missing; to kill a story takes a version above the one that is out (read as ninjs 1.x)"
    );
}

#[test]
fn a_kill_needs_neither_text_nor_headline() {
    let kill = article(
        json!({"version": "2", "pubstatus": "canceled", "headline": null, "body_html": null, "ednote": "Wrong."}),
    );
    assert_eq!((kill.headline.as_str(), kill.editor_note.as_deref()), ("urn:x:1", Some("Wrong.")));
    assert_eq!(kill.notice, None, "what editors are told is not for readers");
}

#[test]
fn a_kill_is_taken_whatever_else_is_wrong_with_it() {
    let kill = article(json!({
        "version": "2", "pubstatus": "canceled", "headline": "Wrong story", "urgency": "high",
        "embargoed": "2026-11-24 12:00", "associations": 1, "ednote": "Wrong.",
    }));
    assert_eq!((kill.action, kill.headline.as_str()), (Action::Kill, "Wrong story"));
}

#[test]
fn a_list_without_end_is_refused() {
    let many = vec![json!({"name": "a"}); 2000];
    assert_eq!(
        refused(json!({"headline": "H", "body_text": "B", "subject": many})),
        "subject: has 2000 members; at most 1000 are taken (read as ninjs 1.x)"
    );
}

#[test]
fn the_featured_picture_comes_first_and_its_largest_file_too() {
    let picture = |href: &str| {
        json!({"type": "picture", "renditions": {
            "16-9": {"href": format!("{href}?crop"), "width": 640, "height": 360},
            "original": {"href": href, "width": 4000, "height": 3000},
        }})
    };
    let story = article(json!({"headline": "H", "body_text": "B", "associations": {
        "editor_0": picture("https://x.example/second.jpg"),
        "featuremedia": picture("https://x.example/first.jpg"),
        "gallery": {"type": "composite", "associations": {"a": picture("https://x.example/third.jpg")}},
        "logo": picture("https://x.example/fourth.jpg"),
    }}));
    let files: Vec<&str> = story.media.iter().map(|asset| asset.renditions[0].href.as_str()).collect();
    assert_eq!(files, ["first", "second", "third", "fourth"].map(|name| format!("https://x.example/{name}.jpg")));
}

#[test]
fn associations_by_key_come_as_their_numbers_say() {
    let mut associations = serde_json::Map::new();
    for number in 1..=11 {
        let asset = json!({"type": "picture", "uri": format!("urn:x:{number}")});
        associations.insert(format!("editor_{number}"), asset);
    }
    let uris = |story: Article| story.media.into_iter().filter_map(|asset| asset.uri).collect::<Vec<_>>();
    let in_order: Vec<_> = (1..=11).map(|number| format!("urn:x:{number}")).collect();
    assert_eq!(uris(article(json!({"associations": associations}))), in_order);
    // A list has an order of its own.
    let list =
        [2, 10, 1].map(|number| json!({"type": "picture", "name": number.to_string(), "uri": format!("urn:{number}")}));
    assert_eq!(uris(article(json!({"associations": list}))), ["urn:2", "urn:10", "urn:1"]);
    // A number without end is a name like any other.
    let endless = json!({"type": "picture", "uri": "urn:x:1"});
    article(json!({"associations": {("9".repeat(100)): endless}}));
}

#[test]
fn a_line_that_begins_with_a_bracket_is_no_markup() {
    let headline = |headline: &str| article(json!({"headline": headline})).headline;
    for markup in ["<p>Fares rise</p>", " <STRONG class='a'>Fares</STRONG> rise", "<br/>Fares rise"] {
        assert_eq!(headline(markup), "Fares rise");
    }
    for text in ["<3 for ferries > cars", "</p> council", "<script> is a tag", "<Sons> and daughters", "<p", "<!-- -->"]
    {
        assert_eq!(headline(text), text);
    }
    let summary = |key: &str, value: &str| article(json!({(key): value})).summary;
    assert_eq!(summary("description_text", "<p>Fares rise</p>").as_deref(), Some("Fares rise"));
    assert_eq!(summary("description_text", "<script>x</script>").as_deref(), Some("<script>x</script>"));
    // A body begins with what an editor's software puts there.
    let body =
        article(json!({"body_html": null, "bodies": [{"value": "<!-- wp:paragraph --><p>Fares rise</p>"}]})).body;
    assert_eq!(body.text(), "Fares rise");
}

#[test]
fn a_terms_literal_parts_its_uri() {
    let subjects = |terms: Value| {
        let parts = |concept: Concept| [concept.scheme, concept.code].map(Option::unwrap_or_default).join(" ");
        article(json!({"subjects": terms})).subjects.into_iter().map(parts).collect::<Vec<_>>()
    };
    assert_eq!(
        subjects(json!([
            {"uri": "http://cv.iptc.org/newscodes/mediatopic/11000000", "literal": "11000000"},
            {"uri": "https://x.example/topics/ferries%20%26%20boats", "literal": "ferries & boats"},
            {"uri": "https://x.example/topics/a%2Fb", "literal": "a/b"},
            {"uri": "urn:x:topic:ferries", "literal": "ferries"},
            {"uri": "https://x.example/topics/11", "literal": "1"},
            {"uri": "https://x.example/topics/11", "literal": "eleven"},
            {"uri": "https://x.example/topics/%ff", "literal": "eleven"},
        ])),
        [
            "medtop 11000000",
            "https://x.example/topics/ ferries & boats",
            "https://x.example/topics/ a/b",
            "urn:x:topic: ferries",
            "https://x.example/topics/ 11",
            "https://x.example/topics/ 11",
            "https://x.example/topics/ %ff",
        ]
    );
}

#[test]
fn an_author_is_named_by_a_uri_and_by_no_mere_number() {
    let uri = |person: Value| {
        let story = article(json!({"person": [person]}));
        story.authors.into_iter().next().unwrap().uri
    };
    for code in ["https://x.example/ada", "urn:x:ada", "tag:x.example,2026:ada", "mailto:ada@x.example"] {
        assert_eq!(uri(json!({"name": "Ada", "rel": "author", "code": code})).as_deref(), Some(code));
    }
    for code in ["77", "p:1002", "ada@x.example"] {
        assert_eq!(uri(json!({"name": "Ada", "rel": "author", "code": code})), None, "{code}");
    }
}

#[test]
fn urgency_is_moved_onto_the_scale() {
    for (urgency, step) in [
        (json!(null), 5),
        (json!(0), 5),
        (json!(1), 1),
        (json!(3.9), 3),
        (json!("4"), 4),
        (json!(9), 9),
        (json!(40), 9),
        (json!(""), 5),
    ] {
        assert_eq!(article(json!({"urgency": urgency})).urgency.get(), step, "{urgency}");
    }
    assert!(refused(json!({"urgency": "high"})).starts_with("urgency: is not a number"));
}

#[test]
fn times_that_decide_are_understood_or_refused() {
    let embargoed = article(json!({"embargoed": "2026-11-24T12:00:00+0100", "versioncreated": "yesterday"}));
    assert_eq!(embargoed.embargo, "2026-11-24T11:00:00Z".parse().ok());
    assert_eq!(embargoed.versioned, None);
    insta::assert_snapshot!(
        refused(json!({"embargoed": "2026-11-24 12:00"})),
        @r#"embargoed: "2026-11-24 12:00" is not a time with a zone; write it as RFC 3339 does: "2026-11-24T12:00:00Z" (read as ninjs 1.x)"#
    );
    assert!(refused(json!({"embargoedUntil": "noon"})).starts_with("embargoedUntil: "));
    assert!(refused(json!({"expires": "never"})).starts_with("expires: "));
    assert!(refused(json!({"embargoed": 5})).starts_with("embargoed: is a number, not a text"));
    assert!(refused(json!({"pubstatus": "embargoed"})).starts_with("pubstatus: is \"embargoed\", but no time"));
    assert!(refused(json!({"pubStatus": "gone"})).starts_with("pubStatus: unknown status \"gone\""));
}

#[test]
fn the_text_is_the_best_that_there_is() {
    let text = |changes: Value| article(changes).body.text();
    assert_eq!(text(json!({"body_text": "plain", "body_html": "<p>rich"})), "rich");
    assert_eq!(text(json!({"body_text": "plain", "body_html": "<p> "})), "plain");
    assert_eq!(text(json!({"body_html": null, "body_richtext": "rich", "body_main": "plain"})), "rich");
    assert_eq!(text(json!({"body_html": null, "body_main": "a\n\nb"})), "a\nb");
    assert_eq!(text(json!({"body_html": null, "description_text": "short"})), "short");
    let bodies = |bodies: Value| text(json!({"body_html": null, "bodies": bodies}));
    assert_eq!(
        bodies(json!([{"role": "main", "value": "a"}, {"role": "x", "contentType": "text/html", "value": "b"}])),
        "b"
    );
    assert_eq!(
        bodies(json!([
            {"role": "teaser", "contenttype": "text/html", "value": "a"},
            {"role": "main", "contenttype": "application/xhtml+xml", "value": "b"},
            {"role": "main", "contenttype": "application/xml", "value": "<x>c</x>"}
        ])),
        "b"
    );
    assert!(refused(json!({"body_html": null})).starts_with("body_html: holds no text"));
    assert!(
        refused(json!({"body_html": null, "descriptions": [{"role": "caption", "value": "x"}]}))
            .contains("holds no text")
    );
}

#[test]
fn the_headline_may_be_a_title_or_a_slugline() {
    let headline = |changes: Value| article(changes).headline;
    assert_eq!(headline(json!({"headline": null, "headline_main": "M", "headline_sub": "S"})), "M");
    assert_eq!(
        headline(json!({"headline": null, "headlines": [{"role": "subhead", "value": "S"}, {"value": "M"}]})),
        "M"
    );
    assert_eq!(headline(json!({"headline": "", "title": "T"})), "T");
    assert_eq!(headline(json!({"headline": null, "slugline": "SLUG"})), "SLUG");
    assert!(refused(json!({"headline": null})).starts_with("headline: is missing"));
}

#[test]
fn only_stories_are_taken() {
    for kind in ["picture", "video", "event"] {
        assert!(refused(json!({"type": kind})).starts_with("type: "), "{kind}");
    }
    for kind in [json!("text"), json!("composite"), json!(null)] {
        article(json!({"type": kind}));
    }
}

#[test]
fn superdesks_own_fields() {
    let story = read(&json!({
        "guid": "urn:x:1", "headline": "H", "body_html": "<p>B</p>", "type": "text",
        "extra": {
            "subheadline": "Sub", "canonical_url": "https://x.org/story", "expires": "2026-12-24T12:00:00+0000",
            "shoesize": 43
        },
        "keywords": ["ferry", null], "service": [{"code": "n", "name": "National"}], "located": null,
        "authors": [
            {"name": "Ada Quill", "role": "writer", "jobtitle": {"qcode": "1", "name": "Transport Reporter"}},
            {"name": "Lena Ortiz", "role": "photographer"}
        ],
        "associations": {"editor_0": null, "featuremedia": {
            "guid": "urn:x:i", "type": "picture", "description_text": "Caption", "body_text": "Alt",
            "renditions": {"original": {"media": "abc"}, "viewImage": {"href": "https://x.org/i"}}
        }, "related": {"guid": "urn:x:2", "type": "text", "headline": "Other"}}
    }))
    .unwrap();
    assert_eq!(story.subheadline.as_deref(), Some("Sub"));
    assert_eq!(story.canonical.as_deref(), Some("https://x.org/story"));
    assert_eq!(story.expires, "2026-12-24T12:00:00Z".parse().ok());
    assert_eq!(story.keywords, ["ferry"]);
    assert_eq!(story.sections, ["National"]);
    assert_eq!(story.authors.len(), 1);
    assert_eq!(story.authors[0].role.as_deref(), Some("Transport Reporter"));
    assert_eq!(story.media.len(), 1);
    let photo = &story.media[0];
    assert_eq!((photo.caption.as_deref(), photo.alt.as_deref()), (Some("Caption"), Some("Alt")));
    assert_eq!(photo.renditions.len(), 1);
    let other = json!({"guid": "urn:x:1", "headline": "H", "body_html": "<p>B</p>", "extra": {"expires": "soon"}});
    assert_eq!(read(&other).unwrap().expires, None, "what a newsroom's own field means is its own affair");
    let said = read(&json!({"guid": "20261124", "headline": "H"})).unwrap_err().to_string();
    assert!(said.starts_with("guid: the guid \"20261124\" is not a URI"), "{said}");
}

#[test]
fn a_refusal_names_the_place() {
    assert!(refused(json!({"uri": null, "x": 1})).starts_with("uri: is missing"));
    assert!(refused(json!({"headline": ["a"]})).starts_with("headline: is a list, not a text"));
    assert!(refused(json!({"subject": [{"name": "a"}, {"name": 1}]})).starts_with("subject[1].name: is a number"));
    assert!(refused(json!({"associations": {"a": 1}})).starts_with("associations.a: is a number, not an object"));
    assert!(
        refused(json!({"associations": {"a": {"type": "picture", "renditions": {"b": {"href": 1}}}}}))
            .starts_with("associations.a.renditions.b.href: is a number")
    );
    assert!(refused(json!({"newswired": 1})).contains("application/vnd.newswired.article+json"));
}

proptest::proptest! {
    #[test]
    fn whatever_stands_in_the_fields_nothing_panics(pairs in proptest::collection::vec((0..FIELDS.len(), value()), 0..8)) {
        let mut document = item(json!({}));
        for (field, value) in pairs {
            document[FIELDS[field]] = value;
        }
        let _ = read(&document);
    }
}

const FIELDS: [&str; 16] = [
    "uri",
    "guid",
    "version",
    "pubstatus",
    "urgency",
    "embargoed",
    "headline",
    "headlines",
    "bodies",
    "subject",
    "associations",
    "renditions",
    "signals",
    "person",
    "ednote",
    "standard",
];

fn value() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z:/.<>0-9é]{0,12}".prop_map(Value::from),
    ];
    let key = proptest::sample::select(vec![
        "name",
        "value",
        "role",
        "rel",
        "type",
        "href",
        "uri",
        "code",
        "renditions",
        "version",
    ]);
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}
