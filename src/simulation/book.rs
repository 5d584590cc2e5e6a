//! The oracle: its own book of what is owed to whom, kept from what is committed and what arrives. It shares nothing
//! with the program: neither its states, nor its routing, nor its decisions.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::schedule::{DOORS, EARLY, EARLY_DOOR, EVERY_DOOR, PAUSED_VARIANT, SECTION_DOOR};
use crate::article::{Action, Article};
use crate::ledger::Order;
use crate::transport::{Class, Parcel};

/// How late a door that is well may be begun to be served.
const SOON: Duration = Duration::from_secs(3);

/// The shortest span there is.
const INSTANT: Duration = Duration::from_nanos(1);

/// A request, by its place in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendId(usize);

/// A row of the ledger, as an onlooker reads it at the end.
#[derive(Debug, Clone)]
pub struct RowSeen {
    pub door: usize,
    pub story: usize,
    pub version: u64,
    pub stage: i64,
    pub ended: Option<String>,
    pub later: Vec<u64>,
    pub past: Vec<u64>,
}

pub struct Book {
    start: Timestamp,
    stories: BTreeMap<usize, Story>,
    sends: Vec<Sent>,
    halts: [Vec<(Duration, Halted)>; DOORS],
    /// When no process was up, or its ledger could not write.
    disturbed: Vec<(Duration, Duration)>,
    disturbed_since: Option<Duration>,
    variant: usize,
    incarnation: u32,
    /// Doors that refused documents at some time.
    pub strict: [bool; DOORS],
    pub violations: Vec<String>,
    trace: Option<Vec<String>>,
    hash: DefaultHasher,
}

#[derive(Default)]
struct Story {
    committed: Vec<Committed>,
    holds: Vec<(Duration, bool)>,
    cancels: Vec<Cancel>,
    /// Orders to send it again, by door.
    renewed: Vec<(Duration, usize)>,
}

struct Committed {
    version: u64,
    action: Action,
    embargo: Option<Timestamp>,
    expires: Option<Timestamp>,
    rights_until: Option<Timestamp>,
    at: Duration,
    section: String,
    /// For whom it was when it was accepted.
    routed: [bool; DOORS],
}

struct Cancel {
    at: Duration,
    door: Option<usize>,
    up_to: u64,
    even_kills: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Halted {
    No,
    ButKills,
    All,
}

struct Sent {
    door: usize,
    story: usize,
    version: u64,
    action: Action,
    sequence: u64,
    began: Duration,
    incarnation: u32,
    ended: Option<(Duration, Class)>,
    arrivals: Vec<Duration>,
}

impl Sent {
    /// The program knew for certain that it did not arrive.
    fn surely_not(&self) -> bool {
        matches!(self.ended, Some((_, Class::Deferred { .. } | Class::Refused | Class::Gone)))
    }
}

impl Book {
    pub fn new(start: Timestamp, tell: bool) -> Self {
        Self {
            start,
            stories: BTreeMap::new(),
            sends: Vec::new(),
            halts: Default::default(),
            disturbed: Vec::new(),
            disturbed_since: None,
            variant: 0,
            incarnation: 0,
            strict: [false; DOORS],
            violations: Vec::new(),
            trace: tell.then(Vec::new),
            hash: DefaultHasher::new(),
        }
    }

