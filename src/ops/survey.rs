//! What metrics tell of the ledger and the machine: looked at every few seconds, on a thread beside all other work.
//!
//! Nothing is counted where deliveries pass. A look goes through the lanes one by one and counts in each no further than a
//! bound, so that a backlog of millions costs it no more than one of thousands (promise 8), and the pause after it
//! grows with the time that it took. Where nothing was committed since the last look, lanes are as they were.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use super::board::Fleet;
use super::machine;
use crate::answers::board::{in_trouble, survey};
use crate::config::Config;
use crate::current::Current;
use crate::ledger::{LedgerError, LedgerSurvey, SqliteReader};
use crate::telemetry::{DirectoryLabel, EndLabel, FileLabel, KindLabel, LaneGauge, Metrics};

/// The shortest pause between two looks: what scrapes metrics does so about as often.
const PAUSE: Duration = Duration::from_secs(10);

/// What has just started has other things to do first.
const FIRST: Duration = Duration::from_secs(1);

/// A look takes at most one part in so many of a core.
const SHARE: u32 = 50;

/// Looks, and puts what it sees into metrics.
pub struct Survey {
    ledger: PathBuf,
    /// The directories whose file systems may fill up, by the word for them.
    directories: Vec<(&'static str, PathBuf)>,
    /// Who is configured: the ledger remembers others.
    fleet: Arc<Current<Fleet>>,
    metrics: Arc<Metrics>,
    /// Kept open, so that its statements stay compiled.
    reader: Option<Reader>,
    in_trouble: bool,
}

/// A reader, and what it has last seen.
struct Reader {
    ledger: SqliteReader,
    seen: Option<Seen>,
}

/// By which state of the ledger, and for whom, metrics tell of lanes.
struct Seen {
    state: i64,
    fleet: Arc<Fleet>,
}

impl Survey {
    /// Of a configuration whose ledger is open.
    pub fn new(config: &Config, fleet: Arc<Current<Fleet>>, metrics: Arc<Metrics>) -> Self {
        Self {
            ledger: config.ledger.path.clone(),
            directories: machine::directories(config),
            fleet,
            metrics,
            reader: None,
            in_trouble: false,
        }
    }

    /// Looks until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut survey = self;
        survey.look_at_the_machine();
        tokio::select! { () = tokio::time::sleep(FIRST) => {}, () = stop.cancelled() => {} }
        while !stop.is_cancelled() {
            let began = Instant::now();
            // A panic of its own ends the look, and the task with it: the daemon takes that for a part that broke off.
            let looked = tokio::task::spawn_blocking(move || {
                survey.look();
                survey
            });
            match looked.await {
                Ok(back) => survey = back,
                Err(_) => return,
            }
            let pause = PAUSE.max(began.elapsed() * SHARE);
            tokio::select! { () = tokio::time::sleep(pause) => {}, () = stop.cancelled() => {} }
        }
    }

    fn look(&mut self) {
        self.look_at_the_machine();
        let now = Timestamp::now();
        match self.look_at_the_ledger(now) {
            Ok(()) => {
                self.metrics.ledger_looked.set(now.as_duration().as_secs_f64());
                self.in_trouble = false;
            }
            // What was counted stays as it was, and `ledger_looked` says as of when. Said once.
            Err(why) => {
                self.reader = None;
                if !std::mem::replace(&mut self.in_trouble, true) {
                    tracing::warn!(reason = %why, "what waits cannot be counted; metrics keep the last counts");
                }
            }
        }
    }

