//! Where connections may lead: to the Internet, and of everything else to what the configuration names.
//!
//! Partners, pages and name servers decide where a request of ours goes. Without a bound one of them could send it to
//! what only this machine's network is to reach: a database beside us, the port of an orchestrator, a cloud's metadata
//! service. So an address of a special purpose is refused unless somebody wrote it down here (`allow_addresses`).
//!
//! What is special is IANA's to say: its registries of IPv4 and IPv6 special-purpose addresses (RFC 6890), and for IPv6
//! everything outside of 2000::/3, of which nothing is given to anybody yet. An IPv6 address that stands for an IPv4
//! address is as special as that one.
//!
//! This knows neither names nor sockets: what a name leads to is looked at where connections are opened.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// Addresses that connections may lead to though they are special: one, `127.0.0.1`, or a block, `10.1.2.0/24`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressBlock(IpNet);

impl AddressBlock {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for AddressBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "write for example \"10.1.2.0/24\", or \"127.0.0.1\" for one";
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let block: IpNet = text.parse().map_err(|_| format!("{text:?} is not a block of addresses; {mend}"))?;
        if block != block.trunc() {
            return Err(format!("{text:?} has more bits than its length says; write \"{}\"", block.trunc()));
        }
        if let IpNet::V6(six) = block
            && six.addr().to_ipv4_mapped().is_some()
        {
            return Err(format!("{text:?} is of IPv4 addresses in the form of IPv6; write them in their own, {mend}"));
        }
        Ok(Self(block))
    }
}

impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl fmt::Debug for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for AddressBlock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for AddressBlock {
    fn schema_name() -> Cow<'static, str> {
        "AddressBlock".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$",
            "description": "an address such as \"127.0.0.1\", or a block of them such as \"10.1.2.0/24\"",
        })
    }
}

/// Looks whether connections may lead to `address`, of which `allowed` is what the configuration names.
///
/// # Errors
/// When it is special and not named.
pub fn reachable<'a>(address: IpAddr, allowed: impl IntoIterator<Item = &'a AddressBlock>) -> Result<(), Unreachable> {
    match special(address) {
        Some(purpose) if !allowed.into_iter().any(|block| block.contains(address)) => {
            Err(Unreachable { address: address.to_canonical(), purpose })
        }
        Some(_) | None => Ok(()),
    }
}

/// An address that connections do not lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {purpose}")]
pub struct Unreachable {
    address: IpAddr,
    purpose: Purpose,
}

impl Unreachable {
    /// The line that allows all of these.
    pub fn line(all: &[Self]) -> String {
        let addresses: Vec<String> = all.iter().map(|one| format!("\"{}\"", one.address)).collect();
        format!("allow_addresses = [{}]", addresses.join(", "))
    }
}

/// What an address is for, if it is not one of the Internet's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Purpose {
    what: &'static str,
    /// The IPv4 address of that purpose, where one of IPv6 stands for it.
    stands_for: Option<Ipv4Addr>,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stands_for {
            Some(four) => write!(f, "another form of {four}, {}", self.what),
            None => f.write_str(self.what),
        }
    }
}

/// IANA's registry of IPv4 special-purpose addresses, and multicast. What of it is of the Internet all the same (the
/// AS112 servers of RFC 7534 and 7535, AMT of RFC 7450) is left out. The first that fits holds.
const SPECIAL_FOUR: [(Ipv4Net, &str); 16] = [
    (four([0, 0, 0, 0], 8), "an address of this machine itself (RFC 791)"),
    (four([10, 0, 0, 0], 8), "a private address (RFC 1918)"),
    (four([100, 64, 0, 0], 10), "an address behind a carrier's NAT (RFC 6598)"),
    (four([127, 0, 0, 0], 8), "a loopback address (RFC 1122)"),
    (four([169, 254, 0, 0], 16), "a link-local address (RFC 3927)"),
    (four([172, 16, 0, 0], 12), "a private address (RFC 1918)"),
    (four([192, 0, 0, 0], 24), "an address for protocols (RFC 6890)"),
    (four([192, 0, 2, 0], 24), "an address for documentation (RFC 5737)"),
    (four([192, 88, 99, 0], 24), "an address of 6to4 relays (RFC 7526)"),
    (four([192, 168, 0, 0], 16), "a private address (RFC 1918)"),
    (four([198, 18, 0, 0], 15), "an address for benchmarks (RFC 2544)"),
    (four([198, 51, 100, 0], 24), "an address for documentation (RFC 5737)"),
    (four([203, 0, 113, 0], 24), "an address for documentation (RFC 5737)"),
    (four([224, 0, 0, 0], 4), "a multicast address (RFC 5771)"),
    (four([255, 255, 255, 255], 32), "the broadcast address (RFC 919)"),
    (four([240, 0, 0, 0], 4), "a reserved address (RFC 1112)"),
];

