//! Promises 2 to 5 over any history, told from outside: no version is lost or ends twice, none is overtaken, nothing
//! leaves early, stale or twice at a time, a kill goes exactly to those who may have the story, and numbers have no gaps.
//! And what is told of it is what happened: nothing else, and nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::scene::{DEFERRED, IN_NETWORK, UNKNOWN, delivered, guid, name_of, refused};
use super::{Delivery, Scene, Specimen};
use crate::article::{Action, Article};
use crate::ledger::state::{End, PastEnd, Settled, Stage, Versions};
use crate::ledger::{
    Accepted, ArticleId, Attempted, Candidates, Claim, EventKind, EventRecord, Happened, Order, Owed, Replay,
    ReplayFrom, ReplayStep, Replayed, Target, Tidy,
};

const LANES: usize = 3;
const HISTORIES: u64 = 12;
const EVENTS: usize = 100;

pub async fn no_history_loses_doubles_or_overtakes(specimen: Box<dyn Specimen>) {
    let mut history = History {
        scene: Scene::new(specimen, LANES).await,
        random: fastrand::Rng::new(),
        seed: 0,
        second: 0,
        log: Vec::new(),
        seen: Seen::default(),
    };
    // One ledger lives through all of them, each with stories of its own. A seed that found a fault stays in the list.
    history.scene.tell_all(0).await;
    for seed in 0..HISTORIES {
        (history.random, history.seed) = (fastrand::Rng::with_seed(seed), seed);
        history.log.clear();
        for _ in 0..EVENTS {
            history.second += history.random.i64(1..15);
            history.step().await;
            history.check();
        }
        history.is_told().await;
    }
    let Seen { ended, numbers, may_have, .. } = &history.seen;
    let ends: BTreeSet<_> = ended.values().map(|end| end.end.as_str()).collect();
    assert_eq!(ends.len(), End::ALL.len(), "the histories have everything in them: {ends:?}");
    assert!(numbers.len() > 100 && may_have.len() > 20, "{} numbers, {} places", numbers.len(), may_have.len());
}

/// A lane and a story's short name.
type Place = (usize, String);

/// A random history, and what was seen of it.
struct History {
    scene: Scene,
    random: fastrand::Rng,
    seed: u64,
    second: i64,
    log: Vec<String>,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    articles: BTreeMap<(String, u64), Article>,
    newest: BTreeMap<String, u64>,
    on_hold: BTreeSet<String>,
    under_way: BTreeMap<Place, Attempted>,
    /// The highest version that was begun.
    begun: BTreeMap<Place, u64>,
    /// A version of it may have arrived.
    may_have: BTreeSet<Place>,
    /// The story and the version that carried a lane's number last, and whether one of them may have arrived.
    numbers: BTreeMap<(usize, u64), (String, u64, bool)>,
    /// Every version that was owed.
    owed: BTreeMap<Place, BTreeSet<u64>>,
    ended: BTreeMap<(Place, u64), PastEnd>,
    /// What there is to tell of versions, whether or not it is still there to be seen.
    arrived: BTreeSet<(Place, u64)>,
    refused: BTreeSet<(Place, u64)>,
    expired: BTreeSet<(Place, u64)>,
    /// Stories that were removed.
    removed: BTreeSet<String>,
}

impl History {
    async fn step(&mut self) {
        match self.random.u8(0..32) {
            0..9 => self.accept().await,
            9..17 => self.claim().await,
            17..24 => self.settle().await,
            24..26 => self.release().await,
            26 => self.abandon().await,
            27..30 => self.order().await,
            30 => self.tidy().await,
            _ => self.die().await,
        }
    }

    fn now(&self) -> Timestamp {
        self.scene.at(self.second)
    }

    fn says(&mut self, what: String) {
        self.log.push(format!("{:>5} {what}", self.second));
    }

    fn story(&mut self) -> String {
        format!("{}{}", ["a", "b", "c"][self.random.usize(0..3)], self.seed)
    }

