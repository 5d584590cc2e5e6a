//! The connections of one door: those that can take a request, and how many there are.
//!
//! A connection of HTTP/1.1 takes one request at a time and lies here between two; one of HTTP/2 takes as many as its
//! peer allows. There are never more than the door's part of all connections, whatever becomes of them: a place is given
//! back when the connection has really ended. Whoever finds no place waits for one of this door; no other door is asked.
//!
//! A connection that was idle for long, or has reached its age, takes no further request, and is closed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{Connection, Multiplexed, SETTLING, Stream};
use super::sweeper::Sweeper;

/// A connection that was idle for longer is not used again: servers commonly close after 60 seconds or more, and a
/// request that meets the close has an unknown outcome.
pub const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// The connections of one door.
pub struct Pool {
    state: Mutex<State>,
    /// Told to those who wait, when one of them may find something.
    freed: Notify,
    most: usize,
    sweeper: Arc<Sweeper>,
}

#[derive(Default)]
struct State {
    /// The last one that was used is the first to be used again.
    idle: Vec<Connection>,
    /// The sweeper looks after this pool.
    is_swept: bool,
    multiplexed: Vec<Multiplexed>,
    /// Places that are taken: by connections, and by those that are being made.
    taken: usize,
    being_made: usize,
    waiting: usize,
    /// The last connection took many requests: one that is new is worth waiting for.
    one_is_enough: bool,
    /// Counts the multiplexed ones, so that each has a name.
    number: u64,
}

/// What a request is given.
pub enum Taken {
    Connection(Connection),
    /// The right to make one.
    Place(Place),
}

/// A connection's place. It is given back when this is dropped.
pub struct Place {
    pool: Weak<Pool>,
    being_made: bool,
}

impl Pool {
    /// At most `most` connections, at least one.
    pub fn new(most: usize, sweeper: &Arc<Sweeper>) -> Arc<Self> {
        let sweeper = Arc::clone(sweeper);
        Arc::new(Self { state: Mutex::default(), freed: Notify::new(), most: most.max(1), sweeper })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection, or the place for one, or nothing when there is none by `patience`.
    pub async fn take(self: &Arc<Self>, now: Instant, patience: Duration) -> Option<Taken> {
        match self.find(now) {
            Some(taken) => Some(taken),
            None => timeout_at(now + patience, Box::pin(self.wait())).await.ok(),
        }
    }

    fn find(self: &Arc<Self>, now: Instant) -> Option<Taken> {
        loop {
            let mut spent = Vec::new();
            let found = self.state().find(self, now, &mut spent);
            // A connection gives its place back as it is dropped, which the state is not locked for.
            if found.is_some() || spent.is_empty() {
                return found;
            }
        }
    }

    async fn wait(self: &Arc<Self>) -> Taken {
        let _waiting = Waiting::new(self);
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // From here on no word is missed.
            freed.as_mut().enable();
            let now = Instant::now();
            if let Some(taken) = self.find(now) {
                return taken;
            }
            let settling = self.state().multiplexed.iter().any(|one| one.is_young(now));
            if settling {
                // It may have room by then, which nobody tells.
                let _ = timeout(SETTLING, freed).await;
            } else {
                freed.await;
            }
        }
    }

    /// Takes back a connection that can take another request.
    pub fn put(self: &Arc<Self>, mut connection: Connection) {
        let mut state = self.state();
        if !connection.is_closed() {
            // Most doors have one, and there may be ten thousand doors.
            if state.idle.is_empty() {
                state.idle.reserve_exact(1);
            }
            state.idle.push(connection);
            if !std::mem::replace(&mut state.is_swept, true) {
                self.sweeper.look_after(self);
            }
        }
        self.tell(&state);
    }

    /// Keeps a connection that takes many requests, and returns the place for one on it.
    pub fn share(self: &Arc<Self>, mut connection: Multiplexed) -> Stream {
        let mut state = self.state();
        state.number += 1;
        state.one_is_enough = true;
        connection.number = state.number;
        let stream = connection.stream(self);
        state.multiplexed.push(connection);
        stream
    }

