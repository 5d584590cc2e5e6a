//! The rights clock: a wire that lends its stories takes them back by itself.
//!
//! A withdrawal is a kill with a reason of its own, of the version after the newest. It goes the way of every article:
//! to whom has the story, ahead of everything. A later version with another date is in time as long as it is accepted
//! before that; afterwards the newsroom needs a version above the withdrawal's, as after any kill.

use super::Upkeep;
use crate::article::{Action, Article};
use crate::ledger::{Accepted, Lapsed, LedgerError};

/// Stories withdrawn in one go.
const STEP: usize = 64;

/// What stands for the source of a withdrawal.
const SOURCE: &str = "rights clock";

impl Upkeep {
    pub(super) async fn withdraw_lapsed(&self) -> Result<(), LedgerError> {
        for lapsed in self.ledger.lapsed(self.clock.now(), STEP).await? {
            if planted!(RightsClockStopped) {
                continue;
            }
            let until = lapsed.until;
            let Some(withdrawal) = withdrawal(lapsed) else { continue };
            let (story, version) = (withdrawal.guid.clone(), withdrawal.version);
            match self.inbox.accept(withdrawal, SOURCE.to_owned()).await? {
                Accepted::Fresh { deliveries, .. } => {
                    tracing::info!(%story, %version, %until, deliveries, "rights ended");
                }
                // The newsroom's own next version came between the look and now; the next look sees its date.
                Accepted::Repeat { .. } | Accepted::Conflict => {}
            }
        }
        Ok(())
    }
}

/// The kill of a story whose time is over.
fn withdrawal(lapsed: Lapsed) -> Option<Article> {
    let Lapsed { article, until, .. } = lapsed;
    let Some(version) = article.version.next() else {
        tracing::error!(story = %article.guid, "rights ended, but there is no version after {}", article.version);
        return None;
    };
    let mut kill = Article::bare(article.wire, article.guid, version, Action::Kill);
    kill.headline = article.headline;
    kill.language = article.language;
    kill.slugline = article.slugline;
    kill.notice = Some(format!("The time for which this story was licensed ended at {until}. Take it down."));
    Some(kill)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{Version, WireId};
    use crate::ledger::StoryId;

    #[test]
    fn a_withdrawal_is_the_next_version_and_says_why() {
        let mut article = Article::bare(
            WireId::new("hpnf"),
            "urn:test:lent".parse().unwrap(),
            Version::try_from(7).unwrap(),
            Action::Update,
        );
        article.headline = "Lent".to_owned();
        let until = "2026-12-24T00:00:00Z".parse().unwrap();
        let lapsed = Lapsed { story: StoryId::default(), article: article.clone(), until };
        let kill = withdrawal(lapsed).unwrap();
        assert_eq!((kill.action, kill.version.get(), kill.headline.as_str()), (Action::Kill, 8, "Lent"));
        insta::assert_snapshot!(kill.notice.unwrap(), @"The time for which this story was licensed ended at 2026-12-24T00:00:00Z. Take it down.");
        article.version = Version::try_from(i64::MAX as u64).unwrap();
        assert!(withdrawal(Lapsed { story: StoryId::default(), article, until }).is_none());
    }
}
