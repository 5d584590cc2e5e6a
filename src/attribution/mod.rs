//! Attribution: what a wire's licence demands of whoever republishes one article, resolved to words and addresses,
//! and the proof that a finished document carries it.
//!
//! Promise 6: no attribution, no delivery. What leaves was checked by code that reads the finished bytes and shares
//! nothing with the code that wrote them. So this module has two halves that meet only in [`Attribution::required`]:
//! the policy ([`Attribution`], its closing block, the [`media`] rule), which the formats write from, and the
//! [`mod@proof`], which reads what they wrote.
//!
//! A required element that neither the wire nor the article can supply stops the delivery here, before anything is
//! written ([`Missing`]). An element that the wire supplies without requiring it is written all the same, and not
//! asked for. A withdrawal (`kill`, `withhold`) owes nothing: nobody is to republish it.
//!
//! This module knows nothing of how a format is written, nor of partners and their doors.

mod byline;
pub mod media;
pub mod proof;
#[cfg(test)]
pub(crate) mod sample;

pub use proof::{Lack, Proved, Unproved, prove};

use std::fmt;

use crate::article::body::inline_text;
use crate::article::{Article, Block, Body, Guid, Inline, Version, WireId, body, clean};
use crate::config::{Element, Wire};
use byline::Credit;
use url::Url;

/// A wire's policy, resolved for one article. Every text in it is clean, on one line and trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    pub agency: Agency,
    /// How the reporter's affiliation with the wire reads: `Daily Caller News Foundation`.
    pub affiliation: String,
    pub logo: Option<Logo>,
    pub licence: Option<Licence>,
    /// A mail or web address for questions about licensing.
    pub contact: Option<String>,
    credit: Option<Credit>,
    required: Vec<Required>,
}

/// The agency behind the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    pub name: String,
    pub short_name: String,
    pub url: Option<String>,
}

/// The agency's logo, as it stands in documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    pub url: String,
    /// Never empty.
    pub alt: String,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// The terms, as they stand in documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    pub id: Option<String>,
    pub url: Option<String>,
    pub line: String,
}

/// One element that the finished document must carry: all of `needles` together, in one and the same passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    pub element: Element,
    pub needles: Vec<String>,
}

/// A required element cannot be supplied, so the article cannot go out under this policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    pub story: Guid,
    pub version: Version,
    pub wire: WireId,
    /// Never empty.
    pub elements: Vec<Element>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { story, version, wire, elements } = self;
        write!(f, "story {story} version {version} cannot carry what the wire \"{wire}\" requires: ")?;
        for (at, element) in elements.iter().enumerate() {
            let mend = match element {
                Element::Logo => format!("no logo is configured; set wires.{wire}.logo.url"),
                Element::Byline => "the article names no reporter; give it `authors` or a `byline`".to_owned(),
                Element::Affiliation => format!("the affiliation is blank; set wires.{wire}.affiliation"),
                Element::Licence => format!("no licence is configured; set wires.{wire}.licence.line"),
                Element::Contact => format!("no contact is configured; set wires.{wire}.contact"),
            };
            write!(f, "{}{}: {mend}", if at > 0 { "; " } else { "" }, element.as_str())?;
        }
        write!(f, " (or leave the element out of wires.{wire}.require)")
    }
}

