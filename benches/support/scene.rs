//! A configuration with as many doors as a benchmark asks for, and a ledger in which as much waits.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use newswired::article::{Article, WireId, decode};
use newswired::attribution::Policies;
use newswired::config::{Config, Edition, Format, Secrets, load};
use newswired::intake::Contracts;
use newswired::ledger::{Accepted, Ledger, Registration, SqliteLedger, SqliteOptions};
use newswired::render;
use newswired::telemetry::CommitMetrics;

use super::Outcome;

pub const TOKEN: &str = "bench";
pub const SECRET: &str = "whsec_YmVuY2htYXJrIGJlbmNobWFyayBiZW5jaG1hcms=";

/// Deliveries that are accepted together where a ledger is filled, about.
const TOGETHER: usize = 32_000;

/// What a configuration has.
pub struct Setting<'a> {
    pub doors: usize,
    /// Doors that take a story of one group.
    pub group: usize,
    /// The doors are at these, in turn.
    pub addresses: &'a [SocketAddr],
    /// The doors speak TLS, with a certificate of this authority.
    pub ca_file: Option<&'a Path>,
    /// What the wire asks of a republisher.
    pub terms: Terms,
    /// More of the main file.
    pub more: &'a str,
}

/// What a wire asks of a republisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// Logo, byline, licence and contact, as a wire that gives its stories away does.
    Usual,
    /// Nothing: a document is hardly longer than its story.
    Nothing,
}

/// A directory with a configuration and a ledger.
pub struct Scene {
    dir: tempfile::TempDir,
    pub intake: SocketAddr,
    pub admin: SocketAddr,
}

/// Whom a story is for.
#[derive(Debug, Clone, Copy)]
pub enum For {
    All,
    Group(usize),
}

impl For {
    pub fn keyword(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Group(number) => format!("group-{number}"),
        }
    }
}

impl Terms {
    fn text(self) -> &'static str {
        match self {
            Self::Usual => {
                r#"[wires.hpnf]
name = "Harbor Press News Foundation"
short_name = "HPNF"
contact = "licensing@harborpress.example"
[wires.hpnf.licence]
line = "Free to republish with our logo, our reporter's byline and their affiliation."
[wires.hpnf.logo]
url = "https://harborpress.example/logo.png"
"#
            }
            Self::Nothing => {
                r#"[wires.hpnf]
name = "HPNF"
short_name = "HPNF"
require = []
"#
            }
        }
    }
}

impl Scene {
    /// Every door belongs to a partner with two rules: one for what is for all, one for its group's.
    pub fn new(setting: &Setting<'_>) -> Outcome<Self> {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (intake, admin) = (free_address()?, free_address()?);
        let place = dir.path().display().to_string();
        std::fs::write(dir.path().join("token"), TOKEN)?;
        std::fs::write(dir.path().join("secret"), SECRET)?;
        let (terms, more) = (setting.terms.text(), setting.more);
        let main = format!(
            r#"[ledger]
path = "{place}/ledger.sqlite"
[admin]
listen = "{admin}"
[intake.http]
listen = "{intake}"
token = "file:{place}/token"
{terms}
{more}
"#
        );
        std::fs::write(dir.path().join("newswired.toml"), main)?;
        std::fs::create_dir(dir.path().join("partners.d"))?;
        let scheme = if setting.ca_file.is_some() { "https" } else { "http" };
        for number in 0..setting.doors {
            let (address, group) = (setting.addresses[number % setting.addresses.len()], number / setting.group);
            let mut partner = format!(
                r#"name = "Partner {number}"
[subscriptions.all]
keywords = ["all"]
[subscriptions.group]
keywords = ["group-{group}"]
[destinations.main]
format = "json"
[destinations.main.http]
url = "{scheme}://{address}/{number}"
signing_secret = "file:{place}/secret"
allow_addresses = ["127.0.0.0/8"]
"#
            );
            if let Some(ca_file) = setting.ca_file {
                writeln!(partner, "ca_file = {:?}", ca_file.display().to_string())?;
            }
            std::fs::write(dir.path().join("partners.d").join(format!("p{number:05}.toml")), partner)?;
        }
        Ok(Self { dir, intake, admin })
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("newswired.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The size of the ledger's file, in bytes.
    pub fn size(&self) -> Outcome<u64> {
        Ok(std::fs::metadata(self.dir.path().join("ledger.sqlite"))?.len())
    }

    /// Has the ledger accept articles, each of which is owed to so many doors; the daemon does not run meanwhile.
    pub async fn fill(&self, articles: impl Iterator<Item = Bytes>, each: usize) -> Outcome<()> {
        let began = Instant::now();
        let config = self.load()?;
        let path = &config.ledger.path;
        let in_network = Duration::from_secs(60);
        let (ledger, closing) = SqliteLedger::open(&SqliteOptions {
            path,
            batch: 512,
            waiting: 1024,
            in_network,
            commits: CommitMetrics::default(),
        })?;
        let partners = config.partners.iter();
        let names: Vec<String> = partners
            .flat_map(|(id, partner)| partner.destinations.keys().map(move |name| format!("{id}/{name}")))
            .collect();
        let registrations = names.iter().map(|name| Registration { name: name.clone(), paused: false }).collect();
        let ids: HashMap<_, _> =
            names.iter().cloned().zip(ledger.register(registrations, Timestamp::now()).await?).collect();
        let contracts = Contracts::new(&config, &ids);
        let together = (TOGETHER / each.max(1)).clamp(1, 512);
        let mut articles = articles.peekable();
        let mut deliveries = 0;
        while articles.peek().is_some() {
            let accepting = articles.by_ref().take(together).map(|article| {
                let article = parsed(&article)?;
                Ok(ledger.accept(contracts.acceptance(article, "http 127.0.0.1".to_owned(), Timestamp::now())))
            });
            for accepted in try_join_all(accepting.collect::<Outcome<Vec<_>>>()?).await? {
                let Accepted::Fresh { deliveries: owed, .. } = accepted else {
                    return Err("an article is there twice".into());
                };
                assert_eq!(owed, each, "each is owed to the doors that it is for");
                deliveries += owed;
            }
        }
        drop(ledger);
        tokio::task::spawn_blocking(move || closing.wait()).await?;
        let size = self.size()?;
        eprintln!(
            "{deliveries} deliveries wait after {:.1} s; the ledger has {size} bytes",
            began.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Makes of an article what the doors get of it.
    pub fn documents(&self) -> Outcome<impl Fn(&[u8]) -> Outcome<Bytes> + use<>> {
        let config = self.load()?;
        let (id, wire) = config.wires.iter().next().ok_or("the configuration has a wire")?;
        let policies = Policies::own(id.clone(), Arc::clone(wire));
        Ok(move |article: &[u8]| {
            let made = render::rendition(&parsed(article)?, &policies, &Edition::plain(Format::Json))?;
            Ok(made.document.bytes().clone())
        })
    }

    fn load(&self) -> Outcome<Config> {
        Ok(load(&self.config(), Secrets::Read)?)
    }
}

fn parsed(bytes: &[u8]) -> Outcome<Article> {
    Ok(decode(bytes, None, &WireId::new("hpnf"))?)
}

pub fn guid(name: &str) -> String {
    format!("urn:newsml:wire.example.org:20261124:{name}")
}

/// One that was free a moment ago.
fn free_address() -> Outcome<SocketAddr> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
