//! IPTC NewsML-G2: one text item (`newsItem`), alone or in a `newsMessage` with nothing else in it.
//!
//! Its text stands within it as NITF, as XHTML, or as plain text or HTML. What an inner NITF says beyond its text (a
//! headline, a byline) counts where the item itself says nothing. Codes are read by IPTC's standard aliases (`medtop`,
//! `subj`, `genre`, `stat`, `sig`); a catalog is never fetched, so an alias of the provider's own stays what it is.
//!
//! Lenient and strict as the other decoders are: what would change what readers get and cannot be understood refuses
//! the document.

mod content;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use super::decode::checked;
use super::html::web_address;
use super::note::opens_with_a_correction;
use super::terms::resolved;
use super::text::{one_line, prose};
use super::when::When;
use super::xml::{Document, Element};
use super::{Action, Article, Author, Concept, DecodeError, Guid, Kind, Urgency, Version, WireId};
use content::Content;

/// As for NITF.
const MOST_ITEMS: usize = 1000;

/// Whether an element called `name` is the root of a NewsML-G2 document, if not always one that is taken.
pub(super) fn is_root(name: &str) -> bool {
    matches!(name, "newsItem" | "newsMessage" | "packageItem" | "conceptItem" | "knowledgeItem" | "planningItem")
}

/// The article that `document` describes.
pub(super) fn decode(document: &Document<'_>, wire: &WireId) -> Result<Article, DecodeError> {
    let item = Item { document, root: news_item(document)? };
    let guid = item.guid()?;
    let (version, action) = item.version_and_action()?;
    match item.article(wire, guid.clone(), version, action) {
        // A story that has to come down comes down, whatever else is wrong with the document that says so.
        Err(_) if action.withdraws() => {
            let mut bare = Article::bare(wire.clone(), guid, version, action);
            bare.headline = item.headline(is_main).unwrap_or(bare.headline);
            bare.editor_note = item.editor_note();
            Ok(bare)
        }
        article => article,
    }
}

/// The one item that the document is about.
fn news_item<'d>(document: &'d Document<'_>) -> Result<&'d Element, DecodeError> {
    let refuse = |element, problem: String| document.refuse(Kind::NewsMlG2, element, problem);
    let root = &document.root;
    match root.name.as_str() {
        "newsItem" => Ok(root),
        "newsMessage" => {
            let items: Vec<&Element> = root.all("itemSet").flat_map(Element::elements).collect();
            match items[..] {
                [item] if item.name == "newsItem" => Ok(item),
                [other] => refuse(other, "is not taken; this daemon carries news items with a story's text".to_owned()),
                [] => refuse(root, "has no item in its itemSet; send one newsItem".to_owned()),
                [_, second, ..] => {
                    refuse(second, format!("is one of {} items; send each in a message of its own", items.len()))
                }
            }
        }
        other => {
            let problem =
                format!("is not taken: this daemon carries stories, and a {other} is none; send the newsItem");
            refuse(root, problem)
        }
    }
}

struct Item<'d> {
    document: &'d Document<'d>,
    root: &'d Element,
}

impl<'d> Item<'d> {
    fn refuse<T>(&self, element: &Element, problem: impl Into<String>) -> Result<T, DecodeError> {
        self.document.refuse(Kind::NewsMlG2, element, problem)
    }

    fn refuse_as<T>(&self, element: &Element, path: &str, problem: impl Into<String>) -> Result<T, DecodeError> {
        self.document.refuse_as(Kind::NewsMlG2, element, path, problem)
    }

