//! IPTC NewsML-G2 2.35: a news item with the text as XHTML.
//!
//! Of the text formats that a news item may hold, XHTML is the one that most receivers read; NITF within NewsML-G2 is
//! a dialect of its own with each agency. Codes are qcodes only of the schemes that IPTC's catalogue resolves;
//! everything else is a URI or a literal, which need no catalogue of ours.
//!
//! The assets that go with the story stand in the text, with caption and credit, and as links beside it
//! (`irel:seeAlso`), which is where receivers look for files to fetch. A withdrawal is the same item with
//! `stat:canceled` (or `stat:withheld`), as the standard has it.

use std::borrow::Cow;
use std::io::Result;

use jiff::Timestamp;

use super::xml::Xml;
use super::{Manuscript, Render, RenderError, html, language};
use crate::article::{Action, Author, Concept, Media, iri};
use crate::attribution::Attribution;
use crate::config::FormatProfile;

const NAMESPACE: &str = "http://iptc.org/std/nar/2006-10-01/";

/// IPTC's own catalogue: the schemes `ninat`, `stat`, `sig`, `medtop` and so on.
const CATALOGUE: &str = "http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_41.xml";

/// The schemes of [`CATALOGUE`] that articles bring.
const SCHEMES: [&str; 3] = ["medtop", "subj", "genre"];

pub struct NewsMlG2;

impl Render for NewsMlG2 {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/vnd.iptc.g2.newsitem+xml; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "xml".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> std::result::Result<Vec<u8>, RenderError> {
        Ok(document(manuscript)?)
    }
}

fn document(manuscript: &Manuscript<'_>) -> Result<Vec<u8>> {
    let article = manuscript.article;
    let version = article.version.to_string();
    let lang = article.language.as_deref();
    let attributes = [
        ("xmlns", Some(NAMESPACE)),
        ("guid", Some(article.guid.as_str())),
        ("version", Some(version.as_str())),
        ("standard", Some("NewsML-G2")),
        ("standardversion", Some("2.35")),
        ("conformance", Some("power")),
        ("xml:lang", lang),
        ("dir", lang.map(language::direction)),
    ];
    let mut xml = Xml::document()?;
    xml.element("newsItem", &attributes, |xml| {
        xml.line_end()?;
        line(xml, |xml| xml.empty("catalogRef", &[("href", Some(CATALOGUE))]))?;
        rights(xml, manuscript)?;
        line(xml, |xml| xml.element("itemMeta", &[], |xml| item_meta(xml, manuscript)))?;
        line(xml, |xml| xml.element("contentMeta", &[], |xml| content_meta(xml, manuscript)))?;
        line(xml, |xml| xml.element("contentSet", &[], |xml| content(xml, manuscript)))
    })?;
    xml.line_end()?;
    Ok(xml.into_bytes())
}

/// An element on a line of its own.
fn line(xml: &mut Xml, write: impl FnOnce(&mut Xml) -> Result<()>) -> Result<()> {
    write(xml)?;
    xml.line_end()
}

/// An element with nothing but text, on a line of its own; without text, nothing.
fn text(xml: &mut Xml, name: &str, text: Option<&str>) -> Result<()> {
    text.map_or(Ok(()), |text| line(xml, |xml| xml.leaf(name, &[], text)))
}

fn code(xml: &mut Xml, name: &str, qcode: &str) -> Result<()> {
    line(xml, |xml| xml.empty(name, &[("qcode", Some(qcode))]))
}

fn instant(xml: &mut Xml, name: &str, at: Option<Timestamp>) -> Result<()> {
    text(xml, name, at.map(|at| at.to_string()).as_deref())
}

/// Whose it is, and on what terms it may be used. Terms that end stand by themselves: its holder it keeps.
fn rights(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let until = manuscript.rights_until().map(|at| at.to_string());
    let info = |xml: &mut Xml, attributes: &[_], write: &dyn Fn(&mut Xml) -> Result<()>| {
        line(xml, |xml| {
            xml.element("rightsInfo", attributes, |xml| {
                xml.line_end()?;
                write(xml)
            })
        })
    };
    match until.as_deref() {
        None => info(xml, &[], &|xml| {
            copyright(xml, manuscript)?;
            usage_terms(xml, manuscript)
        }),
        until => {
            info(xml, &[], &|xml| copyright(xml, manuscript))?;
            info(xml, &[("validto", until)], &|xml| usage_terms(xml, manuscript))
        }
    }
}