    fn look_at_the_ledger(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader { ledger: SqliteReader::open(&self.ledger)?, seen: None },
        };
        let fleet = self.fleet.get();
        // Before anything is looked at: what is committed meanwhile is seen by the next look.
        let state = reader.ledger.state()?;
        let is_known = reader.seen.as_ref().is_some_and(|seen| seen.state == state && Arc::ptr_eq(&seen.fleet, &fleet));
        let (trouble, sizes) = if is_known {
            (in_trouble(&reader.ledger, now)?, reader.ledger.sizes())
        } else {
            let found = survey(&reader.ledger, now)?;
            self.put(&found, &fleet);
            ((found.refused, found.expired), (found.file, found.wal))
        };
        self.put_beside_lanes(trouble, sizes);
        reader.seen = Some(Seen { state, fleet });
        self.reader = Some(reader);
        Ok(())
    }

    fn put(&self, found: &LedgerSurvey, fleet: &Fleet) {
        let metrics = &self.metrics;
        for lane in found.lanes.iter().filter(|lane| fleet.beats.contains_key(&lane.destination)) {
            let series = metrics.destinations.of(&lane.destination);
            series.set(LaneGauge::Waiting, whole(lane.waiting));
            series.set(LaneGauge::Held, whole(lane.held));
            series.set(LaneGauge::Halted, i64::from(lane.is_halted()));
            series.set(LaneGauge::Oldest, lane.oldest.map(Timestamp::as_second));
        }
        let withdrawals: BTreeMap<_, _> = found.withdrawals.iter().map(|one| (&one.destination, one)).collect();
        let mut outstanding = 0;
        for destination in fleet.beats.keys() {
            let withdrawal = withdrawals.get(destination);
            outstanding += withdrawal.map_or(0, |one| one.outstanding);
            let oldest = withdrawal.map(|one| one.oldest.as_second());
            metrics.destinations.of(destination).set(LaneGauge::OldestWithdrawal, oldest);
        }
        metrics.withdrawals.set(whole(outstanding));
        for (kind, number) in &found.quarantine {
            metrics.quarantine.get_or_create(&KindLabel { kind: kind.as_str().to_owned() }).set(whole(*number));
        }
    }

    /// What changes though nothing was committed: with time, and where the log was moved.
    fn put_beside_lanes(&self, (refused, expired): (u64, u64), (file, wal): (u64, u64)) {
        for (end, number) in [("refused", refused), ("expired", expired)] {
            self.metrics.in_trouble.get_or_create(&EndLabel { end: end.to_owned() }).set(whole(number));
        }
        for (file, size) in [("database", file), ("wal", wal)] {
            self.metrics.ledger_bytes.get_or_create(&FileLabel { file: file.to_owned() }).set(whole(size));
        }
    }

    fn look_at_the_machine(&self) {
        let metrics = &self.metrics;
        for (word, directory) in &self.directories {
            let label = DirectoryLabel { directory: (*word).to_owned() };
            // What cannot be asked is absent rather than wrong.
            let room = machine::room(directory).ok();
            set_or_remove(&metrics.disk_free, &label, room.map(|room| room.free));
            set_or_remove(&metrics.disk_size, &label, room.map(|room| room.size));
        }
        if let Some(open) = machine::open_files() {
            metrics.open_files.set(whole(open));
        }
        metrics.most_files.set(whole(machine::most_files()));
        if let Some(resident) = machine::resident() {
            metrics.resident.set(whole(resident));
        }
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn set_or_remove(family: &Family<DirectoryLabel, Gauge>, label: &DirectoryLabel, number: Option<u64>) {
    match number {
        Some(number) => drop(family.get_or_create(label).set(whole(number))),
        None => drop(family.remove(label)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::ledger::{Ledger, NewOrder, Order, Registration, SqliteLedger, SqliteOptions, Target};
    use crate::telemetry::{Beat, CommitMetrics};

    fn fleet() -> Fleet {
        Fleet { beats: HashMap::from([("a/main".to_owned(), Arc::<Beat>::default())]), ..Fleet::default() }
    }

    #[tokio::test]
    async fn lanes_are_looked_at_when_something_was_committed_or_others_are_configured() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let in_network = Duration::from_secs(1);
        let commits = CommitMetrics::default();
        let options = SqliteOptions { path: &path, batch: 8, waiting: 16, in_network, commits };
        let (ledger, _closing) = SqliteLedger::open(&options).unwrap();
        let now = Timestamp::now();
        ledger.register(vec![Registration { name: "a/main".to_owned(), paused: false }], now).await.unwrap();
        let mut survey = Survey {
            ledger: path.clone(),
            directories: Vec::new(),
            fleet: Arc::new(Current::new(fleet())),
            metrics: Arc::new(Metrics::new()),
            reader: None,
            in_trouble: false,
        };
        let series = survey.metrics.destinations.of("a/main");
        let lane = || [LaneGauge::Waiting, LaneGauge::Halted].map(|gauge| series.get(gauge));
        // A value that no look finds shows whether one was made.
        let mark = || series.set(LaneGauge::Waiting, 7);
        survey.look();
        assert_eq!(lane(), [Some(0), Some(0)]);
        mark();
        survey.look();
        assert_eq!(lane(), [Some(7), Some(0)], "nothing was committed");
        assert!(survey.metrics.ledger_looked.get() >= now.as_duration().as_secs_f64(), "it is true as of now");

        let order = Order::Suspend { to: Target::new("a"), even_kills: false };
        let order = NewOrder { order, by: "anna".to_owned(), reason: None, at: now };
        let id = ledger.place(order).await.unwrap();
        let _ = ledger.carry_out(id, now).await.unwrap();
        survey.look();
        assert_eq!(lane(), [Some(0), Some(1)]);
        mark();
        survey.fleet.set(fleet());
        survey.look();
        assert_eq!(lane(), [Some(0), Some(1)], "another configuration may have had its series removed");
        mark();
        survey.reader = None;
        survey.look();
        assert_eq!(lane(), [Some(0), Some(1)], "another reader counts from its own start");
    }
}
