//! One article to idle doors: when the last of them has it, after the offer.

use std::time::Duration;

use crate::client::Kind;
use crate::control::now;
use crate::report::{Line, Report, Target, both, peaks, times};
use crate::rounds;
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::times::percentile;

/// Articles in a round.
const ARTICLES: usize = 40;

/// Articles that are not counted: the first opens connections, and lanes find their pace.
const WARM: usize = 5;

/// After the last arrival, until both sides are idle again.
const PAUSE: Duration = Duration::from_millis(60);

pub async fn measure(report: &mut Report, doors: usize) -> Outcome<()> {
    let wanted = Wanted { doors, each: doors, document: 8 << 10, tls: false, more: "" };
    let (mut sink, stage) = Stage::set(wanted).await?;
    let mut client = stage.client().await?;
    let daemon = Daemon::start(&stage.scene).await?;
    let (mut clients, mut daemons) = (Vec::new(), Vec::new());
    let (mut client_cpu, mut daemon_cpu) = (Duration::ZERO, Duration::ZERO);
    let mut number = 0;
    for round in 0..=rounds() {
        let articles = if round == 0 { WARM } else { ARTICLES };
        let (client_before, daemon_before) = (client.process().cpu()?, daemon.process.cpu()?);
        for _ in 0..articles {
            sink.aim(&[doors as u64]).await?;
            let began = client.once(Kind::Bare).await?;
            clients.push(Duration::from_nanos(sink.reached().await? - began));
            tokio::time::sleep(PAUSE).await;

            sink.aim(&[doors as u64]).await?;
            let article = stage.article(number);
            let began = now();
            daemon.offer(article).await?;
            daemons.push(Duration::from_nanos(sink.reached().await? - began));
            tokio::time::sleep(PAUSE).await;
            number += 1;
        }
        if round == 0 {
            clients.clear();
            daemons.clear();
        } else {
            client_cpu += client.process().cpu()? - client_before;
            daemon_cpu += daemon.process.cpu()? - daemon_before;
        }
    }
    clients.sort();
    daemons.sort();
    let posts = (daemons.len() * doors) as f64;
    let cpu = |spent: Duration| spent.as_secs_f64() * 1e6 / posts;
    let ratio = |of| percentile(&daemons, of).div_duration_f64(percentile(&clients, of));
    let shown = |sorted: &[Duration]| times(percentile(sorted, 50), percentile(sorted, 99));
    report.add(Line {
        what: format!("one article to {doors} idle destinations: last arrival, p50 / p99"),
        figure: shown(&daemons),
        baseline: shown(&clients),
        measured: Some(ratio(50)),
        target: Some(Target::AtMost(1.5)),
        cpu: both(cpu(daemon_cpu), cpu(client_cpu)),
        peak: peaks(&daemon.process, client.process())?,
        ..Line::default()
    });
    report.add(Line {
        what: "… p99".to_owned(),
        measured: Some(ratio(99)),
        target: Some(Target::AtMost(3.0)),
        ..Line::default()
    });
    Ok(())
}
