//! Metrics in Prometheus' text format. Labels are bounded by configuration: destinations, intakes and classes, never
//! stories.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Beat;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct IntakeLabel {
    /// `amqp`, `http` or `spool`.
    pub intake: String,
    /// `accepted`, `repeated`, `quarantined`, `unavailable`, or `refused` before it was read.
    pub result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    pub destination: String,
    /// `delivered`, `refused`, `deferred`, `unknown` or `gone`.
    pub outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DestinationLabel {
    pub destination: String,
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

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    pub flow: Flow,
    pub articles: Family<IntakeLabel, Counter>,
    pub deliveries_owed: Counter,
    pub attempts: Family<OutcomeLabel, Counter>,
    pub attempt_seconds: Histogram,
    pub arrival_seconds: Histogram,
    pub lane_concurrency: Family<DestinationLabel, Gauge>,
    pub lane_failures: Family<DestinationLabel, Gauge>,
    pub lane_suspended: Family<DestinationLabel, Gauge>,
    pub certificate_expiry: Family<CertificateLabel, Gauge>,
    pub renditions: Counter,
    pub proof_failures: Counter,
    pub media_fetched: Counter,
    pub media_fetched_bytes: Counter,
    pub media_failures: Counter,
    pub media_held_bytes: Gauge,
    pub ledger_healthy: Gauge,
    /// Articles of the last hour: accepted, and set aside.
    pub intake: Beat,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("newswired");
        let articles = Family::default();
        registry.register("articles", "Articles taken from an intake, by result", articles.clone());
        let deliveries_owed = Counter::default();
        registry.register("deliveries_owed", "Deliveries made by accepted articles", deliveries_owed.clone());
        let attempts = Family::default();
        registry.register("attempts", "Attempts to deliver, by destination and outcome", attempts.clone());
        let attempt_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        registry.register_with_unit(
            "attempt_duration",
            "Time of an attempt, from connecting to the answer's end",
            Unit::Seconds,
            attempt_seconds.clone(),
        );
        let arrival_seconds = Histogram::new(exponential_buckets(0.005, 3.0, 14));
        registry.register_with_unit(
            "arrival_duration",
            "Time from acceptance, or the embargo's end, to a partner's confirmation",
            Unit::Seconds,
            arrival_seconds.clone(),
        );
        let lane_concurrency = Family::default();
        registry.register(
            "lane_concurrency",
            "Requests at once that a destination has been found to take; absent while that is still one",
            lane_concurrency.clone(),
        );
        let lane_failures = Family::default();
        registry.register(
            "lane_failures",
            "Tries that failed at a destination since the last that did not",
            lane_failures.clone(),
        );
        let lane_suspended = Family::default();
        registry.register(
            "lane_suspended",
            "1 while a destination is sent nothing but withdrawals, because it said that it is gone (410)",
            lane_suspended.clone(),
        );
        let certificate_expiry = Family::default();
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When a partner's certificate ends, as last seen, or our own for that destination; since 1970",
            Unit::Seconds,
            certificate_expiry.clone(),
        );
        let renditions = Counter::default();
        registry.register("renditions", "Documents made", renditions.clone());
        let proof_failures = Counter::default();
        registry.register(
            "proof_failures",
            "Documents in which a required element could not be supplied or proved",
            proof_failures.clone(),
        );
        let media_fetched = Counter::default();
        registry.register("media_fetched", "Files of media fetched", media_fetched.clone());
        let media_fetched_bytes = Counter::default();
        registry.register_with_unit("media_fetched", "Size of those", Unit::Bytes, media_fetched_bytes.clone());
        let media_failures = Counter::default();
        registry.register(
            "media_failures",
            "Files of media that could not be fetched or kept, or were none that is taken",
            media_failures.clone(),
        );
        let media_held_bytes = Gauge::default();
        registry.register_with_unit("media_held", "Size of the files kept", Unit::Bytes, media_held_bytes.clone());
        let ledger_healthy = Gauge::default();
        ledger_healthy.set(1);
        registry.register("ledger_healthy", "1 while the ledger can write", ledger_healthy.clone());
        Self {
            registry,
            flow: Flow::default(),
            articles,
            deliveries_owed,
            attempts,
            attempt_seconds,
            arrival_seconds,
            lane_concurrency,
            lane_failures,
            lane_suspended,
            certificate_expiry,
            renditions,
            proof_failures,
            media_fetched,
            media_fetched_bytes,
            media_failures,
            media_held_bytes,
            ledger_healthy,
            intake: Beat::default(),
        }
    }

    /// All of them, in OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
