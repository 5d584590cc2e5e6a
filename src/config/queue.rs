//! A partner's AMQP broker.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::pattern::Pattern;
use super::{AddressBlock, ClientCertificate, NameField, NameFields, Pin, Proxy, SecretRef, Span};

/// Messages to an exchange by AMQP 0-9-1, as RabbitMQ speaks it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpPush {
    /// `amqps://host:5671/vhost`, or `amqp://…` inside a network that is trusted; without user and password, which stand in
    /// keys of their own. Without a path it is the virtual host `/`.
    pub url: String,
    /// Who the daemon is to the broker. Left out: what its certificate says, or `guest`, whom brokers take from their own
    /// machine only.
    #[serde(default)]
    pub user: Option<String>,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The exchange that messages are published to. The broker's operator makes it; an empty one is the broker's own, whose
    /// routing keys are the names of queues.
    pub exchange: String,
    /// Default: `{{ wire }}.{{ action }}`.
    #[serde(default)]
    pub routing_key: RoutingKey,
    /// A broker that is silent for twice this long is taken for dead. Default: `10s`.
    #[serde(default = "heartbeat")]
    pub heartbeat: Span,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who the daemon is to a broker that asks for a certificate (mutual TLS).
    #[serde(default)]
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// The public keys that the broker may have, besides a certificate that is good: `["sha256/…"]`, as in RFC 7469.
    #[serde(default)]
    pub pin: Vec<Pin>,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Whether the partner is told the trace that a message belongs to, in the headers `traceparent` and `tracestate`, where
    /// there is one. Default: `false`.
    #[serde(default)]
    pub trace_context: bool,
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// To resolve the name, connect, agree on TLS and be let in. Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// To hand over the whole message. Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// Until the broker confirms it. Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
}

impl AmqpPush {
    /// Its address with the scheme of HTTP, which whoever looks at hosts and at TLS knows.
    pub fn as_http(&self) -> String {
        self.url.replacen("amqp", "http", 1)
    }
}

/// The routing key of a message: words with dots between them, made of a text with fields in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingKey(Pattern);

const ROUTING_KEY: &str = "{{ wire }}.{{ action }}";

impl RoutingKey {
    /// What AMQP's short strings carry, in bytes.
    const LONGEST: usize = 255;

    /// # Errors
    /// What is wrong with it, and how to mend it.
    pub fn parse(source: &str) -> Result<Self, String> {
        let key = Self(Pattern::parse(source)?);
        key.fill(&NameFields::of(&"urn:example:20261124:sample".parse()?))?;
        Ok(key)
    }

    /// The key of one version of a story. What an article says stands in it as a file's name has it, so that no article
    /// adds a word.
    ///
    /// # Errors
    /// When the template fails, or what comes of it is too long.
    pub fn fill(&self, fields: &NameFields) -> Result<String, String> {
        let filled = self.0.fill("routing key", fields.values())?;
        match filled.len() {
            0..=Self::LONGEST => Ok(filled),
            length => Err(format!(
                "{:?} makes a routing key of {length} bytes; AMQP carries no more than {}",
                self.0.as_str(),
                Self::LONGEST
            )),
        }
    }
}

impl Default for RoutingKey {
    fn default() -> Self {
        // A test holds that it is one.
        Self::parse(ROUTING_KEY).unwrap_or_else(|why| unreachable!("{ROUTING_KEY}: {why}"))
    }
}

impl fmt::Display for RoutingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for RoutingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for RoutingKey {
    fn schema_name() -> Cow<'static, str> {
        "RoutingKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = NameField::ALL.iter().map(|field| format!("`{}`", field.as_str())).collect();
        let description = format!("A routing key; `{{{{ wire }}}}` stands for a field: {}.", names.join(", "));
        schemars::json_schema!({ "type": "string", "description": description })
    }
}

fn heartbeat() -> Span {
    Span::from_secs(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_that_is_too_long_or_none_is_told() {
        let error = |source: &str| RoutingKey::parse(source).unwrap_err();
        insta::assert_snapshot!(error("{{ wire }}.{{ sektion }}"), @r#"unknown field "sektion" in "{{ wire }}.{{ sektion }}"; did you mean "section"?"#);
        assert!(error(&"x".repeat(256)).contains("makes a routing key of 256 bytes"));
    }

    proptest! {
        /// Whatever an article says, its key has as many words as the pattern.
        #[test]
        fn no_article_adds_a_word(text in any::<String>()) {
            let fields = NameFields::of(&"urn:a:b".parse().unwrap());
            let fields = [NameField::Section, NameField::Action, NameField::Wire].into_iter().fold(fields, |fields, field| fields.with(field, &text));
            let key = RoutingKey::parse("{{ wire }}.{{ section }}.{{ action }}").unwrap().fill(&fields).unwrap();
            prop_assert_eq!(key.split('.').count(), 3);
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)), "{}", key);
        }
    }
}
