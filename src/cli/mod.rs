//! The command line: one file a verb.
//!
//! | exit code | meaning (sysexits.h) |
//! | --- | --- |
//! | 0 | done |
//! | 1 | the answer is no: something owed did not arrive, an article was refused, nothing was found |
//! | 64 | the command line cannot be used |
//! | 69 | something that is needed is not there: a broker, a port, the ledger |
//! | 78 | the configuration cannot be used |
//! | 141 | nobody reads the output to its end; as a program that `SIGPIPE` ends, since there is no answer |

mod admin;
mod audit;
mod backup;
mod cancel;
mod check;
mod completions;
mod config;
mod deliveries;
mod demo;
mod events;
mod health;
mod hold;
mod killed;
mod lookout;
mod manual;
mod moment;
mod order;
mod orders;
mod output;
mod paint;
mod partner;
mod partners;
mod publish;
mod quarantine;
mod release;
mod reload;
mod render;
mod replay;
mod resend;
mod restore;
mod resume;
mod run;
mod sink;
mod stats;
mod status;
mod stories;
mod suspend;
mod target;
mod top;
mod why;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::answers::at;
use crate::config::{Config, ConfigErrors, Loaded, Secrets};
use crate::ledger::{LedgerError, SqliteReader};

/// A newswire distribution daemon: takes published articles, adds the attribution that the agency's licence demands,
/// and pushes them to every partner until each has arrived.
#[derive(Parser)]
#[command(name = "newswired", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the answer is no; 64 usage; 69 something needed is not there; 78 the configuration cannot be used";

#[derive(Subcommand)]
enum Verb {
    /// Run the daemon
    Run(run::Run),
    /// Check the configuration, and say everything that is wrong with it
    Check(check::Check),
    /// Try a partner's doors without news, or make a new partner's file
    Partner(partner::Partner),
    /// Show what a partner would receive of an article, without sending
    Render(render::Render),
    /// Hand articles to a daemon
    Publish(Box<publish::Publish>),
    /// Be a subscriber to try things with
    Sink(sink::Sink),
    /// See whether the wire flows, and what is in trouble
    Status(status::Status),
    /// Watch the wire in a terminal, with a key for each action
    Top(top::Top),
    /// List destinations and how each stands
    Partners(partners::Partners),
    /// List stories, or find one
    Stories(stories::Stories),
    /// Tell what happened, the newest last, and what happens
    Events(events::Events),
    /// List deliveries and where they stand
    Deliveries(deliveries::Deliveries),
    /// Say in plain words what a partner has of a story, and why
    Why(why::Why),
    /// See who has acknowledged a kill, and who has not
    Killed(killed::Killed),
    /// Stop a story everywhere at once
    Hold(hold::Hold),
    /// Let a held story go on
    Release(release::Release),
    /// End what waits of a story
    Cancel(cancel::Cancel),
    /// Send a partner nothing for the time being
    Suspend(suspend::Suspend),
    /// Go on with a partner that was suspended
    Resume(resume::Resume),
    /// Send a story to a partner once more
    Resend(resend::Resend),
    /// Send a partner what it missed
    Replay(replay::Replay),
    /// Have the running daemon go by the configuration as it is now
    Reload(reload::Reload),
    /// See what was ordered, and what of it holds; stop what is not done
    Orders(orders::Orders),
    /// See how big the ledger is, and why
    Stats(stats::Stats),
    /// See what a republished page shows of a story and its terms
    Audit(audit::Audit),
    /// See and decide upon what could not be accepted
    Quarantine(quarantine::Quarantine),
    /// Copy the ledger while the daemon runs, and check the copy
    Backup(backup::Backup),
    /// Bring a copy of the ledger back
    Restore(restore::Restore),
    /// Ask the running daemon whether it is well
    Health(health::Health),
    /// See what the configuration comes to
    Config(config::Show),
    /// Print what a shell needs to complete the command line
    Completions(completions::Completions),
    /// Write the manual's pages
    Manual(manual::Manual),
    /// Show the whole program at work, with three subscribers and a few stories; needs no set-up
    Demo(demo::Demo),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration; its partners stand in partners.d/ beside it
    #[arg(long, value_name = "FILE", default_value = "/etc/newswired/newswired.toml")]
    config: PathBuf,
}

impl ConfigFile {
    fn file(&self) -> &Path {
        &self.config
    }

