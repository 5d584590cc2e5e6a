//! An SFTP server: version 3 of the protocol (draft-ietf-secsh-filexfer-02), as OpenSSH speaks it and all others do.
//!
//! The server is known by its key before anything is said to it. Where it has OpenSSH's extensions, a file is on its disk
//! before it is moved, and the move replaces what stood there (`posix-rename@openssh.com`); elsewhere a move onto a file
//! fails, so that one is removed first, and for a moment there is none.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::MethodKind;
use russh::client::{self, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, Status, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};

use super::sessions::{Failure, Protocol, Session, Sessions, Words};
use super::{File, FileDoor, denied, door, join, refused};
use crate::config::{self, Secret, SecretRef};
use crate::fresh::Fresh;
use crate::transport::client::Dialer;
use crate::transport::kept::LONGEST_IDLE;
use crate::transport::{DoorError, Outcome, Timeouts, Transport};

/// What of a file goes into one message. Every server takes this much (draft-ietf-secsh-filexfer-02 §3).
const PIECE: usize = 32_000;

/// Names of a folder that are looked at. A folder with more of them is no inbox.
const MOST_NAMES: usize = 200_000;

const POSIX_RENAME: &str = "posix-rename@openssh.com";
const FSYNC: &str = "fsync@openssh.com";

/// The door of a server. It has at most `at_once` sessions, none of which begins anything when it is older than `max_age`.
pub fn open(
    sftp: &config::Sftp,
    timeouts: Timeouts,
    at_once: usize,
    max_age: Duration,
    dialer: Dialer,
) -> Result<Box<dyn Transport>, DoorError> {
    let store = Sessions::new(Sftp::new(sftp, timeouts, dialer)?, at_once, max_age);
    Ok(Box::new(FileDoor { store, rules: sftp.file.clone() }))
}

pub struct Sftp {
    host: String,
    port: u16,
    user: String,
    proofs: Fresh<Proofs>,
    host_keys: Arc<[PublicKey]>,
    root: String,
    ssh: Arc<client::Config>,
    timeouts: Timeouts,
    dialer: Dialer,
}

/// What shows that we are the user, as the secrets are now.
struct Proofs {
    password: Option<Secret>,
    key: Option<Arc<PrivateKey>>,
}

impl Proofs {
    fn read(sftp: &config::Sftp) -> Result<Self, DoorError> {
        let read = |secret: &Option<SecretRef>| secret.as_ref().map(SecretRef::resolve).transpose();
        let passphrase = read(&sftp.passphrase)?;
        let key = match read(&sftp.private_key)? {
            Some(key) => Some(Arc::new(config::private_key(&key, passphrase.as_ref()).map_err(DoorError::Setting)?)),
            None => None,
        };
        Ok(Self { password: read(&sftp.password)?, key })
    }
}

impl Sftp {
    /// Reads the secrets and keys that `sftp` refers to.
    pub fn new(sftp: &config::Sftp, timeouts: Timeouts, dialer: Dialer) -> Result<Self, DoorError> {
        let secrets = [&sftp.password, &sftp.private_key, &sftp.passphrase];
        let proofs = Fresh::new(secrets.into_iter().flatten(), {
            let sftp = sftp.clone();
            move || Proofs::read(&sftp)
        })?;
        let host_keys: Arc<[PublicKey]> = config::host_keys(sftp).map_err(DoorError::Setting)?.into();
        let mut ssh = client::Config {
            client_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-newswired_", env!("CARGO_PKG_VERSION")))),
            // Nobody waits longer than this for an answer, and no session is kept longer without being used.
            inactivity_timeout: Some((timeouts.write + timeouts.answer).max(LONGEST_IDLE)),
            nodelay: true,
            ..client::Config::default()
        };
        // A server has several keys: it is asked for one that is known.
        ssh.preferred.key = host_keys.iter().flat_map(|key| algorithms(&key.algorithm())).collect::<Vec<_>>().into();
        Ok(Self {
            host: sftp.host.trim_matches(['[', ']']).to_owned(),
            port: sftp.port,
            user: sftp.user.clone(),
            proofs,
            host_keys,
            root: root(&sftp.path),
            ssh: Arc::new(ssh),
            timeouts,
            dialer,
        })
    }

