//! The one place where this program opens a connection to what others name: partners, their pages, their name servers'
//! answers.
//!
//! An address is looked at when it is about to be connected to, after its name was resolved and for every connection
//! anew: what a name server says next does not get round it. Only an address that was found good becomes a [`Permitted`],
//! and [`race`] takes nothing else. Clippy refuses `TcpStream::connect` elsewhere in the library.
//!
//! It costs nothing while connections are used; what is good is [`reachable`]'s to say.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::{Network, race};
use crate::config::{AddressBlock, Unreachable, reachable};

/// Opens connections to one host.
pub struct Dialer {
    host: Host,
    port: u16,
    /// What the destination names, besides what the network's configuration does.
    allow_addresses: Box<[AddressBlock]>,
    pub network: Arc<Network>,
    patience: Duration,
}

enum Host {
    /// A literal address, which no resolver is asked for.
    Address([IpAddr; 1]),
    Name(String),
}

/// An address that a connection may lead to.
#[derive(Debug, Clone, Copy)]
pub struct Permitted(IpAddr);

impl Permitted {
    pub fn address(self) -> IpAddr {
        self.0
    }

    #[cfg(test)]
    pub fn in_test(text: &str) -> Self {
        Self(text.parse().unwrap())
    }
}

impl Dialer {
    /// `patience` is the time that the caller gives a connection.
    pub fn new(
        host: &str,
        port: u16,
        allow_addresses: &[AddressBlock],
        network: &Arc<Network>,
        patience: Duration,
    ) -> Self {
        let host = match host.parse() {
            Ok(literal) => Host::Address([literal]),
            Err(_) => Host::Name(host.to_owned()),
        };
        Self { host, port, allow_addresses: allow_addresses.into(), network: Arc::clone(network), patience }
    }

    /// # Errors
    /// In a sentence for the operator: why there is no connection.
    pub async fn dial(&self) -> Result<TcpStream, String> {
        let named;
        let addresses: &[IpAddr] = match &self.host {
            Host::Address(literal) => literal,
            Host::Name(name) => {
                named = self.network.names.addresses(name).await.map_err(|why| why.to_string())?;
                &named
            }
        };
        let permitted = self.permitted(addresses)?;
        race::connect(&permitted, self.port, self.patience)
            .await
            .map_err(|why| format!("cannot connect to {}: {why}", self.name()))
    }

    /// Those of `addresses` that the connection may lead to, of which there is one at least.
    fn permitted(&self, addresses: &[IpAddr]) -> Result<Vec<Permitted>, String> {
        let (mut permitted, mut refused) = (Vec::with_capacity(addresses.len()), Vec::new());
        for address in addresses {
            let allowed = self.network.allow_addresses.iter().chain(&self.allow_addresses);
            match reachable(*address, allowed) {
                // The kernel connects to the IPv4 address that a mapped one holds.
                Ok(()) => permitted.push(Permitted(address.to_canonical())),
                Err(why) => refused.push(why),
            }
        }
        if refused.is_empty() || !permitted.is_empty() {
            return Ok(permitted);
        }
        let place = match &self.host {
            Host::Address(_) => String::new(),
            Host::Name(name) => format!(" to {name}"),
        };
        let all = refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let line = Unreachable::line(&refused);
        Err(format!(
            "no connection{place}: {all}; if that is meant, add {line} to this destination, or to [delivery] for all"
        ))
    }

    /// Why a literal address is not connected to.
    #[cfg(test)]
    pub fn refusal(&self) -> Option<String> {
        match &self.host {
            Host::Address(literal) => self.permitted(literal).err(),
            Host::Name(_) => None,
        }
    }

    /// As errors name it.
    pub fn name(&self) -> String {
        match &self.host {
            Host::Address([literal]) => literal.to_string(),
            Host::Name(name) => name.clone(),
        }
    }
}
