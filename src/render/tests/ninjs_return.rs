//! There and back: what an article says, its document says to our own decoder.
//!
//! A document is not the article over again. It carries the attribution, and it goes without the media that is not the
//! wire's to give; and no version has a place for everything. [`expected`] is the one place where all of that is written
//! down, and docs/formats/ninjs.md says it to people.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::article::{Concept, MediaRendition, Version, decode};

pub const FORMATS: [Format; 5] =
    [Format::Ninjs13, Format::Ninjs16, Format::Ninjs22, Format::Ninjs31, Format::SuperdeskNinjs];

/// Whether `format` is of the 1.x family, in which files and associations are keys of an object.
fn is_keyed(format: Format) -> bool {
    matches!(format, Format::Ninjs13 | Format::Ninjs16 | Format::SuperdeskNinjs)
}

/// The article that the document of `article` in `format` says.
fn expected(article: &Article, wire: &Wire, format: Format) -> Article {
    let edition = Edition::plain(format);
    let attribution = Attribution::resolve(article, &own(wire.clone()), &edition).unwrap();
    let sifted = media::sift(article, wire);
    let manuscript = Manuscript::new(article, &attribution, &edition.profile, &sifted);
    let is_superdesk = format == Format::SuperdeskNinjs;
    let (embargo, expires) = manuscript.embargo_and_expiry();

    let mut expected = article.clone();

    // What the daemon adds.
    expected.byline = Some(attribution.byline_without_word()).filter(|byline| !byline.is_empty());
    expected.copyright_holder = Some(manuscript.copyright_holder().to_owned());
    expected.body = Body { blocks: seen(manuscript.blocks()) };
    if article.action.withdraws() {
        // The notice in it may have lines, which HTML shows as one.
        for block in &mut expected.body.blocks {
            let Block::Paragraph(inlines) = block else { continue };
            for inline in inlines {
                let Inline::Text(text) = inline else { continue };
                *text = text.split(['\n', '\t', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            }
        }
    }
    expected.media = manuscript.media.iter().map(|asset| (*asset).clone()).collect();
    for (at, asset) in expected.media.iter_mut().enumerate() {
        // Who has to be named is named: the holder, where nobody is credited. What has no URI is named after its story.
        asset.credit = media::credit(asset);
        let guid = article.guid.as_str();
        let role = match at {
            0 if is_keyed(format) => "featuremedia".to_owned(),
            0 => "featured".to_owned(),
            _ => format!("media{}", at + 1),
        };
        let named = format!("{guid}{}{role}", if guid.contains('#') { "-" } else { "#" });
        asset.uri = Some(asset.uri.clone().filter(|uri| is_uri(uri)).unwrap_or(named));
    }
    if let Some(logo) = attribution.logo.as_ref().filter(|_| !article.action.withdraws()) {
        let file = MediaRendition { width: logo.width, height: logo.height, ..file_at(&logo.url) };
        expected.media.push(Media {
            uri: Some(logo.url.clone()),
            kind: "graphic".into(),
            headline: Some(logo.alt.clone()),
            alt: Some(logo.alt.clone()),
            renditions: vec![file],
            ..Media::default()
        });
    }
    // 1.3 and Superdesk's dialect have no contacts; theirs ends the terms of use.
    let contact = attribution.contact.as_ref().filter(|_| matches!(format, Format::Ninjs13 | Format::SuperdeskNinjs));
    let contact = contact.map(|contact| format!("Licensing: {contact}"));
    // And no version has a field for how long the story may be kept.
    let until = manuscript.rights_until().map(|until| format!("Not to be kept after {until}."));
    expected.rights_until = None;
    let terms: Vec<String> = [attribution.usage_terms(article), until, contact].into_iter().flatten().collect();
    expected.usage_terms = Some(terms.join(" ")).filter(|terms| !terms.is_empty());

    // What a withdrawal goes without, in any format.
    expected.subheadline = manuscript.subheadline().map(str::to_owned);
    expected.summary = manuscript.summary().map(str::to_owned);
    (expected.embargo, expected.expires) = (embargo, expires);

    // What no version has a place for: the difference between a publication and an update but for the version's number, a
    // notice for readers (editors read it), the authors' affiliations (readers see them in the byline).
    expected.action = match article.action {
        Action::Publish | Action::Update if article.version > Version::FIRST => Action::Update,
        Action::Publish | Action::Update => Action::Publish,
        Action::Correct => Action::Correct,
        Action::Withhold if is_superdesk => Action::Kill,
        Action::Kill | Action::Withhold => article.action,
    };
    expected.editor_note = manuscript.for_editors();
    if article.action == Action::Correct {
        let note = expected.editor_note.take().unwrap_or_default();
        let opens = note.to_lowercase().starts_with("corrects") || note.to_lowercase().starts_with("correction");
        expected.editor_note = Some(if opens { note } else { format!("CORRECTION. {note}").trim().to_owned() });
    }
    expected.notice = None;
    for author in &mut expected.authors {
        author.affiliation = None;
        // The schemas want a URI; Superdesk's readers of it want one all the same.
        author.uri = author.uri.take().filter(|uri| is_uri(uri));
        // Superdesk has job titles; IPTC's versions have the byline.
        author.role = author.role.take().filter(|_| is_superdesk);
    }

    // What some versions have no place for.
    if format == Format::Ninjs13 {
        expected.expires = None;
    }
    if is_superdesk {
        expected.created = expected.created.map(floor);
        expected.versioned = expected.versioned.map(floor);
        expected.embargo = expected.embargo.map(|time| if floor(time) < time { next(floor(time)) } else { time });
        expected.expires = expected.expires.map(floor);
    }
    comparable(expected, format)
}

/// `article` without what says nothing: how a term is parted into vocabulary and code where the vocabulary has no URI
/// and its name stands before the code, the order of an asset's files, and in 1.x, where they are keys, their names.
fn comparable(mut article: Article, format: Format) -> Article {
    for concept in article.subjects.iter_mut().chain(&mut article.genres).chain(&mut article.places) {
        *concept = Concept { code: concept.qcode(), scheme: None, name: concept.name.take() };
    }
    for asset in &mut article.media {
        for file in &mut asset.renditions {
            if is_keyed(format) {
                file.name.clear();
            }
        }
        asset.renditions.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    }
    article
}

/// The blocks of which a reader sees anything: where pictures were taken out, an empty list or quotation may remain.
fn seen<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> Vec<Block> {
    let mut kept = Vec::new();
    for block in blocks {
        match block {
            Block::Quote(inner) => kept.push(Block::Quote(seen(inner))),
            Block::List { ordered, items } => {
                let items = items.iter().map(seen).filter(|item| !item.is_empty()).collect();
                kept.push(Block::List { ordered: *ordered, items });
            }
            // What the daemon adds to a caption or writes in several texts is read as one.
            Block::Image(image) => {
                kept.push(Block::Image(Image { caption: joined(&image.caption), ..image.clone() }));
            }
            Block::Paragraph(inlines) => kept.push(Block::Paragraph(joined(inlines))),
            Block::Heading(..) | Block::Preformatted(_) | Block::Rule | Block::Table(_) => kept.push(block.clone()),
        }
    }
    kept.retain(|block| match block {
        Block::Quote(inner) => !inner.is_empty(),
        Block::List { items, .. } => !items.is_empty(),
        _ => true,
    });
    kept
}

/// `inlines` with texts that stand side by side as one.
fn joined(inlines: &[Inline]) -> Vec<Inline> {
    let mut joined: Vec<Inline> = Vec::new();
    for inline in inlines {
        match (joined.last_mut(), inline) {
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(text),
            (_, inline) => joined.push(inline.clone()),
        }
    }
    joined
}

fn file_at(href: &str) -> MediaRendition {
    MediaRendition { name: "main".into(), href: href.into(), ..MediaRendition::default() }
}

fn is_uri(text: &str) -> bool {
    text.is_ascii() && !text.contains(' ') && url::Url::parse(text).is_ok()
}

fn floor(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

fn next(time: Timestamp) -> Timestamp {
    time + SignedDuration::from_secs(1)
}

/// Asserts that the document of `article` says what it should.
pub fn assert_returns(article: &Article, wire: &Wire, format: Format) {
    let proved = rendered(article, wire.clone(), format).unwrap().document;
    let content_type = Some(proved.content_type());
    let document = String::from_utf8_lossy(proved.bytes());
    let returned =
        decode(proved.bytes(), content_type, &article.wire).unwrap_or_else(|why| panic!("{why}\n{document}"));
    let expected = serde_json::to_value(expected(article, wire, format)).unwrap();
    let returned = serde_json::to_value(comparable(returned, format)).unwrap();
    for (field, expected) in expected.as_object().unwrap() {
        let (returned, expected) = (returned[field].to_string(), expected.to_string());
        if returned != expected {
            let same = returned.bytes().zip(expected.bytes()).take_while(|(one, other)| one == other).count();
            let part =
                |text: &str| text[text.floor_char_boundary(same.saturating_sub(100))..].chars().take(400).collect();
            let (returned, expected): (String, String) = (part(&returned), part(&expected));
            panic!("{field} of {format:?} came back as\n…{returned}…\nand not as\n…{expected}…\nfrom\n{document}");
        }
    }
}

#[test]
fn the_sample_returns_in_every_format() {
    for format in FORMATS {
        for article in [article(), killed()] {
            assert_returns(&article, &wire(), format);
        }
    }
}

#[test]
fn generated_articles_return_in_every_format() {
    for (at, article) in generated::sample()[..120].iter().enumerate() {
        for format in FORMATS {
            assert_returns(article, &ninjs::wires()[at % 3], format);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_article_returns(article in generated::articles()) {
        for format in FORMATS {
            assert_returns(&article, &wire(), format);
        }
    }
}
