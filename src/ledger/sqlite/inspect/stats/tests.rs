use std::time::Duration;

use jiff::Timestamp;

use crate::article::Action;
use crate::ledger::sqlite::tests::fixture::{article, delivered, fixture};
use crate::ledger::state::Settled;
use crate::ledger::views::{LedgerStats, StateStats, TableStats};

fn table<'a>(stats: &'a LedgerStats, name: &str) -> &'a TableStats {
    stats.tables.iter().find(|table| table.name == name).unwrap()
}

#[tokio::test]
async fn it_counts_what_waits_and_knows_the_oldest() {
    let fixture = fixture(3).await;
    let _ = fixture.accept(article("urn:x:first", 1, Action::Publish)).await;
    let mut held = article("urn:x:held", 1, Action::Publish);
    held.embargo = Some(Timestamp::now() + Duration::from_secs(3600));
    let _ = fixture.accept(held).await;
    let row = fixture.claim(0).await.rows.remove(0);
    fixture.settle(0, row, delivered()).await;
    let row = fixture.claim(1).await.rows.remove(0);
    fixture.settle(1, row, Settled::Refused { reason: "422".to_owned(), hold: None }).await;
    let _ = fixture.accept(article("urn:x:second", 1, Action::Publish)).await;

    let stats = fixture.reader().stats(false, 2).unwrap();
    assert_eq!(stats.states, StateStats { waiting: 4, held: 3, attempting: 0, refused: 1, expired: 0 });
    let oldest = stats.oldest.as_ref().unwrap();
    assert_eq!((oldest.destination.as_str(), oldest.story.as_str()), ("partner-2/main", "urn:x:first"));
    let backlogs: Vec<_> = stats.backlogs.iter().map(|one| (one.destination.as_str(), one.waiting, one.held)).collect();
    assert_eq!(backlogs, [("partner-2/main", 2, 1), ("partner-0/main", 1, 1)]);
    assert!(stats.retention.oldest_article.is_some() && stats.retention.oldest_attempt.is_some());
    assert_eq!((table(&stats, "delivery").rows, table(&stats, "delivery").about), (9, false));
    assert!(stats.file > 0);
}

/// A sample is near the truth, where there are more stories than it takes.
#[tokio::test]
async fn what_is_reckoned_is_near_what_is_counted() {
    let fixture = fixture(4).await;
    for story in 0..600 {
        let mut one = article(&format!("urn:x:{story}"), 1, Action::Publish);
        one.summary = Some("a sentence of some length ".repeat(10 + story % 40));
        let _ = fixture.accept(one).await;
    }
    let reader = fixture.reader();
    let (reckoned, counted) = (reader.stats(false, 0).unwrap(), reader.stats(true, 0).unwrap());
    for name in ["story", "article", "delivery"] {
        let (reckoned, counted) = (table(&reckoned, name), table(&counted, name));
        assert!(reckoned.about && !counted.about);
        assert_eq!(reckoned.rows, counted.rows, "all stories of this ledger are alike");
        let (low, high) = (counted.bytes * 7 / 10, counted.bytes * 13 / 10);
        assert!((low..=high).contains(&reckoned.bytes), "{reckoned:?} and {counted:?}");
    }
    let sum = |stats: &LedgerStats| stats.tables.iter().map(|table| table.bytes).sum::<u64>();
    // All that SQLite's account has beside these is the schema's own page.
    assert!(sum(&reckoned).abs_diff(sum(&counted)) <= 64 << 10, "{reckoned:?} and {counted:?}");
}
