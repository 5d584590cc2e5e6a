//! A process of the benchmark, and what proc(5) says of it.

use std::process::{Child, Command};
use std::time::Duration;

use super::Outcome;

/// A process that ends with its owner.
pub struct Process(Child);

/// Linux reports processor time to user space in hundredths of a second, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

impl Process {
    pub fn start(command: &mut Command) -> Outcome<Self> {
        Ok(Self(command.spawn()?))
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Processor time so far, of the user and of the system (fields 14 and 15 of `stat`).
    pub fn cpu(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(self.file("stat"))?;
        // The name before the last bracket may hold anything.
        let fields = stat.rsplit(')').next().ok_or("proc(5) has changed")?;
        let mut times = fields.split_whitespace().skip(11);
        let mut next = || -> Outcome<u32> { Ok(times.next().ok_or("proc(5) has changed")?.parse()?) };
        Ok(TICK * (next()? + next()?))
    }

    /// A figure of `status`, in bytes: `VmRSS` is resident memory, `VmHWM` the most of it that there was.
    pub fn memory(&self, name: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(self.file("status"))?;
        let line = status.lines().find(|line| line.starts_with(name)).ok_or("proc(5) has changed")?;
        let kibibytes: u64 = line.split_whitespace().nth(1).ok_or("proc(5) has changed")?.parse()?;
        Ok(kibibytes << 10)
    }

    pub fn open_files(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(self.file("fd"))?.count())
    }

    pub fn has_ended(&mut self) -> Outcome<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// `SIGKILL`; returns when the process is gone.
    pub fn kill(mut self) -> Outcome<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// `SIGTERM`; returns when it has finished what was under way.
    pub async fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.0.id().to_string()).status()?;
        while !self.has_ended()? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
