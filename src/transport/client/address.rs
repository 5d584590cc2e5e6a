//! An endpoint's address, taken apart once.

use url::Url;

use crate::transport::DoorError;

/// Where an endpoint is.
#[derive(Debug, Clone)]
pub struct Address {
    pub tls: bool,
    /// Without the brackets of an IPv6 literal.
    pub host: Box<str>,
    pub port: u16,
    authority: Box<str>,
    path: Box<str>,
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, DoorError> {
        let wrong = |why: &str| DoorError::Setting(format!("the url {text:?} cannot be used: {why}"));
        let url = Url::parse(text).map_err(|why| wrong(&why.to_string()))?;
        let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| wrong("it must begin with https:// or http://"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let (tls, host) = (url.scheme() == "https", host.trim_matches(['[', ']']).into());
        Ok(Self { tls, host, port, authority: authority.into(), path: path.into() })
    }

    /// What stands in `host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path and the query.
    pub fn path(&self) -> &str {
        &self.path
    }
}
