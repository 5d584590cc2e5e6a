//! The proxy through which connections leave, where the operator's network has one.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::SecretRef;

/// How connections leave: by themselves (`"none"`), or through a proxy, whose address may stand alone
/// (`"http://proxy:3128"`) or with more (`{ url = "socks5://proxy:1080", user = …, password = … }`).
#[derive(Debug, Clone, Default)]
pub enum Proxy {
    #[default]
    None,
    Server(Box<ProxyServer>),
}

/// A proxy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyServer {
    /// `http://host:port`, which is asked to `CONNECT`, or `socks5://host:port`.
    pub url: ProxyUrl,
    /// Who we are there; goes with `password`.
    #[serde(default)]
    pub user: Option<String>,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Whether the proxy is told names, and finds out itself where they lead. Then it is the proxy that has to keep them
    /// from leading into a network of yours. Default: `false`, it is told addresses that were looked at here.
    #[serde(default)]
    pub resolves_names: bool,
}

/// Where a proxy is, and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    pub speaks: ProxyProtocol,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// `CONNECT` (RFC 9110 §9.3.6).
    Http,
    /// RFC 1928.
    Socks5,
}

impl FromStr for ProxyUrl {
    type Err = String;

    /// The text is not repeated in errors: it may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "write \"http://host:port\" or \"socks5://host:port\"";
        let url = Url::parse(text).map_err(|why| format!("not a proxy's address ({why}); {mend}"))?;
        let speaks = match url.scheme() {
            "http" => ProxyProtocol::Http,
            "socks5" => ProxyProtocol::Socks5,
            other => return Err(format!("a proxy's address with the scheme {other:?}; {mend}")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the address holds a user or a password; write proxy = { url = …, user = …, password = … }".into()
            );
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| format!("a proxy's address without a host; {mend}"))?;
        let port = url.port().unwrap_or(match speaks {
            ProxyProtocol::Http => 80,
            ProxyProtocol::Socks5 => 1080,
        });
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("a proxy's address with more than a host and a port; {mend}"));
        }
        Ok(Self { speaks, host: host.trim_matches(['[', ']']).to_owned(), port })
    }
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ProxyUrl {
    fn schema_name() -> Cow<'static, str> {
        "ProxyUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(http|socks5)://[^/@]+/?$",
            "description": "\"http://host:port\" or \"socks5://host:port\"",
        })
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Proxy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"none\", \"http://host:port\" or \"socks5://host:port\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Proxy, E> {
                if text == "none" {
                    return Ok(Proxy::None);
                }
                let url = text.parse().map_err(E::custom)?;
                Ok(Proxy::Server(Box::new(ProxyServer { url, user: None, password: None, resolves_names: false })))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Proxy, A::Error> {
                ProxyServer::deserialize(MapAccessDeserializer::new(map)).map(|server| Proxy::Server(Box::new(server)))
            }
        }
        from.deserialize_any(Any)
    }
}

impl JsonSchema for Proxy {
    fn schema_name() -> Cow<'static, str> {
        "Proxy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = ProxyUrl::json_schema(generator);
        let server = generator.subschema_for::<ProxyServer>();
        json_schema!({ "anyOf": [{ "const": "none", "type": "string", "description": "By themselves." }, url, server] })
    }
}