    fn soon(&mut self) -> Option<Timestamp> {
        (self.random.u8(0..5) == 0).then(|| self.scene.at(self.second + self.random.i64(0..120)))
    }

    async fn accept(&mut self) {
        let name = self.story();
        let newest = self.seen.newest.get(&name).copied().unwrap_or(0);
        // Sometimes late, sometimes the same once more, sometimes with a gap.
        let version = (newest + self.random.u64(0..5)).saturating_sub(1).max(1);
        let actions =
            [Action::Publish, Action::Update, Action::Update, Action::Correct, Action::Kill, Action::Withhold];
        let action = actions[self.random.usize(0..actions.len())];
        let mut offer = self.scene.offer(&name, version, action, self.second);
        (offer.article.embargo, offer.article.expires) = (self.soon(), self.soon());
        offer.routed.retain(|_| self.random.u8(0..4) > 0);
        for owed in &mut offer.routed {
            owed.versions = if self.random.bool() { Versions::Every } else { Versions::Newest };
            owed.at_once = self.random.u8(0..3) == 0;
        }
        if let Some(same) = self.seen.articles.get(&(name.clone(), version)).filter(|_| self.random.bool()) {
            offer.article = same.clone();
        }
        let (article, routed) = (offer.article.clone(), offer.routed.clone());
        self.says(format!("accept {name} {version} {} for {}", article.action.as_str(), routed.len()));
        let before = self.scene.specimen.deliveries();
        let accepted = self.scene.ledger().accept(offer).await.unwrap();
        let after = self.scene.specimen.deliveries();
        let known = self.seen.articles.get(&(name.clone(), version));
        match (&accepted, known) {
            (Accepted::Repeat { .. }, Some(known)) if *known == article => assert_eq!(before, after, "{self}"),
            (Accepted::Conflict, Some(known)) if *known != article => assert_eq!(before, after, "{self}"),
            (Accepted::Fresh { deliveries: 0, .. }, None) if version <= newest => assert_eq!(before, after, "{self}"),
            (Accepted::Fresh { deliveries, touched, announced, .. }, None) if version > newest => {
                assert!(*deliveries <= touched.len() + announced.len(), "{self}");
                self.is_owed(&name, &article, &routed, &after);
                self.seen.newest.insert(name.clone(), version);
                for (destination, row) in announced {
                    let lane = self.scene.to.iter().position(|id| id == destination).expect("it is one of the lanes");
                    let asked = routed.iter().any(|owed| owed.destination == *destination && owed.at_once);
                    assert!(asked && !touched.contains(destination), "lane {lane}{self}");
                    self.says(format!("announced to {lane}"));
                    self.begins(lane, &name, row.clone());
                }
            }
            _ => panic!("{accepted:?} for {known:?}{self}"),
        }
        self.seen.articles.entry((name, version)).or_insert(article);
    }

    /// Everyone has the newest version before them whom it is for, and no withdrawal has who never had the story.
    fn is_owed(&self, name: &str, article: &Article, routed: &[Owed], after: &[Delivery]) {
        for lane in 0..LANES {
            let place = (lane, name.to_owned());
            let delivery = after.iter().find(|one| self.place(one) == place);
            let may_have = self.seen.may_have.contains(&place) || self.seen.under_way.contains_key(&place);
            let ended = delivery.is_none_or(|one| matches!(one.row.stage, Stage::Ended { .. }));
            let newest = delivery.map(|one| one.row.newest());
            if article.action.withdraws() {
                assert_eq!(ended, !may_have, "a kill and lane {lane}: {delivery:?}{self}");
                assert!(newest.is_none_or(|newest| newest == article.version), "{delivery:?}{self}");
            } else if routed.iter().any(|owed| owed.destination == self.scene.to[lane])
                || (article.action == Action::Correct && may_have)
            {
                assert!(!ended && newest == Some(article.version), "lane {lane}: {delivery:?}{self}");
            }
        }
    }

