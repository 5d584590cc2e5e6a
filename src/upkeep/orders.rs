//! Operators' orders: taken up in the order that they were given, and replays a step at a time.

use std::collections::BTreeMap;

use super::Upkeep;
use crate::config::Subscription;
use crate::ledger::{
    ArticleId, Candidates, CarriedOut, LedgerError, Order, OrderId, OrderState, Replay, ReplayFrom, ReplayStep,
    Replayed,
};
use crate::route::{Rule, Story};

/// Orders looked at in one go.
const ORDERS: usize = 64;

impl Upkeep {
    /// Takes up what operators ordered. When it returns, lanes know of it.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger cannot be asked; what was not taken up waits on.
    pub async fn take_orders(&self) -> Result<(), LedgerError> {
        for (record, _) in self.ledger.open_orders(ORDERS).await? {
            if record.state != OrderState::Waiting {
                continue;
            }
            let now = self.clock.now();
            let CarriedOut { story, touched, withdrawal, lanes, result } =
                self.ledger.carry_out(record.id, now).await?;
            if let Some(story) = story {
                self.wakes.changed(&touched, story, withdrawal);
            }
            self.wakes.halt(lanes, now);
            tracing::info!(order = %record.id, what = %record.order, by = %record.by, result, "order");
        }
        Ok(())
    }

    /// Goes on with each replay, by as many stories as its rate allows in a second.
    pub(super) async fn replay(&self) -> Result<(), LedgerError> {
        for (record, after) in self.ledger.open_orders(ORDERS).await? {
            if let (OrderState::Working, Order::Replay(replay)) = (record.state, &record.order) {
                self.replay_step(record.id, replay, after).await?;
            }
        }
        Ok(())
    }

    async fn replay_step(&self, order: OrderId, replay: &Replay, after: ArticleId) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let filter = match replay.filter.as_deref().map(filter).transpose() {
            Ok(filter) => filter,
            Err(why) => return self.ledger.refuse(order, why, now).await,
        };
        let limit = usize::try_from(replay.rate.max(1)).unwrap_or(usize::MAX);
        let Some(destination) = self.contracts.first_of(&replay.to) else {
            let why = format!("{} is not configured any more", replay.to);
            return self.ledger.refuse(order, why, now).await;
        };
        let next = Candidates { from: replay.from, until: replay.until, destination, after, limit };
        let candidates = self.ledger.candidates(next).await?;
        let done = candidates.len() < limit;
        let reached = candidates.last().map_or(after, |last| last.id);
        let chosen = candidates
            .into_iter()
            .filter(|one| filter.as_ref().is_none_or(|rule| rule.passes_by(&Story::of(&one.article)).is_none()));
        let stories = chosen.map(|one| Replayed {
            story: one.story,
            id: one.id,
            withdraw_for: self.contracts.withdraw_for(&one.article),
            to: self.contracts.owed(&one.article, Some(&replay.to), now),
            article: one.article,
            even_confirmed: matches!(replay.from, ReplayFrom::Sequence(_)),
        });
        let step = ReplayStep { order, stories: stories.collect(), reached, done, now };
        for woken in self.ledger.replay(step).await? {
            self.wakes.changed(&woken.lanes, woken.story, false);
        }
        Ok(())
    }
}

/// A subscription's keys, as a partner's file has them, as a rule.
///
/// # Errors
/// In a sentence for the operator.
pub fn filter(text: &str) -> Result<Rule, String> {
    let subscription: Subscription = toml::from_str(text).map_err(|why| {
        format!(
            "the filter cannot be read: {}; write it as a subscription, for example sections = [\"politics\"]",
            why.message()
        )
    })?;
    Ok(Rule::new("filter", &subscription, &BTreeMap::new()))
}
