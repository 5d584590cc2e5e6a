//! One TOML file: read once for what it says and where it says it.

use std::path::Path;
use std::sync::Arc;

use config::{Source, ValueKind};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place};
use super::place::{FilePlaces, KeyPath, Lines};

/// What a file says, hung where it belongs in the configuration: a layer for the `config` crate. All that a TOML file can
/// say has its like in JSON, but for numbers that are none, which become `null`.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    root: KeyPath,
    table: Map<String, Value>,
}

/// Parses the file's text. Its syntax errors come all at once, one a line: what follows an error on the same line is
/// mostly its echo.
pub(super) fn parse(file: &Path, root: KeyPath, text: &str) -> Result<(Layer, FilePlaces), Vec<ConfigError>> {
    let (table, faults) = DeTable::parse_recoverable(text);
    let table = table.get_ref();
    let mut reading = Reading { file, lines: Lines(text), errors: Vec::new() };
    for fault in faults {
        // The crate's own display quotes the line, which may hold a secret that was typed in by mistake.
        let message = format!("not TOML: {}{}", fault.message(), mend(fault.message()));
        reading.fault(fault.span().map_or(text.len(), |span| span.start), message);
    }
    let layer = Layer { root: root.clone(), table: reading.table(table) };
    if reading.errors.is_empty() {
        Ok((layer, FilePlaces::new(file.to_owned(), root, text)))
    } else {
        Err(reading.errors)
    }
}

impl Layer {
    /// Where it hangs.
    pub fn root(&self) -> &KeyPath {
        &self.root
    }

    /// Whether it says anything at `path`, counted from where it hangs.
    pub fn speaks_of(&self, path: &[Arc<str>]) -> bool {
        let Some((last, above)) = path.split_last() else { return true };
        let table = above.iter().try_fold(&self.table, |table, part| table.get(part.as_ref())?.as_object());
        table.is_some_and(|table| table.contains_key(last.as_ref()))
    }

    /// What it says, where no other layer has a word in it.
    pub fn into_tree(self) -> Value {
        Value::Object(self.table)
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, config::Value>, config::ConfigError> {
        Ok(self.root.parts().iter().rev().fold(of_layers(&self.table), |inner, part| {
            config::Map::from_iter([(part.to_string(), config::Value::new(None, ValueKind::Table(inner)))])
        }))
    }
}

/// A table as the `config` crate merges it.
fn of_layers(table: &Map<String, Value>) -> config::Map<String, config::Value> {
    table.iter().map(|(key, value)| (key.clone(), of_layer(value))).collect()
}

fn of_layer(value: &Value) -> config::Value {
    let kind = match value {
        Value::Null => ValueKind::Nil,
        Value::Bool(value) => ValueKind::Boolean(*value),
        // TOML has no other numbers than those of the first two.
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => ValueKind::I64(number),
            (None, Some(number)) => ValueKind::Float(number),
            (None, None) => ValueKind::Nil,
        },
        Value::String(text) => ValueKind::String(text.clone()),
        Value::Array(items) => ValueKind::Array(items.iter().map(of_layer).collect()),
        Value::Object(table) => ValueKind::Table(of_layers(table)),
    };
    config::Value::new(None, kind)
}

/// How to mend the slips of the hand that are common.
fn mend(message: &str) -> &'static str {
    const MENDS: [(&str, &str); 6] = [
        ("invalid float", "; put text in quotes"),
        ("string values must be quoted", "; put text in quotes"),
        ("invalid basic string", "; close the quotes on the same line"),
        ("invalid unquoted key", "; put the key in quotes"),
        ("unclosed table", "; close the section's name"),
        ("duplicate key", "; remove one of the two"),
    ];
    MENDS.iter().find(|(start, _)| message.starts_with(start)).map_or("", |(_, mend)| mend)
}

struct Reading<'a> {
    file: &'a Path,
    lines: Lines<'a>,
    errors: Vec<ConfigError>,
}

impl Reading<'_> {
    fn fault(&mut self, offset: usize, message: String) {
        let (line, column) = self.lines.of(offset);
        let known =
            self.errors.iter().any(|error| matches!(&error.place, Place::At { line: known, .. } if *known == line));
        if !known {
            self.errors.push(ConfigError { place: Place::At { file: self.file.to_owned(), line, column }, message });
        }
    }

    fn table(&mut self, table: &DeTable<'_>) -> Map<String, Value> {
        table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), self.value(value.get_ref(), value.span().start)))
            .collect()
    }

    fn value(&mut self, value: &DeValue<'_>, offset: usize) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(instant) => Value::String(instant.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::from(number),
                Err(_) => {
                    self.fault(offset, "the number is too large; TOML has 64 bits for one".to_owned());
                    Value::Null
                }
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) => Value::from(number),
                Err(_) => {
                    self.fault(offset, "not a number".to_owned());
                    Value::Null
                }
            },
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item.get_ref(), item.span().start)).collect())
            }
            DeValue::Table(table) => Value::Object(self.table(table)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = toml::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(toml::Value::from),
            any::<i64>().prop_map(toml::Value::from),
            any::<f64>().prop_map(toml::Value::from),
            ".*".prop_map(toml::Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(toml::Value::from),
                prop::collection::btree_map("[a-z_-]{1,8}", inner, 0..6)
                    .prop_map(|table| toml::Value::Table(table.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What a file says is the same in JSON.
        #[test]
        fn a_file_in_json_says_the_same(table in prop::collection::btree_map("[a-z_-]{1,8}", value(), 0..6)) {
            let text = toml::to_string(&table).unwrap();
            let (layer, _) = parse(Path::new("newswired.toml"), KeyPath::default(), &text).unwrap();
            prop_assert_eq!(layer.into_tree(), serde_json::to_value(&table).unwrap(), "{}", text);
        }
    }
}
