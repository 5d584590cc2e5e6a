//! What this module promises of every format at once.

mod bodies;
mod corruption;
mod dialects;
mod documented;
mod enclosed;
mod extract;
mod generated;
mod mutations;
mod ninjs;
mod ninjs_mapping;
mod ninjs_return;
mod nitf_round_trip;
mod owed;
mod pages;
mod plain;
mod schemas;
mod story_page;
mod wires;

use std::sync::Arc;

use super::*;
use crate::article::WireId;
use crate::article::body::Image;
use crate::attribution::sample::{article, own, paragraph, picture, wire};
use crate::config::{MediaUse, Wire};

/// The document of `article` under the terms of `wire`.
fn rendered(article: &Article, wire: Wire, format: Format) -> Result<Rendition, Flaw> {
    rendition(article, &own(wire), &Edition::plain(format))
}

fn text(article: &Article, format: Format) -> String {
    let proved = rendered(article, wire(), format).unwrap().document;
    String::from_utf8(proved.bytes().to_vec()).unwrap()
}

/// Where a format that is JSON has the text that readers see.
fn body_of(format: Format) -> Option<&'static str> {
    match format {
        Format::Json | Format::Ninjs13 | Format::Ninjs16 | Format::SuperdeskNinjs => Some("/body_html"),
        Format::Ninjs22 | Format::Ninjs31 => Some("/bodies/0/value"),
        Format::WordPress => Some("/content"),
        Format::Nitf
        | Format::NewsMlG2
        | Format::Html
        | Format::HtmlFragment
        | Format::Text
        | Format::Atom
        | Format::Template => None,
    }
}

fn pretty(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(json).unwrap()).unwrap()
}

fn killed() -> Article {
    let mut article = article();
    article.action = Action::Kill;
    article.notice = Some("The story contains a <false> statement.".into());
    article
}

#[test]
fn an_article_in_every_format() {
    insta::assert_snapshot!("article.json", pretty(&text(&article(), Format::Json)));
    insta::assert_snapshot!("article.ninjs-1.3", pretty(&text(&article(), Format::Ninjs13)));
    insta::assert_snapshot!("article.ninjs", pretty(&text(&article(), Format::Ninjs16)));
    insta::assert_snapshot!("article.ninjs-2.2", pretty(&text(&article(), Format::Ninjs22)));
    insta::assert_snapshot!("article.ninjs-3.1", pretty(&text(&article(), Format::Ninjs31)));
    insta::assert_snapshot!("article.superdesk", pretty(&text(&article(), Format::SuperdeskNinjs)));
    insta::assert_snapshot!("article.nitf", text(&article(), Format::Nitf));
    insta::assert_snapshot!("article.newsml-g2", text(&article(), Format::NewsMlG2));
    insta::assert_snapshot!("article.html", text(&article(), Format::Html));
    insta::assert_snapshot!("article.html-fragment", text(&article(), Format::HtmlFragment));
    insta::assert_snapshot!("article.text", text(&article(), Format::Text));
    insta::assert_snapshot!("article.atom", text(&article(), Format::Atom));
    insta::assert_snapshot!("article.wordpress", pretty(&text(&article(), Format::WordPress)));
}

#[test]
fn a_kill_in_every_format() {
    insta::assert_snapshot!("kill.json", pretty(&text(&killed(), Format::Json)));
    insta::assert_snapshot!("kill.ninjs", pretty(&text(&killed(), Format::Ninjs16)));
    insta::assert_snapshot!("kill.ninjs-3.1", pretty(&text(&killed(), Format::Ninjs31)));
    insta::assert_snapshot!("kill.superdesk", pretty(&text(&killed(), Format::SuperdeskNinjs)));
    insta::assert_snapshot!("kill.nitf", text(&killed(), Format::Nitf));
    insta::assert_snapshot!("kill.newsml-g2", text(&killed(), Format::NewsMlG2));
    insta::assert_snapshot!("kill.html", text(&killed(), Format::Html));
    insta::assert_snapshot!("kill.html-fragment", text(&killed(), Format::HtmlFragment));
    insta::assert_snapshot!("kill.text", text(&killed(), Format::Text));
    insta::assert_snapshot!("kill.atom", text(&killed(), Format::Atom));
    insta::assert_snapshot!("kill.wordpress", pretty(&text(&killed(), Format::WordPress)));
}

