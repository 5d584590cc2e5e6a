//! `newswired top`: the wire in a terminal, live, with a key for each action.
//!
//! What keys and answers make of the screen is decided in `screen`, what is asked before an order in `form`, and how it
//! looks in `draw`: none of them knows a terminal or a clock. Here is the rest: keys and signals come in, what has to be
//! looked at or ordered is done by tasks of their own, and the terminal is given back however it ends.
//!
//! It looks from where every verb looks (`lookout`) and orders as every verb does, through the ledger. A screenful of
//! destinations is asked for, whatever there are, and what did not change is not drawn again.

mod draw;
mod form;
mod screen;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::screen::{Ask, News, Screen, Told};
use super::lookout::{Lookout, Watching};
use super::order::{give_in, operator};
use super::paint::Paint;
use super::{Failure, partner};
use crate::answers;
use crate::answers::board::{Sort, View};
use crate::config::Config;
use crate::ledger::{NewOrder, Order, SqliteReader, Target};

#[derive(Args)]
#[command(
    after_help = "? shows the keys. It shows what `status` and `partners` print, and orders as the verbs do: be the daemon's user to order something. Exit codes: 0 it was left; 64 usage, or no terminal; 69 no ledger; 78 configuration"
)]
pub struct Top {
    #[command(flatten)]
    watching: Watching,
}

/// How often it is looked. The daemon looks once for all who watch, as often as is good for it.
const LOOK: Duration = Duration::from_secs(2);

/// Destinations of one partner that are shown.
const DOORS: usize = 50;

/// What tasks need to do what was asked.
struct Hands {
    config: Config,
    lookout: Lookout,
}

impl Top {
    pub async fn run(self) -> Result<(), Failure> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if dumb || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::Usage(
                "top draws on a terminal, and this is none; `newswired status` and `newswired partners` print"
                    .to_owned(),
            ));
        }
        let (config, lookout) = self.watching.lookout()?;
        // Said before the screen is taken, where it can be read.
        drop(SqliteReader::open(lookout.ledger())?);
        let hands = Arc::new(Hands { config, lookout });
        let mut held = Held::take()?;
        watch(&mut held.0, hands).await
    }
}

/// The terminal, given back when it is dropped. A panic gives it back before it says what it is.
struct Held(DefaultTerminal);

impl Held {
    fn take() -> Result<Self, Failure> {
        ratatui::try_init().map(Self).map_err(|why| {
            ratatui::restore();
            Failure::Unavailable(format!("cannot draw on this terminal: {why}"))
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Until a key or a signal ends it, and what was ordered until then is written down.
async fn watch(terminal: &mut DefaultTerminal, hands: Arc<Hands>) -> Result<(), Failure> {
    let mut orders = JoinSet::new();
    shown(terminal, hands, &mut orders).await?;
    // Each ends by itself: a daemon is waited for as long as a verb waits for it.
    while let Some(done) = orders.join_next().await {
        if let Ok(News::Given(Err(why))) = done {
            return Err(Failure::No(why));
        }
    }
    Ok(())
}

async fn shown(terminal: &mut DefaultTerminal, hands: Arc<Hands>, orders: &mut JoinSet<News>) -> Result<(), Failure> {
    let paint = Paint::of_output();
    let mut screen = Screen::new(draw::room(terminal.size()?.height));
    let mut keys = EventStream::new();
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stopped = std::pin::pin!(super::stopped());
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Given up when this ends.
    let mut looks = JoinSet::new();
    // An answer that takes long is waited for: nothing is asked again meanwhile but by a key.
    let mut looking = 0_usize;
    loop {
        terminal.draw(|frame| draw::draw(frame, &screen, paint, Timestamp::now()))?;
        let ask = tokio::select! {
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => screen.on_key(key, Timestamp::now()),
                Some(Ok(Event::Resize(_, height))) => screen.resize(draw::room(height)),
                Some(Ok(_)) => None,
                // The terminal is gone.
                Some(Err(_)) | None => return Ok(()),
            },
            Some(done) = looks.join_next() => {
                let news = done.map_err(|why| broke_off(&why))?;
                looking -= usize::from(matches!(news, News::Seen { .. } | News::Partner { .. }));
                screen.on_news(news)
            }
            Some(done) = orders.join_next() => screen.on_news(done.map_err(|why| broke_off(&why))?),
            _ = ticks.tick() => if looking == 0 { Some(screen.refresh()) } else { None },
            () = &mut stopped => return Ok(()),
            _ = hangup.recv() => return Ok(()),
        };
        let hands = Arc::clone(&hands);
        match ask {
            None => {}
            Some(Ask::Quit) => return Ok(()),
            Some(Ask::Look(view)) => {
                looking += 1;
                looks.spawn(async move { hands.look(view).await });
            }
            Some(Ask::Partner(id)) => {
                looking += 1;
                looks.spawn(async move { hands.partner(id).await });
            }
            Some(Ask::Test(to)) => drop(looks.spawn(async move { hands.test(&to).await })),
            Some(Ask::Give { order, reason }) => drop(orders.spawn_blocking(move || hands.give(order, reason))),
        }
    }
}

fn broke_off(why: &tokio::task::JoinError) -> Failure {
    Failure::Unavailable(format!("it broke off: {why}"))
}

impl Hands {
    async fn look(&self, view: View) -> News {
        let came = self.lookout.see(&view).await.map_err(|why| why.to_string());
        News::Seen { view, came }
    }

    async fn partner(&self, id: String) -> News {
        let came = self.partner_now(&id).await.map_err(|why| why.to_string());
        News::Partner { id, came }
    }

    async fn partner_now(&self, id: &str) -> Result<Told, Failure> {
        let prefix = format!("{id}/");
        let view = View { q: prefix.clone(), sort: Sort::Name, size: Some(DOORS), ..View::default() };
        let picture = self.lookout.see(&view).await?;
        let (ledger, name) = (self.lookout.ledger().to_owned(), self.lookout.name(id).map(str::to_owned));
        let of = id.to_owned();
        let looked =
            tokio::task::spawn_blocking(move || answers::partner::seen(&SqliteReader::open(&ledger)?, &of, name));
        let seen = looked.await.map_err(|why| Failure::Unavailable(why.to_string()))??;
        let rows = picture.rows.into_iter().filter(|row| row.destination.starts_with(&prefix)).collect();
        Ok(Told { flow: picture.flow, rows, seen })
    }

    fn give(&self, order: Order, reason: Option<String>) -> News {
        let new = NewOrder { order, by: operator(), reason, at: Timestamp::now() };
        let given =
            SqliteReader::open(self.lookout.ledger()).map_err(Failure::from).and_then(|reader| give_in(&reader, &new));
        News::Given(given.map(|(_, said)| said).map_err(|why| why.to_string()))
    }

    async fn test(&self, to: &Target) -> News {
        let (partner, destination) = match to.as_str().split_once('/') {
            Some((partner, destination)) => (partner, Some(destination)),
            None => (to.as_str(), None),
        };
        News::Tested(partner::tried_in_words(&self.config, partner, destination).await.map_err(|why| why.to_string()))
    }
}
