//! `newswired reload`: a running daemon goes by what stands in the configuration's files now.

use std::time::{Duration, Instant};

use clap::Args;

use super::order::{Ordering, TakenUp, take_up};
use super::output::say;
use super::{ConfigFile, Failure};
use crate::ledger::{Order, OrderRecord, OrderState, SqliteReader};
use crate::render::check_templates;

/// How long the daemon may take. Ten thousand partners are loaded in a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often its result is looked for.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
#[command(
    after_help = "The configuration is checked first: what is wrong is said here, and the daemon is left alone. `newswired check --diff` shows beforehand what would change. A daemon that is told by SIGHUP says in its log what came of it."
)]
pub struct Reload {
    #[command(flatten)]
    ordering: Ordering,
    /// Leave it to the daemon to look at the secrets: they may be its only, as systemd's credentials are
    #[arg(long)]
    without_secrets: bool,
}

impl Reload {
    pub fn run(self) -> Result<(), Failure> {
        let file: &ConfigFile = self.ordering.config();
        let config = if self.without_secrets { file.load_to_look()? } else { file.load()? };
        check_templates(&config).map_err(Failure::Config)?;
        let desk = self.ordering.desk()?;
        if !desk.reader.is_served() {
            return Err(Failure::Unavailable(format!(
                "no daemon runs on the ledger {}; it reads the configuration when it starts",
                desk.config.ledger.path.display()
            )));
        }
        let record = match take_up(&desk.reader, &desk.new_order(Order::Reload))? {
            TakenUp::As(record) => ended(&desk.reader, record)?,
            TakenUp::Said(_, said) => {
                say!("{said}")?;
                return Ok(());
            }
        };
        let result = record.result.unwrap_or_default();
        match record.state {
            OrderState::Done => say!("order {}: {result}", record.id)?,
            OrderState::Stopped => return Err(Failure::No(format!("order {} was stopped: {result}", record.id))),
            OrderState::Refused => return Err(Failure::Config(format!("order {} is refused: {result}", record.id))),
            OrderState::Waiting | OrderState::Working => {
                return Err(Failure::Unavailable(format!(
                    "order {} is not at its end after {} s; `newswired orders` shows when it is, and the daemon's log what holds it up",
                    record.id,
                    PATIENCE.as_secs()
                )));
            }
        }
        Ok(())
    }
}

/// Waits for what comes of an order.
fn ended(reader: &SqliteReader, mut record: OrderRecord) -> Result<OrderRecord, Failure> {
    let deadline = Instant::now() + PATIENCE;
    while !record.state.is_final() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
        match reader.order_placed(record.id)? {
            Some(now) => record = now,
            None => break,
        }
    }
    Ok(record)
}
