//! The rows, one function each.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::doors::Doors;
use crate::measure::Report;
use crate::scene::{DOORS, GROUP, article, fill, scene, well};
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::scene::{For, guid};

pub const NAMES: [&str; 8] = ["accept", "supersede", "embargo", "kill", "busy", "open", "memory", "size"];

const MILLION: usize = 1_000_000;

/// Articles of the rows that offer one after another.
const OFFERS: usize = 100;

/// Starts of one daemon after another.
const STARTS: usize = 11;

/// What the start of a nearly empty ledger has to send.
const FEW: usize = 10 * DOORS;

/// Nothing a row waits for takes longer, or something is broken.
const PATIENCE: Duration = Duration::from_secs(120);

pub async fn measure(name: &str, report: &mut Report) -> Outcome<()> {
    match name {
        "accept" => accept(report).await,
        "supersede" => supersede(report).await,
        "embargo" => embargo(report).await,
        "kill" => kill(report, Backlog::Held).await,
        "busy" => kill(report, Backlog::Moving).await,
        "open" => open(report).await,
        "memory" => memory(report).await,
        "size" => size(report).await,
        other => Err(format!("there is no row {other:?}").into()),
    }
}

async fn accept(report: &mut Report) -> Outcome<()> {
    let doors = Doors::open().await?;
    let scene = scene(&doors.addresses)?;
    let daemon = Daemon::start(&scene).await?;
    let (mut answered, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..OFFERS + WARM {
        let name = format!("accept-{number}");
        let all = doors.watch(&guid(&name), 1, DOORS);
        let (began, took) = daemon.offer(article(&name, 1, "publish", For::All, None)).await?;
        let arrivals = tokio::time::timeout(PATIENCE, all).await??;
        if number >= WARM {
            answered.push(took);
            first.extend(arrivals.iter().map(|arrival| arrival.at - began).min());
            last.extend(arrivals.iter().map(|arrival| arrival.at - began).max());
        }
        doors.quiet().await;
    }
    report.times(format!("an article for {DOORS} doors: answered"), answered, "");
    report.times("… its first arrival", first, "");
    report.times("… its last", last, "");
    Ok(())
}

/// Offers that are made before the figures count: connections are opened, statements compiled, files grown.
const WARM: usize = 3;

async fn supersede(report: &mut Report) -> Outcome<()> {
    let doors = Doors::open().await?;
    let scene = scene(&doors.addresses)?;
    let daemon = Daemon::start(&scene).await?;
    let mut answered = Vec::new();
    for version in 1..=(OFFERS + WARM) as u64 {
        let (_, took) = daemon.offer(article("supersede", version, "update", For::All, Some(tomorrow()?))).await?;
        if version > WARM as u64 {
            answered.push(took);
        }
        // What the daemon has yet to do after its answer is not the next one's cost.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(doors.arrived(), 0, "all of them waited");
    report.times(format!("a version that supersedes {DOORS} waiting ones: answered"), answered, "");
    Ok(())
}

async fn embargo(report: &mut Report) -> Outcome<()> {
    let doors = Doors::open().await?;
    let scene = scene(&doors.addresses)?;
    fill(&scene, "held", MILLION, Some(tomorrow()?)).await?;
    let daemon = Daemon::start(&scene).await?;
    doors.hang(true);
    let groups = (0..150).map(|number| For::Group(number % (DOORS / GROUP))).collect();
    let late = released(&doors, &daemon, "one", groups, Duration::from_millis(100)).await?;
    report.times(format!("after an embargo's end: each of {GROUP} doors"), late, "50 ms (p99)");
    let late = released(&doors, &daemon, "all", vec![For::All; 10], Duration::from_secs(2)).await?;
    report.times(format!("… each of {DOORS} doors at once"), late, "50 ms (p99)");
    Ok(())
}

/// How long after the end of its embargo each well door got each of the stories, whose embargoes end one after another.
async fn released(
    doors: &Doors,
    daemon: &Daemon,
    name: &str,
    stories: Vec<For>,
    apart: Duration,
) -> Outcome<Vec<Duration>> {
    let mut ends = Timestamp::now().checked_add(SignedDuration::from_secs(5))?;
    let mut waiting = Vec::new();
    for (number, whom) in stories.into_iter().enumerate() {
        let name = format!("embargo-{name}-{number}");
        let all = doors.watch(&guid(&name), 1, well(whom));
        daemon.offer(article(&name, 1, "publish", whom, Some(ends))).await?;
        waiting.push((ends, all));
        ends = ends.checked_add(apart)?;
    }
    let mut late = Vec::new();
    for (end, all) in waiting {
        for arrival in tokio::time::timeout(PATIENCE, all).await?? {
            let after = arrival.clock.duration_since(end);
            late.push(Duration::try_from(after).map_err(|_| format!("an arrival {after:?} before its embargo's end"))?);
        }
    }
    Ok(late)
}

/// What the million deliveries of a row wait for.
#[derive(Clone, Copy, PartialEq)]
enum Backlog {
    /// The end of an embargo.
    Held,
    /// Their turn: the doors are sent them as fast as they take them.
    Moving,
}

async fn kill(report: &mut Report, backlog: Backlog) -> Outcome<()> {
    let doors = Doors::open().await?;
    let scene = scene(&doors.addresses)?;
    // Every door has the stories first, those that hang later too.
    let daemon = Daemon::start(&scene).await?;
    let groups = (0..200).map(|number| For::Group(number % (DOORS / GROUP)));
    let stories: Vec<_> = groups.chain(vec![For::All; 20]).collect();
    for (number, whom) in stories.iter().enumerate() {
        let name = format!("kill-{number}");
        let all = doors.watch(&guid(&name), 1, well(*whom) / 4 * 5);
        daemon.offer(article(&name, 1, "publish", *whom, None)).await?;
        tokio::time::timeout(PATIENCE, all).await??;
    }
    daemon.stop().await?;
    let (until, words) = match backlog {
        Backlog::Held => (Some(tomorrow()?), "all else held"),
        Backlog::Moving => (None, "the million on its way"),
    };
    fill(&scene, "waiting", MILLION, until).await?;
    doors.hang(true);
    let daemon = Daemon::start(&scene).await?;
    if backlog == Backlog::Held {
        // The hanging doors have to have something to hang on.
        daemon.offer(article("to-hang-on", 1, "publish", For::All, None)).await?;
    }
    while doors.hung() < (DOORS / 5) as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if backlog == Backlog::Held {
        doors.quiet().await;
    }
    let (arrived, began_all) = (doors.arrived(), Instant::now());
    let (mut answered, mut answered_of_all) = (Vec::new(), Vec::new());
    let (mut first, mut group, mut first_of_all, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, whom) in stories.into_iter().enumerate() {
        let name = format!("kill-{number}");
        let killed = doors.watch(&guid(&name), 2, well(whom));
        let (began, took) = daemon.offer(article(&name, 2, "kill", whom, None)).await?;
        let arrivals = tokio::time::timeout(PATIENCE, killed).await??;
        let after = |at: Option<Instant>| at.map(|at| at - began);
        let (answers, firsts, lasts) = match whom {
            For::All => (&mut answered_of_all, &mut first_of_all, &mut all),
            For::Group(_) => (&mut answered, &mut first, &mut group),
        };
        answers.push(took);
        firsts.extend(after(arrivals.iter().map(|arrival| arrival.at).min()));
        lasts.extend(after(arrivals.iter().map(|arrival| arrival.at).max()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = (doors.arrived() - arrived) as f64 / began_all.elapsed().as_secs_f64();
    let target = report.of_the_disk();
    let doors = |whom: For, of: usize| format!("at all {} well doors of {of}", well(whom));
    let what = format!("a kill of what {GROUP} doors have, its first arrival; {words} ({rate:.0} arrivals/s)");
    report.times(what, first, target.clone());
    report.times("… answered".to_owned(), answered, "");
    report.times(format!("… {}", doors(For::Group(0), GROUP)), group, "");
    report.times(format!("… of what {DOORS} doors have, its first arrival"), first_of_all, target);
    report.times("… answered".to_owned(), answered_of_all, "");
    report.times(format!("… {}", doors(For::All, DOORS)), all, "");
    Ok(())
}

async fn open(report: &mut Report) -> Outcome<()> {
    for (deliveries, words) in [(FEW, "20,000"), (MILLION, "1 million"), (5 * MILLION, "5 million")] {
        let doors = Doors::open().await?;
        let scene = scene(&doors.addresses)?;
        fill(&scene, "waiting", deliveries, None).await?;
        let (mut ready, mut first) = (Vec::new(), Vec::new());
        for start in 0..STARTS {
            if start > 0 && deliveries == FEW {
                // They are sent in the time that a daemon works.
                fill(&scene, &format!("more-{start}"), FEW, None).await?;
            }
            let next = doors.next();
            let began = Instant::now();
            let daemon = Daemon::start(&scene).await?;
            let at = tokio::time::timeout(PATIENCE, next).await??;
            // The first of them was preceded by a clean end.
            if start > 0 {
                ready.push(daemon.ready_after);
                first.push(at - began);
            }
            // In full work.
            tokio::time::sleep(Duration::from_secs(2)).await;
            daemon.kill()?;
            doors.quiet().await;
        }
        report.times(format!("start after kill -9, {words} waiting: ready"), ready, "250 ms");
        report.times("… first arrival", first, "250 ms");
    }
    Ok(())
}

async fn memory(report: &mut Report) -> Outcome<()> {
    let addresses = Doors::closed()?;
    let scene = scene(&addresses)?;
    let megabytes = |bytes: u64| format!("{:.0} MB", bytes as f64 / 1e6);
    let daemon = Daemon::start(&scene).await?;
    tokio::time::sleep(SETTLED).await;
    report.figure(
        format!("memory with {DOORS} lanes and nothing waiting"),
        megabytes(daemon.process.memory("VmRSS")?),
        "",
    );
    daemon.stop().await?;
    fill(&scene, "waiting", 5 * MILLION, None).await?;
    let daemon = Daemon::start(&scene).await?;
    tokio::time::sleep(SETTLED).await;
    report.figure("… 5 million waiting for closed doors", megabytes(daemon.process.memory("VmRSS")?), "100 MB");
    report.figure(
        "… the most there was, which reading 2,000 files takes",
        megabytes(daemon.process.memory("VmHWM")?),
        "100 MB",
    );
    daemon.stop().await?;
    let doors = Doors::at(&addresses).await?;
    doors.hang(true);
    let daemon = Daemon::start(&scene).await?;
    tokio::time::sleep(SETTLED).await;
    let what = format!("… 5 million on their way, {} files and connections open", daemon.process.open_files()?);
    report.figure(what, megabytes(daemon.process.memory("VmRSS")?), "");
    Ok(())
}

/// After this a daemon has given back what it needed to start, and every lane has had its first try.
const SETTLED: Duration = Duration::from_secs(15);

async fn size(report: &mut Report) -> Outcome<()> {
    let doors = Doors::open().await?;
    let scene = scene(&doors.addresses)?;
    for (deliveries, all, words) in [(MILLION, MILLION, "1 million"), (4 * MILLION, 5 * MILLION, "5 million")] {
        fill(&scene, words.get(..1).unwrap_or_default(), deliveries, None).await?;
        let each = scene.size()? as f64 / all as f64;
        report.figure(format!("the file for each delivery, {words} waiting"), format!("{each:.0} bytes"), "");
    }
    Ok(())
}

fn tomorrow() -> Outcome<Timestamp> {
    Ok(Timestamp::now().checked_add(SignedDuration::from_hours(24))?)
}
