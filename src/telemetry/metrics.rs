//! Metrics in Prometheus' text format. Labels are bounded by configuration: destinations, intakes and classes, never
//! stories. `docs/metrics.md` says what each means to an operator, and a test holds it to what is registered here.

mod destinations;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::registry::{Metric, Registry, Unit};

pub use self::destinations::{Destinations, Ending, LaneGauge, Series};
use super::{Beat, Histogram};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct IntakeLabel {
    /// `amqp`, `http` or `spool`.
    pub intake: String,
    /// One of [`IntakeLabel::RESULTS`].
    pub result: String,
}

impl IntakeLabel {
    /// What can become of an arrival; `refused` came before it was read.
    pub const RESULTS: [&str; 5] = ["accepted", "repeated", "quarantined", "unavailable", "refused"];
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CertificateLabel {
    pub destination: String,
    /// `server`, the partner's, or `client`, our own for that destination.
    pub certificate: String,
}

/// What goes through, in two numbers since the start: for the status line. By label they are in the metrics.
#[derive(Debug, Default)]
pub struct Flow {
    /// Articles accepted.
    pub accepted: Counter,
    /// Attempts that a partner confirmed.
    pub confirmed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndLabel {
    /// `refused` or `expired`.
    pub end: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// `input`, `conflict` or `rendition`.
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReceiverLabel {
    /// A receiver of events.
    pub receiver: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FileLabel {
    /// `database` or `wal`.
    pub file: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DirectoryLabel {
    /// `ledger` or `spool`.
    pub directory: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabel {
    /// `adopted`, `unchanged` or `refused`.
    pub result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpanLabel {
    /// `exported`, `dropped` or `failed`.
    result: &'static str,
}

/// What becomes of the spans of traces.
#[derive(Debug, Clone)]
pub struct SpanCounts {
    /// A collector has them.
    pub exported: Counter,
    /// There was no room to wait in.
    pub dropped: Counter,
    /// The collector did not take them.
    pub failed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabel {
    version: &'static str,
}

/// What the ledger's writer observes.
#[derive(Debug, Clone)]
pub struct CommitMetrics {
    pub seconds: Histogram,
    pub commands: Histogram,
}

impl Default for CommitMetrics {
    fn default() -> Self {
        Self {
            seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 14)),
            commands: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
        }
    }
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    pub flow: Flow,
    pub articles: Family<IntakeLabel, Counter>,
    pub accept_seconds: Histogram,
    pub article_deliveries: Histogram,
    pub deliveries_owed: Counter,
    pub attempt_seconds: Histogram,
    pub arrival_seconds: Histogram,
    pub publication_seconds: Histogram,
    pub destinations: Arc<Destinations>,
    pub withdrawals: Gauge,
    pub in_trouble: Family<EndLabel, Gauge>,
    pub certificate_expiry: Family<CertificateLabel, Gauge>,
    pub renditions: Counter,
    pub proof_failures: Counter,
    pub media_fetched: Counter,
    pub media_fetched_bytes: Counter,
    pub media_failures: Counter,
    pub media_held_bytes: Gauge,
    pub quarantine: Family<KindLabel, Gauge>,
    pub events_sent: Family<ReceiverLabel, Counter>,
    pub events_dropped: Family<ReceiverLabel, Counter>,
    pub events_waiting: Family<ReceiverLabel, Gauge>,
    pub events_oldest: Family<ReceiverLabel, Gauge>,
    pub events_failures: Family<ReceiverLabel, Gauge>,
    pub ledger_healthy: Gauge,
    pub commits: CommitMetrics,
    pub ledger_bytes: Family<FileLabel, Gauge>,
    pub ledger_looked: Gauge<f64, AtomicU64>,
    pub disk_free: Family<DirectoryLabel, Gauge>,
    pub disk_size: Family<DirectoryLabel, Gauge>,
    pub open_files: Gauge,
    pub most_files: Gauge,
    pub resident: Gauge,
    pub config_reloads: Family<ResultLabel, Counter>,
    pub config_good: Gauge,
    pub config_loaded: Gauge<f64, AtomicU64>,
    spans: Family<SpanLabel, Counter>,
    /// Articles of the last hour: accepted, and set aside.
    pub intake: Beat,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at nothing. The program counts as started now.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        // What all programs tell has the names that it has of all programs.
        let process = registry.sub_registry_with_prefix("process");
        let started: Gauge<f64, AtomicU64> = add(process, "start_time", Unit::Seconds, "When it started; since 1970");
        started.set(jiff::Timestamp::now().as_duration().as_secs_f64());
        let open_files = new(process, "open_fds", "Files and connections that are open");
        let most_files = new(process, "max_fds", "How many may be open");
        let resident = add(process, "resident_memory", Unit::Bytes, "Memory in use");

        let ours = registry.sub_registry_with_prefix("newswired");
        let build: Family<BuildLabel, Gauge> = new(ours, "build_info", "1; the label says which version runs");
        build.get_or_create(&BuildLabel { version: env!("CARGO_PKG_VERSION") }).set(1);
        let histogram = |ours: &mut Registry, name: &str, help: &str, histogram: Histogram| {
            ours.register(name, help, histogram.clone());
            histogram
        };
        let spans = |first, factor, number| Histogram::new(exponential_buckets(first, factor, number));
        let ledger_healthy: Gauge = new(ours, "ledger_healthy", "1 while the ledger can write");
        ledger_healthy.set(1);
        let commits = CommitMetrics::default();
        ours.register_with_unit(
            "ledger_commit_duration",
            "Time of a commit, from its first command to the disk's answer",
            Unit::Seconds,
            commits.seconds.clone(),
        );
        ours.register("ledger_commit_commands", "Commands in a commit", commits.commands.clone());
        let config_good: Gauge = new(
            ours,
            "config_good",
            "1 while what stands in the configuration's files, as loaded last, is in force; 0 while it was refused",
        );
        config_good.set(1);
        let config_loaded: Gauge<f64, AtomicU64> = add(
            ours,
            "config_loaded_timestamp",
            Unit::Seconds,
            "When the configuration in force was loaded; since 1970",
        );
        config_loaded.set(started.get());
        let destinations = Arc::<Destinations>::default();
        ours.register_collector(Box::new(Arc::clone(&destinations)));
        let timed = |ours: &mut Registry, name: &str, help: &str, histogram: Histogram| {
            ours.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        Self {
            articles: new(ours, "articles", "Articles taken from an intake, by result"),
            accept_seconds: timed(
                ours,
                "accept_duration",
                "Time from an article's arrival to the commit that holds it and its deliveries",
                spans(0.001, 2.0, 14),
            ),
            article_deliveries: histogram(
                ours,
                "article_deliveries",
                "Fan-out: deliveries that an accepted article made",
                Histogram::new([0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0]),
            ),
            deliveries_owed: new(ours, "deliveries_owed", "Deliveries made by accepted articles"),
            attempt_seconds: timed(
                ours,
                "attempt_duration",
                "Time of an attempt, from connecting to the answer's end",
                spans(0.001, 2.0, 16),
            ),
            arrival_seconds: timed(
                ours,
                "arrival_duration",
                "Time from acceptance, or the embargo's end, to a partner's confirmation",
                spans(0.005, 3.0, 14),
            ),
            publication_seconds: timed(
                ours,
                "publication_to_arrival_duration",
                "Time from an article's own time of publication, or the embargo's end, to a partner's confirmation, of \
                 articles that say when they were published",
                Histogram::new([
                    0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0,
                ]),
            ),
            destinations,
            withdrawals: new(
                ours,
                "withdrawals_outstanding",
                "Kills and withholds that a destination which has the story, or may have it, has not acknowledged",
            ),
            in_trouble: new(
                ours,
                "deliveries_in_trouble",
                "Deliveries that were refused, or expired, in the last 24 hours and wait for an operator; 1000 means so \
                 many or more",
            ),
            certificate_expiry: add(
                ours,
                "certificate_expiry_timestamp",
                Unit::Seconds,
                "When a partner's certificate ends, as last seen, or our own for that destination; since 1970",
            ),
            renditions: new(ours, "renditions", "Documents made"),
            proof_failures: new(
                ours,
                "proof_failures",
                "Documents in which a required element could not be supplied or proved",
            ),
            quarantine: new(
                ours,
                "quarantine_waiting",
                "Quarantine entries that wait for an operator, by kind; 1000 means so many or more",
            ),
            events_sent: new(ours, "events_sent", "Events that a receiver took"),
            events_dropped: new(
                ours,
                "events_dropped",
                "Events that a receiver was not told of, since more waited than are kept, or since it refused them",
            ),
            events_waiting: new(
                ours,
                "events_waiting",
                "Events of all kinds from the first on that a receiver has not taken",
            ),
            events_oldest: add(
                ours,
                "events_oldest_timestamp",
                Unit::Seconds,
                "When the oldest event happened that waits for a receiver; since 1970; absent while none does",
            ),
            events_failures: new(
                ours,
                "events_failures",
                "Tries that failed at a receiver since the last that did not",
            ),
            media_fetched: new(ours, "media_fetched", "Files of media fetched"),
            media_fetched_bytes: add(ours, "media_fetched", Unit::Bytes, "Size of those"),
            media_failures: new(
                ours,
                "media_failures",
                "Files of media that could not be fetched or kept, or were none that is taken",
            ),
            media_held_bytes: add(ours, "media_held", Unit::Bytes, "Size of the files kept"),
            flow: Flow::default(),
            ledger_healthy,
            ledger_bytes: add(
                ours,
                "ledger_size",
                Unit::Bytes,
                "Size of the ledger's file, and of its write-ahead log",
            ),
            ledger_looked: add(
                ours,
                "ledger_looked_timestamp",
                Unit::Seconds,
                "When what waits in the ledger was last counted; since 1970",
            ),
            disk_free: add(ours, "disk_free", Unit::Bytes, "Room on the file system of a directory"),
            disk_size: add(ours, "disk_size", Unit::Bytes, "Size of the file system of a directory"),
            config_reloads: new(ours, "config_reloads", "Times that the configuration was loaded again, by result"),
            config_good,
            config_loaded,
            spans: new(ours, "trace_spans", "Spans of traces, by what became of them; absent while traces are off"),
            commits,
            open_files,
            most_files,
            resident,
            registry,
            intake: Beat::default(),
        }
    }

    /// What becomes of spans, counted from nothing on.
    pub fn span_counts(&self) -> SpanCounts {
        let of = |result| self.spans.get_or_create_owned(&SpanLabel { result });
        SpanCounts { exported: of("exported"), dropped: of("dropped"), failed: of("failed") }
    }

    /// All of them in OpenMetrics 1.0 text.
    pub fn open_metrics(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// All of them in Prometheus' own text, version 0.0.4.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

fn new<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, unit: Unit, help: &str) -> M {
    let metric = M::default();
    registry.register_with_unit(name, help, unit, metric.clone());
    metric
}

#[cfg(test)]
mod tests;
