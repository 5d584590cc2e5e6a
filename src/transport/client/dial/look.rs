//! A look at the way to a host: what its name leads to, and whether a connection comes about. The way is the one that
//! deliveries go, with the same rules about addresses and the same proxy.

use std::io::ErrorKind;
use std::net::IpAddr;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::proxy::Proxy;
use super::super::race;
use super::{Dialer, Host, Permitted, allow, list};
use crate::transport::knock::{Finding, Looked, Part, Steps};

impl Dialer {
    /// A connection, and the steps to it.
    pub async fn look(&self, steps: &mut Steps) -> Option<TcpStream> {
        let permitted = match (&self.host, &self.proxy) {
            (Host::Name(name), Some(proxy)) if proxy.resolves_names => {
                steps.note(Part::Name, Finding::well(format!("the proxy {proxy} is told {name}")));
                Vec::new()
            }
            (Host::Name(name), _) => steps.look(Part::Name, self.look_up(name)).await?,
            (Host::Address(literal), _) => match self.sifted(literal) {
                (permitted, refused) if refused.is_empty() => permitted,
                (_, refused) => {
                    steps.note(Part::Connection, Finding::trouble(list(&refused), allow(&refused)));
                    return None;
                }
            },
        };
        steps.look(Part::Connection, self.reach(&permitted)).await
    }

    async fn look_up(&self, name: &str) -> Looked<Vec<Permitted>> {
        let addresses = self.network.names.addresses(name).await.map_err(|why| {
            let mend = "check the spelling of the host's name with the partner, and whether this machine can ask for names \
                        (resolvectl query NAME)";
            Finding::trouble(why.to_string(), mend)
        })?;
        let told = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        let found = format!("{name} is {told}");
        let (permitted, refused) = self.sifted(&addresses);
        if refused.is_empty() {
            return Ok((Finding::well(found), permitted));
        }
        let found = format!("{found}; connections do not lead there: {}", list(&refused));
        if permitted.is_empty() {
            return Err(Finding::trouble(found, allow(&refused)));
        }
        Ok((Finding::remark(found, allow(&refused)), permitted))
    }

    async fn reach(&self, permitted: &[Permitted]) -> Looked<TcpStream> {
        match &self.proxy {
            None => self.reach_directly(permitted).await,
            Some(proxy) => self.reach_through(proxy).await,
        }
    }

    async fn reach_directly(&self, permitted: &[Permitted]) -> Looked<TcpStream> {
        let stream = race::connect(permitted, self.port, self.patience).await.map_err(|why| {
            let mend = match why.kind() {
                Some(ErrorKind::ConnectionRefused) => {
                    "nothing takes connections there: ask the partner whether its server runs, whether this is the port, \
                     and whether a firewall turns this machine away"
                }
                Some(ErrorKind::TimedOut) => {
                    "something on the way drops it: ask the partner whether its firewall lets this machine's address in, \
                     and look at our own"
                }
                Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
                    "there is no way there from this machine: look at its network (ip route get ADDRESS), or set proxy"
                }
                Some(_) | None => "ask the partner whether its server runs, and look at this machine's network",
            };
            Finding::trouble(why.to_string(), mend)
        })?;
        let to = stream.peer_addr().map_or_else(|_| self.name(), |address| address.to_string());
        Ok((Finding::well(format!("to {to}")), stream))
    }

    async fn reach_through(&self, proxy: &Proxy) -> Looked<TcpStream> {
        // As a delivery does it, the choice among the addresses too.
        let late = || format!("the proxy {proxy} gave no answer within {:?}", self.patience);
        let dialled = timeout(self.patience, self.dial()).await.unwrap_or_else(|_| Err(late()));
        let stream = dialled.map_err(|why| {
            Finding::trouble(why, "ask who runs the proxy, or set proxy of this destination (\"none\" goes without)")
        })?;
        Ok((Finding::well(format!("through the proxy {proxy} to {}:{}", self.name(), self.port)), stream))
    }
}
