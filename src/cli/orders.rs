//! `newswired orders`: what operators ordered, how far it is, and what of it holds.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::json;

use super::order::operator;
use super::output::say;
use super::{ConfigFile, Failure, at, json_line};
use crate::ledger::{OrderId, OrderRecord, Standings};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Orders {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// Also those at their end
    #[arg(long)]
    all: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// End an order that is not at its end; what it did so far stands
    Stop {
        id: i64,
        #[command(flatten)]
        config: ConfigFile,
    },
}

impl Orders {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            None => list(&self.list),
            Some(Verb::Stop { id, config }) => stop(&config, id),
        }
    }
}

fn list(list: &List) -> Result<(), Failure> {
    let reader = list.config.reader()?;
    let orders = reader.orders(list.all)?;
    let Standings { stories, destinations } = reader.standings()?;
    if list.json {
        for order in &orders {
            say!("{}", json_line(order)?)?;
        }
        for (story, why) in &stories {
            say!("{}", json!({ "on_hold": story, "why": why }))?;
        }
        for (destination, halt) in &destinations {
            say!("{}", json!({ "suspended": destination, "even_kills": halt.even_kills, "why": halt.why }))?;
        }
        return Ok(());
    }
    if !orders.is_empty() {
        say!("{}", table(&orders))?;
    } else if list.all {
        say!("nothing was ordered")?;
    } else {
        say!("no order waits or works; --all shows those that are done")?;
    }
    for (story, why) in &stories {
        say!("on hold: {story} ({why})")?;
    }
    for (destination, halt) in &destinations {
        let what = if halt.even_kills { "sent nothing at all" } else { "sent nothing but kills" };
        say!("{what}: {destination} ({})", halt.why)?;
    }
    Ok(())
}

fn table(orders: &[OrderRecord]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["id", "order", "state", "given", "by", "why", "what came of it"]);
    for order in orders {
        table.add_row([
            order.id.to_string(),
            order.order.to_string(),
            order.state.as_str().to_owned(),
            at(order.at),
            order.by.clone(),
            order.reason.clone().unwrap_or_default(),
            order.result.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn stop(config: &ConfigFile, id: i64) -> Result<(), Failure> {
    let reader = config.reader()?;
    let id = OrderId::new(id);
    if reader.stop_order(id, &operator(), Timestamp::now())? {
        say!("order {id} is stopped; what it did so far stands")?;
        return Ok(());
    }
    Err(Failure::No(match reader.order_placed(id)? {
        Some(order) => format!("order {id} is {} already", order.state.as_str()),
        None => format!("there is no order {id}; `newswired orders --all` shows what there is"),
    }))
}
