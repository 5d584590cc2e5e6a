//! docs/formats/ninjs.md against the documents: every field that it names is there, and every field is named.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const MAPPING: &str = include_str!("../../../docs/formats/ninjs.md");

/// The columns of its tables of five, in their order.
const COLUMNS: [Format; 5] = ninjs_return::FORMATS;

/// What stands between backticks there and is the value of a field.
const VALUES: [&str; 4] = ["usable", "canceled", "withheld", "sig:correction"];

/// What every document says, or the prose below the tables.
const ALWAYS: [&str; 8] =
    ["$standard", "standard", "type", "mimetype", "profile", "representationtype", "representationType", "extra"];

/// The top-level fields of which the tables speak, by format.
fn named() -> [BTreeSet<String>; 5] {
    let mut named: [BTreeSet<String>; 5] = Default::default();
    for row in MAPPING.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        if cells.len() != 6 || cells[1].starts_with("1.3") || cells[1].starts_with("---") {
            continue;
        }
        for (names, cell) in named.iter_mut().zip(&cells[1..]) {
            let quoted = cell.split('`').skip(1).step_by(2);
            for field in quoted.filter(|quoted| !VALUES.contains(quoted)) {
                names.insert(field.split(['.', '[']).next().unwrap_or_default().to_owned());
            }
        }
    }
    named
}

#[test]
fn the_mapping_names_the_fields_of_the_documents_and_no_others() {
    let mut article = article();
    article.action = Action::Correct;
    for (format, mut named) in COLUMNS.into_iter().zip(named()) {
        assert!(named.len() > 20, "{format:?}: {named:?}");
        named.insert("associations".into());
        let document: Value = serde_json::from_str(&text(&article, format)).unwrap();
        let fields: BTreeSet<String> = document.as_object().unwrap().keys().cloned().collect();
        let missing: Vec<_> = named.difference(&fields).collect();
        assert!(missing.is_empty(), "{format:?} has no {missing:?}, which the mapping names");
        let untold = |field: &&String| !ALWAYS.contains(&field.as_str());
        let untold: Vec<_> = fields.difference(&named).filter(untold).collect();
        assert!(untold.is_empty(), "the mapping does not say that {format:?} has {untold:?}");
    }
}
