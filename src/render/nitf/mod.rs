//! IPTC NITF 3.6.
//!
//! Receivers drop most of what stands in the head, and some delete media: so the attribution stands in the fields
//! (`byline`, `distributor`, `doc.rights`, `rights`, `tagline`) and once more at the end of the text. Texts that
//! receivers are known to read without their markup (`hl1`, `byline`, `abstract`) are plain.
//!
//! Real NITF is a family of dialects; [`NitfDialect`] has what differs between them.

mod body;
mod encoding;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Result;

use jiff::Timestamp;

use super::xml::{self, Xml};
use super::{Manuscript, Render, RenderError, figure};
use crate::article::{Action, Article, Block, Concept, Media};
use crate::attribution::{Attribution, media};
use crate::config::{FormatProfile, NitfByline, NitfDates, NitfDialect, NitfEncoding, NitfId, NitfMeta};

pub struct Nitf;

impl Render for Nitf {
    fn content_type(&self, profile: &FormatProfile) -> Cow<'static, str> {
        format!("application/nitf+xml; charset={}", profile.dialect().encoding.as_str()).into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "xml".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> std::result::Result<Vec<u8>, RenderError> {
        Ok(document(manuscript)?)
    }
}

/// What is to be written, and how.
struct Writing<'m> {
    manuscript: &'m Manuscript<'m>,
    dialect: NitfDialect,
}

fn document(manuscript: &Manuscript<'_>) -> Result<Vec<u8>> {
    let article = manuscript.article;
    let writing = Writing { manuscript, dialect: manuscript.profile.dialect() };
    let NitfDialect { namespace, ref version, doctype, encoding, block, .. } = writing.dialect;
    let uno = format!("{}:{}", article.guid, article.version);
    let attributes = [
        ("xmlns", Some("http://iptc.org/std/NITF/2006-10-18/").filter(|_| namespace)),
        ("version", Some(version.as_str())),
        ("uno", Some(uno.as_str())),
        ("baselang", article.language.as_deref()),
    ];
    let mut xml = match encoding {
        NitfEncoding::Utf8 => Xml::document()?,
        NitfEncoding::Latin1 | NitfEncoding::Ascii => Xml::declared(encoding.as_str())?,
    };
    if doctype {
        xml.doctype("nitf", version, &dtd(version))?;
    }
    xml.element("nitf", &attributes, |xml| {
        xml.line_end()?;
        xml.element("head", &[], |xml| head(xml, &writing))?;
        xml.line_end()?;
        xml.element("body", &[], |xml| {
            xml.line_end()?;
            xml.element("body.head", &[], |xml| body_head(xml, &writing))?;
            xml.line_end()?;
            xml.element("body.content", &[], |xml| {
                if block {
                    xml.element("block", &[("id", Some("Main"))], |xml| content(xml, manuscript))
                } else {
                    content(xml, manuscript)
                }
            })?;
            xml.line_end()?;
            body_end(xml, manuscript)
        })
    })?;
    xml.line_end()?;
    let document = String::from_utf8(xml.into_bytes()).map_err(std::io::Error::other)?;
    Ok(encoding::encoded(document, encoding))
}

/// The file of a DTD as IPTC names it: `nitf-3-6.dtd` for `-//IPTC//DTD NITF 3.6//EN`.
fn dtd(version: &str) -> String {
    let number: String = version.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let number = number.trim_matches('.').replace('.', "-");
    if number.is_empty() { "nitf.dtd".to_owned() } else { format!("nitf-{number}.dtd") }
}

fn head(xml: &mut Xml, writing: &Writing<'_>) -> Result<()> {
    let manuscript = writing.manuscript;
    let article = manuscript.article;
    xml.line_end()?;
    xml.leaf("title", &[], &manuscript.headline())?;
    xml.line_end()?;
    for (name, field) in &writing.dialect.meta {
        if let Some(content) = meta(manuscript, *field).filter(|content| !content.trim().is_empty()) {
            xml.empty("meta", &[("name", Some(name)), ("content", Some(&content))])?;
            xml.line_end()?;
        }
    }
    let kind = if article.action.withdraws() { "advisory" } else { "news" };
    xml.element("tobject", &[("tobject.type", Some(kind))], |xml| classes(xml, article))?;
    xml.line_end()?;
    docdata(xml, writing)?;
    xml.line_end()?;
    if article.canonical.is_some() || !article.sections.is_empty() {
        let section = article.sections.first().map(String::as_str);
        let pubdata = [("type", Some("web")), ("position.section", section), ("ex-ref", article.canonical.as_deref())];
        xml.empty("pubdata", &pubdata)?;
        xml.line_end()?;
    }
    Ok(())
}

