//! Terms of vocabularies (subjects, genres, places), and people.

use percent_encoding::percent_decode_str;

use super::object::Object;
use crate::article::terms::{resolved, shortened};
use crate::article::text::one_line;
use crate::article::{Author, Concept, DecodeError, Kind};

/// What 1.x and Superdesk put beside a term's place in the story; these two are lists of their own in an article.
const KEYWORD: &str = "keyword";
const SECTION: &str = "section";

/// The terms in the list that goes by one of `names`.
pub fn all(item: &Object, names: &[&str]) -> Result<Vec<Concept>, DecodeError> {
    related(item, names, |_| true)
}

/// What the story is about; its sections and keywords stand apart.
pub fn subjects(item: &Object) -> Result<Vec<Concept>, DecodeError> {
    related(item, &["subjects", "subject"], |rel| !matches!(rel, Some(KEYWORD | SECTION)))
}

/// From the subjects that are said to be sections, and Superdesk's `service`.
pub fn sections(item: &Object) -> Result<Vec<String>, DecodeError> {
    let subjects = related(item, &["subjects", "subject"], |rel| rel == Some(SECTION))?;
    let services = all(item, &["service"])?;
    Ok(subjects.into_iter().chain(services).filter_map(word).collect())
}

/// From the subjects that are said to be keywords, and Superdesk's `keywords`.
pub fn keywords(item: &Object) -> Result<Vec<String>, DecodeError> {
    let subjects = related(item, &["subjects", "subject"], |rel| rel == Some(KEYWORD))?;
    let mut words: Vec<String> = subjects.into_iter().filter_map(word).collect();
    words.extend(item.lines(&["keywords"])?);
    Ok(words)
}

fn word(concept: Concept) -> Option<String> {
    concept.name.or(concept.code)
}

fn related(item: &Object, names: &[&str], wanted: impl Fn(Option<&str>) -> bool) -> Result<Vec<Concept>, DecodeError> {
    let mut concepts = Vec::new();
    for term in item.list(names)? {
        if wanted(term.line(&["rel"])?.as_deref()) {
            concepts.extend(concept(&term)?);
        }
    }
    Ok(concepts)
}

fn concept(term: &Object) -> Result<Option<Concept>, DecodeError> {
    let name = term.line(&["name"])?;
    if let Some((scheme, code)) = parted(term) {
        return Ok(Some(Concept { code: Some(code), scheme: Some(shortened(&scheme)), name }));
    }
    // A URI says more than the literal that stands beside it.
    let code = term.words(&["uri", "code", "qcode", "literal"]).find_map(one_line);
    let (scheme, code) = match code {
        Some(code) => {
            let (scheme, code) = resolved(term.line(&["scheme"])?, code);
            (scheme, Some(code))
        }
        None => (None, None),
    };
    Ok((name.is_some() || code.is_some()).then_some(Concept { code, scheme, name }))
}

/// The vocabulary and the bare code of a term whose literal says where in its URI the code begins.
fn parted(term: &Object) -> Option<(String, String)> {
    let (uri, literal) = (term.words(&["uri"]).find_map(one_line)?, term.words(&["literal"]).find_map(one_line)?);
    let vocabulary = match uri.strip_suffix(&literal) {
        Some(vocabulary) => vocabulary.to_owned(),
        // What cannot stand in a URI is spelled there in `%` and digits.
        None => percent_decode_str(&uri).decode_utf8().ok()?.strip_suffix(&literal)?.to_owned(),
    };
    vocabulary.ends_with(['/', '#', ':', '=']).then_some((vocabulary, literal))
}

/// The reporters: people with the relation of an author, and Superdesk's `authors`.
pub fn authors(item: &Object) -> Result<Vec<Author>, DecodeError> {
    let mut authors = Vec::new();
    for person in item.list(&["people", "person"])? {
        let rel = person.line(&["rel"])?.unwrap_or_default().to_ascii_lowercase();
        if matches!(rel.as_str(), "author" | "writer" | "reporter" | "creator" | "byline") {
            let uri = uri_of(&person);
            authors.extend(person.line(&["name"])?.map(|name| Author { name, uri, ..Author::default() }));
        }
    }
    if item.kind == Kind::Superdesk {
        for person in item.list(&["authors"])? {
            // The role is a code for what the person did, not the title that readers see.
            let role = person.line(&["role"])?.unwrap_or_default().to_ascii_lowercase();
            if matches!(role.as_str(), "photographer" | "editor" | "subeditor" | "translator" | "illustrator") {
                continue;
            }
            let title = match person.list(&["jobtitle"])?.first() {
                Some(title) => title.line(&["name"])?,
                None => None,
            };
            let uri = uri_of(&person);
            authors.extend(person.line(&["name"])?.map(|name| Author { name, role: title, uri, affiliation: None }));
        }
    }
    Ok(authors)
}

/// The URI that names a person; a code may be one, or a number that means something to its newsroom alone.
fn uri_of(person: &Object) -> Option<String> {
    let is_uri = |code: &&str| code.contains("://") || ["urn:", "tag:", "mailto:"].iter().any(|s| code.starts_with(s));
    person.words(&["uri", "code"]).find(is_uri).and_then(one_line)
}
