//! The JSON schemas of the configuration, made from its types: for editors, and for what the types alone know of a key
//! when an error message needs it.

use schemars::schema_for;
use serde_json::{Map, Value};

use super::place::KeyPath;
use super::{Config, Partner};

/// What [`schema`] says, as it was when the types were last changed.
const SCHEMA: &str = include_str!("../../config/newswired.schema.json");

/// The schema of `newswired.toml`.
pub fn schema() -> Value {
    schema_for!(Config).into()
}

/// The schema of a file in `partners.d/`.
pub fn partner_schema() -> Value {
    schema_for!(Partner).into()
}

/// The schema as a book to look things up in.
#[derive(Debug)]
pub(super) struct Known(Value);

impl Known {
    /// As `config/newswired.schema.json` has it: what makes it from the types is more than half a megabyte of code, which only
    /// the tests need.
    pub fn of_config() -> Self {
        Self(
            serde_json::from_str(SCHEMA).expect("a test holds the file to the types, from which it is written as JSON"),
        )
    }

    /// The keys that the table at `path` must have.
    pub fn required(&self, path: &KeyPath) -> Vec<&str> {
        self.at(path)
            .into_iter()
            .filter_map(|schema| schema.get("required")?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The least and the greatest number that may stand at `path`.
    pub fn bounds(&self, path: &KeyPath) -> Option<(u64, u64)> {
        self.at(path).into_iter().find_map(|schema| {
            let least = schema.get("minimum")?.as_u64()?;
            Some((least, schema.get("maximum").map_or(Some(u64::MAX), Value::as_u64)?))
        })
    }

    /// The keys that the table at `path` may have and that have a value where nobody gives them one, with that value.
    pub fn defaults(&self, path: &KeyPath) -> Vec<(&str, &Value)> {
        let tables = self.at(path).into_iter();
        tables
            .filter_map(|schema| schema.get("properties")?.as_object())
            .flatten()
            .filter_map(|(key, schema)| Some((key.as_str(), schema.get("default")?)))
            .filter(|(_, value)| !value.is_null())
            .collect()
    }

    /// The tables that `path` has also where nobody writes them: what they hold then are their own keys' defaults.
    pub fn sections(&self, path: &KeyPath) -> Vec<&str> {
        let required = self.required(path);
        let tables = self.at(path).into_iter();
        tables
            .filter_map(|schema| schema.get("properties")?.as_object())
            .flatten()
            // One that may be left out altogether is a choice between it and nothing.
            .filter(|(_, schema)| schema.get("$ref").is_some() && schema.get("default").is_none())
            .map(|(key, _)| key.as_str())
            .filter(|key| !required.contains(key))
            .collect()
    }

    /// Every form that the value at `path` may take.
    fn at(&self, path: &KeyPath) -> Vec<&Map<String, Value>> {
        let mut forms = self.forms(&self.0);
        for part in path.parts() {
            forms = forms
                .into_iter()
                .filter_map(|schema| {
                    let named = schema.get("properties").and_then(|keys| keys.get(part.as_ref()));
                    named.or_else(|| schema.get("additionalProperties")).or_else(|| schema.get("items"))
                })
                .flat_map(|schema| self.forms(schema))
                .collect();
        }
        forms
    }

    fn forms<'a>(&'a self, schema: &'a Value) -> Vec<&'a Map<String, Value>> {
        let Some(schema) = schema.as_object() else { return Vec::new() };
        let referred =
            schema.get("$ref").and_then(Value::as_str).and_then(|name| self.0.pointer(name.strip_prefix('#')?));
        let choices = ["anyOf", "oneOf"].iter().filter_map(|word| schema.get(*word)?.as_array()).flatten();
        std::iter::once(schema).chain(referred.into_iter().chain(choices).flat_map(|form| self.forms(form))).collect()
    }
}
