//! A partner: a publisher that takes the wire, what it is entitled to, and the doors it takes it through.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    AddressBlock, AmqpPush, Changes, ClientCertificate, Country, Directory, FileRules, FormatName, Ftp, HttpPush, Mail,
    MediaWay, Pin, Proxy, Rate, S3, Sftp, Sidecars, Span, Use, WebDav, WordPress,
};
use crate::article::{Action, WireId};

/// A partner's id: the stem of its file in `partners.d/`. Lower-case letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PartnerId(Arc<str>);

impl PartnerId {
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for PartnerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A publisher that takes the wire.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// The publisher's name, for people.
    pub name: String,
    /// A paused partner is sent nothing but withdrawals, and keeps what it is owed.
    #[serde(default)]
    pub paused: bool,
    /// What its contract entitles it to.
    #[serde(default)]
    pub entitlement: Entitlement,
    /// Which stories it gets, by the rule's name; a story needs to match one of them. No rule at all: every story it
    /// is entitled to.
    #[serde(default)]
    pub subscriptions: BTreeMap<String, Box<Subscription>>,
    /// What its contract changes of attribution, where the wire lets it: by policy and element.
    #[serde(default)]
    pub attribution: Changes,
    /// Its doors, by name.
    pub destinations: BTreeMap<String, Arc<Destination>>,
}

/// What a partner's contract entitles it to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// The wires it may have. Empty: all of them.
    #[serde(default)]
    pub wires: BTreeSet<WireId>,
    /// The contract's first instant, RFC 3339: `2026-01-01T00:00:00Z`.
    #[serde(default, deserialize_with = "instant")]
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    /// The contract's end, RFC 3339; nothing accepted at or after it is for this partner.
    #[serde(default, deserialize_with = "instant")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Where it publishes: ISO 3166-1 codes, `US`. Needed where a wire limits in which countries its stories may be used.
    #[serde(default)]
    pub countries: BTreeSet<Country>,
    /// How it publishes. Needed where a wire limits what its stories may be used for.
    #[serde(default)]
    pub uses: BTreeSet<Use>,
    /// How long before the end of an embargo it may have the story, to prepare it. Left out: not before the end.
    #[serde(default)]
    pub embargo_early: Option<Span>,
}

/// A rule that says which stories a partner gets. Every key that is given must match; a key that is left out matches
/// everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Any of these wires.
    #[serde(default)]
    pub wires: BTreeSet<WireId>,
    /// Any of these sections.
    #[serde(default)]
    pub sections: BTreeSet<String>,
    /// Any of these subject codes or a descendant: `medtop:11000000`; `subj:11*` covers by prefix; a code of the old
    /// IPTC subject scheme (`subj:11000000`) covers what its zeros stand for; other descendants are listed in
    /// `[subject_descendants]`.
    #[serde(default)]
    pub subjects: BTreeSet<String>,
    /// Any of these languages; `en` covers `en-US`.
    #[serde(default)]
    pub languages: BTreeSet<String>,
    /// Any of these keywords, in any case of letters.
    #[serde(default)]
    pub keywords: BTreeSet<String>,
    /// The least urgent that is taken: `4` takes 1 to 4.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9))]
    pub urgency_up_to: Option<u8>,
    /// Any of these actions. Kills always reach those who have the story.
    #[serde(default)]
    pub actions: BTreeSet<Action>,
    /// What the rule does not take, though the rest of it matches.
    #[serde(default)]
    pub exclude: Option<Box<Subscription>>,
}

/// One door of a partner: `[destinations.NAME]`. It has one of the tables that say where it leads.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// What the document is written in: a format, or one of `[profiles.NAME]`.
    pub format: FormatName,
    /// Where it is pushed to. A destination has this, or one of the tables that follow.
    #[serde(default)]
    pub http: Option<Box<HttpPush>>,
    /// The WordPress site where it becomes a post.
    #[serde(default)]
    pub wordpress: Option<Box<WordPress>>,
    /// The directory where it becomes a file.
    #[serde(default)]
    pub directory: Option<Box<Directory>>,
    /// The SFTP server where it becomes a file.
    #[serde(default)]
    pub sftp: Option<Box<Sftp>>,
    /// The WebDAV folder where it becomes a file.
    #[serde(default)]
    pub webdav: Option<Box<WebDav>>,
    /// The bucket where it becomes an object.
    #[serde(default)]
    pub s3: Option<Box<S3>>,
    /// The FTP server where it becomes a file.
    #[serde(default)]
    pub ftp: Option<Box<Ftp>>,
    /// The mailboxes that it is sent to.
    #[serde(default)]
    pub mail: Option<Box<Mail>>,
    /// The exchange of an AMQP broker that it is published to.
    #[serde(default)]
    pub amqp: Option<Box<AmqpPush>>,
    /// The most requests under way at once; how many, is found from the door's answers. Default: `delivery.concurrency`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: Option<u16>,
    /// The most deliveries in a time that the contract allows, `10/s`, `600/min` or `5000/h`: between two of them lies
    /// that time's part. Withdrawals do not wait for it, and count. Default: as many as the door takes.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// How many may come at once within the rate, after a pause. Default: 1, which keeps them evenly apart.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub burst: Option<u16>,
    /// Times between tries at a door in trouble. Default: `delivery.backoff`.
    #[serde(default)]
    pub backoff: Option<BackoffChange>,
    /// The age after which a delivery is given up. Default: `delivery.give_up_after`.
    #[serde(default)]
    pub give_up_after: Option<Span>,
    /// Which versions of a story it is sent.
    #[serde(default)]
    pub versions: Versions,
    /// Whether `newswired partner test --item` may send it an article that is marked as a test and taken back at once: the
    /// partner has to know of it. Default: `false`.
    #[serde(default)]
    pub test_items: bool,
}

