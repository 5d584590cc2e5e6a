//! Reading a configuration: files and environment in layers, then the types, then what the types cannot say.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::check::check;
use super::document::{self, Layer};
use super::error::{ConfigError, ConfigErrors, Place};
use super::place::{FilePlaces, KeyPath, Places};
use super::schema::Known;
use super::shape::{Report, shape};
use super::tree::Tree;
use super::{Config, Environment, is_id};
use crate::parts::in_parts;

/// Reads the configuration at `path`, the partners in `partners.d` beside it, and the environment of this process.
///
/// # Errors
/// Everything that is wrong, all at once. Files that are not TOML are an exception: what they meant to say is unknown,
/// so nothing else is looked at until they are mended.
pub fn load(path: &Path, secrets: Secrets) -> Result<Config, ConfigErrors> {
    load_from(path, &Environment::of_process(), secrets)
}

/// A configuration, and what it was made of.
pub struct Loaded {
    pub config: Config,
    pub tree: Tree,
}

/// [`load()`] with what the files and the environment say, for whoever compares it with another.
///
/// # Errors
/// As those of [`load()`].
pub fn load_whole(path: &Path, secrets: Secrets) -> Result<Loaded, ConfigErrors> {
    let (config, said) = load_layers(path, &Environment::of_process(), secrets, None)?;
    let tree = Tree::new(said, &config);
    Ok(Loaded { config, tree })
}

/// [`load()`] with a file more, which is to become that of the partner `id`: is it good with all the others?
///
/// # Errors
/// As those of [`load()`], with the places in `file` as it is called now.
pub fn load_with(path: &Path, id: &str, file: &Path, secrets: Secrets) -> Result<Config, ConfigErrors> {
    load_layers(path, &Environment::of_process(), secrets, Some((id, file))).map(|(config, _)| config)
}

/// Whether the secrets that a configuration refers to are looked at while it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As the daemon needs them: one that cannot be read is an error.
    Read,
    /// For an operator who looks at the ledger or at a document: a shell has no `credential:` of systemd's, and its
    /// user may not read the daemon's files.
    Leave,
}

/// [`load()`] with an environment of its own.
pub fn load_from(path: &Path, environment: &Environment, secrets: Secrets) -> Result<Config, ConfigErrors> {
    load_layers(path, environment, secrets, None).map(|(config, _)| config)
}

fn load_layers(
    path: &Path,
    environment: &Environment,
    secrets: Secrets,
    candidate: Option<(&str, &Path)>,
) -> Result<(Config, Value), ConfigErrors> {
    let mut layers = Layers::read(path, environment, candidate).map_err(ConfigErrors::new)?;
    let tree = layers.merge().map_err(|why| ConfigErrors::new(vec![why]))?;
    let known = Known::of_config();
    let mut report = Report::new(&layers.places, &known);
    let config = shape(&tree, &mut report);
    if let Some(config) = &config {
        let environment = (secrets == Secrets::Read).then_some(environment);
        check(config, &tree, environment, &mut report);
    }
    match config {
        Some(config) if report.errors.is_empty() => Ok((config, tree)),
        // Without a configuration there is an error that says why: see `shape`.
        _ => Err(ConfigErrors::new(report.errors)),
    }
}

/// What the layers say together, and where each of it stands: of a configuration that [`load_from`] takes.
pub(super) fn merged(path: &Path, environment: &Environment) -> Result<(Value, Places), ConfigErrors> {
    load_from(path, environment, Secrets::Leave)?;
    let mut layers = Layers::read(path, environment, None).map_err(ConfigErrors::new)?;
    let tree = layers.merge().map_err(|why| ConfigErrors::new(vec![why]))?;
    Ok((tree, layers.places))
}

/// The layers, lowest first.
struct Layers {
    main: PathBuf,
    files: Vec<Layer>,
    /// By name, with `-` where the keys of the files have it.
    overrides: Vec<(String, String)>,
    /// What those are of.
    overridden: Vec<KeyPath>,
    places: Places,
}

impl Layers {
    fn read(
        path: &Path,
        environment: &Environment,
        candidate: Option<(&str, &Path)>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut layers = Self {
            main: path.to_owned(),
            files: Vec::new(),
            overrides: Vec::new(),
            overridden: Vec::new(),
            places: Places::new(path.to_owned()),
        };
        let mut errors = Vec::new();
        layers.add(read(path, KeyPath::default()), &mut errors);
        let dir = path.parent().unwrap_or(Path::new("")).join("partners.d");
        match partner_files(&dir) {
            Ok(files) => {
                for partner in read_partners(&files) {
                    layers.add(partner, &mut errors);
                }
            }
            Err(why) => {
                errors.push(whole(&dir, format!("cannot be listed: {why}; give this user the right to read it")))
            }
        }
        if let Some((id, file)) = candidate {
            layers.add(read(file, KeyPath::new(["partners", id])), &mut errors);
        }
        for (name, value) in environment.overrides() {
            if let Err(message) = layers.add_override(name, value) {
                errors.push(ConfigError { place: Place::Variable(name.to_owned()), message });
            }
        }
        if errors.is_empty() { Ok(layers) } else { Err(errors) }
    }