fn copyright(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let holder = manuscript.copyright_holder();
    // Only the agency's own address is known.
    let uri = attribution.agency.url.as_deref().filter(|_| holder == attribution.agency.name);
    party(xml, "copyrightHolder", holder, uri)?;
    text(xml, "copyrightNotice", article.copyright_notice.as_deref())
}

fn usage_terms(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let terms = attribution.licence.as_ref().and_then(|licence| iri(licence.url.as_deref()?));
    attribution
        .usage_terms(article)
        .map_or(Ok(()), |text| line(xml, |xml| xml.leaf("usageTerms", &[("href", terms.as_deref())], &text)))
}

fn item_meta(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let (embargo, expires) = manuscript.embargo_and_expiry();
    let (status, signal) = match article.action {
        Action::Publish => ("stat:usable", None),
        Action::Update => ("stat:usable", Some("sig:update")),
        Action::Correct => ("stat:usable", Some("sig:correction")),
        Action::Kill => ("stat:canceled", None),
        Action::Withhold => ("stat:withheld", None),
    };
    xml.line_end()?;
    code(xml, "itemClass", "ninat:text")?;
    party(xml, "provider", &attribution.agency.name, attribution.agency.url.as_deref())?;
    instant(xml, "versionCreated", Some(manuscript.made()))?;
    instant(xml, "firstCreated", article.created)?;
    instant(xml, "embargoed", embargo)?;
    code(xml, "pubStatus", status)?;
    text(xml, "profile", Some(if manuscript.media.is_empty() { "text" } else { "text-photo" }))?;
    text(xml, "title", Some(&manuscript.headline()))?;
    text(xml, "edNote", manuscript.for_editors().as_deref())?;
    signal.map_or(Ok(()), |signal| code(xml, "signal", signal))?;
    instant(xml, "expires", expires)?;
    if let Some(canonical) = article.canonical.as_deref().and_then(iri) {
        let (rel, kind) = (Some("irel:seeAlso"), Some("text/html"));
        line(xml, |xml| xml.empty("link", &[("rel", rel), ("href", Some(&canonical)), ("contenttype", kind)]))?;
    }
    manuscript.media.iter().try_for_each(|asset| link(xml, asset))
}

/// A link to every file of an asset.
fn link(xml: &mut Xml, asset: &Media) -> Result<()> {
    let name = [&asset.headline, &asset.alt, &asset.caption].into_iter().flatten().next();
    for file in &asset.renditions {
        let Some(href) = iri(&file.href) else { continue };
        let attributes = [
            ("rel", Some("irel:seeAlso")),
            ("residref", asset.uri.as_deref()),
            ("href", Some(href.as_str())),
            ("contenttype", file.mime.as_deref()),
        ];
        line(xml, |xml| {
            xml.element("link", &attributes, |xml| name.map_or(Ok(()), |name| xml.leaf("title", &[], name)))
        })?;
    }
    Ok(())
}

fn content_meta(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    xml.line_end()?;
    text(xml, "urgency", Some(&article.urgency.get().to_string()))?;
    instant(xml, "contentCreated", article.created)?;
    if let Some(dateline) = &article.dateline {
        concept(xml, "located", None, &identity(None, dateline), Some(dateline))?;
    }
    line(xml, |xml| source(xml, manuscript))?;
    article.authors.iter().try_for_each(|author| creator(xml, author))?;
    if let Some(tag) = article.language.as_deref() {
        line(xml, |xml| xml.empty("language", &[("tag", Some(tag))]))?;
    }
    article.genres.iter().try_for_each(|genre| term(xml, "genre", None, genre))?;
    for word in &article.keywords {
        text(xml, "keyword", Some(word))?;
    }
    article.subjects.iter().try_for_each(|subject| term(xml, "subject", Some("cpnat:abstract"), subject))?;
    for section in &article.sections {
        concept(xml, "subject", Some("cpnat:abstract"), &identity(None, section), Some(section))?;
    }
    article.places.iter().try_for_each(|place| term(xml, "subject", Some("cpnat:geoArea"), place))?;
    text(xml, "slugline", article.slugline.as_deref())?;
    text(xml, "headline", Some(&manuscript.headline()))?;
    if let Some(words) = manuscript.subheadline() {
        line(xml, |xml| xml.leaf("headline", &[("role", Some("hld:subHeadline"))], words))?;
    }
    text(xml, "dateline", article.dateline.as_deref())?;
    text(xml, "by", Some(attribution.byline_without_word().as_str()).filter(|by| !by.is_empty()))?;
    text(xml, "creditline", Some(&attribution.agency.name))?;
    manuscript
        .summary()
        .map_or(Ok(()), |words| line(xml, |xml| xml.leaf("description", &[("role", Some("drol:summary"))], words)))
}

