//! What every row stands on: a sink, a configuration with doors in it, stories of a size, and their document as a file.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;

use crate::client::Client;
use crate::feed::Feed;
use crate::sink::Sink;
use crate::stories::Stories;
use crate::support::Outcome;
use crate::support::scene::{For, Scene, Setting, Terms};
use crate::tls;

/// What a row wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub doors: usize,
    /// Doors that an article is for.
    pub each: usize,
    /// Bytes of a document.
    pub document: usize,
    pub tls: bool,
    /// More of the main file.
    pub more: &'a str,
}

pub struct Stage {
    pub scene: Scene,
    stories: Stories,
    /// Bytes of a document.
    pub document: usize,
    addresses: Vec<SocketAddr>,
    doors: usize,
    each: usize,
    dir: tempfile::TempDir,
    ca_file: Option<PathBuf>,
}

/// What ten thousand lanes are configured with: the files that a process may have open here are fewer than the
/// connections of so many lanes that each may have several.
pub const ONE_EACH: &str = "[delivery]\nconcurrency = 1\n";

impl Stage {
    pub async fn set(wanted: Wanted<'_>) -> Outcome<(Sink, Self)> {
        let Wanted { doors, each, document, tls, more } = wanted;
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let ca_file = tls.then(|| dir.path().join(tls::CA));
        if tls {
            tls::certify(dir.path())?;
        }
        let sink = Sink::start(tls.then_some(dir.path())).await?;
        // The usual terms alone are more than a small document.
        let terms = if document < 2 << 10 { Terms::Nothing } else { Terms::Usual };
        let (addresses, ca) = (&sink.addresses, ca_file.as_deref());
        let scene = Scene::new(&Setting { doors, group: each, addresses, ca_file: ca, terms, more })?;
        let (stories, made) = Stories::of(&scene, document)?;
        std::fs::write(dir.path().join(DOCUMENT), &made)?;
        let (addresses, document) = (sink.addresses.clone(), made.len());
        Ok((sink, Self { scene, stories, document, addresses, doors, each, dir, ca_file }))
    }

    /// A client of all doors.
    pub async fn client(&self) -> Outcome<Client> {
        let document = self.dir.path().join(DOCUMENT);
        Client::start(&self.addresses, self.doors, &document, self.ca_file.as_deref()).await
    }

    /// All doors, or their groups in turn.
    fn whom(&self, number: usize) -> For {
        if self.each == self.doors { For::All } else { For::Group(number % (self.doors / self.each)) }
    }

    /// Lets so many articles wait in the ledger, while no daemon runs.
    pub async fn fill(&self, articles: usize) -> Outcome<()> {
        self.scene.fill((0..articles).map(|number| self.article(number)), self.each).await
    }

    /// Keeps a daemon fed, so that about so many deliveries wait at any time.
    pub fn feed(&self, waiting: usize) -> Feed<'_> {
        Feed::new(self, waiting)
    }

    /// Doors that an article is for.
    pub fn each(&self) -> usize {
        self.each
    }

    pub fn article(&self, number: usize) -> Bytes {
        self.stories.article(number, self.whom(number))
    }
}

const DOCUMENT: &str = "document";
