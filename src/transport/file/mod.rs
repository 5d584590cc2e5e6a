//! Doors that take files: a story has one file there.
//!
//! ```text
//!               temporary name             the file's name            names that it had before
//!  a version ──▶ written whole ──▶ moved ─────────────────▶ removed ─────────────────────────▶ delivered
//!  a kill ─────▶ written in the stead of the story's file, or that one removed, or both
//! ```
//!
//! A file is never seen before it is whole, and what stands under a name is replaced by a move: so a repeat of the same
//! version writes the same bytes under the same name, and changes nothing (promise 9). The names that a story's files
//! have, or may have, are kept in the ledger (`remote`), so that an update or a kill finds them when the article that
//! they were made of has changed. A kill also looks in the folder for files of the story that nobody knows of, since a
//! crash may have come between a move and its record (promise 4).
//!
//! Files of media, where a door takes them, are sidecars: they stand beside the story's file, under names that hold its id,
//! before that one does. They are the story's alone, though another story may have the same picture: so a kill takes them
//! away with it.
//!
//! What a place can do is a [`Store`]; none of them knows what a story is.

#[cfg(any(feature = "s3", feature = "webdav"))]
mod by_http;
pub mod directory;
#[cfg(feature = "ftp")]
pub mod ftp;
mod knock;
mod remote;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "ftp", feature = "sftp"))]
mod sessions;
#[cfg(feature = "sftp")]
pub mod sftp;
#[cfg(test)]
mod tests;
#[cfg(feature = "webdav")]
pub mod webdav;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::remote::Remembered;
use super::knock::{Looked, Steps, TestItem};
use super::{Class, Outcome, Parcel, Transport};
use crate::config::{FileKill, FileName, FileRules, NameField, NameFields};

/// A place where files stand, below a folder that is its own. A path is one below that.
///
/// An outcome of an error is of what was asked: after one that is deferred or refused, what stood there stands.
trait Store: Send + Sync + 'static {
    /// Makes the file stand under its name, whole, in the place of what stood there.
    fn put(&self, file: &File<'_>) -> impl Future<Output = Result<(), Outcome>> + Send;

    /// Takes a file away; that there is none is as good.
    fn remove(&self, path: &str) -> impl Future<Output = Result<(), Outcome>> + Send;

    /// Whether we are let in, in a sentence for a person.
    fn enter(&self) -> impl Future<Output = Looked<()>> + Send;

    /// The names of what stands in a folder, empty for the place's own; none where there is no such folder.
    fn list(&self, folder: &str) -> impl Future<Output = Result<Vec<String>, Outcome>> + Send;

    /// How long something that was asked may still come about when nobody knows whether it did.
    fn in_network(&self) -> Duration;
}

/// A file on its way.
struct File<'a> {
    name: &'a FileName,
    /// What it is called while it is being written.
    temporary: String,
    bytes: &'a Bytes,
    #[cfg_attr(not(any(feature = "webdav", feature = "s3")), expect(dead_code, reason = "not all places ask for it"))]
    content_type: &'a str,
    /// Whether folders that are missing are to be made.
    make_folders: bool,
}

impl File<'_> {
    /// The folders below the place's own that it needs, each before those in it.
    fn folders(&self) -> Vec<&str> {
        let above = |path| std::iter::successors(parent(path), |folder| parent(folder)).collect::<Vec<_>>();
        let mut folders = Vec::new();
        for folder in above(self.name.as_str()).into_iter().rev().chain(above(&self.temporary).into_iter().rev()) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }
}

/// The folder that `path` is in, if it is not the place's own.
fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// `name` in `folder`.
fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A door with a place behind it.
struct FileDoor<S> {
    store: S,
    rules: FileRules,
}

/// What a checksum's file is called after its file.
const CHECKSUM: &str = ".sha256";

/// What a kill's document is called after the file that it takes away.
const NOTICE: &str = "-kill";