    /// The properties called `name`, of the item or of its content.
    fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'d Element> + use<'d, 'n> {
        let parts = ["itemMeta", "contentMeta", "rightsInfo"];
        self.root
            .elements()
            .filter(move |part| parts.contains(&part.name.as_str()))
            .flat_map(move |part| part.all(name))
    }

    fn bounded(&self, name: &str) -> Result<Vec<&'d Element>, DecodeError> {
        let found: Vec<_> = self.all(name).collect();
        match found.get(MOST_ITEMS) {
            Some(one_too_many) => {
                let problem = format!("stands here {} times; at most {MOST_ITEMS} are taken", found.len());
                self.refuse(one_too_many, problem)
            }
            None => Ok(found),
        }
    }

    fn line(&self, name: &str) -> Option<String> {
        self.all(name).find_map(Element::line)
    }

    fn article(&self, wire: &WireId, guid: Guid, version: Version, action: Action) -> Result<Article, DecodeError> {
        self.refuse_what_is_no_text()?;
        let content = Content::of(self, action)?;
        let inner = |line: &dyn Fn(&super::nitf::Nitf<'_>) -> Option<String>| content.nitf.as_ref().and_then(line);
        let headline = self.headline(is_main).or_else(|| inner(&|nitf| nitf.headline(action)));
        let headline = headline.or_else(|| self.line("title")).or_else(|| self.line("slugline"));
        let headline = match headline {
            Some(headline) => headline,
            None if action.withdraws() => guid.to_string(),
            None => {
                let problem = "is missing, and there is neither a title nor a slugline in its place";
                return self.refuse_as(self.root, "headline", problem);
            }
        };
        let summary = self.summary().or_else(|| inner(&|nitf| nitf.line("abstract")));
        let (subjects, mut places) = self.subjects()?;
        places.extend(self.bounded("located")?.into_iter().filter_map(concept));
        let authors = match self.authors()? {
            authors if authors.is_empty() => content.authors,
            authors => authors,
        };
        let article = Article {
            wire: wire.clone(),
            guid,
            version,
            action,
            urgency: self.urgency()?,
            language: self.language(),
            slugline: self.line("slugline"),
            headline,
            subheadline: self.headline(|role| !is_main(role)).or_else(|| inner(&|nitf| nitf.subheadline())),
            summary,
            byline: self.line("by").or(content.byline),
            authors,
            dateline: self.line("dateline").or_else(|| inner(&|nitf| nitf.dateline())).or_else(|| {
                let located = self.all("located").find_map(concept);
                located.and_then(|place| place.name)
            }),
            body: content.body,
            subjects,
            genres: self.bounded("genre")?.into_iter().filter_map(concept).collect(),
            places,
            sections: self
                .bounded("service")?
                .into_iter()
                .filter_map(concept)
                .filter_map(|it| it.name.or(it.code))
                .collect(),
            keywords: self.bounded("keyword")?.into_iter().filter_map(Element::line).collect(),
            editor_note: [self.editor_note(), content.editor_note]
                .into_iter()
                .flatten()
                .reduce(|one, two| one + "\n" + &two),
            // NewsML-G2 has no words for readers about a correction or a withdrawal: its note is for editors alone.
            notice: None,
            created: self.time("firstCreated").or_else(|| self.time("contentCreated")),
            versioned: self.time("versionCreated"),
            embargo: self.deciding("embargoed")?.and_then(When::latest),
            expires: self.deciding("expires")?.and_then(When::earliest),
            rights_until: self.rights_until()?,
            canonical: self.canonical(),
            copyright_holder: self.all("copyrightHolder").find_map(named),
            copyright_notice: self.line("copyrightNotice"),
            usage_terms: self.all("usageTerms").find_map(|terms| prose(&terms.line()?)),
            media: content.media,
        };
        checked(article, Kind::NewsMlG2)
    }

    fn guid(&self) -> Result<Guid, DecodeError> {
        match self.root.line_of("guid") {
            Some(guid) => guid.parse().or_else(|why: String| self.refuse_as(self.root, "newsItem@guid", why)),
            None => {
                let problem = "is missing; a story needs a URI that stays the same for all of its versions";
                self.refuse_as(self.root, "newsItem@guid", problem)
            }
        }
    }

    fn refuse_what_is_no_text(&self) -> Result<(), DecodeError> {
        for class in self.all("itemClass") {
            let code = code_of(class).unwrap_or_default();
            if !matches!(code, "" | "text" | "composite") {
                let problem = format!("{code:?} is not taken: this daemon carries stories' texts");
                return self.refuse(class, problem);
            }
        }
        Ok(())
    }

    fn version_and_action(&self) -> Result<(Version, Action), DecodeError> {
        let given = match self.root.line_of("version") {
            None => None,
            Some(text) => match text.parse::<Version>() {
                Ok(version) => Some(version),
                Err(why) => {
                    let why = format!("{why}; a version is a whole number that grows with every change of the story");
                    return self.refuse_as(self.root, "newsItem@version", why);
                }
            },
        };
        let withdrawn = match self.all("pubStatus").find_map(|status| Some((status, code_of(status)?))) {
            None | Some((_, "usable")) => None,
            Some((_, "canceled")) => Some(Action::Kill),
            Some((_, "withheld")) => Some(Action::Withhold),
            Some((status, other)) => {
                let problem = format!("unknown status {other:?}; use stat:usable, stat:withheld or stat:canceled");
                return self.refuse(status, problem);
            }
        };
        match (withdrawn, given) {
            (Some(action), Some(version)) => Ok((version, action)),
            // Without one it would be version 1, a repeat of the story, and the story would stay up.
            (Some(action), None) => {
                let problem = format!("is missing; to {action} a story takes a version above the one that is out");
                self.refuse_as(self.root, "newsItem@version", problem)
            }
            (None, given) => {
                let version = given.unwrap_or(Version::FIRST);
                let action = match (self.is_correction(), version > Version::FIRST) {
                    (true, _) => Action::Correct,
                    (false, true) => Action::Update,
                    (false, false) => Action::Publish,
                };
                Ok((version, action))
            }
        }
    }

    fn is_correction(&self) -> bool {
        self.all("signal").any(|signal| code_of(signal).is_some_and(|code| code.eq_ignore_ascii_case("correction")))
            || self.all("edNote").filter_map(Element::line).any(|note| opens_with_a_correction(&note))
    }

    fn headline(&self, wanted: fn(Option<&str>) -> bool) -> Option<String> {
        self.all("headline").filter(|it| wanted(it.attribute("role").map(bare))).find_map(Element::line)
    }

    /// The description that sums the story up; those that stand for a picture do not.
    fn summary(&self) -> Option<String> {
        let rank = |text: &&Element| match text.attribute("role").map(bare) {
            Some("summary") => 0,
            None => 1,
            Some(_) => 2,
        };
        let is_caption = |text: &Element| text.attribute("role").is_some_and(|role| bare(role) == "caption");
        self.all("description").filter(|text| !is_caption(text)).min_by_key(rank).and_then(Element::line)
    }

    fn editor_note(&self) -> Option<String> {
        let notes: Vec<String> = self.all("edNote").filter_map(Element::line).collect();
        (!notes.is_empty()).then(|| notes.join("\n"))
    }

    fn language(&self) -> Option<String> {
        let tag = self.all("language").find_map(|language| language.line_of("tag"));
        tag.or_else(|| self.root.line_of("xml:lang")).map(|tag| tag.replace('_', "-"))
    }

    /// Absent or 0: normal. What lies off the scale is moved to its end.
    fn urgency(&self) -> Result<Urgency, DecodeError> {
        let Some((element, text)) = self.all("urgency").find_map(|it| Some((it, it.line()?))) else {
            return Ok(Urgency::NORMAL);
        };
        match text.parse::<u32>() {
            Ok(0) => Ok(Urgency::NORMAL),
            Ok(number) => {
                Urgency::try_from(u8::try_from(number.min(9)).unwrap_or(9)).or_else(|why| self.refuse(element, why))
            }
            Err(_) => self.refuse(element, format!("{text:?} is not a number; give 1 (flash) to 9, or leave it out")),
        }
    }

    /// Subjects, and among them the places that the story is about.
    fn subjects(&self) -> Result<(Vec<Concept>, Vec<Concept>), DecodeError> {
        let (places, subjects): (Vec<_>, Vec<_>) = self
            .bounded("subject")?
            .into_iter()
            .partition(|subject| subject.attribute("type").is_some_and(|kind| matches!(bare(kind), "geoArea" | "poi")));
        let concepts = |terms: Vec<&Element>| terms.into_iter().filter_map(concept).collect();
        Ok((concepts(subjects), concepts(places)))
    }

    fn authors(&self) -> Result<Vec<Author>, DecodeError> {
        let persons = self.bounded("creator")?.into_iter().filter(|creator| {
            creator.attribute("type").is_none_or(|kind| !bare(kind).to_ascii_lowercase().starts_with("org"))
        });
        let author = |creator: &Element| {
            let affiliation = creator.find("affiliation", &|_| false).into_iter().find_map(named);
            let uri = creator.line_of("uri").filter(|uri| uri.contains("://"));
            Some(Author { name: named(creator)?, role: None, affiliation, uri })
        };
        Ok(persons.filter_map(author).collect())
    }

    /// A time that decides nothing and cannot be understood is no reason to hold a story back.
    fn time(&self, name: &str) -> Option<Timestamp> {
        self.all(name).find_map(|time| When::parse(&time.line()?)?.utc())
    }

    fn deciding(&self, name: &str) -> Result<Option<When>, DecodeError> {
        let Some(element) = self.all(name).next() else { return Ok(None) };
        let Some(text) = element.line() else {
            // The schema allows it; it says that there is a limit, and not which.
            return self.refuse(element, "is empty; leave it out, or say when");
        };
        self.when(element, name, &text).map(Some)
    }

    /// The end of the first of the rights in the whole item that ends. What has `idrefs` is of a part of it.
    fn rights_until(&self) -> Result<Option<Timestamp>, DecodeError> {
        let rights = self.root.all("rightsInfo").filter(|rights| rights.attribute("idrefs").is_none());
        let ends = rights.filter_map(|rights| Some((rights, rights.attribute("validto")?)));
        let ends: Result<Vec<When>, DecodeError> =
            ends.map(|(rights, text)| self.when(rights, "rightsInfo@validto", text)).collect();
        Ok(ends?.into_iter().filter_map(When::earliest).min())
    }

    fn when(&self, element: &Element, path: &str, text: &str) -> Result<When, DecodeError> {
        match When::parse(text) {
            Some(when) => Ok(when),
            None => {
                let problem = format!("{text:?} is not a time; write it as ISO 8601 does: \"2026-11-24T12:00:00Z\"");
                self.refuse_as(element, path, problem)
            }
        }
    }

    /// A link that says it leads to the story as the web shows it.
    fn canonical(&self) -> Option<String> {
        let says = |link: &Element| {
            link.attribute("rel").is_some_and(|rel| bare(rel).to_ascii_lowercase().contains("canonical"))
        };
        self.all("link").filter(|link| says(link)).find_map(|link| link.attribute("href").and_then(web_address))
    }
}

