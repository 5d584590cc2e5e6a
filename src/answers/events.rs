//! What happened, the newest last: accepted articles, attempts that failed, ends, doors in trouble, orders, quarantine.
//!
//! All of it is read from the ledger, so it is the same beside a daemon and without one. An attempt that delivered has no
//! row of its own: of the whole wire a version is told once all of its deliveries are at their end, and of one partner or
//! one story each delivery's end is told. A look is bounded; what happened to versions that are older than it looks
//! through, `newswired deliveries` lists.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::article::Action;
use crate::ledger::{
    AcceptedView, AttemptView, DeliveryFilter, DeliveryRecord, Ends, FailedAttempt, LedgerError, Marks, Order, OrderId,
    OrderRecord, OrderState, QuarantineKind, QuarantineSummary, SqliteReader, Target,
};

/// Of each kind, so many are looked through at once.
const LOOKED_AT: usize = 2_000;

/// Versions whose deliveries are counted at once.
const COUNTED: usize = 64;

/// A commit may bring to light what ended a little before it.
const LATE: SignedDuration = SignedDuration::from_secs(30);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum What {
    /// An article was accepted.
    Accepted { story: String, version: u64, action: Action, headline: String, source: String },
    /// An attempt did not deliver.
    Failed {
        destination: String,
        story: String,
        version: u64,
        attempt: u32,
        outcome: String,
        status: Option<u16>,
        detail: String,
    },
    /// A delivery came to its end.
    Ended { destination: String, story: String, version: u64, action: String, state: String, reason: Option<String> },
    /// The last delivery of a version came to its end.
    Complete { story: String, version: u64, action: Action, doors: u64, delivered: u64, refused: u64, expired: u64 },
    /// A door begins to fail.
    Trouble { destination: String, why: String },
    /// A door that failed takes something again.
    Well { destination: String },
    /// An order was given, or came to its end.
    Order { id: OrderId, order: Order, by: String, reason: Option<String>, state: OrderState, result: Option<String> },
    /// Something could not be accepted, or not be proved.
    Quarantined { id: i64, kind: QuarantineKind, source: String, guid: Option<String>, reason: String },
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub to: Option<Target>,
    pub story: Option<String>,
}

impl About {
    fn is_all(&self) -> bool {
        self.to.is_none() && self.story.is_none()
    }

    fn has_order(&self, order: &Order) -> bool {
        let story = self.story.as_ref().is_none_or(|story| order.story().is_some_and(|about| about.as_str() == story));
        let to = self
            .to
            .as_ref()
            .is_none_or(|at| order.to().is_none_or(|to| to.covers(at.as_str()) || at.covers(to.as_str())));
        story && to
    }
}

