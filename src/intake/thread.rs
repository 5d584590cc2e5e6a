//! The thread of the intakes.
//!
//! At full speed hundreds of lanes stand in line for the threads that send, and each of an article's steps until its lanes
//! are told would stand behind them once more: a request that came, its commit, the answer. A kill has that time (promise 4).
//!
//! There is one: a second gave nothing that could be measured.

use tokio::runtime::{Builder, Handle, Runtime};

/// Runs until it is dropped, with all that was spawned there. Nothing there may keep it waiting.
pub struct Thread(Option<Runtime>);

impl Thread {
    /// # Errors
    /// When the system does not give it what it looks after its connections with.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("intake").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // To wait for it is nothing that a task of another runtime may do. At a stop the ledger has closed by then, and with
        // it all that it worked for.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
