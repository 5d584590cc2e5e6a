//! What the verbs have in common that order something: the order is written to the ledger, a running daemon takes it up,
//! and its result is told.
//!
//! A verb never orders by talking to the daemon. What is ordered while none runs waits in the ledger for its start.

use clap::Args;
use jiff::Timestamp;

use super::output::say;
use super::target::To;
use super::{ConfigFile, Failure};
use crate::article::Guid;
use crate::config::Config;
use crate::ledger::{NewOrder, Order, OrderId, OrderRecord, OrderState, SqliteReader, StoryView, Target};
use crate::ops::order::{Given, PATIENCE, give};

/// What every order is given with.
#[derive(Debug, Args)]
pub struct Ordering {
    /// Why, in a sentence; it stands beside whatever the order holds back or ends
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Where orders are given.
pub struct Desk {
    pub config: Config,
    pub reader: SqliteReader,
    reason: Option<String>,
}

impl Ordering {
    pub(super) fn config(&self) -> &ConfigFile {
        &self.config
    }

    pub fn desk(self) -> Result<Desk, Failure> {
        let config = self.config.load_to_look()?;
        let reader = SqliteReader::open(&config.ledger.path)?;
        Ok(Desk { config, reader, reason: self.reason })
    }
}

impl Desk {
    /// The story of a guid.
    ///
    /// # Errors
    /// [`Failure::No`] where the ledger has none.
    pub fn story(&self, guid: &Guid) -> Result<StoryView, Failure> {
        story(&self.reader, guid)
    }

    pub fn target(&self, to: &To) -> Result<Target, Failure> {
        to.needed(&self.config, &self.reader)
    }

    /// Says of which destinations that are meant nothing goes for the time being, whatever was ordered to go.
    pub fn tell_halted(&self, to: &Target) -> Result<(), Failure> {
        for (destination, halt) in self.reader.standings()?.destinations {
            if to.covers(&destination) {
                say!("{destination} is suspended ({}): it goes when `newswired resume` says so.", halt.why)?;
            }
        }
        Ok(())
    }

    /// Gives an order, and tells what came of it.
    ///
    /// # Errors
    /// [`Failure::No`] where the daemon refused it; [`Failure::Unavailable`] where one runs and did not take it up.
    pub fn give(&self, order: Order) -> Result<OrderId, Failure> {
        let new = self.new_order(order);
        let (id, said) = give_in(&self.reader, &new)?;
        say!("{said}")?;
        Ok(id)
    }

    /// An order as whoever runs this gives it.
    pub fn new_order(&self, order: Order) -> NewOrder {
        NewOrder { order, by: operator(), reason: self.reason.clone(), at: Timestamp::now() }
    }
}

/// Gives an order, and says what came of it. Blocks until it was taken up.
///
/// # Errors
/// [`Failure::No`] where the daemon refused it; [`Failure::Unavailable`] where one runs and did not take it up.
pub fn give_in(reader: &SqliteReader, new: &NewOrder) -> Result<(OrderId, String), Failure> {
    let what = &new.order;
    let record = match take_up(reader, new)? {
        TakenUp::As(record) => record,
        TakenUp::Said(id, said) => return Ok((id, said)),
    };
    let (id, result) = (record.id, record.result.unwrap_or_default());
    match record.state {
        OrderState::Done | OrderState::Stopped => Ok((id, format!("order {id}: {result}"))),
        OrderState::Waiting | OrderState::Working => {
            let said = format!(
                "order {id} has begun: {what}\n`newswired orders` shows how far it is, `newswired orders stop {id}` ends it."
            );
            Ok((id, said))
        }
        OrderState::Refused => Err(Failure::No(format!("order {id} is refused: {result}"))),
    }
}

/// An order that was given.
pub enum TakenUp {
    /// The daemon has it, and where it stands.
    As(OrderRecord),
    /// There is nothing more to wait for, and what to say of it.
    Said(OrderId, String),
}

/// Gives an order. Blocks until it was taken up.
///
/// # Errors
/// [`Failure::Unavailable`] where a daemon runs and did not take it up.
pub fn take_up(reader: &SqliteReader, new: &NewOrder) -> Result<TakenUp, Failure> {
    let what = &new.order;
    Ok(match give(reader, new)? {
        Given::Taken(record) => TakenUp::As(*record),
        Given::Gone(id) => TakenUp::Said(id, format!("order {id}: {what}")),
        Given::ForLater(id) => TakenUp::Said(
            id,
            format!(
                "order {id} is written down: {what}\nNo daemon runs on this ledger; it takes effect when one starts, before anything is sent."
            ),
        ),
        Given::NotYet(id) => {
            return Err(Failure::Unavailable(format!(
                "order {id} is written down, but the daemon that runs has not taken it up within {} s; its log says why. The order stands: `newswired orders` shows when it is taken up",
                PATIENCE.as_secs()
            )));
        }
    })
}

/// The story of a guid.
///
/// # Errors
/// [`Failure::No`] where the ledger has none, with what is in quarantine of it.
pub fn story(reader: &SqliteReader, guid: &Guid) -> Result<StoryView, Failure> {
    if let Some(story) = reader.story(guid)? {
        return Ok(story);
    }
    let mut why = format!("the ledger has no story {guid}");
    for (id, reason) in reader.set_aside(guid)? {
        why.push_str(&format!("; quarantine has input with that guid, entry {id}: {reason}"));
    }
    Err(Failure::No(why))
}

/// Who gives the order: the system's user, as far as it is known.
pub fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let plain = |name: &String| {
        (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_alphanumeric() || "._-@$".contains(c))
    };
    named.filter(plain).unwrap_or_else(|| {
        use std::os::unix::fs::MetadataExt;
        match std::fs::metadata("/proc/self") {
            Ok(about) => format!("uid {}", about.uid()),
            Err(_) => "nobody known".to_owned(),
        }
    })
}
