//! Traces for an OpenTelemetry collector.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{AddressBlock, Proxy, SecretRef, Span};

/// Where traces are told: `[traces]`. Left out: nowhere, and none are made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// Where the collector takes OTLP by HTTP, whole: `https://collector.example:4318/v1/traces`.
    pub url: String,
    /// More headers, the same for every request. Credentials belong into `secret_headers`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets: `{ x-api-key = "credential:collector-key" }`.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretRef>,
    /// A file of PEM certificates to trust for the collector, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Addresses that are not of the Internet, where the collector may be: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to the collector leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// How many of the traces that begin here are told, from 0 to 1. One that an article brings with it is told where it
    /// says so itself. Default: `1.0`.
    #[serde(default)]
    pub ratio: Ratio,
    /// What the program is called in traces (`service.name`). Default: `newswired`.
    #[serde(default = "service")]
    pub service: String,
    /// Spans that wait for the collector at most; what comes beyond them is dropped. Default: `8192`.
    #[serde(default = "queue")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub queue: u32,
    /// Spans in one request at most. Default: `512`.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 10_000))]
    pub batch: u32,
    /// How long a span waits for others to go with it. Default: `1s`.
    #[serde(default = "delay")]
    pub delay: Span,
    /// For a whole request, from connecting to the answer's end. Default: `10s`.
    #[serde(default = "timeout")]
    pub timeout: Span,
}

/// A part of all: from 0, none, to 1, all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio(f64);

impl Ratio {
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self(1.0)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Part;
        impl Visitor<'_> for Part {
            type Value = Ratio;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 0 to 1")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Ratio, E> {
                let part = Some(Ratio(number)).filter(|_| (0.0..=1.0).contains(&number));
                part.ok_or_else(|| E::custom(format!("{number} is no part of all; write a number from 0 to 1")))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Ratio, E> {
                self.visit_f64(number as f64)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Ratio, E> {
                self.visit_f64(number as f64)
            }
        }
        from.deserialize_any(Part)
    }
}

impl JsonSchema for Ratio {
    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

fn service() -> String {
    "newswired".to_owned()
}

fn queue() -> u32 {
    8192
}

fn batch() -> u32 {
    512
}

fn delay() -> Span {
    Span::from_secs(1)
}

fn timeout() -> Span {
    Span::from_secs(10)
}
