//! The rows, by their names.

mod amqp;
mod fanout;
mod isolation;
mod memory;
mod profile;
mod throughput;
mod waiting;

use std::time::Duration;

use self::throughput::Throughput;
use crate::report::Report;
use crate::support::Outcome;

pub const NAMES: [&str; 12] = [
    "sustained",
    "small",
    "large",
    "tls",
    "fanout",
    "isolation",
    "backlog",
    "breadth",
    "memory",
    "idle",
    "start",
    "amqp",
];

/// A row that is measured only where it is named.
const PROFILE: &str = "profile";
const PROFILE_IDLE: &str = "profile-idle";
pub const PROFILES: [&str; 2] = [PROFILE, PROFILE_IDLE];

/// `fdatasync` is what the disk takes, in the order of size.
pub async fn measure(name: &str, report: &mut Report, fdatasync: &[Duration]) -> Outcome<()> {
    let usual = Throughput {
        what: "sustained, 2,000 destinations, signed",
        document: 8 << 10,
        tls: false,
        counted: 100_000,
        least: 0.80,
    };
    match name {
        "sustained" => throughput::measure(report, &usual).await,
        "small" => {
            let small =
                Throughput {
                    what: "… of small documents", document: 1 << 10, counted: 120_000, least: 0.75, ..usual
                };
            throughput::measure(report, &small).await
        }
        "large" => {
            let large =
                Throughput {
                    what: "… of large documents", document: 64 << 10, counted: 40_000, least: 0.90, ..usual
                };
            throughput::measure(report, &large).await
        }
        "tls" => {
            let tls = Throughput { what: "… over TLS 1.3", tls: true, counted: 80_000, least: 0.90, ..usual };
            throughput::measure(report, &tls).await
        }
        "fanout" => {
            for doors in [500, 2_000, 5_000] {
                fanout::measure(report, doors).await?;
            }
            Ok(())
        }
        "isolation" => isolation::measure(report).await,
        "backlog" => waiting::backlog(report).await,
        "breadth" => waiting::breadth(report).await,
        "memory" => memory::at_work(report).await,
        "idle" => memory::idle(report).await,
        PROFILE => profile::measure(report).await,
        PROFILE_IDLE => profile::idle(report).await,
        "amqp" => amqp::measure(report, fdatasync).await,
        "start" => memory::start(report).await,
        other => Err(format!("there is no row {other:?}").into()),
    }
}
