//! What healthy doors notice of ill ones.
//!
//! Articles are offered at fixed times, whatever becomes of the ones before, and each is for one group of doors in turn.
//! A delivery's time is from when its article was to be offered to its arrival. Only doors that are well in both runs
//! count, and the load on them is the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::control::now;
use crate::report::{Line, Report, Target, both, median, peak, times};
use crate::rounds;
use crate::sink::Health;
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::times::percentile;

const DOORS: usize = 1_000;
const GROUP: usize = 100;

/// Between two articles: 6,000 deliveries a second where all doors are well.
const EVERY: Duration = Duration::from_nanos(16_666_667);

/// Articles before those that count: every ill door has as many requests as it will hold.
const WARM: usize = 300;
const COUNTED: usize = 900;

/// After the last offer, until what healthy doors are owed has arrived.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a run came to.
struct Run {
    p50: Duration,
    p99: Duration,
    /// Processor time for a delivery, in microseconds.
    cpu: f64,
    /// The most resident memory, in megabytes.
    peak: f64,
}

pub async fn measure(report: &mut Report) -> Outcome<()> {
    let (mut well, mut ill) = (Vec::new(), Vec::new());
    for round in 1..=rounds() {
        well.push(run(false).await?);
        ill.push(run(true).await?);
        let said = |runs: &[Run]| runs.last().map(|run| times(run.p50, run.p99)).unwrap_or_default();
        eprintln!("  {round}: all well {}; some ill {}", said(&well), said(&ill));
    }
    let of = |runs: &[Run], figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let p99 = |runs: &[Run]| of(runs, |run| run.p99.as_secs_f64());
    let shown = |runs: &[Run]| {
        times(Duration::from_secs_f64(of(runs, |run| run.p50.as_secs_f64())), Duration::from_secs_f64(p99(runs)))
    };
    let ratios = well.iter().zip(&ill).map(|(well, ill)| ill.p99.div_duration_f64(well.p99));
    report.add(Line {
        what: "healthy doors, p50 / p99: 20 % hang and 10 % take one a second, beside all well".to_owned(),
        figure: shown(&ill),
        baseline: shown(&well),
        measured: Some(median(ratios.collect())),
        target: Some(Target::AtMost(1.1)),
        cpu: both(of(&ill, |run| run.cpu), of(&well, |run| run.cpu)),
        peak: format!("{:.0} / {:.0}", of(&ill, |run| run.peak), of(&well, |run| run.peak)),
        ..Line::default()
    });
    Ok(())
}

async fn run(is_ill: bool) -> Outcome<Run> {
    let wanted = Wanted { doors: DOORS, each: GROUP, document: 8 << 10, tls: false, more: "" };
    let (mut sink, stage) = Stage::set(wanted).await?;
    let daemon = Arc::new(Daemon::start(&stage.scene).await?);
    sink.ill(is_ill).await?;
    sink.note().await?;
    let (start, at_start) = (Instant::now(), now());
    let mut offers: JoinSet<Outcome<()>> = JoinSet::new();
    let mut before = (Duration::ZERO, 0);
    for number in 0..WARM + COUNTED {
        sleep_until(start + EVERY * number as u32).await;
        if number == WARM {
            before = (daemon.process.cpu()?, sink.look().await?.count);
        }
        let (daemon, article) = (Arc::clone(&daemon), stage.article(number));
        offers.spawn(async move { daemon.offer(article).await.map(drop) });
    }
    while let Some(offered) = offers.join_next().await {
        offered??;
    }
    tokio::time::sleep(EVERY * 60).await;
    let (spent, delivered) = (daemon.process.cpu()? - before.0, sink.look().await?.count - before.1);
    let owed = COUNTED * (0..GROUP).filter(|door| Health::of(*door) == Health::Well).count();
    let mut arrivals = Vec::new();
    let waiting = Instant::now();
    let mut late = loop {
        arrivals.extend(sink.noted().await?);
        let counted = arrivals.iter().filter(|one| one.story >= WARM && Health::of(one.door) == Health::Well);
        // A door has a story once, so none counts twice.
        let late: Vec<Duration> = counted
            .map(|one| {
                let due = at_start + EVERY.as_nanos() as u64 * one.story as u64;
                Duration::from_nanos(one.at.saturating_sub(due))
            })
            .collect();
        if late.len() >= owed {
            break late;
        }
        if waiting.elapsed() > PATIENCE {
            return Err(format!("{} of {owed} deliveries have reached healthy doors", late.len()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(late.len(), owed, "each delivery to a healthy door arrives once");
    late.sort();
    let cpu = spent.as_secs_f64() * 1e6 / delivered as f64;
    Ok(Run { p50: percentile(&late, 50), p99: percentile(&late, 99), cpu, peak: peak(&daemon.process)? })
}
