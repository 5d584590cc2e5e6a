//! Logs: one line an event, on standard error, for people or as JSON. `docs/logs.md` has the events.
//!
//! Where standard error is the journal, a line begins with its priority as `sd-daemon(3)` has it and leaves out the time,
//! which the journal knows. The level can be raised and put back while the program runs, without losing a line.

use std::fmt;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Terminal,
    /// `journald`, which keeps time and priority beside a line.
    Journal,
    /// A file or a pipe.
    Elsewhere,
}

/// The logs of this process, for whoever changes their level.
pub struct Logs {
    configured: Mutex<String>,
    raised: AtomicBool,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Starts logging for the whole process.
///
/// # Errors
/// When `level` is no filter, or logging was started before.
pub fn start_logs(level: &str, json: bool) -> Result<Logs, String> {
    let (logs, subscriber) = logs(level, json, Place::of_standard_error(), std::io::stderr)?;
    subscriber.try_init().map_err(|why| why.to_string())?;
    Ok(logs)
}

/// What comes through the filter.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;

fn logs<W>(level: &str, json: bool, place: Place, writer: W) -> Result<(Logs, impl Subscriber + Send + Sync), String>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter_of(level)?;
    let (filter, handle) = reload::Layer::new(filter);
    let priority = place == Place::Journal;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Filtered> + Send + Sync> = if json {
        let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
        lines.map_event_format(|format| OneLine { format, priority }).boxed()
    } else if priority {
        lines.map_event_format(|format| OneLine { format: format.without_time().with_ansi(false), priority }).boxed()
    } else {
        let ansi = place == Place::Terminal;
        lines.map_event_format(|format| OneLine { format: format.with_ansi(ansi), priority }).boxed()
    };
    let logs = Logs { configured: Mutex::new(level.to_owned()), raised: AtomicBool::new(false), filter: handle };
    Ok((logs, tracing_subscriber::registry().with(filter).with(lines).with(filter_fn(is_discreet))))
}

/// What `level` lets through.
///
/// # Errors
/// When it is no filter, with what one is.
fn filter_of(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level)
        .map_err(|why| format!("log.level {level:?} cannot be used: {why}; write for example \"info\""))
}

impl Logs {
    /// Has everything of ours from `debug` on logged, or what the configuration says again. What it is now is an event.
    pub fn toggle(&self) {
        self.raised.fetch_xor(true, Ordering::AcqRel);
        self.apply();
    }

    /// The configuration says another level now. One that was raised stays raised.
    ///
    /// # Errors
    /// When it is no filter.
    pub fn adopt(&self, level: &str) -> Result<(), String> {
        filter_of(level)?;
        level.clone_into(&mut self.configured.lock().unwrap_or_else(PoisonError::into_inner));
        self.apply();
        Ok(())
    }

    fn apply(&self) {
        let configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let raised = self.raised.load(Ordering::Acquire);
        let level = if raised { format!("{configured},newswired=debug") } else { configured };
        let changed = EnvFilter::try_new(&level)
            .map_err(|why| why.to_string())
            .and_then(|filter| self.filter.reload(filter).map_err(|why| why.to_string()));
        match changed {
            Ok(()) => tracing::info!(level, "log level"),
            Err(why) => tracing::error!(level, reason = why, "log level not changed"),
        }
    }
}

impl Place {
    fn of_standard_error() -> Self {
        let stderr = std::io::stderr();
        let is_journal = std::env::var("JOURNAL_STREAM").is_ok_and(|stream| {
            rustix::fs::fstat(&stderr).is_ok_and(|about| names(&stream, about.st_dev, about.st_ino))
        });
        match (is_journal, stderr.is_terminal()) {
            (true, _) => Self::Journal,
            (false, true) => Self::Terminal,
            (false, false) => Self::Elsewhere,
        }
    }
}

/// Whether `JOURNAL_STREAM` means this stream (`systemd.exec(5)`): a program that was started with the journal as its
/// standard error may have been given another one since.
fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream.split_once(':').is_some_and(|(of, number)| of.parse() == Ok(device) && number.parse() == Ok(inode))
}

/// An event as one line, whatever stands in its fields.
struct OneLine<F> {
    format: F,
    /// With the priority in front.
    priority: bool,
}

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        self.format.format_event(ctx, Writer::new(&mut text), event)?;
        if self.priority {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
        }
        for one in text.trim_end_matches('\n').chars() {
            match one {
                '\n' => writer.write_str("\\n")?,
                '\r' => writer.write_str("\\r")?,
                one => writer.write_char(one)?,
            }
        }
        writer.write_char('\n')
    }
}

/// `syslog(3)`'s.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        // There are no others.
        _ => 7,
    }
}

/// Whether what is told cannot be a secret, whatever level the operator asked for (promise 11): suppaftp traces each command
/// of a session as it is, the password's among them.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    !(metadata.target().starts_with("suppaftp") && *metadata.level() > Level::DEBUG)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `events` happen.
    fn written(json: bool, place: Place, events: impl FnOnce(&Logs)) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let (logs, subscriber) = logs("info", json, place, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || events(&logs));
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn some() {
        tracing::info!(story = "urn:x", "accepted");
        tracing::warn!(reason = %"two\nlines\r", "quarantined");
        tracing::error!("ledger cannot write");
        tracing::debug!("routed");
    }

    #[test]
    fn the_journal_gets_priorities_and_no_time() {
        insta::assert_snapshot!(written(false, Place::Journal, |_| some()), @r#"
        <6> INFO newswired::telemetry::logs::tests: accepted story="urn:x"
        <4> WARN newswired::telemetry::logs::tests: quarantined reason=two\nlines\r
        <3>ERROR newswired::telemetry::logs::tests: ledger cannot write
        "#);
    }

    #[test]
    fn an_event_is_a_line_in_every_format() {
        for (json, place) in [
            (false, Place::Elsewhere),
            (false, Place::Terminal),
            (true, Place::Elsewhere),
            (true, Place::Journal),
            (true, Place::Terminal),
        ] {
            let text = written(json, place, |_| some());
            assert_eq!(text.lines().count(), 3, "{text}");
            assert_eq!(text.contains('\x1b'), place == Place::Terminal && !json, "{text}");
            for line in text.lines().filter(|_| json) {
                let line = line.split_once('>').map_or(line, |(_, line)| line);
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(event["level"].is_string() && event["message"].is_string(), "{event}");
            }
        }
    }

    #[test]
    fn the_level_is_raised_and_put_back() {
        let text = written(false, Place::Journal, |logs| {
            tracing::debug!("one");
            logs.toggle();
            tracing::debug!("two");
            tracing::trace!("three");
            tracing::debug!(target: "hyper", "four");
            logs.toggle();
            tracing::debug!("five");
        });
        insta::assert_snapshot!(text, @r#"
        <6> INFO newswired::telemetry::logs: log level level="info,newswired=debug"
        <7>DEBUG newswired::telemetry::logs::tests: two
        <6> INFO newswired::telemetry::logs: log level level="info"
        "#);
    }

    #[test]
    fn only_the_stream_that_systemd_gave_is_the_journal() {
        assert!(names("8:1234", 8, 1234));
        for other in ["8:1235", "9:1234", "8", "", "8:", ":1234", "8:1234:1"] {
            assert!(!names(other, 8, 1234), "{other}");
        }
    }
}
