//! What a configuration comes to: each value in effect, and where it was said.
//!
//! Secrets stand in a configuration as references alone (promise 11), and a reference is shown as it is.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::Environment;
use super::error::{ConfigErrors, Place};
use super::load::merged;
use super::place::{KeyPath, Part, Places};
use super::schema::Known;

/// One value in effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The way to it, its parts joined by dots: `partners.coast-times.destinations.main.format`.
    pub key: String,
    pub value: Value,
    pub source: Source,
}

/// Who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody; it is what there is without a word.
    Default,
    /// A place in a file, or an environment variable.
    Said(Place),
}

/// Every value in effect, of a configuration that can be used.
///
/// # Errors
/// Everything that is wrong with it.
pub fn show(path: &Path, environment: &Environment) -> Result<Vec<Setting>, ConfigErrors> {
    let (tree, places) = merged(path, environment)?;
    let known = Known::of_config();
    let mut settings = Settings { places: &places, known: &known, all: Vec::new() };
    settings.table(&KeyPath::default(), &tree);
    Ok(settings.all)
}

struct Settings<'a> {
    places: &'a Places,
    known: &'a Known,
    all: Vec<Setting>,
}

impl Settings<'_> {
    /// What is said at `path`, and below it.
    fn said(&mut self, path: &KeyPath, value: &Value) {
        match value {
            Value::Object(_) => self.table(path, value),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (index, item) in items.iter().enumerate() {
                    self.said(&path.key(index.to_string()), item);
                }
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let source = Source::Said(self.places.find(path, Part::Key));
                self.all.push(Setting { key: named(path), value: value.clone(), source });
            }
        }
    }

    fn table(&mut self, path: &KeyPath, table: &Value) {
        for (key, value) in table.as_object().into_iter().flatten() {
            self.said(&path.key(key), value);
        }
        for (key, value) in self.known.defaults(path) {
            if table.get(key).is_none() {
                self.unsaid(&path.key(key), value);
            }
        }
        for key in self.known.sections(path) {
            if table.get(key).is_none() {
                self.table(&path.key(key), &Value::Null);
            }
        }
    }

    /// What holds at `path` since nobody said anything.
    fn unsaid(&mut self, path: &KeyPath, value: &Value) {
        match value {
            Value::Object(table) => table.iter().for_each(|(key, value)| self.unsaid(&path.key(key), value)),
            Value::Null => {}
            Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.all.push(Setting { key: named(path), value: value.clone(), source: Source::Default });
            }
        }
    }
}

/// A path as TOML writes it.
pub(super) fn named(path: &KeyPath) -> String {
    let bare =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let part = |part: &Arc<str>| if bare(part) { part.to_string() } else { format!("{part:?}") };
    path.parts().iter().map(part).collect::<Vec<_>>().join(".")
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Said(Place::At { file, line, .. }) => write!(f, "{}:{line}", file.display()),
            Self::Said(place) => place.fmt(f),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(main: &str, partner: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("partners.d")).unwrap();
        std::fs::write(dir.path().join("newswired.toml"), main).unwrap();
        std::fs::write(dir.path().join("partners.d/own.toml"), partner).unwrap();
        let environment: Environment = variables.iter().copied().collect();
        let settings = show(&dir.path().join("newswired.toml"), &environment).unwrap();
        let place = format!("{}/", dir.path().display());
        settings.iter().map(|one| format!("{} = {} # {}", one.key, one.value, one.source).replace(&place, "")).collect()
    }

    const MAIN: &str = "
[ledger]
path = \"/l\"
[intake.http]
token = \"env:TOKEN\"
[delivery]
backoff = { first = \"100ms\" }
[wires.w]
name = \"Wire\"
short_name = \"W\"
require = []
[subject_descendants]
\"medtop:1\" = [\"medtop:2\", \"medtop:3\"]
";

    const PARTNER: &str = "
name = \"Own\"
[destinations.main]
format = \"json\"
[destinations.main.http]
url = \"https://own.example/\"
signing_secret = \"file:/secret\"
";

    #[test]
    fn each_value_has_its_source_and_a_secret_stays_a_reference() {
        let all = shown(MAIN, PARTNER, &[("NEWSWIRED__LEDGER__BATCH", "9"), ("TOKEN", "hunter2")]);
        for line in [
            "ledger.path = \"/l\" # newswired.toml:3",
            "ledger.batch = \"9\" # environment variable NEWSWIRED__LEDGER__BATCH",
            "ledger.keep_attempts = \"30d\" # default",
            "intake.http.token = \"env:TOKEN\" # newswired.toml:5",
            "admin.listen = \"127.0.0.1:8471\" # default",
            "log.level = \"info\" # default",
            "delivery.backoff.first = \"100ms\" # newswired.toml:7",
            "wires.w.name = \"Wire\" # newswired.toml:9",
            "subject_descendants.\"medtop:1\" = [\"medtop:2\",\"medtop:3\"] # newswired.toml:13",
            "partners.own.destinations.main.format = \"json\" # partners.d/own.toml:4",
            "partners.own.destinations.main.http.signing_secret = \"file:/secret\" # partners.d/own.toml:7",
        ] {
            assert!(all.iter().any(|shown| shown == line), "{line} is not in {all:#?}");
        }
        assert!(!all.iter().any(|line| line.contains("hunter2")));
        assert!(!all.iter().any(|line| line.starts_with("intake.amqp")), "what there is not has no values");
        let keys: std::collections::BTreeSet<_> = all.iter().map(|line| line.split(" = ").next()).collect();
        assert_eq!(keys.len(), all.len(), "a value is shown once: {all:#?}");
    }

    #[test]
    fn a_configuration_that_cannot_be_used_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("newswired.toml");
        std::fs::write(&file, "[ledger]\npaht = 'x'").unwrap();
        let why = show(&file, &Environment::default()).unwrap_err().to_string();
        assert!(why.contains("newswired.toml:2:1: unknown key \"paht\""), "{why}");
    }
}