    /// With its secrets, as the daemon needs it.
    fn load(&self) -> Result<Config, Failure> {
        Ok(crate::config::load(&self.config, Secrets::Read)?)
    }

    /// The same, with what it was made of.
    fn load_whole(&self) -> Result<Loaded, Failure> {
        Ok(crate::config::load_whole(&self.config, Secrets::Read)?)
    }

    /// Without its secrets, which an operator's shell does not have.
    fn load_to_look(&self) -> Result<Config, Failure> {
        Ok(crate::config::load(&self.config, Secrets::Leave)?)
    }

    fn reader(&self) -> Result<SqliteReader, Failure> {
        Ok(SqliteReader::open(&self.load_to_look()?.ledger.path)?)
    }
}

/// Why a verb did not do what it was asked, with the exit code that says so.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    No(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Config(String),
    /// A door is in trouble, and what was printed says so already.
    #[error("")]
    Told,
    /// Whoever read the output has read enough.
    #[error("")]
    Unread,
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) => 64,
            Self::Unavailable(_) | Self::Told => 69,
            Self::Config(_) => 78,
            // 128 and SIGPIPE's number, which is what a shell says of other programs before `head`.
            Self::Unread => 141,
        }
    }
}

impl From<ConfigErrors> for Failure {
    fn from(why: ConfigErrors) -> Self {
        Self::Config(why.to_string())
    }
}

impl From<LedgerError> for Failure {
    fn from(why: LedgerError) -> Self {
        Self::Unavailable(why.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(why: std::io::Error) -> Self {
        Self::Unavailable(why.to_string())
    }
}

/// The beginning of a text, on one line.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 72;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", start.trim_end())
}

/// For programs.
fn json_line<T: Serialize>(what: &T) -> Result<String, Failure> {
    serde_json::to_string(what).map_err(|why| Failure::Unavailable(why.to_string()))
}

/// Parses the arguments of the process. Help goes to standard output; a wrong command line exits with 64.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|why| {
        // Printing can fail only where nobody reads.
        let _ = why.print();
        std::process::exit(if why.use_stderr() { 64 } else { 0 })
    })
}

/// Runs one verb to its end.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.verb {
        Verb::Run(verb) => run_async(verb.run()),
        Verb::Check(verb) => verb.run(),
        Verb::Audit(verb) => run_async(verb.run()),
        Verb::Partner(verb) => verb.run(),
        Verb::Render(verb) => verb.run(),
        Verb::Publish(verb) => run_async(verb.run()),
        Verb::Sink(verb) => run_async(verb.run()),
        Verb::Status(verb) => run_async(verb.run()),
        Verb::Top(verb) => run_async(verb.run()),
        Verb::Partners(verb) => run_async(verb.run()),
        Verb::Stories(verb) => verb.run(),
        Verb::Events(verb) => verb.run(),
        Verb::Deliveries(verb) => verb.run(),
        Verb::Why(verb) => verb.run(),
        Verb::Killed(verb) => verb.run(),
        Verb::Hold(verb) => verb.run(),
        Verb::Release(verb) => verb.run(),
        Verb::Cancel(verb) => verb.run(),
        Verb::Suspend(verb) => verb.run(),
        Verb::Resume(verb) => verb.run(),
        Verb::Resend(verb) => verb.run(),
        Verb::Replay(verb) => verb.run(),
        Verb::Reload(verb) => verb.run(),
        Verb::Orders(verb) => verb.run(),
        Verb::Stats(verb) => verb.run(),
        Verb::Quarantine(verb) => verb.run(),
        Verb::Backup(verb) => verb.run(),
        Verb::Restore(verb) => verb.run(),
        Verb::Health(verb) => run_async(verb.run()),
        Verb::Config(verb) => verb.run(),
        Verb::Completions(verb) => verb.run(),
        Verb::Manual(verb) => verb.run(),
        Verb::Demo(verb) => run_async(verb.run()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if !matches!(why, Failure::Told | Failure::Unread) {
                eprintln!("{why}");
            }
            ExitCode::from(why.code())
        }
    }
}

/// Returns at SIGINT or SIGTERM; a container's first process has no other end.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn run_async(verb: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(verb);
    // Whatever had to be waited for was; a second signal waits for nothing.
    runtime.shutdown_background();
    done
}
