//! The configuration: typed, documented where it is defined, checked whole before anything starts.
//!
//! Layers, later ones winning: the built-in defaults below < `newswired.toml` < `partners.d/*.toml` (one partner a
//! file, named by its id) < the environment (`NEWSWIRED__SECTION__KEY`). A [`Config`] comes only out of [`load()`],
//! which refuses unknown keys and impossible values, all of them at once, each with its place and a way to mend it.
//! The inside of the program never asks again.
//!
//! Secrets stand in it only as references ([`SecretRef`]; promise 11).

mod check;
mod country;
mod delivery;
mod difference;
mod directory;
mod document;
mod engine;
mod environment;
mod error;
mod events;
mod files;
mod ftp;
mod http;
mod intake;
mod key;
mod ledger;
mod limits;
mod line;
mod listen;
mod load;
mod mail;
mod media;
mod nitf;
mod partner;
mod pattern;
mod place;
mod policy;
mod profile;
mod proxy;
mod push;
mod push_url;
mod queue;
mod reach;
mod s3;
mod schema;
mod secret;
mod service;
mod sftp;
mod shape;
mod show;
mod signature;
mod suggest;
mod template;
mod tls;
mod traces;
mod tree;
mod units;
mod webdav;
mod wire;
mod wordpress;

pub use country::Country;
pub use delivery::Delivery;
pub use difference::{Difference, Plan, Port};
pub use directory::Directory;
pub(crate) use engine::guarded;
pub use environment::Environment;
pub use error::{ConfigError, ConfigErrors, Place};
pub use events::{EventKind, Events, Receiver};
pub use files::{FileKill, FileName, FileRules, NameField, NameFields, NamePattern, Temporary};
pub use ftp::{Ftp, FtpTls};
pub use http::{Auth, AuthStyle, Compression, HttpPush, Oauth};
pub use intake::{Amqp, HttpIntake, Intake, Spool};
pub use key::Key;
pub use ledger::Ledger;
pub use limits::{Limits, Use};
pub use line::{Field, Fields, Lacking, Line};
pub use listen::Listen;
pub use load::{Loaded, Secrets, load, load_from, load_whole, load_with};
#[cfg(feature = "mail")]
pub(crate) use mail::mailbox;
pub use mail::{Mail, MailDocument, MailTls, Subject};
pub use media::{MediaPush, MediaReference, MediaStore, MediaType, MediaWay, MissingMedia, SidecarReference, Sidecars};
pub use nitf::{NitfByline, NitfDates, NitfDialect, NitfEncoding, NitfId, NitfMeta, NitfOptions, NitfPreset};
pub use partner::{
    Backoff, BackoffChange, Destination, Door, Entitlement, Partner, PartnerId, Subscription, Versions, Way,
};
pub use policy::{Change, Changes, Edits, Element, Freedom, Link, Medium, Policy, PolicyId, Position, Role, Terms};
pub use profile::{Edition, Format, FormatName, FormatProfile};
pub use proxy::{Proxy, ProxyProtocol, ProxyServer, ProxyUrl};
pub use push::{PushMethod, PushVariant, RemoteId};
pub use push_url::{PushUrl, UrlField, UrlFields};
pub use queue::{AmqpPush, RoutingKey};
pub use reach::{AddressBlock, Unreachable, reachable};
pub use s3::S3;
pub use schema::{partner_schema, schema};
pub use secret::{Secret, SecretError, SecretRef};
pub use service::{Admin, Log, LogFormat, Reload};
pub use sftp::Sftp;
#[cfg(feature = "sftp")]
pub(crate) use sftp::{host_keys, private_key};
pub use show::{Setting, Source, show};
pub use signature::{
    BodyAlgorithm, BodyEncoding, BodyPreset, BodyScheme, BodySignature, Component, Derived, MessageAlgorithm,
    MessageParameter, MessageSignature, SigningSecret,
};
pub(crate) use suggest::closest;
pub use template::{ContentType, Markup, TemplateFile, TemplateOptions};
pub use tls::{ClientCertificate, Pin};
pub use traces::{Ratio, Traces};
pub use tree::{Packed, Tree};
pub use units::{Rate, Size, Span};
pub use webdav::WebDav;
pub use wire::{Licence, Logo, MediaRule, MediaUse, Wire};
pub use wordpress::{OnKill, PostStatus, Term, WordPress};

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::article::WireId;

/// The whole configuration of a daemon.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub ledger: Ledger,
    #[serde(default)]
    pub intake: Intake,
    #[serde(default)]
    pub delivery: Delivery,
    #[serde(default)]
    pub media: MediaStore,
    #[serde(default)]
    pub events: Events,
    #[serde(default)]
    pub admin: Admin,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub reload: Reload,
    /// Traces of articles, for an OpenTelemetry collector. Left out: none are made.
    #[serde(default)]
    pub traces: Option<Box<Traces>>,
    /// The wires that this daemon carries, by id.
    #[serde(default)]
    pub wires: BTreeMap<WireId, Arc<Wire>>,
    /// The partners that take them, by id. Usually each in a file of its own, `partners.d/ID.toml`.
    #[serde(default)]
    pub partners: BTreeMap<PartnerId, Arc<Partner>>,
    /// What others than the wires ask of republishers, by id.
    #[serde(default)]
    pub policies: BTreeMap<PolicyId, Arc<Policy>>,
    /// Formats with options of their own, by the name that destinations give as their `format`.
    #[serde(default)]
    pub profiles: BTreeMap<String, Arc<FormatProfile>>,
    /// For vocabularies whose codes do not show their hierarchy (IPTC media topics are such): the codes below a code,
    /// all generations. A subscription to the first takes the others too.
    /// `"medtop:11000000" = ["medtop:20000574", "medtop:20000587"]`
    #[serde(default)]
    pub subject_descendants: BTreeMap<String, Vec<String>>,
}

impl Config {
    /// The names of all destinations, `partner/destination`.
    pub fn destinations(&self) -> impl Iterator<Item = String> {
        self.partners
            .iter()
            .flat_map(|(id, partner)| partner.destinations.keys().map(move |destination| format!("{id}/{destination}")))
    }
}

/// Whether a text may name a wire, a partner, or a part of one: it goes into file names, metrics and the names of
/// environment variables.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
