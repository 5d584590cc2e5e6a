//! That no text is lost, whatever the elements, and that nothing panics, whatever the bytes.

use proptest::prelude::*;

use super::{ID, document, read};
use crate::article::samples::sample;
use crate::article::{WireId, decode};

/// Elements that may stand anywhere in the text, in the schema's sense or against it. Their text is for readers.
const ELEMENTS: [&str; 44] = [
    "p",
    "block",
    "hl2",
    "hl1",
    "bq",
    "credit",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "em",
    "num",
    "sub",
    "sup",
    "q",
    "person",
    "org",
    "location",
    "city",
    "chron",
    "money",
    "event",
    "function",
    "object.title",
    "pronounce",
    "lang",
    "fn",
    "note",
    "datasource",
    "pre",
    "copyrite",
    "div",
    "custom-table",
    "byline",
    "unknown",
];

/// A piece of a body's XML, and the letters in it.
fn content() -> impl Strategy<Value = (String, String)> {
    let leaf = prop_oneof![
        4 => "[a-z]{1,4}".prop_map(|letters| (letters.clone(), letters)),
        1 => "[ \n]{1,2}".prop_map(|space| (space, String::new())),
        1 => Just(("<br/>".to_owned(), String::new())),
        1 => Just(("<hr/>".to_owned(), String::new())),
        1 => Just(("<media media-type='image'><media-reference source='https://x.example/i.jpg'/></media>".to_owned(), String::new())),
        1 => Just(("&amp;<!-- x -->".to_owned(), "&".to_owned())),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        (prop::sample::select(ELEMENTS.to_vec()), proptest::collection::vec(inner, 0..5)).prop_map(|(name, parts)| {
            let (xml, letters): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
            (format!("<{name}>{}</{name}>", xml.concat()), letters.concat())
        })
    })
}

/// Without what the decoder puts between: white space, and the marks of a `q`.
fn inked(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"“”".contains(*c)).collect()
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let files = ["nitf-3.6-article.xml", "nitf-3.6-kill.xml", "newsml-g2-2.35-article.xml"];
    let mut samples: Vec<Vec<u8>> = files.iter().filter_map(|file| sample(&format!("formats/{file}"))).collect();
    // Where there are no samples, less is better than nothing.
    samples.push(
        b"<nitf><head><docdata><doc-id id-string=\"a\"/><date.issue norm=\"20261124T101500Z\"/></docdata></head><body>\
          <body.head><hedline><hl1>H</hl1></hedline></body.head><body.content><p>T <em>t</em></p></body.content></body></nitf>"
            .to_vec(),
    );
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8, any::<prop::sample::Index>());
    (prop::sample::select(samples.to_vec()), proptest::collection::vec(change, 1..12)).prop_map(
        |(mut bytes, changes)| {
            for (at, byte, what, other) in changes {
                if bytes.is_empty() {
                    break;
                }
                let (at, other) = (at.index(bytes.len()), other.index(bytes.len()));
                match what {
                    0 => bytes[at] = byte,
                    1 => bytes.truncate(at.max(bytes.len() / 2)),
                    2 => drop(bytes.splice(at.min(other)..at.max(other).min(at.min(other) + 40), [])),
                    _ => {
                        let piece = bytes[at.min(other)..at.max(other).min(at.min(other) + 200)].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_text_survives_in_order(parts in proptest::collection::vec(content(), 0..6)) {
        let (xml, letters): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
        let article = read(&document(ID, "<hl1>H</hl1>", &format!("{}<p>end</p>", xml.concat()))).unwrap();
        prop_assert_eq!(inked(&article.body.text()), letters.concat() + "end", "{}", xml.concat());
    }

    #[test]
    fn whatever_becomes_of_a_document_nothing_panics(bytes in mutated()) {
        let _ = decode(&bytes, Some("text/xml"), &WireId::new("hpnf"));
        let _ = decode(&bytes, None, &WireId::new("hpnf"));
    }

    #[test]
    fn whatever_stands_in_the_elements_nothing_panics(
        name in prop::sample::select(vec!["doc-id", "du-key", "date.release", "urgency", "evloc", "byline", "media", "docdata", "dateline", "nitf"]),
        attribute in prop::sample::select(vec!["id-string", "version", "norm", "ed-urg", "city", "management-status", "management-doc-idref", "uno"]),
        value in "[-a-zA-Z0-9:./ é©]{0,30}",
        inner in "[<>/a-z&;. ]{0,20}",
    ) {
        let _ = read(&document(&format!("{ID}<{name} {attribute}='{value}'>{inner}</{name}>"), "<hl1>H</hl1>", "<p>B</p>"));
    }
}

/// Hours of the same, for a machine with nothing else to do.
#[test]
#[ignore = "runs for minutes; for a quiet machine, with `--ignored`"]
fn many_mutations() {
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 200_000, ..ProptestConfig::default() });
    let run = runner.run(&mutated(), |bytes| {
        let _ = decode(&bytes, None, &WireId::new("hpnf"));
        Ok(())
    });
    assert!(run.is_ok(), "{run:?}");
}