impl Attribution {
    /// What `wire` asks of whoever republishes `article`.
    ///
    /// # Errors
    /// When a required element can come from neither of them; a withdrawal never fails.
    pub fn resolve(article: &Article, wire: &Wire) -> Result<Self, Missing> {
        let name = tidy(&wire.name).unwrap_or_default();
        let affiliation = wire.affiliation.as_deref().and_then(tidy).unwrap_or_else(|| name.clone());
        let logo = wire.logo.as_ref().and_then(|logo| {
            Some(Logo {
                url: spelled(tidy(&logo.url)?),
                alt: logo.alt.as_deref().and_then(tidy).or_else(|| tidy(&name))?,
                width: logo.width,
                height: logo.height,
            })
        });
        let licence = wire.licence.as_ref().and_then(|licence| {
            Some(Licence {
                id: licence.id.as_deref().and_then(tidy),
                url: licence.url.as_deref().and_then(tidy),
                line: tidy(&licence.line)?,
            })
        });
        let mut attribution = Self {
            credit: byline::credit(article, wire, &affiliation),
            agency: Agency {
                name,
                short_name: tidy(&wire.short_name).unwrap_or_default(),
                url: wire.url.as_deref().and_then(tidy),
            },
            affiliation,
            logo,
            licence,
            contact: wire.contact.as_deref().and_then(tidy),
            required: Vec::new(),
        };
        if article.action.withdraws() {
            return Ok(attribution);
        }
        let mut elements = Vec::new();
        for element in wire.require.iter().copied() {
            match attribution.needles(element) {
                Some(needles) => attribution.required.push(Required { element, needles }),
                None => elements.push(element),
            }
        }
        if elements.is_empty() {
            return Ok(attribution);
        }
        Err(Missing { story: article.guid.clone(), version: article.version, wire: article.wire.clone(), elements })
    }

    /// What must be found in the finished document. The affiliation is the reporter's, so it is only found where the
    /// reporter's name stands too: a story that mentions the agency has not named its reporter's affiliation.
    pub fn required(&self) -> &[Required] {
        &self.required
    }

    fn needles(&self, element: Element) -> Option<Vec<String>> {
        let names = || self.credit.as_ref().map(|credit| credit.names.clone());
        match element {
            Element::Logo => self.logo.as_ref().map(|logo| vec![logo.url.clone()]),
            Element::Byline => names(),
            Element::Affiliation if self.affiliation.is_empty() => None,
            Element::Affiliation => {
                let mut needles = names().unwrap_or_default();
                needles.push(self.affiliation.clone());
                Some(needles)
            }
            Element::Licence => self.licence.as_ref().map(|licence| vec![licence.line.clone()]),
            Element::Contact => self.contact.as_ref().map(|contact| vec![contact.clone()]),
        }
    }

    /// The byline as readers see it: `By Amber Randall, Civil Rights Reporter, Daily Caller News Foundation`. Where no
    /// reporter is named, the affiliation alone.
    pub fn byline(&self) -> String {
        match &self.credit {
            Some(Credit { word: Some(word), .. }) => format!("{word} {}", self.byline_without_word()),
            _ => self.byline_without_word(),
        }
    }

    /// The byline for fields whose name already says "by": names, roles and affiliation.
    pub fn byline_without_word(&self) -> String {
        let credit = self.credit.as_ref().map_or("", |credit| credit.text.as_str());
        if credit.is_empty() {
            self.affiliation.clone()
        } else if self.affiliation.is_empty() || stands_in(credit, &self.affiliation) {
            credit.to_owned()
        } else {
            format!("{credit}, {}", self.affiliation)
        }
    }

    /// The licence line and, unless it says the same, what the article says of its use.
    pub fn usage_terms(&self, article: &Article) -> Option<String> {
        let own = article.usage_terms.as_deref().and_then(tidy);
        match (self.licence.as_ref().map(|licence| licence.line.as_str()), own) {
            (Some(line), Some(own)) if !line.contains(&own) && !own.contains(line) => Some(format!("{line} {own}")),
            (Some(line), Some(own)) if own.len() > line.len() => Some(own),
            (Some(line), _) => Some(line.to_owned()),
            (None, own) => own,
        }
    }

