//! The table.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};

use crate::feed::Window;
use crate::support::Outcome;
use crate::support::process::Process;
use crate::support::times::ms;

/// What a row wants of its figure, or of its ratio.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// A line of the table. What does not apply is empty.
#[derive(Default)]
pub struct Line {
    pub what: String,
    pub figure: String,
    pub baseline: String,
    /// What is held against the target, in its unit.
    pub measured: Option<f64>,
    /// The unit of that, where it is no ratio.
    pub unit: &'static str,
    pub target: Option<Target>,
    /// Ratios to the clients that sign.
    pub signed: String,
    /// Processor time for a delivery of the daemon and of the baseline, in microseconds.
    pub cpu: String,
    /// The most resident memory of the daemon, and of the baseline.
    pub peak: String,
}

/// All lines.
#[derive(Default)]
pub struct Report(Vec<Line>);

impl Report {
    /// A row may take minutes, so each line is said at once too.
    pub fn add(&mut self, line: Line) {
        eprintln!("{}", line.cells().join(" | "));
        self.0.push(line);
    }
}

impl Line {
    fn cells(&self) -> [String; 9] {
        let number = |number: f64| match self.unit {
            "" => format!("{number:.2}"),
            unit => format!("{number:.1} {unit}"),
        };
        let (target, met) = match (self.target, self.measured) {
            (None, _) | (_, None) => (String::new(), ""),
            (Some(Target::AtLeast(least)), Some(measured)) => {
                (format!("≥ {}", number(least)), if measured >= least { "yes" } else { "no" })
            }
            (Some(Target::AtMost(most)), Some(measured)) => {
                (format!("≤ {}", number(most)), if measured <= most { "yes" } else { "no" })
            }
        };
        [
            self.what.clone(),
            self.figure.clone(),
            self.baseline.clone(),
            self.measured.map(number).unwrap_or_default(),
            target,
            met.to_owned(),
            self.signed.clone(),
            self.cpu.clone(),
            self.peak.clone(),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "what",
            "daemon",
            "baseline",
            "ratio",
            "target",
            "met",
            "to clients that sign digest, body",
            "CPU µs each",
            "peak MB",
        ]);
        for line in &self.0 {
            table.add_row(line.cells());
        }
        table.fmt(f)
    }
}

/// Deliveries a second.
pub fn rate(rate: f64) -> String {
    let whole = rate.round() as u64;
    if whole < 1_000 { format!("{whole}/s") } else { format!("{},{:03}/s", whole / 1_000, whole % 1_000) }
}

/// Two figures with one digit.
pub fn both(daemon: f64, baseline: f64) -> String {
    format!("{daemon:.1} / {baseline:.1}")
}

/// The most resident memory of two processes.
pub fn peaks(daemon: &Process, baseline: &Process) -> Outcome<String> {
    Ok(format!("{:.0} / {:.0}", peak(daemon)?, peak(baseline)?))
}

/// The most resident memory of a process, in megabytes.
pub fn peak(process: &Process) -> Outcome<f64> {
    Ok(process.memory("VmHWM")? as f64 / 1e6)
}

pub fn times(p50: Duration, p99: Duration) -> String {
    format!("{} / {} ms", ms(p50), ms(p99))
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The medians of rounds, each figure by itself.
pub fn middle(windows: &[Window]) -> Window {
    let of = |figure: fn(&Window) -> f64| median(windows.iter().map(figure).collect());
    Window { rate: of(|window| window.rate), cpu: of(|window| window.cpu) }
}
