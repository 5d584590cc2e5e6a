//! What holds for every destination that does not say otherwise.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AddressBlock, Backoff, Proxy, Size, Span};

/// What holds for every destination that does not say otherwise.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// The most requests under way at once for one destination; how many, is found from its answers.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: u16,
    /// Connections at once, of all destinations together; at least one for each. Left out: what the limit of open files
    /// leaves room for.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<u32>,
    /// Addresses that are not of the Internet, to which every destination may lead all the same: `["10.1.2.0/24"]`.
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections leave: `"none"`, `"http://host:port"` or `"socks5://host:port"`.
    pub proxy: Proxy,
    /// The age after which a connection takes no further request; up to a quarter less, so that not all of them are made
    /// anew at the same time.
    pub connection_max_age: Span,
    /// To resolve the name, connect, and agree on TLS.
    pub connect_timeout: Span,
    /// To hand the whole request to the network.
    pub write_timeout: Span,
    /// From the request's last byte to the answer's.
    pub answer_timeout: Span,
    /// Times between tries at a door in trouble.
    pub backoff: Backoff,
    /// The longest `Retry-After` of a partner that is honoured.
    pub retry_after_limit: Span,
    /// The age after which a delivery is given up and set aside for an operator.
    pub give_up_after: Span,
    /// How long a stop waits for requests under way.
    pub drain: Span,
    /// Memory for finished documents, shared by all destinations.
    pub rendition_cache: Size,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            concurrency: 4,
            connections: None,
            allow_addresses: Vec::new(),
            proxy: Proxy::None,
            connection_max_age: Span::from_secs(300),
            connect_timeout: Span::from_secs(10),
            write_timeout: Span::from_secs(30),
            answer_timeout: Span::from_secs(30),
            backoff: Backoff::default(),
            retry_after_limit: Span::from_secs(3_600),
            give_up_after: Span::from_secs(3 * 86_400),
            drain: Span::from_secs(20),
            rendition_cache: Size::from_mib(64),
        }
    }
}
