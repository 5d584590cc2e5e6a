//! The one place where this program opens a connection to what others name: partners, their pages, their name servers'
//! answers.
//!
//! An address is looked at when it is about to be connected to, after its name was resolved and for every connection
//! anew: what a name server says next does not get round it. Only an address that was found good becomes a [`Permitted`],
//! and [`race`] takes nothing else. Clippy refuses `TcpStream::connect` elsewhere in the library.
//!
//! It costs nothing while connections are used; what is good is [`reachable`]'s to say.

mod look;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::proxy::{Proxy, Target};
use super::{Network, race};
use crate::config::{AddressBlock, Unreachable, Way, reachable};
use crate::transport::DoorError;

/// How many of a host's addresses a proxy is asked for.
const MOST_BY_PROXY: usize = 3;

/// Opens connections to one host.
pub struct Dialer {
    host: Host,
    port: u16,
    /// What the destination names, besides what the network's configuration does.
    allow_addresses: Box<[AddressBlock]>,
    proxy: Option<Arc<Proxy>>,
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
        proxy: Option<Arc<Proxy>>,
        network: &Arc<Network>,
        patience: Duration,
    ) -> Self {
        let host = match host.parse() {
            Ok(literal) => Host::Address([literal]),
            Err(_) => Host::Name(host.to_owned()),
        };
        Self { host, port, allow_addresses: allow_addresses.into(), proxy, network: Arc::clone(network), patience }
    }

    /// For protocols other than HTTP. `host` may be an address of IPv6 in brackets.
    ///
    /// # Errors
    /// When the proxy's password cannot be read.
    pub fn of(
        host: &str,
        port: u16,
        way: &Way<'_>,
        patience: Duration,
        network: &Arc<Network>,
    ) -> Result<Self, DoorError> {
        let proxy = network.proxy_for(way.proxy)?;
        Ok(Self::new(host.trim_matches(['[', ']']), port, way.allow_addresses, proxy, network, patience))
    }

    /// One for an address that the host itself names, by the same rules.
    #[cfg(feature = "ftp")]
    pub fn to(&self, address: std::net::SocketAddr) -> Self {
        Self {
            host: Host::Address([address.ip()]),
            port: address.port(),
            allow_addresses: self.allow_addresses.clone(),
            proxy: self.proxy.clone(),
            network: Arc::clone(&self.network),
            patience: self.patience,
        }
    }

    /// [`Self::dial`], in turn with all others.
    ///
    /// # Errors
    /// In a sentence: nothing was sent yet, so the caller needs no more than that.
    pub async fn connect(&self) -> Result<TcpStream, String> {
        self.network.turns.take(|| self.dial()).await
    }

    /// # Errors
    /// In a sentence for the operator: why there is no connection.
    async fn dial(&self) -> Result<TcpStream, String> {
        if let (Host::Name(name), Some(proxy)) = (&self.host, self.proxy.as_ref().filter(|proxy| proxy.resolves_names))
        {
            return self.through(proxy, Target::Name(name)).await;
        }
        let named;
        let addresses: &[IpAddr] = match &self.host {
            Host::Address(literal) => literal,
            Host::Name(name) => {
                named = self.network.names.addresses(name).await.map_err(|why| why.to_string())?;
                &named
            }
        };
        let permitted = self.permitted(addresses)?;
        match &self.proxy {
            Some(proxy) => self.in_turn(proxy, &permitted).await,
            None => race::connect(&permitted, self.port, self.patience)
                .await
                .map_err(|why| format!("cannot connect to {}: {why}", self.name())),
        }
    }

    /// One address after the other, each for its part of the time: a proxy tells only in the end whether it got there.
    async fn in_turn(&self, proxy: &Proxy, permitted: &[Permitted]) -> Result<TcpStream, String> {
        let tried = &permitted[..permitted.len().min(MOST_BY_PROXY)];
        // Together a little less than the caller waits, so that it hears who it was.
        let share = self.patience * 9 / 10 / u32::try_from(tried.len()).unwrap_or(1).max(1);
        let mut failed = Vec::new();
        for address in tried {
            match timeout(share, self.through(proxy, Target::Address(*address))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(why)) => failed.push(why),
                Err(_) => failed.push(format!("the proxy {proxy} gave no answer within {share:?}")),
            }
        }
        Err(failed.join("; "))
    }

    async fn through(&self, proxy: &Proxy, target: Target<'_>) -> Result<TcpStream, String> {
        let addresses = match proxy.host.parse::<IpAddr>() {
            Ok(literal) => [literal].into(),
            Err(_) => self.network.names.addresses(&proxy.host).await.map_err(|why| why.to_string())?,
        };
        // The operator says where it is, and that it is to be used: that is its permission.
        let permitted: Vec<Permitted> = addresses.iter().map(|address| Permitted(*address)).collect();
        let stream = race::connect(&permitted, proxy.port, self.patience)
            .await
            .map_err(|why| format!("cannot connect to the proxy {proxy}: {why}"))?;
        proxy.pass(stream, target, self.port).await
    }

    /// Those of `addresses` that the connection may lead to, of which there is one at least.
    fn permitted(&self, addresses: &[IpAddr]) -> Result<Vec<Permitted>, String> {
        let (permitted, refused) = self.sifted(addresses);
        if refused.is_empty() || !permitted.is_empty() {
            return Ok(permitted);
        }
        let place = match &self.host {
            Host::Address(_) => String::new(),
            Host::Name(name) => format!(" to {name}"),
        };
        Err(format!("no connection{place}: {}; {}", list(&refused), allow(&refused)))
    }

    /// Those of `addresses` that the connection may lead to, and the others.
    fn sifted(&self, addresses: &[IpAddr]) -> (Vec<Permitted>, Vec<Unreachable>) {
        let (mut permitted, mut refused) = (Vec::with_capacity(addresses.len()), Vec::new());
        for address in addresses {
            let allowed = self.network.allow_addresses.iter().chain(&self.allow_addresses);
            match reachable(*address, allowed) {
                // The kernel connects to the IPv4 address that a mapped one holds.
                Ok(()) => permitted.push(Permitted(address.to_canonical())),
                Err(why) => refused.push(why),
            }
        }
        (permitted, refused)
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

fn list(refused: &[Unreachable]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What an operator does about addresses that are refused.
fn allow(refused: &[Unreachable]) -> String {
    let line = Unreachable::line(refused);
    format!("if that is meant, add {line} to this destination, or to [delivery] for all")
}
