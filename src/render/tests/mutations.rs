//! The proof against documents in which one element was spoiled: in a field, or in what readers see.

use serde_json::Value;

use super::{article, body_of, own, renderer, text, wire};
use crate::attribution::{Attribution, Lack, prove};
use crate::config::{Edition, Element, Format, FormatProfile};

const LOGO: &str = "https://cdn.harborpress.example/logo.png?w=200&h=40";
const NAME: &str = "Ada Quill";
const HOUSE: &str = "Harbor Press News Foundation";
const LINE: &str = "legitimate news publisher";
const CONTACT: &str = "licensing@harborpress.example";

fn resolved() -> Attribution {
    Attribution::resolve(&article(), &own(wire()), &Edition::plain(Format::Json)).unwrap()
}

/// The elements that the proof finds lacking in `document`, with the place of each.
fn lacks(format: Format, document: &str) -> Vec<(Element, &'static str)> {
    let attribution = resolved();
    let profile = FormatProfile::plain(format);
    match prove(&profile, renderer(format).content_type(&profile), document.into(), &attribution) {
        Ok(_) => Vec::new(),
        Err(unproved) => unproved
            .missing
            .iter()
            .map(|lack| match lack {
                Lack::Absent { element, place, .. } => (*element, *place),
                Lack::Unreadable { .. } => panic!("{lack}"),
            })
            .collect(),
    }
}

