//! What the machine has for this process: room on disks, files, memory.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use crate::config::Config;

/// Of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For users other than root.
    pub free: u64,
    pub size: u64,
}

/// The directories that the daemon writes to, by the word for each.
pub fn directories(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let parent = config.ledger.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let ledger = ("ledger", parent.to_owned());
    std::iter::once(ledger).chain(config.intake.spool.iter().map(|spool| ("spool", spool.dir.clone()))).collect()
}

/// # Errors
/// When the directory cannot be asked.
pub fn room(directory: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(Room { free: found.f_bavail * found.f_frsize, size: found.f_blocks * found.f_frsize })
}

/// Files and connections that are open; none where the system does not tell (`/proc`).
pub fn open_files() -> Option<u64> {
    // To look is one of them.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(open.saturating_sub(1) as u64)
}

/// How many may be open; the largest number where there is no limit.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Memory in use, in bytes.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_what_it_has() {
        let room = room(Path::new("/")).unwrap();
        assert!(room.free <= room.size && room.size > 0, "{room:?}");
        assert!(super::room(Path::new("/nowhere/at/all")).is_err());
        let before = open_files().unwrap();
        let some: Vec<_> = (0..64).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        // Other tests of this process open and close files meanwhile.
        assert!(open_files().unwrap() + 32 > before + some.len() as u64);
        assert!(open_files().unwrap() <= most_files());
        let taken = vec![1u8; 64 << 20];
        assert!(resident().unwrap() > taken.len() as u64);
    }
}
