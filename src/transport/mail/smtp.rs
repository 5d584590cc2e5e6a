//! A session with a mail server (RFC 5321): connected through the door's own dialer, encrypted, and let in; and what of a
//! message came of each step. Up to the end of its data nothing of a message was taken; after it, only the answer tells.

use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::line::Line;
use super::{Answers, door};
use crate::config::{self, MailTls, Secret};
use crate::fresh::Fresh;
use crate::transport::client::tls::Agreement;
use crate::transport::client::{Dialer, Trust, tls};
use crate::transport::credential::Hidden;
use crate::transport::outcome::excerpt;
use crate::transport::{Class, DoorError, Outcome, Timeouts};

/// The longest reply that is read before TLS begins, in bytes.
const LONGEST_REPLY: usize = 16 << 10;

/// The service is ending (RFC 5321 §3.8): whatever it is the answer to, the session is over.
const CLOSING: u16 = 421;

/// How sessions are opened.
pub struct Smtp {
    host: String,
    /// As errors name it.
    name: String,
    encryption: Encryption,
    hello: ClientId,
    login: Option<Fresh<Login>>,
    timeouts: Timeouts,
    dialer: Dialer,
}

/// How, and with what.
enum Encryption {
    StartTls(Agreement, ServerName<'static>),
    Implicit(Agreement, ServerName<'static>),
    None,
}

struct Login {
    credentials: Credentials,
    /// What a server may repeat.
    hidden: Hidden,
}

/// One session.
pub struct Session {
    smtp: AsyncSmtpConnection,
    over: bool,
}

/// Why a message was not taken, or may not have been.
#[derive(Debug)]
pub enum Failure {
    /// The session is of no use any more; the message was not taken.
    Lost(String),
    /// The same, and it may have been.
    Unknown(String),
    /// The server's answer. The session goes on.
    Answer(Outcome),
}

impl Smtp {
    /// Reads the secret and the certificates that `mail` refers to.
    pub fn new(mail: &config::Mail, timeouts: Timeouts, dialer: Dialer) -> Result<Self, DoorError> {
        let host = mail.host.trim_matches(['[', ']']).to_owned();
        let trust = Trust {
            ca_file: mail.ca_file.as_deref(),
            client_certificate: mail.client_certificate.as_deref(),
            pin: &mail.pin,
        };
        let by_tls = || -> Result<(Agreement, ServerName<'static>), DoorError> {
            let name = ServerName::try_from(host.clone())
                .map_err(|why| DoorError::Setting(format!("{host} is not a host's name: {why}")))?;
            Ok((Agreement::of(trust, false)?, name))
        };
        let encryption = match mail.tls {
            MailTls::StartTls => by_tls().map(|(tls, name)| Encryption::StartTls(tls, name))?,
            MailTls::Implicit => by_tls().map(|(tls, name)| Encryption::Implicit(tls, name))?,
            MailTls::None => Encryption::None,
        };
        let login = match (&mail.user, &mail.password) {
            (Some(user), Some(password)) => {
                let (user, secret) = (user.clone(), password.clone());
                Some(Fresh::new([password], move || {
                    let password = secret.resolve()?;
                    let hidden = as_said(&user, &password);
                    Ok::<_, DoorError>(Login {
                        credentials: Credentials::new(user.clone(), password.expose().to_owned()),
                        hidden,
                    })
                })?)
            }
            // The configuration has both or none.
            (Some(_) | None, Some(_) | None) => None,
        };
        let hello = mail.hello.clone().unwrap_or_else(this_machine);
        let name = format!("{host}:{}", mail.port());
        Ok(Self { host, name, encryption, hello: ClientId::Domain(hello), login, timeouts, dialer })
    }

    /// A session in which a message can be handed over, within the time to connect. Nothing of a message has left when it
    /// fails.
    pub async fn open(&self) -> Result<Session, Outcome> {
        let patience = self.timeouts.connect;
        timeout(patience, self.connect())
            .await
            .unwrap_or_else(|_| Err(door(format!("{} did not let us in within {patience:?}", self.name))))
    }

    async fn connect(&self) -> Result<Session, Outcome> {
        let no = |why: &dyn std::fmt::Display| door(format!("no SMTP with {}: {}", self.name, said(why)));
        let stream = self.dialer.connect().await.map_err(door)?;
        stream.set_nodelay(true).map_err(|why| no(&why))?;
        let line = self.encrypted(stream).await?;
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(line), &self.hello)
            .await
            .map_err(|why| no(&told(&why)))?;
        if let Some(login) = &self.login {
            let login = login.current().await;
            smtp.auth(DEFAULT_MECHANISMS, &login.credentials).await.map_err(|why| {
                let told = told(&why);
                let told = String::from_utf8_lossy(&login.hidden.out_of(told.as_bytes())).into_owned();
                match why.status() {
                    Some(_) => door(format!("{} does not let us in: {told}; check user and password", self.name)),
                    None => no(&told),
                }
            })?;
        }
        Ok(Session { smtp, over: false })
    }

    async fn encrypted(&self, mut stream: TcpStream) -> Result<Line, Outcome> {
        let no = |why: &dyn std::fmt::Display| door(format!("no SMTP with {}: {}", self.name, said(why)));
        let peer = stream.peer_addr().map_err(|why| no(&why))?;
        let (greeting, tls, name) = match &self.encryption {
            Encryption::None => return Ok(Line::new(Vec::new(), stream, peer)),
            Encryption::Implicit(tls, name) => (Vec::new(), tls, name),
            Encryption::StartTls(tls, name) => {
                let greeting = reply(&mut stream).await.map_err(|why| no(&why))?;
                expect(&greeting, 220).map_err(|why| no(&why))?;
                let offer = ask(&mut stream, &Ehlo::new(self.hello.clone())).await.map_err(|why| no(&why))?;
                expect(&offer, 250).map_err(|why| no(&why))?;
                let has_tls = offer
                    .lines()
                    .any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")));
                if !has_tls {
                    return Err(door(format!(
                        "{} has no STARTTLS, or somebody between takes it away; a server that has TLS from the start needs \
                         tls = \"implicit\"",
                        self.name
                    )));
                }
                let begun = ask(&mut stream, &Starttls).await.map_err(|why| no(&why))?;
                expect(&begun, 220).map_err(|why| no(&why))?;
                (greeting.into_bytes(), tls, name)
            }
        };
        let connector = TlsConnector::from(tls.config().await);
        let agreed = self.dialer.network.turns.take(|| connector.connect(name.clone(), stream)).await;
        let stream = agreed.map_err(|why| door(format!("no TLS with {}: {}", self.host, tls::told(&why))))?;
        Ok(Line::new(greeting, stream, peer))
    }
}

/// A password in each way in which it is told to a server, which may repeat it: by AUTH PLAIN (RFC 4616) and AUTH LOGIN.
fn as_said(user: &str, password: &Secret) -> Hidden {
    let password = password.expose();
    let plain = Zeroizing::new(BASE64.encode(Zeroizing::new(format!("\0{user}\0{password}")).as_bytes()));
    let login = Zeroizing::new(BASE64.encode(password));
    Hidden::new([plain.as_str(), login.as_str(), password])
}

/// Its name, or what RFC 5321 §4.1.4 has for one without.
fn this_machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if is_name { name } else { "[127.0.0.1]".to_owned() }
}