    async fn connect(&self) -> Result<Sitting, Outcome> {
        let name = format!("{}:{}", self.host, self.port);
        let no = |why: &dyn std::fmt::Display| door(format!("no SSH with {name}: {why}"));
        let stream = self.dialer.connect().await.map_err(door)?;
        stream.set_nodelay(true).map_err(|why| no(&why))?;
        let check = HostKeys { known: Arc::clone(&self.host_keys), name: name.clone() };
        let greeting = || client::connect_stream(Arc::clone(&self.ssh), stream, check);
        let mut ssh = self.dialer.network.turns.take(greeting).await.map_err(|why| match why {
            Greeting::Ssh(why) => no(&why),
            Greeting::Stranger(why) => door(why),
        })?;
        self.log_in(&mut ssh).await?;
        let channel = ssh.channel_open_session().await.map_err(|why| no(&why))?;
        channel.request_subsystem(true, "sftp").await.map_err(|why| no(&why))?;
        let sftp = RawSftpSession::new(channel.into_stream());
        sftp.set_timeout(self.timeouts.write.max(self.timeouts.answer).as_secs() + 1);
        let version =
            sftp.init().await.map_err(|why| door(format!("{name} lets {} in, but has no SFTP: {why}", self.user)))?;
        let has = |extension: &str| version.extensions.contains_key(extension);
        Ok(Sitting {
            replaces: has(POSIX_RENAME),
            syncs: has(FSYNC),
            ssh,
            sftp,
            root: self.root.clone(),
            timeouts: self.timeouts,
        })
    }

    /// Says who we are, in the ways that we have, until the server is content.
    async fn log_in(&self, ssh: &mut Handle<HostKeys>) -> Result<(), Outcome> {
        let broke = |why: russh::Error| door(format!("no SSH with {}:{}: {why}", self.host, self.port));
        let proofs = self.proofs.current().await;
        let mut ways = Vec::new();
        if let Some(key) = &proofs.key {
            ways.push("private_key");
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            if ssh.authenticate_publickey(&self.user, key).await.map_err(broke)?.success() {
                return Ok(());
            }
        }
        if let Some(password) = &proofs.password {
            ways.push("password");
            let remaining = match ssh.authenticate_password(&self.user, password.expose()).await.map_err(broke)? {
                client::AuthResult::Success => return Ok(()),
                client::AuthResult::Failure { remaining_methods, .. } => remaining_methods,
            };
            // Many servers ask for a password only as a question among others (RFC 4256).
            if remaining.contains(&MethodKind::KeyboardInteractive)
                && self.answer_questions(ssh, password).await.map_err(broke)?
            {
                return Ok(());
            }
        }
        Err(door(format!(
            "{} does not let the user {:?} in; check user and {}",
            self.host,
            self.user,
            ways.join(" and ")
        )))
    }

    /// Answers every question that is not shown while it is typed with the password.
    async fn answer_questions(&self, ssh: &mut Handle<HostKeys>, password: &Secret) -> Result<bool, russh::Error> {
        const MOST_ROUNDS: usize = 5;
        let mut said = ssh.authenticate_keyboard_interactive_start(&self.user, None::<String>).await?;
        for _ in 0..MOST_ROUNDS {
            said = match said {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    let answer = |echo: bool| if echo { String::new() } else { password.expose().to_owned() };
                    let answers = prompts.iter().map(|prompt| answer(prompt.echo)).collect();
                    ssh.authenticate_keyboard_interactive_respond(answers).await?
                }
            };
        }
        Ok(false)
    }
}

impl Protocol for Sftp {
    type Session = Sitting;

    async fn open(&self) -> Result<Sitting, Outcome> {
        let patience = self.timeouts.connect;
        timeout(patience, self.connect())
            .await
            .unwrap_or_else(|_| Err(door(format!("{}:{} did not let us in within {patience:?}", self.host, self.port))))
    }

    async fn words(&self) -> Words {
        let proofs = self.proofs.current().await;
        let ours = proofs.key.as_ref().map(|key| {
            let key = key.public_key();
            format!(
                ", and ask whether our key ({} {}) is entered for it",
                key.algorithm(),
                key.fingerprint(HashAlg::Sha256)
            )
        });
        Words {
            let_in: format!("{:?} is let in by a server whose key is the one that is known", self.user),
            mend: format!("compare host_key and user with the partner{}", ours.unwrap_or_default()),
        }
    }

    fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }
}

/// Knows the server by its key.
struct HostKeys {
    known: Arc<[PublicKey]>,
    name: String,
}