    async fn claim(&mut self) {
        let lane = self.random.usize(0..LANES);
        let (limit, withdrawals_only) = (self.random.usize(1..5), self.random.u8(0..5) == 0);
        let claim = Claim { limit, withdrawals_only, ..self.scene.asks(lane, self.second) };
        let rows = self.scene.claimed(claim).await.rows;
        let names = self.scene.names(&rows).await;
        self.says(format!("claim of {limit} for {lane}: {}", names.join(", ")));
        assert!(rows.len() <= limit, "{self}");
        assert!(rows.is_sorted_by_key(|row| !row.action.withdraws()), "withdrawals come first{self}");
        for (row, name) in rows.into_iter().zip(names) {
            let name = name.split(' ').next().unwrap_or_default().to_owned();
            assert!(row.action.withdraws() || !withdrawals_only, "{name} is no withdrawal{self}");
            self.begins(lane, &name, row);
        }
    }

    /// An attempt is announced.
    fn begins(&mut self, lane: usize, name: &str, row: Attempted) {
        let (place, version) = ((lane, name.to_owned()), row.version.get());
        let withdraws = row.action.withdraws();
        assert!(!self.seen.under_way.contains_key(&place), "{place:?} is under way{self}");
        assert!(self.seen.begun.get(&place).is_none_or(|begun| *begun <= version), "{place:?} goes back{self}");
        assert!(row.embargo.is_none_or(|embargo| embargo <= self.now()), "{place:?} is early{self}");
        assert!(row.expires.is_none_or(|expires| expires > self.now()), "{place:?} is stale{self}");
        assert!(withdraws || !self.seen.on_hold.contains(name), "{place:?} is held{self}");
        assert!(!withdraws || self.seen.may_have.contains(&place), "{place:?} never had it{self}");
        self.is_numbered(lane, name, &row);
        self.seen.begun.insert(place.clone(), version);
        self.seen.under_way.insert(place, row);
    }

    /// A number is the next one, or the story's own: with the version that it had, or with a newer one where nothing that
    /// carried it can have arrived.
    fn is_numbered(&mut self, lane: usize, name: &str, row: &Attempted) {
        let version = row.version.get();
        let last = self.seen.numbers.keys().filter(|(of, _)| *of == lane).map(|(_, number)| *number).max().unwrap_or(0);
        let same = self
            .seen
            .numbers
            .iter()
            .find(|((of, _), (story, with, _))| *of == lane && story == name && *with == version);
        if let Some(((_, number), _)) = same {
            assert_eq!(*number, row.sequence, "{name} {version} had a number{self}");
        }
        match self.seen.numbers.get(&(lane, row.sequence)) {
            None => assert_eq!(row.sequence, last + 1, "lane {lane}{self}"),
            Some((story, with, may_have_arrived)) => {
                assert_eq!(story, name, "number {} of lane {lane}{self}", row.sequence);
                assert!(*with == version || !may_have_arrived, "number {} of lane {lane} twice{self}", row.sequence);
            }
        }
        let arrived = self.seen.numbers.get(&(lane, row.sequence)).is_some_and(|(.., arrived)| *arrived);
        self.seen.numbers.insert((lane, row.sequence), (name.to_owned(), version, arrived));
    }

    fn arrived(&mut self, place: &Place, row: &Attempted) {
        self.seen.may_have.insert(place.clone());
        if let Some((.., arrived)) = self.seen.numbers.get_mut(&(place.0, row.sequence)) {
            *arrived = true;
        }
    }

    /// One that is under way, which is not any more.
    fn take(&mut self) -> Option<(Place, Attempted)> {
        let places: Vec<_> = self.seen.under_way.keys().cloned().collect();
        let place = self.random.choice(places)?;
        self.seen.under_way.remove(&place).map(|row| (place, row))
    }

