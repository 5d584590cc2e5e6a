use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::article::Action;
use crate::ledger::sqlite::tests::fixture::{Fixture, article, delivered, fixture};
use crate::ledger::state::Settled;
use crate::ledger::views::states;

/// Forty stories at three destinations, in every state.
async fn in_all_states() -> Fixture {
    let fixture = fixture(3).await;
    for story in 0..40_u64 {
        let mut one = article(&format!("urn:x:{story}"), 1, Action::Publish);
        match story % 8 {
            0 => one.embargo = Some(Timestamp::now() + Duration::from_secs(3600)),
            1 => one.expires = Some(Timestamp::now() - Duration::from_secs(1)),
            _ => {}
        }
        let _ = fixture.accept(one).await;
    }
    // The second lane asks for nothing, the third leaves what it asked for under way.
    for row in fixture.claim(0).await.rows {
        let settled = match row.sequence % 4 {
            0 => Settled::Refused { reason: "422".to_owned(), hold: None },
            1 => Settled::Deferred { hold: None },
            2 => Settled::Unknown { hold: None },
            _ => delivered(),
        };
        fixture.settle(0, row, settled).await;
    }
    let _ = fixture.claim(2).await;
    for story in 0..40_u64 {
        match story % 5 {
            0 => drop(fixture.accept(article(&format!("urn:x:{story}"), 2, Action::Kill)).await),
            1 => drop(fixture.accept(article(&format!("urn:x:{story}"), 2, Action::Update)).await),
            _ => {}
        }
    }
    fixture
}

/// Every combination of what can be asked for.
fn filters(since: Timestamp) -> Vec<DeliveryFilter> {
    let mut filters = Vec::new();
    for partner in [None, Some("partner-0"), Some("partner-1/main"), Some("nobody")] {
        for story in [None, Some("urn:x:5"), Some("urn:x:none")] {
            for state in std::iter::once(None).chain(states().map(Some)) {
                for since in [None, Some(since), Some(Timestamp::MAX)] {
                    filters.push(DeliveryFilter {
                        partner: partner.map(str::to_owned),
                        story: story.map(str::to_owned),
                        state: state.map(str::to_owned),
                        since,
                        after: None,
                        limit: 1000,
                    });
                }
            }
        }
    }
    filters
}

#[tokio::test]
async fn pages_together_are_exactly_what_was_asked_for() {
    let fixture = in_all_states().await;
    let reader = fixture.reader();
    let all = reader.deliveries(&DeliveryFilter { limit: 1000, ..DeliveryFilter::default() }).unwrap();
    assert_eq!(all.len(), 120);
    for state in ["waiting", "held", "attempting", "delivered", "cancelled", "expired", "refused"] {
        assert!(all.iter().any(|one| one.state == state), "nothing is {state}, which is to be looked for");
    }
    // A time between the first and the last acceptance.
    let mut times: Vec<_> = all.iter().map(|one| one.accepted).collect();
    times.sort();
    let since = times[times.len() / 2];
    for filter in filters(since) {
        let meant = |one: &&DeliveryRecord| {
            let partner = filter.partner.as_deref();
            partner.is_none_or(|partner| Target::new(partner).covers(&one.destination))
                && filter.story.as_ref().is_none_or(|story| one.story == *story)
                && filter.state.as_ref().is_none_or(|state| one.state == *state)
                && filter.since.is_none_or(|since| one.accepted >= since)
        };
        let name = |one: &DeliveryRecord| (one.destination.clone(), one.story.clone());
        let expected: BTreeSet<_> = all.iter().filter(meant).map(name).collect();
        let whole = reader.delivery_page(&filter).unwrap();
        assert_eq!(whole.next, None, "{filter:?}");
        assert_eq!(whole.deliveries.iter().map(name).collect::<BTreeSet<_>>(), expected, "{filter:?}");
        assert_eq!(whole.deliveries.len(), expected.len(), "each once: {filter:?}");
        let mut paged = Vec::new();
        let mut next = None;
        loop {
            let page = reader.delivery_page(&DeliveryFilter { limit: 7, after: next, ..filter.clone() }).unwrap();
            assert!(page.deliveries.len() <= 7);
            paged.extend(page.deliveries);
            // As an operator gives it back.
            next = page.next.map(|next| next.to_string().parse().unwrap());
            if next.is_none() {
                break;
            }
        }
        assert_eq!(paged, whole.deliveries, "{filter:?}");
    }
}

#[tokio::test]
async fn no_list_sorts_or_looks_at_everything() {
    let fixture = in_all_states().await;
    let reader = fixture.reader();
    let mut seen = BTreeSet::new();
    for filter in filters(Timestamp::UNIX_EPOCH) {
        let Some(plan) = reader.plan(&filter).unwrap() else { continue };
        let explained: Vec<String> = reader
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", plan.sql))
            .unwrap()
            .query_map(params![0, 0, 0, 0, 0, 0, 0, 0, 0], |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let explained = explained.join("\n");
        assert!(!explained.contains("SCAN"), "{filter:?}:\n{explained}");
        assert!(!explained.contains("TEMP B-TREE"), "{filter:?}:\n{explained}");
        seen.extend(
            ["delivery_ready", "delivery_held", "delivery_attempting", "delivery_in_trouble"]
                .into_iter()
                .filter(|index| explained.contains(index)),
        );
    }
    assert_eq!(seen.len(), 4, "each index is of use: {seen:?}");
}

#[tokio::test]
async fn a_place_of_another_list_is_no_place() {
    let fixture = in_all_states().await;
    let reader = fixture.reader();
    let of = |state: &str, after| DeliveryFilter {
        state: Some(state.to_owned()),
        after,
        limit: 1,
        ..DeliveryFilter::default()
    };
    let next = reader.delivery_page(&of("waiting", None)).unwrap().next;
    assert!(next.is_some());
    let why = reader.delivery_page(&of("refused", next)).unwrap_err().to_string();
    assert!(why.contains("the same filter"), "{why}");
    assert!("l.1.2".parse::<Cursor>().is_err() && "x.1.2.3".parse::<Cursor>().is_err());
}

#[tokio::test]
async fn what_waits_is_listed_as_it_goes_and_the_rest_from_the_newest() {
    let fixture = in_all_states().await;
    let reader = fixture.reader();
    let of = |state: Option<&str>| {
        let state = state.map(str::to_owned);
        let partner = Some("partner-0".to_owned());
        reader.deliveries(&DeliveryFilter { state, partner, limit: 1000, ..DeliveryFilter::default() }).unwrap()
    };
    let listed: Vec<_> = of(Some("waiting")).into_iter().map(|one| one.story).collect();
    let gone: Vec<_> = fixture.claim(0).await.rows.into_iter().map(|row| row.article).collect();
    let mut stories = Vec::new();
    for id in gone {
        use crate::ledger::Ledger;
        stories.push(fixture.ledger.article(id).await.unwrap().guid.to_string());
    }
    assert_eq!(listed, stories);
    assert!(listed.len() > 5);
    let held = of(Some("held"));
    assert!(!held.is_empty() && held.iter().all(|one| one.reason.as_deref() == Some("embargo") && one.at.is_some()));
    let newest: Vec<_> = of(None).into_iter().map(|one| one.accepted).collect();
    assert!(newest.is_sorted_by(|one, next| one >= next), "{newest:?}");
}
