//! A histogram that takes no lock: lanes observe it at every delivery, on every thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// The sum is kept in millionths, so that adding to it is one instruction. It is good for half a million years of seconds.
const PARTS: f64 = 1e6;

/// How often a value was at most so large. Clones are the same histogram.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    /// The upper bounds, the lowest first; what is above the last has a place of its own.
    bounds: Vec<f64>,
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Histogram {
    pub fn new(bounds: impl IntoIterator<Item = f64>) -> Self {
        let bounds: Vec<f64> = bounds.into_iter().collect();
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets { bounds, counts, sum: AtomicU64::new(0) }))
    }

    /// Counts a value. What is below zero, or no number, counts as zero.
    pub fn observe(&self, value: f64) {
        let value = value.max(0.0);
        let place = self.0.bounds.partition_point(|bound| *bound < value);
        self.0.counts[place].fetch_add(1, Ordering::Relaxed);
        // The conversion ends at the largest number there is.
        self.0.sum.fetch_add((value * PARTS) as u64, Ordering::Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Buckets { bounds, counts, sum } = &*self.0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = sum.load(Ordering::Relaxed) as f64 / PARTS;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use proptest::prelude::*;

    use super::*;

    /// The numbers of each line, by what stands before them.
    fn lines(histogram: &Histogram) -> Vec<(String, f64)> {
        let mut registry = Registry::default();
        registry.register("t", "t", histogram.clone());
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
        let numbers = text.lines().filter_map(|line| line.rsplit_once(' '));
        numbers.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()
    }

    proptest! {
        #[test]
        fn each_bucket_holds_what_is_not_above_its_bound(values in prop::collection::vec(-1.0..2_000.0, 0..60)) {
            let bounds = [0.5, 1.0, 10.0, 1_000.0];
            let histogram = Histogram::new(bounds);
            values.iter().chain(&bounds).for_each(|value| histogram.observe(*value));
            let told = lines(&histogram);
            let told = |name: &str| told.iter().find(|(found, _)| found == name).map(|(_, number)| *number).unwrap();
            let all = || values.iter().chain(&bounds).map(|value| value.max(0.0));
            for (bound, le) in bounds.iter().zip(["0.5", "1", "10", "1000"]) {
                let below = all().filter(|value| value <= bound).count();
                prop_assert_eq!(told(&format!("t_bucket{{le=\"{le}\"}}")), below as f64);
            }
            prop_assert_eq!(told("t_bucket{le=\"+Inf\"}"), all().count() as f64);
            prop_assert_eq!(told("t_count"), all().count() as f64);
            prop_assert!((told("t_sum") - all().sum::<f64>()).abs() < 1e-3);
        }
    }

    #[test]
    fn what_no_number_can_hold_is_no_end() {
        let histogram = Histogram::new([1.0]);
        [f64::NAN, f64::NEG_INFINITY, f64::INFINITY].into_iter().for_each(|value| histogram.observe(value));
        let counts: Vec<_> = lines(&histogram).into_iter().filter(|(name, _)| name.starts_with("t_bucket")).collect();
        assert_eq!(counts, [("t_bucket{le=\"1\"}".to_owned(), 2.0), ("t_bucket{le=\"+Inf\"}".to_owned(), 3.0)]);
    }
}
