//! A way out through a proxy: by HTTP's `CONNECT` (RFC 9110 §9.3.6), or by SOCKS 5 (RFC 1928, RFC 1929).
//!
//! The proxy is asked for an address that was looked at here, so that it leads nobody where no connection of ours would
//! go; the name stays with TLS, which checks it as ever. Where the operator says that the proxy resolves names, it is
//! told the name, and where that leads is the proxy's affair.
//!
//! What a proxy says is read to its end and not one byte further, and no more of it than [`LONGEST`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::USER_AGENT;
use super::dial::Permitted;
use crate::config::{self, ProxyProtocol, ProxyServer, Secret, SecretError};
use crate::fresh::Fresh;

/// The longest head of an answer to `CONNECT`, in bytes.
const LONGEST: usize = 8 << 10;

/// A proxy, and who we are there.
pub struct Proxy {
    speaks: ProxyProtocol,
    pub host: String,
    pub port: u16,
    /// Its password is read again when its file was replaced.
    login: Option<(String, Fresh<Secret>)>,
    pub resolves_names: bool,
}

/// What the proxy is asked to connect to.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    Address(Permitted),
    /// The proxy finds out where it leads.
    Name(&'a str),
}

impl Target<'_> {
    /// As an authority (RFC 3986 §3.2).
    fn with_port(self, port: u16) -> String {
        match self {
            Self::Address(permitted) => match permitted.address() {
                IpAddr::V4(four) => format!("{four}:{port}"),
                IpAddr::V6(six) => format!("[{six}]:{port}"),
            },
            Self::Name(name) => format!("{name}:{port}"),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Proxy {
    /// That of the configuration, if it has one.
    ///
    /// # Errors
    /// When its password cannot be read.
    pub fn of(configured: &config::Proxy) -> Result<Option<Arc<Self>>, SecretError> {
        match configured {
            config::Proxy::None => Ok(None),
            config::Proxy::Server(server) => Self::new(server).map(|proxy| Some(Arc::new(proxy))),
        }
    }

    fn new(server: &ProxyServer) -> Result<Self, SecretError> {
        let login = match (&server.user, &server.password) {
            (Some(user), Some(password)) => {
                let found = password.clone();
                Some((user.clone(), Fresh::new([password], move || found.resolve())?))
            }
            // The configuration has both or none.
            (_, _) => None,
        };
        let url = server.url.clone();
        Ok(Self { speaks: url.speaks, host: url.host, port: url.port, login, resolves_names: server.resolves_names })
    }

    /// Has the proxy at the other end of `stream` connect it with `target`.
    ///
    /// # Errors
    /// In a sentence for the operator.
    pub async fn pass(&self, mut stream: TcpStream, target: Target<'_>, port: u16) -> Result<TcpStream, String> {
        let passed = match self.speaks {
            ProxyProtocol::Http => self.connect(&mut stream, target, port).await,
            ProxyProtocol::Socks5 => self.socks5(&mut stream, target, port).await,
        };
        match passed {
            Ok(()) => Ok(stream),
            Err(Refused::Said(why)) => {
                Err(format!("the proxy {self} does not connect to {}: {why}", target.with_port(port)))
            }
            Err(Refused::Broken(why)) => Err(format!("the proxy {self} gave no answer: {why}")),
        }
    }

    async fn connect(&self, stream: &mut TcpStream, target: Target<'_>, port: u16) -> Result<(), Refused> {
        let authority = target.with_port(port);
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: {USER_AGENT}\r\n");
        if let Some((user, password)) = &self.login {
            let pair = BASE64.encode(format!("{user}:{}", password.current().await.expose()));
            request.push_str(&format!("proxy-authorization: Basic {pair}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let head = head(stream).await?;
        let status = status(&head).ok_or_else(|| Refused::Said("what it answers is not HTTP".to_owned()))?;
        match status {
            // Whatever its headers say of a body, there is none.
            200..=299 => Ok(()),
            407 => Err(Refused::Said("it answers 407; check user and password of proxy".to_owned())),
            403 | 405 => {
                Err(Refused::Said(format!("it answers {status}; have it allow CONNECT to this address and port")))
            }
            status => Err(Refused::Said(format!("it answers {status}"))),
        }
    }

    async fn socks5(&self, stream: &mut TcpStream, target: Target<'_>, port: u16) -> Result<(), Refused> {
        const VERSION: u8 = 5;
        const NO_LOGIN: u8 = 0;
        const LOGIN: u8 = 2;
        let method = if self.login.is_some() { LOGIN } else { NO_LOGIN };
        stream.write_all(&[VERSION, 1, method]).await?;
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await?;
        if chosen[0] != VERSION {
            return Err(Refused::Said("what it answers is not SOCKS 5".to_owned()));
        }
        if chosen[1] != method {
            let mend =
                if method == LOGIN { "remove user and password of proxy" } else { "add user and password to proxy" };
            return Err(Refused::Said(format!("it wants another login; {mend}")));
        }
        if let Some((user, password)) = &self.login {
            let (password, mut login) = (password.current().await, vec![1]);
            for text in [user.as_str(), password.expose()] {
                let length =
                    u8::try_from(text.len()).map_err(|_| Refused::Said("user or password is too long".into()))?;
                login.push(length);
                login.extend(text.as_bytes());
            }
            stream.write_all(&login).await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            if answer[1] != 0 {
                return Err(Refused::Said("it refuses the login; check user and password of proxy".to_owned()));
            }
        }
        let mut request = vec![VERSION, 1, 0];
        match target {
            Target::Address(permitted) => match permitted.address() {
                IpAddr::V4(four) => {
                    request.push(1);
                    request.extend(four.octets());
                }
                IpAddr::V6(six) => {
                    request.push(4);
                    request.extend(six.octets());
                }
            },
            Target::Name(name) => {
                let length = u8::try_from(name.len()).map_err(|_| Refused::Said("the name is too long".to_owned()))?;
                request.extend([3, length]);
                request.extend(name.as_bytes());
            }
        }
        request.extend(port.to_be_bytes());
        stream.write_all(&request).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if answer[0] != VERSION {
            return Err(Refused::Said("what it answers is not SOCKS 5".to_owned()));
        }
        if answer[1] != 0 {
            return Err(Refused::Said(reply(answer[1])));
        }
        // The address that the proxy connects from, and its port.
        let rest = match answer[3] {
            1 => 4,
            4 => 16,
            3 => usize::from(stream.read_u8().await?),
            kind => return Err(Refused::Said(format!("it answers with an address of the kind {kind}"))),
        };
        stream.read_exact(&mut vec![0; rest + 2]).await?;
        Ok(())
    }
}

enum Refused {
    Said(String),
    Broken(std::io::Error),
}

impl From<std::io::Error> for Refused {
    fn from(why: std::io::Error) -> Self {
        Self::Broken(why)
    }
}

/// An answer's head. It is read byte by byte, since what comes after it is not the proxy's.
async fn head(stream: &mut TcpStream) -> Result<Vec<u8>, Refused> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST {
            return Err(Refused::Said("its answer has no end".to_owned()));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// RFC 9112 §4.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let [minor, b' ', code @ .., after] = line.get(..6)? else { return None };
    let digits = std::str::from_utf8(code).ok().filter(|_| minor.is_ascii_digit() && matches!(after, b' ' | b'\r'))?;
    digits.parse().ok()
}

/// RFC 1928 §6.
fn reply(code: u8) -> String {
    let meaning = match code {
        1 => "general failure",
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection was refused",
        6 => "the time to live is over",
        7 => "it does not know how to connect",
        8 => "it does not know this kind of address",
        _ => "for a reason of its own",
    };
    format!("{meaning} (reply {code})")
}