/// Why there is no session.
#[derive(Debug)]
enum Greeting {
    Ssh(russh::Error),
    Stranger(String),
}

impl From<russh::Error> for Greeting {
    fn from(why: russh::Error) -> Self {
        Self::Ssh(why)
    }
}

impl client::Handler for HostKeys {
    type Error = Greeting;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Greeting> {
        let shown = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                if self.known.iter().any(|known| known.key_data() == key.key_data()) {
                    return Ok(true);
                }
                key.fingerprint(HashAlg::Sha256).to_string()
            }
            PublicKeyOrCertificate::Certificate(_) => "a certificate".to_owned(),
        };
        Err(Greeting::Stranger(format!(
            "{} shows another key than the configuration says ({shown}); ask its operator whether the key was changed: \
             if it was not, somebody stands between",
            self.name
        )))
    }
}

/// The algorithms by which a key of this kind is shown. SHA-1 is none of them.
fn algorithms(key: &Algorithm) -> Vec<Algorithm> {
    if key.clone().is_rsa() {
        return [HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }).into();
    }
    vec![key.clone()]
}

/// The folder as paths begin with it: nothing for the one that the user comes to.
fn root(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" if path.starts_with('/') => "/".to_owned(),
        path => path.to_owned(),
    }
}

/// One session.
pub struct Sitting {
    ssh: Handle<HostKeys>,
    sftp: RawSftpSession,
    /// Whether a move replaces what stands there.
    replaces: bool,
    /// Whether a file can be made to be on the disk.
    syncs: bool,
    root: String,
    timeouts: Timeouts,
}

impl Drop for Sitting {
    fn drop(&mut self) {
        let _ = self.sftp.close_session();
    }
}

impl Sitting {
    /// Where a path below the door's folder is for the server.
    fn at(&self, path: &str) -> String {
        if self.root == "/" { format!("/{path}") } else { join(&self.root, path) }
    }

    /// What an answer of the server comes to, within the time to answer.
    async fn answer<T>(&self, asked: impl Future<Output = Result<T, SftpError>>) -> Result<T, SftpError> {
        timeout(self.timeouts.answer, asked).await.unwrap_or(Err(SftpError::Timeout))
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), SftpError> {
        let by = Instant::now() + self.timeouts.write;
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let handle = self.answer(self.sftp.open(path, flags, FileAttributes::empty())).await?.handle;
        let written = timeout_at(by, async {
            let mut offset = 0;
            for piece in bytes.chunks(PIECE) {
                self.sftp.write(&handle, offset, piece.to_vec()).await?;
                offset += piece.len() as u64;
            }
            if self.syncs {
                self.sftp.fsync(&handle).await?;
            }
            Ok(())
        });
        let written = written.await.unwrap_or(Err(SftpError::Timeout));
        // A server that has no room may say so only now.
        let closed = self.answer(self.sftp.close(&handle)).await;
        written.and(closed.map(drop))
    }

    /// Makes the folders that a file needs, those that are there already too.
    async fn make(&self, file: &File<'_>) -> Result<(), Failure> {
        for folder in file.folders() {
            let made = self.answer(self.sftp.mkdir(self.at(folder), FileAttributes::empty())).await;
            match made {
                // One that is there is a failure without a name (draft §7).
                Ok(_) => {}
                Err(SftpError::Status(Status { status_code: StatusCode::Failure, .. })) => {}
                Err(why) => return Err(self.failure(folder, &why)),
            }
        }
        Ok(())
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        if !self.replaces {
            return self.answer(self.sftp.rename(from, to)).await.map(drop);
        }
        let mut both = Vec::with_capacity(from.len() + to.len() + 8);
        for path in [from, to] {
            // A path is far shorter than 4 GiB.
            both.extend_from_slice(&u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
            both.extend_from_slice(path.as_bytes());
        }
        match self.answer(self.sftp.extended(POSIX_RENAME, both)).await? {
            Packet::Status(Status { status_code: StatusCode::Ok, .. }) => Ok(()),
            Packet::Status(status) => Err(SftpError::Status(status)),
            _ => Err(SftpError::UnexpectedPacket),
        }
    }

    /// What an error means when nothing has come about.
    fn failure(&self, path: &str, why: &SftpError) -> Failure {
        let at = self.at(path);
        let SftpError::Status(Status { status_code, error_message, .. }) = why else {
            return Failure::Lost(format!("the session broke at {at:?}: {why}"));
        };
        let said = crate::transport::outcome::excerpt(error_message.as_bytes());
        let told = format!("{at:?}: {status_code}: {said}");
        match status_code {
            StatusCode::PermissionDenied => Failure::Answer(denied(format!("{told}; the user may not write there"))),
            StatusCode::NoSuchFile => {
                Failure::Answer(denied(format!("{told}; make the folder, or check path, or set make_folders")))
            }
            // Full disks and quotas are failures without a name, and so is a folder that has the file's name.
            StatusCode::Failure | StatusCode::Ok | StatusCode::Eof => {
                Failure::Answer(denied(format!("{told}; the server does not say why, its disk may be full")))
            }
            // What OpenSSH makes of a name that its file system does not take.
            StatusCode::BadMessage => Failure::Answer(refused(told)),
            StatusCode::OpUnsupported => Failure::Answer(door(told)),
            StatusCode::NoConnection | StatusCode::ConnectionLost => Failure::Lost(told),
        }
    }
}

/// The server has no such file or folder.
fn is_missing(why: &SftpError) -> bool {
    matches!(why, SftpError::Status(Status { status_code: StatusCode::NoSuchFile, .. }))
}

impl Session for Sitting {
    fn is_over(&self) -> bool {
        self.ssh.is_closed()
    }

