//! How files are named, written and taken back, at whatever door takes files: `[destinations.NAME.sftp.file]`.

mod name;
mod pattern;

pub use name::FileName;
pub use pattern::{NameField, NameFields, NamePattern};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sidecars;

/// How the files of a door are named, written and taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRules {
    /// The name of a story's file, which may stand in folders below the door's: `{{ wire }}/{{ name }}-{{ id }}.xml`.
    /// `{{ id }}` has to be in it. Default: `{{ name }}-{{ id }}.{{ extension }}`.
    #[serde(default)]
    pub name: NamePattern,
    /// How a file is called while it is being written. An object store shows none before it is whole, and takes no such
    /// name.
    #[serde(default)]
    pub temporary: Option<Temporary>,
    /// What a kill does. Default: `replace`.
    #[serde(default)]
    pub on_kill: FileKill,
    /// Whether the file of an earlier version stays when the new one has another name. The last hundred of them stay.
    #[serde(default)]
    pub keep_versions: bool,
    /// Makes the folders that a name stands in. The door's own folder is never made.
    #[serde(default)]
    pub make_folders: bool,
    /// After each file another one, with `.sha256` behind its name and the file's SHA-256 in it.
    #[serde(default)]
    pub checksum: bool,
    /// The files of the story's media beside its own, each named by the story's id and its own. Left out: none.
    #[serde(default)]
    pub sidecars: Option<Sidecars>,
}

/// How a file is called while it is being written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Temporary {
    /// Before its name. Default: `.`
    #[serde(default = "prefix")]
    pub prefix: String,
    /// After its name. Default: `.part`
    #[serde(default = "suffix")]
    pub suffix: String,
    /// The folder below the door's in which it is written. Default: the one where it will stand.
    #[serde(default)]
    pub folder: String,
}

/// What a kill does to a story's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileKill {
    /// The kill's document stands where the story's stood.
    #[default]
    Replace,
    /// The story's file is removed, and nothing is written.
    Remove,
    /// The story's file is removed, and the kill's document stands beside it, with `-kill` behind its name.
    Both,
}

impl Default for Temporary {
    fn default() -> Self {
        Self { prefix: prefix(), suffix: suffix(), folder: String::new() }
    }
}

impl Temporary {
    /// Where `name` is while it is being written.
    pub fn of(&self, name: &FileName) -> String {
        let (folder, last) = name.split();
        let folder = if self.folder.is_empty() { folder } else { &self.folder };
        let gap = if folder.is_empty() { "" } else { "/" };
        format!("{folder}{gap}{}{last}{}", self.prefix, self.suffix)
    }

    /// The same, for a file that never has another name.
    pub fn name(&self, name: &FileName) -> FileName {
        FileName::of_checked(self.of(name))
    }

    /// # Errors
    /// What makes it no name for a file, and how to mend it.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { prefix, suffix, folder } = self;
        if [prefix, suffix, folder].iter().all(|part| part.is_empty()) {
            return Err(
                "a file would have its own name while it is being written; write a prefix, a suffix or a folder"
                    .to_owned(),
            );
        }
        let plain =
            |text: &String| text.len() <= 32 && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-~".contains(&c));
        if let Some(odd) = [prefix, suffix].into_iter().find(|part| !plain(part)) {
            return Err(format!(
                "{odd:?} cannot be part of a file's name; write at most 32 of A-Z, a-z, 0-9, \".\", \"-\", \"_\" and \"~\""
            ));
        }
        if !folder.is_empty() && FileName::read(folder).is_none() {
            return Err(format!("{folder:?} is no folder below the door's; write for example \"tmp\""));
        }
        Ok(())
    }
}

fn prefix() -> String {
    ".".to_owned()
}

fn suffix() -> String {
    ".part".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_another_name_while_it_is_written() {
        let name = FileName::safe("wire/a.xml").unwrap();
        let temporary = |prefix: &str, suffix: &str, folder: &str| {
            let temporary = Temporary { prefix: prefix.into(), suffix: suffix.into(), folder: folder.into() };
            temporary.check().map(|()| temporary.of(&name))
        };
        assert_eq!(Temporary::default().of(&name), "wire/.a.xml.part");
        assert_eq!(temporary("", "", "tmp").unwrap(), "tmp/a.xml");
        assert_eq!(temporary("~", "", "").unwrap(), "wire/~a.xml");
        for (prefix, suffix, folder) in
            [("", "", ""), ("../", "", ""), ("", ".p\0", ""), ("", "", "../tmp"), ("", "", "/tmp")]
        {
            assert!(temporary(prefix, suffix, folder).is_err(), "{prefix:?} {suffix:?} {folder:?}");
        }
    }
}
