//! What ten thousand destinations take of memory, of a processor, and of time to start.

use std::time::Duration;

use crate::control::now;
use crate::feed::{Length, window};
use crate::report::{Line, Report, Target, peak, rate};
use crate::rounds;
use crate::rows::profile::under;
use crate::sink::Sink;
use crate::stage::{ONE_EACH, Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::times::{ms, percentile};

const DOORS: usize = 10_000;
const MILLION: usize = 1_000_000;

/// After this a daemon has given back what it needed to start, and every lane has had its first look.
const SETTLED: Duration = Duration::from_secs(10);

/// For how long an idle daemon's processor time is looked at.
const IDLE: Duration = Duration::from_secs(20);

async fn stage() -> Outcome<(Sink, Stage)> {
    Stage::set(Wanted { doors: DOORS, each: DOORS, document: 8 << 10, tls: false, more: ONE_EACH }).await
}

/// At full speed, with a million deliveries waiting.
pub async fn at_work(report: &mut Report) -> Outcome<()> {
    let (mut sink, stage) = stage().await?;
    stage.fill(MILLION / DOORS).await?;
    let daemon = Daemon::start_under(&stage.scene, &under()).await?;
    let length = Length { warm: 50_000, counted: 200_000 };
    let own = window(&mut sink, &daemon.process, length).await?;
    let most = peak(&daemon.process)?;
    report.add(Line {
        what: "10,000 destinations, 1 million waiting, full speed: the most resident memory".to_owned(),
        figure: format!("{most:.0} MB at {}", rate(own.rate)),
        measured: Some(most),
        unit: "MB",
        target: Some(Target::AtMost(150.0)),
        cpu: format!("{:.1}", own.cpu),
        peak: format!("{most:.0}"),
        ..Line::default()
    });
    Ok(())
}

/// With nothing to do.
pub async fn idle(report: &mut Report) -> Outcome<()> {
    let (_sink, stage) = stage().await?;
    let daemon = Daemon::start(&stage.scene).await?;
    tokio::time::sleep(SETTLED).await;
    let before = daemon.process.cpu()?;
    tokio::time::sleep(IDLE).await;
    let spent = (daemon.process.cpu()? - before).div_duration_f64(IDLE) * 100.0;
    let resident = daemon.process.memory("VmRSS")? as f64 / 1e6;
    report.add(Line {
        what: "10,000 destinations, idle: resident memory".to_owned(),
        figure: format!("{resident:.0} MB"),
        measured: Some(resident),
        unit: "MB",
        target: Some(Target::AtMost(60.0)),
        peak: format!("{:.0}", peak(&daemon.process)?),
        ..Line::default()
    });
    report.add(Line {
        what: "… of a processor".to_owned(),
        figure: format!("{spent:.2} %"),
        measured: Some(spent),
        unit: "%",
        target: Some(Target::AtMost(1.0)),
        ..Line::default()
    });
    Ok(())
}

/// Starts in a round.
const STARTS: usize = 4;

/// From the start of the process to the first request, after `kill -9` in full work.
pub async fn start(report: &mut Report) -> Outcome<()> {
    let (mut sink, stage) = stage().await?;
    stage.fill(MILLION / DOORS).await?;
    let mut times = Vec::new();
    for start in 0..=STARTS * rounds() {
        sink.quiet().await?;
        sink.aim(&[1]).await?;
        let began = now();
        let process = Daemon::launch(&stage.scene)?;
        let first = Duration::from_nanos(sink.reached().await? - began);
        // In full work, but not for so long that little waits in the end.
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.kill()?;
        // The first of them was preceded by a clean end.
        if start > 0 {
            times.push(first);
        }
    }
    times.sort();
    let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
    report.add(Line {
        what: "10,000 destinations, 1 million waiting: start to first request, p50 / p99".to_owned(),
        figure: format!("{} / {} ms", ms(p50), ms(p99)),
        measured: Some(p99.as_secs_f64() * 1e3),
        unit: "ms",
        target: Some(Target::AtMost(500.0)),
        ..Line::default()
    });
    Ok(())
}
