//! An FTP server (RFC 959), with TLS by `AUTH TLS` (RFC 4217): `STOR` under the temporary name, then `RNFR` and `RNTO`.
//!
//! Data connections are passive ones to the host that the control connection is with, whatever the server says about its
//! address: it may only choose the port. Most servers replace the file that is renamed onto; where one does not, that file
//! is removed first, and for a moment there is none.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream};
use suppaftp::types::{FileType, Response};
use suppaftp::{FtpError, FtpResult, Mode, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::sessions::{Failure, Protocol, Session, Sessions, Words};
use super::{File, FileDoor, denied, door, join};
use crate::config::{self, FtpTls, Secret};
use crate::fresh::Fresh;
use crate::transport::client::tls::Agreement;
use crate::transport::client::{Dialer, Trust};
use crate::transport::credential::Hidden;
use crate::transport::outcome::excerpt;
use crate::transport::{DoorError, Outcome, Timeouts, Transport};

/// What is read of a list. A folder with more files is no inbox.
const LONGEST_LIST: u64 = 16 << 20;

/// The door of a server. It has at most `at_once` sessions, none of which begins anything when it is older than `max_age`.
pub fn open(
    ftp: &config::Ftp,
    timeouts: Timeouts,
    at_once: usize,
    max_age: Duration,
    dialer: Dialer,
) -> Result<Box<dyn Transport>, DoorError> {
    let store = Sessions::new(Ftp::new(ftp, timeouts, dialer)?, at_once, max_age);
    Ok(Box::new(FileDoor { store, rules: ftp.file.clone() }))
}

pub struct Ftp {
    host: String,
    port: u16,
    user: String,
    password: Fresh<Secret>,
    tls: Option<Agreement>,
    root: String,
    timeouts: Timeouts,
    dialer: Arc<Dialer>,
}

impl Ftp {
    /// Reads the secret and the certificates that `ftp` refers to.
    pub fn new(ftp: &config::Ftp, timeouts: Timeouts, dialer: Dialer) -> Result<Self, DoorError> {
        let tls = match ftp.tls {
            // A data connection resumes the session of the control connection, which many servers ask for.
            FtpTls::Explicit => {
                Some(Agreement::of(Trust { ca_file: ftp.ca_file.as_deref(), ..Trust::default() }, false)?)
            }
            FtpTls::None => None,
        };
        let (user, secret) = (ftp.user.clone(), ftp.password.clone());
        let password = Fresh::new([&ftp.password], move || {
            let password = secret.resolve()?;
            // A line's end would begin another command.
            if [user.as_str(), password.expose()].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
                return Err(DoorError::Setting("user or password holds a line's end".to_owned()));
            }
            Ok(password)
        })?;
        Ok(Self {
            host: ftp.host.trim_matches(['[', ']']).to_owned(),
            port: ftp.port,
            user: ftp.user.clone(),
            password,
            tls,
            root: if ftp.path == "/" { ftp.path.clone() } else { ftp.path.trim_end_matches('/').to_owned() },
            timeouts,
            dialer: Arc::new(dialer),
        })
    }

    async fn connect(&self) -> Result<Sitting, Outcome> {
        let name = format!("{}:{}", self.host, self.port);
        let no = |why: FtpError| door(format!("no FTP with {name}: {}", told(&why)));
        let stream = self.dialer.connect().await.map_err(door)?;
        stream.set_nodelay(true).map_err(|why| door(why.to_string()))?;
        let dialer = Arc::clone(&self.dialer);
        let mut ftp = AsyncRustlsFtpStream::connect_with_stream(stream).await.map_err(no)?.passive_stream_builder(
            move |address| {
                let dialer = dialer.to(address);
                // Its own task, which ends with whoever waits for it: what is waited for has to be one that threads can
                // share.
                let connecting = tokio::spawn(async move { dialer.connect().await });
                Box::pin(data_connection(AbortOnDropHandle::new(connecting), address))
            },
        );
        ftp.set_mode(Mode::ExtendedPassive);
        ftp.set_passive_nat_workaround(true);
        if let Some(agreement) = &self.tls {
            let connector = AsyncRustlsConnector::from(TlsConnector::from(agreement.config().await));
            ftp = ftp.into_secure(connector, &self.host).await.map_err(|why| {
                door(format!("no TLS with {name}: {}; a server without it needs tls = \"none\"", told(&why)))
            })?;
        }
        let password = self.password.current().await;
        ftp.login(self.user.as_str(), password.expose()).await.map_err(|why| match &why {
            FtpError::UnexpectedResponse(Response { body, .. }) => door(format!(
                "{name} does not let the user {:?} in: {}; check user and password",
                self.user,
                excerpt(&Hidden::new([password.expose()]).out_of(body))
            )),
            _ => no(why),
        })?;
        ftp.transfer_type(FileType::Binary).await.map_err(no)?;
        Ok(Sitting { ftp, over: false, root: self.root.clone(), timeouts: self.timeouts })
    }
}

