//! A real mail server on a free port, with a folder of the messages that it took.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::files::{PASSWORD, Server};
use super::rabbitmq::certificates;
use super::{free_port, project};

/// aiosmtpd, a mail server of PyPI's, with the user `wire`. `smtpd.py` says what its mailboxes do.
pub struct Smtpd {
    dir: tempfile::TempDir,
    pub server: Server,
}

impl Smtpd {
    /// `kind` is `starttls`, `implicit`, or `plain`, which asks nobody who he is.
    pub async fn start(kind: &str) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        certificates(dir.path());
        for (name, text) in [("password", PASSWORD), ("wrong", "wrong")] {
            fs::write(dir.path().join(name), text).expect("a password's file can be written");
        }
        fs::create_dir(dir.path().join("messages")).expect("a directory can be made");
        let mut command = Command::new(project("target/python/bin/python3"));
        command.arg(project("tests/support/smtpd.py")).current_dir(dir.path());
        command.arg(dir.path().join("messages")).args([&port.to_string(), "password", kind]);
        let server = Server::start(command, port, dir.path().join("log")).await;
        Self { dir, server }
    }

    /// The messages that it took, in their order.
    pub fn messages(&self) -> Vec<String> {
        let files = super::files::standing(&self.dir.path().join("messages"));
        files.into_iter().filter(|(name, _)| name.ends_with(".eml")).map(|(_, text)| text).collect()
    }

    /// How often somebody was let in.
    pub fn let_in(&self) -> usize {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        log.lines().filter(|line| *line == "let in").count()
    }

    /// A file that it has: `password`, `wrong`, `ca.pem`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A destination's table for these mailboxes of `paper.example`, with more of it.
    pub fn table(&self, to: &[&str], more: &str) -> String {
        let to: Vec<String> = to.iter().map(|to| format!("\"{to}@paper.example\"")).collect();
        format!(
            "host = \"localhost\"\nport = {}\nfrom = \"Harbor Press <wire@harborpress.example>\"\nto = [{}]\n{more}\n",
            self.server.port,
            to.join(", ")
        )
    }

    /// The lines that say who we are, by the file of a password, and whom to trust.
    pub fn login(&self, password: &str) -> String {
        format!(
            "user = \"wire\"\npassword = \"file:{}\"\nca_file = \"{}\"",
            self.file(password).display(),
            self.file("ca.pem").display()
        )
    }
}

/// The value of a message's header, unfolded.
pub fn header(message: &str, name: &str) -> Option<String> {
    let head = message.split("\r\n\r\n").next()?.replace("\r\n ", " ");
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
}
