//! Secrets: references in configuration, values only in memory (promise 11).

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use super::Environment;

/// Where a secret is found: `env:NAME`, `file:PATH` or `credential:NAME` (systemd's `LoadCredential=`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
    Credential(String),
}

/// The largest secret that is read, in bytes. The private key of a certificate has a few thousand.
const LARGEST: u64 = 64 << 10;

/// A secret's value. It cannot print itself, and is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(String);

impl SecretRef {
    /// Reads the value from this process's environment or from its file.
    ///
    /// # Errors
    /// When there is no such variable or file, or nothing in it. The message names the reference, never a value.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        self.resolve_by(|name| std::env::var_os(name))
    }

    /// [`Self::resolve`] with an environment of its own. White space at the value's ends is dropped, since files end
    /// with a line feed.
    pub fn resolve_in(&self, environment: &Environment) -> Result<Secret, SecretError> {
        self.resolve_by(|name| environment.get(name).map(OsStr::to_owned))
    }

    fn resolve_by(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Secret, SecretError> {
        let text = match self {
            Self::Env(name) => {
                let value = variable(name).ok_or_else(|| {
                    SecretError(format!("the environment variable {name} is not set; set it, or use \"file:PATH\""))
                })?;
                value
                    .into_string()
                    .map(Zeroizing::new)
                    .map_err(|_| SecretError(format!("the environment variable {name} is not UTF-8 text")))?
            }
            Self::File(path) => read(path)
                .map_err(|why| SecretError(format!("cannot read the secret's file {}: {why}", path.display())))?,
            Self::Credential(name) => {
                let path = self.file_by(variable).ok_or_else(|| {
                    SecretError(format!(
                        "the credential {name:?} needs systemd; add LoadCredential={name}:PATH to the unit, or use \"file:PATH\""
                    ))
                })?;
                read(&path).map_err(|why| SecretError(format!("cannot read the credential {name:?}: {why}")))?
            }
        };
        let value = text.trim();
        if value.is_empty() {
            return Err(SecretError(format!("the secret {self} is empty")));
        }
        Ok(Secret::new(value))
    }

    /// The file that this process reads it from: a variable has none, nor has a credential where systemd gave none.
    pub fn file(&self) -> Option<PathBuf> {
        self.file_by(|name| std::env::var_os(name))
    }

    fn file_by(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        match self {
            Self::Env(_) => None,
            Self::File(path) => Some(path.clone()),
            Self::Credential(name) => variable("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(name)),
        }
    }
}

/// The file's text, in memory that is wiped and was not moved while it was read.
fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    let room = file.metadata()?.len().min(LARGEST) + 1;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(room).unwrap_or_default()));
    if file.take(LARGEST + 1).read_to_string(&mut text)? as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {LARGEST} bytes")));
    }
    Ok(text)
}

impl Secret {
    pub fn new(value: &str) -> Self {
        Self(SecretString::from(value))
    }

    /// The value itself: only where it goes into a request or a comparison.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for SecretRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self::Credential(name.to_owned()))
            }
            // The text itself is not repeated: it may be the secret.
            _ => {
                Err("a secret stands here only by reference; write \"env:NAME\", \"file:PATH\" or \"credential:NAME\""
                    .to_owned())
            }
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(env|file|credential):.+$",
            "description": "where a secret is found: \"env:NAME\", \"file:PATH\" or \"credential:NAME\"",
        })
    }
}
