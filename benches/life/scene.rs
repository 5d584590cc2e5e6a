//! A configuration with 2,000 doors, and a ledger in which as much waits as a row asks for.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use newswired::article::{Article, WireId, decode};
use newswired::config::{Secrets, load};
use newswired::intake::Contracts;
use newswired::ledger::{Accepted, Ledger, Registration, SqliteLedger, SqliteOptions};

use crate::Outcome;

pub const DOORS: usize = 2_000;
/// Doors that take a story of one group.
pub const GROUP: usize = 100;
pub const TOKEN: &str = "bench";
const SECRET: &str = "whsec_YmVuY2htYXJrIGJlbmNobWFyayBiZW5jaG1hcms=";

/// Articles that are accepted together where a ledger is filled.
const TOGETHER: usize = 16;

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
    /// The well doors among them, where a fifth hangs.
    pub fn well(self) -> usize {
        match self {
            Self::All => DOORS / 5 * 4,
            Self::Group(_) => GROUP / 5 * 4,
        }
    }

    fn keyword(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Group(number) => format!("group-{number}"),
        }
    }
}

impl Scene {
    /// Every door belongs to a partner with two rules: one for what is for all, one for its group's.
    pub fn new(doors: &[SocketAddr]) -> Outcome<Self> {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (intake, admin) = (free_address()?, free_address()?);
        let place = dir.path().display().to_string();
        std::fs::write(dir.path().join("token"), TOKEN)?;
        std::fs::write(dir.path().join("secret"), SECRET)?;
        let main = format!(
            r#"[ledger]
path = "{place}/ledger.sqlite"
[admin]
listen = "{admin}"
[intake.http]
listen = "{intake}"
token = "file:{place}/token"
[wires.hpnf]
name = "Harbor Press News Foundation"
short_name = "HPNF"
contact = "licensing@harborpress.example"
[wires.hpnf.licence]
line = "Free to republish with our logo, our reporter's byline and their affiliation."
[wires.hpnf.logo]
url = "https://harborpress.example/logo.png"
"#
        );
        std::fs::write(dir.path().join("newswired.toml"), main)?;
        std::fs::create_dir(dir.path().join("partners.d"))?;
        for number in 0..DOORS {
            let (address, group) = (doors[number % doors.len()], number / GROUP);
            let partner = format!(
                r#"name = "Partner {number}"
[subscriptions.all]
keywords = ["all"]
[subscriptions.group]
keywords = ["group-{group}"]
[destinations.main]
format = "json"
[destinations.main.http]
url = "http://{address}/{number}"
signing_secret = "file:{place}/secret"
"#
            );
            std::fs::write(dir.path().join("partners.d").join(format!("p{number:04}.toml")), partner)?;
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

    /// Has the ledger accept stories for all doors until so many deliveries wait, or wait until `embargo`; the daemon
    /// does not run meanwhile.
    pub async fn fill(&self, name: &str, deliveries: usize, embargo: Option<Timestamp>) -> Outcome<()> {
        let began = Instant::now();
        let config = load(&self.config(), Secrets::Read)?;
        let path = &config.ledger.path;
        let in_network = Duration::from_secs(60);
        let (ledger, closing) = SqliteLedger::open(&SqliteOptions { path, batch: 512, waiting: 1024, in_network })?;
        let partners = config.partners.iter();
        let names: Vec<String> = partners
            .flat_map(|(id, partner)| partner.destinations.keys().map(move |name| format!("{id}/{name}")))
            .collect();
        let registrations = names.iter().map(|name| Registration { name: name.clone(), paused: false }).collect();
        let ids: HashMap<_, _> =
            names.iter().cloned().zip(ledger.register(registrations, Timestamp::now()).await?).collect();
        let contracts = Contracts::new(&config, &ids);
        let stories: Vec<usize> = (0..deliveries / DOORS).collect();
        for some in stories.chunks(TOGETHER) {
            let accepting = some.iter().map(|number| {
                let article = parsed(&article(&format!("{name}-{number}"), 1, "publish", For::All, embargo))?;
                Ok(ledger.accept(contracts.acceptance(article, "http 127.0.0.1".to_owned(), Timestamp::now())))
            });
            for accepted in try_join_all(accepting.collect::<Outcome<Vec<_>>>()?).await? {
                assert!(matches!(accepted, Accepted::Fresh { deliveries: DOORS, .. }), "each is owed to all doors");
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
}

fn parsed(bytes: &[u8]) -> Outcome<Article> {
    Ok(decode(bytes, None, &WireId::new("hpnf"))?)
}

pub fn guid(name: &str) -> String {
    format!("urn:newsml:wire.example.org:20261124:{name}")
}

/// A story of about 3 kB, as an ordinary one is; a withdrawal is short.
pub fn article(name: &str, version: u64, action: &str, whom: For, embargo: Option<Timestamp>) -> Bytes {
    let sentence = "The Port Aren Harbor Council voted on Tuesday to reopen the Gull Island ferry, closed since 2022. ";
    let paragraph = format!("<p>{}</p>", sentence.repeat(5));
    let mut article = serde_json::json!({
        "newswired": 1,
        "guid": guid(name),
        "version": version,
        "action": action,
        "headline": "Harbor council votes to reopen ferry line",
        "language": "en-US",
        "keywords": [whom.keyword()],
        "authors": [{ "name": "Ada Quill", "role": "Transport Reporter" }],
    });
    if action == "kill" {
        article["notice"] = "The vote did not take place. Take it down.".into();
    } else {
        article["body_html"] = paragraph.repeat(5).into();
    }
    if let Some(embargo) = embargo {
        article["embargo"] = embargo.to_string().into();
    }
    Bytes::from(article.to_string())
}

/// One that was free a moment ago.
fn free_address() -> Outcome<SocketAddr> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