    async fn settle(&mut self) {
        let Some((place, row)) = self.take() else { return };
        let settled = match self.random.u8(0..5) {
            0 | 1 => delivered(),
            2 => refused(),
            3 => DEFERRED,
            _ => UNKNOWN,
        };
        self.says(format!("{place:?} {} is {settled:?}", row.version));
        if matches!(settled, Settled::Delivered { .. } | Settled::Unknown { .. }) {
            self.arrived(&place, &row);
        }
        if matches!(settled, Settled::Refused { .. }) {
            self.seen.refused.insert((place.clone(), row.version.get()));
        }
        let waits = self.scene.settle(place.0, row, settled, self.second).await;
        let row = self.scene.row(place.0, &place.1);
        assert_eq!(waits, row.waits(), "{place:?}{self}");
    }

    async fn release(&mut self) {
        let Some((place, row)) = self.take() else { return };
        self.says(format!("{place:?} {} is given back", row.version));
        let waits = self.scene.ledger().release(self.scene.to[place.0], vec![row], self.now()).await.unwrap();
        let row = self.scene.row(place.0, &place.1);
        assert_eq!(waits.any, row.waits(), "{place:?}{self}");
    }

    async fn abandon(&mut self) {
        let lane = self.random.usize(0..LANES);
        self.says(format!("lane {lane} breaks off"));
        self.scene.ledger().abandon(self.scene.to[lane], IN_NETWORK, self.now()).await.unwrap();
        let (theirs, others) =
            std::mem::take(&mut self.seen.under_way).into_iter().partition(|((of, _), _)| *of == lane);
        self.seen.under_way = others;
        let theirs: BTreeMap<Place, Attempted> = theirs;
        theirs.iter().for_each(|(place, row)| self.arrived(place, row));
    }

    async fn die(&mut self) {
        if self.random.bool() {
            self.says("crash".to_owned());
            self.scene.specimen.crash();
        } else {
            self.says("restart".to_owned());
            self.scene.specimen.restart();
        }
        let all = std::mem::take(&mut self.seen.under_way);
        all.iter().for_each(|(place, row)| self.arrived(place, row));
        self.scene.tell_all(self.second).await;
    }

    async fn order(&mut self) {
        let (story, to) = (self.story(), Target::new(&format!("p{}", self.random.usize(0..LANES))));
        let (guid, flag) = (guid(&story), self.random.bool());
        let order = match self.random.u8(0..6) {
            0 => Order::Hold { story: guid },
            1 | 2 => Order::Release { story: guid },
            3 => Order::Cancel { story: guid, to: flag.then_some(to), even_kills: flag },
            4 => Order::Resend { story: guid, to },
            _ => return self.replay(&to, flag).await,
        };
        let known = self.seen.newest.contains_key(&story);
        match &order {
            Order::Hold { .. } if known => drop(self.seen.on_hold.insert(story)),
            Order::Release { .. } => drop(self.seen.on_hold.remove(&story)),
            _ => {}
        }
        let what = order.to_string();
        let result = self.scene.order(order, self.second).await;
        self.says(format!("{what}: {result}"));
    }

    async fn replay(&mut self, to: &Target, even_confirmed: bool) {
        let from = if even_confirmed { ReplayFrom::Sequence(1) } else { ReplayFrom::Since(self.scene.at(0)) };
        let order = Order::Replay(Replay { to: to.clone(), from, until: None, filter: None, rate: 100 });
        self.says(order.to_string());
        let id = self.scene.place(order, self.second).await;
        self.scene.ledger().carry_out(id, self.now()).await.unwrap();
        let lane: usize = to.as_str()[1..].parse().unwrap();
        let destination = self.scene.to[lane];
        let next = Candidates { from, until: self.now(), destination, after: ArticleId::default(), limit: 1_000 };
        let found = self.scene.ledger().candidates(next).await.unwrap();
        let replayed = found.into_iter().map(|one| Replayed {
            story: one.story,
            id: one.id,
            article: one.article,
            withdraw_for: super::scene::WITHDRAW_FOR,
            to: vec![Owed::plainly(destination)],
            even_confirmed,
        });
        let (stories, reached) = (replayed.collect(), ArticleId::default());
        let step = ReplayStep { order: id, stories, reached, done: true, ordered: self.now(), now: self.now() };
        self.scene.ledger().replay(step).await.unwrap();
    }

