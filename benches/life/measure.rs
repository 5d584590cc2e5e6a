//! Figures, and the table of them.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};

use crate::support::times::{ms, percentile};

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