    fn add(&mut self, read: FileRead, errors: &mut Vec<ConfigError>) {
        match read {
            Ok((layer, places)) => {
                self.files.push(layer);
                self.places.add_file(places);
            }
            Err(faults) => errors.extend(faults),
        }
    }

    fn add_override(&mut self, name: &str, value: &OsStr) -> Result<(), String> {
        let value = value.to_str().ok_or("the value is not UTF-8 text")?;
        let mut path = KeyPath::default();
        for part in name.strip_prefix(Environment::PREFIX).unwrap_or(name).split("__") {
            let part = part.to_lowercase();
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
                return Err(format!(
                    "names no key; write for example {}DELIVERY__CONCURRENCY for \"concurrency\" in [delivery]",
                    Environment::PREFIX
                ));
            }
            let part = self.places.meant(&path, &part);
            path = path.key(part);
        }
        self.overrides.push((format!("{}{}", Environment::PREFIX, path.parts().join("__")), value.to_owned()));
        self.overridden.push(path.clone());
        self.places.add_variable(path, name);
        Ok(())
    }

    /// All layers as one tree. A partner of whom its file alone speaks, as is usual, is put in its place as it is: of ten
    /// thousand partners, merging key by key would be most of what a start takes.
    fn merge(&mut self) -> Result<Value, ConfigError> {
        let files = std::mem::take(&mut self.files);
        let whole_files: Vec<_> = files.iter().filter(|file| file.root().parts().is_empty()).collect();
        let is_alone = |file: &Layer| {
            let root = file.root();
            let overridden = self.overridden.iter().any(|path| path.is_in(root) || root.is_in(path));
            !(overridden || whole_files.iter().any(|file| file.speaks_of(root.parts())))
        };
        let alone: Vec<bool> = files.iter().map(is_alone).collect();
        let (alone, merged): (Vec<_>, Vec<_>) = files.into_iter().zip(alone).partition(|(_, alone)| *alone);
        let builder = merged.into_iter().fold(config::Config::builder(), |builder, (file, _)| builder.add_source(file));
        let overrides = config::Environment::with_prefix(Environment::PREFIX.trim_end_matches('_'))
            .separator("__")
            .source(Some(std::mem::take(&mut self.overrides).into_iter().collect()));
        let unmerged = |why: config::ConfigError| whole(&self.main, format!("the layers cannot be merged: {why}"));
        let mut tree =
            builder.add_source(overrides).build().and_then(config::Config::try_deserialize).map_err(unmerged)?;
        for (file, _) in alone {
            let root = file.root().clone();
            hang(&mut tree, root.parts(), file.into_tree());
        }
        Ok(tree)
    }
}

/// Puts `branch` where `path` says. Where something else than a table is in its way, that stays, for the checks to see.
fn hang(tree: &mut Value, path: &[Arc<str>], branch: Value) {
    let Some((last, above)) = path.split_last() else { return };
    let empty = || Value::Object(serde_json::Map::new());
    let parent = above.iter().try_fold(tree, |node, part| {
        node.as_object_mut().map(|table| table.entry(part.as_ref()).or_insert_with(empty))
    });
    if let Some(table) = parent.and_then(Value::as_object_mut) {
        table.insert(last.to_string(), branch);
    }
}

/// The files of `partners.d`, sorted by name; none where there is no such directory.
fn partner_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(why),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if !hidden && Path::new(&name).extension() == Some(OsStr::new("toml")) {
            names.push(name);
        }
    }
    // Paths are compared part by part, which of ten thousand takes long, and these differ in their last alone.
    names.sort_unstable();
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

/// What a file says, or all that is wrong with it.
type FileRead = Result<(Layer, FilePlaces), Vec<ConfigError>>;

fn read(file: &Path, root: KeyPath) -> FileRead {
    let wrong = |message: String| vec![whole(file, message)];
    let text = fs::read_to_string(file).map_err(|why| {
        wrong(match why.kind() {
            ErrorKind::InvalidData => "not UTF-8 text; save it as UTF-8".to_owned(),
            ErrorKind::NotFound => "there is no such file; --config says where the configuration is".to_owned(),
            _ => format!("cannot be read: {why}; let this user read it, or move it away"),
        })
    })?;
    document::parse(file, root, &text)
}

fn read_partner(file: &Path) -> FileRead {
    match partner_id(file) {
        Some(id) => read(file, KeyPath::new(["partners", id])),
        None => Err(vec![whole(
            file,
            "the file's name is the partner's id; rename it to 1 to 64 of a-z, 0-9, \"-\" and \"_\" with .toml after \
             them",
        )]),
    }
}

/// Partners' files in their order.
fn read_partners(files: &[PathBuf]) -> Vec<FileRead> {
    let read = |files: &[PathBuf]| files.iter().map(|file| read_partner(file)).collect::<Vec<_>>();
    in_parts(files, read).into_iter().flatten().collect()
}

fn partner_id(file: &Path) -> Option<&str> {
    file.file_stem()?.to_str().filter(|id| is_id(id))
}

fn whole(file: &Path, message: impl Into<String>) -> ConfigError {
    ConfigError { place: Place::Whole(file.to_owned()), message: message.into() }
}