    async fn tidy(&mut self) {
        let remove = self.random.u8(0..3) == 0;
        self.says(format!("tidy, remove: {remove}"));
        let before = self.scene.specimen.deliveries();
        let never = self.scene.at(-1);
        let tidy = Tidy {
            now: self.now(),
            stories_before: if remove { self.now() } else { never },
            attempts_before: never,
            quarantine_before: never,
            after: ArticleId::default(),
            limit: 1_000,
        };
        self.scene.ledger().tidy(tidy).await.unwrap();
        let kept: BTreeSet<_> = self.scene.specimen.articles().into_iter().map(|(guid, _)| guid).collect();
        for gone in before.iter().filter(|one| !kept.contains(&one.story)) {
            let due = gone.row.wanted.expires.is_some_and(|expires| expires <= self.now()) && gone.row.waits();
            assert!(due || matches!(gone.row.stage, Stage::Ended { .. }), "{gone:?} was owed{self}");
        }
        let gone = |name: &str| !kept.contains(guid(name).as_str());
        self.seen.removed.extend(self.seen.articles.keys().map(|(name, _)| name.clone()).filter(|name| gone(name)));
        self.seen.articles.retain(|(name, _), _| !gone(name));
        self.seen.may_have.retain(|(_, name)| !gone(name));
        self.seen.owed.retain(|(_, name), _| !gone(name));
        self.seen.ended.retain(|((_, name), _), _| !gone(name));
        // Which version had a number is forgotten with the story; that it was given is not.
        for (_, version, arrived) in self.seen.numbers.values_mut().filter(|(name, ..)| gone(name)) {
            (*version, *arrived) = (0, true);
        }
    }

    fn place(&self, delivery: &Delivery) -> Place {
        let lane = self.scene.to.iter().position(|id| *id == delivery.destination).expect("there are no others");
        (lane, name_of(&delivery.story).to_owned())
    }

    /// What has to hold after everything that happens.
    fn check(&mut self) {
        let mut versions: BTreeMap<Place, Vec<u64>> = BTreeMap::new();
        for past in self.scene.specimen.past() {
            let delivery = |lane: &usize| self.scene.to[*lane] == past.destination;
            let lane = (0..LANES).find(delivery).expect("there are no others");
            let place = (lane, name_of(&past.story).to_owned());
            versions.entry(place.clone()).or_default().push(past.end.version.get());
            if past.end.end == End::Expired {
                self.seen.expired.insert((place.clone(), past.end.version.get()));
            }
            let key = (place, past.end.version.get());
            let before = self.seen.ended.entry(key).or_insert_with(|| past.end.clone()).clone();
            assert_eq!(before, past.end, "an end is one for good{self}");
        }
        let deliveries = self.scene.specimen.deliveries();
        for delivery in &deliveries {
            let (place, row) = (self.place(delivery), &delivery.row);
            self.seen.arrived.extend(row.confirmed.map(|version| (place.clone(), version.get())));
            if matches!(row.stage, Stage::Ended { end: End::Expired, .. }) {
                self.seen.expired.insert((place.clone(), row.wanted.version.get()));
            }
            let under_way = match row.stage {
                Stage::Attempting { version, .. } => Some(version),
                Stage::Ready | Stage::Held { .. } | Stage::Ended { .. } => None,
            };
            let known = self.seen.under_way.get(&place).map(|row| row.version);
            assert_eq!(under_way, known, "{delivery:?}{self}");
            assert_eq!(
                row.may_have_it(),
                self.seen.may_have.contains(&place) || known.is_some(),
                "who may have it is known: {delivery:?}{self}"
            );
            let versions = versions.entry(place).or_default();
            versions.push(row.wanted.version.get());
            versions.extend(row.later.iter().map(|later| later.version.get()));
            versions.extend(under_way.filter(|version| *version != row.wanted.version).map(|version| version.get()));
        }
        for (place, versions) in versions {
            let once: BTreeSet<u64> = versions.iter().copied().collect();
            assert_eq!(once.len(), versions.len(), "{place:?} has a version twice: {versions:?}{self}");
            let owed = self.seen.owed.insert(place.clone(), once.clone()).unwrap_or_default();
            assert!(owed.is_subset(&once), "{place:?} has lost a version of {owed:?}: {once:?}{self}");
        }
        for place in self.seen.owed.keys() {
            assert!(deliveries.iter().any(|one| self.place(one) == *place), "{place:?} is lost{self}");
        }
    }
}