/// What a `meta` element says of the article.
fn meta(manuscript: &Manuscript<'_>, field: NitfMeta) -> Option<String> {
    let article = manuscript.article;
    match field {
        NitfMeta::Slugline => article.slugline.clone(),
        NitfMeta::Section => article.sections.first().cloned(),
        NitfMeta::Keywords => Some(article.keywords.join(", ")),
        NitfMeta::Language => article.language.clone(),
        NitfMeta::Guid => Some(article.guid.to_string()),
        NitfMeta::Version => Some(article.version.to_string()),
        NitfMeta::Action => Some(article.action.as_str().to_owned()),
        NitfMeta::Urgency => Some(article.urgency.get().to_string()),
        NitfMeta::Words => Some(manuscript.body.words().to_string()),
    }
}

/// Genres and subjects. `tobject.subject.refnum` is an NMTOKEN: a code that is none goes into the key list by name.
fn classes(xml: &mut Xml, article: &Article) -> Result<()> {
    for genre in &article.genres {
        let name = genre.name.as_deref().or(genre.code.as_deref());
        xml.empty("tobject.property", &[("tobject.property.type", name)])?;
    }
    for subject in &article.subjects {
        if let Some((owner, refnum)) = refnum(subject) {
            let attributes = [
                ("tobject.subject.ipr", Some(owner)),
                ("tobject.subject.refnum", Some(refnum.as_str())),
                ("tobject.subject.type", subject.name.as_deref()),
            ];
            xml.empty("tobject.subject", &attributes)?;
        }
    }
    Ok(())
}

/// Whose vocabulary a subject is of, and its code in it.
fn refnum(subject: &Concept) -> Option<(&str, String)> {
    let is_nmtoken =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c));
    let scheme = subject.scheme.as_deref().unwrap_or("IPTC");
    let owner = if matches!(scheme, "medtop" | "subj") { "IPTC" } else { scheme };
    [subject.qcode(), subject.code.clone()]
        .into_iter()
        .flatten()
        .find(|code| is_nmtoken(code))
        .map(|refnum| (owner, refnum))
}

fn docdata(xml: &mut Xml, writing: &Writing<'_>) -> Result<()> {
    let (manuscript, dialect) = (writing.manuscript, &writing.dialect);
    let Manuscript { article, attribution, .. } = *manuscript;
    let guid = article.guid.as_str();
    let (embargo, expires) = manuscript.embargo_and_expiry();
    let short = attribution.agency.short_name.as_str();
    let (status, message) = match article.action {
        Action::Publish => ("usable", None),
        Action::Update => ("usable", Some("update")),
        Action::Correct => ("usable", Some("correction")),
        Action::Kill => ("canceled", Some("kill")),
        Action::Withhold => ("withheld", Some("withhold")),
    };
    let withdrawn = article.action.withdraws();
    let attributes = [
        ("management-status", Some(status)),
        ("management-doc-idref", Some(guid).filter(|_| withdrawn)),
        ("management-idref-status", Some(status).filter(|_| withdrawn)),
    ];
    xml.element("docdata", &attributes, |xml| {
        let mut row = |name: &str, attributes: xml::Attributes<'_>| {
            xml.line_end()?;
            xml.empty(name, attributes)
        };
        if matches!(article.action, Action::Correct | Action::Kill | Action::Withhold) {
            let info = article.notice.as_deref();
            row("correction", &[("info", info), ("id-string", Some(guid)), ("regsrc", Some(short))])?;
        }
        let version = article.version.to_string();
        let (id, key) = match dialect.id {
            NitfId::Story => (guid.to_owned(), article.slugline.as_deref()),
            NitfId::Version => (format!("{guid}:{version}"), Some(guid)),
        };
        row("doc-id", &[("regsrc", Some(short)), ("id-string", Some(&id))])?;
        // NITF's scale ends at 8.
        row("urgency", &[("ed-urg", Some(&article.urgency.get().min(8).to_string()))])?;
        let dates = [
            ("date.issue", article.versioned.or(article.created)),
            ("date.release", embargo),
            ("date.expire", expires),
        ];
        for (name, at) in dates {
            if let Some(at) = at {
                row(name, &[("norm", Some(&norm(at, dialect.dates)))])?;
            }
        }
        if let Some(info) = manuscript.for_editors() {
            row("ed-msg", &[("msg-type", message), ("info", Some(&info))])?;
        }
        row("du-key", &[("key", key), ("version", Some(&version))])?;
        let year = article.created.or(article.versioned).map(|at| at.strftime("%Y").to_string());
        let holder = manuscript.copyright_holder();
        row("doc.copyright", &[("year", year.as_deref()), ("holder", Some(holder))])?;
        let terms = attribution.usage_terms(article);
        let until = manuscript.rights_until().map(|at| norm(at, dialect.dates));
        let rights = [
            ("owner", Some(holder)),
            ("enddate", until.as_deref()),
            ("agent", attribution.contact.as_deref()),
            ("type", Some("republication")),
            ("limitations", terms.as_deref()),
        ];
        row("doc.rights", &rights)?;
        keywords(xml, article)?;
        places(xml, article)?;
        xml.line_end()
    })
}

