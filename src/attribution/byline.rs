//! Who wrote it: one credit made of the authors, or of the byline as the newsroom wrote it.

use super::{stands_in, tidy};
use crate::article::{Article, Author};
use crate::config::{Field, Fields, Line, Wire};

/// The credit of an article's reporters, without their affiliation with the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Names with roles: `Amber Randall, Civil Rights Reporter`.
    pub text: String,
    /// What of it has to be found again. Of a byline that came as one line, that is the whole line.
    pub names: Vec<String>,
}

/// The credit of `article`, or `None` when it names nobody. Authors count for more than the raw byline; the role of a
/// single author who has none is taken from it.
pub fn credit(article: &Article, wire: &Wire, affiliation: &str, fields: &Fields) -> Option<Credit> {
    let house: Vec<String> = [&wire.name, &wire.short_name].into_iter().filter_map(|name| tidy(name)).collect();
    let is_house = |text: &str| {
        house.iter().map(String::as_str).chain([affiliation]).any(|name| name.to_lowercase() == text.to_lowercase())
    };
    let word = word(article, wire);
    let words = [word.as_deref(), Some("By"), word_of(article.language.as_deref())];
    let raw = article.byline.as_deref().map(|raw| without_form(raw, article, wire, affiliation, fields));
    let raw = raw.and_then(|raw| bare(&raw, &words, is_house));

    let authors: Vec<(String, &Author)> =
        article.authors.iter().filter_map(|author| Some((tidy(&author.name)?, author))).collect();
    if authors.is_empty() {
        return raw.map(|raw| Credit { names: vec![raw.clone()], text: raw });
    }
    if let Some(raw) = raw.as_deref()
        && let Some(names) = names_more(raw, &authors)
    {
        return Some(Credit { text: raw.to_owned(), names });
    }
    let alone = authors.len() == 1;
    let parts: Vec<Vec<String>> = authors
        .iter()
        .map(|(name, author)| {
            let told = || raw.as_deref().filter(|_| alone).and_then(|raw| after_name(raw, name));
            let role = match (author.role.as_deref().and_then(tidy), told()) {
                // The line knows the role too, and more: a house that the author has lost on the way.
                (Some(role), Some(told)) if told.starts_with(&role) => Some(told),
                (role, told) => role.or(told),
            };
            let house = author.affiliation.as_deref().and_then(tidy);
            let house =
                house.filter(|other| !is_house(other) && !role.as_ref().is_some_and(|role| stands_in(role, other)));
            [Some(name.clone()), role, house].into_iter().flatten().collect()
        })
        .collect();
    Some(Credit {
        text: joined(&parts, article.language.as_deref()),
        names: authors.into_iter().map(|(name, _)| name).collect(),
    })
}

/// The byline as readers see it, and for fields whose name says "by": without the word. Where nobody is named, it is
/// the affiliation alone, or what the wire has for that.
pub fn texts(
    article: &Article,
    wire: &Wire,
    credit: Option<&Credit>,
    affiliations: &[String],
    fields: &Fields,
) -> (String, String) {
    let affiliation = affiliations.join(", ");
    let house = |word: &str, line: &Line| {
        let mut fields = fields.clone();
        fields.insert(Field::Word, word.to_owned());
        fields.insert(Field::Affiliation, affiliation.clone());
        fields.extend(credit.map(|credit| (Field::Names, credit.text.clone())));
        // A field that the article lacks: the usual form is better than none.
        tidy(&line.fill(&fields).ok()?)
    };
    let word = word(article, wire).unwrap_or_default();
    let form = if credit.is_some() { &wire.byline } else { &wire.byline_of_nobody };
    if let Some(form) = form
        && let (Some(with), Some(without)) = (house(&word, form), house("", form))
    {
        return (with, without);
    }
    let names = credit.map_or("", |credit| credit.text.as_str());
    let without = if names.is_empty() {
        affiliation
    } else {
        let mut text = names.to_owned();
        for name in affiliations {
            if !stands_in(&text, name) {
                text = format!("{text}, {name}");
            }
        }
        text
    };
    let with = if names.is_empty() || word.is_empty() { without.clone() } else { format!("{word} {without}") };
    (with, without)
}

/// The word before the names, in the language of the article.
fn word(article: &Article, wire: &Wire) -> Option<String> {
    let language = article.language.as_deref().and_then(|tag| tag.split(['-', '_']).next());
    let own = language.and_then(|language| wire.byline_words.get(&language.to_ascii_lowercase()));
    tidy(own.unwrap_or(&wire.byline_word))
}

