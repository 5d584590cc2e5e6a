//! What metrics tell of the ledger and the machine: looked at every few seconds, on a thread beside all other work.
//!
//! Nothing is counted where deliveries pass. A look goes through the lanes one by one and counts in each no further than a
//! bound, so that a backlog of millions costs it no more than one of thousands (promise 8), and the pause after it
//! grows with the time that it took.

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
use crate::answers::board::survey;
use crate::config::Config;
use crate::current::Current;
use crate::ledger::{LedgerError, LedgerSurvey, SqliteReader};
use crate::telemetry::{DestinationLabel, DirectoryLabel, EndLabel, FileLabel, KindLabel, Metrics};

/// The shortest pause between two looks: what scrapes metrics does so about as often.
const PAUSE: Duration = Duration::from_secs(10);

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
    reader: Option<SqliteReader>,
    in_trouble: bool,
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
        match self.ask(now) {
            Ok(found) => {
                self.put(&found);
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

    fn ask(&mut self, now: Timestamp) -> Result<LedgerSurvey, LedgerError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => SqliteReader::open(&self.ledger)?,
        };
        survey(&reader, now).inspect(|_| self.reader = Some(reader))
    }

    fn put(&self, found: &LedgerSurvey) {
        let (metrics, fleet) = (&self.metrics, self.fleet.get());
        for lane in found.lanes.iter().filter(|lane| fleet.beats.contains_key(&lane.destination)) {
            let label = DestinationLabel { destination: lane.destination.clone() };
            metrics.lane_waiting.get_or_create(&label).set(whole(lane.waiting));
            metrics.lane_held.get_or_create(&label).set(whole(lane.held));
            metrics.lane_halted.get_or_create(&label).set(i64::from(lane.is_halted()));
            set_or_remove(&metrics.lane_oldest, &label, lane.oldest);
        }
        let withdrawals: BTreeMap<_, _> = found.withdrawals.iter().map(|one| (&one.destination, one)).collect();
        let mut outstanding = 0;
        for destination in fleet.beats.keys() {
            let label = DestinationLabel { destination: destination.clone() };
            let withdrawal = withdrawals.get(destination);
            outstanding += withdrawal.map_or(0, |one| one.outstanding);
            set_or_remove(&metrics.withdrawal_oldest, &label, withdrawal.map(|one| one.oldest));
        }
        metrics.withdrawals.set(whole(outstanding));
        for (end, number) in [("refused", found.refused), ("expired", found.expired)] {
            metrics.in_trouble.get_or_create(&EndLabel { end: end.to_owned() }).set(whole(number));
        }
        for (kind, number) in &found.quarantine {
            metrics.quarantine.get_or_create(&KindLabel { kind: kind.as_str().to_owned() }).set(whole(*number));
        }
        for (file, size) in [("database", found.file), ("wal", found.wal)] {
            metrics.ledger_bytes.get_or_create(&FileLabel { file: file.to_owned() }).set(whole(size));
        }
    }

    fn look_at_the_machine(&self) {
        let metrics = &self.metrics;
        for (word, directory) in &self.directories {
            let label = DirectoryLabel { directory: (*word).to_owned() };
            // What cannot be asked is absent rather than wrong.
            let room = machine::room(directory).ok();
            set_or_remove_number(&metrics.disk_free, &label, room.map(|room| room.free));
            set_or_remove_number(&metrics.disk_size, &label, room.map(|room| room.size));
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

fn set_or_remove(family: &Family<DestinationLabel, Gauge>, label: &DestinationLabel, at: Option<Timestamp>) {
    match at {
        Some(at) => drop(family.get_or_create(label).set(at.as_second())),
        None => drop(family.remove(label)),
    }
}

fn set_or_remove_number(family: &Family<DirectoryLabel, Gauge>, label: &DirectoryLabel, number: Option<u64>) {
    match number {
        Some(number) => drop(family.get_or_create(label).set(whole(number))),
        None => drop(family.remove(label)),
    }
}
