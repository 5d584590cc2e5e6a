//! `newswired run`: the daemon in the foreground, as systemd and containers want it.

use std::panic::resume_unwind;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigFile, Failure};
use crate::config::{Loaded, LogFormat};
use crate::daemon::{Daemon, StartError};
use crate::delivery::LanesError;
use crate::events::EventsError;
use crate::render::check_templates;
use crate::telemetry::start_logs;

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    /// In a thread of its own. What reading needs and running does not is most of it, and the allocator gives it back
    /// to the system when its thread has ended.
    fn read(&self) -> Result<Loaded, Failure> {
        let read = || {
            let loaded = self.config.load_whole()?;
            check_templates(&loaded.config).map_err(Failure::Config)?;
            Ok(loaded)
        };
        std::thread::scope(|scope| scope.spawn(read).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs until SIGTERM or SIGINT. A second signal exits at once; what was accepted is in the ledger either way. SIGUSR2
    /// raises the log's level, and puts it back. SIGHUP has the configuration loaded again.
    pub async fn run(self) -> Result<(), Failure> {
        let loaded = self.read()?;
        let log = &loaded.config.log;
        let logs = Arc::new(start_logs(&log.level, log.format == LogFormat::Json).map_err(Failure::Config)?);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut verbose = signal(SignalKind::user_defined2())?;
        let mut again = signal(SignalKind::hangup())?;
        let mut daemon = Daemon::start(loaded, self.config.file(), Some(Arc::clone(&logs))).await?;
        let (signal, broken) = loop {
            tokio::select! {
                _ = terminate.recv() => break ("SIGTERM", None),
                _ = interrupt.recv() => break ("SIGINT", None),
                part = daemon.broken() => break ("none", Some(part)),
                _ = verbose.recv() => logs.toggle(),
                _ = again.recv() => daemon.reload(),
            }
        };
        tracing::info!(signal, "stopping");
        tokio::select! {
            () = daemon.stop() => {}
            _ = terminate.recv() => return Err(at_once()),
            _ = interrupt.recv() => return Err(at_once()),
        }
        match broken {
            None => Ok(()),
            // The service manager starts it again.
            Some(part) => {
                Err(Failure::Unavailable(format!("{part} broke off; the log says where, and nothing accepted is lost")))
            }
        }
    }
}

fn at_once() -> Failure {
    Failure::No("stopped at once by a second signal; attempts under way count as unknown and are made again".to_owned())
}

impl From<StartError> for Failure {
    fn from(why: StartError) -> Self {
        match why {
            StartError::Ledger(_)
            | StartError::Thread(_)
            | StartError::Listener(_)
            | StartError::Lanes(LanesError::Ledger(_))
            | StartError::Events(EventsError::Ledger(_)) => Self::Unavailable(why.to_string()),
            StartError::Shared(_)
            | StartError::Traces(_)
            | StartError::Lanes(LanesError::Door { .. } | LanesError::Format { .. })
            | StartError::Events(EventsError::Door { .. }) => Self::Config(why.to_string()),
        }
    }
}