#[test]
fn every_action_and_every_odd_article_is_valid() {
    let mut articles: Vec<Article> = Action::ALL.into_iter().map(|action| Article { action, ..article() }).collect();
    let urgent = Article { urgency: 9.try_into().unwrap(), ..article() };
    let mut bare = Article {
        language: None,
        slugline: None,
        subheadline: None,
        summary: None,
        byline: Some("Ada Quill".into()),
        authors: Vec::new(),
        dateline: None,
        body: Body::default(),
        subjects: vec![crate::article::Concept { code: Some("no token".into()), ..Default::default() }],
        genres: Vec::new(),
        places: Vec::new(),
        sections: Vec::new(),
        keywords: vec![String::new(), "\"quoted\" & <odd>".into()],
        editor_note: None,
        created: None,
        versioned: None,
        embargo: None,
        expires: None,
        rights_until: None,
        canonical: None,
        copyright_notice: None,
        media: Vec::new(),
        ..article()
    };
    articles.push(bare.clone());
    bare.media = vec![Media { kind: "hologram".into(), ..Media::default() }, picture("a b", None)];
    let twin = bare.media[1].renditions[0].clone();
    bare.media[1].renditions.push(twin);
    bare.media[1].renditions[0].name = "4-col wide".into();
    bare.media[1].renditions[1].name = "4 col/wide".into();
    articles.extend([bare, urgent]);

    for (kind, format) in schemas::OFFICIAL {
        schemas::assert_valid(kind, &articles.iter().map(|article| text(article, format)).collect::<Vec<_>>());
    }
}

#[test]
fn characters_that_xml_forbids_never_leave() {
    let mut wire = wire();
    wire.name = "Harbor\u{0} Press\u{b} News\u{fffe} Foundation".into();
    if let Some(licence) = &mut wire.licence {
        licence.line = "Keep\u{1f} the\nline ]]> & <b>.".into();
    }
    for format in Format::ALL {
        let proved = rendered(&article(), wire.clone(), format).unwrap().document;
        let text = std::str::from_utf8(proved.bytes()).unwrap();
        assert!(text.contains("Harbor Press News Foundation"), "in {format:?}");
        let forbidden = text.find(|c: char| !matches!(c, '\n' | '\t' | ' '..='\u{fffd}' | '\u{10000}'..));
        assert_eq!(forbidden, None, "in {format:?}");
    }
}

#[test]
fn the_same_article_makes_the_same_bytes() {
    for format in Format::ALL {
        let one = rendered(&article(), wire(), format).unwrap().document;
        let other = rendered(&article(), wire(), format).unwrap().document;
        assert_eq!(one, other);
        assert_eq!(one.digest().len(), 32);
    }
}

#[test]
fn a_third_partys_picture_leaves_only_with_its_credit() {
    for format in Format::ALL {
        let without = text(&article(), format);
        assert!(without.contains("ferry.jpg") && !without.contains("agency-photo"), "in {format:?}");

        let mut wire = wire();
        wire.third_party_media = MediaUse::Credit;
        let proved = rendered(&article(), wire, format).unwrap().document;
        let with = std::str::from_utf8(proved.bytes()).unwrap();
        assert!(with.contains("agency-photo.jpg") && with.contains("Bay Pictures"), "in {format:?}");
    }
}

#[test]
fn a_logo_that_the_newsroom_brought_is_shown_once() {
    let logo = wire().logo.unwrap().url;
    for format in Format::ALL {
        let once = text(&article(), format).matches("logo.png").count();
        let mut doubled = article();
        let image = Image { src: logo.clone(), alt: "HPNF".into(), ..Image::default() };
        doubled.body.blocks.insert(0, Block::Quote(vec![Block::Image(image)]));
        let mut media = picture("logo", None);
        media.renditions[0].href = logo.clone();
        doubled.media.push(media);
        assert_eq!(text(&doubled, format).matches("logo.png").count(), once, "in {format:?}");
    }
}

#[test]
fn what_has_to_come_down_is_not_sent_once_more() {
    for format in Format::ALL {
        let text = text(&killed(), format);
        for gone in ["We promised the island", "voted 7-2", "ferry.jpg", "four years"] {
            assert!(!text.contains(gone), "{gone:?} is in the kill as {format:?}");
        }
    }
}

