//! A collector of traces in another language: it decodes what it is sent with OpenTelemetry's own messages.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::files::Server;
use super::{free_port, project};

/// `otlp.py` says what a mode does.
pub struct Collector {
    dir: tempfile::TempDir,
    pub server: Server,
}

impl Collector {
    pub async fn start() -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        let mut command = Command::new(project("target/python/bin/python3"));
        command.arg(project("tests/support/otlp.py")).arg(port.to_string()).arg(dir.path().join("spans"));
        let server = Server::start(command, port, dir.path().join("log")).await;
        Self { dir, server }
    }

    /// What it does with what comes from now on: `take`, `hang`, `503`, `partial`.
    pub fn mode(&self, mode: &str) {
        let (new, file) = (self.dir.path().join("new"), self.dir.path().join("spans.mode"));
        fs::write(&new, mode).and_then(|()| fs::rename(new, file)).expect("a file can be written");
    }

    /// The spans that it took.
    pub fn spans(&self) -> Vec<Value> {
        self.lines("spans")
    }

    /// The requests that came, taken or not.
    pub fn requests(&self) -> Vec<Value> {
        self.lines("spans.requests")
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        // The last line may be on its way.
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).expect("it writes JSON"))
            .collect()
    }

    /// The table of a configuration, with more of it.
    pub fn table(&self, more: &str) -> String {
        format!("[traces]\nurl = \"http://127.0.0.1:{}/v1/traces\"\n{more}\n", self.server.port)
    }
}
