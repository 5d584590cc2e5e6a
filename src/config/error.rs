//! What is wrong with a configuration, as its operator reads it.

use std::fmt;
use std::path::PathBuf;

/// Everything that is wrong with a configuration: one error or more, by file and line, those of the environment last.
/// It prints one line an error, `file:line:column: what; how to mend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One thing that is wrong. Its message holds no secret, also where a secret stands in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub place: Place,
    /// What is wrong, and after a semicolon how to mend it.
    pub message: String,
}

/// Where an error stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file or directory as a whole, by the path that the operator gave.
    Whole(PathBuf),
    /// A place in a file; lines and columns count from 1, columns in characters.
    At { file: PathBuf, line: usize, column: usize },
    /// An environment variable, by its name.
    Variable(String),
}

impl ConfigErrors {
    /// Of at least one error.
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by(|a, b| a.place.rank().cmp(&b.place.rank()).then_with(|| a.message.cmp(&b.message)));
        errors.dedup();
        Self(errors)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl Place {
    fn rank(&self) -> (bool, &std::path::Path, usize, usize, &str) {
        match self {
            Self::Whole(file) => (false, file, 0, 0, ""),
            Self::At { file, line, column } => (false, file, *line, *column, ""),
            Self::Variable(name) => (true, std::path::Path::new(""), 0, 0, name),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(file) => write!(f, "{}", file.display()),
            Self::At { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
impl std::error::Error for ConfigErrors {}