impl<S: Store> FileDoor<S> {
    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        let fields = NameFields::clone(&parcel.names).with(NameField::Sequence, &parcel.sequence.to_string());
        let name = match self.rules.name.fill(&fields) {
            Ok(name) => name,
            Err(why) => return Outcome::refused_here(format!("not sent: {why}")),
        };
        let Remembered { names: known, sidecars } = parcel.remote.as_deref().map(remote::read).unwrap_or_default();
        let mut visit = Visit { door: self, parcel, name, id: fields.id(), known, sidecars };
        let ended = if parcel.action.withdraws() { visit.take_back().await } else { visit.write().await };
        let mut outcome = ended.unwrap_or_else(|outcome| outcome);
        let Visit { known: names, sidecars, .. } = visit;
        if parcel.remote.is_some() || !names.is_empty() || !sidecars.is_empty() {
            outcome.remote = Some(remote::write(&Remembered { names, sidecars }));
        }
        outcome
    }

    async fn put_file(&self, name: &FileName, bytes: &Bytes, content_type: &str) -> Result<(), Outcome> {
        let Self { store, rules } = self;
        let temporary = rules.temporary.clone().unwrap_or_default().of(name);
        store.put(&File { name, temporary, bytes, content_type, make_folders: rules.make_folders }).await
    }
}

/// One attempt.
struct Visit<'a, S> {
    door: &'a FileDoor<S>,
    parcel: &'a Parcel,
    /// What the pattern makes of this version.
    name: FileName,
    id: &'a str,
    /// The names under which the story may stand, the newest first.
    known: Vec<FileName>,
    /// The sidecars that it may have there, the newest first.
    sidecars: Vec<FileName>,
}

