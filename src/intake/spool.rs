//! The spool directory: articles as files that are moved into `incoming/`.
//!
//! A writer makes its file elsewhere on the same file system and moves it in, so that a file is whole when it is seen.
//! Names that begin with a dot are left alone. A file ends in `done/`, or in `rejected/` with its reason beside it as
//! `NAME.reason`; until its commit it stays where it is, so that a crash takes it again, which the ledger recognises.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::traced::{Received, Source};
use super::{Arrival, Inbox, Taken};
use crate::config::Spool;

/// Makes the three directories.
///
/// # Errors
/// Naming the directory that cannot be made.
pub fn prepare(spool: &Spool) -> Result<(), String> {
    for name in ["incoming", "done", "rejected"] {
        let dir = spool.dir.join(name);
        fs::create_dir_all(&dir).map_err(|why| format!("cannot make the spool directory {}: {why}", dir.display()))?;
    }
    Ok(())
}

/// Takes files until `stop`.
pub async fn run(spool: Spool, inbox: Arc<Inbox>, stop: CancellationToken) {
    let mut reported = false;
    let mut troubled = HashSet::new();
    while !stop.is_cancelled() {
        match take_all(&spool, &inbox, &mut troubled, &stop).await {
            Ok(()) => reported = false,
            Err(why) if !reported => {
                reported = true;
                tracing::error!(dir = %spool.dir.display(), reason = %why, "spool cannot be read");
            }
            Err(_) => {}
        }
        tokio::select! { () = tokio::time::sleep(spool.poll.get()) => {}, () = stop.cancelled() => {} }
    }
}

/// `troubled` are the files that were reported already.
async fn take_all(
    spool: &Spool,
    inbox: &Inbox,
    troubled: &mut HashSet<PathBuf>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let incoming = spool.dir.join("incoming");
    let names = tokio::task::spawn_blocking(move || waiting(&incoming)).await.map_err(io::Error::other)??;
    for path in names {
        if stop.is_cancelled() || inbox.closed().is_some() {
            return Ok(());
        }
        // One file's trouble is not the next one's.
        match take(spool, inbox, &path).await {
            Err(why) if why.kind() != io::ErrorKind::NotFound && troubled.insert(path.clone()) => {
                tracing::error!(
                    file = %path.display(),
                    reason = %why,
                    "not taken; give the daemon's user the right to read and move it"
                );
            }
            Err(_) => {}
            Ok(()) => drop(troubled.remove(&path)),
        }
    }
    // What is gone needs no remembering.
    troubled.retain(|path| path.exists());
    Ok(())
}

/// Files that wait, oldest first.
fn waiting(incoming: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(incoming)? {
        let entry = entry?;
        // A file that was taken away between the listing and the look is nobody's loss.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() && !entry.file_name().to_string_lossy().starts_with('.') {
            found.push((about.modified().ok(), entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

async fn take(spool: &Spool, inbox: &Inbox, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path)?.len();
    if size > inbox.limit() as u64 {
        // It is kept where it is whole: a file of any size need not pass through memory.
        let why = format!("it has {size} bytes, and intake.article_limit is {} bytes", inbox.limit());
        inbox.turned_away("spool", &format!("{name}: {why}"));
        return reject(spool, path, &name, &why);
    }
    // A file brings no trace with it.
    let received = inbox.received(|| None);
    let bytes = tokio::fs::read(path).await?.into();
    let source = format!("spool:{name}");
    let trace = received.as_ref().map(Received::context);
    let arrival = Arrival { intake: "spool", source, content_type: None, bytes, trace };
    let taken = inbox.take(arrival).await;
    let moved = match &taken {
        Ok(Taken::Accepted { .. } | Taken::Repeated { .. }) => fs::rename(path, free(&spool.dir.join("done"), &name)),
        Ok(Taken::Quarantined { id, why, .. }) => {
            reject(spool, path, &name, &format!("{why}\n(kept in quarantine as entry {id})"))
        }
        Err(why) => {
            tracing::error!(file = %name, reason = %why, "not taken; it stays in incoming/");
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(())
        }
    };
    inbox.settled(received.map(|received| (received, Source::own("take a file"))), &taken);
    moved
}

fn reject(spool: &Spool, path: &Path, name: &str, why: &str) -> io::Result<()> {
    let place = free(&spool.dir.join("rejected"), name);
    let mut beside = place.clone().into_os_string();
    beside.push(".reason");
    fs::write(beside, format!("{why}\n"))?;
    fs::rename(path, place)
}

/// A path in `dir` that no file has yet: `name`, or `name.2`, `name.3` …
fn free(dir: &Path, name: &str) -> PathBuf {
    let plain = dir.join(name);
    if !plain.exists() {
        return plain;
    }
    (2_u32..).map(|n| dir.join(format!("{name}.{n}"))).find(|path| !path.exists()).unwrap_or(plain)
}