    async fn put(&mut self, file: &File<'_>) -> Result<(), Failure> {
        let (from, to) = (self.at(&file.temporary), self.at(file.name.as_str()));
        let mut written = self.write(&from, file.bytes).await;
        if file.make_folders && written.as_ref().is_err_and(is_missing) {
            self.make(file).await?;
            written = self.write(&from, file.bytes).await;
        }
        if let Err(why) = written {
            // What is there of it is of no use, and takes room on a disk that may be full.
            if matches!(why, SftpError::Status(_)) {
                let _ = self.answer(self.sftp.remove(&from)).await;
            }
            return Err(self.failure(&file.temporary, &why));
        }
        let mut moved = self.rename(&from, &to).await;
        if file.make_folders && moved.as_ref().is_err_and(is_missing) {
            self.make(file).await?;
            moved = self.rename(&from, &to).await;
        }
        let mut removed = false;
        if !self.replaces && matches!(moved, Err(SftpError::Status(Status { status_code: StatusCode::Failure, .. }))) {
            match self.answer(self.sftp.remove(&to)).await {
                Ok(_) => removed = true,
                Err(why) if is_missing(&why) => {}
                Err(why) => return Err(self.failure(file.name.as_str(), &why)),
            }
            moved = self.rename(&from, &to).await;
        }
        moved.map_err(|why| match self.failure(file.name.as_str(), &why) {
            Failure::Lost(why) | Failure::Unknown(why) => Failure::Unknown(why),
            // What stood there does not stand there any more.
            Failure::Answer(outcome) if removed => Failure::Unknown(outcome.detail),
            Failure::Answer(outcome) => Failure::Answer(outcome),
        })
    }

    async fn remove(&mut self, path: &str) -> Result<(), Failure> {
        match self.answer(self.sftp.remove(self.at(path))).await {
            Ok(_) => Ok(()),
            Err(why) if is_missing(&why) => Ok(()),
            Err(why) => Err(self.failure(path, &why)),
        }
    }

    async fn list(&mut self, folder: &str) -> Result<Vec<String>, Failure> {
        let path = match self.at(folder).trim_end_matches('/') {
            "" if self.root == "/" => "/".to_owned(),
            "" => ".".to_owned(),
            path => path.to_owned(),
        };
        let handle = match self.answer(self.sftp.opendir(path)).await {
            Ok(handle) => handle.handle,
            Err(why) if is_missing(&why) => return Ok(Vec::new()),
            Err(why) => return Err(self.failure(folder, &why)),
        };
        let mut names = Vec::new();
        let ended = loop {
            match self.answer(self.sftp.readdir(&handle)).await {
                Ok(some) if names.len() < MOST_NAMES => names.extend(some.files.into_iter().map(|file| file.filename)),
                Ok(_) => break Err(Failure::Answer(denied(format!("{folder:?} has more than {MOST_NAMES} files")))),
                Err(SftpError::Status(Status { status_code: StatusCode::Eof, .. })) => break Ok(names),
                Err(why) => break Err(self.failure(folder, &why)),
            }
        };
        let _ = self.answer(self.sftp.close(&handle)).await;
        ended
    }
}

#[cfg(test)]
mod tests;
