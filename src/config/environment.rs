//! The environment as a value, so that loading a configuration is a function of what it is given and a test needs no
//! variables of its process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// Environment variables by name: the overrides `NEWSWIRED__SECTION__KEY`, and the values behind `env:` and
/// `credential:` secrets. It prints names only (promise 11).
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// What the variables that override a key begin with; `__` also stands between the parts of the key.
    pub(super) const PREFIX: &'static str = "NEWSWIRED__";

    /// The variables of this process.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The overrides, by name. An empty variable counts as one that is not set, since many tools can only empty one.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| name.starts_with(Self::PREFIX))?;
            (!value.is_empty()).then_some((name, value.as_os_str()))
        })
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
