//! Disks that are small, read-only, or that fail on order.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Scene;

/// A file system of sixteen megabytes; mounting it takes root. Where that is not allowed a test says so.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let disk = Self(dir);
        disk.mounted(&["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).then_some(disk)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Only while no file of it is open for writing.
    pub fn make_writable(&self, writable: bool) {
        let options = if writable { "remount,rw" } else { "remount,ro" };
        assert!(self.mounted(&["-o", options]), "the small disk can be mounted anew");
    }

    /// One file of it can only be read, until that is dropped.
    pub fn protect(&self, file: &Path) -> Protected {
        let protected = Protected(file.to_owned());
        let (bind, only_read) = (mounted(&["--bind"], &[file, file]), ["-o", "remount,bind,ro"]);
        assert!(bind && mounted(&only_read, &[file]), "a file can be mounted over itself");
        protected
    }

    fn mounted(&self, arguments: &[&str]) -> bool {
        mounted(arguments, &[self.0.path()])
    }

    /// Fills it.
    pub fn fill(&self) {
        // It ends with the disk's end.
        let _ = std::fs::write(self.ballast(), vec![0; 32 << 20]);
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast can be removed");
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A file that can only be read, even by root.
pub struct Protected(PathBuf);

impl Drop for Protected {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mounted(arguments: &[&str], paths: &[&Path]) -> bool {
    let mut mount = Command::new("mount");
    mount.args(arguments).args(paths).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// Between a scene's daemon and the files of its ledger: fails when it is told to (`disk.c`).
pub struct FailingDisk(PathBuf);

impl FailingDisk {
    /// Before the daemon is started.
    pub fn under(scene: &mut Scene) -> Self {
        let (library, orders) = (scene.dir.path().join("disk.so"), scene.dir.path().join("disk.orders"));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(super::project("tests/support/disk.c"))
            .arg("-ldl")
            .status()
            .expect("a C compiler can be run; tests/run installs one");
        assert!(compiled.success(), "tests/support/disk.c is compiled");
        scene.environment.push(("LD_PRELOAD", library.display().to_string()));
        scene.environment.push(("NEWSWIRED_TEST_DISK", orders.display().to_string()));
        scene.environment.push(("NEWSWIRED_TEST_DISK_OF", "/ledger.sqlite".to_owned()));
        Self(orders)
    }

    /// From now on, as `disk.c` says; nothing for a disk that works.
    pub fn does(&self, orders: &str) {
        // In one step, so that nobody reads half of it.
        let next = self.0.with_extension("next");
        std::fs::write(&next, orders).expect("the orders can be written");
        std::fs::rename(&next, &self.0).expect("the orders can be put in place");
    }
}