    /// What happened, for the one who has to understand a failure; and for the comparison of two runs.
    pub fn tell(&mut self, at: Duration, line: impl FnOnce() -> String) {
        let line = line();
        (at, &line).hash(&mut self.hash);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.3} s  {line}", at.as_secs_f64()));
        }
    }

    pub fn trace(&self) -> Vec<String> {
        self.trace.clone().unwrap_or_default()
    }

    pub fn fingerprint(&self) -> u64 {
        self.hash.finish()
    }

    fn violated(&mut self, at: Duration, what: String) {
        self.tell(at, || format!("VIOLATION: {what}"));
        self.violations.push(format!("after {:.3} s: {what}", at.as_secs_f64()));
    }

    /// A process is up.
    pub fn process(&mut self, incarnation: u32, variant: usize, at: Duration) {
        self.tell(at, || format!("process {incarnation} is up, with configuration {variant}"));
        (self.incarnation, self.variant) = (incarnation, variant);
        self.calm(at);
    }

    pub fn disturb(&mut self, at: Duration, what: &str) {
        self.tell(at, || what.to_owned());
        self.disturbed_since.get_or_insert(at);
    }

    pub fn calm(&mut self, at: Duration) {
        if let Some(since) = self.disturbed_since.take() {
            self.disturbed.push((since, at));
        }
    }

    fn calm_between(&self, from: Duration, to: Duration) -> bool {
        let overlaps = |(since, until): &(Duration, Duration)| *since <= to && *until >= from;
        !self.disturbed.iter().any(overlaps) && self.disturbed_since.is_none_or(|since| since > to)
    }

    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.start)).unwrap_or_default()
    }

    // --- what is committed -------------------------------------------------------------------------------------------

    /// An article is on the disk, unless the story has this version or a higher one already.
    pub fn committed(&mut self, article: &Article, at: Duration) {
        let (story, version) = (number(article.guid.as_str()), article.version.get());
        let variant = self.variant;
        let book = self.stories.entry(story).or_default();
        let newest = book.committed.last().map(|last| last.version);
        if newest >= Some(version) {
            self.tell(at, || format!("committed s{story} v{version}, which is late or known"));
            return;
        }
        let section = article.sections.first().cloned().unwrap_or_default();
        let mut routed = [true; DOORS];
        routed[SECTION_DOOR] = section == wanted_section(variant);
        let by_the_clock = article.notice.as_deref().is_some_and(|notice| notice.contains("licensed ended"));
        let too_early = by_the_clock
            && book
                .committed
                .last()
                .and_then(|last| last.rights_until)
                .is_none_or(|until| self.start.checked_add(at).is_ok_and(|now| now < until));
        book.committed.push(Committed {
            version,
            action: article.action,
            embargo: article.embargo,
            expires: article.expires,
            rights_until: article.rights_until,
            at,
            section,
            routed,
        });
        self.tell(at, || format!("committed s{story} v{version} {}, for {routed:?}", article.action));
        if too_early {
            self.violated(at, format!("s{story} is withdrawn by the clock before its rights end"));
        }
    }

    /// The source was told that it is kept.
    pub fn acknowledged(&mut self, story: usize, version: u64, at: Duration) {
        let kept = self
            .stories
            .get(&story)
            .is_some_and(|story| story.committed.last().is_some_and(|newest| newest.version >= version));
        if !kept {
            self.violated(at, format!("s{story} v{version} is acknowledged and not on the disk"));
        }
    }

    /// An order takes effect.
    pub fn ordered(&mut self, order: &Order, at: Duration) {
        self.tell(at, || format!("ordered: {order}"));
        match order {
            Order::Hold { story } | Order::Release { story } => {
                if let Some(story) = self.stories.get_mut(&number(story.as_str())) {
                    story.holds.push((at, matches!(order, Order::Hold { .. })));
                }
            }
            Order::Cancel { story, to, even_kills } => {
                if let Some(story) = self.stories.get_mut(&number(story.as_str())) {
                    let up_to = story.committed.last().map_or(0, |newest| newest.version);
                    let door = to.as_ref().map(|to| door(to.as_str()));
                    story.cancels.push(Cancel { at, door, up_to, even_kills: *even_kills });
                }
            }
            Order::Suspend { to, even_kills } => {
                self.halts[door(to.as_str())].push((at, if *even_kills { Halted::All } else { Halted::ButKills }));
            }
            Order::Resume { to } => self.halts[door(to.as_str())].push((at, Halted::No)),
            Order::Resend { story, to } => {
                if let Some(story) = self.stories.get_mut(&number(story.as_str())) {
                    story.renewed.push((at, door(to.as_str())));
                }
            }
            Order::Replay(replay) => {
                let door = door(replay.to.as_str());
                self.stories.values_mut().for_each(|story| story.renewed.push((at, door)));
            }
        }
    }

    fn halted(&self, door: usize, before: Duration) -> Halted {
        let ordered = self.halts[door].iter().rev().find(|(at, _)| *at < before).map_or(Halted::No, |(_, how)| *how);
        if ordered == Halted::No && self.variant == PAUSED_VARIANT && door == 0 { Halted::ButKills } else { ordered }
    }

    // --- what is sent ------------------------------------------------------------------------------------------------

    /// A request begins.
    pub fn begin(
        &mut self,
        door: usize,
        parcel: &Parcel,
        arrivals: Vec<Duration>,
        at: Duration,
        now: Timestamp,
    ) -> SendId {
        let (story, version) = (number(parcel.story.as_str()), parcel.version.get());
        self.tell(at, || {
            let Parcel { action, attempt, sequence, .. } = parcel;
            format!("door {door} is sent s{story} v{version} {action}, attempt {attempt}, number {sequence}")
        });
        let sent = Sent {
            door,
            story,
            version,
            action: parcel.action,
            sequence: parcel.sequence,
            began: at,
            incarnation: self.incarnation,
            ended: None,
            arrivals,
        };
        for what in self.objections(&sent, now) {
            self.violated(at, format!("door {door}, s{story} v{version}: {what}"));
        }
        self.sends.push(sent);
        SendId(self.sends.len() - 1)
    }

    fn objections(&self, sent: &Sent, now: Timestamp) -> Vec<String> {
        let Sent { door, story, version, action, sequence, began, incarnation, .. } = *sent;
        let mut found = Vec::new();
        let mut object = |holds: bool, what: &str| {
            if !holds {
                found.push(what.to_owned());
            }
        };
        let before: Vec<_> = self.sends.iter().filter(|one| one.door == door && one.story == story).collect();
        object(
            !before.iter().any(|one| one.incarnation == incarnation && one.ended.is_none()),
            "another attempt is in flight",
        );
        object(before.iter().all(|one| one.version <= version), "a higher version was attempted before");
        let Some(book) = self.stories.get(&story) else {
            return vec!["nothing of the story is committed".to_owned()];
        };
        let Some(this) = book.committed.iter().find(|one| one.version == version) else {
            return vec!["that version was never the story's newest on the disk".to_owned()];
        };
        let known = || book.committed.iter().filter(|one| one.at < began);
        let withdraws = action.withdraws();
        if withdraws {
            // A process that died meanwhile may have announced an attempt, and nobody knows what became of that.
            let offered = book.committed.iter().find(|one| one.routed[door] && !one.action.withdraws());
            let died = offered.is_some_and(|one| !self.calm_between(one.at, began));
            object(died || before.iter().any(|one| !one.surely_not()), "a kill for who never had the story");
        } else {
            // What an operator has sent again goes by the rules of that day.
            let renewed = book.renewed.iter().any(|(at, renewed)| *at <= began && *renewed == door);
            let for_it = |one: &Committed| {
                one.routed[door] || (renewed && (door != SECTION_DOOR || one.section == wanted_section(self.variant)))
            };
            object(
                for_it(this) || (this.action == Action::Correct && !before.is_empty()),
                "that version is not for this door",
            );
            // What is owed now, by what was on the disk before.
            let newest = known().filter(|one| one.routed[door] || one.action.withdraws()).map(|one| one.version).max();
            object(newest <= Some(version) || door == EVERY_DOOR, "a newer version is on the disk");
            object(
                known().all(|one| one.version <= version || !one.action.withdraws()),
                "the story was withdrawn before",
            );
            let passed_over = known().any(|one| one.version > version && !for_it(one));
            object(!passed_over, "a newer version is not for this door");
            if door == EVERY_DOOR {
                let was_sent = |one: &Committed| before.iter().any(|sent| sent.version == one.version);
                let had_its_end = |one: &Committed| {
                    one.action.withdraws()
                        || book.cancels.iter().any(|cancel| cancel.up_to >= one.version)
                        || one.expires.is_some_and(|expires| expires <= now)
                        || known().any(|kill| kill.action.withdraws() && kill.version > one.version)
                };
                let skipped = known().any(|one| one.version < version && !had_its_end(one) && !was_sent(one));
                object(!skipped, "a version before it was left out");
            }
            let early = if door == EARLY_DOOR && this.routed[door] { EARLY } else { Duration::ZERO };
            let over = |one: &Committed| {
                one.embargo.and_then(|embargo| embargo.checked_sub(early).ok()).is_none_or(|embargo| now >= embargo)
            };
            // Where all versions go, the newest says when; one that comes in the same instant may, or may not yet.
            let dated = |before| book.committed.iter().rev().find(|one| one.at < before).is_none_or(over);
            let ended = if door == EVERY_DOOR { dated(began) || dated(began + INSTANT) } else { over(this) };
            object(ended, "its embargo has not ended");
            object(this.expires.is_none_or(|expires| now < expires), "it has expired");
            // What is ordered in the same instant may be before or after it.
            let held = |instant| book.holds.iter().rev().find(|(at, _)| *at < instant).is_some_and(|(_, held)| *held);
            object(!held(began) || !held(began + INSTANT), "an operator holds the story");
        }
        match self.halted(door, began).min(self.halted(door, began + INSTANT)) {
            Halted::No => {}
            Halted::ButKills => object(withdraws, "the door is halted"),
            Halted::All => object(false, "the door is halted, for kills too"),
        }
        let cancelled = book.cancels.iter().any(|cancel| {
            cancel.at < began
                && cancel.door.is_none_or(|meant| meant == door)
                && cancel.up_to >= version
                && (cancel.even_kills || !withdraws)
                // What had arrived there was not waiting, and a replay that works may come to it.
                && !before.iter().any(|one| {
                    one.version == version && one.ended.is_some_and(|(at, class)| at < cancel.at && class == Class::Delivered)
                })
                && !book.renewed.iter().any(|(at, renewed)| *at >= cancel.at && *renewed == door)
        });
        object(!cancelled, "an operator cancelled it");
        for one in self.sends.iter().filter(|one| one.door == door) {
            let same = (one.story, one.version) == (story, version);
            if same && one.sequence != sequence {
                object(false, "it has another number than before");
            }
            if one.sequence == sequence && one.story != story {
                object(false, "another story had that number");
            }
            if one.sequence == sequence && one.story == story && !same && !one.surely_not() {
                object(false, "a version that may have arrived had that number");
            }
        }
        found
    }

    /// A request arrives later than its sender knows.
    pub fn arrives(&mut self, id: SendId, at: Duration) {
        self.sends[id.0].arrivals.push(at);
    }

    /// The program knows how it ended.
    pub fn end(&mut self, id: SendId, class: Class, at: Duration) {
        self.sends[id.0].ended = Some((at, class));
        let Sent { door, story, version, .. } = self.sends[id.0];
        self.tell(at, || format!("door {door} is through with s{story} v{version}: {class:?}"));
    }

    // --- at the end --------------------------------------------------------------------------------------------------

    /// Kills go through a halt that does not stop them.
    pub fn check_kills_at_halted_doors(&mut self, at: Duration) {
        let mut missed = Vec::new();
        for (story, book) in &self.stories {
            let Some(kill) = book.committed.last().filter(|last| last.action.withdraws()) else { continue };
            // It had time for the slowest backoff and all that may be in the network.
            if kill.at + Duration::from_secs(20) > at {
                continue;
            }
            for door in 0..DOORS {
                let has = |one: &&Sent| one.door == door && one.story == *story;
                let got = self.sends.iter().filter(has).any(|one| !one.action.withdraws() && !one.arrivals.is_empty());
                let killed = self
                    .sends
                    .iter()
                    .filter(has)
                    .any(|one| one.version == kill.version && matches!(one.ended, Some((_, Class::Delivered))));
                if got && !killed && self.halted(door, at) != Halted::All && !cancelled(book, door, kill.version) {
                    missed.push(format!("door {door} has s{story}, and its kill has not come though the door is well"));
                }
            }
        }
        missed.into_iter().for_each(|what| self.violated(at, what));
    }

    /// Everything has settled: what the ledger holds, and what each door has.
    pub fn check_end(&mut self, rows: &[RowSeen], at: Duration) {
        let mut found = Vec::new();
        for (story, book) in &self.stories {
            for door in 0..DOORS {
                let row = rows.iter().find(|row| row.door == door && row.story == *story);
                let context = format!("door {door}, s{story}");
                found.extend(self.conserved(book, door, row).into_iter().map(|what| format!("{context}: {what}")));
                let arrived = self.arrived(door, *story);
                found.extend(self.converged(book, door, row, &arrived).map(|what| format!("{context}: {what}")));
                found.extend(self.in_time(book, door, *story).map(|what| format!("{context}: {what}")));
            }
            if let Some(newest) = book.committed.last()
                && newest.rights_until.is_some()
                && !newest.action.withdraws()
            {
                found.push(format!("s{story}: its rights have ended, and it is not withdrawn"));
            }
        }
        found.into_iter().for_each(|what| self.violated(at, what));
    }

    /// Every version that was owed has one end, or is the one that the row holds.
    fn conserved(&self, book: &Story, door: usize, row: Option<&RowSeen>) -> Vec<String> {
        let mut found = Vec::new();
        let mut held: Vec<u64> = row.map(|row| vec![row.version]).unwrap_or_default();
        held.extend(row.into_iter().flat_map(|row| row.later.iter().chain(&row.past)));
        for one in &book.committed {
            let times = held.iter().filter(|version| **version == one.version).count();
            if one.routed[door] && !one.action.withdraws() && times == 0 {
                found.push(format!("v{} was owed, and has no end", one.version));
            }
            if times > 1 {
                found.push(format!("v{} has {times} ends", one.version));
            }
        }
        let unknown = held.iter().filter(|version| book.committed.iter().all(|one| one.version != **version));
        found.extend(unknown.map(|version| format!("v{version} was never the story's newest")));
        found
    }

    /// What arrived, in the order of arrival.
    fn arrived(&self, door: usize, story: usize) -> Vec<(Duration, u64, Action)> {
        let mut all: Vec<_> = self
            .sends
            .iter()
            .filter(|one| one.door == door && one.story == story)
            .flat_map(|one| one.arrivals.iter().map(|at| (*at, one.version, one.action)))
            .collect();
        all.sort_by_key(|(at, ..)| *at);
        all
    }

    /// A receiver that shows whatever came last shows what it should.
    fn converged(
        &self,
        book: &Story,
        door: usize,
        row: Option<&RowSeen>,
        arrived: &[(Duration, u64, Action)],
    ) -> Option<String> {
        let newest = book.committed.last()?;
        let last = arrived.last();
        let Some(row) = row else {
            return last.map(|(_, version, _)| format!("v{version} arrived, and the ledger has no row"));
        };
        if row.stage != 4 {
            return Some(format!("v{} is still at stage {} though nothing is wrong any more", row.version, row.stage));
        }
        let ended = row.ended.as_deref().unwrap_or_default();
        if newest.action.withdraws() {
            let has = arrived.iter().any(|(_, _, action)| !action.withdraws());
            let came_down = last.is_some_and(|(_, version, _)| *version == newest.version);
            if has && !came_down && !cancelled(book, door, newest.version) {
                return Some(format!("the story was withdrawn, and what came last is {last:?}; its row is {ended}"));
            }
            return None;
        }
        let wanted = book.committed.iter().find(|one| one.version == row.version)?;
        let passed_over = book.committed.iter().any(|one| one.version > row.version && !one.routed[door]);
        match ended {
            "delivered" => (last.map(|(_, version, _)| *version) != Some(row.version))
                .then(|| format!("v{} is said to be delivered, and what came last is {last:?}", row.version)),
            "refused" if self.strict[door] => None,
            "expired" if wanted.expires.is_some() => None,
            "superseded" if passed_over => None,
            // A correction or a kill for who has the story, where it turned out not to have come.
            "cancelled" if !wanted.routed[door] || wanted.action.withdraws() => None,
            "cancelled" if cancelled(book, door, row.version) => None,
            other => Some(format!("v{} ended as {other} without a cause", row.version)),
        }
    }

    /// A door that is well is served soon, whatever the others do; a kill goes to any door at once.
    fn in_time(&self, book: &Story, door: usize, story: usize) -> Option<String> {
        if !book.holds.is_empty()
            || !book.cancels.is_empty()
            || !book.renewed.is_empty()
            || !self.halts[door].is_empty()
        {
            return None;
        }
        for (at, one) in book.committed.iter().enumerate() {
            let early = if door == EARLY_DOOR { EARLY } else { Duration::ZERO };
            let embargo = one.embargo.map(|embargo| self.since_start(embargo).saturating_sub(early));
            let due = embargo.map_or(one.at, |embargo| embargo.max(one.at));
            let until = due + SOON;
            let next = book.committed.get(at + 1);
            if !self.calm_between(one.at.saturating_sub(SOON), until) || next.is_some_and(|next| next.at <= until) {
                continue;
            }
            let sends = || self.sends.iter().filter(|sent| sent.door == door && sent.story == story);
            let begun = sends().any(|sent| sent.version == one.version && sent.began <= until);
            if one.action.withdraws() {
                let has = sends().any(|sent| {
                    sent.ended.is_some_and(|(ended, class)| class == Class::Delivered && ended + SOON < one.at)
                });
                let in_flight =
                    sends().any(|sent| sent.began <= one.at && sent.ended.is_none_or(|(ended, _)| ended >= one.at));
                if has && !in_flight && !begun {
                    return Some(format!("the kill v{} did not go at once", one.version));
                }
            } else if door == 0 && one.routed[0] && self.variant != PAUSED_VARIANT {
                let expired = one.expires.is_some_and(|expires| self.since_start(expires) <= until);
                if !begun && !expired {
                    return Some(format!("v{} did not go though the door was well", one.version));
                }
            }
        }
        None
    }
}

fn cancelled(book: &Story, door: usize, version: u64) -> bool {
    book.cancels.iter().any(|cancel| cancel.door.is_none_or(|meant| meant == door) && cancel.up_to >= version)
}

/// The section that its door takes in a variant of the configuration.
fn wanted_section(variant: usize) -> &'static str {
    if variant == 1 { "section-1" } else { "section-0" }
}

/// The number at the end of a guid.
fn number(guid: &str) -> usize {
    guid.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// The number of a door: `p2` or `p2/main`.
fn door(name: &str) -> usize {
    name.trim_start_matches('p').split('/').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
