//! Operators' orders: taken up in the order that they were given, and replays a step at a time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Asked, Upkeep};
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
            if record.order == Order::Reload {
                self.reloads.ask(Asked::Order(record.id));
            }
        }
        Ok(())
    }

    /// Goes on with each replay, by as many stories as its rate allows in a second.
    pub(super) async fn replay(&self) -> Result<(), LedgerError> {
        for (record, after) in self.ledger.open_orders(ORDERS).await? {
            if let (OrderState::Working, Order::Replay(replay)) = (record.state, &record.order) {
                self.replay_step(record.id, record.at, replay, after).await?;
            }
        }
        Ok(())
    }

    /// What came after the replay was `ordered` goes its own way.
    async fn replay_step(
        &self,
        order: OrderId,
        ordered: Timestamp,
        replay: &Replay,
        after: ArticleId,
    ) -> Result<(), LedgerError> {
        let (now, contracts) = (self.clock.now(), self.contracts.get());
        let read = |text: &str| filter(text, contracts.subject_descendants());
        let filter = match replay.filter.as_deref().map(read).transpose() {
            Ok(filter) => filter,
            Err(why) => return self.ledger.end_order(order, Err(why), now).await,
        };
        let limit = usize::try_from(replay.rate.max(1)).unwrap_or(usize::MAX);
        let Some(destination) = contracts.first_of(&replay.to) else {
            let why = format!("{} is not configured any more", replay.to);
            return self.ledger.end_order(order, Err(why), now).await;
        };
        let until = replay.until.map_or(ordered, |until| until.min(ordered));
        let next = Candidates { from: replay.from, until, destination, after, limit };
        let candidates = self.ledger.candidates(next).await?;
        let done = candidates.len() < limit;
        let reached = candidates.last().map_or(after, |last| last.id);
        let chosen = candidates
            .into_iter()
            .filter(|one| filter.as_ref().is_none_or(|rule| rule.passes_by(&Story::of(&one.article)).is_none()));
        let stories = chosen.map(|one| Replayed {
            story: one.story,
            id: one.id,
            withdraw_for: contracts.withdraw_for(&one.article),
            to: contracts.owed(&one.article, Some(&replay.to), now),
            article: one.article,
            even_confirmed: matches!(replay.from, ReplayFrom::Sequence(_)),
        });
        let step = ReplayStep { order, ordered, stories: stories.collect(), reached, done, now };
        for woken in self.ledger.replay(step).await? {
            self.wakes.changed(&woken.lanes, woken.story, false);
        }
        Ok(())
    }
}

/// A subscription's keys, as a partner's file has them, as a rule. `descendants` are the configuration's.
///
/// # Errors
/// In a sentence for the operator.
pub fn filter(text: &str, descendants: &BTreeMap<String, Vec<String>>) -> Result<Rule, String> {
    let subscription: Subscription = toml::from_str(text).map_err(|why| {
        format!(
            "the filter cannot be read: {}; write it as a subscription, for example sections = [\"politics\"]",
            why.message()
        )
    })?;
    Ok(Rule::new("filter", &subscription, descendants))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{Action, Article, Concept, Version, WireId};

    #[test]
    fn a_filter_takes_what_a_subscription_of_the_same_text_takes() {
        let guid = "urn:test:one".parse().unwrap();
        let mut article = Article::bare(WireId::new("hpnf"), guid, Version::FIRST, Action::Publish);
        article.sections = vec!["politics".to_owned()];
        let code = |code: &str| Some(code.to_owned());
        article.subjects = vec![Concept { code: code("20000574"), scheme: code("medtop"), name: None }];
        let below = BTreeMap::from([("medtop:11000000".to_owned(), vec!["medtop:20000574".to_owned()])]);
        let takes = |text: &str| filter(text, &below).unwrap().passes_by(&Story::of(&article)).is_none();
        assert!(takes("sections = [\"politics\"]\nsubjects = [\"medtop:11000000\"]"));
        assert!(!takes("sections = [\"sports\"]"));
        assert!(!takes("exclude = { sections = [\"politics\"] }"));
        for text in ["section = [\"politics\"]", "sections = politics"] {
            let why = filter(text, &below).err().unwrap();
            assert!(why.starts_with("the filter cannot be read: "), "{why}");
        }
    }
}
