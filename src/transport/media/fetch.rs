//! A file by its address, which is an article's: whoever wrote that may want this program to knock at doors of its own
//! house, or to read for ever.
//!
//! So the connection is made as all others are, every redirect too, and so many bytes are read and no more, in so much
//! time. What came is then what its bytes are.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use url::{Host, Url};

use super::kind::recognised;
use crate::config::{AddressBlock, MediaStore, MediaType, reachable};
use crate::transport::client::{Address, Answer, Client, Failed, Network, Settings, USER_AGENT};
use crate::transport::{Timeouts, outcome};

/// A file may have moved, and its server may want another spelling of its address; more leads round and round.
const MOST_REDIRECTS: usize = 5;

/// To connect, and to send a request that has no body.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoFile {
    /// Asking again brings nothing else.
    ForGood(String),
    NotNow(String),
}

/// The file at `url`, if it is one of those that are taken.
pub async fn fetch(url: &str, how: &MediaStore, network: &Arc<Network>) -> Result<(Bytes, MediaType), NoFile> {
    let all = follow(url, how, network);
    match tokio::time::timeout(how.timeout.get(), all).await {
        Ok(ended) => ended,
        Err(_) => Err(NoFile::NotNow(format!("not all of it came within {}", how.timeout))),
    }
}

async fn follow(url: &str, how: &MediaStore, network: &Arc<Network>) -> Result<(Bytes, MediaType), NoFile> {
    let for_good = |why: String| Err(NoFile::ForGood(why));
    let mut at = Url::parse(url).map_err(|why| NoFile::ForGood(format!("its address is none: {why}")))?;
    for _ in 0..=MOST_REDIRECTS {
        if !matches!(at.scheme(), "http" | "https") {
            return for_good(format!("files are fetched by https and http, not by {}", at.scheme()));
        }
        let answer = ask(&at, how, network).await?;
        let Answer { status, headers, start, whole } = &answer;
        let location = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        if let Some(location) = location.filter(|_| matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)) {
            let Ok(next) = at.join(location) else {
                return for_good(format!("it leads to {}, which is no address", outcome::excerpt(location.as_bytes())));
            };
            if at.scheme() == "https" && next.scheme() != "https" {
                return for_good("it leads from https to where anybody may change it".to_owned());
            }
            at = next;
            continue;
        }
        return match *status {
            StatusCode::OK if !whole && start.len() <= how.largest.get() => {
                Err(NoFile::NotNow("not all of it came".to_owned()))
            }
            StatusCode::OK => judge(start, how),
            StatusCode::NOT_FOUND | StatusCode::GONE => for_good(format!("its server answers {status}")),
            other => Err(NoFile::NotNow(format!("its server answers {other}"))),
        };
    }
    for_good(format!("it leads on for more than {MOST_REDIRECTS} times"))
}

fn judge(bytes: &Bytes, how: &MediaStore) -> Result<(Bytes, MediaType), NoFile> {
    if bytes.len() > how.largest.get() {
        return Err(NoFile::ForGood(format!("it is larger than {}", how.largest)));
    }
    match recognised(bytes) {
        Some(kind) if how.types.contains(&kind) => Ok((bytes.clone(), kind)),
        Some(kind) => Err(NoFile::ForGood(format!("it is {}, which is not taken", kind.as_str()))),
        None => Err(NoFile::ForGood("its bytes are no whole picture, or of no type that is taken".to_owned())),
    }
}

async fn ask(at: &Url, how: &MediaStore, network: &Arc<Network>) -> Result<Answer, NoFile> {
    let for_good = |why: &dyn std::fmt::Display| NoFile::ForGood(why.to_string());
    permitted(at, &how.allow_addresses, network)?;
    let address = Address::parse(at.as_str()).map_err(|why| for_good(&why))?;
    // The bound of the whole comes first, and says what it is.
    let timeouts = Timeouts { connect: PATIENCE, write: PATIENCE, answer: how.timeout.get() + PATIENCE };
    // One byte more, to see that it is too large.
    let limit = how.largest.get().saturating_add(1);
    let settings = Settings { allow_addresses: &how.allow_addresses, ..Settings::plain(timeouts, limit, network) };
    let client = Client::new(&address, &settings).map_err(|why| for_good(&why))?;
    let request = |body| {
        Request::get(address.path())
            .header(header::HOST, address.authority())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "image/*, */*;q=0.5")
            .body(body)
            .map_err(|why| why.to_string())
    };
    client.send(&Bytes::new(), request).await.map_err(|failed| match failed {
        Failed::NotConnected(why) | Failed::Unknown(why) => NoFile::NotNow(why),
        Failed::Impossible(why) => NoFile::ForGood(why),
    })
}

/// Whether a literal address may be connected to. The connection's own rule says the same, and as trouble of the moment,
/// since a name may lead elsewhere tomorrow; an address in an article leads there for good.
fn permitted(at: &Url, allowed: &[AddressBlock], network: &Network) -> Result<(), NoFile> {
    let address: IpAddr = match at.host() {
        Some(Host::Ipv4(four)) => four.into(),
        Some(Host::Ipv6(six)) => six.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    let allowed = network.allow_addresses.iter().chain(allowed);
    reachable(address, allowed).map_err(|why| NoFile::ForGood(format!("it is not asked for: {why}")))
}
