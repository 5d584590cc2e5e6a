//! `newswired stories`: what was accepted, the newest first, found by guid or by words of the headline.

use clap::Args;
use comfy_table::{Cell, Table};

use super::output::say;
use super::paint::{Paint, Tone, shown};
use super::{ConfigFile, Failure, at, json_line};
use crate::article::Action;
use crate::ledger::StoryFound;

#[derive(Debug, Args)]
#[command(
    after_help = "Looks through the last 20,000 versions; `newswired why` and `deliveries` find a story of any age by its guid. Exit code 1 where none is found."
)]
pub struct Stories {
    /// Only stories whose guid begins with this, or whose headline has it in it
    #[arg(value_name = "TEXT", default_value = "")]
    search: String,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// One JSON object a story
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Stories {
    pub fn run(self) -> Result<(), Failure> {
        let search = self.search.trim();
        let found = self.config.reader()?.find(search, self.limit)?;
        if found.is_empty() {
            return Err(Failure::No(match search {
                "" => "nothing was accepted yet".to_owned(),
                text => format!(
                    "none of the last 20,000 versions has a guid that begins with {text:?}, or a headline with it"
                ),
            }));
        }
        if self.json {
            for story in &found {
                say!("{}", json_line(story)?)?;
            }
        } else {
            say!("{}", table(&found, Paint::of_output()))?;
        }
        Ok(())
    }
}

fn table(found: &[StoryFound], paint: Paint) -> Table {
    let mut table = paint.table(&["accepted", "story", "version", "action"]);
    for story in found {
        let withdrawn = story.action.parse::<Action>().is_ok_and(Action::withdraws);
        table.add_row([
            Cell::new(at(story.accepted)),
            Cell::new(shown(&format!("{}\n{}", story.guid, story.headline))),
            Cell::new(story.version),
            paint.cell(&story.action, if withdrawn { Tone::Bad } else { Tone::Plain }),
        ]);
    }
    table
}