/// What the network said, in one line.
fn said(why: &dyn std::fmt::Display) -> String {
    excerpt(why.to_string().as_bytes())
}

/// What the server answered, in one line; what went wrong where it did not.
fn told(why: &SmtpError) -> String {
    match (why.status(), why.source()) {
        (Some(code), Some(words)) => excerpt(format!("{code} {words}").as_bytes()),
        (Some(_), None) | (None, _) => said(why),
    }
}

/// A reply, all its lines. It is read byte by byte: what comes after it must come by TLS, and whatever somebody put there
/// in clear is no part of a handshake.
async fn reply(stream: &mut TcpStream) -> Result<String, String> {
    let mut reply = Vec::new();
    let mut start = 0;
    loop {
        if reply.len() == LONGEST_REPLY {
            return Err("its reply has no end".to_owned());
        }
        let byte = stream.read_u8().await.map_err(|why| why.to_string())?;
        reply.push(byte);
        if byte == b'\n' {
            // RFC 5321 §4.2.1: all lines but the last have a hyphen after the code.
            if reply.get(start + 3) != Some(&b'-') {
                return String::from_utf8(reply).map_err(|_| "its reply is no text".to_owned());
            }
            start = reply.len();
        }
    }
}

async fn ask(stream: &mut TcpStream, command: &impl std::fmt::Display) -> Result<String, String> {
    stream.write_all(command.to_string().as_bytes()).await.map_err(|why| why.to_string())?;
    reply(stream).await
}

fn expect(reply: &str, code: u16) -> Result<(), String> {
    let has = reply.get(..3).and_then(|digits| digits.parse::<u16>().ok());
    if has == Some(code) { Ok(()) } else { Err(format!("it answers {reply}")) }
}

/// What an answer in the negative means: 4yz that it may be another one later, 5yz that it will not (RFC 5321 §4.2.1).
fn negative(why: &SmtpError, permanently: fn(String) -> Outcome, for_now: fn(String) -> Outcome) -> Option<Outcome> {
    let status = why.status().map(u16::from)?;
    let outcome = if status >= 500 { permanently(told(why)) } else { for_now(told(why)) };
    Some(Outcome { status: Some(status), ..outcome })
}

