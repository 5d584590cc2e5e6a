//! The oracle: its own book of what is owed to whom, kept from what is committed and what arrives. It shares nothing
//! with the program: neither its states, nor its routing, nor its decisions.

mod end;
mod objections;
mod told;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use self::told::Told;
use super::schedule::{DOORS, PAUSED_VARIANT, SECTION_DOOR};
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
    /// What the machine's clock read before it went back, the latest.
    clock_read: Timestamp,
    stories: BTreeMap<usize, Story>,
    sends: Vec<Sent>,
    told: Told,
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
            clock_read: start,
            stories: BTreeMap::new(),
            sends: Vec::new(),
            told: Told::default(),
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
        let mut routed = [true; DOORS];
        routed[SECTION_DOOR] = article.sections.iter().any(|section| section == wanted_section(variant));
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
            // A schedule has one configuration for each life of the program.
            Order::Reload => {}
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

    /// The machine's clock goes back from here.
    pub fn clock_read(&mut self, at: Timestamp) {
        self.clock_read = self.clock_read.max(at);
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
