//! `newswired replay`: a partner gets what it missed, behind all that comes now.

use clap::Args;
use jiff::Timestamp;

use super::Failure;
use super::moment::Moment;
use super::order::Ordering;
use super::target::{To, unknown};
use crate::ledger::{Order, Replay as Request, ReplayFrom};
use crate::upkeep;

#[derive(Debug, Args)]
#[command(
    after_help = "A replay sends the newest version of each story that the partner's contract and subscriptions give it today, in the order of their acceptance. Whatever is accepted meanwhile goes first."
)]
pub struct Replay {
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    from: From,
    /// Only stories whose newest version was accepted before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only stories that match this, written as in a subscription: sections = ["politics"]. Given twice, both must match
    #[arg(long, value_name = "KEY = VALUE")]
    filter: Vec<String>,
    /// Stories a second, at most
    #[arg(long, value_name = "N", default_value_t = Request::USUAL_RATE, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    #[command(flatten)]
    ordering: Ordering,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct From {
    /// Stories whose newest version was accepted at this time or later and is not confirmed: an instant
    /// (2026-11-24T10:15:00Z), or how long ago (2h, 3d)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// What carried this number of the destination's sequence or a later one, confirmed or not
    #[arg(long, value_name = "N")]
    from_sequence: Option<u64>,
}

impl Replay {
    pub fn run(self) -> Result<(), Failure> {
        let now = Timestamp::now();
        let filter = (!self.filter.is_empty()).then(|| self.filter.join("\n"));
        let from = match (self.from.since, self.from.from_sequence) {
            (Some(since), _) => ReplayFrom::Since(since.before(now)?),
            // The command line has one of the two.
            (None, number) => ReplayFrom::Sequence(number.unwrap_or_default()),
        };
        let until = self.until.map(|until| until.before(now)).transpose()?;
        if let (ReplayFrom::Since(since), Some(until)) = (from, until)
            && until <= since
        {
            return Err(Failure::Usage(format!("nothing was accepted since {since} and before {until}")));
        }
        let desk = self.ordering.desk()?;
        if let Some(filter) = &filter {
            upkeep::filter(filter, &desk.config.subject_descendants).map_err(Failure::Usage)?;
        }
        let to = desk.target(&self.to)?;
        // The ledger may know destinations that are not configured any more; a replay asks their contracts.
        match desk.config.destinations().filter(|name| to.covers(name)).count() {
            0 => return Err(unknown(to.as_str(), &desk.config)),
            2.. if matches!(from, ReplayFrom::Sequence(_)) => {
                return Err(Failure::Usage(format!(
                    "{to} has several destinations, each with numbers of its own; name one with --destination"
                )));
            }
            _ => {}
        }
        desk.give(Order::Replay(Request { to: to.clone(), from, until, filter, rate: self.rate }))?;
        desk.tell_halted(&to)
    }
}
