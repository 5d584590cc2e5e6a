//! Where fetched files are kept: a directory that is found again after a restart.
//!
//! ```text
//! files/9f/9f86d0…   a file, named by the SHA-256 of its bytes: the same picture at two addresses is kept once
//! index/60303a…      what came of one address for one version of a story: a digest, or why there is nothing
//! new/               what is being written
//! ```
//!
//! A file is written whole under another name and moved, so that what stands under a digest has that digest. Nothing is
//! kept in memory of what is not in use. All of this is work of the disk: callers give it a thread.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::MediaType;

/// For how long it is remembered that a file is gone. A story that is sent again later than that may find it.
const REMEMBERED: Duration = Duration::from_secs(90 * 86_400);

/// The name of an entry of the index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Of `address` for one version of a story.
    pub fn of(address: &str, story: &str, version: u64) -> Self {
        Self(hex(&Sha256::digest(format!("{address}\n{story}\n{version}"))))
    }
}

/// A file on the shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
    pub kind: MediaType,
    /// In bytes.
    pub length: u64,
}

/// What is known of an address for a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Kept(Kept),
    /// There is nothing to be had, and why.
    Gone(String),
}

/// The bytes of a file that is in use.
#[derive(Debug)]
pub struct Loaded(pub Bytes);

#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    /// Those who send the same file at the same time share its bytes.
    in_use: Mutex<HashMap<String, Weak<Loaded>>>,
    number: AtomicU64,
}