#[test]
fn the_editors_note_is_in_nothing_that_readers_see() {
    for action in Action::ALL {
        let article = Article { action, ..article() };
        let note = "write-thru";
        let nitf = text(&article, Format::Nitf);
        let tree = roxmltree::Document::parse(&nitf).unwrap();
        assert!(tree.descendants().filter_map(|node| node.text()).all(|text| !text.contains(note)));
        let newsml = text(&article, Format::NewsMlG2);
        assert_eq!(newsml.matches(note).count(), 1);
        assert!(newsml.find(note) < newsml.find("</edNote>"), "it stands in edNote alone");
        for format in [Format::Html, Format::HtmlFragment, Format::Text, Format::Atom] {
            assert!(!text(&article, format).contains(note), "{format:?} has no field that readers do not see");
        }
        for format in Format::ALL.into_iter().filter(|format| body_of(*format).is_some()) {
            let mut document: serde_json::Value = serde_json::from_str(&text(&article, format)).unwrap();
            let fields = document.as_object_mut().unwrap();
            let notes: Vec<_> =
                ["editor_note", "ednote", "edNote"].iter().filter_map(|key| fields.remove(*key)).collect();
            // A post has no place for it.
            let is_told = matches!(&notes[..], [one] if one.to_string().contains(note));
            assert_eq!(is_told, format != Format::WordPress, "the note of {format:?}: {notes:?}");
            assert!(!document.to_string().contains(note), "elsewhere in {format:?}");
        }
    }
}

#[test]
fn until_when_a_story_may_be_kept_is_said_by_every_format_that_tells_software_of_its_rights() {
    let (story, killed) = (article(), Article { action: Action::Kill, ..article() });
    for format in [Format::Nitf, Format::NewsMlG2] {
        let back = |article: &Article| {
            let document = rendered(article, wire(), format).unwrap().document;
            crate::article::decode(document.bytes(), Some(document.content_type()), &article.wire).unwrap()
        };
        assert_eq!(back(&story).rights_until, story.rights_until, "{format:?}");
        assert_eq!(back(&killed).rights_until, None, "{format:?}: a withdrawal is not to be kept at all");
    }
    let dated = |article: &Article, format| text(article, format).contains("2027-02-22T12:00:00Z");
    for format in Format::ALL {
        let silent =
            matches!(format, Format::Nitf | Format::HtmlFragment | Format::Text | Format::Atom | Format::WordPress);
        assert_eq!(dated(&story, format), !silent, "{format:?}");
        assert!(!dated(&killed, format), "{format:?}");
    }
}

#[test]
fn an_article_that_cannot_meet_the_policy_has_no_rendition() {
    let mut article = article();
    article.authors.clear();
    let flaw = rendered(&article, wire(), Format::Nitf).unwrap_err();
    assert!(
        matches!(&flaw, Flaw::Missing(missing) if missing.elements.len() == 1 && missing.elements[0].0 == "byline"),
        "{flaw}"
    );
    article.action = Action::Withhold;
    assert!(rendered(&article, wire(), Format::Nitf).is_ok());
}

#[test]
fn a_body_that_carries_its_attribution_is_proved_without_a_second_one() {
    let mut article = article();
    let line = wire().licence.unwrap().line;
    article.body.blocks.insert(0, paragraph("By Ada Quill, Transport Reporter, Harbor Press News Foundation"));
    article.body.blocks.push(Block::Quote(vec![paragraph(&line.replace(' ', "\n "))]));
    for format in Format::ALL {
        let proved = rendered(&article, wire(), format).unwrap().document;
        let text = std::str::from_utf8(proved.bytes()).unwrap().replace('\\', "").replace("&lt;", "<");
        let linked = "<a href=\"https://harborpress.example/licence";
        assert!(!text.contains(linked), "no second, linked licence line in {format:?}");
    }
}

#[test]
#[should_panic(expected = "its own wire's policies")]
fn another_wires_article_is_refused() {
    let article = Article { wire: WireId::new("other"), ..article() };
    let _ = rendered(&article, wire(), Format::Json);
}
