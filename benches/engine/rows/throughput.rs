//! How fast the daemon delivers, beside a client that posts the same bytes to the same doors.

use crate::client::{Client, Kind};
use crate::feed::{Feed, Length, Source, Window, window};
use crate::report::{Line, Report, Target, both, median, middle, peaks, rate};
use crate::rounds;
use crate::sink::Sink;
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;

pub const DOORS: usize = 2_000;

/// Articles of which deliveries wait at any time, where each is for all doors.
const ARTICLES: usize = 8;

/// What a row posts.
pub struct Throughput {
    pub what: &'static str,
    /// Bytes of a document.
    pub document: usize,
    pub tls: bool,
    /// Deliveries in a window.
    pub counted: u64,
    /// The least ratio to the bare client.
    pub least: f64,
}

pub async fn measure(report: &mut Report, row: &Throughput) -> Outcome<()> {
    let wanted = Wanted { doors: DOORS, each: DOORS, document: row.document, tls: row.tls, more: "" };
    let (mut sink, stage) = Stage::set(wanted).await?;
    let mut client = stage.client().await?;
    let daemon = Daemon::start(&stage.scene).await?;
    let mut feed = stage.feed(ARTICLES * DOORS);
    let length = Length { warm: (ARTICLES * DOORS) as u64, counted: row.counted };
    let rounds = Rounds::make(&mut sink, &mut client, &daemon, &mut feed, length).await?;
    let look = sink.look().await?;
    assert_eq!(look.bytes, look.count * stage.document as u64, "the daemon sends the bytes that the client posts");
    report.add(Line {
        what: format!("{}, {} bytes", row.what, stage.document),
        peak: peaks(&daemon.process, client.process())?,
        target: Some(Target::AtLeast(row.least)),
        ..rounds.line()
    });
    Ok(())
}

/// The windows of all rounds.
pub struct Rounds {
    clients: [Vec<Window>; 3],
    daemon: Vec<Window>,
}

impl Rounds {
    /// Clients and daemon take turns, so that a machine that gets slower meanwhile does so for all of them.
    pub async fn make(
        sink: &mut Sink,
        client: &mut Client,
        source: &impl Source,
        feed: &mut Feed<'_>,
        length: Length,
    ) -> Outcome<Self> {
        let mut made = Self { clients: Kind::ALL.map(|_| Vec::new()), daemon: Vec::new() };
        for round in 1..=rounds() {
            for (kind, windows) in Kind::ALL.into_iter().zip(&mut made.clients) {
                windows.push(posting(sink, client, kind, length).await?);
            }
            feed.begin(sink).await?;
            made.daemon.push(feed.measure(sink, source, length).await?);
            feed.end(sink).await?;
            made.say(round);
        }
        Ok(made)
    }

    /// The figures, without a name and a target.
    pub fn line(&self) -> Line {
        let [bare, digest, body] = self.clients.each_ref().map(|client| self.ratio(client));
        let (daemon, client) = (middle(&self.daemon), middle(&self.clients[0]));
        Line {
            figure: rate(daemon.rate),
            baseline: rate(client.rate),
            measured: Some(bare),
            signed: format!("{digest:.2}, {body:.2}"),
            cpu: both(daemon.cpu, client.cpu),
            ..Line::default()
        }
    }

    /// The median of the rounds' ratios.
    fn ratio(&self, client: &[Window]) -> f64 {
        median(self.daemon.iter().zip(client).map(|(daemon, client)| daemon.rate / client.rate).collect())
    }

    fn say(&self, round: usize) {
        let last = |windows: &Vec<Window>| {
            windows.last().map(|one| format!("{} {:.1} µs", rate(one.rate), one.cpu)).unwrap_or_default()
        };
        let [bare, digest, body] = self.clients.each_ref().map(last);
        let daemon = last(&self.daemon);
        eprintln!("  {round}: bare {bare}; signs the digest {digest}; signs the body {body}; daemon {daemon}");
    }
}

/// A window of a client that posts without a pause.
pub async fn posting(sink: &mut Sink, client: &mut Client, kind: Kind, length: Length) -> Outcome<Window> {
    sink.quiet().await?;
    client.go(kind).await?;
    let measured = window(sink, client.process(), length).await?;
    client.stop().await?;
    Ok(measured)
}
