//! Whether a file of the configuration has changed.
//!
//! Looked at by name, size and times, not by a file system's events: those do not come from network file systems, nor for
//! directories that are swapped as a whole, as Kubernetes does. What was written in several steps is whole when nothing
//! has changed for a while.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::current::Current;
use crate::upkeep::{Asked, Reloads};

/// The shortest pause between two looks. What has not changed in between is whole.
const PAUSE: Duration = Duration::from_secs(2);

/// A look takes at most one part in so many of a core: ten thousand files are some milliseconds.
const SHARE: u32 = 500;

/// What is looked at.
pub struct Files {
    main: PathBuf,
    /// Those that the configuration takes text from.
    others: Vec<PathBuf>,
    /// Whether a change is to be told.
    on_change: bool,
}

impl Files {
    /// Of `config`, which stands in `main`.
    pub fn new(main: &Path, config: &Config) -> Self {
        let templates = config.profiles.values().filter_map(|profile| profile.template.as_ref());
        Self {
            main: main.to_owned(),
            others: templates.map(|template| template.file.path.clone()).collect(),
            on_change: config.reload.on_change,
        }
    }

    /// A number that is another one when anything has changed.
    fn stamp(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        let partners = self.main.parent().unwrap_or(Path::new("")).join("partners.d");
        let mut names: Vec<OsString> =
            fs::read_dir(&partners).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        names.sort_unstable();
        let mut look = |name: &OsStr, file: &Path| {
            name.hash(&mut hash);
            let about = fs::metadata(file);
            about.as_ref().map_err(io::Error::kind).map(of).hash(&mut hash);
        };
        for file in [&self.main, &partners].into_iter().chain(&self.others) {
            look(file.as_os_str(), file);
        }
        for name in &names {
            look(name, &partners.join(name));
        }
        hash.finish()
    }
}

fn of(about: &fs::Metadata) -> (u64, u64, u64, i64, i64, i64, i64) {
    let (modified, changed) = ((about.mtime(), about.mtime_nsec()), (about.ctime(), about.ctime_nsec()));
    (about.dev(), about.ino(), about.size(), modified.0, modified.1, changed.0, changed.1)
}

/// Tells of changes until `stop`.
pub async fn run(files: Arc<Current<Files>>, reloads: Reloads, stop: CancellationToken) {
    let (mut told, mut last) = (None, None);
    let mut pause = PAUSE;
    while !stop.is_cancelled() {
        let looked_at = files.get();
        if looked_at.on_change {
            let began = Instant::now();
            let stamp = tokio::task::spawn_blocking(move || looked_at.stamp()).await.ok();
            pause = PAUSE.max(began.elapsed() * SHARE);
            // The first look is how the daemon found them.
            if told.is_none() {
                told = stamp;
            } else if stamp != told && stamp == last {
                told = stamp;
                reloads.ask(Asked::Change);
            }
            last = stamp;
        }
        tokio::select! { () = tokio::time::sleep(pause) => {}, () = stop.cancelled() => {} }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("partners.d")).unwrap();
        let files = Files { main: at("newswired.toml"), others: vec![at("story.html")], on_change: true };
        let mut seen = vec![files.stamp()];
        assert_eq!(files.stamp(), seen[0]);
        let mut changed = |what: &str, change: &dyn Fn()| {
            change();
            let stamp = files.stamp();
            assert!(!seen.contains(&stamp), "{what}");
            assert_eq!(files.stamp(), stamp, "{what}");
            seen.push(stamp);
        };
        changed("a file comes", &|| fs::write(at("newswired.toml"), "a").unwrap());
        changed("a partner comes", &|| fs::write(at("partners.d/a.toml"), "a").unwrap());
        changed("a template comes", &|| fs::write(at("story.html"), "a").unwrap());
        changed("one is written", &|| fs::write(at("partners.d/a.toml"), "ab").unwrap());
        changed("one is renamed", &|| fs::rename(at("partners.d/a.toml"), at("partners.d/b.toml")).unwrap());
        changed("one goes", &|| fs::remove_file(at("partners.d/b.toml")).unwrap());
        changed("another one takes its place", &|| {
            fs::write(at("new"), "b").unwrap();
            fs::rename(at("new"), at("newswired.toml")).unwrap();
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_it_rests() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("newswired.toml");
        fs::write(&main, "a").unwrap();
        let files = Files { main: main.clone(), others: Vec::new(), on_change: true };
        let (reloads, mut heard) = Reloads::new();
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(Arc::new(Current::new(files)), reloads, stop.clone()));
        tokio::time::sleep(PAUSE * 3).await;
        assert!(heard.try_recv().is_err(), "nothing has changed");
        for text in ["ab", "abc", "abcd"] {
            fs::write(&main, text).unwrap();
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(PAUSE * 3).await;
        assert_eq!(heard.try_recv(), Ok(Asked::Change));
        tokio::time::sleep(PAUSE * 3).await;
        assert!(heard.try_recv().is_err(), "it is told once");
        stop.cancel();
        running.await.unwrap();
    }
}
