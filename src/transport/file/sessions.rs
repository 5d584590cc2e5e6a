//! Sessions of protocols that keep one: somebody is let in, and then asks for one thing after the other.
//!
//! A session is kept between deliveries, since to be let in takes longer than a file. The other side may have ended it
//! meanwhile: what a kept session could not do, and certainly did not, is tried once more with a new one. There are never
//! more than the door's part of all connections.

use std::time::Duration;

use super::{File, Store, door, unknown};
use crate::transport::kept::Kept;
use crate::transport::knock::{Finding, Looked};
use crate::transport::{Outcome, Timeouts};

/// How sessions are opened.
pub trait Protocol: Send + Sync + 'static {
    type Session: Session;

    /// A session in which files can be asked for, within the time to connect. Nothing of a file has left when it fails.
    fn open(&self) -> impl Future<Output = Result<Self::Session, Outcome>> + Send;

    /// What is told of being let in, and what to do where we are not.
    fn words(&self) -> impl Future<Output = Words> + Send;

    fn timeouts(&self) -> &Timeouts;
}

/// What a person is told of a session that was tried.
pub struct Words {
    pub let_in: String,
    pub mend: String,
}

/// One session. Its functions end within the timeouts.
pub trait Session: Send + 'static {
    /// Whether it is known to have ended.
    fn is_over(&self) -> bool;

    fn put(&mut self, file: &File<'_>) -> impl Future<Output = Result<(), Failure>> + Send;

    fn remove(&mut self, path: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    fn list(&mut self, folder: &str) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;
}

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// The session is of no use any more; what was asked for did not come about.
    Lost(String),
    /// The same, and it may have.
    Unknown(String),
    /// The other side's answer. The session goes on.
    Answer(Outcome),
}

/// The sessions of one door.
pub struct Sessions<P: Protocol> {
    protocol: P,
    kept: Kept<P::Session>,
}

#[derive(Clone, Copy)]
enum Ask<'a> {
    Put(&'a File<'a>),
    Remove(&'a str),
    List(&'a str),
}

impl<P: Protocol> Sessions<P> {
    /// At most `at_once`, none of which begins anything when it is older than `max_age`.
    pub fn new(protocol: P, at_once: usize, max_age: Duration) -> Self {
        Self { protocol, kept: Kept::new(at_once, max_age) }
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Vec<String>, Outcome> {
        let patience = self.protocol.timeouts().connect;
        let Some(_place) = self.kept.place(patience).await else {
            return Err(door(format!("all sessions were busy for {patience:?}")));
        };
        loop {
            let (mut one, is_new) = match self.kept.take(Session::is_over) {
                Some(kept) => (kept, false),
                None => (self.kept.new_one(self.protocol.open().await?), true),
            };
            let done = match ask {
                Ask::Put(file) => one.session.put(file).await.map(|()| Vec::new()),
                Ask::Remove(path) => one.session.remove(path).await.map(|()| Vec::new()),
                Ask::List(folder) => one.session.list(folder).await,
            };
            let answer = match done {
                Ok(names) => Ok(names),
                Err(Failure::Answer(outcome)) => Err(outcome),
                Err(Failure::Lost(why)) if is_new => return Err(door(why)),
                Err(Failure::Lost(_)) => continue,
                Err(Failure::Unknown(why)) => return Err(unknown(why)),
            };
            self.kept.keep(one);
            return answer;
        }
    }
}

impl<P: Protocol> Store for Sessions<P> {
    async fn put(&self, file: &File<'_>) -> Result<(), Outcome> {
        self.ask(Ask::Put(file)).await.map(drop)
    }

    async fn remove(&self, path: &str) -> Result<(), Outcome> {
        self.ask(Ask::Remove(path)).await.map(drop)
    }

    async fn enter(&self) -> Looked<()> {
        let Words { let_in, mend } = self.protocol.words().await;
        let session = self.protocol.open().await.map_err(|outcome| Finding::trouble(outcome.detail, mend))?;
        self.kept.keep(self.kept.new_one(session));
        Ok((Finding::well(let_in), ()))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Outcome> {
        self.ask(Ask::List(folder)).await
    }

    fn in_network(&self) -> Duration {
        self.protocol.timeouts().in_network()
    }
}