/// What happened since a time, the last `limit` of it.
///
/// # Errors
/// [`LedgerError`] when the ledger cannot be read.
pub fn past(
    reader: &SqliteReader,
    about: &About,
    since: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Event>, LedgerError> {
    let most = limit.min(LOOKED_AT);
    let mut events = Vec::new();
    let (first, now) = (Marks::default(), reader.marks()?);
    let accepted = between(reader, about, (&first, &now), most, &mut events)?;
    let orders = reader.orders_between((first.order, now.order), most)?.into_iter();
    events.extend(orders.filter(|one| about.has_order(&one.order)).map(order));
    if about.is_all() {
        // Of the newest versions, whose ends are the newest, too.
        for article in accepted.iter().rev().take(COUNTED) {
            events.extend(complete(article, &reader.ends(article.id)?));
        }
        let refused = reader.ended_in_trouble(since.unwrap_or(Timestamp::MIN), most)?;
        events.extend(refused.into_iter().map(end));
    } else {
        events.extend(ended(reader, about)?.into_iter().map(end));
    }
    events.retain(|event| since.is_none_or(|since| event.at >= since));
    events.sort_by_key(|event| event.at);
    events.drain(..events.len().saturating_sub(limit));
    Ok(events)
}

/// What the lists have between two places; the articles that were accepted are returned, too.
fn between(
    reader: &SqliteReader,
    about: &About,
    (from, to): (&Marks, &Marks),
    limit: usize,
    events: &mut Vec<Event>,
) -> Result<Vec<AcceptedView>, LedgerError> {
    let story = about.story.as_deref();
    let attempts = reader.failed_between((from.attempt, to.attempt), story, about.to.as_ref(), limit)?;
    events.extend(attempts.into_iter().map(failed));
    let mut accepted = Vec::new();
    if about.to.is_none() {
        accepted = reader.accepted_between((from.article, to.article), story, limit)?;
        events.extend(accepted.iter().map(acceptance));
        let set_aside = reader.quarantined_between((from.quarantine, to.quarantine), limit)?;
        let set_aside = set_aside.into_iter().filter(|one| story.is_none() || one.guid.as_deref() == story);
        events.extend(set_aside.map(quarantined));
    }
    Ok(accepted)
}

/// The deliveries of a partner or a story that are at their end.
fn ended(reader: &SqliteReader, about: &About) -> Result<Vec<DeliveryRecord>, LedgerError> {
    let partner = about.to.as_ref().map(|to| to.as_str().to_owned());
    let filter = DeliveryFilter { partner, story: about.story.clone(), limit: LOOKED_AT, ..DeliveryFilter::default() };
    let mut found = reader.delivery_page(&filter)?.deliveries;
    found.retain(|one| !matches!(one.state.as_str(), "waiting" | "held" | "attempting"));
    Ok(found)
}

fn acceptance(one: &AcceptedView) -> Event {
    let AcceptedView { id: _, story, version, action, headline, source, at } = one.clone();
    Event { at, what: What::Accepted { story, version, action, headline, source } }
}

fn failed(one: FailedAttempt) -> Event {
    let FailedAttempt { destination, story, attempt } = one;
    let AttemptView { version, attempt, began: _, ended, outcome, status, detail } = attempt;
    let version = version.get();
    Event { at: ended, what: What::Failed { destination, story, version, attempt, outcome, status, detail } }
}

fn end(one: DeliveryRecord) -> Event {
    let at = one.at.unwrap_or(one.accepted);
    let DeliveryRecord { destination, story, version, action, state, reason, .. } = one;
    Event { at, what: What::Ended { destination, story, version, action, state, reason } }
}

fn complete(article: &AcceptedView, ends: &Ends) -> Option<Event> {
    let Ends { doors, open, delivered, refused, expired, last } = *ends;
    let at = last.filter(|_| open == 0 && doors > 0)?;
    let (story, version, action) = (article.story.clone(), article.version, article.action);
    Some(Event { at, what: What::Complete { story, version, action, doors, delivered, refused, expired } })
}

fn order(record: OrderRecord) -> Event {
    let OrderRecord { id, order, at, by, reason, state, taken, result } = record;
    Event { at: taken.unwrap_or(at), what: What::Order { id, order, by, reason, state, result } }
}

fn quarantined(one: QuarantineSummary) -> Event {
    let QuarantineSummary { id, kind, state: _, source, guid, reason, at, size: _ } = one;
    Event { at, what: What::Quarantined { id, kind, source, guid, reason } }
}

/// Tells what happens from a moment on, look by look.
pub struct Following {
    about: About,
    marks: Marks,
    /// Versions whose deliveries are not all at their end.
    open: Vec<AcceptedView>,
    /// Orders that are not at their end.
    orders: BTreeMap<OrderId, OrderState>,
    /// Doors that were in trouble at the last look.
    troubled: BTreeMap<String, String>,
    /// Ends that were told, of the last while.
    told: HashSet<(String, String, u64, Timestamp)>,
    since: Timestamp,
}

impl Following {
    /// From now on.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read.
    pub fn begin(reader: &SqliteReader, about: About, now: Timestamp) -> Result<Self, LedgerError> {
        let marks = reader.marks()?;
        let mut open = Vec::new();
        if about.is_all() {
            for article in reader.accepted_between((0, marks.article), None, COUNTED)? {
                if reader.ends(article.id)?.open > 0 {
                    open.push(article);
                }
            }
        }
        let orders = reader.orders(false)?.into_iter().map(|order| (order.id, order.state)).collect();
        let mut following =
            Self { about, marks, open, orders, troubled: BTreeMap::new(), told: HashSet::new(), since: now };
        following.troubled = following.troubled_now(reader)?;
        // What ended before is not told again.
        let before = following.ended_since(reader, now.saturating_sub(LATE).unwrap_or(Timestamp::MIN))?;
        following.told.extend(before.iter().map(key));
        Ok(following)
    }

    /// What happened since the look before.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be read; the next look tells it all the same.
    pub fn next(&mut self, reader: &SqliteReader, now: Timestamp) -> Result<Vec<Event>, LedgerError> {
        let marks = reader.marks()?;
        let mut events = Vec::new();
        let accepted = between(reader, &self.about, (&self.marks, &marks), LOOKED_AT, &mut events)?;
        for record in reader.orders_between((self.marks.order, marks.order), LOOKED_AT)? {
            if !record.state.is_final() {
                self.orders.insert(record.id, record.state);
            }
            if self.about.has_order(&record.order) {
                events.push(order(record));
            }
        }
        self.orders_went_on(reader, &mut events)?;
        if self.about.is_all() {
            self.open.extend(accepted);
            self.completed(reader, &mut events)?;
        }
        let ended = self.ended_since(reader, self.since.saturating_sub(LATE).unwrap_or(Timestamp::MIN))?;
        let keys: HashSet<_> = ended.iter().map(key).collect();
        events.extend(ended.into_iter().filter(|one| !self.told.contains(&key(one))).map(end));
        self.told = keys;
        let troubled = self.troubled_now(reader)?;
        for (destination, why) in &troubled {
            if !self.troubled.contains_key(destination) {
                let (destination, why) = (destination.clone(), why.clone());
                events.push(Event { at: now, what: What::Trouble { destination, why } });
            }
        }
        for destination in self.troubled.keys().filter(|destination| !troubled.contains_key(*destination)) {
            events.push(Event { at: now, what: What::Well { destination: destination.clone() } });
        }
        (self.marks, self.troubled, self.since) = (marks, troubled, now);
        events.sort_by_key(|event| event.at);
        Ok(events)
    }

    fn orders_went_on(&mut self, reader: &SqliteReader, events: &mut Vec<Event>) -> Result<(), LedgerError> {
        for (id, before) in std::mem::take(&mut self.orders) {
            let Some(record) = reader.order_placed(id)? else { continue };
            let state = record.state;
            if state != before && self.about.has_order(&record.order) {
                events.push(order(record));
            }
            if !state.is_final() {
                self.orders.insert(id, state);
            }
        }
        Ok(())
    }

    fn completed(&mut self, reader: &SqliteReader, events: &mut Vec<Event>) -> Result<(), LedgerError> {
        // A kill is never given up for what came after it.
        let most = self.open.len().saturating_sub(COUNTED);
        let mut passed = 0;
        self.open.retain(|article| {
            let goes = passed < most && !article.action.withdraws();
            passed += usize::from(goes);
            !goes
        });
        for article in std::mem::take(&mut self.open) {
            let ends = reader.ends(article.id)?;
            events.extend(complete(&article, &ends));
            if ends.open > 0 {
                self.open.push(article);
            }
        }
        Ok(())
    }

    fn ended_since(&self, reader: &SqliteReader, since: Timestamp) -> Result<Vec<DeliveryRecord>, LedgerError> {
        if self.about.is_all() {
            return reader.ended_in_trouble(since, LOOKED_AT);
        }
        let mut found = ended(reader, &self.about)?;
        found.retain(|one| one.at.is_some_and(|at| at >= since));
        Ok(found)
    }

    fn troubled_now(&self, reader: &SqliteReader) -> Result<BTreeMap<String, String>, LedgerError> {
        if self.about.story.is_some() {
            return Ok(BTreeMap::new());
        }
        let about = |destination: &str| self.about.to.as_ref().is_none_or(|to| to.covers(destination));
        let doors = reader.troubled()?.into_iter().filter(|door| about(&door.destination));
        Ok(doors.map(|door| (door.destination, door.why)).collect())
    }
}

fn key(one: &DeliveryRecord) -> (String, String, u64, Timestamp) {
    (one.destination.clone(), one.story.clone(), one.version, one.at.unwrap_or(one.accepted))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::fixture::{Fixture, article, delivered, fixture};
    use crate::ledger::state::Settled;
    use crate::ledger::{Ledger, NewOrder, QuarantineEntry};

    /// The words of events, with what each is about.
    fn words(events: &[Event]) -> Vec<String> {
        events.iter().map(word).collect()
    }

    fn word(event: &Event) -> String {
        match &event.what {
            What::Accepted { story, version, .. } => format!("accepted {story} {version}"),
            What::Failed { destination, story, outcome, .. } => format!("failed {destination} {story} {outcome}"),
            What::Ended { destination, story, version, state, .. } => {
                format!("ended {destination} {story} {version} {state}")
            }
            What::Complete { story, version, delivered, doors, refused, .. } => {
                format!("complete {story} {version} {delivered}/{doors} refused {refused}")
            }
            What::Trouble { destination, why } => format!("trouble {destination} {why}"),
            What::Well { destination } => format!("well {destination}"),
            What::Order { order, state, .. } => format!("order {order} {}", state.as_str()),
            What::Quarantined { reason, .. } => format!("quarantined {reason}"),
        }
    }

    async fn refuse(fixture: &Fixture, at: usize) {
        for row in fixture.claim(at).await.rows {
            fixture.settle(at, row, Settled::Refused { reason: "answered 422".to_owned(), hold: None }).await;
        }
    }

    async fn deliver(fixture: &Fixture, at: usize) {
        for row in fixture.claim(at).await.rows {
            fixture.settle(at, row, delivered()).await;
        }
    }

    /// A story, its kill, an order and bad input, with a look after each step. Returns what was told while it happened.
    async fn a_day(fixture: &Fixture, about: &About) -> Vec<Vec<String>> {
        let reader = fixture.reader();
        let mut following = Following::begin(&reader, about.clone(), Timestamp::now()).unwrap();
        let mut told = Vec::new();
        let mut look = || told.push(words(&following.next(&reader, Timestamp::now()).unwrap()));
        let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
        look();
        deliver(fixture, 0).await;
        look();
        refuse(fixture, 1).await;
        look();
        let _ = fixture.accept(article("urn:x:a", 2, Action::Kill)).await;
        deliver(fixture, 0).await;
        look();
        let order = Order::Suspend { to: Target::new("partner-1"), even_kills: false };
        let (by, at) = ("anna".to_owned(), Timestamp::now());
        let id = fixture.ledger.place(NewOrder { order, by, reason: None, at }).await.unwrap();
        look();
        let _ = fixture.ledger.carry_out(id, at).await.unwrap();
        let entry = QuarantineEntry {
            kind: QuarantineKind::Input,
            source: "test".to_owned(),
            content_type: None,
            guid: None,
            reason: "no article".to_owned(),
            bytes: "x".into(),
            at: Timestamp::now(),
        };
        let _ = fixture.ledger.quarantine(entry).await.unwrap();
        look();
        look();
        told
    }

    #[tokio::test]
    async fn what_happens_is_told_once_and_as_it_happens() {
        let fixture = fixture(2).await;
        let told = a_day(&fixture, &About::default()).await;
        let lines: Vec<String> = told.iter().map(|look| look.join("; ")).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        accepted urn:x:a 1

        failed partner-1/main urn:x:a refused; complete urn:x:a 1 1/2 refused 1; ended partner-1/main urn:x:a 1 refused
        accepted urn:x:a 2; complete urn:x:a 2 1/1 refused 0
        order suspend partner-1 waiting
        order suspend partner-1 done; quarantined no article
        ");
    }

    /// What is told of a partner's doors and of a story is each delivery's own end.
    #[tokio::test]
    async fn of_one_partner_and_of_one_story_each_end_is_told() {
        let partner = fixture(2).await;
        let told = a_day(&partner, &About { to: Some(Target::new("partner-0")), story: None }).await.concat();
        insta::assert_snapshot!(told.join("\n"), @"
        ended partner-0/main urn:x:a 1 delivered
        ended partner-0/main urn:x:a 2 delivered
        ");
        let story = fixture(2).await;
        let _ = story.accept(article("urn:x:b", 1, Action::Publish)).await;
        deliver(&story, 0).await;
        let told = a_day(&story, &About { to: None, story: Some("urn:x:b".to_owned()) }).await.concat();
        let own = ["failed partner-1/main urn:x:b refused", "ended partner-1/main urn:x:b 1 refused"];
        assert_eq!(told, own, "the other story is none of its business");
    }

    /// Whoever looks afterwards is told what was told meanwhile, the last of it last.
    #[tokio::test]
    async fn what_was_told_meanwhile_is_told_afterwards() {
        for about in [
            About::default(),
            About { to: Some(Target::new("partner-1/main")), story: None },
            About { to: None, story: Some("urn:x:a".to_owned()) },
        ] {
            let fixture = fixture(2).await;
            let meanwhile = a_day(&fixture, &about).await.concat();
            let reader = fixture.reader();
            let afterwards = past(&reader, &about, None, 1_000).unwrap();
            assert!(afterwards.is_sorted_by_key(|event| event.at));
            // An order is told at its end, and a delivery that a kill took over has left its row.
            let lasting = |told: &String| !told.ends_with(" waiting") && !told.starts_with("complete urn:x:a 1");
            let moved = |told: &String| told.starts_with("ended") && told.contains("urn:x:a 1");
            let mut meanwhile: Vec<_> = meanwhile.into_iter().filter(lasting).filter(|told| !moved(told)).collect();
            let mut words = words(&afterwards);
            words.retain(|told| !moved(told));
            meanwhile.sort();
            words.sort();
            assert_eq!(words, meanwhile, "{about:?}");
            let last = past(&reader, &about, None, 2).unwrap();
            assert_eq!(last, afterwards[afterwards.len() - 2..]);
            let later = afterwards.last().unwrap().at + Duration::from_micros(1);
            assert_eq!(past(&reader, &about, Some(later), 1_000).unwrap(), []);
        }
    }

    #[tokio::test]
    async fn a_door_is_in_trouble_once_and_well_once() {
        let fixture = fixture(1).await;
        let reader = fixture.reader();
        let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
        let mut following = Following::begin(&reader, About::default(), Timestamp::now()).unwrap();
        let state = |failures: u32| crate::ledger::LaneState {
            failures,
            retry_at: None,
            suspended: None,
            trouble: (failures > 0).then(|| "answered 503".to_owned()),
        };
        let mut told = Vec::new();
        for failures in [1, 2, 3, 0, 0] {
            fixture.ledger.record(fixture.destinations[0], Vec::new(), Some(state(failures))).await.unwrap();
            told.extend(words(&following.next(&reader, Timestamp::now()).unwrap()));
        }
        assert_eq!(told, ["trouble partner-0/main answered 503", "well partner-0/main"]);
    }
}
