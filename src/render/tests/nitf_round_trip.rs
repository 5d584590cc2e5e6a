//! Decoding and rendering meet: what NITF can hold of an article comes back as it went.
//!
//! What it cannot hold is listed here, and nowhere else:
//! - the wire, which the intake says; who holds the copyright, where the article names nobody: the agency then;
//! - the authors as such: they come back as the byline that readers see, with the affiliation;
//! - `publish` with a version above 1, which comes back as `update`, and `created`, since there is one date of issue;
//!   parts of a second; urgency 9, since NITF's scale ends at 8;
//! - the sections but the first; a genre's code; a subject with neither vocabulary nor a code that is an `NMTOKEN`,
//!   which comes back as a keyword; a subject of the scheme `subj`'s look without one, which comes back with it;
//! - of media, all but the best file, whether a picture is a graphic, its headline and its URI; a caption without its
//!   credit at the end; a holder beside a notice that names another;
//! - of the body: the level of a heading, marks within a `sub` or `sup`, line ends around preformatted text, alternative
//!   text that is blank, and whatever in it shows nothing. The closing attribution comes back as part of the text, and
//!   the usage terms with the licence line before them.
//! - of a withdrawal, all that does not say what is to come down, and why.

use proptest::prelude::*;

use super::bodies::bodies;
use super::*;
use crate::article::{Author, Concept, Version, decode};

fn back(article: &Article, wire: &Wire) -> Article {
    let document = rendered(article, wire.clone(), Format::Nitf).unwrap().document;
    decode(document.bytes(), Some(document.content_type()), &article.wire).unwrap_or_else(|why| panic!("{why}"))
}

/// A wire that asks for nothing, so that nothing is added but what names the agency.
fn plain_wire() -> Wire {
    Wire { licence: None, logo: None, contact: None, require: std::collections::BTreeSet::new(), ..wire() }
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zäé&<>\"'.,0-9]{1,8}( [a-zA-Z&<\"'é;]{1,8}){0,3}"
}

fn some(text: impl Strategy<Value = String>) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text)
}

fn instant() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((0..4_000_000_000_i64).prop_map(|second| Timestamp::from_second(second).unwrap()))
}

fn concept(scheme: &'static str, code: &'static str) -> impl Strategy<Value = Concept> {
    (code, proptest::option::of(words())).prop_map(move |(code, name)| Concept {
        code: Some(code),
        scheme: Some(scheme.to_owned()),
        name,
    })
}

fn media() -> impl Strategy<Value = Media> {
    let name = "[a-z]{1,8}";
    (
        name,
        some(words()),
        some(words()),
        some("[a-z]{2,8}( [a-z]{2,8})?".boxed()),
        some("[A-Z][a-z]{2,8}".boxed()),
        some(words()),
    )
        .prop_map(|(name, caption, alt, credit, holder, usage_terms)| {
            let mut media = crate::attribution::sample::picture(&name, None);
            // A caption that ends with the credit would come back without it.
            let caption = caption.filter(|caption| !credit.as_ref().is_some_and(|credit| caption.contains(credit)));
            media = Media { uri: None, caption, alt, usage_terms, ..media };
            // Who is credited is the holder where nobody else is.
            media.credit = credit.or_else(|| holder.clone());
            media.holder = holder;
            media
        })
}

