use std::time::Duration;

use jiff::Timestamp;

use super::{LANE, QUARANTINED};
use crate::article::Action;
use crate::ledger::sqlite::tests::fixture::{article, delivered, fixture};
use crate::ledger::state::Settled;
use crate::ledger::views::LaneSurvey;
use crate::ledger::{Ledger, LedgerSurvey, NewOrder, Order, QuarantineEntry, QuarantineKind, QuarantineState, Target};

fn lane(survey: &LedgerSurvey, number: usize) -> &LaneSurvey {
    let name = format!("partner-{number}/main");
    survey.lanes.iter().find(|lane| lane.destination == name).unwrap()
}

#[tokio::test]
async fn what_waits_is_counted_lane_by_lane_and_not_further_than_asked() {
    let fixture = fixture(2).await;
    let before = Timestamp::now();
    for story in 0..7 {
        let _ = fixture.accept(article(&format!("urn:x:{story}"), 1, Action::Publish)).await;
    }
    let mut embargoed = article("urn:x:held", 1, Action::Publish);
    embargoed.embargo = Some(Timestamp::now() + Duration::from_secs(3_600));
    let _ = fixture.accept(embargoed).await;
    let reader = fixture.reader();
    let survey = |bound| reader.survey(bound, before).unwrap();
    for (bound, waiting) in [(1_000, 7), (7, 7), (6, 6), (1, 1)] {
        assert_eq!(lane(&survey(bound), 0).waiting, waiting);
    }
    let all = survey(1_000);
    assert_eq!((lane(&all, 0).held, lane(&all, 0).is_halted()), (1, false));
    assert!(all.file > 0);

    // What is attempted is as old as what waits, and what waits for its embargo is not old.
    for row in fixture.claim(0).await.rows {
        assert!(lane(&survey(1_000), 0).attempting > 0);
        assert!(lane(&survey(1_000), 0).oldest.is_some_and(|oldest| oldest <= row.accepted));
        fixture.settle(0, row, delivered()).await;
    }
    let all = survey(1_000);
    assert_eq!((lane(&all, 0).waiting, lane(&all, 0).held, lane(&all, 0).oldest), (0, 1, None));
    assert_eq!((lane(&all, 0).attempting, lane(&all, 1).attempting), (0, 0));
    assert!(lane(&all, 1).oldest.is_some_and(|oldest| oldest >= before && oldest <= Timestamp::now()));

    let order = Order::Suspend { to: Target::new("partner-1"), even_kills: false };
    let (by, at) = ("anna".to_owned(), Timestamp::now());
    let id = fixture.ledger.place(NewOrder { order, by, reason: None, at }).await.unwrap();
    let _ = fixture.ledger.carry_out(id, at).await.unwrap();
    let all = survey(1_000);
    assert_eq!((lane(&all, 0).is_halted(), lane(&all, 1).is_halted()), (false, true));
}

