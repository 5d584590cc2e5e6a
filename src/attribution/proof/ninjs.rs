//! Reads IPTC ninjs 1.3, 1.6, 2.2 and 3.1, and the ninjs of Superdesk's family.
//!
//! Of 2.x and 3.x a receiver may show any of `bodies`, so each of them has to carry the attribution: one in plain text all
//! but the logo, any other, which is read as HTML, all of it.

use serde_json::Value;

use super::json::{each, parse, spot};
use super::{Lack, Mode, Seen, Spot, View, html, lines};
use crate::config::Element;

/// IPTC ninjs 1.6.
pub fn ninjs16(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let mut seen = version_1(&document);
    let sources = document["infosource"].as_array().map_or(0, Vec::len);
    let contacts = (0..sources).flat_map(|at| each(&document, &format!("/infosource/{at}/contactinfo"), "/value"));
    seen.field(Element::Contact, "infosource.contactinfo", contacts.collect::<Vec<_>>());
    seen.views.push(html::view("body_html", document["body_html"].as_str().unwrap_or_default(), mode));
    Ok(seen)
}

/// IPTC ninjs 1.3, which has no place for a contact but the usage terms.
pub fn ninjs13(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let mut seen = version_1(&document);
    seen.field(Element::Contact, "usageterms", spot(&document, "/usageterms"));
    seen.views.push(html::view("body_html", document["body_html"].as_str().unwrap_or_default(), mode));
    Ok(seen)
}

/// As Newsroom reads it: what it shows is `body_html`, and a document without a `guid` and a `type` is refused at its
/// door.
pub fn superdesk(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    if let Some(name) = ["guid", "type", "pubstatus"].into_iter().find(|name| document[*name].as_str().is_none()) {
        return Err(Lack::Unreadable { place: "the JSON document", why: format!("it has no {name:?}") });
    }
    let mut seen = version_1(&document);
    seen.field(Element::Contact, "usageterms", spot(&document, "/usageterms"));
    // Receivers of this family cut what stands before the first tag.
    let body = document["body_html"].as_str().unwrap_or_default();
    seen.views.push(html::view("body_html", body.find('<').map_or("", |at| &body[at..]), mode));
    Ok(seen)
}

/// What all of the 1.x family have.
fn version_1(document: &Value) -> Seen {
    let mut seen = Seen::default();
    let at = |pointer: &str| spot(document, pointer);
    seen.field(Element::Byline, "byline", at("/byline"));
    seen.field(Element::Affiliation, "byline", at("/byline"));
    seen.field(Element::Licence, "usageterms", at("/usageterms"));
    seen.field(Element::Line, "usageterms", at("/usageterms"));
    let logo = each(document, "/associations/logo/renditions", "/href");
    seen.field(Element::Logo, "associations.logo.renditions", logo);
    seen.field(Element::Credit, "associations.byline", each(document, "/associations", "/byline"));
    seen
}

/// The names by which versions differ.
struct Names {
    usage_terms: &'static str,
    info_sources: &'static str,
    contact_info: &'static str,
    contacts: &'static str,
    content_type: &'static str,
    logos: &'static str,
    /// The key of an association by which the logo is known.
    logo: &'static str,
}

/// IPTC ninjs 2.2.
pub fn ninjs22(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let names = Names {
        usage_terms: "usageterms",
        info_sources: "infosources",
        contact_info: "contactinfo",
        contacts: "infosources.contactinfo",
        content_type: "contenttype",
        logo: "name",
        logos: "associations[name=logo].renditions",
    };
    versions_2_and_3(bytes, mode, &names)
}

/// IPTC ninjs 3.1.
pub fn ninjs31(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let names = Names {
        usage_terms: "usageTerms",
        info_sources: "infoSources",
        contact_info: "contactInfo",
        contacts: "infoSources.contactInfo",
        content_type: "contentType",
        logo: "rel",
        logos: "associations[rel=logo].renditions",
    };
    versions_2_and_3(bytes, mode, &names)
}

fn versions_2_and_3(bytes: &[u8], mode: Mode, names: &Names) -> Result<Seen, Lack> {
    let document = parse(bytes)?;
    let mut seen = Seen::default();
    let terms = || spot(&document, &format!("/{}", names.usage_terms));
    seen.field(Element::Byline, "by", spot(&document, "/by"));
    seen.field(Element::Affiliation, "by", spot(&document, "/by"));
    seen.field(Element::Licence, names.usage_terms, terms());
    seen.field(Element::Line, names.usage_terms, terms());

    let count = |pointer: &str| document.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
    let contacts = (0..count(&format!("/{}", names.info_sources)))
        .flat_map(|at| each(&document, &format!("/{}/{at}/{}", names.info_sources, names.contact_info), "/value"));
    seen.field(Element::Contact, names.contacts, contacts.collect::<Vec<_>>());
    let logos = (0..count("/associations"))
        .filter(|at| document["associations"][at][names.logo] == "logo")
        .flat_map(|at| each(&document, &format!("/associations/{at}/renditions"), "/href"));
    seen.field(Element::Logo, names.logos, logos.collect::<Vec<_>>());
    seen.field(Element::Credit, "associations.by", each(&document, "/associations", "/by"));
    let canonical = (0..count("/renditions")).filter(|at| document["renditions"][at]["name"] == "canonical-web");
    let canonical = canonical.filter_map(|at| spot(&document, &format!("/renditions/{at}/href")));
    seen.field(Element::Canonical, "renditions[name=canonical-web]", canonical.collect::<Vec<Spot>>());

    for body in document["bodies"].as_array().into_iter().flatten() {
        let value = body["value"].as_str().unwrap_or_default();
        if body[names.content_type].as_str().is_some_and(|content_type| content_type.starts_with("text/plain")) {
            let passages = lines("bodies", value, mode);
            seen.views.push(View {
                place: "bodies",
                passages,
                whole: Some(value.to_owned()),
                images: None,
                links: None,
            });
        } else {
            seen.views.push(html::view("bodies", value, mode));
        }
    }
    Ok(seen)
}