prop_compose! {
    fn described()(
        numbers in (1_u64..1_000_000, 1..9_u8),
        action in prop::sample::select(vec![Action::Publish, Action::Update, Action::Correct]),
        texts in (words(), some(words()), some(words()), some(words()), some(words())),
        more in (some(words()), some(words()), some(words()), some(words())),
        dates in (instant(), instant()),
        expiry in proptest::option::of(4_000_000_001_i64..5_000_000_000),
        rights_end in proptest::option::of(4_000_000_001_i64..5_000_000_000),
        subjects in proptest::collection::vec(prop_oneof![concept("medtop", "[0-9]{8}"), concept("subj", "[0-9]{8}"), concept("desk", "[A-Z]{1,5}")], 0..4),
        places in proptest::collection::vec(concept("iso3166-2", "[A-Z]{2}-[A-Z]{2}"), 0..3),
        lists in (proptest::collection::vec(words(), 0..3), proptest::collection::hash_set(words(), 0..4), proptest::option::of(words())),
        media in proptest::collection::vec(media(), 0..3),
    ) -> Article {
        let (version, urgency) = numbers;
        let (headline, slugline, subheadline, summary, dateline) = texts;
        let (editor_note, notice, copyright_notice, usage_terms) = more;
        let (genres, keywords, section) = lists;
        let version = if action == Action::Publish { 1 } else { version };
        Article {
            version: Version::try_from(version).unwrap(),
            action,
            urgency: urgency.try_into().unwrap(),
            headline,
            slugline,
            subheadline,
            summary,
            dateline,
            editor_note,
            notice: notice.filter(|_| action == Action::Correct),
            copyright_notice,
            usage_terms,
            versioned: dates.0,
            created: None,
            embargo: dates.1,
            expires: expiry.map(|second| Timestamp::from_second(second).unwrap()),
            rights_until: rights_end.map(|second| Timestamp::from_second(second).unwrap()),
            subjects,
            genres: genres.into_iter().map(|name| Concept { name: Some(name), ..Concept::default() }).collect(),
            places,
            keywords: keywords.into_iter().collect(),
            sections: section.into_iter().collect(),
            media,
            copyright_holder: Some("Harbor Press & Co".into()),
            ..article()
        }
    }
}

/// `blocks` with pictures that have an address, as all that come out of a decoder do.
fn addressed(blocks: Vec<Block>) -> Vec<Block> {
    let mend = |block| match block {
        Block::Image(image) => Block::Image(Image { src: "https://x.example/i.jpg".into(), ..image }),
        Block::Quote(inner) => Block::Quote(addressed(inner)),
        Block::List { ordered, items } => Block::List { ordered, items: items.into_iter().map(addressed).collect() },
        other => other,
    };
    blocks.into_iter().map(mend).collect()
}

proptest! {
    #[test]
    fn every_field_that_nitf_can_hold_comes_back(sent in described()) {
        let mut wire = plain_wire();
        wire.third_party_media = MediaUse::Credit;
        let got = back(&sent, &wire);
        let byline = Attribution::resolve(&sent, &own(wire), &Edition::plain(Format::Nitf)).unwrap().byline();
        let expected = Article { byline: Some(byline), authors: Vec::new(), body: got.body.clone(), ..sent.clone() };
        prop_assert_eq!(&got, &expected);
        let expected = [sent.body.text(), "By Ada Quill, Transport Reporter, Harbor Press News Foundation".into()].join("\n");
        prop_assert_eq!(got.body.text(), expected);
    }

    #[test]
    fn every_body_comes_back_as_its_text(body in bodies()) {
        let body = Body { blocks: addressed(body.blocks) };
        let sent = Article { body, media: Vec::new(), authors: vec![Author { name: "Ada".into(), ..Author::default() }], ..article() };
        let got = back(&sent, &plain_wire());
        let inked = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let text = inked(&got.body.text());
        prop_assert!(text.starts_with(&inked(&sent.body.text())), "{:?} of {:?}", text, sent.body.text());
    }
}

/// The body of the sample has one of everything; what it loses is what the list above says.
#[test]
fn a_body_comes_back_block_by_block() {
    let sent = article();
    let got = back(&sent, &plain_wire());
    assert_eq!(got.body.blocks[..sent.body.blocks.len()], sent.body.blocks[..]);
    assert_eq!(got.body.blocks.len(), sent.body.blocks.len() + 1, "the byline closes it");
}

#[test]
fn a_withdrawal_comes_back_as_one() {
    for action in [Action::Kill, Action::Withhold] {
        let sent = Article { action, notice: Some("The story is wrong.".into()), ..article() };
        let got = back(&sent, &wire());
        assert_eq!(
            (got.action, &got.guid, got.version, &got.headline),
            (action, &sent.guid, sent.version, &sent.headline)
        );
        assert_eq!(got.notice, sent.notice);
        let note = got.editor_note.unwrap();
        assert!(note.contains("The story is wrong.") && note.ends_with(sent.editor_note.as_deref().unwrap()), "{note}");
        assert_eq!((got.embargo, got.expires, got.rights_until), (None, None, None));
    }
}
