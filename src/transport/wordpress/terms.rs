//! Categories and tags: from what a story is about to the numbers that WordPress has for its terms.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::document::Document;
use super::site::{Ask, Site, Trouble};
use crate::config::{Term, WordPress};
use crate::transport::{Class, Parcel};

/// How long a term that was found is taken to be there still.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A destination's terms.
pub struct Terms {
    categories: BTreeMap<String, Term>,
    tags: BTreeMap<String, Term>,
    default_category: Option<Term>,
    create: bool,
    /// The numbers of names, as many as the configuration has.
    known: Mutex<HashMap<(Kind, String), (u64, Instant)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Category,
    Tag,
}

impl Kind {
    fn route(self) -> &'static str {
        match self {
            Self::Category => "/wp/v2/categories",
            Self::Tag => "/wp/v2/tags",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Tag => "tag",
        }
    }
}

impl Terms {
    pub fn new(settings: &WordPress) -> Self {
        let by_key = |terms: &BTreeMap<String, Term>| {
            terms.iter().map(|(key, term)| (key.trim().to_lowercase(), term.clone())).collect()
        };
        Self {
            categories: by_key(&settings.categories),
            tags: by_key(&settings.tags),
            default_category: settings.default_category.clone(),
            create: settings.create_terms,
            known: Mutex::default(),
        }
    }

    /// The numbers of the categories and of the tags of `document`. A term that the site does not have is left out: the
    /// story is worth more than its place.
    ///
    /// # Errors
    /// When the site cannot be asked. Nothing of the story has been sent then.
    pub async fn of(&self, site: &Site, parcel: &Parcel, document: &Document) -> Result<(Vec<u64>, Vec<u64>), Trouble> {
        let mut categories = self.numbers(Kind::Category, &wanted(&self.categories, document), site, parcel).await?;
        if let Some(term) = self.default_category.as_ref().filter(|_| categories.is_empty()) {
            categories = self.numbers(Kind::Category, &[term], site, parcel).await?;
        }
        let tags = self.numbers(Kind::Tag, &wanted(&self.tags, document), site, parcel).await?;
        Ok((categories, tags))
    }

    async fn numbers(&self, kind: Kind, terms: &[&Term], site: &Site, parcel: &Parcel) -> Result<Vec<u64>, Trouble> {
        let mut numbers = Vec::new();
        for term in terms {
            let number = match term {
                Term::Id(number) => Some(*number),
                Term::Name(name) => self.number(kind, name, site, parcel).await?,
            };
            numbers.extend(number.filter(|number| !numbers.contains(number)));
        }
        Ok(numbers)
    }

    async fn number(&self, kind: Kind, name: &str, site: &Site, parcel: &Parcel) -> Result<Option<u64>, Trouble> {
        let key = (kind, name.to_owned());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known().get(&key).filter(|(_, since)| since.elapsed() < REMEMBERED).map(|(number, _)| *number);
        if remembered.is_some() {
            return Ok(remembered);
        }
        // WordPress makes the slug of a name in its own way; as an item of a list, the name is not cut at its spaces.
        let found = site.ask(Ask::Get, kind.route(), &[("slug[]", name), ("_fields", "id")], parcel).await?;
        let mut number = found[0]["id"].as_u64();
        if number.is_none() && self.create {
            number = match site.ask(Ask::Post(&json!({ "name": name })), kind.route(), &[], parcel).await {
                Ok(made) => made["id"].as_u64(),
                Err(Trouble { term: Some(number), .. }) => Some(number),
                // The user may not make one, or the name is none.
                Err(trouble) if trouble.code.is_some() && !matches!(trouble.outcome.class, Class::Unknown { .. }) => {
                    warn(kind, name, site, parcel, &trouble.outcome.detail);
                    return Ok(None);
                }
                Err(mut trouble) => {
                    // A term may have been made; of the story nothing has left.
                    trouble.outcome.class = Class::Deferred { retry_after: None, maybe_document: false };
                    return Err(trouble);
                }
            };
        }
        match number {
            Some(number) => drop(known().insert(key, (number, Instant::now()))),
            None => {
                warn(kind, name, site, parcel, "the site has none of that name; make it there, or set create_terms")
            }
        }
        Ok(number)
    }
}

fn warn(kind: Kind, name: &str, site: &Site, parcel: &Parcel, reason: &str) {
    tracing::warn!(story = %parcel.story, site = site.name, term = name, reason, "no such {}", kind.word());
}

/// The terms that `document`'s topics are mapped to, in the order of the topics, each once.
fn wanted<'a>(mapping: &'a BTreeMap<String, Term>, document: &Document) -> Vec<&'a Term> {
    if mapping.is_empty() {
        return Vec::new();
    }
    let mut wanted = Vec::new();
    for term in document.topics().filter_map(|topic| mapping.get(&topic.trim().to_lowercase())) {
        if !wanted.contains(&term) {
            wanted.push(term);
        }
    }
    wanted
}

/// `terms` as the fields of a post; fields without terms are left to the site.
pub fn fields((categories, tags): (Vec<u64>, Vec<u64>)) -> impl Iterator<Item = (String, Value)> {
    let fields = [("categories", categories), ("tags", tags)];
    fields.into_iter().filter(|(_, terms)| !terms.is_empty()).map(|(name, terms)| (name.to_owned(), terms.into()))
}
