//! Where an answer may lead a push: to hosts that the configuration names, by 307 and 308, which keep the method and the
//! body (RFC 9110 §15.4.8, §15.4.9). Anything else is the door's trouble, and says what an operator does about it.

use std::collections::BTreeSet;

use http::{HeaderMap, StatusCode, Uri, header};
use url::{Position, Url};

use crate::transport::client::{Address, Client, Settings};
use crate::transport::{DoorError, outcome};

/// How often one push is led on. Each time is a request of its own, and an interface moves once.
pub const MOST: usize = 3;

/// The hosts that answers may lead to.
pub struct Redirects {
    hosts: Box<[Elsewhere]>,
}

/// Another host than the door's own, or that one.
pub struct Elsewhere {
    pub address: Address,
    /// `None`: the door's own host, with the door's connections and credentials.
    pub client: Option<Client>,
}

/// Where a push goes next.
pub struct Next<'a> {
    pub to: &'a Elsewhere,
    pub uri: Uri,
}

impl Redirects {
    /// `own` is the door's address. Others are spoken to as it is: with TLS, or without.
    pub fn new(hosts: &BTreeSet<String>, own: &Address, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let scheme = if own.tls { "https" } else { "http" };
        let elsewhere = hosts.iter().map(|host| {
            let address = Address::parse(&format!("{scheme}://{host}/"))?;
            let client = if address.authority() == own.authority() {
                None
            } else {
                Some(Client::new(&address, &settings.elsewhere())?)
            };
            Ok(Elsewhere { address, client })
        });
        elsewhere.collect::<Result<_, DoorError>>().map(|hosts| Self { hosts })
    }

    /// Where an answer of `from`, for `uri`, leads to; nothing where it leads nowhere.
    ///
    /// # Errors
    /// Why it is not followed, and what to do.
    pub fn next(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        from: &Address,
        uri: &Uri,
        followed: usize,
    ) -> Result<Option<Next<'_>>, String> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()) else {
            return Ok(None);
        };
        let scheme = if from.tls { "https" } else { "http" };
        let base = Url::parse(&format!("{scheme}://{}{uri}", from.authority()));
        let Ok(url) = base.and_then(|base| base.join(location)) else {
            return Err(format!("it leads to {}, which is no address", outcome::excerpt(location.as_bytes())));
        };
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        // Without its user and its query, which may hold secrets.
        let shown = format!("{}://{authority}{}", url.scheme(), url.path());
        let shown = outcome::excerpt(shown.as_bytes());
        if !matches!(status.as_u16(), 307 | 308) {
            return Err(format!(
                "it leads to {shown}, but by a status that turns a push into a question; if that is the right address, \
                 write it as url"
            ));
        }
        if url.scheme() != scheme {
            return Err(format!("it leads to {shown}, from {scheme} to {}, which is not followed", url.scheme()));
        }
        let Some(to) = self.hosts.iter().find(|host| host.address.authority() == authority) else {
            return Err(format!("it leads to {shown}; write that address as url, or add {authority:?} to redirects"));
        };
        if followed == MOST {
            return Err(format!("it leads to {shown}, after {MOST} others; write the right address as url"));
        }
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let uri = target.parse().map_err(|why| format!("it leads to {shown}, which cannot be asked for: {why}"))?;
        Ok(Some(Next { to, uri }))
    }
}
