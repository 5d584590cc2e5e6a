//! Where each key stands: in which file, line and column, or in which environment variable.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use toml::de::{DeTable, DeValue};

use super::error::Place;

/// The way from the root of the configuration to a key: `partners`, `ledger-herald`, `name`. An item of a list is
/// named by its index. The checks go to each key of ten thousand partners, so the ways to keys of one table share its.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(Vec<Arc<str>>);

impl KeyPath {
    pub fn new<S: AsRef<str>>(parts: impl IntoIterator<Item = S>) -> Self {
        Self(parts.into_iter().map(|part| part.as_ref().into()).collect())
    }

    /// The key `part` below this one.
    pub fn key(&self, part: impl AsRef<str>) -> Self {
        let mut below = Vec::with_capacity(self.0.len() + 1);
        below.extend_from_slice(&self.0);
        below.push(part.as_ref().into());
        Self(below)
    }

    /// The key that `dotted` names below this one.
    pub fn below(&self, dotted: &str) -> Self {
        dotted.split('.').fold(self.clone(), |path, part| path.key(part))
    }

    pub fn join(&self, more: &Self) -> Self {
        Self(self.0.iter().chain(&more.0).cloned().collect())
    }

    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    pub fn parts(&self) -> &[Arc<str>] {
        &self.0
    }

    pub fn last(&self) -> Option<&str> {
        self.0.last().map(AsRef::as_ref)
    }

    /// Whether this is `other` or stands below it.
    pub fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    fn first(&self, parts: usize) -> Self {
        Self(self.0.iter().take(parts).cloned().collect())
    }

    fn shared_with(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What of a key an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The key itself: it is unknown.
    Key,
    /// Its value; of a table its head, which is where a missing key belongs.
    Value,
}

/// Where every key of every layer stands.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub main: PathBuf,
    files: Vec<FilePlaces>,
    variables: Vec<(KeyPath, String)>,
}

/// Where the keys of one file stand.
#[derive(Debug)]
pub(super) struct FilePlaces {
    file: PathBuf,
    /// Where the file's root hangs in the configuration.
    root: KeyPath,
    text: String,
    /// Found when somebody asks, which is when something is wrong: to note each key of ten thousand files would be a
    /// fifth of what reading them takes.
    spans: OnceLock<Spans>,
}

/// Of each key, where it stands and where its value does.
type Spans = BTreeMap<KeyPath, (Range<usize>, Range<usize>)>;

impl Places {
    pub fn new(main: PathBuf) -> Self {
        Self { main, ..Self::default() }
    }

    pub fn add_file(&mut self, file: FilePlaces) {
        self.files.push(file);
    }

    pub fn add_variable(&mut self, path: KeyPath, name: &str) {
        self.variables.push((path, name.to_owned()));
    }

    /// The place of the key at `path`, or of the nearest table above it that stands anywhere. Where several layers
    /// have it, that of the layer which won.
    pub fn find(&self, path: &KeyPath, part: Part) -> Place {
        if let Some((_, name)) = self.variables.iter().find(|(at, _)| path.is_in(at)) {
            return Place::Variable(name.clone());
        }
        // A later file wins over an earlier one that is as near.
        let file = self.files.iter().filter_map(|file| Some((file.depth(path)?, file))).max_by_key(|(depth, _)| *depth);
        let variable =
            self.variables.iter().map(|(at, name)| (at.shared_with(path), name)).max_by_key(|(depth, _)| *depth);
        match (file, variable) {
            (Some((in_file, _)), Some((in_variable, name))) if in_variable > in_file => Place::Variable(name.clone()),
            (Some((depth, file)), _) => file.place(path, depth, part),
            (None, _) => Place::Whole(self.main.clone()),
        }
    }

    /// Whether the value at `path` was set by an environment variable.
    pub fn came_from_variable(&self, path: &KeyPath) -> bool {
        self.variables.iter().any(|(at, _)| at == path)
    }

    /// The key below `above` that an environment variable means by `part`. A shell allows no `-` in a variable's name,
    /// so `_` stands for it where the files have such a key.
    pub fn meant(&self, above: &KeyPath, part: &str) -> String {
        let mut keys = self.files.iter().flat_map(|file| file.children(above));
        let mut dashed = None;
        if keys.any(|key| {
            if dashed.is_none() && key.replace('-', "_") == part {
                dashed = Some(key.to_owned());
            }
            key == part
        }) {
            return part.to_owned();
        }
        dashed.unwrap_or_else(|| part.to_owned())
    }
}

impl FilePlaces {
    /// Of a file whose `text` is TOML.
    pub fn new(file: PathBuf, root: KeyPath, text: &str) -> Self {
        Self { file, root, text: text.to_owned(), spans: OnceLock::new() }
    }

    fn spans(&self) -> &Spans {
        self.spans.get_or_init(|| {
            let (table, _) = DeTable::parse_recoverable(&self.text);
            let mut spans = Spans::new();
            collect(&self.root, table.get_ref(), &mut spans);
            spans
        })
    }

    /// How much of `path` is in this file; `None` where the file has no say in it.
    fn depth(&self, path: &KeyPath) -> Option<usize> {
        if !path.is_in(&self.root) {
            return None;
        }
        let (from, to) = (self.root.parts().len(), path.parts().len());
        (from..=to).rev().find(|depth| *depth == from || self.spans().contains_key(&path.first(*depth)))
    }

    fn place(&self, path: &KeyPath, depth: usize, part: Part) -> Place {
        let nearest = path.first(depth);
        let whole = nearest == *path;
        let offset = match self.spans().get(&nearest) {
            Some((key, _)) if whole && part == Part::Key => key.start,
            Some((_, value)) => value.start,
            None => 0,
        };
        let (line, column) = Lines(&self.text).of(offset);
        Place::At { file: self.file.clone(), line, column }
    }

    fn children(&self, above: &KeyPath) -> impl Iterator<Item = &str> {
        let depth = above.parts().len();
        let root = self.root.parts().get(depth).filter(|_| self.root.is_in(above)).map(AsRef::as_ref);
        let own = self
            .spans()
            .range(above..)
            .map(|(path, _)| path)
            .take_while(move |path| path.is_in(above))
            .filter(move |path| path.parts().len() == depth + 1)
            .filter_map(KeyPath::last);
        root.into_iter().chain(own)
    }
}

fn collect(at: &KeyPath, table: &DeTable<'_>, spans: &mut Spans) {
    for (key, value) in table {
        let path = at.key(key.get_ref().as_ref());
        spans.insert(path.clone(), (key.span(), value.span()));
        collect_value(&path, value.get_ref(), spans);
    }
}

fn collect_value(at: &KeyPath, value: &DeValue<'_>, spans: &mut Spans) {
    match value {
        DeValue::Table(table) => collect(at, table, spans),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = at.key(index.to_string());
                spans.insert(path.clone(), (item.span(), item.span()));
                collect_value(&path, item.get_ref(), spans);
            }
        }
        _ => {}
    }
}

/// A text's lines, to turn an offset in bytes into a line and a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a>(pub &'a str);

impl Lines<'_> {
    /// Line and column of a byte, both from 1; past the end, the place after the last character.
    pub fn of(self, offset: usize) -> (usize, usize) {
        let (mut start, mut at) = (0, (1, 1));
        for (line, n) in self.0.split_inclusive('\n').zip(1..) {
            let within = line.get(..offset - start).unwrap_or(line);
            at = (n, within.trim_end_matches('\n').chars().count() + 1);
            if offset < start + line.len() {
                break;
            }
            start += line.len();
        }
        at
    }
}
