//! The configuration in force, beside the ledger, for `newswired check --diff`: what a reload would change is known without
//! asking the daemon, and what a start would change when none runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::{Packed, Tree};

/// Where it stands, of a daemon that keeps its ledger at `ledger`.
pub fn beside(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".config");
    PathBuf::from(name)
}

/// What the daemon of this ledger goes by, or went by last.
///
/// # Errors
/// When there is no such file, it cannot be read, or something else is in it.
pub fn read(ledger: &Path) -> Result<Tree, io::Error> {
    Packed::from_bytes(std::fs::read(beside(ledger))?).unpack()
}

/// Writes it there. That it cannot be is no reason to go by another one.
pub async fn write(ledger: &Path, packed: &Packed) {
    let (file, bytes) = (beside(ledger), packed.bytes().to_vec());
    let written = tokio::task::spawn_blocking(move || {
        let dir = file.parent().unwrap_or(Path::new("."));
        // For this user alone, whole, or as it was.
        let mut new = tempfile::Builder::new().prefix(".newswired-").tempfile_in(dir)?;
        new.write_all(&bytes)?;
        new.persist(&file)?;
        Ok::<_, io::Error>(())
    });
    let written = written.await.map_err(io::Error::other).and_then(|written| written);
    if let Err(why) = written {
        let file = beside(ledger).display().to_string();
        tracing::warn!(file, reason = %why, "what is in force is not noted; newswired check --diff goes by an old note");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn what_is_in_force_is_noted_for_this_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.sqlite");
        assert_eq!(read(&ledger).unwrap_err().kind(), io::ErrorKind::NotFound);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/newswired.toml");
        let tree = match crate::config::load_whole(&path, crate::config::Secrets::Leave) {
            Ok(loaded) => loaded.tree,
            Err(why) => panic!("{why}"),
        };
        write(&ledger, &tree.pack()).await;
        assert_eq!(read(&ledger).unwrap(), tree);
        let mode = std::fs::metadata(beside(&ledger)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