/// `text` with its last `from` turned into `to`.
fn spoil(text: &str, from: &str, to: &str) -> String {
    let at = text.rfind(from).unwrap_or_else(|| panic!("{from:?} is not in {text}"));
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

fn field(format: Format, pointer: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut document: Value = serde_json::from_str(&text(&article(), format)).unwrap();
    change(document.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")));
    document.to_string()
}

fn spoiled_field(format: Format, pointer: &str, from: &str, to: &str) -> String {
    field(format, pointer, |value| *value = spoil(value.as_str().unwrap(), from, to).into())
}

/// Each element as HTML bodies have it, the text that is spoiled, and what it is turned into.
const IN_HTML: [(Element, &str, &str); 9] = [
    (Element::Logo, "logo.png", "lego.png"),
    (Element::Logo, "alt=\"Harbor Press News Foundation\"", "alt=\"\""),
    (Element::Logo, "<figure>", "<figure hidden>"),
    (Element::Byline, "Ada Quill", "Ada Quell"),
    (Element::Byline, "Ada Quill", "<!-- Ada Quill -->"),
    (Element::Affiliation, ">Harbor Press News Foundation<", "><"),
    (Element::Licence, "any legitimate", "every legitimate"),
    (Element::Contact, ">licensing@", "><span style=\"display: none\">licensing@</span>"),
    (Element::Contact, ">licensing@", ">l@"),
];

#[test]
fn a_sound_document_is_proved() {
    for format in Format::ALL {
        assert_eq!(lacks(format, &text(&article(), format)), []);
    }
}

#[test]
fn what_is_spoiled_in_an_html_body_is_found() {
    // A post has a test of its own.
    for format in Format::ALL.into_iter().filter(|format| *format != Format::WordPress) {
        let Some(body) = body_of(format) else { continue };
        let place = if body.starts_with("/bodies") { "bodies" } else { "body_html" };
        for (element, from, to) in IN_HTML {
            let lacks = lacks(format, &spoiled_field(format, body, from, to));
            assert!(lacks.contains(&(element, place)), "{from} to {to} in {format:?}: {lacks:?}");
        }
        let closing = "<div class=\"attribution\">";
        for hidden in
            ["<div class=\"attribution\" hidden>", "<div style=\"display:none\">", "<script>", "<!--", "<template>"]
        {
            let lacks = lacks(format, &spoiled_field(format, body, closing, hidden));
            assert_eq!(lacks.len(), Element::USUAL.len(), "{hidden} in {format:?}: {lacks:?}");
        }
        let lacks = lacks(format, &field(format, body, |html| *html = Value::Null));
        assert_eq!(lacks.len(), Element::USUAL.len());
    }
}

#[test]
fn what_is_spoiled_in_the_content_of_a_post_is_found() {
    let spoiled =
        |from: &str, to: &str| lacks(Format::WordPress, &spoiled_field(Format::WordPress, "/content", from, to));
    for (element, from, to) in IN_HTML {
        let lacks = spoiled(from, to);
        assert!(lacks.contains(&(element, "content")), "{from} to {to}: {lacks:?}");
    }
    let content = |elements: &[Element]| elements.iter().map(|element| (*element, "content")).collect::<Vec<_>>();
    // The byline is at the head, the rest at the end.
    for (class, elements) in [
        ("byline", [Element::Byline, Element::Affiliation].as_slice()),
        ("attribution", &[Element::Logo, Element::Licence, Element::Contact]),
    ] {
        let div = format!("<div class=\"{class}\">");
        let hidden = format!("<div hidden class=\"{class}\">");
        assert_eq!(spoiled(&div, &hidden), content(elements));
    }
    let nothing = field(Format::WordPress, "/content", |html| *html = "".into());
    assert_eq!(lacks(Format::WordPress, &nothing), content(&Element::USUAL), "each is told once");
}

#[test]
fn what_a_receiver_took_out_is_found_again() {
    let attribution = resolved();
    let document = text(&article(), Format::WordPress);
    let proved =
        prove(&FormatProfile::plain(Format::WordPress), "".into(), document.clone().into(), &attribution).unwrap();
    assert_eq!(proved.lacks_when_stored_as(document.as_bytes()), []);
    let stripped = spoiled_field(Format::WordPress, "/content", "<img src", "<b src");
    let lacks = proved.lacks_when_stored_as(stripped.as_bytes());
    assert!(matches!(lacks[..], [Lack::Absent { element: Element::Logo, .. }]), "{lacks:?}");
    assert!(matches!(proved.lacks_when_stored_as(b"{}")[..], [Lack::Unreadable { .. }]));
}

#[test]
fn what_is_spoiled_in_a_field_of_own_json_is_found() {
    let blank = spoiled_field(Format::Json, "/attribution/logo/alt", HOUSE, " ");
    assert_eq!(lacks(Format::Json, &blank), [(Element::Logo, "attribution.logo")]);
    for (element, pointer, place, wanted) in [
        (Element::Byline, "/attribution/byline", "attribution.byline", NAME),
        (Element::Affiliation, "/attribution/byline", "attribution.byline", HOUSE),
        (Element::Licence, "/attribution/licence/line", "attribution.licence.line", LINE),
        (Element::Contact, "/attribution/contact", "attribution.contact", CONTACT),
        (Element::Logo, "/attribution/logo/url", "attribution.logo", LOGO),
        (Element::Byline, "/body_text", "body_text", NAME),
        (Element::Affiliation, "/body_text", "body_text", "Harbor Press News Foundation\nContent"),
        (Element::Licence, "/body_text", "body_text", LINE),
        (Element::Contact, "/body_text", "body_text", CONTACT),
    ] {
        found(Format::Json, pointer, wanted, (element, place));
    }
}

#[test]
fn what_is_spoiled_in_a_field_of_ninjs_is_found() {
    let one = [
        (Element::Byline, "/byline", "byline", NAME),
        (Element::Affiliation, "/byline", "byline", HOUSE),
        (Element::Licence, "/usageterms", "usageterms", LINE),
        (Element::Contact, "/usageterms", "usageterms", CONTACT),
    ];
    for (element, pointer, place, wanted) in one {
        found(Format::Ninjs13, pointer, wanted, (element, place));
        found(Format::SuperdeskNinjs, pointer, wanted, (element, place));
    }
    let place = "associations.logo.renditions";
    found(Format::Ninjs13, "/associations/logo/renditions/main/href", LOGO, (Element::Logo, place));
    found(Format::SuperdeskNinjs, "/associations/logo/renditions/original/href", LOGO, (Element::Logo, place));
    for (element, pointer, place, wanted) in [
        (Element::Byline, "/by", "by", NAME),
        (Element::Affiliation, "/by", "by", HOUSE),
        (Element::Licence, "/usageterms", "usageterms", LINE),
        (Element::Contact, "/infosources/0/contactinfo/0/value", "infosources.contactinfo", CONTACT),
        (Element::Logo, "/associations/1/renditions/0/href", "associations[name=logo].renditions", LOGO),
        (Element::Logo, "/associations/1/name", "associations[name=logo].renditions", "logo"),
    ] {
        found(Format::Ninjs22, pointer, wanted, (element, place));
    }
    for (element, pointer, place, wanted) in [
        (Element::Byline, "/by", "by", NAME),
        (Element::Affiliation, "/by", "by", HOUSE),
        (Element::Licence, "/usageTerms", "usageTerms", LINE),
        (Element::Contact, "/infoSources/0/contactInfo/0/value", "infoSources.contactInfo", CONTACT),
        (Element::Logo, "/associations/1/renditions/0/href", "associations[rel=logo].renditions", LOGO),
        (Element::Logo, "/associations/1/rel", "associations[rel=logo].renditions", "logo"),
    ] {
        found(Format::Ninjs31, pointer, wanted, (element, place));
    }
    for (element, pointer, place, wanted) in [
        (Element::Byline, "/byline", "byline", NAME),
        (Element::Affiliation, "/byline", "byline", HOUSE),
        (Element::Licence, "/usageterms", "usageterms", LINE),
        (Element::Contact, "/infosource/0/contactinfo/0/value", "infosource.contactinfo", CONTACT),
        (Element::Logo, "/associations/logo/renditions/main/href", "associations.logo.renditions", LOGO),
    ] {
        found(Format::Ninjs16, pointer, wanted, (element, place));
    }
}

/// Spoils the text at `pointer` in three ways; each must be found.
fn found(format: Format, pointer: &str, wanted: &str, lack: (Element, &'static str)) {
    for document in [
        spoiled_field(format, pointer, wanted, "\n"),
        spoiled_field(format, pointer, wanted, &format!("Another {}", &wanted[wanted.len() / 2..])),
        field(format, pointer, |value| *value = Value::Bool(true)),
    ] {
        let lacks = lacks(format, &document);
        assert!(lacks.contains(&lack), "{pointer} of {format:?}: {lacks:?}");
    }
}

#[test]
fn what_is_spoiled_in_nitf_is_found() {
    let sound = text(&article(), Format::Nitf);
    let byline = "body.head/byline";
    for (element, place, from, to) in [
        (Element::Byline, byline, "<byline>By Ada Quill", "<byline>By Nobody"),
        (Element::Byline, byline, "<byline>By Ada Quill", "<byline>By <!-- Ada Quill -->"),
        (Element::Affiliation, byline, "Harbor Press News Foundation</byline>", "</byline>"),
        (Element::Licence, "body.end/tagline", "is free to any legitimate", "is not free to any legitimate"),
        (Element::Licence, "doc.rights@limitations", "limitations=\"Content by", "limitations=\""),
        (Element::Contact, "doc.rights@agent", "agent=\"licensing@harborpress.example\"", ""),
        (Element::Byline, "body.content", "<p>By Ada Quill", "<p>By Ada"),
        (Element::Affiliation, "body.content", "\">Harbor Press News Foundation</a>", "\"></a>"),
        (Element::Licence, "body.content", "b=2\">Content by", "b=2\">By"),
        (Element::Contact, "body.content", "\">licensing@harborpress.example</a>", "\"></a>"),
        (Element::Contact, "body.content", "<p>Licensing:", "<p style=\"display:none\">Licensing:"),
        (Element::Logo, "body.content", "logo.png", "lego.png"),
        (Element::Logo, "media class agency-logo", "logo.png", "lego.png"),
        (Element::Logo, "media class agency-logo", "agency-logo", "advertisement"),
        (Element::Logo, "body.content", "alternate-text=\"Harbor Press News Foundation\"", "alternate-text=\" \""),
        (Element::Logo, "body.content", "alternate-text=\"Harbor Press News Foundation\"", ""),
    ] {
        let lacks = lacks(Format::Nitf, &spoil(&sound, from, to));
        assert!(lacks.contains(&(element, place)), "{from} to {to}: {lacks:?}");
    }
    let note = spoil(&sound, "<p>By Ada Quill", "<note type=\"npa\"><body.content><p>By Ada Quill");
    let note = spoil(&note, "</block>", "</body.content></note></block>");
    assert_eq!(lacks(Format::Nitf, &note).len(), 4, "a note for editors is seen by no reader");
}

#[test]
fn what_is_spoiled_in_newsml_is_found() {
    let sound = text(&article(), Format::NewsMlG2);
    let (by, terms, source) = ("contentMeta/by", "rightsInfo/usageTerms", "infoSource/contactInfo");
    let (logo, body) = ("infoSource/remoteInfo", "contentSet/inlineXML");
    for (element, place, from, to) in [
        (Element::Byline, by, "<by>Ada Quill", "<by>Nobody"),
        (Element::Byline, by, "<by>Ada Quill", "<by><!-- Ada Quill -->"),
        (Element::Affiliation, by, ", Harbor Press News Foundation</by>", "</by>"),
        (Element::Licence, terms, "is free to any legitimate", "is not free to any legitimate"),
        (Element::Licence, terms, "Content by the", "<!-- Content by the -->"),
        (Element::Contact, source, "<email>licensing@harborpress.example</email>", "<email/>"),
        (Element::Contact, source, "cpprole:originator", "cpprole:distributor"),
        (Element::Logo, logo, "logo.png", "lego.png"),
        (Element::Logo, logo, "https://schema.org/logo", "https://schema.org/image"),
        (Element::Logo, logo, "<title>Harbor Press News Foundation</title></remoteInfo>", "</remoteInfo>"),
    ] {
        let spoiled = sound.replacen(from, to, 1);
        assert_ne!(spoiled, sound, "{from} is there");
        let lacks = lacks(Format::NewsMlG2, &spoiled);
        assert!(lacks.contains(&(element, place)), "{from} to {to}: {lacks:?}");
    }
    for (element, from, to) in IN_HTML {
        // In XML an attribute needs a value.
        let lacks = lacks(Format::NewsMlG2, &spoil(&sound, from, &to.replace(" hidden>", " hidden=\"\">")));
        assert!(lacks.contains(&(element, body)), "{from} to {to}: {lacks:?}");
    }
    for hidden in ["hidden=\"hidden\"", "style=\"display:none\""] {
        let lacks = lacks(Format::NewsMlG2, &spoil(&sound, "class=\"attribution\"", hidden));
        assert_eq!(lacks.len(), Element::USUAL.len(), "{hidden}: {lacks:?}");
    }
    let empty = format!("{}</contentSet></newsItem>", &sound[..sound.find("<inlineXML").unwrap()]);
    assert_eq!(lacks(Format::NewsMlG2, &empty).len(), Element::USUAL.len(), "a text that nobody sees carries nothing");
}

#[test]
fn what_is_spoiled_in_html_is_found() {
    for (format, view) in [(Format::Html, "the page"), (Format::HtmlFragment, "the article")] {
        let sound = text(&article(), format);
        for (element, from, to) in IN_HTML {
            let lacks = lacks(format, &spoil(&sound, from, to));
            assert!(lacks.contains(&(element, view)), "{from} to {to} in {format:?}: {lacks:?}");
        }
        for hidden in ["hidden", "style=\"display:none\""] {
            // The byline stands at the top.
            let lacks = lacks(format, &spoil(&sound, "class=\"attribution\"", hidden));
            assert_eq!(lacks.len(), 3, "{hidden}: {lacks:?}");
        }
        let cut = lacks(format, &sound.replacen("<header>", "<template>", 1).replacen("</header>", "</template>", 1));
        assert_eq!(cut, [(Element::Byline, view), (Element::Affiliation, view)]);
    }
    let sound = text(&article(), Format::Html);
    let (author, rights) = ("meta author", "meta dcterms.rights");
    for (element, place, from, to) in [
        (Element::Byline, author, "content=\"Ada Quill, ", "content=\""),
        (Element::Affiliation, author, ", Harbor Press News Foundation\"", "\""),
        (Element::Byline, author, "name=\"author\"", "name=\"editor\""),
        (Element::Licence, rights, "name=\"dcterms.rights\"", "name=\"rights\""),
        (Element::Licence, rights, "is free to any legitimate", "is not free to any legitimate"),
    ] {
        let spoiled = sound.replacen(from, to, 1);
        assert_ne!(spoiled, sound, "{from} is there");
        let lacks = lacks(Format::Html, &spoiled);
        assert!(lacks.contains(&(element, place)), "{from} to {to}: {lacks:?}");
    }
}

#[test]
fn what_is_spoiled_in_plain_text_is_found() {
    let sound = text(&article(), Format::Text);
    for (element, from, to) in [
        (Element::Logo, "logo.png", "lego.png"),
        (Element::Logo, "[Logo: Harbor Press News Foundation", "[Logo: "),
        (Element::Logo, "[Logo: Harbor Press News Foundation <", "[Logo: Harbor Press News Foundation "),
        (Element::Logo, ">]", ">"),
        (Element::Byline, "By Ada Quill", "By Nobody"),
        (Element::Byline, "By Ada Quill", "By Ada\nQuill"),
        (Element::Affiliation, "Reporter, Harbor Press News Foundation", "Reporter"),
        (Element::Affiliation, "Reporter, Harbor", "Reporter\nHarbor"),
        (Element::Licence, "any legitimate", "every legitimate"),
        (Element::Contact, "Licensing: licensing@harborpress.example", "Licensing: newslicensing@harborpress.example"),
        (Element::Contact, "Licensing: licensing@harborpress.example", ""),
    ] {
        let lacks = lacks(Format::Text, &spoil(&sound, from, to));
        assert!(lacks.contains(&(element, "the text")), "{from} to {to}: {lacks:?}");
    }
    let end = sound.find("[Logo").unwrap();
    assert_eq!(lacks(Format::Text, &sound[..end]).len(), 3, "the byline stands at the top");
}

#[test]
fn what_is_spoiled_in_atom_is_found() {
    let sound = text(&article(), Format::Atom);
    let escaped = |markup: &str| markup.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (element, place, from, to) in [
        (Element::Byline, "author/name", "<name>Ada Quill</name>", "<name>Nobody</name>"),
        (Element::Byline, "author/name", "<name>Ada Quill</name>", "<name><!-- Ada Quill --></name>"),
        (Element::Byline, "author/name", "<author>", "<contributor>"),
        (Element::Licence, "rights", "is free to any legitimate", "is not free to any legitimate"),
        (Element::Licence, "rights", "<rights>", "<rights xmlns=\"urn:x\">"),
    ] {
        let spoiled = sound.replacen(from, to, 1);
        assert_ne!(spoiled, sound, "{from} is there");
        let spoiled = if to == "<contributor>" { spoiled.replacen("</author>", "</contributor>", 1) } else { spoiled };
        let lacks = lacks(Format::Atom, &spoiled);
        assert!(lacks.contains(&(element, place)), "{from} to {to}: {lacks:?}");
    }
    for (element, from, to) in IN_HTML {
        let lacks = lacks(Format::Atom, &spoil(&sound, &escaped(from), &escaped(to)));
        assert!(lacks.contains(&(element, "content")), "{from} to {to}: {lacks:?}");
    }
    let hidden = spoil(&sound, "class=\"attribution\"", "hidden");
    assert_eq!(lacks(Format::Atom, &hidden).len(), Element::USUAL.len());
    let gone = text(&super::killed(), Format::Atom);
    assert_eq!(lacks(Format::Atom, &gone).len(), Element::USUAL.len(), "a deleted entry carries nothing");
}

#[test]
fn html_with_something_at_work_in_it_is_not_proved() {
    let attribution = resolved();
    for format in [Format::Html, Format::HtmlFragment] {
        for at_work in [
            "<style>.attribution{display:none}</style><p>",
            "<script src=\"https://x.example/\"></script><p>",
            "<link rel=\"alternate StyleSheet\" href=\"https://x.example/a.css\"><p>",
            "<base href=\"https://x.example/\"><p>",
            "<meta http-equiv=\"refresh\" content=\"0;https://x.example/\"><p>",
            "<p onclick=\"remove()\">",
        ] {
            let document = text(&article(), format).replacen("<p>", at_work, 1);
            let unproved = prove(&FormatProfile::plain(format), "".into(), document.into(), &attribution).unwrap_err();
            assert!(matches!(unproved.missing[..], [Lack::Unreadable { .. }]), "{at_work}: {unproved}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_not_proved() {
    let attribution = Attribution::resolve(&super::killed(), &own(wire()), &Edition::plain(Format::Json)).unwrap();
    for (format, document) in [
        (Format::Json, "{\"a\":"),
        (Format::Json, "[]"),
        (Format::Ninjs13, "7"),
        (Format::Ninjs16, "null"),
        (Format::Ninjs22, "[{}]"),
        (Format::Ninjs31, "{} {}"),
        (Format::SuperdeskNinjs, "{\"uri\": \"urn:x:1\", \"type\": \"text\", \"pubstatus\": \"usable\"}"),
        (Format::WordPress, "{\"body_html\":\"<p>\"}"),
        (Format::WordPress, "[]"),
        (Format::Nitf, "<nitf><p></nitf>"),
        (Format::Nitf, "<html/>"),
        (Format::NewsMlG2, "<newsItem>"),
        (Format::NewsMlG2, "<packageItem/>"),
        (Format::Atom, "<entry/>"),
        (Format::Atom, "<entry xmlns=\"http://www.w3.org/2005/Atom\"><content type=\"text\">a</content></entry>"),
        (Format::Text, "a\u{1b}[8m"),
        (Format::Nitf, "<!DOCTYPE nitf [<!ENTITY a \"b\">]><nitf>&a;</nitf>"),
    ] {
        let unproved = prove(&FormatProfile::plain(format), "".into(), document.into(), &attribution).unwrap_err();
        assert!(matches!(unproved.missing[..], [Lack::Unreadable { .. }]), "{unproved}");
        assert_eq!(unproved.bytes, document, "the bytes are kept");
    }
    let unproved =
        prove(&FormatProfile::plain(Format::Nitf), "".into(), b"<nitf>\xff</nitf>".to_vec(), &attribution).unwrap_err();
    assert!(matches!(unproved.missing[..], [Lack::Unreadable { .. }]));
}

/// A receiver shows the text that it likes best: each has to carry what it can.
#[test]
fn a_second_body_without_the_attribution_is_found() {
    for (format, key) in [(Format::Ninjs22, "contenttype"), (Format::Ninjs31, "contentType")] {
        for (content_type, elements) in [("text/html", 5), ("text/plain", 4), ("", 5)] {
            let document = field(format, "/bodies", |bodies| {
                let bare = serde_json::json!({"role": "short", key: content_type, "value": "<p>In short.</p>"});
                bodies.as_array_mut().unwrap().push(bare);
            });
            let lacks = lacks(format, &document);
            assert!(lacks.iter().all(|(_, place)| *place == "bodies"), "{lacks:?}");
            assert_eq!(lacks.len(), elements, "{content_type:?} in {format:?}: {lacks:?}");
        }
    }
    // Plain text can show no logo, and all of the rest, over the ends of its lines.
    let whole = field(Format::Ninjs31, "/bodies", |bodies| {
        let line = &wire().licence.unwrap().line.replace(' ', "\n");
        let value = format!("By Ada Quill, {HOUSE}\n{line}\n{CONTACT}");
        bodies.as_array_mut().unwrap().push(serde_json::json!({"contentType": "text/plain", "value": value}));
    });
    assert_eq!(lacks(Format::Ninjs31, &whole), []);
}

/// Receivers of Superdesk's family show nothing that stands before the first tag.
#[test]
fn what_stands_before_the_first_tag_is_seen_by_nobody() {
    let moved = |format| {
        field(format, "/body_html", |html| {
            let without = spoil(html.as_str().unwrap(), "By Ada Quill", "By Nobody");
            *html = format!("By Ada Quill, {HOUSE}{without}").into();
        })
    };
    assert_eq!(
        lacks(Format::SuperdeskNinjs, &moved(Format::SuperdeskNinjs)),
        [(Element::Byline, "body_html"), (Element::Affiliation, "body_html")]
    );
    assert_eq!(lacks(Format::Ninjs13, &moved(Format::Ninjs13)), []);
}

#[test]
fn the_proof_says_what_it_missed_and_where() {
    let attribution = resolved();
    let document = "{\"body_html\":\"<p>By Ada Quill</p>\",\"byline\":\"Ada Quill\"}";
    insta::assert_snapshot!(prove(&FormatProfile::plain(Format::Ninjs16), "".into(), document.into(), &attribution).unwrap_err(), @r#"the ninjs-1.6 document does not carry its attribution: the logo "https://cdn.harborpress.example/logo.png?w=200&h=40" is not in associations.logo.renditions, nor in body_html; the affiliation "Ada Quill … Harbor Press News Foundation" is not in byline, nor in body_html; the licence "Content by the Harbor Press News Foundation is free to any legitimate news publisher; keep the logo, the byline & the affiliation." is not in usageterms, nor in body_html; the contact "licensing@harborpress.example" is not in infosource.contactinfo, nor in body_html"#);
}