fn is_main(role: Option<&str>) -> bool {
    role.is_none_or(|role| role.eq_ignore_ascii_case("main"))
}

/// What follows the alias in a qcode, or the last part of a URI.
fn bare(code: &str) -> &str {
    code.trim().trim_end_matches('/').rsplit([':', '/', '#']).next().unwrap_or_default()
}

/// The code that a property holds, without its scheme.
fn code_of(property: &Element) -> Option<&str> {
    ["qcode", "uri", "literal"].iter().find_map(|name| property.attribute(name)).map(bare)
}

/// The name of a property's concept, in the first language that stands there; failing that, what it has in place of a
/// code.
fn named(property: &Element) -> Option<String> {
    property.all("name").find_map(Element::line).or_else(|| property.line_of("literal"))
}

fn concept(term: &Element) -> Option<Concept> {
    let name = term.all("name").find_map(Element::line);
    let coded = term.line_of("qcode").map(|qcode| match qcode.split_once(':') {
        Some((alias, code)) if !alias.is_empty() && !code.is_empty() => {
            let (scheme, code) = resolved(Some(alias.to_owned()), code.to_owned());
            (scheme, Some(code))
        }
        _ => (None, Some(qcode)),
    });
    let by_uri = || term.line_of("uri").map(|uri| resolved(None, uri)).map(|(scheme, code)| (scheme, Some(code)));
    let literal = || one_line(term.attribute("literal")?).map(|code| (None, Some(code)));
    let (scheme, code) = coded.or_else(by_uri).or_else(literal).unwrap_or((None, None));
    (name.is_some() || code.is_some()).then_some(Concept { code, scheme, name })
}
