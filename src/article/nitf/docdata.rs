//! What `docdata` and its neighbours say of the story: when, where, what about, how urgent.

use jiff::Timestamp;

use super::Nitf;
use crate::article::note::opens_with_an_embargo;
use crate::article::terms::resolved;
use crate::article::when::When;
use crate::article::xml::Element;
use crate::article::{Action, Concept, DecodeError, Urgency};

/// The scheme of a number of the IPTC: since 2010 its media topics, whose numbers begin with 2 below the first level,
/// and before them its subject codes.
const FIRST_MEDIA_TOPIC: u32 = 20_000_000;

/// When a version was made, and when it may be out.
pub struct Times {
    pub issued: Option<Timestamp>,
    pub embargo: Option<Timestamp>,
    pub expires: Option<Timestamp>,
    pub rights_until: Option<Timestamp>,
}

impl Nitf<'_> {
    /// The times, each where it is given. A `date.release` that is not after the `date.issue` beside it is what many
    /// write on every story, and no embargo.
    pub(super) fn times(&self, note: Option<&str>, action: Action) -> Result<Times, DecodeError> {
        // A time that decides nothing and cannot be understood is no reason to hold a story back.
        let issued = self.all("date.issue").into_iter().find_map(|date| When::parse(date.attribute("norm")?));
        let release = self.deciding("date.release")?;
        let release = release.filter(|release| !issued.is_some_and(|issued| is_same_clock(*release, issued)));
        let status = self.all("docdata").into_iter().find(|it| is_embargoed(it));
        if release.is_none() && self.all("date.release").is_empty() && !action.withdraws() {
            let problem = "is missing, but the story is said to be embargoed; add when the embargo ends";
            if let Some(docdata) = status {
                return self.refuse_as(docdata, "date.release", problem);
            }
            // PA and others say it in words too; said in words alone, nobody here could hold it back.
            if note.is_some_and(opens_with_an_embargo) {
                return self.refuse_as(self.root, "date.release", problem);
            }
        }
        Ok(Times {
            issued: issued.and_then(When::utc),
            embargo: release.and_then(When::latest),
            expires: self.deciding("date.expire")?.and_then(When::earliest),
            rights_until: self.rights_until()?,
        })
    }

    /// The end of the first of the rights that ends: each may be a right of its own, to print or to keep.
    fn rights_until(&self) -> Result<Option<Timestamp>, DecodeError> {
        let ends: Result<Vec<When>, DecodeError> =
            self.dates("doc.rights", "enddate").chain(self.dates("rights.enddate", "norm")).collect();
        Ok(ends?.into_iter().filter_map(When::earliest).min())
    }

    fn deciding(&self, name: &str) -> Result<Option<When>, DecodeError> {
        self.dates(name, "norm").next().transpose()
    }

    /// The times that the elements called `name` have in `attribute`.
    fn dates<'n>(
        &self,
        name: &'n str,
        attribute: &'n str,
    ) -> impl Iterator<Item = Result<When, DecodeError>> + use<'_, 'n> {
        let given = self.all(name).into_iter().filter_map(move |date| Some((date, date.attribute(attribute)?)));
        given.map(move |(date, text)| match When::parse(text) {
            Some(when) => Ok(when),
            None => {
                let problem = format!("{text:?} is not a time; write it as ISO 8601 does: \"20261124T120000Z\"");
                self.refuse_as(date, &format!("{name}@{attribute}"), problem)
            }
        })
    }

    /// NITF's scale is the IPTC's without its last step, 9. Absent or 0: normal. What lies off it is moved to its end.
    pub(super) fn urgency(&self) -> Result<Urgency, DecodeError> {
        let urgencies = self.all("urgency");
        let given = urgencies.iter().find_map(|it| Some((*it, it.attribute("ed-urg")?.trim())));
        let Some((element, given)) = given else { return Ok(Urgency::NORMAL) };
        match given.parse::<u32>() {
            Ok(0) => Ok(Urgency::NORMAL),
            Ok(number) => {
                let nearest = u8::try_from(number.min(9)).unwrap_or(9);
                Urgency::try_from(nearest).or_else(|why| self.refuse(element, why))
            }
            Err(_) => {
                let problem = format!("{given:?} is not a number; give 1 (most urgent) to 8, or leave it out");
                self.refuse_as(element, "urgency@ed-urg", problem)
            }
        }
    }

    pub(super) fn subjects(&self) -> Result<Vec<Concept>, DecodeError> {
        let subjects = self.bounded("tobject.subject")?;
        Ok(subjects.into_iter().filter_map(subject).collect())
    }

    pub(super) fn genres(&self) -> Result<Vec<Concept>, DecodeError> {
        let properties = self.bounded("tobject.property")?;
        let name = |property: &Element| property.line_of("tobject.property.type");
        Ok(properties
            .into_iter()
            .filter_map(|it| Some(Concept { name: Some(name(it)?), ..Concept::default() }))
            .collect())
    }

    /// Where it happened (`evloc`), and the places that it is about.
    pub(super) fn places(&self) -> Result<Vec<Concept>, DecodeError> {
        let happened = self.bounded("evloc")?.into_iter().filter_map(|evloc| {
            let parts =
                ["city", "county-dist", "state-prov", "region"].into_iter().filter_map(|name| evloc.line_of(name));
            let country = evloc.line_of("iso-cc");
            let names: Vec<String> = parts.chain(country.clone()).collect();
            match (names.len(), country) {
                (0, _) => None,
                // The alias of ISO 3166's codes in the IPTC's catalog.
                (1, Some(code)) => {
                    let scheme = if code.len() == 2 { "iso3166-1a2" } else { "iso3166-1a3" };
                    Some(Concept { code: Some(code), scheme: Some(scheme.to_owned()), name: None })
                }
                _ => Some(Concept { name: Some(names.join(", ")), ..Concept::default() }),
            }
        });
        let about =
            self.bounded("identified-content")?.into_iter().flat_map(|it| it.all("location")).filter_map(|it| {
                let (scheme, code) = match it.line_of("location-code") {
                    Some(code) => (it.line_of("code-source"), Some(code)),
                    None => (None, None),
                };
                let name = it.line();
                (code.is_some() || name.is_some()).then_some(Concept { code, scheme, name })
            });
        let mut places: Vec<Concept> = happened.chain(about).collect();
        places.truncate(super::MOST_ITEMS);
        Ok(places)
    }

    /// From `pubdata` and from the metas in which agencies put theirs, each once.
    pub(super) fn sections(&self) -> Result<Vec<String>, DecodeError> {
        let positions = self.bounded("pubdata")?.into_iter().filter_map(|it| it.line_of("position.section"));
        let metas = ["section", "category", "anpa-category"].into_iter().filter_map(|name| self.meta(name));
        let classes =
            self.bounded("classifier")?.into_iter().filter(|it| it.attribute("type") == Some("apcategorycode"));
        let classes = classes.filter_map(|it| it.line_of("value").or_else(|| it.line()));
        let mut sections = Vec::new();
        for section in positions.chain(metas).chain(classes) {
            if !sections.contains(&section) {
                sections.push(section);
            }
        }
        Ok(sections)
    }

    /// The key list, and the series that the story is a part of.
    pub(super) fn keywords(&self) -> Result<Vec<String>, DecodeError> {
        let words = self.bounded("keyword")?.into_iter().filter_map(|it| it.line_of("key").or_else(|| it.line()));
        let series = self.bounded("series")?.into_iter().filter_map(|it| it.line_of("series.name"));
        Ok(words.chain(series).collect())
    }
}