/// Which versions of a story a destination is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Versions {
    /// The newest: one that is replaced before it could leave is not sent.
    #[default]
    Newest,
    /// Every one, in order, as archives ask for.
    Every,
}

impl Destination {
    /// The way to it. A destination of a configuration that was checked has one.
    pub fn door(&self) -> Option<Door<'_>> {
        let Self { http, wordpress, directory, sftp, webdav, s3, ftp, mail, amqp, .. } = self;
        let doors = [
            http.as_deref().map(Door::Http),
            wordpress.as_deref().map(Door::WordPress),
            directory.as_deref().map(Door::Directory),
            sftp.as_deref().map(Door::Sftp),
            webdav.as_deref().map(Door::WebDav),
            s3.as_deref().map(Door::S3),
            ftp.as_deref().map(Door::Ftp),
            mail.as_deref().map(Door::Mail),
            amqp.as_deref().map(Door::Amqp),
        ];
        let mut doors = doors.into_iter().flatten();
        doors.next().filter(|_| doors.next().is_none())
    }
}

/// The way to a destination.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    Http(&'a HttpPush),
    WordPress(&'a WordPress),
    Directory(&'a Directory),
    Sftp(&'a Sftp),
    WebDav(&'a WebDav),
    S3(&'a S3),
    Ftp(&'a Ftp),
    Mail(&'a Mail),
    Amqp(&'a AmqpPush),
}

impl Destination {
    /// Which files of a story's media go with it there.
    pub fn media(&self) -> MediaWay {
        let door = self.door();
        let pushed = || match door {
            Some(Door::Http(push)) => push.media.as_ref().map(|media| media.way()),
            Some(other) => other.file().and_then(|rules| rules.sidecars.as_ref()).map(Sidecars::way),
            None => None,
        };
        pushed().unwrap_or_default()
    }
}

impl<'a> Door<'a> {
    /// The tables that can say where a destination leads.
    pub const TABLES: [&'static str; 9] =
        ["http", "wordpress", "directory", "sftp", "webdav", "s3", "ftp", "mail", "amqp"];

    /// The table that says so.
    pub fn table(self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::WordPress(_) => "wordpress",
            Self::Directory(_) => "directory",
            Self::Sftp(_) => "sftp",
            Self::WebDav(_) => "webdav",
            Self::S3(_) => "s3",
            Self::Ftp(_) => "ftp",
            Self::Mail(_) => "mail",
            Self::Amqp(_) => "amqp",
        }
    }

    /// How its files are named, if it takes files.
    pub fn file(self) -> Option<&'a FileRules> {
        match self {
            Self::Http(_) | Self::WordPress(_) | Self::Mail(_) | Self::Amqp(_) => None,
            Self::Directory(directory) => Some(&directory.file),
            Self::Sftp(sftp) => Some(&sftp.file),
            Self::WebDav(webdav) => Some(&webdav.file),
            Self::S3(s3) => Some(&s3.file),
            Self::Ftp(ftp) => Some(&ftp.file),
        }
    }

    /// Where it leads, and the key of its table that says so.
    pub fn address(self) -> (&'static str, String) {
        match self {
            Self::Http(push) => ("url", push.url.as_str().to_owned()),
            Self::WordPress(site) => ("url", site.url.clone()),
            Self::Directory(directory) => ("path", directory.path.display().to_string()),
            Self::Sftp(Sftp { host, port, user, path, .. }) => ("host", format!("sftp://{user}@{host}:{port}/{path}")),
            Self::WebDav(webdav) => ("url", webdav.url.clone()),
            Self::S3(S3 { endpoint, bucket, path, .. }) => ("bucket", format!("{endpoint}/{bucket}/{path}")),
            Self::Ftp(Ftp { host, port, user, path, .. }) => ("host", format!("ftp://{user}@{host}:{port}/{path}")),
            Self::Mail(mail) => ("to", format!("mailto:{}", mail.to.join(","))),
            Self::Amqp(AmqpPush { url, exchange, routing_key, .. }) => {
                ("url", format!("{url} {exchange} {routing_key}"))
            }
        }
    }
}

/// What a door says of the connections to it.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    /// The key of the door's table that names its host; none where no connection leads there.
    pub key: Option<&'static str>,
    /// An address with that host.
    pub url: Cow<'a, str>,
    pub ca_file: Option<&'a Path>,
    pub client_certificate: Option<&'a ClientCertificate>,
    pub pin: &'a [Pin],
    pub allow_addresses: &'a [AddressBlock],
    pub proxy: Option<&'a Proxy>,
}

impl<'a> Door<'a> {
    pub fn way(self) -> Way<'a> {
        let nowhere = Way {
            key: None,
            url: Cow::Borrowed(""),
            ca_file: None,
            client_certificate: None,
            pin: &[],
            allow_addresses: &[],
            proxy: None,
        };
        match self {
            Self::Http(push) => Way {
                key: Some("url"),
                url: push.url.fixed().into(),
                ca_file: push.ca_file.as_deref(),
                client_certificate: push.client_certificate.as_deref(),
                pin: &push.pin,
                allow_addresses: &push.allow_addresses,
                proxy: push.proxy.as_ref(),
            },
            Self::WordPress(site) => Way {
                key: Some("url"),
                url: site.url.as_str().into(),
                ca_file: site.ca_file.as_deref(),
                client_certificate: site.client_certificate.as_deref(),
                pin: &site.pin,
                allow_addresses: &site.allow_addresses,
                proxy: site.proxy.as_ref(),
            },
            Self::Directory(_) => nowhere,
            Self::Sftp(sftp) => Way {
                key: Some("host"),
                url: address_of(&sftp.host).into(),
                allow_addresses: &sftp.allow_addresses,
                proxy: sftp.proxy.as_ref(),
                ..nowhere
            },
            Self::WebDav(webdav) => Way {
                key: Some("url"),
                url: webdav.url.as_str().into(),
                ca_file: webdav.ca_file.as_deref(),
                allow_addresses: &webdav.allow_addresses,
                proxy: webdav.proxy.as_ref(),
                ..nowhere
            },
            Self::S3(s3) => Way {
                key: Some("endpoint"),
                url: s3.endpoint.as_str().into(),
                ca_file: s3.ca_file.as_deref(),
                allow_addresses: &s3.allow_addresses,
                proxy: s3.proxy.as_ref(),
                ..nowhere
            },
            Self::Ftp(ftp) => Way {
                key: Some("host"),
                url: address_of(&ftp.host).into(),
                ca_file: ftp.ca_file.as_deref(),
                allow_addresses: &ftp.allow_addresses,
                proxy: ftp.proxy.as_ref(),
                ..nowhere
            },
            Self::Mail(mail) => Way {
                key: Some("host"),
                url: address_of(&mail.host).into(),
                ca_file: mail.ca_file.as_deref(),
                client_certificate: mail.client_certificate.as_deref(),
                pin: &mail.pin,
                allow_addresses: &mail.allow_addresses,
                proxy: mail.proxy.as_ref(),
            },
            Self::Amqp(push) => Way {
                key: Some("url"),
                url: push.as_http().into(),
                ca_file: push.ca_file.as_deref(),
                client_certificate: push.client_certificate.as_deref(),
                pin: &push.pin,
                allow_addresses: &push.allow_addresses,
                proxy: push.proxy.as_ref(),
            },
        }
    }
}

/// An address with `host`, of which no more is looked at. In a URL an address of IPv6 stands in brackets (RFC 3986 §3.2.2).
fn address_of(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("https://[{host}]") } else { format!("https://{host}") }
}

/// Exponential backoff with full jitter: after the nth failure in a row the wait is a random time of up to
/// `first` × 2ⁿ⁻¹, at most `ceiling`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The most after the first failure.
    #[serde(default = "first")]
    pub first: Span,
    /// The most after any.
    #[serde(default = "ceiling")]
    pub ceiling: Span,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: first(), ceiling: ceiling() }
    }
}

/// What a destination changes of `delivery.backoff`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackoffChange {
    /// The most after the first failure.
    #[serde(default)]
    pub first: Option<Span>,
    /// The most after any.
    #[serde(default)]
    pub ceiling: Option<Span>,
}

impl BackoffChange {
    /// `defaults` with the changes.
    pub fn over(self, defaults: Backoff) -> Backoff {
        Backoff { first: self.first.unwrap_or(defaults.first), ceiling: self.ceiling.unwrap_or(defaults.ceiling) }
    }
}

pub(super) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(|_| {
        serde::de::Error::custom(format!(
            "{text:?} is not an instant; write date, time and zone, for example \"2026-01-01T00:00:00Z\""
        ))
    })
}

fn first() -> Span {
    Span::from_secs(1)
}

fn ceiling() -> Span {
    Span::from_secs(600)
}