async fn data_connection(
    connecting: AbortOnDropHandle<Result<tokio::net::TcpStream, String>>,
    address: SocketAddr,
) -> FtpResult<tokio::net::TcpStream> {
    let failed = |why: String| FtpError::ConnectionError(std::io::Error::other(why));
    let connected = connecting.await.map_err(|why| failed(why.to_string()))?;
    connected.map_err(|why| failed(format!("no data connection to port {}: {why}", address.port())))
}

impl Protocol for Ftp {
    type Session = Sitting;

    async fn open(&self) -> Result<Sitting, Outcome> {
        let patience = self.timeouts.connect;
        timeout(patience, self.connect())
            .await
            .unwrap_or_else(|_| Err(door(format!("{}:{} did not let us in within {patience:?}", self.host, self.port))))
    }

    async fn words(&self) -> Words {
        Words {
            let_in: format!("{:?} is let in", self.user),
            mend: "compare user and password with the partner, and ask how many logins its server allows".to_owned(),
        }
    }

    fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }
}

/// What a server or the network said, in one line.
fn told(why: &FtpError) -> String {
    match why {
        FtpError::UnexpectedResponse(Response { body, .. }) => excerpt(body),
        other => other.to_string(),
    }
}

/// One session.
pub struct Sitting {
    ftp: AsyncRustlsFtpStream,
    /// Something went wrong after which nobody knows what the server says next.
    over: bool,
    root: String,
    timeouts: Timeouts,
}

impl Sitting {
    /// Where a path below the door's folder is for the server.
    fn at(&self, path: &str) -> String {
        if self.root == "/" { format!("/{path}") } else { join(&self.root, path) }
    }

    async fn store(&mut self, path: &str, bytes: &[u8]) -> Result<(), FtpError> {
        let stored = timeout(self.timeouts.write + self.timeouts.answer, async {
            let mut data = match self.ftp.put_with_stream(path).await {
                Err(why) if is_from_before_epsv(&why) => {
                    self.ftp.set_mode(Mode::Passive);
                    self.ftp.put_with_stream(path).await?
                }
                other => other?,
            };
            data.write_all(bytes).await.map_err(FtpError::ConnectionError)?;
            data.finish().await
        });
        stored.await.unwrap_or_else(|_| Err(late()))
    }