impl Shelf {
    /// # Errors
    /// When the directory cannot be made or written to.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let new = dir.join("new");
        // What a process left that was killed.
        match fs::remove_dir_all(&new) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            Err(_) | Ok(()) => {}
        }
        for folder in [dir.join("files"), dir.join("index"), new] {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { dir: dir.to_owned(), in_use: Mutex::default(), number: AtomicU64::new(0) })
    }

    fn index(&self, key: &Key) -> PathBuf {
        self.dir.join("index").join(&key.0)
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.dir.join("files").join(digest.get(..2).unwrap_or_default()).join(digest)
    }

    /// What is known; a file that is not there any more is not known. It counts as used.
    pub fn find(&self, key: &Key) -> io::Result<Option<Entry>> {
        let text = match fs::read(self.index(key)) {
            Ok(text) => text,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why),
        };
        // What cannot be read was cut by a crash, or is another program's.
        let Ok(entry) = serde_json::from_slice(&text) else { return Ok(None) };
        let Entry::Kept(kept) = &entry else { return Ok(Some(entry)) };
        let there = File::open(self.file(&kept.digest)).and_then(|file| {
            // A file system that keeps no times takes files away in the order in which they came.
            let _ = file.set_modified(SystemTime::now());
            Ok(file.metadata()?.len() == kept.length)
        });
        match there {
            Ok(true) => Ok(Some(entry)),
            Ok(false) => Ok(None),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Keeps `bytes`, durably, and returns how many bytes the shelf holds more than before.
    pub fn keep(&self, key: &Key, bytes: &[u8], kind: MediaType) -> io::Result<(Kept, u64)> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let kept = Kept { digest: hex(&Sha256::digest(bytes)), kind, length };
        let place = self.file(&kept.digest);
        let more = match fs::metadata(&place) {
            Ok(there) if there.len() == length => 0,
            Ok(_) | Err(_) => {
                self.write(&place, bytes)?;
                length
            }
        };
        self.note(key, &Entry::Kept(kept.clone()))?;
        Ok((kept, more))
    }

    pub fn note(&self, key: &Key, entry: &Entry) -> io::Result<()> {
        self.write(&self.index(key), &serde_json::to_vec(entry)?)
    }

    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        let new = self.dir.join("new").join(self.number.fetch_add(1, Ordering::Relaxed).to_string());
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let folder = place.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder)?;
        fs::rename(&new, place)?;
        File::open(folder)?.sync_all()
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is not there any more, or is not what it was; then it is fetched again for the next who asks.
    pub fn load(&self, kept: &Kept) -> io::Result<Arc<Loaded>> {
        let in_use = |shelf: &Self| shelf.lock().get(&kept.digest).and_then(Weak::upgrade);
        if let Some(loaded) = in_use(self) {
            return Ok(loaded);
        }
        let place = self.file(&kept.digest);
        let bytes = fs::read(&place)?;
        if hex(&Sha256::digest(&bytes)) != kept.digest {
            fs::remove_file(&place)?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged on the disk"));
        }
        let loaded = Arc::new(Loaded(bytes.into()));
        let mut all = self.lock();
        all.retain(|_, loaded| loaded.strong_count() > 0);
        all.insert(kept.digest.clone(), Arc::downgrade(&loaded));
        Ok(loaded)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Weak<Loaded>>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes away what was not used for the longest time until the files fit `budget`, in bytes, with a tenth to spare;
    /// and entries of the index that lead nowhere. Returns how many bytes are left.
    pub fn tidy(&self, budget: u64) -> io::Result<u64> {
        let mut files = Vec::new();
        for folder in fs::read_dir(self.dir.join("files"))? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                let about = file.metadata()?;
                files.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), file.path()));
            }
        }
        let mut held: u64 = files.iter().map(|(_, length, _)| length).sum();
        if held > budget {
            files.sort();
            for (_, length, path) in files {
                if held <= budget - budget / 10 {
                    break;
                }
                fs::remove_file(path)?;
                held -= length;
            }
        }
        for entry in fs::read_dir(self.dir.join("index"))? {
            let entry = entry?;
            let told = fs::read(entry.path()).map(|text| serde_json::from_slice::<Entry>(&text).ok());
            let stays = match told? {
                Some(Entry::Kept(kept)) => self.file(&kept.digest).exists(),
                Some(Entry::Gone(_)) => {
                    let age = entry.metadata()?.modified().ok().and_then(|at| at.elapsed().ok());
                    age.is_none_or(|age| age < REMEMBERED)
                }
                None => false,
            };
            if !stays {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(held)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::kind::samples::png_saying;
    use super::*;

    fn key(name: &str) -> Key {
        Key::of(name, "urn:test:a", 1)
    }

    fn used(shelf: &Shelf, kept: &Kept, ago: u64) {
        let file = File::open(shelf.file(&kept.digest)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(ago)).unwrap();
    }

    #[test]
    fn what_is_kept_is_found_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let bytes = png_saying(b"one");
        let (kept, more) = shelf.keep(&key("a"), &bytes, MediaType::Png).unwrap();
        assert_eq!(more, bytes.len() as u64);
        // The same picture elsewhere needs no room.
        assert_eq!(shelf.keep(&key("b"), &bytes, MediaType::Png).unwrap(), (kept.clone(), 0));
        shelf.note(&key("c"), &Entry::Gone("answered 404".into())).unwrap();
        fs::write(dir.path().join("new/7"), "half a picture").unwrap();

        let shelf = Shelf::open(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 0);
        for name in ["a", "b"] {
            assert_eq!(shelf.find(&key(name)).unwrap(), Some(Entry::Kept(kept.clone())));
        }
        assert_eq!(shelf.find(&key("c")).unwrap(), Some(Entry::Gone("answered 404".into())));
        assert_eq!(shelf.find(&Key::of("a", "urn:test:a", 2)).unwrap(), None, "a version is looked up by itself");
        assert_eq!(shelf.load(&kept).unwrap().0, bytes);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let kept: Vec<Kept> = [b"one", b"two", b"six"]
            .iter()
            .map(|words| shelf.keep(&key(&format!("{words:?}")), &png_saying(*words), MediaType::Png).unwrap().0)
            .collect();
        for (kept, ago) in kept.iter().zip([300, 200, 100]) {
            used(&shelf, kept, ago);
        }
        let all: u64 = kept.iter().map(|kept| kept.length).sum();
        assert_eq!(shelf.tidy(all).unwrap(), all, "what fits stays");
        // A look at the oldest makes it the youngest.
        assert!(shelf.find(&key(&format!("{:?}", b"one"))).unwrap().is_some());
        assert_eq!(shelf.tidy(all - 1).unwrap(), all - kept[1].length);
        let left: Vec<bool> = kept.iter().map(|kept| shelf.load(kept).is_ok()).collect();
        assert_eq!(left, [true, false, true]);
        assert_eq!(fs::read_dir(dir.path().join("index")).unwrap().count(), 2, "its entry goes with it");
    }

    #[test]
    fn what_is_damaged_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let bytes = png_saying(b"one");
        let (kept, _) = shelf.keep(&key("a"), &bytes, MediaType::Png).unwrap();
        fs::write(shelf.file(&kept.digest), vec![0; bytes.len()]).unwrap();
        assert_eq!(shelf.load(&kept).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(shelf.find(&key("a")).unwrap(), None, "it is fetched again");
        fs::write(shelf.index(&key("a")), "{").unwrap();
        assert_eq!(shelf.find(&key("a")).unwrap(), None);
    }

    #[test]
    fn those_who_send_the_same_share_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        let (kept, _) = shelf.keep(&key("a"), &png_saying(b"one"), MediaType::Png).unwrap();
        let (first, second) = (shelf.load(&kept).unwrap(), shelf.load(&kept).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        assert!(shelf.lock().values().all(|loaded| loaded.strong_count() == 0), "nobody holds it any more");
    }
}
