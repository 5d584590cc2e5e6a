//! What metrics tell of each destination, in one place for all of it: there may be ten thousand of them, and a family for
//! each of these names would have a table and a copy of every destination's name of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// What is told of a destination as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneGauge {
    Concurrency,
    Failures,
    Suspended,
    Halted,
    Waiting,
    Held,
    Oldest,
    OldestWithdrawal,
}

impl LaneGauge {
    /// In the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::Concurrency,
        Self::Failures,
        Self::Suspended,
        Self::Halted,
        Self::Waiting,
        Self::Held,
        Self::Oldest,
        Self::OldestWithdrawal,
    ];

    /// Its name, its unit, and what it means.
    const fn described(self) -> (&'static str, Option<Unit>, &'static str) {
        match self {
            Self::Concurrency => (
                "lane_concurrency",
                None,
                "Requests at once that a destination has been found to take; absent while that is still one",
            ),
            Self::Failures => ("lane_failures", None, "Tries that failed at a destination since the last that did not"),
            Self::Suspended => (
                "lane_suspended",
                None,
                "1 while a destination is sent nothing but withdrawals, because it said that it is gone (410)",
            ),
            Self::Halted => (
                "lane_halted",
                None,
                "1 while an order, or the configuration, has a destination sent nothing, or nothing but withdrawals",
            ),
            Self::Waiting => {
                ("lane_waiting", None, "Deliveries that wait for a destination's turn; 1000 means so many or more")
            }
            Self::Held => (
                "lane_held",
                None,
                "Deliveries to a destination that are held, by an embargo, a hold, or their own next try; 1000 means so \
                 many or more",
            ),
            Self::Oldest => (
                "lane_oldest_timestamp",
                Some(Unit::Seconds),
                "Since when the oldest of the deliveries in front of a lane is due, by acceptance or the embargo's end; \
                 since 1970; absent while none is",
            ),
            Self::OldestWithdrawal => (
                "withdrawal_oldest_timestamp",
                Some(Unit::Seconds),
                "When the oldest withdrawal was accepted that a destination has not acknowledged; since 1970; absent \
                 while there is none",
            ),
        }
    }
}

/// How an attempt ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Delivered,
    Refused,
    Deferred,
    Unknown,
    Gone,
}

impl Ending {
    /// In the order of their declaration.
    const ALL: [Self; 5] = [Self::Delivered, Self::Refused, Self::Deferred, Self::Unknown, Self::Gone];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Unknown => "unknown",
            Self::Gone => "gone",
        }
    }
}

/// What a gauge has that is not told.
const ABSENT: i64 = i64::MIN;

/// The series of one destination.
#[derive(Debug)]
pub struct Series {
    /// Since the start. None is told that never was.
    attempts: [AtomicU64; Ending::ALL.len()],
    gauges: [AtomicI64; LaneGauge::ALL.len()],
}

impl Default for Series {
    fn default() -> Self {
        Self { attempts: Default::default(), gauges: [const { AtomicI64::new(ABSENT) }; LaneGauge::ALL.len()] }
    }
}

impl Series {
    /// One more attempt ended so.
    pub fn count(&self, ending: Ending) {
        self.attempts[ending as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn counted(&self, ending: Ending) -> Option<u64> {
        Some(self.attempts[ending as usize].load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// Without a value it is absent.
    pub fn set(&self, gauge: LaneGauge, value: impl Into<Option<i64>>) {
        self.gauges[gauge as usize].store(value.into().unwrap_or(ABSENT), Ordering::Relaxed);
    }

    pub fn get(&self, gauge: LaneGauge) -> Option<i64> {
        Some(self.gauges[gauge as usize].load(Ordering::Relaxed)).filter(|value| *value != ABSENT)
    }
}

/// The series of all destinations, by their names (`partner/destination`).
#[derive(Debug, Default)]
pub struct Destinations(RwLock<HashMap<Box<str>, Arc<Series>>>);

impl Destinations {
    /// Those of a destination, which may be looked up once and kept.
    pub fn of(&self, destination: &str) -> Arc<Series> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(destination).cloned();
        known.unwrap_or_else(|| {
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(destination.into()).or_default())
        })
    }

    /// What is known of one that is not configured any more is told no longer, but for what was counted.
    pub fn forget(&self, destination: &str) {
        if let Some(series) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(destination) {
            LaneGauge::ALL.iter().for_each(|gauge| series.set(*gauge, None));
        }
    }
}

impl Collector for Destinations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let attempts = all.iter().flat_map(|(name, series)| {
            Ending::ALL.iter().filter_map(move |ending| Some((&**name, ending.as_str(), series.counted(*ending)?)))
        });
        let mut attempts = attempts.peekable();
        // A name of which there is nothing to tell is left out, as it is of families.
        if attempts.peek().is_some() {
            let help = "Attempts to deliver, by destination and outcome";
            let mut told = encoder.encode_descriptor("attempts", help, None, MetricType::Counter)?;
            for (destination, outcome, number) in attempts {
                let labels = [("destination", destination), ("outcome", outcome)];
                told.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&number, None)?;
            }
        }
        for gauge in LaneGauge::ALL {
            let values = all.iter().filter_map(|(name, series)| Some((&**name, series.get(gauge)?)));
            let mut values = values.peekable();
            if values.peek().is_none() {
                continue;
            }
            let (name, unit, help) = gauge.described();
            let mut told = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            for (destination, value) in values {
                told.encode_family(&[("destination", destination)])?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::registry::Registry;

    use super::*;

    fn text(destinations: &Arc<Destinations>) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(destinations)));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with("# HELP")).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_was_set_and_counted_is_told_and_nothing_else() {
        let destinations = Arc::<Destinations>::default();
        assert!(text(&destinations).is_empty());
        let (island, river) = (destinations.of("island/main"), destinations.of("river/main"));
        assert!(text(&destinations).is_empty(), "nothing is known of them");
        island.count(Ending::Gone);
        destinations.of("island/main").count(Ending::Gone);
        river.set(LaneGauge::Oldest, 1_800_000_000);
        river.set(LaneGauge::Held, 0);
        island.set(LaneGauge::Held, 3);
        let told = [
            "# TYPE attempts_total counter",
            "# TYPE lane_held gauge",
            "# TYPE lane_oldest_timestamp_seconds gauge",
            r#"attempts_total{destination="island/main",outcome="gone"} 2"#,
            r#"lane_held{destination="island/main"} 3"#,
            r#"lane_held{destination="river/main"} 0"#,
            r#"lane_oldest_timestamp_seconds{destination="river/main"} 1800000000"#,
        ];
        assert_eq!(text(&destinations), told);
        river.set(LaneGauge::Oldest, None);
        destinations.forget("island/main");
        destinations.forget("nobody/main");
        let told = [
            "# TYPE attempts_total counter",
            "# TYPE lane_held gauge",
            r#"attempts_total{destination="island/main",outcome="gone"} 2"#,
            r#"lane_held{destination="river/main"} 0"#,
        ];
        assert_eq!(text(&destinations), told, "what was counted stays");
    }

    #[test]
    fn each_has_its_place() {
        for (at, gauge) in LaneGauge::ALL.into_iter().enumerate() {
            assert_eq!(gauge as usize, at);
        }
        for (at, ending) in Ending::ALL.into_iter().enumerate() {
            assert_eq!(ending as usize, at);
        }
    }
}