fn refused(detail: String) -> Outcome {
    Outcome { class: Class::Refused, status: None, detail, remote: None }
}

/// The message may be what the server does not like, so that others have their turn first.
fn put_off(detail: String) -> Outcome {
    let class = Class::Deferred { retry_after: None, maybe_document: true };
    Outcome { class, status: None, detail, remote: None }
}

impl Session {
    /// Whether it is known to have ended.
    pub fn is_over(&self) -> bool {
        self.over || self.smtp.has_broken()
    }

    /// Hands a message over, to each of `to` that the server takes it for.
    pub async fn send(
        &mut self,
        from: &Address,
        to: &[Address],
        letter: &[u8],
        timeouts: &Timeouts,
    ) -> Result<Answers, Failure> {
        if to.is_empty() {
            return Ok(Answers::default());
        }
        let patience = timeouts.answer;
        let mut answers = self.envelope(from, to, patience).await?;
        if answers.taken.is_empty() {
            self.forget(patience).await;
            return Ok(answers);
        }
        if let Err(why) = self.ask(Data, patience).await? {
            let failure = self.answered(&why, refused, put_off);
            self.forget(patience).await;
            return Err(failure);
        }
        let patience = timeouts.write + timeouts.answer;
        match timeout(patience, self.smtp.message(letter)).await {
            Ok(Ok(answer)) => {
                answers.said = excerpt(answer.message().collect::<Vec<_>>().join(" ").as_bytes());
                Ok(answers)
            }
            Ok(Err(why)) => match why.status() {
                Some(_) => {
                    self.over |= why.status().map(u16::from) == Some(CLOSING);
                    Err(self.answered(&why, refused, put_off))
                }
                None => Err(self.unknown(format!("the session broke after the message: {}", told(&why)))),
            },
            Err(_) => Err(self.unknown(format!("no answer to the message within {patience:?}"))),
        }
    }

    /// Whom the server would take a message for, without one.
    pub async fn would_take(&mut self, from: &Address, to: &[Address], patience: Duration) -> Result<Answers, Failure> {
        let answers = self.envelope(from, to, patience).await?;
        self.forget(patience).await;
        Ok(answers)
    }

    /// Names the sender and each of `to`.
    async fn envelope(&mut self, from: &Address, to: &[Address], patience: Duration) -> Result<Answers, Failure> {
        let mut answers = Answers::default();
        if let Err(why) = self.ask(Mail::new(Some(from.clone()), Vec::new()), patience).await? {
            // That we may not send, or not now, is true of all messages, but for one that is too large.
            let permanently = if why.status().map(u16::from) == Some(552) { refused } else { door };
            return Err(self.answered(&why, permanently, door));
        }
        for to in to {
            match self.ask(Rcpt::new(to.clone(), Vec::new()), patience).await? {
                Ok(()) => answers.taken.push(to.clone()),
                // That nobody knows who we are is not the mailbox's fault.
                Err(why) if why.status().map(u16::from).is_some_and(|code| code >= 500 && code != 530) => {
                    answers.refused.push((to.clone(), told(&why)))
                }
                Err(why) => answers.put_off.push((to.clone(), told(&why))),
            }
        }
        Ok(answers)
    }

    fn answered(&self, why: &SmtpError, permanently: fn(String) -> Outcome, for_now: fn(String) -> Outcome) -> Failure {
        negative(why, permanently, for_now).map_or_else(|| Failure::Lost(told(why)), Failure::Answer)
    }

    fn unknown(&mut self, why: String) -> Failure {
        self.over = true;
        Failure::Unknown(why)
    }

    /// One command, and the server's answer in the negative where it has one.
    ///
    /// # Errors
    /// [`Failure::Lost`] where it has none.
    async fn ask(
        &mut self,
        command: impl std::fmt::Display,
        patience: Duration,
    ) -> Result<Result<(), SmtpError>, Failure> {
        let answer = match timeout(patience, self.smtp.command(command)).await {
            Ok(Ok(_)) => return Ok(Ok(())),
            Ok(Err(why)) => match why.status().map(u16::from) {
                Some(CLOSING) => Failure::Lost(format!("the server ends the session: {}", told(&why))),
                Some(_) => return Ok(Err(why)),
                None => Failure::Lost(format!("the session broke: {}", told(&why))),
            },
            Err(_) => Failure::Lost(format!("no answer within {patience:?}")),
        };
        self.over = true;
        Err(answer)
    }

    /// Takes back what was said of a message that does not come.
    async fn forget(&mut self, patience: Duration) {
        // A session in which that fails is over, and known to be.
        let _ = self.ask(Rset, patience).await;
    }
}
