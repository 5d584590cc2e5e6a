//! The mapping tables in `docs/formats` against the fields that an article has.

use crate::article::schema;

const TABLES: [(&str, &str); 6] = [
    ("atom", include_str!("../../../docs/formats/atom.md")),
    ("html", include_str!("../../../docs/formats/html.md")),
    ("json", include_str!("../../../docs/formats/json.md")),
    ("newsml-g2", include_str!("../../../docs/formats/newsml-g2.md")),
    ("nitf", include_str!("../../../docs/formats/nitf.md")),
    ("text", include_str!("../../../docs/formats/text.md")),
];

/// A field that is added to articles has to find its place in every format, or be said to have none.
#[test]
fn every_field_of_an_article_has_its_row() {
    let schema = serde_json::to_value(schema()).unwrap();
    let fields: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(fields.len() > 25, "{fields:?}");
    // What says whose it is, and the text, which has a table of its own.
    let elsewhere = ["newswired", "wire", "body_html", "body_text"];
    for (format, table) in TABLES {
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).collect();
        for field in fields.iter().filter(|field| !elsewhere.contains(field)) {
            let names = |row: &&str| row.split(" | ").next().is_some_and(|cell| cell.contains(&format!("`{field}`")));
            assert!(rows.iter().any(names), "{field} has no row in {format}.md");
        }
        assert!(rows.iter().any(|row| row.starts_with("| body | ")), "the body has no row in {format}.md");
    }
}

#[test]
fn the_documented_profile_is_one_that_loads() {
    let documented = TABLES[4].1.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let value: toml::Value = toml::from_str(documented).unwrap();
    let profile: crate::config::FormatProfile = value["profiles"]["herald"].clone().try_into().unwrap();
    assert_eq!(profile.dialect().meta.len(), 2);
}