fn is_embargoed(docdata: &Element) -> bool {
    docdata.attribute("management-status").is_some_and(|status| status.trim().eq_ignore_ascii_case("embargoed"))
}

fn is_same_clock(release: When, issued: When) -> bool {
    // Where both name their instant the one tells all; it is kept.
    matches!((release, issued), (When::Local(_), When::Local(_))) && release.not_after(issued)
}

/// A term by its number, and the most exact of its names.
fn subject(subject: &Element) -> Option<Concept> {
    let name = ["detail", "matter", "type"].iter().find_map(|part| subject.line_of(&format!("tobject.subject.{part}")));
    let owner = subject.line_of("tobject.subject.ipr");
    let of_iptc = owner.as_deref().is_none_or(|owner| owner.eq_ignore_ascii_case("IPTC"));
    let code = subject.line_of("tobject.subject.refnum");
    let (scheme, code) = match code {
        None => (None, None),
        Some(code) if of_iptc => match resolved(None, code) {
            (None, code) => (scheme_of(&code).map(str::to_owned), Some(code)),
            (scheme, code) => (scheme, Some(code)),
        },
        Some(code) => {
            let owner = owner.unwrap_or_default();
            let bare = code.strip_prefix(&owner).and_then(|rest| rest.strip_prefix(':')).unwrap_or(&code).to_owned();
            let (scheme, code) = resolved(Some(owner), bare);
            (scheme, Some(code))
        }
    };
    (name.is_some() || code.is_some()).then_some(Concept { code, scheme, name })
}

/// Which of the IPTC's vocabularies an eight-digit number is of.
fn scheme_of(code: &str) -> Option<&'static str> {
    let number = code.parse::<u32>().ok().filter(|_| code.len() == 8)?;
    Some(if number >= FIRST_MEDIA_TOPIC { "medtop" } else { "subj" })
}
