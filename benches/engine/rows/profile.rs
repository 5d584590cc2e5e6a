//! Not a figure but work for a profiler: some deliveries of a daemon that runs under the words of `ENGINE_UNDER`, and then
//! ends by itself, so that the profiler can write what it has seen.

use crate::feed::Length;
use crate::report::{Line, Report, rate};
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;

const DOORS: usize = 500;

/// Articles of which deliveries wait at any time.
const ARTICLES: usize = 8;

/// Deliveries in the window.
const COUNTED: u64 = 20_000;

pub async fn measure(report: &mut Report) -> Outcome<()> {
    let wanted = Wanted { doors: DOORS, each: DOORS, document: 8 << 10, tls: false, more: "" };
    let (mut sink, stage) = Stage::set(wanted).await?;
    let under = std::env::var("ENGINE_UNDER").unwrap_or_default();
    let under: Vec<String> = under.split_whitespace().map(str::to_owned).collect();
    let daemon = Daemon::start_under(&stage.scene, &under).await?;
    let mut feed = stage.feed(ARTICLES * DOORS);
    feed.begin(&mut sink).await?;
    let length = Length { warm: (ARTICLES * DOORS) as u64, counted: COUNTED };
    let own = feed.measure(&mut sink, &daemon, length).await?;
    feed.end(&mut sink).await?;
    daemon.stop().await?;
    report.add(Line {
        what: format!("{} deliveries of {} bytes under {under:?}", feed.offered() * DOORS, stage.document),
        figure: rate(own.rate),
        cpu: format!("{:.1}", own.cpu),
        ..Line::default()
    });
    Ok(())
}
