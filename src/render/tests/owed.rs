//! What is rendered is proved: the proof refuses no document of ours, whatever the article and whoever's terms it is
//! under.
//!
//! A false alarm holds a story back at night just as a true one does. So every generated article goes through the terms
//! of the sixteen wires in every format, online and in print, whole and shortened, and may fail only for a reason that
//! stands in the article.

use std::collections::BTreeSet;

use super::wires::{ROWS, policies};
use super::*;
use crate::config::{FormatProfile, Line, Medium};

/// How many of the articles go through every wire and format in the ordinary run, and in the long one.
const FEW: usize = 16;
const MANY: usize = 2_000;

/// A format as a partner may have asked for it.
fn editions(format: Format) -> [Edition; 3] {
    let plain = FormatProfile::plain(format);
    let print = FormatProfile { medium: Medium::Print, ..plain.clone() };
    let more = Line::parse("Read more at {{ article_url }}").unwrap();
    let short = FormatProfile { words: Some(12), more: Some(more), ..plain.clone() };
    [plain, print, short].map(|profile| Edition { profile: profile.into(), ..Edition::plain(format) })
}

/// Why an article may be held: the elements that it can lack, each with whether it does.
fn lacks(article: &Article, name: &str) -> bool {
    match name {
        "byline" => article.authors.is_empty() && article.byline.is_none(),
        // Every line of the sixteen that an article can fail names its year, or links to it.
        _ => article.canonical.is_none() || (article.created.is_none() && article.versioned.is_none()),
    }
}

fn assert_owed_is_carried(articles: &[Article]) {
    let mut alarms = BTreeSet::new();
    for row in &ROWS {
        let policies = policies(row);
        for article in articles {
            let article = article.clone();
            for format in Format::ALL {
                for edition in editions(format) {
                    match rendition(&article, &policies, &edition) {
                        Ok(_) => {}
                        Err(Flaw::Missing(missing)) => {
                            let idle: Vec<_> =
                                missing.elements.iter().filter(|(name, _)| !lacks(&article, name)).collect();
                            assert!(idle.is_empty(), "{} holds back for {idle:?}: {article:?}", row.name);
                            assert!(!article.action.withdraws(), "a withdrawal owes nothing");
                        }
                        Err(flaw) => {
                            alarms.insert(format!("{} as {}: {flaw}", row.name, format.as_str()));
                        }
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
    assert_owed_is_carried(&generated::sample()[..FEW]);
}

#[test]
#[ignore = "takes minutes: two thousand articles under sixteen wires in every format"]
fn no_article_of_thousands_is_refused_by_the_proof() {
    assert_owed_is_carried(&generated::many(MANY));
}