/// The same of IPv6, and site-local addresses.
const SPECIAL_SIX: [(Ipv6Net, &str); 14] = [
    (six([0, 0, 0, 0], 128), "an address of this machine itself (RFC 4291)"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address (RFC 4291)"),
    (six([0x64, 0xff9b, 1, 0], 48), "an address of a NAT64 of this network (RFC 8215)"),
    (six([0x100, 0, 0, 0], 64), "an address of what is discarded (RFC 6666)"),
    (six([0x2001, 0, 0, 0], 32), "an address of Teredo (RFC 4380)"),
    (six([0x2001, 2, 0, 0], 48), "an address for benchmarks (RFC 5180)"),
    (six([0x2001, 0, 0, 0], 23), "an address for protocols (RFC 2928)"),
    (six([0x2001, 0xdb8, 0, 0], 32), "an address for documentation (RFC 3849)"),
    (six([0x3fff, 0, 0, 0], 20), "an address for documentation (RFC 9637)"),
    (six([0x5f00, 0, 0, 0], 16), "an address of segment routing (RFC 9602)"),
    (six([0xfc00, 0, 0, 0], 7), "a unique local address (RFC 4193)"),
    (six([0xfe80, 0, 0, 0], 10), "a link-local address (RFC 4291)"),
    (six([0xfec0, 0, 0, 0], 10), "a site-local address (RFC 3879)"),
    (six([0xff00, 0, 0, 0], 8), "a multicast address (RFC 4291)"),
];

/// All that IPv6 has given to anybody (RFC 4291 §2.4).
const GIVEN: Ipv6Net = six([0x2000, 0, 0, 0], 3);

/// The IPv4 Internet as a NAT64 shows it to those who have IPv6 alone (RFC 6052).
const NAT64: Ipv6Net = six([0x64, 0xff9b, 0, 0], 96);

/// RFC 4291 §2.5.5.1; nobody is reached there any more.
const COMPATIBLE: Ipv6Net = six([0, 0, 0, 0], 96);

/// RFC 3056.
const SIX_TO_FOUR: Ipv6Net = six([0x2002, 0, 0, 0], 16);

const fn four([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn six([a, b, c, d]: [u16; 4], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

fn special(address: IpAddr) -> Option<Purpose> {
    match address.to_canonical() {
        IpAddr::V4(four) => special_four(four).map(|what| Purpose { what, stands_for: None }),
        IpAddr::V6(six) => {
            let stood_for = stands_for(six).and_then(|four| Some((four, special_four(four)?)));
            match stood_for {
                Some((four, what)) => Some(Purpose { what, stands_for: Some(four) }),
                None => special_six(six).map(|what| Purpose { what, stands_for: None }),
            }
        }
    }
}

fn special_four(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_FOUR.iter().find(|(block, _)| block.contains(&address)).map(|(_, what)| *what)
}

fn special_six(address: Ipv6Addr) -> Option<&'static str> {
    let listed = SPECIAL_SIX.iter().find(|(block, _)| block.contains(&address)).map(|(_, what)| *what);
    let given = GIVEN.contains(&address) || NAT64.contains(&address);
    listed.or((!given).then_some("a reserved address (RFC 4291)"))
}

/// The IPv4 address that a packet to `address` ends up at. One of Teredo holds two, and is refused as such.
fn stands_for(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, a, b, _, _, _, c, d] = address.segments();
    let of = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    if SIX_TO_FOUR.contains(&address) {
        of(a, b)
    } else if NAT64.contains(&address) || (COMPATIBLE.contains(&address) && u128::from(address) > 1) {
        of(c, d)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