fn keywords(xml: &mut Xml, article: &Article) -> Result<()> {
    let uncoded = article.subjects.iter().filter(|subject| refnum(subject).is_none());
    let names = uncoded.filter_map(|subject| subject.name.as_ref().or(subject.code.as_ref()));
    let mut seen = HashSet::new();
    let words: Vec<&String> = article.keywords.iter().chain(names).filter(|word| seen.insert(*word)).collect();
    if words.is_empty() {
        return Ok(());
    }
    xml.line_end()?;
    xml.element("key-list", &[], |xml| words.iter().try_for_each(|word| xml.empty("keyword", &[("key", Some(word))])))
}

fn places(xml: &mut Xml, article: &Article) -> Result<()> {
    if article.places.is_empty() {
        return Ok(());
    }
    xml.line_end()?;
    xml.element("identified-content", &[], |xml| {
        article.places.iter().try_for_each(|place| {
            let attributes = [("location-code", place.code.as_deref()), ("code-source", place.scheme.as_deref())];
            xml.leaf("location", &attributes, place.name.as_deref().unwrap_or_default())
        })
    })
}

/// The order of these is the schema's.
fn body_head(xml: &mut Xml, writing: &Writing<'_>) -> Result<()> {
    let manuscript = writing.manuscript;
    let Manuscript { article, attribution, .. } = *manuscript;
    xml.line_end()?;
    xml.element("hedline", &[], |xml| {
        xml.leaf("hl1", &[("id", Some("headline"))], &manuscript.headline())?;
        manuscript.subheadline().map_or(Ok(()), |text| xml.leaf("hl2", &[], text))
    })?;
    xml.line_end()?;
    if let Some(notice) = &article.copyright_notice {
        let attributes = [("noteclass", Some("cpyrt")), ("type", Some("pa"))];
        xml.element("note", &attributes, |xml| xml.element("body.content", &[], |xml| xml.leaf("p", &[], notice)))?;
        xml.line_end()?;
    }
    rights(xml, writing)?;
    byline(xml, writing)?;
    xml.element("distributor", &[], |xml| xml.leaf("org", &[], &attribution.agency.name))?;
    xml.line_end()?;
    if let Some(dateline) = &article.dateline {
        xml.element("dateline", &[], |xml| xml.leaf("location", &[], dateline))?;
        xml.line_end()?;
    }
    if let Some(summary) = manuscript.summary() {
        xml.element("abstract", &[], |xml| xml.leaf("p", &[], summary))?;
        xml.line_end()?;
    }
    Ok(())
}

fn byline(xml: &mut Xml, writing: &Writing<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *writing.manuscript;
    let byline = attribution.byline();
    if byline.is_empty() {
        return Ok(());
    }
    xml.element("byline", &[], |xml| match writing.dialect.byline {
        NitfByline::Plain => xml.text(&byline),
        NitfByline::Structured => {
            let (names, title) = parted(&byline, article, &attribution.affiliation);
            // Some receivers read no byline that does not begin with text.
            xml.text(names)?;
            if title.is_empty() {
                return Ok(());
            }
            xml.element("byttl", &[], |xml| match title.strip_suffix(attribution.affiliation.as_str()) {
                Some(role) if !attribution.affiliation.is_empty() => {
                    xml.text(role)?;
                    xml.leaf("org", &[], &attribution.affiliation)
                }
                _ => xml.text(title),
            })
        }
    })?;
    xml.line_end()
}

