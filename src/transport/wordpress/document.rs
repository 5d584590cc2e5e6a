//! The proved document, as far as a post is made of it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A date as young as this is left to the site, which then writes its own: with clocks that differ, it could be in the
/// site's future, and WordPress would keep the post back until then.
const SURELY_PAST_SECONDS: i64 = 600;

#[derive(Debug, Deserialize)]
pub struct Document {
    title: String,
    content: String,
    excerpt: String,
    date_gmt: Option<String>,
    pub newswired: About,
}

/// What the story is about.
#[derive(Debug, Default, Deserialize)]
pub struct About {
    #[serde(default)]
    pub sections: Vec<String>,
    #[serde(default)]
    pub subjects: Vec<Subject>,
    #[serde(default)]
    pub keywords: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Subject {
    pub code: Option<String>,
    pub name: Option<String>,
}

impl Document {
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|why| format!("the document is not one for WordPress: {why}"))
    }

    pub fn content(&self) -> &str {
        &self.content
    }

    /// What every version of the story sets: the texts that were proved, to the letter.
    pub fn texts(&self) -> Map<String, Value> {
        let texts = [("title", &self.title), ("content", &self.content), ("excerpt", &self.excerpt)];
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.as_str().into())).collect()
    }

    /// The post's date where it is surely past. An embargo is never given to WordPress to keep.
    pub fn date(&self, now: Timestamp) -> Option<String> {
        let date = self.date_gmt.as_deref()?;
        let at: Timestamp = format!("{date}Z").parse().ok()?;
        (now.as_second() - at.as_second() >= SURELY_PAST_SECONDS).then(|| date.to_owned())
    }

    /// The keys that categories and tags are looked up by, without regard to case.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let About { sections, subjects, keywords } = &self.newswired;
        let subjects = subjects.iter().flat_map(|subject| [&subject.code, &subject.name]).flatten();
        sections.iter().chain(subjects).chain(keywords).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_may_be_in_the_sites_future_is_left_out() {
        let text = r#"{"title":"t","content":"c","excerpt":"","date_gmt":"2026-11-24T12:00:00","newswired":{}}"#;
        let document = Document::read(text.as_bytes()).unwrap();
        let date = |now: &str| document.date(now.parse().unwrap());
        assert_eq!(date("2026-11-24T12:10:00Z").as_deref(), Some("2026-11-24T12:00:00"));
        assert_eq!(date("2026-11-24T12:09:59Z"), None);
        assert_eq!(date("2026-11-24T11:00:00Z"), None);
    }
}
