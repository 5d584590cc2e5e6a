//! `newswired partner add`: a new partner's file, made of flags and a few questions, and checked with the whole
//! configuration before it stands where the daemon reads it.
//!
//! It never writes over anything: neither a file of the configuration nor a secret.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use secrecy::zeroize::Zeroizing;

use super::draft::{Draft, SshLogin, Way};
use super::questions::Questions;
use super::wanted::Wanted;
use crate::cli::output;
use crate::cli::{ConfigFile, Failure};
use crate::config::{Config, Format, Secrets, is_id, load_with};
use crate::render::check_templates;

/// How many bytes a signing secret has: Standard Webhooks asks for 24 to 64.
const SECRET: usize = 32;

#[derive(Debug, Args)]
#[command(
    after_help = "What is not said is asked for at a terminal. Secrets stand in the file by reference only: env:NAME, \
                  file:PATH or credential:NAME."
)]
pub struct Add {
    /// The new partner's id, which names its file: 1 to 64 of a-z, 0-9, "-" and "_"
    id: String,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    config: ConfigFile,
}

impl Add {
    pub fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let dir = self.config.config.parent().unwrap_or(Path::new("")).join("partners.d");
        let place = dir.join(format!("{}.toml", self.id));
        self.is_new(&config, &place)?;
        let (stdin, stderr) = (io::stdin(), io::stderr());
        let draft = if stdin.is_terminal() && stderr.is_terminal() {
            self.wanted.draft(Questions::at(&mut stdin.lock(), &mut stderr.lock()))?
        } else {
            self.wanted.draft(Questions::of_nobody())?
        };
        std::fs::create_dir_all(&dir).map_err(|why| cannot("make", &dir, &why))?;
        // Its name begins with a dot, so that a daemon that starts now does not read it.
        let mut file = tempfile::Builder::new()
            .prefix(&format!(".{}-", self.id))
            .suffix(".toml")
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(&dir)
            .map_err(|why| cannot("write in", &dir, &why))?;
        file.write_all(draft.text().as_bytes())
            .and_then(|()| file.as_file().sync_all())
            .map_err(|why| cannot("write", file.path(), &why))?;
        self.check(file.path(), &place)?;
        if let Some(secret) = &self.wanted.new_secret {
            new_secret(secret)?;
        }
        file.persist_noclobber(&place).map_err(|why| {
            if let Some(secret) = &self.wanted.new_secret {
                let _ = std::fs::remove_file(secret);
            }
            cannot("write", &place, &why.error)
        })?;
        output::whole(self.next(&place, &draft))?;
        Ok(())
    }

    fn is_new(&self, config: &Config, place: &Path) -> Result<(), Failure> {
        let id = &self.id;
        if !is_id(id) {
            return Err(Failure::Usage(format!("{id:?} is no partner id; write 1 to 64 of a-z, 0-9, \"-\" and \"_\"")));
        }
        if config.partners.contains_key(id.as_str()) || place.exists() {
            let place = place.display();
            return Err(Failure::Usage(format!("there is a partner {id:?} already; edit {place}, or take another id")));
        }
        Ok(())
    }

    /// With all the rest of the configuration, secrets aside: the partner may not have sent them yet.
    fn check(&self, file: &Path, place: &Path) -> Result<(), Failure> {
        let named = |why: String| why.replace(&file.display().to_string(), &place.display().to_string());
        let refused = |why: String| Failure::Config(format!("{}\nNothing was written.", named(why).trim_end()));
        let config =
            load_with(&self.config.config, &self.id, file, Secrets::Leave).map_err(|why| refused(why.to_string()))?;
        check_templates(&config).map_err(refused)
    }

    /// What is to do next.
    fn next(&self, place: &Path, draft: &Draft) -> String {
        let id = &self.id;
        let config = &self.config.config;
        let default = Path::new("/etc/newswired/newswired.toml");
        let config = if config == default { String::new() } else { format!(" --config {}", config.display()) };
        let mut steps = Vec::new();
        if let Some(file) = &self.wanted.new_secret {
            steps.push(format!(
                "Give {} to the daemon's user (chown), and the partner a copy of what stands in it, by a way that nobody \
                 else reads.",
                file.display()
            ));
        }
        for (what, secret) in draft.secrets() {
            if secret.resolve().is_err() {
                steps.push(format!("Put {what} where {secret} says: it cannot be read from here yet."));
            }
        }
        steps.push(format!("newswired check{config}"));
        steps.push(format!("newswired partner test --partner {id}{config}"));
        steps.push("newswired reload: the daemon that runs takes it up, and all others go on as they are.".to_owned());
        steps.push(format!("Tell the partner: {}", draft.tell()));
        let steps = steps.iter().enumerate().map(|(number, step)| format!("  {}. {step}\n", number + 1));
        format!(
            "{} is written, and good with the rest of the configuration.\nNext:\n{}",
            place.display(),
            steps.collect::<String>()
        )
    }
}

impl Draft {
    /// What a partner has to know.
    fn tell(&self) -> String {
        let format = match self.format.as_str() {
            format if Format::named(format).is_some() => format!("docs/formats for {format:?}"),
            profile => format!("what your profile {profile:?} makes"),
        };
        match &self.way {
            Way::Http { .. } => format!("docs/receiving.md, and {format}."),
            Way::WordPress { .. } => "docs/wordpress.md.".to_owned(),
            Way::Sftp { login: SshLogin::Key(_), .. } => {
                format!("our public key (ssh-keygen -y -f FILE shows it), docs/files.md, and {format}.")
            }
            Way::Sftp { .. } | Way::Ftp { .. } | Way::WebDav { .. } | Way::S3 { .. } | Way::Directory { .. } => {
                format!("docs/files.md, and {format}.")
            }
        }
    }
}

fn cannot(what: &str, path: &Path, why: &io::Error) -> Failure {
    Failure::Unavailable(format!("cannot {what} {}: {why}", path.display()))
}

/// A secret of Standard Webhooks in a new file.
fn new_secret(file: &Path) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new([0; SECRET]);
    let ring = rustls::crypto::ring::default_provider();
    ring.secure_random
        .fill(&mut *bytes)
        .map_err(|_| Failure::Unavailable("this machine gives no random numbers; no secret was made".to_owned()))?;
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.push_str("whsec_");
    BASE64.encode_string(bytes.as_slice(), &mut text);
    text.push('\n');
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = made.and_then(|mut made: File| made.write_all(text.as_bytes()).and_then(|()| made.sync_all()));
    written.map_err(|why| cannot("write the secret in", file, &why))
}