    /// What the server says to a command that lists. Many end a list without TLS's own goodbye; that it was whole is what
    /// their reply says.
    async fn lines(&mut self, command: &str) -> Result<String, FtpError> {
        let expected = [Status::AlreadyOpen, Status::AboutToSend];
        let mut data = match self.ftp.custom_data_command(command, &expected).await {
            Err(why) if is_from_before_epsv(&why) => {
                self.ftp.set_mode(Mode::Passive);
                self.ftp.custom_data_command(command, &expected).await?.1
            }
            other => other?.1,
        };
        let mut text = Vec::new();
        match (&mut data).take(LONGEST_LIST).read_to_end(&mut text).await {
            Err(why) if why.kind() != ErrorKind::UnexpectedEof => return Err(FtpError::ConnectionError(why)),
            Ok(_) | Err(_) => {}
        }
        data.finish().await?;
        if text.len() as u64 == LONGEST_LIST {
            return Err(FtpError::ConnectionError(std::io::Error::other("the list has no end")));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// What an answer of the server comes to, within the time to answer.
    async fn rename(&mut self, from: &str, to: &str) -> Result<(), FtpError> {
        timeout(2 * self.timeouts.answer, self.ftp.rename(from, to)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn delete(&mut self, path: &str) -> Result<(), FtpError> {
        timeout(self.timeouts.answer, self.ftp.rm(path)).await.unwrap_or_else(|_| Err(late()))
    }

    /// How many bytes a file has there, where the server says it (RFC 3659 §4).
    async fn size(&mut self, path: &str) -> Result<Option<usize>, FtpError> {
        match timeout(self.timeouts.answer, self.ftp.size(path)).await.unwrap_or_else(|_| Err(late())) {
            Ok(size) => Ok(Some(size)),
            Err(why) if status(&why).is_some() => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Makes the folders that a file needs. What comes of it shows when the file is written.
    async fn make(&mut self, file: &File<'_>) -> Result<(), Failure> {
        for folder in file.folders() {
            let path = self.at(folder);
            let made = timeout(self.timeouts.answer, self.ftp.mkdir(&path)).await.unwrap_or_else(|_| Err(late()));
            match made {
                Ok(()) => {}
                Err(why) if status(&why).is_some() => {}
                Err(why) => return Err(self.failure(folder, &why)),
            }
        }
        Ok(())
    }

    /// What an error means when nothing has come about.
    fn failure(&mut self, path: &str, why: &FtpError) -> Failure {
        let at = self.at(path);
        let detail = format!("{at:?}: {}", told(why));
        let Some(status) = status(why) else {
            self.over = true;
            return Failure::Lost(format!("the session broke at {detail}"));
        };
        let outcome = match status {
            Status::NotAvailable | Status::CannotOpenDataConnection | Status::TransferAborted => {
                self.over = true;
                return Failure::Lost(detail);
            }
            // No room, or no rights at all: whatever is written next meets the same.
            Status::RequestedActionNotTaken
            | Status::ExceededStorage
            | Status::NotLoggedIn
            | Status::StoringNeedAccount => door(detail),
            _ => denied(format!("{detail}; check path and what the user may do there, or set make_folders")),
        };
        Failure::Answer(Outcome { status: Some(status as u16), ..outcome })
    }
}

fn late() -> FtpError {
    FtpError::ConnectionError(std::io::Error::other("no answer in time"))
}

/// The server's own word, where it had one.
fn status(why: &FtpError) -> Option<Status> {
    match why {
        FtpError::UnexpectedResponse(response) => Some(response.status),
        FtpError::ConnectionError(_)
        | FtpError::SecureError(_)
        | FtpError::BadResponse
        | FtpError::InvalidAddress(_)
        | FtpError::DataConnectionAlreadyOpen => None,
    }
}

/// A server from before RFC 2428 does not know `EPSV`.
fn is_from_before_epsv(why: &FtpError) -> bool {
    matches!(status(why), Some(Status::BadCommand | Status::BadArguments | Status::NotImplemented))
}

/// Nothing of that name is there, or we may not see it: FTP has one word for both.
fn is_unavailable(why: &FtpError) -> bool {
    matches!(status(why), Some(Status::FileUnavailable | Status::BadFilename | Status::RequestFileActionIgnored))
}

impl Session for Sitting {
    fn is_over(&self) -> bool {
        self.over
    }

    async fn put(&mut self, file: &File<'_>) -> Result<(), Failure> {
        let (from, to) = (self.at(&file.temporary), self.at(file.name.as_str()));
        let mut stored = self.store(&from, file.bytes).await;
        if file.make_folders && stored.as_ref().is_err_and(is_unavailable) {
            self.make(file).await?;
            stored = self.store(&from, file.bytes).await;
        }
        stored.map_err(|why| self.failure(&file.temporary, &why))?;
        // A connection that ends early looks like the end of a file to the server.
        match self.size(&from).await.map_err(|why| self.failure(&file.temporary, &why))? {
            Some(size) if size != file.bytes.len() => {
                let _ = self.delete(&from).await;
                let why = format!("{from:?} has {size} bytes there instead of {}", file.bytes.len());
                return Err(Failure::Answer(door(why)));
            }
            Some(_) | None => {}
        }
        let mut moved = self.rename(&from, &to).await;
        if file.make_folders && moved.as_ref().is_err_and(is_unavailable) {
            self.make(file).await?;
            moved = self.rename(&from, &to).await;
        }
        let mut removed = false;
        if moved.as_ref().is_err_and(|why| status(why).is_some()) {
            removed = self.delete(&to).await.is_ok();
            if removed {
                moved = self.rename(&from, &to).await;
            }
        }
        moved.map_err(|why| match self.failure(file.name.as_str(), &why) {
            Failure::Lost(why) | Failure::Unknown(why) => Failure::Unknown(why),
            // What stood there does not stand there any more.
            Failure::Answer(outcome) if removed => Failure::Unknown(outcome.detail),
            Failure::Answer(outcome) => Failure::Answer(outcome),
        })
    }

    async fn remove(&mut self, path: &str) -> Result<(), Failure> {
        let at = self.at(path);
        let Err(why) = self.delete(&at).await else { return Ok(()) };
        if !is_unavailable(&why) {
            return Err(self.failure(path, &why));
        }
        // It is not there, or we may not remove it: what the folder lists tells.
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.list(folder).await {
            Ok(names) if names.iter().any(|there| there == name) => Err(self.failure(path, &why)),
            Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn list(&mut self, folder: &str) -> Result<Vec<String>, Failure> {
        let at = match self.at(folder).trim_end_matches('/') {
            "" if self.root == "/" => Some("/".to_owned()),
            "" => None,
            path => Some(path.to_owned()),
        };
        let command = at.map_or_else(|| "NLST".to_owned(), |folder| format!("NLST {folder}"));
        let listed = timeout(self.timeouts.write + self.timeouts.answer, self.lines(&command)).await;
        match listed.unwrap_or_else(|_| Err(late())) {
            // Some servers say the names alone, others with their folder.
            Ok(lines) => {
                let name = |line: &str| line.trim_end().rsplit('/').next().map(str::to_owned);
                Ok(lines.lines().filter_map(name).collect())
            }
            // An empty folder is one that is not there, to many servers.
            Err(why) if is_unavailable(&why) => Ok(Vec::new()),
            Err(why) => Err(self.failure(folder, &why)),
        }
    }
}
