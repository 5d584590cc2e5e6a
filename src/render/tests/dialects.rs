//! NITF in every dialect that a profile can ask for.

use std::process::Command;

use super::{Render, article, extract, generated, killed, own, rendition, schemas, wire};
use crate::article::{Article, Author};
use crate::attribution::{Attribution, Lack, Proved, prove};
use crate::config::{Edition, Format, FormatProfile, NitfOptions};
use crate::render::nitf::Nitf;

/// Options as they stand in a configuration: each preset, each key, and all at once.
const OPTIONS: [&str; 14] = [
    "",
    "preset = \"ap\"",
    "preset = \"superdesk\"",
    "namespace = false",
    "version = \"-//IPTC//DTD NITF 3.3//EN\"",
    "doctype = true",
    "encoding = \"iso-8859-1\"",
    "encoding = \"us-ascii\"",
    "block = false",
    "byline = \"structured\"",
    "id = \"version\"",
    "dates = \"extended\"",
    "meta = { slug = \"slugline\", section = \"section\", keys = \"keywords\", lang = \"language\", guid = \"guid\", \
     version = \"version\", action = \"action\", urgency = \"urgency\", words = \"words\" }",
    "preset = \"superdesk\"\ndoctype = true\nencoding = \"us-ascii\"\nbyline = \"structured\"\nid = \"version\"\ndates = \
     \"extended\"",
];

fn profile(options: &str) -> FormatProfile {
    let options: NitfOptions = toml::from_str(options).unwrap();
    FormatProfile { nitf: Some(options), ..FormatProfile::plain(Format::Nitf) }
}

fn rendered(article: &Article, options: &str) -> Proved {
    let edition = Edition { profile: profile(options).into(), ..Edition::plain(Format::Nitf) };
    rendition(article, &own(wire()), &edition).unwrap_or_else(|why| panic!("{options}: {why}\n{article:?}")).document
}

/// The text of a document in the encoding that it declares.
fn text(document: &Proved) -> String {
    let bytes = document.bytes();
    let declared = String::from_utf8_lossy(&bytes[..60]).into_owned();
    if declared.contains("iso-8859-1") || declared.contains("us-ascii") {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    } else {
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

/// A document with what its dialect differs in from the schema, and in nothing else, as the schema has it.
fn for_the_schema(document: &str) -> String {
    let document = match document.split_once("<!DOCTYPE") {
        Some((before, rest)) => format!("{before}{}", rest.split_once(">\n").unwrap().1),
        None => document.to_owned(),
    };
    let (before, rest) = document.split_once("<nitf ").unwrap();
    let (attributes, rest) = rest.split_once('>').unwrap();
    let namespace = if attributes.contains("xmlns=") { "" } else { "xmlns=\"http://iptc.org/std/NITF/2006-10-18/\" " };
    let attributes = attributes.replace("NITF 3.4//", "NITF 3.6//").replace("NITF 3.3//", "NITF 3.6//");
    format!("{before}<nitf {namespace}{attributes}>{rest}")
}

#[test]
fn every_dialect_is_proved_whole_and_as_valid_as_it_can_be() {
    let mut documents = Vec::new();
    for (at, article) in generated::sample().iter().enumerate() {
        let written = extract::written(article);
        // Each article in three of them: every dialect meets sixty.
        for options in (0..3).map(|turn| OPTIONS[(at * 3 + turn) % OPTIONS.len()]) {
            let proved = rendered(article, options);
            let document = text(&proved);
            let seen = extract::inked(&extract::nitf(&document));
            assert!(seen.contains(&written), "{options}: {written:?} was read as {seen:?}");
            let document = for_the_schema(&document);
            // The bytes that the declared encoding has.
            let latin = document[..60].contains("iso-8859-1");
            documents.push(match latin {
                true => document.chars().map(|c| u8::try_from(c).unwrap()).collect(),
                false => document.into_bytes(),
            });
        }
    }
    schemas::assert_valid("nitf", &documents);
}

#[test]
fn a_dialect_says_what_its_options_say() {
    let differs = |options: &str| {
        let starts =
            ["<?xml", "<!DOCTYPE", "<nitf", "<meta", "<doc-id", "<date", "<du-key", "<byline", "<body.content"];
        let document = text(&rendered(&article(), options));
        let lines = document.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("dialect.ap", differs("preset = \"ap\""));
    insta::assert_snapshot!("dialect.superdesk", differs("preset = \"superdesk\""));
    insta::assert_snapshot!("dialect.meta", differs(OPTIONS[12]));
    insta::assert_snapshot!("dialect.all", differs(OPTIONS[13]));
}

#[test]
fn a_structured_byline_parts_names_roles_and_affiliation() {
    let author =
        |name: &str, role: Option<&str>| Author { name: name.into(), role: role.map(Into::into), ..Author::default() };
    let byline = |authors: Vec<Author>, byline: Option<&str>| {
        let article = Article { authors, byline: byline.map(Into::into), ..article() };
        let document = text(&rendered(&article, "byline = \"structured\""));
        let at = document.find("<byline>").unwrap();
        document[at..].lines().next().unwrap().to_owned()
    };
    let house = "<org>Harbor Press News Foundation</org></byttl></byline>";
    for (authors, raw, want) in [
        (vec![author("Ada Quill", None)], None, format!("<byline>By Ada Quill, <byttl>{house}")),
        (vec![author("Ada Quill", Some("Reporter"))], None, format!("<byline>By Ada Quill, <byttl>Reporter, {house}")),
        (
            vec![author("Ada Quill", None), author("Jo Ray", None)],
            None,
            format!("<byline>By Ada Quill and Jo Ray, <byttl>{house}"),
        ),
        (vec![], Some("By Ada Quill"), format!("<byline>By Ada Quill, <byttl>{house}")),
        (
            vec![],
            Some("Ada Quill of the Harbor Press News Foundation"),
            "<byline>By Ada Quill of the Harbor Press News Foundation</byline>".to_owned(),
        ),
    ] {
        assert_eq!(byline(authors, raw), want);
    }
}

/// Another parser's word for it: the documents of two encodings are the same once they are read.
#[test]
fn a_document_is_the_same_in_every_encoding() {
    let canonical = |proved: &Proved| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), proved.bytes()).unwrap();
        let output = Command::new("xmllint").arg("--nonet").arg("--c14n").arg(file.path()).output();
        match output {
            Ok(output) if output.status.success() => Some(output.stdout),
            Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
            Err(_) if std::env::var_os("NEWSWIRED_WITHOUT_SCHEMAS").is_some() => None,
            Err(why) => panic!("xmllint (Debian: libxml2-utils) is needed, or NEWSWIRED_WITHOUT_SCHEMAS=1: {why}"),
        }
    };
    for article in generated::sample().iter().take(40) {
        let document = canonical(&rendered(article, ""));
        for encoding in ["iso-8859-1", "us-ascii"] {
            let other = rendered(article, &format!("encoding = \"{encoding}\""));
            assert_eq!(canonical(&other), document, "{encoding}");
            assert_eq!(other.content_type(), format!("application/nitf+xml; charset={encoding}"));
        }
    }
}

