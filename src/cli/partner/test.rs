//! `newswired partner test`: what a delivery would meet at a partner's doors, part by part, without a delivery.

use std::sync::Arc;

use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;

use super::item;
use crate::cli::output::say;
use crate::cli::target::unknown;
use crate::cli::{ConfigFile, Failure, json_line};
use crate::config::{Config, Destination, Door, Partner, PartnerId};
use crate::telemetry::Metrics;
use crate::transport::knock::{Step, TestItem, Verdict, knock};
use crate::transport::shared;

#[derive(Debug, Args)]
#[command(
    after_help = "Works from the configuration alone, whether a daemon runs or not; nothing is written to the ledger, and \
                  no news is sent. Run it as the daemon's user, who can read the secrets. Exit code 0 where all is well, 69 \
                  where a door is in trouble."
)]
pub struct Test {
    /// The partner's id
    #[arg(long, value_name = "ID")]
    partner: String,
    /// One of its destinations; left out: all of them, side by side
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Hand over a signed item that is marked as a test, and take it back; only where the destination says test_items = true
    #[arg(long)]
    item: bool,
    /// One JSON object a destination
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// A destination that is tried.
struct Tried<'a> {
    name: String,
    destination: &'a Destination,
    item: Option<TestItem>,
}

/// What came of one destination, as a program reads it.
#[derive(Serialize)]
struct Report<'a> {
    destination: &'a str,
    door: &'a str,
    address: &'a str,
    well: bool,
    steps: &'a [Step],
}

impl Test {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.config.load_to_look()?;
        let all = tried(&config, &self.partner, self.destination.as_deref(), self.item).await?;
        for (one, steps) in &all {
            let Some(door) = one.destination.door() else { continue };
            if self.json {
                let (_, address) = door.address();
                let (well, door) = (trouble(steps).is_none(), door.table());
                let report = Report { destination: &one.name, door, address: &address, well, steps };
                say!("{}", json_line(&report)?)?;
            } else {
                say!("{}", told(&one.name, door, steps))?;
            }
        }
        if !self.json {
            say!("{}", summary(&all))?;
        }
        if all.iter().any(|(_, steps)| trouble(steps).is_some()) { Err(Failure::Told) } else { Ok(()) }
    }
}

/// What the verb prints of a partner's doors, or of one of them; without test items.
///
/// # Errors
/// [`Failure::Usage`] where there is no such partner or destination.
pub async fn tried_in_words(config: &Config, partner: &str, destination: Option<&str>) -> Result<String, Failure> {
    let all = tried(config, partner, destination, false).await?;
    let doors = all.iter().filter_map(|(one, steps)| Some(told(&one.name, one.destination.door()?, steps)));
    Ok(doors.chain([summary(&all)]).collect::<Vec<_>>().join("\n"))
}

/// Tries a partner's doors side by side, or one of them.
async fn tried<'a>(
    config: &'a Config,
    partner: &str,
    destination: Option<&str>,
    item: bool,
) -> Result<Vec<(Tried<'a>, Vec<Step>)>, Failure> {
    let (id, found) = config.partners.get_key_value(partner).ok_or_else(|| unknown(partner, config))?;
    let doors = doors(config, id, found, destination, item)?;
    let shared = shared(config, &Arc::new(Metrics::default()))
        .map_err(|why| Failure::Unavailable(format!("{why}; it is the proxy's of [delivery]")))?;
    let looks = doors.iter().map(|one| knock(&one.name, one.destination, &config.delivery, &shared, one.item.as_ref()));
    let all = join_all(looks).await;
    Ok(doors.into_iter().zip(all).collect())
}

/// What is to be tried.
fn doors<'a>(
    config: &'a Config,
    id: &PartnerId,
    partner: &'a Partner,
    destination: Option<&str>,
    item: bool,
) -> Result<Vec<Tried<'a>>, Failure> {
    let wanted = |name: &&String| destination.is_none_or(|wanted| wanted == *name);
    let names: Vec<&String> = partner.destinations.keys().filter(wanted).collect();
    if let (Some(name), true) = (destination, names.is_empty()) {
        return Err(unknown(&format!("{id}/{name}"), config));
    }
    let allows = |name: &String| partner.destinations[name].test_items;
    if item && !names.iter().any(|name| allows(name)) {
        return Err(Failure::Usage(format!(
            "no destination of {id} allows test items: one would stand among the partner's news for a moment. Ask the \
             partner; if it knows of them, write test_items = true in [destinations.NAME]"
        )));
    }
    let all = names.into_iter().map(|name| {
        let destination = &*partner.destinations[name];
        let full = format!("{id}/{name}");
        let item = (item && allows(name)).then(|| item::make(config, id, partner, destination, &full));
        Ok(Tried { item: item.transpose()?, name: full, destination })
    });
    all.collect()
}

/// The step that stops deliveries, if one does.
fn trouble(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| step.finding.verdict == Verdict::Trouble)
}

/// What was found of one destination, a line a step.
fn told(name: &str, door: Door<'_>, steps: &[Step]) -> String {
    let (_, address) = door.address();
    let mut lines = vec![format!("{name}: {} {address}", door.table())];
    for Step { part, finding, took_ms } in steps {
        let mark = match finding.verdict {
            Verdict::Well => '✓',
            Verdict::Remark => '!',
            Verdict::Trouble => '✗',
        };
        lines.push(format!("  {mark} {:<11}{took_ms:>6} ms  {}", part.as_str(), finding.found));
        lines.extend(finding.mend.as_ref().map(|mend| format!("{:24}→ {mend}", "")));
    }
    lines.join("\n") + "\n"
}

fn summary(all: &[(Tried<'_>, Vec<Step>)]) -> String {
    let in_trouble: Vec<String> = all
        .iter()
        .filter_map(|(one, steps)| trouble(steps).map(|step| format!("{} ({})", one.name, step.part.as_str())))
        .collect();
    match (all, in_trouble.as_slice()) {
        ([(one, _)], []) => format!("{} is well.", one.name),
        (all, []) => format!("All {} destinations are well.", all.len()),
        (_, [one]) => format!("In trouble: {one}."),
        (all, some) => format!("{} of {} destinations are in trouble: {}.", some.len(), all.len(), some.join(", ")),
    }
}
