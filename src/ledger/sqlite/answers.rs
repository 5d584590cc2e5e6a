//! The ledger's trait on SQLite: each question becomes a command to the writer, or a read.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

use super::command::{Command, Told};
use super::queue::Line;
use super::{SqliteLedger, commands, inspect, rows};
use crate::article::Article;
use crate::ledger::events::{EventId, EventPage, Telling, Tend};
use crate::ledger::orders::{Candidate, Candidates, CarriedOut, NewOrder, OrderId, OrderRecord, ReplayStep, Woken};
use crate::ledger::records::{
    Acceptance, Accepted, Arrived, Attempted, Claim, Claimed, LaneDue, LaneState, Lapsed, QuarantineEntry, Quarantined,
    Recorder, Registration, Report, Tidied, Tidy, Waiting,
};
use crate::ledger::{ArticleId, DestinationId, Health, Ledger, LedgerError, StoryId, content};
use crate::telemetry::TraceContext;

impl Ledger for SqliteLedger {
    fn register(
        &self,
        destinations: Vec<Registration>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<DestinationId>, LedgerError>> {
        self.ask(|answer| Command::Register(destinations, now, answer))
    }

    fn accept(&self, acceptance: Acceptance) -> BoxFuture<'_, Result<Accepted, LedgerError>> {
        let content = match content::write(&acceptance.article) {
            Ok(content) => content,
            Err(why) => return async move { Err(LedgerError::Damaged(why.to_string())) }.boxed(),
        };
        self.ask(|answer| Command::Accept(Box::new(acceptance), content, answer))
    }

    fn quarantine(&self, entry: QuarantineEntry) -> BoxFuture<'_, Result<Quarantined, LedgerError>> {
        self.ask(|answer| Command::Quarantine(Box::new(entry), answer))
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, LedgerError>> {
        self.ask(|answer| Command::Claim(claim, answer))
    }