/// A byline as its names, and the role and affiliation that follow them. Nothing of it is left out: the comma between
/// stays with the names, for those who read the text alone.
fn parted<'b>(byline: &'b str, article: &Article, affiliation: &str) -> (&'b str, &'b str) {
    let after_name = match article.authors.as_slice() {
        [author] => byline.find(author.name.trim()).map(|at| at + author.name.trim().len()),
        _ => byline.strip_suffix(affiliation).map(|names| names.trim_end_matches([',', ' ']).len()),
    };
    match after_name.filter(|end| byline[*end..].starts_with(", ") && *end > 0) {
        Some(end) => byline.split_at(end + 2),
        None => (byline, ""),
    }
}

fn rights(xml: &mut Xml, writing: &Writing<'_>) -> Result<()> {
    let manuscript = writing.manuscript;
    let Manuscript { article, attribution, .. } = *manuscript;
    xml.element("rights", &[], |xml| {
        let contact = attribution.contact.as_deref();
        xml.leaf("rights.owner", &[("contact", contact)], manuscript.copyright_holder())?;
        if let Some(contact) = contact {
            xml.leaf("rights.agent", &[("contact", Some(contact))], &attribution.agency.name)?;
        }
        if let Some(until) = manuscript.rights_until() {
            xml.empty("rights.enddate", &[("norm", Some(&norm(until, writing.dialect.dates)))])?;
        }
        attribution.usage_terms(article).map_or(Ok(()), |terms| xml.leaf("rights.limitations", &[], &terms))
    })?;
    xml.line_end()
}

fn content(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    xml.line_end()?;
    credit(xml, &manuscript.opening)?;
    body::blocks(xml, &manuscript.body.blocks)?;
    for asset in &manuscript.media {
        self::asset(xml, asset)?;
    }
    credit(xml, &manuscript.closing)
}

/// Blocks of the attribution. A picture among them that has a text is a logo.
fn credit(xml: &mut Xml, blocks: &[Block]) -> Result<()> {
    for block in blocks {
        match block {
            Block::Image(picture) => {
                body::image(xml, picture, Some(if picture.alt.is_empty() { "counter" } else { "agency-logo" }))?;
                xml.line_end()?;
            }
            _ => body::blocks(xml, std::slice::from_ref(block))?,
        }
    }
    Ok(())
}

/// An asset that goes with the story, by its first and best file; its credit stands in the caption too, since receivers keep
/// that alone.
fn asset(xml: &mut Xml, asset: &Media) -> Result<()> {
    let Some(file) = asset.renditions.first() else { return Ok(()) };
    let kind = match asset.kind.as_str() {
        "picture" | "graphic" => "image",
        kind @ ("video" | "audio" | "text") => kind,
        _ => "other",
    };
    let credit = media::credit(asset);
    let (width, height) = (file.width.map(|px| px.to_string()), file.height.map(|px| px.to_string()));
    let copyright = asset.copyright_notice.as_deref().or(asset.holder.as_deref());
    let reference = [
        ("mime-type", file.mime.as_deref()),
        ("source", Some(file.href.as_str())),
        ("alternate-text", asset.alt.as_deref()),
        ("width", width.as_deref()),
        ("height", height.as_deref()),
        ("source-credit", credit.as_deref()),
        ("copyright", copyright),
    ];
    let caption = figure::caption(asset);
    xml.element("media", &[("media-type", Some(kind)), ("class", Some("associated"))], |xml| {
        if let Some(terms) = &asset.usage_terms {
            xml.empty("media-metadata", &[("name", Some("usageterms")), ("value", Some(terms))])?;
        }
        xml.empty("media-reference", &reference)?;
        if let Some(caption) = &caption {
            xml.leaf("media-caption", &[], caption)?;
        }
        credit.as_deref().map_or(Ok(()), |credit| xml.leaf("media-producer", &[], credit))
    })?;
    xml.line_end()
}

fn body_end(xml: &mut Xml, manuscript: &Manuscript<'_>) -> Result<()> {
    let Manuscript { article, attribution, .. } = *manuscript;
    match tagline(attribution) {
        Some(tagline) if !article.action.withdraws() => {
            xml.element("body.end", &[], |xml| xml.leaf("tagline", &[("type", Some("std"))], &tagline))?;
            xml.line_end()
        }
        _ => Ok(()),
    }
}

fn tagline(attribution: &Attribution) -> Option<String> {
    attribution.licence.as_ref().map(|licence| licence.line.clone())
}

/// ISO 8601.
fn norm(at: Timestamp, dates: NitfDates) -> String {
    let form = match dates {
        NitfDates::Basic => "%Y%m%dT%H%M%SZ",
        NitfDates::Extended => "%Y-%m-%dT%H:%M:%SZ",
    };
    at.strftime(form).to_string()
}
