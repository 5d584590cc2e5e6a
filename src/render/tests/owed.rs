//! What is rendered is proved: the proof refuses no document of ours, whatever the article and
//! whosever terms it is under.
//!
//! A false alarm holds a story back at night just as a true one does. So every generated article goes through the terms
//! of the sixteen wires in every format, online and in print, whole and shortened, and may fail only for a reason that
//! stands in the article.

use std::collections::BTreeSet;

use super::wires::{ROWS, policies};
use super::*;
use crate::config::{FormatProfile, Line, Medium};

/// A format as a partner may have asked for it.
fn editions(format: Format) -> [Edition; 3] {
    let plain = FormatProfile::plain(format);
    let print = FormatProfile { medium: Medium::Print, ..plain.clone() };
    let more = Line::parse("Read more at {{ article_url }}").unwrap();
    let short = FormatProfile { words: Some(12), more: Some(more), ..plain.clone() };
    [plain, print, short].map(|profile| Edition { profile: profile.into(), ..Edition::plain(format) })
}

/// Whether the article has no more to give for the element called `name`.
fn lacks(article: &Article, name: &str) -> bool {
    match name {
        "byline" => article.authors.is_empty() && article.byline.is_none(),
        // Every line of the sixteen that an article can fail names its year, or links to it.
        _ => article.canonical.is_none() || (article.created.is_none() && article.versioned.is_none()),
    }
}

/// Gives every wire and format `each` of `articles`, every time the next.
fn assert_owed_is_carried(articles: &[Article], each: usize) {
    let mut alarms = BTreeSet::new();
    let mut next = articles.iter().cycle();
    for row in &ROWS {
        let policies = policies(row);
        for edition in Format::ALL.into_iter().flat_map(editions) {
            for article in next.by_ref().take(each) {
                match rendition(article, &policies, &edition) {
                    Ok(_) => {}
                    Err(Flaw::Missing(missing)) => {
                        let idle: Vec<_> = missing.elements.iter().filter(|(name, _)| !lacks(article, name)).collect();
                        assert!(idle.is_empty(), "{} holds back for {idle:?}: {article:?}", row.name);
                        assert!(!article.action.withdraws(), "a withdrawal owes nothing");
                    }
                    Err(flaw) => {
                        alarms.insert(format!("{} as {}: {flaw}", row.name, edition.profile.format.as_str()));
                    }
                }
            }
        }
    }
    let told: Vec<_> = alarms.iter().take(20).map(String::as_str).collect();
    assert!(alarms.is_empty(), "{} false alarms, of them\n{}", alarms.len(), told.join("\n\n"));
}

#[test]
fn no_generated_article_is_refused_by_the_proof() {
    assert_owed_is_carried(generated::sample(), 10);
}

#[test]
#[ignore = "takes minutes: every article under sixteen wires in every format"]
fn no_article_of_many_is_refused_by_the_proof() {
    assert_owed_is_carried(generated::sample(), generated::sample().len());
}

#[test]
fn a_story_that_is_made_shorter_has_words_after_its_first_picture() {
    let mut article = article();
    let image = Image { src: "https://cdn.harborpress.example/ferry.jpg".into(), ..Image::default() };
    article.body.blocks = vec![Block::Image(image), paragraph("One two three four."), paragraph("Five.")];
    let body = shortened(Cow::Borrowed(&article.body), 2, None);
    assert_eq!(body.blocks, article.body.blocks[..2]);
}

/// Nothing but a line that links there shows the original's address in a format without a field for it.
#[test]
fn a_canonical_address_is_in_every_format_that_has_to_carry_it() {
    let mut wire = wire();
    wire.require.insert(crate::config::Element::Canonical);
    let mut article = article();
    article.canonical = Some("https://harborpress.example/Fähre?a=1&b='2'".into());
    for format in Format::ALL {
        let flaw = rendered(&article, wire.clone(), format).err();
        assert!(flaw.is_none(), "{flaw:?}");
    }
}