    /// The blocks that close the text readers see: the logo, the byline with the affiliation, the licence line linked
    /// to its terms, the contact. What `body` already carries word for word is not said a second time.
    pub fn closing(&self, body: &Body) -> Vec<Block> {
        let mut passages = Vec::new();
        gather(&body.blocks, &mut passages);
        let carried = |text: &str| passages.iter().any(|passage| passage.contains(text));
        let named = |text: &str| passages.iter().any(|passage| stands_in(passage, text));

        let mut closing = Vec::new();
        if let Some(logo) = &self.logo {
            closing.push(Block::Image(body::Image {
                src: logo.url.clone(),
                alt: logo.alt.clone(),
                caption: Vec::new(),
                width: logo.width,
                height: logo.height,
            }));
        }
        let byline = self.byline();
        let leads = match body.blocks.iter().find(|block| !matches!(block, Block::Image(_))) {
            Some(Block::Paragraph(inlines)) => {
                let mut text = String::new();
                inline_text(inlines, &mut text);
                // On one line, so that it is one in plain text too.
                !text.trim().contains('\n') && tidy(&text).as_ref() == Some(&byline)
            }
            _ => false,
        };
        if !byline.is_empty() && !leads {
            closing.push(Block::Paragraph(self.linked_byline(byline)));
        }
        if let Some(licence) = &self.licence
            && !carried(&licence.line)
        {
            closing.push(Block::Paragraph(vec![linked(&licence.line, licence.url.as_deref())]));
        }
        if let Some(contact) = &self.contact {
            let in_licence = self.licence.as_ref().is_some_and(|licence| stands_in(&licence.line, contact));
            if !in_licence && !named(contact) {
                let address = contact_href(contact);
                let label = Inline::Text("Licensing: ".to_owned());
                closing.push(Block::Paragraph(vec![label, linked(contact, address.as_deref())]));
            }
        }
        closing
    }

    /// The byline with the affiliation, which ends it, linked to the agency's site.
    fn linked_byline(&self, mut byline: String) -> Vec<Inline> {
        match byline.strip_suffix(&self.affiliation).map(str::len) {
            Some(before) if self.agency.url.is_some() && !self.affiliation.is_empty() => {
                byline.truncate(before);
                let name = linked(&self.affiliation, self.agency.url.as_deref());
                if byline.is_empty() { vec![name] } else { vec![Inline::Text(byline), name] }
            }
            _ => vec![Inline::Text(byline)],
        }
    }
}

/// Where a click on the contact leads: a mail address becomes a `mailto:`, a web address itself, anything else (a
/// telephone number) nowhere.
pub fn contact_href(contact: &str) -> Option<String> {
    if is_link(contact) {
        Some(contact.to_owned())
    } else if contact.contains('@') && !contact.contains(char::is_whitespace) {
        Some(format!("mailto:{contact}"))
    } else {
        None
    }
}

/// Whether `address` may stand behind a link that readers click.
fn is_link(address: &str) -> bool {
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn linked(text: &str, href: Option<&str>) -> Inline {
    let text = Inline::Text(text.to_owned());
    match href.filter(|href| is_link(href)) {
        Some(href) => Inline::Link { href: href.to_owned(), children: vec![text] },
        None => text,
    }
}

/// The address in the URL standard's own spelling, which every format can carry.
fn spelled(address: String) -> String {
    Url::parse(&address).map_or(address, Into::into)
}

/// Whether `text` has `what` standing by itself, and not as a part of a longer word or address: `Sun` is not in
/// `Sunderland`, nor `desk@hp.example` in `newsdesk@hp.example`.
fn stands_in(text: &str, what: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_%+-@".contains(c);
    text.match_indices(what).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + what.len()..].chars();
        let next = after.next();
        // A full stop ends a sentence, or goes on with an address.
        let stops = next == Some('.') && !after.next().is_some_and(char::is_alphanumeric);
        !before.is_some_and(|c| goes_on(c) || c == '.') && (stops || !next.is_some_and(|c| goes_on(c) || c == '.'))
    })
}

/// The passages of the body, in order: the text of each paragraph, heading, cell and caption, white space folded.
fn gather(blocks: &[Block], passages: &mut Vec<String>) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) | Block::Heading(_, inlines) => passages.extend(passage(inlines)),
            Block::List { items, .. } => items.iter().for_each(|item| gather(item, passages)),
            Block::Quote(inner) => gather(inner, passages),
            Block::Preformatted(text) => passages.extend(tidy(text)),
            Block::Rule => {}
            Block::Table(table) => {
                passages.extend(passage(&table.caption));
                passages.extend(table.rows.iter().flatten().filter_map(|cell| passage(&cell.content)));
            }
            Block::Image(image) => passages.extend(passage(&image.caption)),
        }
    }
}

