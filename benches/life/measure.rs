//! Figures, and the table of them.

use std::fmt;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};

use crate::Outcome;

/// How often the disk is asked.
const SYNCS: usize = 400;

/// What one write takes until it is durable, in the order of size.
pub fn fdatasync() -> Outcome<Vec<Duration>> {
    let file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR"))?;
    let page = [7; 4096];
    file.write_all_at(&[0; 16 * 4096], 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    for number in 0..SYNCS {
        let began = Instant::now();
        file.write_all_at(&page, (number % 16 * 4096) as u64)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times)
}

/// The time that so many of a hundred do not exceed, of `times` in the order of size.
pub fn percentile(times: &[Duration], of: usize) -> Duration {
    times.get((times.len() * of / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The table.
#[derive(Default)]
pub struct Report {
    /// What the disk took before the row that is measured.
    pub disk: Vec<Duration>,
    lines: Vec<[String; 5]>,
}

impl Report {
    /// Times as p50 and p99.
    pub fn times(&mut self, what: impl Into<String>, mut times: Vec<Duration>, target: impl Into<String>) {
        times.sort();
        let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
        let (disk50, disk99) = (percentile(&self.disk, 50), percentile(&self.disk, 99));
        self.line([
            what.into(),
            format!("{} / {} ms", ms(p50), ms(p99)),
            target.into(),
            format!("{} / {} ms", ms(disk50), ms(disk99)),
            format!("{:.1} / {:.1}", p50.div_duration_f64(disk50), p99.div_duration_f64(disk99)),
        ]);
    }

    /// Anything else.
    pub fn figure(&mut self, what: impl Into<String>, figure: String, target: impl Into<String>) {
        self.line([what.into(), figure, target.into(), String::new(), String::new()]);
    }

    /// A row may take minutes, so each is said at once too.
    fn line(&mut self, line: [String; 5]) {
        eprintln!("{}", line.join(" | "));
        self.lines.push(line);
    }

    /// Ten times what the idle disk usually takes, and 10 ms.
    pub fn of_the_disk(&self) -> String {
        format!("{} ms (p99)", ms(percentile(&self.disk, 50) * 10 + Duration::from_millis(10)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["what", "p50 / p99", "at most", "fdatasync p50 / p99", "ratio"]);
        for line in &self.lines {
            table.add_row(line);
        }
        table.fmt(f)
    }
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.1}") }
}
