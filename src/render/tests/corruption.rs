//! Every element of every wire's terms, taken out of the bytes of every format or changed by a letter: the proof fails,
//! every time, and says which it was.

use super::wires::{ROWS, policies, required_of, story};
use super::*;
use crate::attribution::{Lack, Required};

/// The ways in which a text stands in the bytes of a document: as HTML or XML, one within the other, within JSON or not.
fn spellings(text: &str) -> Vec<String> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = |text: &str| text.replace('"', "&quot;");
    let in_json = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').to_owned();
    let html = [escaped(text), quoted(&escaped(text))];
    let plain = [text.to_owned()].into_iter().chain(html.iter().map(|html| escaped(html))).chain(html.clone());
    let plain: Vec<String> = plain.collect();
    let mut all: Vec<String> = plain.iter().flat_map(|text| [text.clone(), in_json(text)]).collect();
    all.sort();
    all.dedup();
    all
}

/// The names of the elements that the proof does not find.
fn lacking(bytes: Vec<u8>, attribution: &Attribution, profile: &FormatProfile) -> Vec<String> {
    match prove(profile, "".into(), bytes, attribution) {
        Ok(_) => Vec::new(),
        Err(unproved) => {
            let name = |lack: &Lack| match lack {
                Lack::Absent { name, .. } => name.clone(),
                Lack::Unreadable { why, .. } => panic!("what was changed is only text: {why}"),
            };
            unproved.missing.iter().map(name).collect()
        }
    }
}

#[test]
fn no_element_of_any_wire_can_go_missing_from_any_format() {
    let mut tried = 0;
    for row in &ROWS {
        let (article, policies) = (story(row.article), policies(row));
        for format in Format::ALL {
            let edition = Edition::plain(format);
            let attribution = required_of(&article, &policies, &edition);
            let document = rendition(&article, &policies, &edition).unwrap().document;
            let document = String::from_utf8(document.bytes().to_vec()).unwrap();
            for Required { name, needles, .. } in attribution.required() {
                for needle in needles {
                    let stands = spellings(needle).into_iter().filter(|spelling| document.contains(spelling.as_str()));
                    let stands: Vec<String> = stands.collect();
                    assert!(!stands.is_empty(), "{needle:?} is in no spelling in {} of {}", format.as_str(), row.name);
                    // A letter more after the first is another word, whatever stands next to it.
                    let longer = |spelling: &str| {
                        let (first, rest) = spelling.split_at(spelling.chars().next().map_or(0, char::len_utf8));
                        format!("{first}q{rest}")
                    };
                    let gone = |_: &str| String::new();
                    for change in [&gone as &dyn Fn(&str) -> String, &longer] {
                        let change =
                            |text: String, spelling: &String| text.replace(spelling.as_str(), &change(spelling));
                        let spoiled = stands.iter().fold(document.clone(), change);
                        let lacking = lacking(spoiled.into_bytes(), &attribution, &edition.profile);
                        assert!(lacking.contains(name), "{name} {needle:?} in {} of {}", format.as_str(), row.name);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 500, "only {tried} documents were spoiled");
}