impl History {
    /// What the newsroom's systems are told.
    async fn is_told(&mut self) {
        self.scene.tend(self.second).await;
        let events = self.scene.events().await;
        assert!(events.is_sorted_by_key(|event| event.id), "{self}");
        let told = |kind: EventKind| -> Vec<((Place, u64), Timestamp)> {
            let of_kind = events.iter().filter(|event| event.what.kind() == kind);
            let key = |event: &EventRecord| {
                let (of, at) = (event.what.of()?, event.what.at()?);
                let lane = at.partner.trim_start_matches('p').parse().ok()?;
                Some((((lane, name_of(of.story.as_str()).to_owned()), of.version.get()), event.at))
            };
            of_kind.map(|event| key(event).expect("it is of a version at a destination")).collect()
        };
        let once =
            |told: &[((Place, u64), Timestamp)]| told.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
        let delivered = told(EventKind::Delivered);
        assert_eq!(once(&delivered), self.seen.arrived, "{self}");
        assert_eq!(delivered.len(), self.seen.arrived.len(), "an arrival was told twice{self}");
        assert_eq!(once(&told(EventKind::Refused)), self.seen.refused, "{self}");
        let expired = told(EventKind::Expired);
        assert!(self.seen.expired.is_subset(&once(&expired)), "{:?} and {expired:?}{self}", self.seen.expired);
        for key in once(&expired).difference(&self.seen.expired) {
            assert!(self.seen.removed.contains(&key.0.1), "{key:?} did not expire{self}");
        }
        let at_times: BTreeSet<_> = expired.iter().collect();
        assert_eq!(at_times.len(), expired.len(), "an end was told twice{self}");
        self.kills_are_told(&events);
    }

    /// Every withdrawal that is at its end everywhere was told as such, with who acknowledged it.
    fn kills_are_told(&self, events: &[EventRecord]) {
        let deliveries = self.scene.specimen.deliveries();
        for (name, version) in &self.seen.newest {
            let Some(article) = self.seen.articles.get(&(name.clone(), *version)) else { continue };
            if !article.action.withdraws() {
                continue;
            }
            let rows = || deliveries.iter().filter(|one| name_of(&one.story) == name).map(|one| &one.row);
            let of = || rows().filter(|row| row.wanted.version == article.version);
            let acknowledged = of().filter(|row| matches!(row.stage, Stage::Ended { end: End::Delivered, .. })).count();
            let goes_on = rows().any(|row| row.wanted.action.withdraws() && !matches!(row.stage, Stage::Ended { .. }));
            let last = events.iter().rev().find_map(|event| match &event.what {
                Happened::KillComplete(end) | Happened::KillIncomplete(end) => {
                    (name_of(end.of.story.as_str()) == name && end.of.version == article.version).then_some(end)
                }
                _ => None,
            });
            match last {
                None => assert!(goes_on, "the end of {name} {version} was not told{self}"),
                Some(end) if !goes_on => assert_eq!(end.acknowledged, acknowledged as u64, "{name} {version}{self}"),
                Some(_) => {}
            }
        }
    }
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\nhistory {}:\n{}", self.seed, self.log.join("\n"))
    }
}
