//! One subscription, made ready for matching.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::article::Article;
use crate::config::Subscription;

/// The key of a rule by which it passes a story by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Wires,
    Sections,
    Subjects,
    Languages,
    Keywords,
    Urgency,
    Actions,
    Exclude,
}

/// An article as rules look at it, made ready once for all of them.
#[derive(Debug)]
pub struct Story<'a> {
    pub article: &'a Article,
    subjects: Vec<String>,
    keywords: HashSet<String>,
    language: Option<String>,
}

impl<'a> Story<'a> {
    pub fn of(article: &'a Article) -> Self {
        Self {
            article,
            subjects: article.subjects.iter().filter_map(|subject| subject.qcode()).collect(),
            keywords: article.keywords.iter().map(|word| word.to_lowercase()).collect(),
            language: article.language.as_deref().map(str::to_lowercase),
        }
    }
}

/// A named subscription.
#[derive(Debug)]
pub struct Rule {
    pub name: Arc<str>,
    test: Test,
}

impl Rule {
    pub fn new(name: &str, subscription: &Subscription, descendants: &BTreeMap<String, Vec<String>>) -> Self {
        Self { name: name.into(), test: Test::new(subscription, descendants) }
    }

    /// The first key by which the rule passes `story` by; `None` when it takes it.
    pub fn passes_by(&self, story: &Story<'_>) -> Option<Key> {
        self.test.fails(story)
    }

    /// Says what the rule takes where `key` passed a story by.
    pub fn explain(&self, key: Key, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subscription { wires, sections, subjects, languages, keywords, urgency_up_to, actions, exclude: _ } =
            &self.test.subscription;
        write!(f, "its rule \"{}\" ", self.name)?;
        match key {
            Key::Wires => write!(f, "takes only {}", listed("the wire", wires)),
            Key::Sections => write!(f, "takes only {}", listed("the section", sections)),
            Key::Subjects => write!(f, "takes only {}", listed("the subject", subjects)),
            Key::Languages => write!(f, "takes only {}", listed("the language", languages)),
            Key::Keywords => write!(f, "takes only {}", listed("the keyword", keywords)),
            Key::Actions => write!(f, "takes only {}", listed("the action", actions)),
            Key::Urgency => match urgency_up_to {
                Some(least) => write!(f, "takes only urgency 1 to {least}"),
                None => write!(f, "takes any urgency"),
            },
            Key::Exclude => write!(f, "excludes it"),
        }
    }
}

/// `the section "a"`, `the sections "a", "b"`.
fn listed<T: fmt::Display>(what: &str, items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| format!("\"{item}\"")).collect();
    let plural = if items.len() == 1 { "" } else { "s" };
    format!("{what}{plural} {}", items.join(", "))
}

/// A subscription with what comparing needs beside it.
#[derive(Debug)]
struct Test {
    subscription: Subscription,
    subjects: Subjects,
    languages: Vec<String>,
    keywords: Vec<String>,
    exclude: Option<Box<Test>>,
}

impl Test {
    fn new(subscription: &Subscription, descendants: &BTreeMap<String, Vec<String>>) -> Self {
        Self {
            subjects: Subjects::new(subscription, descendants),
            languages: subscription.languages.iter().map(|language| language.to_lowercase()).collect(),
            keywords: subscription.keywords.iter().map(|word| word.to_lowercase()).collect(),
            exclude: subscription.exclude.as_ref().map(|exclude| Box::new(Self::new(exclude, descendants))),
            subscription: subscription.clone(),
        }
    }

    fn fails(&self, story: &Story<'_>) -> Option<Key> {
        let article = story.article;
        let withdraws = article.action.withdraws();
        let rule = &self.subscription;
        let language = |wanted: &String| story.language.as_deref().is_some_and(|tag| covers(wanted, tag));
        // What each given key says of the story; a key that is not given says nothing.
        let keys = [
            (Key::Wires, rule.wires.is_empty() || rule.wires.contains(&article.wire)),
            (Key::Sections, rule.sections.is_empty() || article.sections.iter().any(|s| rule.sections.contains(s))),
            (Key::Subjects, rule.subjects.is_empty() || story.subjects.iter().any(|code| self.subjects.cover(code))),
            (Key::Languages, rule.languages.is_empty() || self.languages.iter().any(language)),
            (Key::Keywords, rule.keywords.is_empty() || self.keywords.iter().any(|w| story.keywords.contains(w))),
            (Key::Urgency, withdraws || rule.urgency_up_to.is_none_or(|least| article.urgency.get() <= least)),
            (Key::Actions, withdraws || rule.actions.is_empty() || rule.actions.contains(&article.action)),
            (Key::Exclude, !self.exclude.as_ref().is_some_and(|exclude| exclude.excludes(story))),
        ];
        keys.into_iter().find(|(_, matches)| !matches).map(|(key, _)| key)
    }

    /// As an `exclude`: neither urgency nor actions are a reason to hold a withdrawal back.
    fn excludes(&self, story: &Story<'_>) -> bool {
        let by_action = self.subscription.urgency_up_to.is_some() || !self.subscription.actions.is_empty();
        !(story.article.action.withdraws() && by_action) && self.fails(story).is_none()
    }
}

/// Whether the language `wanted` covers `tag`, as `en` covers `en-us` (RFC 4647 §3.3.1, basic filtering); both are in
/// lower case.
fn covers(wanted: &str, tag: &str) -> bool {
    tag.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Subject codes with all that they cover.
#[derive(Debug, Default)]
struct Subjects {
    codes: HashSet<String>,
    prefixes: Vec<String>,
}

impl Subjects {
    fn new(subscription: &Subscription, descendants: &BTreeMap<String, Vec<String>>) -> Self {
        let mut subjects = Self::default();
        for code in &subscription.subjects {
            if let Some(prefix) = code.strip_suffix('*') {
                subjects.prefixes.push(prefix.to_owned());
                continue;
            }
            subjects.codes.insert(code.clone());
            subjects.codes.extend(descendants.get(code).into_iter().flatten().cloned());
            subjects.prefixes.extend(subject_code_prefix(code).map(str::to_owned));
        }
        subjects
    }

    fn cover(&self, code: &str) -> bool {
        self.codes.contains(code) || self.prefixes.iter().any(|prefix| code.starts_with(prefix.as_str()))
    }
}

/// What the codes below `code` begin with, in the old IPTC subject codes: 2 digits for the subject, 3 for its matter,
/// 3 for the detail, and zeros where a level is not told apart.
fn subject_code_prefix(code: &str) -> Option<&str> {
    let digits = code.strip_prefix("subj:")?;
    if digits.len() != 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let told = match (&digits[2..5], &digits[5..]) {
        ("000", "000") => 2,
        (_, "000") => 5,
        _ => 8,
    };
    Some(&code[.."subj:".len() + told])
}
