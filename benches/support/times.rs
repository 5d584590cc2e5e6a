//! Times in the order of size, and what the disk itself takes.

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::Outcome;

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

/// In milliseconds, as a table shows it.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.1}") }
}