/// A raw byline without what the wire's form of bylines puts around the names: it went out once and came back.
fn without_form(raw: &str, article: &Article, wire: &Wire, affiliation: &str, fields: &Fields) -> String {
    const NAMES: &str = "\u{1}";
    let around = |word: String| {
        let mut fields = fields.clone();
        fields.insert(Field::Word, word);
        fields.insert(Field::Affiliation, affiliation.to_owned());
        fields.insert(Field::Names, NAMES.to_owned());
        wire.byline.as_ref()?.fill(&fields).ok()
    };
    let raw = tidy(raw).unwrap_or_default();
    for form in [word(article, wire).and_then(around), around(String::new())].into_iter().flatten() {
        if let Some((before, after)) = form.trim().split_once(NAMES)
            && let Some(names) = strip_ignoring_case(&raw, before)
            && let Some(end) = names.len().checked_sub(after.len())
            && names.get(end..).is_some_and(|tail| tail.eq_ignore_ascii_case(after))
        {
            return names[..end].to_owned();
        }
    }
    raw
}

/// A raw byline without the word for "by" before it and the wire's own name after it.
fn bare(raw: &str, words: &[Option<&str>], is_house: impl Fn(&str) -> bool) -> Option<String> {
    let raw = tidy(raw)?;
    let mut text = raw.as_str();
    while let Some(rest) = words.iter().flatten().find_map(|word| after_word(text, word)) {
        text = rest;
    }
    while let Some((before, tail)) = text.rsplit_once([',', '/', '|', '–', '—']) {
        if !is_house(tail.trim()) {
            break;
        }
        text = before.trim_end();
    }
    (!text.is_empty() && !is_house(text)).then(|| text.to_owned())
}

/// The word for "by" in the language of the article.
fn word_of(language: Option<&str>) -> Option<&'static str> {
    Some(match language?.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
        "de" => "Von",
        "fr" => "Par",
        "es" | "pt" => "Por",
        "it" => "Di",
        "nl" => "Door",
        "sv" | "no" | "nb" | "nn" | "da" => "Av",
        _ => return None,
    })
}

/// The names of `authors` as a byline spells them that names all of them and somebody else too: one of the parts that it
/// joins has none of them in it.
fn names_more(raw: &str, authors: &[(String, &Author)]) -> Option<Vec<String>> {
    // Many a byline is in capitals.
    let spelled = |name: &str| {
        let here = |(at, _)| strip_ignoring_case(&raw[at..], name).map(|rest| &raw[at..raw.len() - rest.len()]);
        raw.char_indices().find_map(|at| here(at).filter(|found| stands_in(raw, found))).map(str::to_owned)
    };
    let names: Vec<String> = authors.iter().map(|(name, _)| spelled(name)).collect::<Option<_>>()?;
    let lowered = raw.to_lowercase();
    let has_name = |part: &str| names.iter().any(|name| part.contains(&name.to_lowercase()));
    let mut parts = lowered.split(" and ").flat_map(|part| part.split(" & "));
    parts.any(|part| !has_name(part)).then_some(names)
}

/// What follows `word` in `text`, when the text begins with it as a word of its own.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = strip_ignoring_case(text, word)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim_start())
}

/// The role in `Name, Role`.
fn after_name(raw: &str, name: &str) -> Option<String> {
    tidy(strip_ignoring_case(raw, name)?.strip_prefix(',')?)
}

fn strip_ignoring_case<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let head = text.get(..start.len())?;
    (head.to_lowercase() == start.to_lowercase()).then(|| &text[start.len()..])
}

/// `A`, `A and B`, `A, B and C`; with roles `A, Role, and B`. The word "and" only stands in English.
fn joined(parts: &[Vec<String>], language: Option<&str>) -> String {
    let english = language.is_none_or(|tag| tag.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("en")));
    let with_roles = parts.iter().any(|part| part.len() > 1);
    let last = match (english, with_roles) {
        (true, true) => ", and ",
        (true, false) => " and ",
        (false, _) => ", ",
    };
    let lines: Vec<String> = parts.iter().map(|part| part.join(", ")).collect();
    match lines.split_last() {
        Some((end, start)) if !start.is_empty() => format!("{}{last}{end}", start.join(", ")),
        _ => lines.concat(),
    }
}