    /// A request on the multiplexed connection `number` has ended; `broken` says that no other is to begin there.
    pub fn stream_ended(&self, number: u64, broken: bool) {
        let mut state = self.state();
        if let Some(at) = state.multiplexed.iter().position(|one| one.number == number) {
            state.multiplexed[at].ended(Instant::now());
            if broken {
                state.multiplexed.swap_remove(at);
            }
        }
        self.tell(&state);
    }

    /// Lets go what is too old to be used again, or was closed by the other side. Returns whether there may be more to let
    /// go later; connections that take many requests look after that by themselves.
    pub fn sweep(&self, now: Instant) -> bool {
        let (is_swept, _spent) = {
            let mut state = self.state();
            let spent: Vec<_> = state.idle.extract_if(.., |one| !one.is_usable(now)).collect();
            state.multiplexed.retain(|one| one.is_usable(now));
            state.is_swept = !state.idle.is_empty();
            (state.is_swept, spent)
        };
        is_swept
    }

    /// What waits is told under the lock of the state that it looks at, so that its look is before or after.
    fn tell(&self, state: &State) {
        if state.waiting > 0 {
            self.freed.notify_waiters();
        }
    }

    /// How many connections lie here that could be used again.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        let mut state = self.state();
        let idle = state.idle.iter_mut().filter_map(|one| (!one.is_closed()).then_some(())).count();
        idle + state.multiplexed.iter().filter(|one| !one.is_closed()).count()
    }

    /// Lets go all that lies here.
    #[cfg(test)]
    pub fn forget(&self) {
        let _spent = {
            let mut state = self.state();
            state.multiplexed.clear();
            std::mem::take(&mut state.idle)
        };
    }

    /// How many places are taken.
    #[cfg(test)]
    pub fn taken(&self) -> usize {
        self.state().taken
    }
}

impl State {
    /// What there is to use; idle connections that are of no use go into `spent`.
    fn find(&mut self, pool: &Arc<Pool>, now: Instant, spent: &mut Vec<Connection>) -> Option<Taken> {
        while let Some(mut connection) = self.idle.pop() {
            if connection.is_usable(now) {
                return Some(Taken::Connection(connection));
            }
            spent.push(connection);
        }
        if !self.multiplexed.is_empty() {
            self.multiplexed.retain(|one| one.is_usable(now));
            if let Some(one) = self.multiplexed.iter_mut().find(|one| one.has_room(now)) {
                return Some(Taken::Connection(Connection::multiplexed(one.stream(pool), now)));
            }
        }
        let worth_waiting =
            self.one_is_enough && (self.being_made > 0 || self.multiplexed.iter().any(|one| one.is_young(now)));
        if self.taken < pool.most && !worth_waiting {
            self.taken += 1;
            self.being_made += 1;
            return Some(Taken::Place(Place { pool: Arc::downgrade(pool), being_made: true }));
        }
        None
    }
}

impl Place {
    /// The connection stands; `multiplexed` says whether it takes many requests.
    pub fn made(&mut self, multiplexed: bool) {
        if let Some(pool) = self.pool.upgrade()
            && std::mem::take(&mut self.being_made)
        {
            let mut state = pool.state();
            state.being_made -= 1;
            state.one_is_enough = multiplexed;
            pool.tell(&state);
        }
    }

    /// Lets go what is too old in this place's pool.
    pub fn sweep(&self) {
        if let Some(pool) = self.pool.upgrade() {
            let _ = pool.sweep(Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let mut state = pool.state();
            state.taken -= 1;
            state.being_made -= usize::from(self.being_made);
            pool.tell(&state);
        }
    }
}

/// One who waits, counted while it does.
struct Waiting<'a>(&'a Pool);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.state().waiting += 1;
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}