fn passage(inlines: &[Inline]) -> Option<String> {
    let mut text = String::new();
    inline_text(inlines, &mut text);
    tidy(&text)
}

/// `text` clean, on one line and trimmed; `None` when nothing is left.
fn tidy(text: &str) -> Option<String> {
    let folded = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    (!folded.is_empty()).then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{Action, Author};
    use sample::{article, paragraph, wire};

    fn author(name: &str, role: Option<&str>) -> Author {
        Author { name: name.into(), role: role.map(Into::into), ..Author::default() }
    }

    fn resolved(article: &Article) -> Attribution {
        Attribution::resolve(article, &wire()).unwrap()
    }

    #[test]
    fn a_name_within_a_longer_word_is_not_the_name() {
        let mut wire = wire();
        wire.affiliation = Some("Sun".into());
        wire.contact = Some("desk@hp.example".into());
        let mut article = article();
        article.authors = vec![author("Ana Sunderland", None)];
        let attribution = Attribution::resolve(&article, &wire).unwrap();
        assert_eq!(attribution.byline(), "By Ana Sunderland, Sun");
        let body = Body { blocks: vec![paragraph("Write to newsdesk@hp.example.org.")] };
        let says = |body: &Body| Body { blocks: attribution.closing(body) }.text();
        assert!(says(&body).contains("Licensing: desk@hp.example"), "{}", says(&body));
        let body = Body { blocks: vec![paragraph("Write to desk@hp.example.")] };
        assert!(!says(&body).contains("Licensing"), "{}", says(&body));
    }

    #[test]
    fn a_byline_that_names_more_than_the_authors_is_used_whole() {
        let mut article = article();
        article.authors = vec![author("Ada Quill", None)];
        article.byline = Some("By Ada Quill and Tom Reed".into());
        assert_eq!(resolved(&article).byline(), "By Ada Quill and Tom Reed, Harbor Press News Foundation");
        article.language = Some("de-DE".into());
        article.authors.clear();
        article.byline = Some("Von Ada Quill".into());
        assert_eq!(resolved(&article).byline(), "By Ada Quill, Harbor Press News Foundation");
    }

    #[test]
    fn a_raw_byline_gets_the_affiliation_once_and_never_a_second_by() {
        let mut article = article();
        article.authors.clear();
        for raw in [
            "Amber Randall, Civil Rights Reporter",
            "By Amber Randall, Civil Rights Reporter",
            "BY  Amber Randall, Civil Rights Reporter, HPNF",
            "by Amber Randall, Civil Rights Reporter / harbor press news foundation",
        ] {
            article.byline = Some(raw.into());
            let attribution = resolved(&article);
            assert_eq!(
                attribution.byline(),
                "By Amber Randall, Civil Rights Reporter, Harbor Press News Foundation",
                "from {raw:?}"
            );
            assert_eq!(
                attribution.required()[1].needles,
                ["Amber Randall, Civil Rights Reporter"],
                "the whole credit is required, since nothing says where the name in it ends"
            );
        }
        article.byline = Some("By Ada Quill of the Harbor Press News Foundation".into());
        assert_eq!(resolved(&article).byline(), "By Ada Quill of the Harbor Press News Foundation");
    }

    #[test]
    fn authors_are_preferred_and_take_their_role_from_the_raw_byline() {
        let mut article = article();
        article.authors = vec![author("Amber Randall", None)];
        article.byline = Some("By AMBER RANDALL, Civil Rights Reporter, HPNF".into());
        let attribution = resolved(&article);
        assert_eq!(attribution.byline(), "By Amber Randall, Civil Rights Reporter, Harbor Press News Foundation");
        assert_eq!(attribution.required()[1].needles, ["Amber Randall"]);
    }

    #[test]
    fn several_authors_are_joined_as_their_language_allows() {
        let mut article = article();
        article.byline = None;
        article.authors = vec![author("Ada Quill", None), author("Jo Ray", None), author("Cy Doe", None)];
        assert_eq!(resolved(&article).byline(), "By Ada Quill, Jo Ray and Cy Doe, Harbor Press News Foundation");
        article.language = Some("de-DE".into());
        assert_eq!(resolved(&article).byline(), "By Ada Quill, Jo Ray, Cy Doe, Harbor Press News Foundation");
        article.language = None;
        article.authors = vec![author("Ada Quill", Some("Reporter")), author("Jo Ray", None)];
        assert_eq!(resolved(&article).byline(), "By Ada Quill, Reporter, and Jo Ray, Harbor Press News Foundation");
    }

    #[test]
    fn an_author_of_another_house_keeps_it() {
        let mut article = article();
        article.authors = vec![Author { affiliation: Some("Gull Island Post".into()), ..author("Jo Ray", None) }];
        assert_eq!(resolved(&article).byline(), "By Jo Ray, Gull Island Post, Harbor Press News Foundation");
        article.authors[0].affiliation = Some("hpnf".into());
        assert_eq!(resolved(&article).byline(), "By Jo Ray, Harbor Press News Foundation");
    }

    #[test]
    fn what_cannot_be_supplied_is_named_with_the_way_to_mend_it() {
        let mut article = article();
        article.authors.clear();
        article.byline = Some("By ".into());
        let mut wire = wire();
        wire.logo = None;
        wire.contact = Some(" ".into());
        insta::assert_snapshot!(Attribution::resolve(&article, &wire).unwrap_err(), @r#"story urn:newsml:harborpress.example:20261124:ferry-vote version 3 cannot carry what the wire "hpnf" requires: logo: no logo is configured; set wires.hpnf.logo.url; byline: the article names no reporter; give it `authors` or a `byline`; contact: no contact is configured; set wires.hpnf.contact (or leave the element out of wires.hpnf.require)"#);

        article.action = Action::Kill;
        assert!(Attribution::resolve(&article, &wire).unwrap().required().is_empty(), "a kill owes nothing");

        article.action = Action::Publish;
        wire.require = [Element::Affiliation].into();
        assert_eq!(Attribution::resolve(&article, &wire).unwrap().byline(), "Harbor Press News Foundation");
    }

    #[test]
    fn a_licence_line_that_names_the_contact_needs_no_line_beside_it() {
        let mut wire = wire();
        let line = "All republished articles must include our logo, our reporter’s byline and their affiliation. \
                    For any questions, please contact licensing@harborpress.example.";
        wire.licence = Some(crate::config::Licence { id: None, url: None, line: line.into() });
        let attribution = Attribution::resolve(&article(), &wire).unwrap();
        let closing = attribution.closing(&Body::default());
        assert_eq!(closing.len(), 3, "logo, byline, licence: {closing:?}");
        assert_eq!(closing[2], paragraph(line));
        assert_eq!(attribution.required().len(), Element::ALL.len(), "the contact is asked for all the same");
    }

    #[test]
    fn the_closing_block_says_nothing_that_the_body_says_already() {
        let article = article();
        let attribution = resolved(&article);
        let closing = |blocks: Vec<Block>| Body { blocks: attribution.closing(&Body { blocks }) }.text();
        insta::assert_snapshot!(closing(vec![]), @r#"
By Ada Quill, Transport Reporter, Harbor Press News Foundation
Content by the Harbor Press News Foundation is free to any legitimate news publisher; keep the logo, the byline & the affiliation.
Licensing: licensing@harborpress.example
"#);

        let line = &attribution.licence.as_ref().unwrap().line;
        let spread = line.replacen(' ', " \n\u{a0}", 2);
        let said = Block::Quote(vec![Block::Paragraph(vec![Inline::Strong(vec![Inline::Text(spread)])])]);
        let lead = paragraph(&attribution.byline());
        assert_eq!(closing(vec![lead.clone(), paragraph("News."), said]), "Licensing: licensing@harborpress.example");
        assert_eq!(closing(vec![paragraph("News."), lead]), closing(vec![]), "only a leading byline is one");
        assert!(!closing(vec![paragraph("Questions? Write to licensing@harborpress.example!")]).contains("Licensing:"));
    }
}
