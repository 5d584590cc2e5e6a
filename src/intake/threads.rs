//! The threads of the intakes.
//!
//! At full speed hundreds of lanes stand in line for the threads that send, and each of an article's steps until its lanes
//! are told would stand behind them once more: a request that came, its commit, the answer. A kill has that time (promise 4).

use tokio::runtime::{Builder, Handle, Runtime};

/// One can wait for a spool's disk while the other takes what comes by another way.
const NUMBER: usize = 2;

/// Run until this is dropped, with all that was spawned there.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// # Errors
    /// When the system does not give them what they look after their connections with.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(NUMBER).thread_name("intake").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // To wait for them is nothing that a task of another runtime may do. At a stop the ledger has closed by then, and
        // with it all that they worked for.
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
