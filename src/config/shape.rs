//! From merged layers to typed values, with every error instead of the first one.
//!
//! Serde stops at the first error. So that error is noted, what caused it is taken out (for a missing key the table
//! that lacks it), and the rest is read again, until it holds. Each partner is read by itself, since reading all of
//! them again for every error would take quadratic time.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::error::ConfigError;
use super::place::{KeyPath, Part, Places};
use super::schema::Known;
use super::suggest::mend;
use super::{Config, Partner, PartnerId};

/// The errors found so far, and what had to be taken out because of them.
pub(super) struct Report<'a> {
    places: &'a Places,
    pub known: &'a Known,
    pub errors: Vec<ConfigError>,
    broken: Vec<KeyPath>,
}

impl<'a> Report<'a> {
    pub fn new(places: &'a Places, known: &'a Known) -> Self {
        Self { places, known, errors: Vec::new(), broken: Vec::new() }
    }

    /// One for a part of what is looked at, which knows what was taken out, and has no errors yet.
    pub fn of_a_part(&self) -> Self {
        Self { errors: Vec::new(), broken: self.broken.clone(), ..*self }
    }

    /// An error about the value at `path`.
    pub fn value(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.add(path, Part::Value, message.into());
    }

    /// An error about the key at `path` itself.
    pub fn key(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.add(path, Part::Key, message.into());
    }

    /// Whether something at, below or above `path` was taken out, so that its absence means nothing.
    pub fn is_broken(&self, path: &KeyPath) -> bool {
        self.broken.iter().any(|broken| broken.is_in(path) || path.is_in(broken))
    }

    fn add(&mut self, path: &KeyPath, part: Part, message: String) {
        self.errors.push(ConfigError { place: self.places.find(path, part), message });
    }
}

/// Reads the merged layers. What could not be read is missing from the configuration, and its errors are in the
/// report; `None` when there is not even a table.
pub(super) fn shape(tree: &Value, report: &mut Report<'_>) -> Option<Config> {
    let partners = tree.get("partners").and_then(Value::as_object);
    let rest = match (partners, tree.as_object()) {
        (Some(_), Some(all)) => {
            let others = all.iter().filter(|(key, _)| *key != "partners");
            Cow::Owned(others.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        _ => Cow::Borrowed(tree),
    };
    let mut config: Config = read(rest, &KeyPath::default(), report)?;
    for (id, partner) in partners.into_iter().flatten() {
        if let Some(partner) = read::<Partner>(Cow::Borrowed(partner), &KeyPath::new(["partners", id]), report) {
            config.partners.insert(PartnerId::new(id), partner.into());
        }
    }
    Some(config)
}

fn read<T: DeserializeOwned>(tree: Cow<'_, Value>, root: &KeyPath, report: &mut Report<'_>) -> Option<T> {
    let mut reading = Reading { tree, root, removed: Vec::new(), parsed: Vec::new(), report };
    loop {
        match serde_path_to_error::deserialize::<_, T>(&*reading.tree) {
            Ok(value) => return Some(value),
            Err(error) => reading.recover(&error)?,
        }
    }
}

/// One value on its way to be read.
struct Reading<'a, 'b> {
    /// Copied when something has to be taken out of it, which of ten thousand partners' is rare.
    tree: Cow<'a, Value>,
    root: &'a KeyPath,
    /// Items taken out of lists, by their first index.
    removed: Vec<(KeyPath, usize)>,
    /// Values of environment variables that were read as more than text.
    parsed: Vec<KeyPath>,
    report: &'a mut Report<'b>,
}

impl Reading<'_, '_> {
    /// Notes the error and takes its cause out; `None` when nothing is left.
    fn recover(&mut self, error: &serde_path_to_error::Error<serde_json::Error>) -> Option<()> {
        let mut at = KeyPath::default();
        let mut variants = Vec::new();
        for segment in error.path().iter() {
            match segment {
                Segment::Map { key } => at = at.key(key),
                Segment::Seq { index } => at = at.key(index.to_string()),
                Segment::Enum { variant } => {
                    at = at.key(variant);
                    variants.push(at.clone());
                }
                Segment::Unknown => {}
            }
        }
        let path = self.root.join(&self.at_first(&at));
        let message = error.inner().to_string();
        if self.parse_variable(&at, &path) {
            return Some(());
        }
        let node = get(&self.tree, &at);
        if message.starts_with("missing field") {
            let present = |key: &str| node.and_then(|table| table.get(key)).is_some();
            let missing: Vec<&str> =
                self.report.known.required(&path).into_iter().filter(|key| !present(key)).collect();
            for key in missing {
                // What was taken out has its error already.
                if !self.report.is_broken(&path.key(key)) {
                    self.report.value(&path, format!("the key {key:?} is missing here; add {key} = …"));
                }
            }
        } else if let Some((typed, known)) = unknown(&message) {
            let choices: Vec<&str> = known.iter().map(String::as_str).collect();
            let mend = mend(&typed, &choices);
            if message.starts_with("unknown field") {
                self.report.key(&path, format!("unknown key {typed:?}; {mend}"));
            } else if node.is_some_and(Value::is_object) {
                self.report.key(&path.key(&typed), format!("unknown key {typed:?}; {mend}"));
            } else if path.last() == Some("auth") {
                // What stands here instead of a table is likely to be the secret itself.
                self.report.value(&path, "expected a table; write for example auth = { bearer = \"env:NAME\" }");
            } else {
                let what = path.last().filter(|key| key.parse::<usize>().is_err());
                let message = match (what, path.parent().as_ref().and_then(KeyPath::last)) {
                    (Some(key), _) => format!("unknown {key} {typed:?}; {mend}"),
                    (None, list) => format!("unknown item {typed:?} in {:?}; {mend}", list.unwrap_or_default()),
                };
                self.report.value(&path, message);
            }
        } else if let (None, Some(variant)) = (node, at.last().filter(|_| variants.contains(&at))) {
            let message = format!("text stands here; write a table, for example {{ {variant} = … }}");
            self.report.value(&path, message);
        } else {
            let message = reword(&message, node, self.report.known.bounds(&path));
            self.report.value(&path, message);
        }
        // A choice that lost its content is no choice.
        let cause = if variants.contains(&at) { at.parent()? } else { at };
        self.take_out(cause)
    }

    fn take_out(&mut self, mut at: KeyPath) -> Option<()> {
        loop {
            let above = at.parent()?;
            let last = at.last()?;
            let taken = match get_mut(self.tree.to_mut(), &above) {
                Some(Value::Object(table)) => table.remove(last).is_some(),
                Some(Value::Array(items)) => {
                    let index = last.parse().ok().filter(|index| *index < items.len());
                    if let Some(index) = index {
                        items.remove(index);
                    }
                    index.is_some()
                }
                _ => false,
            };
            if taken {
                let first = self.at_first(&at);
                if let Some(index) = first.last().and_then(|last| last.parse().ok())
                    && get(&self.tree, &above).is_some_and(Value::is_array)
                {
                    self.removed.push((above, index));
                }
                self.report.broken.push(self.root.join(&first));
                return Some(());
            }
            at = above;
        }
    }

    /// The path before items were taken out of its list.
    fn at_first(&self, at: &KeyPath) -> KeyPath {
        let (Some(above), Some(index)) = (at.parent(), at.last().and_then(|last| last.parse::<usize>().ok())) else {
            return at.clone();
        };
        let mut removed: Vec<usize> =
            self.removed.iter().filter(|(list, _)| *list == above).map(|(_, index)| *index).collect();
        removed.sort_unstable();
        if removed.is_empty() {
            return at.clone();
        }
        let first = removed.into_iter().fold(index, |index, gone| if gone <= index { index + 1 } else { index });
        above.key(first.to_string())
    }

    /// An environment variable is text. Where text does not fit, it is read as TOML: `true`, `30`, `["a", "b"]`.
    fn parse_variable(&mut self, at: &KeyPath, path: &KeyPath) -> bool {
        if self.parsed.contains(at) || !self.report.places.came_from_variable(path) {
            return false;
        }
        let Some(node @ Value::String(_)) = get_mut(self.tree.to_mut(), at) else { return false };
        let parsed = node
            .as_str()
            .and_then(|text| toml::from_str::<toml::Table>(&format!("value = {text}")).ok())
            .filter(|table| table.len() == 1)
            .and_then(|mut table| serde_json::to_value(table.remove("value")?).ok())
            .filter(|value| !value.is_string());
        let Some(parsed) = parsed else { return false };
        *node = parsed;
        self.parsed.push(at.clone());
        true
    }
}

fn get<'a>(tree: &'a Value, path: &KeyPath) -> Option<&'a Value> {
    path.parts().iter().try_fold(tree, |node, part| match node {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part.as_ref()),
    })
}