#[test]
fn what_is_spoiled_in_a_dialect_is_found() {
    let resolved =
        |article: &Article| Attribution::resolve(article, &own(wire()), &Edition::plain(Format::Nitf)).unwrap();
    let spoiled = |options: &str, from: &str, to: &str| {
        let profile = profile(options);
        let document = text(&rendered(&article(), options));
        let at = document.rfind(from).unwrap_or_else(|| panic!("{from} is not in {document}"));
        let document = format!("{}{to}{}", &document[..at], &document[at + from.len()..]);
        let bytes = match profile.dialect().encoding {
            crate::config::NitfEncoding::Utf8 => document.into_bytes(),
            _ => document.chars().map(|c| u8::try_from(c).unwrap()).collect(),
        };
        let kind = Nitf.content_type(&profile);
        prove(&profile, kind, bytes, &resolved(&article())).map(|_| ()).map_err(|unproved| unproved.missing)
    };
    for options in OPTIONS {
        assert_eq!(spoiled(options, "logo.png", "logo.png"), Ok(()), "{options}");
        for (from, to) in [
            ("logo.png", "lego.png"),
            ("agency-logo", "advertisement"),
            ("<byline>By Ada Quill", "<byline>By Nobody"),
            ("any legitimate", "every legitimate"),
            ("agent=\"licensing@", "agent=\"l@"),
            ("\">licensing@harborpress.example</a>", "\"></a>"),
            ("<p>By Ada Quill", "<p>By Ada"),
            ("\">Harbor Press News Foundation</a>", "\"></a>"),
        ] {
            let found = spoiled(options, from, to);
            assert!(
                matches!(found, Err(ref lacks) if matches!(lacks[..], [Lack::Absent { .. }, ..])),
                "{from}: {found:?}"
            );
        }
    }
    let structured = ["<org>Harbor Press News Foundation</org></byttl>", "</byttl>"];
    assert!(spoiled("byline = \"structured\"", structured[0], structured[1]).is_err());
    // Of entities, and of an encoding that is not the one that is sent, a receiver may make anything.
    for (options, from, to) in [
        ("doctype = true", "nitf-3-6.dtd\"", "nitf-3-6.dtd\" [<!ENTITY a \"b\">]"),
        (
            "doctype = true",
            "<!DOCTYPE nitf PUBLIC \"",
            "<!DOCTYPE nitf [<!ATTLIST p style CDATA \"display:none\">]><!-- \"",
        ),
        ("encoding = \"iso-8859-1\"", "encoding=\"iso-8859-1\"", "encoding=\"utf-8\""),
        ("encoding = \"us-ascii\"", "encoding=\"us-ascii\"", ""),
        ("encoding = \"us-ascii\"", "Ada", "Ad\u{e4}"),
        ("", "encoding=\"UTF-8\"", "encoding=\"iso-8859-1\""),
    ] {
        let found = spoiled(options, from, to);
        assert!(matches!(found, Err(ref lacks) if matches!(lacks[..], [Lack::Unreadable { .. }])), "{from}: {found:?}");
    }
}

#[test]
fn a_kill_of_a_dialect_with_an_id_per_version_names_the_story() {
    let document = text(&rendered(&killed(), "id = \"version\""));
    let guid = killed().guid.to_string();
    for needed in [
        format!("<doc-id regsrc=\"HPNF\" id-string=\"{guid}:3\"/>"),
        format!("<du-key key=\"{guid}\" version=\"3\"/>"),
        format!("management-doc-idref=\"{guid}\""),
    ] {
        assert!(document.contains(&needed), "{needed} is not in {document}");
    }
}
