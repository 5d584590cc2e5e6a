//! Logs: one line an event, on standard error, for people or as JSON.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the whole process.
///
/// # Errors
/// When `level` is no filter, or logging was started before.
pub fn start_logs(level: &str, json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(level)
        .map_err(|why| format!("log.level {level:?} cannot be used: {why}; write for example \"info\""))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let discreet = filter_fn(is_discreet);
    let started = if json {
        let logs = logs.json().flatten_event(true).with_current_span(false).with_span_list(false);
        logs.finish().with(discreet).try_init()
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).finish().with(discreet).try_init()
    };
    started.map_err(|why| why.to_string())
}

/// Whether what is told cannot be a secret, whatever level the operator asked for (promise 11): suppaftp traces each command
/// of a session as it is, the password's among them.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    !(metadata.target().starts_with("suppaftp") && *metadata.level() > Level::DEBUG)
}
