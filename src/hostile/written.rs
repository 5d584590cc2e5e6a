//! What is read of the newsroom, and written for partners.

use std::sync::{Arc, LazyLock};

use crate::article::{self, Action, Article, parse_html};
use crate::attribution::Policies;
use crate::attribution::sample;
use crate::config::{Edition, Format, FormatProfile, Line, TemplateFile, TemplateOptions};
use crate::render::{Flaw, body_html, rendition};

use super::{oracle, parts};

/// The terms of everything that is written here. They ask for nothing that an article may lack.
static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
    let mut wire = sample::wire();
    wire.byline_of_nobody = Some(Line::parse("By {{ affiliation }}").expect("it is a line"));
    sample::own(wire)
});

/// As much of an input as becomes documents in every format: a fuzzer learns more of many short ones.
const LONGEST: usize = 64 << 10;

pub fn own_json(bytes: &[u8]) {
    decoded(bytes, "application/vnd.newswired.article+json");
}

pub fn ninjs(bytes: &[u8]) {
    decoded(bytes, "application/ninjs+json");
}

pub fn nitf(bytes: &[u8]) {
    decoded(bytes, "application/nitf+xml");
}

pub fn newsml(bytes: &[u8]) {
    decoded(bytes, "application/vnd.iptc.g2.newsitem+xml");
}

/// What is decoded is kept by the ledger as it is, and can be written in every format, and proved.
fn decoded(bytes: &[u8], content_type: &str) {
    let decoded = article::decode(bytes, Some(content_type), &POLICIES.wire_id);
    let article = match decoded {
        Ok(article) => article,
        Err(why) => {
            let said = why.to_string();
            assert!(said.len() < 2_000, "a complaint of {} bytes", said.len());
            return;
        }
    };
    let kept = serde_json::to_string(&article).expect("an article can be written");
    let again: Article = serde_json::from_str(&kept).expect("the ledger can read what it keeps");
    assert_eq!(again, article, "the ledger keeps another article");
    if bytes.len() > LONGEST || article.wire != POLICIES.wire_id {
        return;
    }
    for format in Format::ALL {
        written(&article, format);
    }
}

/// The document in `format` has nothing at work in it.
pub(super) fn written(article: &Article, format: Format) {
    let document = match rendition(article, &POLICIES, &Edition::plain(format)) {
        Ok(rendition) => rendition.document,
        // The wire's own terms may ask for what this article has not.
        Err(Flaw::Missing(_)) => return,
        Err(why) => panic!("no document in {}: {why}", format.as_str()),
    };
    let found = oracle::in_document(document.content_type(), document.bytes());
    assert!(
        found.is_empty(),
        "{} has at work: {found:?}\n{}",
        format.as_str(),
        String::from_utf8_lossy(document.bytes())
    );
}

/// What is clean stays clean: the HTML that we write of a body has nothing at work in it, and is read as the same body.
pub fn html(bytes: &[u8]) {
    let body = parse_html(&String::from_utf8_lossy(bytes));
    let html = body_html(&body.blocks);
    let found = oracle::at_work(&html);
    assert!(found.is_empty(), "at work: {found:?}\n{html}");
    let again = parse_html(&html);
    assert_eq!(again.text(), body.text(), "another text\n{html}");
    // Marks around a line end may be put otherwise once, and not again.
    let settled = body_html(&again.blocks);
    assert_eq!(body_html(&parse_html(&settled).blocks), settled, "another body each time");
}

/// Whatever the template is, it is refused, or makes documents within its limit or a complaint.
pub fn template(bytes: &[u8]) {
    const LIMIT: usize = 100_000;
    let [kind, source] = parts(bytes);
    let Ok(source) = std::str::from_utf8(source) else { return };
    // The rest is an operator's own affair: what text of theirs could be made to grow into is told in SECURITY.md.
    if source.len() > 2_000 {
        return;
    }
    // Slices that go backwards make the engine panic. That is caught, but not from the fuzzer.
    if cfg!(fuzzing)
        && source.split('[').skip(1).any(|after| after.split(']').next().is_some_and(|it| it.contains(':')))
    {
        return;
    }
    let content_type = match kind {
        b"xml" => "application/rss+xml",
        b"json" => "application/json",
        b"text" => "text/plain",
        _ => "text/html",
    };
    let options = TemplateOptions {
        file: TemplateFile { path: "story".into(), source: source.into() },
        content_type: content_type.parse().expect("it is a media type"),
        extension: "html".to_owned(),
        output_limit: format!("{LIMIT}B").parse().expect("it is a size"),
    };
    let profile = FormatProfile { template: Some(options), ..FormatProfile::plain(Format::Template) };
    let edition = Edition { profile: Arc::new(profile), ..Edition::plain(Format::Template) };
    // A withdrawal owes nothing, so that what comes of it can be looked at.
    for action in [Action::Kill, Action::Publish] {
        let article = Article { action, ..sample::article() };
        match rendition(&article, &POLICIES, &edition) {
            Ok(rendition) => assert!(rendition.document.bytes().len() <= LIMIT, "beyond its limit"),
            Err(Flaw::Render(why)) => assert!(why.to_string().starts_with("story:"), "{why} has no place"),
            Err(Flaw::Missing(_) | Flaw::Unproved(_)) => {}
        }
    }
}