    fn record(
        &self,
        destination: DestinationId,
        reports: Vec<Report>,
        lane: Option<LaneState>,
    ) -> BoxFuture<'_, Result<Waiting, LedgerError>> {
        self.ask(|answer| Command::Record(destination, reports, lane, answer))
    }

    fn arrived(
        &self,
        destination: DestinationId,
        arrived: Arrived,
        recorder: Arc<dyn Recorder>,
    ) -> Result<(), Arrived> {
        match self.commands.place(Line::Ends) {
            Some(place) => {
                place.send(Command::Arrived(destination, arrived, Told::new(recorder)));
                Ok(())
            }
            None => Err(arrived),
        }
    }

    fn release(
        &self,
        destination: DestinationId,
        rows: Vec<Attempted>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Waiting, LedgerError>> {
        self.ask(|answer| Command::Release(destination, rows, now, answer))
    }

    fn abandon(
        &self,
        destination: DestinationId,
        in_network: Duration,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.ask(|answer| Command::Abandon(destination, in_network, now, answer))
    }

    fn article(&self, id: ArticleId) -> BoxFuture<'_, Result<Arc<Article>, LedgerError>> {
        let stored = self.read(move |db| {
            db.prepare_cached("SELECT content, accepted FROM article WHERE id = ?1")?
                .query_row([id.0], |row| Ok((row.get::<_, Vec<u8>>(0)?, rows::timestamp(row, 1)?)))
        });
        async move {
            let (content, accepted) = stored.await?;
            let article = content::read(&content, accepted).map_err(|why| damaged(id, &why))?;
            Ok(Arc::new(article))
        }
        .boxed()
    }

    fn trace(&self, id: ArticleId) -> BoxFuture<'_, Result<Option<TraceContext>, LedgerError>> {
        let stored = self.read(move |db| {
            db.prepare_cached("SELECT trace FROM article WHERE id = ?1")?
                .query_row([id.0], |row| row.get::<_, Option<Vec<u8>>>(0))
        });
        async move { Ok(stored.await?.and_then(|bytes| TraceContext::from_bytes(&bytes))) }.boxed()
    }

    fn lanes(&self, destinations: Vec<DestinationId>) -> BoxFuture<'_, Result<Vec<LaneDue>, LedgerError>> {
        self.read(move |db| {
            // One look for all of them: each by itself would take the locks of the file anew.
            let moment = db.unchecked_transaction()?;
            let lanes = destinations.into_iter().map(|destination| commands::lane(&moment, destination)).collect();
            moment.finish()?;
            lanes
        })
    }

    fn retries(&self, limit: usize) -> BoxFuture<'_, Result<Vec<(i64, QuarantineEntry)>, LedgerError>> {
        self.read(move |db| inspect::quarantined(db, "WHERE state = 'retry' ORDER BY id LIMIT ?1", limit))
    }

    fn retried(&self, id: i64, refused: Option<String>) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.ask(|answer| Command::Retried(id, refused, answer))
    }

    fn place(&self, order: NewOrder) -> BoxFuture<'_, Result<OrderId, LedgerError>> {
        self.ask(|answer| Command::Place(Box::new(order), answer))
    }

    fn open_orders(&self, limit: usize) -> BoxFuture<'_, Result<Vec<(OrderRecord, ArticleId)>, LedgerError>> {
        let now = self.quiet.now();
        if self.quiet.was_seen(&now) {
            return ready(Ok(Vec::new())).boxed();
        }
        let read = self.read(move |db| inspect::open_orders(db, limit));
        async move {
            let open = read.await?;
            self.quiet.note(now.filter(|_| open.is_empty() && limit > 0));
            Ok(open)
        }
        .boxed()
    }

    fn carry_out(&self, id: OrderId, now: Timestamp) -> BoxFuture<'_, Result<CarriedOut, LedgerError>> {
        self.ask(|answer| Command::CarryOut(id, now, answer))
    }

    fn end_order(
        &self,
        id: OrderId,
        result: Result<String, String>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.ask(|answer| Command::EndOrder(id, result, now, answer))
    }

    fn candidates(&self, next: Candidates) -> BoxFuture<'_, Result<Vec<Candidate>, LedgerError>> {
        let found = self.read(move |db| commands::candidates(db, &next));
        async move {
            let candidate = |(story, id, content): (StoryId, ArticleId, Vec<u8>)| {
                let article = serde_json::from_slice(&content).map_err(|why| damaged(id, &why))?;
                Ok(Candidate { story, id, article: Arc::new(article) })
            };
            found.await?.into_iter().map(candidate).collect()
        }
        .boxed()
    }

    fn replay(&self, step: ReplayStep) -> BoxFuture<'_, Result<Vec<Woken>, LedgerError>> {
        self.ask(|answer| Command::Replay(Box::new(step), answer))
    }

    fn lapsed(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Lapsed>, LedgerError>> {
        let found = self.read(move |db| commands::lapsed(db, now, limit));
        async move {
            let lapsed = |(story, content, until): (StoryId, Vec<u8>, Timestamp)| {
                let article = serde_json::from_slice(&content).map_err(|why| LedgerError::Damaged(why.to_string()))?;
                Ok(Lapsed { story, article, until })
            };
            found.await?.into_iter().map(lapsed).collect()
        }
        .boxed()
    }

    fn tidy(&self, tidy: Tidy) -> BoxFuture<'_, Result<Tidied, LedgerError>> {
        self.ask(|answer| Command::Tidy(tidy, answer))
    }

    fn tell(&self, telling: Telling) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.ask(|answer| Command::Tell(Box::new(telling), answer))
    }

    fn events(&self, receiver: &str, limit: usize) -> BoxFuture<'_, Result<EventPage, LedgerError>> {
        let receiver = receiver.to_owned();
        self.read(move |db| commands::page(db, &receiver, limit))
    }

    fn taken(&self, receiver: &str, up_to: EventId) -> BoxFuture<'_, Result<(), LedgerError>> {
        let receiver = receiver.to_owned();
        self.ask(|answer| Command::Taken(receiver, up_to, answer))
    }

    fn tend(&self, tend: Tend) -> BoxFuture<'_, Result<bool, LedgerError>> {
        self.ask(|answer| Command::Tend(tend, answer))
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

fn damaged(id: ArticleId, why: &serde_json::Error) -> LedgerError {
    LedgerError::Damaged(format!("article {id}: {why}"))
}
