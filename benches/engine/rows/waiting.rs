//! Whether the daemon gets slower when much waits, and dearer when there are many doors.

use crate::client::Kind;
use crate::feed::{Length, Window};
use crate::report::{Line, Report, Target, both, middle, peaks, rate};
use crate::rounds;
use crate::rows::throughput::{DOORS, posting};
use crate::stage::{ONE_EACH, Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;

/// Doors that an article is for, where a thousand deliveries wait for two thousand doors.
const GROUP: usize = 100;

/// Deliveries that wait in the first row of a backlog.
const FEW: usize = 1_000;

/// With so many deliveries waiting as an article takes the place of each that has gone.
pub async fn backlog(report: &mut Report) -> Outcome<()> {
    let mut rates = Vec::new();
    for (waiting, words) in [(FEW, "1,000"), (100_000, "100,000"), (1_000_000, "1 million"), (5_000_000, "5 million")] {
        let wanted = Wanted { doors: DOORS, each: GROUP, document: 1 << 10, tls: false, more: "" };
        let (mut sink, stage) = Stage::set(wanted).await?;
        let articles = if waiting > FEW { waiting / GROUP } else { 0 };
        if articles > 0 {
            stage.fill(articles).await?;
        }
        let mut client = stage.client().await?;
        let length = Length { warm: 10_000, counted: 80_000 };
        let mut clients = vec![posting(&mut sink, &mut client, Kind::Bare, length).await?];
        let mut feed = stage.feed(waiting);
        feed.begin(&mut sink).await?;
        feed.after(articles);
        let daemon = Daemon::start(&stage.scene).await?;
        // It sends what waits from its start on, so the client has its turns before and after.
        let mut daemons = Vec::new();
        for round in 1..=rounds() {
            daemons.push(feed.measure(&mut sink, &daemon, length).await?);
            say(words, round, &daemons);
        }
        let peak = peaks(&daemon.process, client.process())?;
        daemon.kill()?;
        clients.push(posting(&mut sink, &mut client, Kind::Bare, length).await?);
        let (own, base) = (middle(&daemons), middle(&clients));
        rates.push(own.rate);
        report.add(Line {
            what: format!("{words} waiting, {} bytes; ratio to {FEW} waiting", stage.document),
            figure: rate(own.rate),
            baseline: rate(base.rate),
            measured: rates.first().map(|first| own.rate / first),
            cpu: both(own.cpu, base.cpu),
            peak,
            ..Line::default()
        });
    }
    report.add(Line {
        what: "… the slowest to the fastest".to_owned(),
        measured: Some(1.0 / spread(&rates)),
        target: Some(Target::AtLeast(0.9)),
        ..Line::default()
    });
    Ok(())
}

/// With so many doors.
pub async fn breadth(report: &mut Report) -> Outcome<()> {
    // What an article costs by itself is shared by its deliveries, and ten share it unlike ten thousand. It is told
    // from what a delivery costs by ten doors that get articles for ten and for one.
    let (alone, _, _) = doors(10, 1).await?;
    let (mut costs, mut clients) = (Vec::new(), Vec::new());
    let mut article = 0.0;
    for number in [10, 100, 1_000, 10_000] {
        let (own, client, peak) = doors(number, number).await?;
        if number == 10 {
            let delivery = (10.0 * own.cpu - alone.cpu) / 9.0;
            article = alone.cpu - delivery;
        }
        let cost = own.cpu - article / number as f64;
        costs.push(cost);
        clients.push(client.cpu);
        report.add(Line {
            what: format!("{number} destinations: CPU for a delivery; ratio to 10 destinations"),
            figure: format!("{cost:.1} µs, {:.1} with its part of the article", own.cpu),
            baseline: format!("{:.1} µs", client.cpu),
            measured: costs.first().map(|first| cost / first),
            cpu: both(own.cpu, client.cpu),
            peak,
            ..Line::default()
        });
    }
    report.add(Line {
        what: "… the dearest to the cheapest; the client's beside it".to_owned(),
        figure: format!("{:.2}", spread(&costs)),
        baseline: format!("{:.2}", spread(&clients)),
        measured: Some(spread(&costs)),
        target: Some(Target::AtMost(1.25)),
        ..Line::default()
    });
    report.add(Line {
        what: "… an article by itself: taken, committed, rendered, proved".to_owned(),
        figure: format!("{article:.0} µs"),
        ..Line::default()
    });
    Ok(())
}

/// Deliveries that wait at any time for each door, and at least in all.
const FOR_EACH: usize = 8;
const AT_LEAST: usize = 2_000;

/// The daemon's window and the client's, and the most memory of both.
async fn doors(number: usize, each: usize) -> Outcome<(Window, Window, String)> {
    // The sink may have no more files open than the connections of one of them, and the daemon keeps its own: one round.
    let is_crowded = number > DOORS;
    let rounds = if is_crowded { 1 } else { rounds() };
    let more = if is_crowded { ONE_EACH } else { "" };
    let (mut sink, stage) = Stage::set(Wanted { doors: number, each, document: 8 << 10, tls: false, more }).await?;
    let mut client = stage.client().await?;
    let daemon = Daemon::start(&stage.scene).await?;
    let waiting = (FOR_EACH * number).max(AT_LEAST);
    let mut feed = stage.feed(waiting);
    // One for each article costs as much as many deliveries.
    let counted = if each == 1 { 8_000 } else { 50_000 };
    let length = Length { warm: waiting as u64, counted };
    let (mut clients, mut daemons) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        client.open().await?;
        clients.push(posting(&mut sink, &mut client, Kind::Bare, length).await?);
        if is_crowded {
            client.close().await?;
        }
        feed.begin(&mut sink).await?;
        daemons.push(feed.measure(&mut sink, &daemon, length).await?);
        feed.end(&mut sink).await?;
        say(&format!("{number} doors, articles for {each}"), round, &daemons);
    }
    Ok((middle(&daemons), middle(&clients), peaks(&daemon.process, client.process())?))
}

fn say(what: &str, round: usize, daemons: &[Window]) {
    if let Some(one) = daemons.last() {
        eprintln!("  {what}, {round}: daemon {} {:.1} µs", rate(one.rate), one.cpu);
    }
}

/// The largest to the smallest.
fn spread(figures: &[f64]) -> f64 {
    let largest = figures.iter().copied().fold(f64::MIN, f64::max);
    largest / figures.iter().copied().fold(f64::MAX, f64::min)
}
