//! `newswired replay`: a partner gets what it missed, behind all that comes now.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::Failure;
use super::moment::Moment;
use super::order::Ordering;
use super::output::say;
use super::target::{To, unknown};
use crate::ledger::{Order, OrderId, OrderState, Replay as Request, ReplayFrom, SqliteReader};
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
    /// Wait until all of it is on its way, and show how far it is
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    ordering: Ordering,
}

/// How often the ledger is looked at.
const LOOK: Duration = Duration::from_millis(200);

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
        let id = desk.give(Order::Replay(Request { to: to.clone(), from, until, filter, rate: self.rate }))?;
        desk.tell_halted(&to)?;
        if self.wait { wait_for(&desk.reader, id) } else { Ok(()) }
    }
}

/// Waits for a replay's end, with a bar on a terminal that shows how far it is, and how long it still takes.
fn wait_for(reader: &SqliteReader, id: OrderId) -> Result<(), Failure> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {percent}%, {msg}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    loop {
        // One that is listed no more came to its end long ago.
        let Some(order) = reader.order_placed(id)? else { return Ok(()) };
        if let Some((done, of)) = reader.replayed(id)? {
            bar.set_length(of);
            bar.set_position(done);
        }
        let result = order.result.unwrap_or_default();
        bar.set_message(result.clone());
        match order.state {
            OrderState::Waiting | OrderState::Working if reader.is_served() => std::thread::sleep(LOOK),
            OrderState::Waiting | OrderState::Working => {
                return Err(Failure::Unavailable(format!(
                    "no daemon runs any more; order {id} goes on when one starts ({result})"
                )));
            }
            OrderState::Done => {
                bar.finish_and_clear();
                say!("order {id}: {result}")?;
                return Ok(());
            }
            OrderState::Refused | OrderState::Stopped => {
                return Err(Failure::No(format!("order {id} is {}: {result}", order.state.as_str())));
            }
        }
    }
}