/// The agency as where the story comes from, with its contact and its logo.
fn source(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let Attribution { agency, contact, logo, .. } = attribution;
    let (name, value) = identity(agency.url.as_deref(), &agency.name);
    let attributes = [(name, Some(&*value)), ("role", Some("cpprole:originator"))];
    xml.element("infoSource", &attributes, |xml| {
        xml.leaf("name", &[], &agency.name)?;
        if let Some(logo) = logo.as_ref().filter(|_| !article.action.withdraws()) {
            let attributes = [("reluri", Some("https://schema.org/logo")), ("href", Some(logo.url.as_str()))];
            xml.element("remoteInfo", &attributes, |xml| xml.leaf("title", &[], &logo.alt))?;
        }
        let Some(contact) = contact else { return Ok(()) };
        let kind = if contact.contains("://") {
            "web"
        } else if contact.contains('@') {
            "email"
        } else {
            "phone"
        };
        xml.element("organisationDetails", &[], |xml| {
            xml.element("contactInfo", &[], |xml| xml.leaf(kind, &[], contact))
        })
    })
}

fn creator(xml: &mut Xml, author: &Author) -> Result<()> {
    party(xml, "creator", &author.name, author.uri.as_deref())
}

fn party(xml: &mut Xml, element: &str, name: &str, uri: Option<&str>) -> Result<()> {
    concept(xml, element, None, &identity(uri, name), Some(name))
}

/// A term by its qcode, where IPTC's catalogue knows the scheme, or by its URI, or as a literal.
fn term(xml: &mut Xml, element: &str, kind: Option<&str>, term: &Concept) -> Result<()> {
    let name = term.name.as_deref();
    let Some(qcode) = term.qcode() else {
        return concept(xml, element, kind, &identity(None, name.unwrap_or_default()), name);
    };
    let scheme = term.scheme.as_deref().unwrap_or_default();
    let uri = term.code.as_ref().filter(|_| scheme.contains("://")).map(|code| format!("{scheme}{code}"));
    match uri {
        _ if SCHEMES.contains(&scheme) && !qcode.contains(char::is_whitespace) => {
            concept(xml, element, kind, &("qcode", qcode.as_str().into()), name)
        }
        uri => concept(xml, element, kind, &identity(uri.as_deref(), &qcode), name),
    }
}

/// What names a concept: a URI, or else a literal.
fn identity<'a>(uri: Option<&str>, literal: &'a str) -> (&'static str, Cow<'a, str>) {
    match uri.and_then(iri) {
        Some(uri) => ("uri", uri.into()),
        None => ("literal", literal.into()),
    }
}

fn concept(
    xml: &mut Xml,
    element: &str,
    kind: Option<&str>,
    (attribute, value): &(&str, Cow<'_, str>),
    name: Option<&str>,
) -> Result<()> {
    line(xml, |xml| {
        let attributes = [("type", kind), (*attribute, Some(&**value))];
        xml.element(element, &attributes, |xml| name.map_or(Ok(()), |name| xml.leaf("name", &[], name)))
    })
}

fn content(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let article = manuscript.article;
    let lang = article.language.as_deref();
    let words = manuscript.body.words().to_string();
    let attributes = [("contenttype", Some("application/xhtml+xml")), ("wordcount", Some(words.as_str()))];
    xml.line_end()?;
    line(xml, |xml| {
        xml.element("inlineXML", &attributes, |xml| {
            let attributes = [
                ("xmlns", Some("http://www.w3.org/1999/xhtml")),
                ("lang", lang),
                ("xml:lang", lang),
                ("dir", lang.map(language::direction)),
            ];
            xml.element("html", &attributes, |xml| {
                xml.element("head", &[], |xml| xml.leaf("title", &[], &manuscript.headline()))?;
                xml.element("body", &[], |xml| xml.raw(&html::illustrated(manuscript)))
            })
        })
    })
}
