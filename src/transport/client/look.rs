//! A look at the way to a server: its name, a connection, and what it shows when TLS begins.
//!
//! It goes the way that deliveries go, and trusts whom they trust; what a server shows is kept even where it is not
//! trusted, since that is what an operator has to tell the partner. The connection is closed again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::dial::Dialer;
use super::expiry::{DAY, SOON, Shown};
use super::{Network, Trust, tls};
use crate::config::Way;
use crate::transport::knock::{Finding, Looked, Part, Steps};
use crate::transport::outcome::excerpt;

/// Where a connection leads.
pub struct Place {
    /// Without the brackets of an IPv6 literal.
    pub host: String,
    pub port: u16,
    pub tls: Begins,
}

/// How TLS begins on it.
#[derive(Debug, Clone, Copy)]
pub enum Begins {
    AtOnce {
        http2: bool,
    },
    /// After `AUTH TLS` (RFC 4217).
    ByAuthTls,
    /// What is said there is secret by other means.
    OfItsOwn,
    /// What is said there can be read by everybody on the way.
    Never {
        because: &'static str,
    },
}

/// The longest reply of a server before TLS, in bytes.
const LONGEST_REPLY: usize = 8 << 10;

/// Looks at the way to `place`, of which `way` is what the configuration says; each step within `patience`.
pub async fn look(place: &Place, way: &Way<'_>, patience: Duration, network: &Arc<Network>, steps: &mut Steps) {
    let proxy = match network.proxy_for(way.proxy) {
        Ok(proxy) => proxy,
        Err(why) => {
            let mend = "try the door as the daemon's user, who can read the proxy's password";
            return steps.note(Part::Connection, Finding::trouble(why.to_string(), mend));
        }
    };
    let dialer = Dialer::new(&place.host, place.port, way.allow_addresses, proxy, network, patience);
    let Some(stream) = dialer.look(steps).await else { return };
    let http2 = match place.tls {
        Begins::AtOnce { http2 } => http2,
        Begins::ByAuthTls => false,
        Begins::OfItsOwn => return,
        Begins::Never { because } => {
            let finding = Finding::remark(
                format!("none, since {because}: everybody on the way reads what is sent"),
                "use it inside a network that is trusted, and with TLS elsewhere",
            );
            return steps.note(Part::Tls, finding);
        }
    };
    let trust = Trust { ca_file: way.ca_file, client_certificate: way.client_certificate, pin: way.pin };
    let by_auth_tls = matches!(place.tls, Begins::ByAuthTls);
    let agreed = agree(stream, &place.host, trust, http2, by_auth_tls);
    steps.look(Part::Tls, async { timeout(patience, agreed).await.unwrap_or_else(|_| Err(late(patience))) }).await;
}

fn late(patience: Duration) -> Finding {
    let mend = "ask the partner whether this is the port for TLS: a server that waits for something else says nothing";
    Finding::trouble(format!("the server did not agree on TLS within {patience:?}"), mend)
}

async fn agree(mut stream: TcpStream, host: &str, trust: Trust<'_>, http2: bool, by_auth_tls: bool) -> Looked<()> {
    let setting = |why: &dyn std::fmt::Display| Finding::trouble(why.to_string(), "mend it in the destination's table");
    let name = ServerName::try_from(host.to_owned()).map_err(|why| setting(&why))?;
    // A key of ours that cannot be read was told before; what the server shows can be seen without.
    let watched = tls::watched(trust, http2)
        .or_else(|_| tls::watched(Trust { client_certificate: None, ..trust }, http2))
        .map_err(|why| setting(&why))?;
    if by_auth_tls {
        auth_tls(&mut stream).await?;
    }
    let connected = TlsConnector::from(watched.config).connect(name, stream).await;
    let shown = watched.shown.get().and_then(Shown::of);
    match connected {
        Ok(stream) => Ok((good(stream.get_ref().1, shown, !trust.pin.is_empty()), ())),
        Err(why) => {
            let (what, mend) = tls::trouble(&why);
            let of = shown.map(|shown| format!(" (it is {shown})")).unwrap_or_default();
            let mend =
                mend.unwrap_or("ask the partner what its server says of it, and whether this is its port for TLS");
            Err(Finding::trouble(format!("{what}{of}"), mend))
        }
    }
}

/// What was agreed on, and for how long the certificate is good.
fn good(agreed: &ClientConnection, shown: Option<Shown>, is_pinned: bool) -> Finding {
    let version = match agreed.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        // rustls speaks no other.
        Some(_) | None => "of some version",
    };
    let http = if agreed.alpn_protocol() == Some(b"h2") { ", HTTP/2" } else { "" };
    let pinned = if is_pinned { "; its key is one of pin" } else { "" };
    let Some(shown) = shown else { return Finding::well(format!("{version}{http}{pinned}")) };
    let days = (shown.ends - Timestamp::now().as_second()).div_euclid(DAY);
    let found = format!("{version}{http}, {shown}, {days} days left{pinned}");
    if days * DAY < SOON {
        return Finding::remark(found, "tell the partner to renew it: nothing is delivered when it has ended");
    }
    Finding::well(found)
}

/// Has a server of FTP begin with TLS.
async fn auth_tls(stream: &mut TcpStream) -> Result<(), Finding> {
    let broke = |why: std::io::Error| {
        Finding::trouble(
            format!("the server broke off before TLS: {why}"),
            "ask the partner whether it speaks FTP there",
        )
    };
    let (code, said) = reply(stream).await.map_err(broke)?;
    if code != Some(220) {
        let mend = "ask the partner whether this is the port of FTP, and whether its server is well";
        return Err(Finding::trouble(format!("the server greets with {said:?}"), mend));
    }
    stream.write_all(b"AUTH TLS\r\n").await.map_err(broke)?;
    let (code, said) = reply(stream).await.map_err(broke)?;
    if code != Some(234) {
        let mend =
            "ask the partner for FTP with explicit TLS; with tls = \"none\" everybody on the way reads the password";
        return Err(Finding::trouble(format!("the server does not begin with TLS: {said}"), mend));
    }
    Ok(())
}

/// One reply (RFC 959 §4.2): its code, and what it says. It is read byte by byte, since TLS may follow it.
async fn reply(stream: &mut TcpStream) -> std::io::Result<(Option<u16>, String)> {
    let mut text = Vec::new();
    let mut begins = 0;
    while text.len() < LONGEST_REPLY {
        text.push(stream.read_u8().await?);
        if text.ends_with(b"\n") {
            let line = &text[begins..];
            // The last line of several has a blank after its code.
            if line.get(3) != Some(&b'-') && line.first().is_some_and(u8::is_ascii_digit) {
                break;
            }
            begins = text.len();
        }
    }
    let code = text.get(begins..begins + 3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    Ok((code, excerpt(&text)))
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let date = Timestamp::from_second(self.ends).map(|at| at.strftime("%Y-%m-%d").to_string());
        write!(f, "a certificate for {} by {}, good until {}", self.names, self.issuer, date.unwrap_or_default())
    }
}
