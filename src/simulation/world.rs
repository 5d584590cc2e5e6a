//! What is outside the program: the clock, the doors, and the network between.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::book::{Book, SendId};
use super::schedule::{DOORS, Fault, Mood};
use crate::clock::Clock;
use crate::intake::Inbox;
use crate::transport::{Class, Messenger, Notice, Outcome, Parcel, Transport, classify};

/// How long a request of unknown outcome may still be in the network: the doors' timeouts for writing and answering.
pub const IN_NETWORK: Duration = Duration::from_secs(4);

/// The longest that a sender waits for its answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What is outside, for everything that is in it.
pub struct World {
    begun: Instant,
    start: Timestamp,
    /// For the main line, that the process has died.
    pub died: Notify,
    state: Mutex<State>,
}

pub struct State {
    random: fastrand::Rng,
    /// How far the machine's clock went back.
    back: Duration,
    moods: [Mood; DOORS],
    fault: Option<(u32, Fault)>,
    /// What becomes of a word to the newsroom's system; none where it is well.
    desk: Option<fastrand::Rng>,
    pub book: Book,
    /// Where the newsroom hands in, while a process is up.
    pub inbox: Option<Arc<Inbox>>,
}

impl World {
    pub fn new(seed: u64, begun: Instant, tell: bool) -> Arc<Self> {
        let start = Timestamp::constant(1_800_000_000, 0);
        let state = State {
            random: fastrand::Rng::with_seed(seed ^ 0x5eed),
            back: Duration::ZERO,
            moods: [Mood::Well; DOORS],
            fault: None,
            desk: Some(fastrand::Rng::with_seed(seed ^ 0xde5c)),
            book: Book::new(start, tell),
            inbox: None,
        };
        Arc::new(Self { begun, start, died: Notify::new(), state: Mutex::new(state) })
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the schedule began, by a clock that goes only on.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A time of the schedule as articles have it.
    pub fn at(&self, since: Duration) -> Timestamp {
        self.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    pub fn clock_back(&self, by: Duration) {
        let read = self.now();
        let mut state = self.lock();
        state.book.clock_read(read);
        state.back += by;
    }

    pub fn set_mood(&self, door: usize, mood: Mood) {
        self.lock().moods[door] = mood;
    }

    pub fn set_fault(&self, skip: u32, fault: Fault) {
        self.lock().fault = Some((skip, fault));
    }

    /// What the next commit meets.
    pub fn take_fault(&self) -> Option<Fault> {
        let mut state = self.lock();
        match &mut state.fault {
            None => None,
            Some((0, _)) => state.fault.take().map(|(_, fault)| fault),
            Some((skip, _)) => {
                *skip -= 1;
                None
            }
        }
    }

    /// From here on nothing goes wrong any more.
    pub fn be_kind(&self) {
        let mut state = self.lock();
        state.moods = [Mood::Well; DOORS];
        state.fault = None;
        state.desk = None;
    }

    /// A random span up to `most`.
    pub fn span(&self, most: Duration) -> Duration {
        let micros = self.lock().random.u64(0..=most.as_micros() as u64);
        Duration::from_micros(micros)
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let back = self.lock().back;
        self.at(self.elapsed()).checked_sub(back).unwrap_or(Timestamp::MIN)
    }
}

/// A partner's server, and the network to it.
pub struct Door {
    pub number: usize,
    pub world: Arc<World>,
}

/// What is to become of a request.
struct Fate {
    /// When it arrives, counted from its beginning; several times, or never.
    arrives: Vec<Duration>,
    /// It arrives so long after its sender let go of it.
    lingers: Option<Duration>,
    answered_after: Duration,
    answer: Answer,
}

enum Answer {
    Status(u16, Option<&'static str>),
    NotConnected,
    None,
}

impl Door {
    fn fate(&self) -> Fate {
        let mut state = self.world.lock();
        let mood = state.moods[self.number];
        let random = &mut state.random;
        let mut millis = |range: std::ops::Range<u64>| Duration::from_millis(random.u64(range));
        let there = millis(1..100);
        let answered = |status, after: Duration| Fate {
            arrives: vec![there],
            lingers: None,
            answered_after: there + after,
            answer: Answer::Status(status, None),
        };
        let not_stored = |status, retry_after| Fate {
            arrives: Vec::new(),
            lingers: None,
            answered_after: there * 2,
            answer: Answer::Status(status, retry_after),
        };
        match mood {
            Mood::Well => answered(200, there),
            Mood::Slow => answered(200, millis(100..1_800)),
            Mood::Closed => {
                Fate { arrives: Vec::new(), lingers: None, answered_after: there, answer: Answer::NotConnected }
            }
            Mood::Lossy => Fate { arrives: vec![there], lingers: None, answered_after: TIMEOUT, answer: Answer::None },
            Mood::Deaf => Fate { arrives: Vec::new(), lingers: None, answered_after: TIMEOUT, answer: Answer::None },
            Mood::Late => {
                let lingers = Some(millis(1..IN_NETWORK.as_millis() as u64));
                Fate { arrives: Vec::new(), lingers, answered_after: TIMEOUT, answer: Answer::None }
            }
            Mood::Failing => {
                let stored = millis(0..2) == Duration::ZERO;
                Fate { arrives: if stored { vec![there] } else { Vec::new() }, ..not_stored(500, None) }
            }
            Mood::Busy => not_stored(429, Some("2")),
            Mood::Strict => not_stored(422, None),
            Mood::Gone => not_stored(410, None),
            Mood::Twice => Fate { arrives: vec![there, there * 2], ..answered(200, there * 3) },
        }
    }
}

impl Transport for Door {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        async move {
            let fate = self.fate();
            let now = self.world.now();
            let elapsed = self.world.elapsed();
            let arrives = fate.arrives.iter().map(|after| elapsed + *after).collect();
            let id = self.world.lock().book.begin(self.number, parcel, arrives, elapsed, now);
            let mut held = Held { world: &self.world, id, lingers: fate.lingers, over: false };
            tokio::time::sleep(fate.answered_after).await;
            let outcome = match fate.answer {
                Answer::Status(status, retry_after) => {
                    let mut headers = HeaderMap::new();
                    if let Some(after) = retry_after {
                        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(after));
                    }
                    classify(StatusCode::from_u16(status).unwrap_or_default(), &headers, b"", self.world.now())
                }
                Answer::NotConnected => outcome(Class::Deferred { retry_after: None, maybe_document: false }),
                Answer::None => outcome(Class::Unknown { retry_after: None }),
            };
            held.let_go();
            self.world.lock().book.end(id, outcome.class, self.world.elapsed());
            outcome
        }
        .boxed()
    }

    fn in_network(&self) -> Duration {
        IN_NETWORK
    }
}

/// The newsroom's system. It has lots of its own, so that it has no part in what becomes of deliveries.
pub struct Desk {
    pub world: Arc<World>,
}

impl Messenger for Desk {
    fn tell<'a>(&'a self, notice: &'a Notice) -> BoxFuture<'a, Outcome> {
        async move {
            let (lot, span) = match &mut self.world.lock().desk {
                Some(lots) => (lots.u8(0..4), Duration::from_millis(lots.u64(1..1_500))),
                None => (3, Duration::from_millis(5)),
            };
            tokio::time::sleep(span).await;
            if lot == 0 {
                return outcome(Class::Deferred { retry_after: None, maybe_document: false });
            }
            let body: Value = serde_json::from_slice(&notice.body).unwrap_or_default();
            let at = self.world.elapsed();
            let mut state = self.world.lock();
            body["events"].as_array().into_iter().flatten().for_each(|event| state.book.told(event, at));
            outcome(if lot == 1 { Class::Unknown { retry_after: None } } else { Class::Delivered })
        }
        .boxed()
    }
}

fn outcome(class: Class) -> Outcome {
    Outcome { class, status: None, detail: "as the schedule has it".to_owned(), remote: None }
}

/// A request whose sender holds on to it. When it lets go, by a timeout or by dying, the request may still linger.
struct Held<'a> {
    world: &'a World,
    id: SendId,
    lingers: Option<Duration>,
    over: bool,
}

impl Held<'_> {
    fn let_go(&mut self) {
        if !std::mem::replace(&mut self.over, true)
            && let Some(lingers) = self.lingers
        {
            let at = self.world.elapsed() + lingers;
            self.world.lock().book.arrives(self.id, at);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}
