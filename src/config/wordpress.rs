//! A partner's WordPress site as a door: a story becomes a post there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http::http2;
use super::{AddressBlock, ClientCertificate, Pin, Proxy, SecretRef, Size, Span};

/// A partner's WordPress site. A story becomes a post; its updates and corrections change the same post, and a kill
/// takes it down.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordPress {
    /// The site's address, as readers type it: `https://paper.example/`. Where its REST interface is, is found out.
    pub url: String,
    /// The WordPress user that posts are made by.
    pub user: String,
    /// An application password of that user (in WordPress: Users, Profile, Application Passwords).
    pub application_password: SecretRef,
    /// What becomes of a new post. Default: `publish`.
    #[serde(default)]
    pub status: PostStatus,
    /// What a kill makes of the post. Default: `trash`.
    #[serde(default)]
    pub on_kill: OnKill,
    /// The number of the WordPress user who is shown as the author. Default: `user`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub author: Option<u64>,
    /// Which sections, subjects (`medtop:11000000`, or by name) and keywords put a post into which category, by its
    /// name, its slug or its number.
    #[serde(default)]
    pub categories: BTreeMap<String, Term>,
    /// Which of them put which tag on a post.
    #[serde(default)]
    pub tags: BTreeMap<String, Term>,
    /// The category of posts that no other one is found for. Left out: the site's own default.
    #[serde(default)]
    pub default_category: Option<Term>,
    /// Makes categories and tags that the site does not have. Categories need the role Editor.
    #[serde(default)]
    pub create_terms: bool,
    /// The last part of a post's address. `{id}` is a short name made of the story's guid, `{name}` what is readable of
    /// the guid's end. Default: `{name}-{id}`.
    #[serde(default = "slug")]
    pub slug: String,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<std::path::PathBuf>,
    /// Who the daemon is to a server that asks for a certificate (mutual TLS).
    #[serde(default)]
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// The public keys that the server may have, besides a certificate that is good: `["sha256/…"]`, as in RFC 7469.
    #[serde(default)]
    pub pin: Vec<Pin>,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Whether HTTP/2 is used where the server offers it, which needs https. Default: `true`.
    #[serde(default = "http2")]
    pub http2: bool,
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
    /// How much of an answer's body is read; an answer holds the whole post. Default: `16MiB`.
    #[serde(default = "answer_limit")]
    pub answer_limit: Size,
}

/// What becomes of a new post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PostStatus {
    #[default]
    Publish,
    /// The site's editors publish it.
    Draft,
    /// The same, and it stands in their list of posts to be reviewed.
    Pending,
}

impl PostStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Draft => "draft",
            Self::Pending => "pending",
        }
    }
}

/// What a kill makes of a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnKill {
    /// It goes into the site's trash.
    #[default]
    Trash,
    /// It becomes a draft that says why it was withdrawn.
    Draft,
}

/// A category or a tag of a WordPress site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "no term stands here; write its number, or its name in quotes")]
pub enum Term {
    Id(u64),
    /// A name or a slug; WordPress makes the slug of a name.
    Name(String),
}

fn slug() -> String {
    "{name}-{id}".to_owned()
}

fn answer_limit() -> Size {
    Size::from_mib(16)
}
