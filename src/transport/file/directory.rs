//! A directory of this machine. A file is on the disk, and so is its name, before it counts as delivered.
//!
//! The directory may belong to the partner, who may put there what he likes: a file is written under a name that is made
//! anew, so that no link leads it elsewhere, and no folder on the way is a link.
//!
//! A disk that hangs (a network file system does) cannot be given up, so what was asked of it keeps a thread; but no more
//! threads than the door may have at once, and nobody waits for them longer than the time to write.

use std::fs::{self, File as DiskFile, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{File, FileDoor, Store, denied, door, refused, unknown};
use crate::config::Directory;
use crate::transport::knock::{Finding, Looked};
use crate::transport::{Outcome, Timeouts, Transport};

/// The door of a directory.
pub fn open(directory: &Directory, timeouts: Timeouts, at_once: usize) -> Box<dyn Transport> {
    let store = LocalDirectory::new(&directory.path, timeouts, at_once);
    Box::new(FileDoor { store, rules: directory.file.clone() })
}

pub struct LocalDirectory {
    path: Arc<Path>,
    timeouts: Timeouts,
    threads: Arc<Semaphore>,
}

impl LocalDirectory {
    /// At most `at_once` threads wait for the disk.
    pub fn new(path: &Path, timeouts: Timeouts, at_once: usize) -> Self {
        Self { path: path.into(), timeouts, threads: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// What `work` comes to on a thread that may wait for the disk; `late` is what it counts as when it does not end.
    async fn on_disk<T: Send + 'static>(
        &self,
        late: fn(String) -> Outcome,
        work: impl FnOnce(&Path) -> Result<T, Outcome> + Send + 'static,
    ) -> Result<T, Outcome> {
        let patience = self.timeouts.write;
        let Ok(Ok(thread)) = timeout(patience, Arc::clone(&self.threads).acquire_owned()).await else {
            return Err(door(format!("the disk of {} still hangs", self.path.display())));
        };
        let path = Arc::clone(&self.path);
        let working = tokio::task::spawn_blocking(move || {
            // It belongs to the work, which goes on when nobody waits for it any more.
            let _thread = thread;
            work(&path)
        });
        match timeout(patience, working).await {
            Ok(Ok(done)) => done,
            Ok(Err(broke_off)) => Err(unknown(format!("the work on the disk broke off: {broke_off}"))),
            Err(_) => Err(late(format!("the disk of {} did not answer within {patience:?}", self.path.display()))),
        }
    }
}

impl Store for LocalDirectory {
    async fn put(&self, file: &File<'_>) -> Result<(), Outcome> {
        let (name, temporary) = (file.name.to_string(), file.temporary.clone());
        let (bytes, make) = (file.bytes.clone(), file.make_folders);
        let folders: Vec<String> = file.folders().into_iter().map(str::to_owned).collect();
        self.on_disk(unknown, move |root| {
            exists(root)?;
            for folder in &folders {
                self::folder(root, folder, make)?;
            }
            let (from, to) = (root.join(temporary), root.join(name));
            let whole = write(&from, &bytes).and_then(|()| fs::rename(&from, &to));
            if let Err(why) = whole {
                // What is there of it is of no use, and takes room on a disk that may be full.
                let _ = fs::remove_file(&from);
                return Err(classed(&to, &why));
            }
            // It has its name, but a loss of power could take it away again.
            sync_folder(&to).map_err(|why| unknown(format!("cannot keep {} on the disk: {why}", to.display())))
        })
        .await
    }

    async fn remove(&self, path: &str) -> Result<(), Outcome> {
        let path = path.to_owned();
        self.on_disk(door, move |root| {
            exists(root)?;
            let file = root.join(&path);
            for folder in folders_of(&path) {
                if is_missing(&root.join(folder)) {
                    return Ok(());
                }
                self::folder(root, folder, false)?;
            }
            match fs::remove_file(&file) {
                Ok(()) => {
                    sync_folder(&file).map_err(|why| unknown(format!("cannot keep {} away: {why}", file.display())))
                }
                Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
                Err(why) => Err(classed(&file, &why)),
            }
        })
        .await
    }

    async fn enter(&self) -> Looked<()> {
        let entered = self.on_disk(door, |root| exists(root).map(|()| format!("{} is there", root.display()))).await;
        let mend = "see whether its disk is mounted (findmnt), and whether the daemon's user may enter it";
        entered.map(|found| (Finding::well(found), ())).map_err(|outcome| Finding::trouble(outcome.detail, mend))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Outcome> {
        let folder = folder.to_owned();
        self.on_disk(door, move |root| {
            exists(root)?;
            let path = root.join(&folder);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(why) if why.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(why) => return Err(classed(&path, &why)),
            };
            let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
            names.collect::<io::Result<_>>().map_err(|why| classed(&path, &why))
        })
        .await
    }

    fn in_network(&self) -> Duration {
        self.timeouts.in_network()
    }
}

/// That the directory itself is missing may mean that its disk is, so it is never made.
fn exists(root: &Path) -> Result<(), Outcome> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(door(format!("{} is no directory; write the path of one", root.display()))),
        Err(why) if why.kind() == ErrorKind::NotFound => {
            Err(door(format!("{} is not there; mount it, or make it", root.display())))
        }
        Err(why) => Err(door(format!("{}: {why}", root.display()))),
    }
}

fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|why| why.kind() == ErrorKind::NotFound)
}

/// Makes sure that `folder` is one, and of the directory's own.
fn folder(root: &Path, folder: &str, make: bool) -> Result<(), Outcome> {
    let path = root.join(folder);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(denied(format!("{} is no folder; move it away", path.display()))),
        Err(why) if why.kind() == ErrorKind::NotFound && make => {
            let made = fs::create_dir(&path)
                .or_else(|why| if why.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(why) });
            made.and_then(|()| sync_folder(&path)).map_err(|why| classed(&path, &why))
        }
        Err(why) if why.kind() == ErrorKind::NotFound => {
            Err(denied(format!("the folder {} is not there; make it, or set make_folders", path.display())))
        }
        Err(why) => Err(classed(&path, &why)),
    }
}

/// Writes a file that nothing stood in the place of, to the disk.
fn write(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the disk keep what changed in the folder that `path` is in.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => DiskFile::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// What an error of the system means: all are the door's trouble but those that this file has by itself.
fn classed(path: &Path, why: &io::Error) -> Outcome {
    let detail = format!("cannot write {}: {why}", path.display());
    match why.kind() {
        ErrorKind::InvalidFilename | ErrorKind::FileTooLarge | ErrorKind::IsADirectory => refused(detail),
        ErrorKind::PermissionDenied => denied(detail),
        // Full, read-only, failing, not there: whatever is written next meets the same.
        _ => door(detail),
    }
}