fn get_mut<'a>(tree: &'a mut Value, path: &KeyPath) -> Option<&'a mut Value> {
    path.parts().iter().try_fold(tree, |node, part| match node {
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        other => other.get_mut(part.as_ref()),
    })
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": what was typed, and what may stand there.
fn unknown(message: &str) -> Option<(String, Vec<String>)> {
    let message = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let (typed, choices) = match message.rsplit_once("`, expected ") {
        Some((typed, choices)) => (typed, choices.split('`').skip(1).step_by(2).map(str::to_owned).collect()),
        None => (message.split('`').next()?, Vec::new()),
    };
    Some((typed.to_owned(), choices))
}

/// Serde's words as an operator's, and without the value: it may be a secret that stands in the wrong place.
fn reword(message: &str, found: Option<&Value>, bounds: Option<(u64, u64)>) -> String {
    if message.ends_with("expected map with a single key") {
        return "expected exactly one key here; keep one and remove the others".to_owned();
    }
    let Some((_, expected)) = message.rsplit_once(", expected ").filter(|_| message.starts_with("invalid ")) else {
        return message.to_owned();
    };
    if let (Some(Value::Number(number)), Some(bounds)) = (found, bounds) {
        return out_of_range(number, bounds);
    }
    let expected = match expected {
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "a string" | "path string" | "string or map" => "text in quotes",
        "a sequence" => "a list, for example [\"a\", \"b\"]",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let found = match found {
        Some(Value::String(_)) => "text",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(_)) => "a number",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "a table",
        Some(Value::Null) | None => "something else",
    };
    format!("{found} stands here; write {expected}")
}

pub(super) fn out_of_range(number: impl std::fmt::Display, (least, greatest): (u64, u64)) -> String {
    if greatest == u64::MAX {
        format!("{number} is out of range; write a whole number of {least} or more")
    } else {
        format!("{number} is out of range; write a whole number from {least} to {greatest}")
    }
}
