//! Not a figure but work for a profiler: some deliveries of a daemon that runs under the words of `ENGINE_UNDER`, and then
//! ends by itself, so that the profiler can write what it has seen.

use std::time::Duration;

use crate::feed::Length;
use crate::report::{Line, Report, rate};
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;

const DOORS: usize = 500;

const WANTED: Wanted<'_> = Wanted { doors: DOORS, each: DOORS, document: 8 << 10, tls: false, more: "" };

/// Articles of which deliveries wait at any time.
const ARTICLES: usize = 8;

/// Deliveries in the window.
const COUNTED: u64 = 20_000;

/// Between two articles, where lanes are to be idle.
const PAUSE: Duration = Duration::from_millis(500);

/// Steady work.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let (mut sink, stage) = Stage::set(WANTED).await?;
    let under = under();
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

/// The same number, one article after another to lanes that have nothing else to send.
pub async fn idle(report: &mut Report) -> Outcome<()> {
    let (mut sink, stage) = Stage::set(WANTED).await?;
    let under = under();
    let daemon = Daemon::start_under(&stage.scene, &under).await?;
    let articles = (COUNTED as usize) / DOORS + 2 * ARTICLES;
    for number in 0..articles {
        sink.aim(&[DOORS as u64]).await?;
        daemon.offer(stage.article(number)).await?;
        sink.reached().await?;
        // The last outcomes are recorded meanwhile.
        tokio::time::sleep(PAUSE).await;
    }
    daemon.stop().await?;
    report.add(Line {
        what: format!(
            "{} deliveries of {} bytes, one article at a time, under {under:?}",
            articles * DOORS,
            stage.document
        ),
        ..Line::default()
    });
    Ok(())
}

/// Words before the daemon's own.
pub fn under() -> Vec<String> {
    let under = std::env::var("ENGINE_UNDER").unwrap_or_default();
    under.split_whitespace().map(str::to_owned).collect()
}