impl<S: Store> Visit<'_, S> {
    async fn write(&mut self) -> Result<Outcome, Outcome> {
        let name = self.name.clone();
        let mut told = vec![format!("{name} written")];
        let before = self.sidecars.clone();
        let current = self.put_sidecars(&name).await?;
        match self.put(&name).await {
            Ok(more) => told.extend(more),
            Err(outcome) if current.is_empty() => return Err(outcome),
            Err(no) if is_a_no(&no) => {
                // What is beside it is nothing without it, and no kill would come for that.
                let new = current.into_iter().filter(|name| !before.contains(name)).collect();
                self.remove_sidecars(new).await.map_err(half_done)?;
                return Err(no);
            }
            Err(trouble) => return Err(half_done(trouble)),
        }
        if !current.is_empty() {
            told.push(format!("{} beside it", current.len()));
        }
        let stay = if self.door.rules.keep_versions { remote::MOST } else { current.len() };
        let old = self.sidecars.iter().skip(stay).cloned().collect();
        self.remove_sidecars(old).await.map_err(half_done)?;
        // Beyond what can be remembered none may stay, since a kill would not find it.
        let stay = if self.door.rules.keep_versions { remote::MOST } else { 1 };
        let old = self.known.split_off(self.known.len().min(stay));
        for (at, old_name) in old.iter().enumerate() {
            match self.remove(old_name).await {
                Ok(()) => {}
                // A place where we may write and not remove has the new version all the same.
                Err(no) if is_a_no(&no) => {
                    told.push(format!("{old_name}, its file before, stands there still: {}", no.detail));
                    self.known.push(old_name.clone());
                }
                Err(trouble) => {
                    self.known.extend_from_slice(&old[at..]);
                    return Err(half_done(trouble));
                }
            }
        }
        Ok(delivered(&told))
    }

    /// Puts the sidecars beside where `name` will stand, and returns their names.
    async fn put_sidecars(&mut self, name: &FileName) -> Result<Vec<FileName>, Outcome> {
        let mut current = Vec::new();
        for file in &*self.parcel.media {
            let beside = FileName::safe(&join(name.split().0, &file.name))
                .ok_or_else(|| Outcome::refused_here(format!("not sent: {:?} is no file's name", file.name)))?;
            let written = match file.load().await {
                Ok(loaded) => self.door.put_file(&beside, &loaded.0, file.kind().as_str()).await,
                Err(why) => Err(denied(format!("it is not in the store of media files any more: {why}"))),
            };
            let may_stand =
                written.as_ref().map_or_else(|outcome| matches!(outcome.class, Class::Unknown { .. }), |()| true);
            if may_stand {
                self.sidecars.retain(|known| *known != beside);
                self.sidecars.insert(0, beside.clone());
            }
            if let Err(outcome) = written {
                let outcome = Outcome { detail: format!("{beside}: {}", outcome.detail), ..outcome };
                // A kill has to follow what stands already.
                return Err(if current.is_empty() { outcome } else { half_done(outcome) });
            }
            current.push(beside);
        }
        Ok(current)
    }

    /// Removes sidecars that nothing names any more.
    async fn remove_sidecars(&mut self, doomed: Vec<FileName>) -> Result<(), Outcome> {
        for name in doomed {
            match self.door.store.remove(name.as_str()).await {
                Ok(()) => self.sidecars.retain(|known| *known != name),
                // A place where we may write and not remove: a kill tries again.
                Err(no) if is_a_no(&no) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn take_back(&mut self) -> Result<Outcome, Outcome> {
        let is_notice =
            |name: &&FileName| name.as_str().rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).ends_with(NOTICE);
        let story = self.known.iter().find(|name| !is_notice(name)).unwrap_or(&self.name).clone();
        let notice = self.known.iter().find(is_notice).cloned().unwrap_or_else(|| story.beside(NOTICE));
        let mut told = Vec::new();
        let mut begun = false;
        let stays = match self.door.rules.on_kill {
            FileKill::Replace => {
                told.extend(self.put(&story).await?);
                told.push(format!("{story} is the kill now"));
                begun = true;
                Some(story)
            }
            FileKill::Remove => None,
            FileKill::Both => Some(notice),
        };
        let classed = |trouble, begun| if begun { half_done(trouble) } else { trouble };
        let mut doomed = self.all_files().await.map_err(|trouble| classed(trouble, begun))?;
        if let Some(name) = &stays {
            for file in [name.clone(), name.with_ending(CHECKSUM)] {
                doomed.remove(file.as_str());
            }
        }
        for path in &doomed {
            self.door.store.remove(path).await.map_err(|trouble| classed(trouble, begun))?;
            begun = true;
        }
        self.known.retain(|name| stays.as_ref() == Some(name));
        self.sidecars.clear();
        match (self.door.rules.on_kill, &stays) {
            (FileKill::Both, Some(notice)) => {
                told.extend(self.put(notice).await.map_err(half_done)?);
                told.push(format!("removed, and {notice} written"));
            }
            (FileKill::Remove, _) => told.push("removed".to_owned()),
            (FileKill::Replace | FileKill::Both, _) => {}
        }
        Ok(delivered(&told))
    }

    /// Every path under which something of the story may stand.
    async fn all_files(&self) -> Result<BTreeSet<String>, Outcome> {
        let Self { door: FileDoor { store, rules }, name, id, known, sidecars, .. } = self;
        let temporary = rules.temporary.clone().unwrap_or_default();
        let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
        for name in known.iter().chain([name]) {
            files.insert(name.to_string());
            // An attempt that broke off left it, perhaps.
            files.insert(temporary.of(name));
            if rules.checksum {
                files.insert(name.with_ending(CHECKSUM).to_string());
                files.insert(temporary.of(&name.with_ending(CHECKSUM)));
            }
        }
        files.extend(sidecars.iter().flat_map(|name| [name.to_string(), temporary.of(name)]));
        // Where all versions have one name, and nothing beside it, that is the only one that there can be.
        if rules.name.changes() || rules.sidecars.is_some() {
            folders.extend(files.iter().map(|path| parent(path).unwrap_or_default().to_owned()));
            for folder in folders {
                let names = store.list(&folder).await.map_err(|trouble| {
                    let detail = format!(
                        "{}; without a look at the folder no kill is sure of names that change, or of sidecars: let the \
                         user list it, or use a name of fields that do not change, and no sidecars",
                        trouble.detail
                    );
                    Outcome { detail, ..trouble }
                })?;
                files.extend(names.iter().filter(|name| name.contains(id)).map(|name| join(&folder, name)));
            }
        }
        Ok(files)
    }

    /// Writes the document as `name`, and its checksum after it. Returns what an operator should know besides.
    async fn put(&mut self, name: &FileName) -> Result<Option<String>, Outcome> {
        let document = &self.parcel.document;
        let written = self.door.put_file(name, document.bytes(), document.content_type()).await;
        let may_stand =
            written.as_ref().map_or_else(|outcome| matches!(outcome.class, Class::Unknown { .. }), |()| true);
        if may_stand {
            self.known.retain(|known| known != name);
            self.known.insert(0, name.clone());
        }
        written?;
        if !self.door.rules.checksum {
            return Ok(None);
        }
        let digest: String = document.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        let line = Bytes::from(format!("{digest}  {}\n", name.split().1));
        match self.door.put_file(&name.with_ending(CHECKSUM), &line, "text/plain; charset=utf-8").await {
            Ok(()) => Ok(None),
            Err(no) if is_a_no(&no) => Ok(Some(format!("its checksum was not taken: {}", no.detail))),
            Err(trouble) => Err(half_done(trouble)),
        }
    }

    async fn remove(&self, name: &FileName) -> Result<(), Outcome> {
        self.door.store.remove(name.as_str()).await?;
        if self.door.rules.checksum {
            self.door.store.remove(name.with_ending(CHECKSUM).as_str()).await?;
        }
        Ok(())
    }
}

fn delivered(told: &[String]) -> Outcome {
    Outcome { class: Class::Delivered, status: None, detail: told.join("; "), remote: None }
}

/// The place is in trouble, whatever it is asked.
fn door(detail: impl Into<String>) -> Outcome {
    let class = Class::Deferred { retry_after: None, maybe_document: false };
    Outcome { class, status: None, detail: detail.into(), remote: None }
}

/// The place says no, and may say so to others as well: a permission is missing.
fn denied(detail: impl Into<String>) -> Outcome {
    let class = Class::Deferred { retry_after: None, maybe_document: true };
    Outcome { class, status: None, detail: detail.into(), remote: None }
}

/// The place says no to this file.
fn refused(detail: impl Into<String>) -> Outcome {
    Outcome { class: Class::Refused, status: None, detail: detail.into(), remote: None }
}

/// Nobody knows whether it came about.
fn unknown(detail: impl Into<String>) -> Outcome {
    Outcome { class: Class::Unknown { retry_after: None }, status: None, detail: detail.into(), remote: None }
}

/// Whether the place answered, and will answer the same again.
fn is_a_no(outcome: &Outcome) -> bool {
    match outcome.class {
        Class::Refused | Class::Deferred { maybe_document: true, .. } => true,
        Class::Deferred { maybe_document: false, .. } | Class::Unknown { .. } | Class::Gone | Class::Delivered => false,
    }
}

/// Something of it has arrived, and the rest is in trouble: it is tried again as a whole.
fn half_done(trouble: Outcome) -> Outcome {
    let retry_after = match trouble.class {
        Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
        Class::Refused | Class::Gone | Class::Delivered => None,
    };
    Outcome {
        class: Class::Unknown { retry_after },
        detail: format!("not all of it is done: {}", trouble.detail),
        ..trouble
    }
}

impl<S: Store> Transport for FileDoor<S> {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).boxed()
    }

    fn in_network(&self) -> Duration {
        self.store.in_network()
    }

    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        self.try_without_story(steps).boxed()
    }

    fn try_item<'a>(&'a self, item: &'a TestItem) -> BoxFuture<'a, Looked<()>> {
        self.try_item_as_file(item).boxed()
    }
}