/// A delivery that is held for its own next try goes on being old.
#[tokio::test]
async fn what_was_tried_is_as_old_as_it_is() {
    let fixture = fixture(1).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let row = fixture.claim(0).await.rows.remove(0);
    let accepted = row.accepted;
    let hold = Some(Timestamp::now() + Duration::from_secs(60));
    fixture.settle(0, row, Settled::Deferred { hold }).await;
    let survey = fixture.reader().survey(9, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((survey.lanes[0].waiting, survey.lanes[0].held), (0, 1));
    assert_eq!(survey.lanes[0].oldest, Some(accepted));
}

/// A withdrawal is outstanding in each of its stages, until it is acknowledged.
#[tokio::test]
async fn a_withdrawal_is_outstanding_until_it_is_acknowledged() {
    let fixture = fixture(3).await;
    let reader = fixture.reader();
    let outstanding = || {
        let found = reader.survey(1_000, Timestamp::UNIX_EPOCH).unwrap().withdrawals;
        let mut found: Vec<_> = found.into_iter().map(|one| (one.destination, one.outstanding, one.oldest)).collect();
        found.sort();
        found
    };
    // The third never gets it: there is nothing to withdraw there.
    for story in ["urn:x:a", "urn:x:b"] {
        let _ = fixture.accept(article(story, 1, Action::Publish)).await;
    }
    for at in 0..2 {
        for row in fixture.claim(at).await.rows {
            fixture.settle(at, row, delivered()).await;
        }
    }
    assert!(outstanding().is_empty());
    for story in ["urn:x:a", "urn:x:b"] {
        let _ = fixture.accept(article(story, 2, Action::Kill)).await;
    }
    let names =
        |found: Vec<(String, u64, Timestamp)>| found.into_iter().map(|(name, n, _)| (name, n)).collect::<Vec<_>>();
    let both = [("partner-0/main".to_owned(), 2), ("partner-1/main".to_owned(), 2)];
    assert_eq!(names(outstanding()), both);
    let mut rows = fixture.claim(0).await.rows;
    let (first, second) = (rows.remove(0), rows.remove(0));
    assert_eq!(names(outstanding()), both, "under way");
    let oldest = second.accepted;
    fixture.settle(0, first, delivered()).await;
    let hold = Some(Timestamp::now() + Duration::from_secs(60));
    fixture.settle(0, second, Settled::Refused { reason: "422".to_owned(), hold }).await;
    let now = outstanding();
    assert_eq!(now[0], ("partner-0/main".to_owned(), 1, oldest), "refused, and tried again");
    for row in fixture.claim(1).await.rows {
        fixture.settle(1, row, delivered()).await;
    }
    assert_eq!(names(outstanding()), [("partner-0/main".to_owned(), 1)]);
}

#[tokio::test]
async fn what_operators_have_to_look_at_is_counted() {
    let fixture = fixture(2).await;
    let _ = fixture.accept(article("urn:x:a", 1, Action::Publish)).await;
    let before = Timestamp::now();
    let row = fixture.claim(0).await.rows.remove(0);
    fixture.settle(0, row, Settled::Refused { reason: "422".to_owned(), hold: None }).await;
    let row = fixture.claim(1).await.rows.remove(0);
    fixture.settle(1, row, Settled::Expired { reason: "over".to_owned() }).await;
    for (kind, text) in [(QuarantineKind::Input, "a"), (QuarantineKind::Input, "b"), (QuarantineKind::Rendition, "c")] {
        let entry = QuarantineEntry {
            kind,
            source: "test".to_owned(),
            content_type: None,
            guid: None,
            reason: "no article".to_owned(),
            bytes: text.into(),
            at: Timestamp::now(),
        };
        let _ = fixture.ledger.quarantine(entry).await.unwrap();
    }
    let reader = fixture.reader();
    let survey = reader.survey(1_000, before).unwrap();
    assert_eq!((survey.refused, survey.expired), (1, 1));
    let quarantined = [(QuarantineKind::Input, 2), (QuarantineKind::Conflict, 0), (QuarantineKind::Rendition, 1)];
    assert_eq!(survey.quarantine, quarantined);
    let survey = reader.survey(1, Timestamp::now()).unwrap();
    assert_eq!((survey.refused, survey.expired, survey.quarantine[0].1), (0, 0, 1), "later, and no further than asked");
    assert!(reader.order(1, QuarantineState::Discarded).unwrap());
    assert_eq!(reader.survey(1_000, before).unwrap().quarantine[0].1, 1, "what was put away waits no more");
}

/// What is counted is never looked up row by row: that is what lets a look at two thousand full lanes take a fraction of a
/// second.
#[tokio::test]
async fn counting_reads_indexes_alone() {
    let fixture = fixture(1).await;
    let reader = fixture.reader();
    let plan = |sql: &str| -> String {
        let mut statement = reader.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // The plan depends on no parameter, so none is bound.
        let (mut rows, mut steps) = (statement.raw_query(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get::<_, String>(3).unwrap());
        }
        steps.join("\n")
    };
    for (sql, index) in [
        (LANE, "delivery_ready (destination=?)"),
        (LANE, "delivery_held (destination=?)"),
        (LANE, "delivery_attempting (destination=?)"),
        (QUARANTINED, "quarantine_same (kind=?)"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(&format!("USING COVERING INDEX {index}")), "{index}:\n{plan}");
    }
}
