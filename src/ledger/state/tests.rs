//! Examples and properties of what becomes of a row.

use proptest::prelude::*;

use super::*;
use crate::article::Urgency;

const IN_NETWORK: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn version(number: u64) -> Version {
    Version::try_from(number).unwrap()
}

fn wanted(number: u64, action: Action, now: Timestamp) -> Wanted {
    Wanted {
        version: version(number),
        article: ArticleId(i64::try_from(number).unwrap()),
        action,
        rank: rank(action, Urgency::NORMAL, now),
        accepted: now,
        embargo: None,
        expires: None,
        for_holders: action.withdraws(),
    }
}

fn first() -> Row {
    Row::first(wanted(1, Action::Publish, at(0)), Versions::Newest, Standing::default(), at(0))
}

/// Begins an attempt where numbers do not matter.
fn begin(row: &mut Row, now: Timestamp) -> bool {
    row.begin(&mut 0, now)
}

fn delivered() -> Settled {
    Settled::Delivered { reason: "200".to_owned() }
}

#[test]
fn a_newer_version_takes_the_place_of_a_waiting_one() {
    let mut row = first();
    let past = row.want(wanted(2, Action::Update, at(1)), Versions::Newest, at(1)).pop().unwrap();
    assert_eq!((past.version, past.end), (version(1), End::Superseded));
    assert_eq!(row.stage, Stage::Ready);
    assert_eq!(row.want(wanted(1, Action::Publish, at(2)), Versions::Newest, at(2)), [], "a lower one changes nothing");
    assert_eq!(row.wanted.version, version(2));
}

#[test]
fn the_newest_is_sent_again_when_an_older_attempt_may_still_arrive() {
    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.want(wanted(2, Action::Correct, at(2)), Versions::Newest, at(2));
    let past = row.settle(version(1), Settled::Unknown { hold: None }, at(3), IN_NETWORK).pop().unwrap();
    assert_eq!(past.end, End::Superseded);
    assert!(begin(&mut row, at(4)), "the newest goes at once");
    assert_eq!(row.settle(version(2), delivered(), at(5), IN_NETWORK), []);
    assert_eq!(row.stage, Stage::Held { until: at(63) }, "and again when the old one has settled");
    row.stage = Stage::Ready;
    assert!(begin(&mut row, at(63)));
    row.settle(version(2), delivered(), at(64), IN_NETWORK);
    assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }));
}

#[test]
fn an_older_attempt_is_not_forgotten_over_a_newer_one_that_is_unknown_too() {
    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.settle(version(1), Settled::Unknown { hold: None }, at(2), IN_NETWORK);
    row.want(wanted(2, Action::Correct, at(3)), Versions::Newest, at(3));
    assert!(begin(&mut row, at(4)));
    row.settle(version(2), Settled::Unknown { hold: None }, at(5), IN_NETWORK);
    assert!(begin(&mut row, at(6)));
    row.settle(version(2), delivered(), at(7), IN_NETWORK);
    assert_eq!(row.stage, Stage::Held { until: at(62) }, "version 1 may arrive until then");
    assert_eq!(row.confirmed, Some(version(2)));
    row.expire("its time was over", at(63));
    assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }), "it had arrived");
}

#[test]
fn a_version_that_comes_while_an_older_attempt_settles_is_sent_again_too() {
    for versions in [Versions::Newest, Versions::Every] {
        let mut row = first();
        assert!(begin(&mut row, at(1)));
        row.settle(version(1), Settled::Unknown { hold: None }, at(2), IN_NETWORK);
        row.want(wanted(2, Action::Update, at(3)), Versions::Newest, at(3));
        assert!(begin(&mut row, at(4)));
        row.settle(version(2), delivered(), at(5), IN_NETWORK);
        row.want(wanted(3, Action::Update, at(6)), versions, at(6));
        while begin(&mut row, at(7)) {
            row.settle(row.wanted.version, delivered(), at(8), IN_NETWORK);
        }
        assert_eq!(row.stage, Stage::Held { until: at(62) }, "{versions:?}");
    }
}

#[test]
fn what_has_arrived_is_sent_once_more_though_the_next_version_is_not_for_this_destination() {
    for under_way in [false, true] {
        let mut row = first();
        assert!(begin(&mut row, at(1)));
        row.settle(version(1), Settled::Unknown { hold: None }, at(2), IN_NETWORK);
        row.want(wanted(2, Action::Correct, at(3)), Versions::Newest, at(3));
        assert!(begin(&mut row, at(4)));
        if under_way {
            assert!(row.pass_over(version(3), at(5)), "it is not tried again where it does not arrive");
        }
        row.settle(version(2), delivered(), at(6), IN_NETWORK);
        assert!(!row.pass_over(version(3), at(7)));
        assert_eq!(row.stage, Stage::Held { until: at(62) }, "version 1 may arrive until then");
        row.stage = Stage::Ready;
        assert!(begin(&mut row, at(62)));
        assert!(row.pass_over(version(3), at(63)));
        row.settle(version(2), Settled::Unknown { hold: None }, at(64), IN_NETWORK);
        assert_eq!(row.stage, Stage::Ready, "a try that fails is not the last");
        assert!(begin(&mut row, at(65)));
        row.settle(version(2), delivered(), at(66), IN_NETWORK);
        assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }));
    }
}

#[test]
fn a_kill_reaches_who_may_have_the_story_and_cancels_it_for_who_never_got_it() {
    let mut never = first();
    let mut maybe = never.clone();
    let past = never.withdraw(wanted(2, Action::Kill, at(1)), at(1)).pop().unwrap();
    assert_eq!(past.end, End::Cancelled);
    assert!(matches!(never.stage, Stage::Ended { end: End::Cancelled, .. }));

    assert!(begin(&mut maybe, at(0)));
    maybe.settle(version(1), Settled::Unknown { hold: Some(at(100)) }, at(1), IN_NETWORK);
    maybe.withdraw(wanted(2, Action::Kill, at(2)), at(2));
    assert_eq!(maybe.stage, Stage::Ready, "a kill does not wait for the row's own backoff");
    assert_eq!(maybe.wanted.version, version(2));
}

#[test]
fn a_kill_that_came_during_an_attempt_follows_it_only_where_it_may_have_arrived() {
    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.withdraw(wanted(2, Action::Kill, at(2)), at(2));
    let mut released = row.clone();
    let mut refused = row.clone();
    let mut lost = row.clone();
    row.settle(version(1), Settled::Deferred { hold: None }, at(3), IN_NETWORK);
    released.release(version(1), at(1), at(3));
    refused.settle(version(1), Settled::Refused { reason: "422".to_owned(), hold: None }, at(3), IN_NETWORK);
    for row in [row, released, refused] {
        assert!(matches!(row.stage, Stage::Ended { end: End::Cancelled, .. }), "{row:?}");
    }
    lost.settle(version(1), Settled::Unknown { hold: None }, at(3), IN_NETWORK);
    assert_eq!(lost.stage, Stage::Ready);
}

#[test]
fn kills_go_first_then_corrections_then_the_urgent_then_the_old() {
    let urgency = |number| Urgency::try_from(number).unwrap();
    let hour = 3_600;
    let order = [
        rank(Action::Kill, urgency(9), at(0)),
        rank(Action::Correct, urgency(5), at(0)),
        rank(Action::Publish, urgency(1), at(0)),
        rank(Action::Publish, urgency(5), at(0)),
        rank(Action::Publish, urgency(5), at(1)),
        rank(Action::Publish, urgency(1), at(5 * hour)),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(order[0] < 0 && order[1] > 0);
}

#[test]
fn a_destination_that_takes_every_version_gets_them_in_order() {
    let mut row = first();
    for number in 2..=4 {
        assert_eq!(row.want(wanted(number, Action::Update, at(1)), Versions::Every, at(1)), []);
    }
    let mut got = Vec::new();
    let mut ended = Vec::new();
    while begin(&mut row, at(2)) {
        got.push(row.wanted.version.get());
        ended.extend(row.settle(row.wanted.version, delivered(), at(2), IN_NETWORK));
    }
    assert_eq!(got, [1, 2, 3, 4]);
    assert!(ended.iter().map(|past| (past.version.get(), past.end)).eq((1..=3).map(|number| (number, End::Delivered))));
    assert!(matches!(row.stage, Stage::Ended { end: End::Delivered, .. }));
}

#[test]
fn a_version_that_is_not_for_it_takes_nothing_from_a_destination_that_takes_every_version() {
    let mut row = Row::first(wanted(1, Action::Publish, at(0)), Versions::Every, Standing::default(), at(0));
    assert!(!row.pass_over(version(2), at(1)));
    assert_eq!(row.stage, Stage::Ready);
    let mut newest = first();
    assert!(newest.pass_over(version(2), at(1)));
    assert!(matches!(newest.stage, Stage::Ended { end: End::Superseded, .. }));
}

#[test]
fn the_newest_embargo_holds_what_waits_before_it() {
    let mut row = first();
    let mut moved = wanted(2, Action::Update, at(1));
    moved.embargo = Some(at(100));
    row.want(moved, Versions::Every, at(1));
    assert_eq!(row.stage, Stage::Held { until: at(100) });
    row.want(wanted(3, Action::Update, at(2)), Versions::Every, at(2));
    assert_eq!(row.stage, Stage::Ready, "and lets it go");
}

#[test]
fn a_kill_cancels_what_queues_at_a_destination_that_takes_every_version() {
    let mut row = first();
    row.want(wanted(2, Action::Update, at(1)), Versions::Every, at(1));
    assert!(begin(&mut row, at(2)));
    let past = row.withdraw(wanted(3, Action::Kill, at(3)), at(3));
    assert_eq!(past.iter().map(|past| (past.version.get(), past.end)).collect::<Vec<_>>(), [(2, End::Cancelled)]);
    row.settle(version(1), delivered(), at(4), IN_NETWORK);
    assert_eq!((row.wanted.action, &row.stage), (Action::Kill, &Stage::Ready));
}

#[test]
fn a_refused_kill_is_tried_again_and_a_refused_story_is_not() {
    let mut row = first();
    assert!(begin(&mut row, at(0)));
    row.settle(version(1), delivered(), at(1), IN_NETWORK);
    row.withdraw(wanted(2, Action::Kill, at(2)), at(2));
    assert!(begin(&mut row, at(2)));
    row.settle(version(2), Settled::Refused { reason: "422".to_owned(), hold: Some(at(60)) }, at(3), IN_NETWORK);
    assert_eq!(row.stage, Stage::Held { until: at(60) });
}

#[test]
fn a_number_that_never_arrived_goes_on_to_the_newer_version() {
    let mut row = first();
    let mut last = 6;
    let mut numbers = Vec::new();
    let outcomes = [
        (1, Settled::Deferred { hold: None }),
        (2, Settled::Unknown { hold: None }),
        (3, delivered()),
        (4, delivered()),
    ];
    for (number, outcome) in outcomes {
        let now = i64::try_from(number).unwrap() * 10;
        row.want(wanted(number, Action::Update, at(now)), Versions::Newest, at(now));
        assert!(row.begin(&mut last, at(now + 1)));
        numbers.push(row.number.unwrap().sequence);
        row.settle(version(number), outcome, at(now + 2), Duration::ZERO);
    }
    // Version 1 did not arrive, so 2 has its number; 2 may have, so 3 has one of its own.
    assert_eq!(numbers, [7, 7, 8, 9]);
    assert!(row.renew(Place::AsNew, at(50)) && row.begin(&mut last, at(50)));
    assert_eq!((row.number.unwrap().sequence, last), (9, 9), "the same version has the same number");
}

#[test]
fn a_held_story_waits_for_an_operator_and_its_kill_does_not() {
    let mut row = first();
    row.hold(true, at(1));
    assert_eq!(row.stage, Stage::Held { until: NEVER });
    row.want(wanted(2, Action::Correct, at(2)), Versions::Newest, at(2));
    assert_eq!(row.stage, Stage::Held { until: NEVER }, "newer versions are held too");
    row.hold(false, at(3));
    assert!(begin(&mut row, at(3)));
    row.hold(true, at(4));
    row.settle(version(2), Settled::Unknown { hold: None }, at(5), IN_NETWORK);
    assert_eq!(row.stage, Stage::Held { until: NEVER }, "what was under way is not tried again");
    row.withdraw(wanted(3, Action::Kill, at(6)), at(6));
    assert_eq!(row.stage, Stage::Ready);
}

#[test]
fn cancelling_ends_what_waits_and_lets_what_is_under_way_end() {
    let mut row = first();
    row.want(wanted(2, Action::Update, at(1)), Versions::Every, at(1));
    let past = row.cancel("cancel by anna", false, at(2));
    assert_eq!(past.iter().map(|past| (past.version.get(), past.end)).collect::<Vec<_>>(), [(1, End::Cancelled)]);
    assert!(matches!(row.stage, Stage::Ended { end: End::Cancelled, .. }));

    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.cancel("cancel by anna", false, at(2));
    let mut delivered_after_all = row.clone();
    row.settle(version(1), Settled::Deferred { hold: None }, at(3), IN_NETWORK);
    assert!(matches!(row.stage, Stage::Ended { end: End::Cancelled, .. }));
    delivered_after_all.settle(version(1), delivered(), at(3), IN_NETWORK);
    assert!(matches!(delivered_after_all.stage, Stage::Ended { end: End::Delivered, .. }));
    let mut kill = delivered_after_all;
    kill.withdraw(wanted(2, Action::Kill, at(4)), at(4));
    assert_eq!(kill.cancel("cancel by anna", false, at(5)), []);
    assert_eq!(kill.stage, Stage::Ready, "a kill goes on");
    kill.cancel("cancel by anna, even kills", true, at(5));
    assert!(matches!(kill.stage, Stage::Ended { end: End::Cancelled, .. }));
}

#[test]
fn what_follows_a_kill_for_nobody_has_its_turn() {
    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.withdraw(wanted(2, Action::Kill, at(2)), at(2));
    row.want(wanted(3, Action::Publish, at(3)), Versions::Every, at(3));
    let past = row.release(version(1), at(1), at(4));
    assert_eq!((row.wanted.version, &row.stage), (version(3), &Stage::Ready));
    assert_eq!(past.iter().map(|past| past.version.get()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_waits_behind_an_older_attempt_is_passed_over_and_cancelled_too() {
    for cancel in [false, true] {
        let mut row = first();
        assert!(begin(&mut row, at(1)));
        row.want(wanted(2, Action::Update, at(2)), Versions::Newest, at(2));
        if cancel {
            row.cancel("cancel by anna", false, at(3));
        } else {
            assert!(row.pass_over(version(3), at(3)));
        }
        row.settle(version(1), delivered(), at(4), IN_NETWORK);
        let end = if cancel { End::Cancelled } else { End::Superseded };
        assert!(matches!(row.stage, Stage::Ended { end: ended, .. } if ended == end), "{row:?}");
    }
}

#[test]
fn a_correction_for_who_has_the_story_is_for_nobody_when_the_story_did_not_arrive() {
    let mut row = first();
    assert!(begin(&mut row, at(1)));
    row.want(Wanted { for_holders: true, ..wanted(2, Action::Correct, at(2)) }, Versions::Newest, at(2));
    let mut arrived = row.clone();
    row.release(version(1), at(1), at(3));
    assert!(matches!(row.stage, Stage::Ended { end: End::Cancelled, .. }));
    arrived.settle(version(1), Settled::Unknown { hold: None }, at(3), IN_NETWORK);
    assert_eq!(arrived.stage, Stage::Ready);
}

#[test]
fn what_is_renewed_goes_behind_what_comes_now_or_stands_among_it() {
    let mut row = first();
    assert!(begin(&mut row, at(0)));
    row.settle(version(1), Settled::Refused { reason: "422".to_owned(), hold: None }, at(1), IN_NETWORK);
    let mut behind = row.clone();
    assert!(row.renew(Place::AsNew, at(50)) && behind.renew(Place::Behind, at(50)));
    let now = |action| rank(action, Urgency::NORMAL, at(50));
    assert_eq!(row.wanted.rank, now(Action::Publish));
    assert!(behind.wanted.rank > rank(Action::Publish, Urgency::try_from(9).unwrap(), at(50)));
    assert_eq!(row.wanted.accepted, at(50), "its age begins anew");
    assert!(!row.renew(Place::AsNew, at(51)), "it waits already");

    let mut never = first();
    never.withdraw(wanted(2, Action::Kill, at(1)), at(1));
    assert!(!never.renew(Place::AsNew, at(2)), "a kill is not for who never had the story");
}

#[derive(Debug, Clone)]
enum Event {
    Accept { version: u64, kill: bool },
    Begin,
    Release,
    Settle(Settled),
    Wait,
    Hold(bool),
    Cancel { even_kills: bool },
    Renew,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..8u64, prop::bool::weighted(0.2)).prop_map(|(version, kill)| Event::Accept { version, kill }),
        4 => Just(Event::Begin),
        1 => Just(Event::Release),
        1 => Just(Event::Settle(delivered())),
        1 => Just(Event::Settle(Settled::Refused { reason: "422".to_owned(), hold: None })),
        1 => Just(Event::Settle(Settled::Deferred { hold: None })),
        1 => Just(Event::Settle(Settled::Unknown { hold: None })),
        2 => Just(Event::Wait),
        1 => any::<bool>().prop_map(Event::Hold),
        1 => any::<bool>().prop_map(|even_kills| Event::Cancel { even_kills }),
        1 => Just(Event::Renew),
    ]
}

proptest! {
    /// Promises 2 and 3 over any history: no attempt is begun below one already begun, every version that was taken
    /// into the row has exactly one end, or is one that the row still holds, and numbers have no gaps.
    #[test]
    fn every_version_has_one_end_and_none_goes_back(
        every: bool,
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut now = at(0);
        let versions = if every { Versions::Every } else { Versions::Newest };
        let mut row = first();
        let mut taken = vec![version(1)];
        let mut ended = Vec::new();
        let mut highest_begun = None;
        let mut last = 0;
        for event in events {
            now = now.checked_add(Duration::from_secs(1)).unwrap();
            let before = row.wanted.version;
            let past: Vec<PastEnd> = match event {
                Event::Accept { version, kill } => {
                    let action = if kill { Action::Kill } else { Action::Update };
                    let newer = wanted(version, action, now);
                    // What comes late goes nowhere: the ledger knows the story's newest version.
                    if Some(&newer.version) <= taken.last() {
                        continue;
                    }
                    taken.push(newer.version);
                    if kill { row.withdraw(newer, now) } else { row.want(newer, versions, now) }
                }
                Event::Begin => {
                    let held = row.standing.on_hold && !row.wanted.action.withdraws();
                    let numbers = last;
                    if row.begin(&mut last, now) {
                        prop_assert!(Some(row.wanted.version) >= highest_begun);
                        prop_assert!(!held);
                        prop_assert!(last - numbers <= 1);
                        prop_assert!(row.number.unwrap().sequence <= last);
                        highest_begun = Some(row.wanted.version);
                    }
                    Vec::new()
                }
                Event::Release => match row.stage {
                    Stage::Attempting { version, since } => row.release(version, since, now),
                    _ => Vec::new(),
                },
                Event::Settle(settled) => match row.stage {
                    Stage::Attempting { version, .. } => {
                        row.settle(version, settled, now, IN_NETWORK)
                    }
                    _ => Vec::new(),
                },
                Event::Wait => {
                    if matches!(row.stage, Stage::Held { until } if until <= now) {
                        row.stage = Stage::Ready;
                    }
                    Vec::new()
                }
                Event::Hold(on_hold) => {
                    row.hold(on_hold, now);
                    Vec::new()
                }
                Event::Cancel { even_kills } => row.cancel("cancelled", even_kills, now),
                Event::Renew => {
                    row.renew(Place::AsNew, now);
                    Vec::new()
                }
            };
            prop_assert!(row.wanted.version >= before);
            prop_assert!(row.later.iter().zip(row.later.iter().skip(1)).all(|(one, next)| one.version < next.version));
            prop_assert!(row.later.is_empty() || !matches!(row.stage, Stage::Ended { .. }), "what follows has its turn");
            ended.extend(past.into_iter().map(|past| past.version));
        }
        // What is still in the row: the wanted version, what follows it, and an older one that is in flight.
        let mut held = vec![row.wanted.version];
        held.extend(row.later.iter().map(|later| later.version));
        if let Stage::Attempting { version, .. } = row.stage
            && version != row.wanted.version
        {
            held.push(version);
        }
        let mut all: Vec<_> = ended.into_iter().chain(held).collect();
        all.sort();
        prop_assert_eq!(all, taken);
    }
}

#[test]
fn what_was_on_hold_is_not_given_up_for_its_age() {
    let mut row = first();
    row.want(wanted(2, Action::Update, at(1)), Versions::Every, at(1));
    row.hold(true, at(2));
    assert_eq!(row.stage, Stage::Held { until: NEVER });
    assert_eq!(row.wanted.accepted, at(0));
    row.hold(false, at(1_000_000));
    assert_eq!(
        (row.stage.clone(), row.wanted.accepted, row.later[0].accepted),
        (Stage::Ready, at(1_000_000), at(1_000_000))
    );
    row.hold(false, at(2_000_000));
    assert_eq!(row.wanted.accepted, at(1_000_000), "it was not held");
    let mut kill =
        Row::first(wanted(1, Action::Kill, at(0)), Versions::Newest, Standing { on_hold: true, last_try: None }, at(0));
    kill.hold(false, at(9));
    assert_eq!(kill.wanted.accepted, at(0), "how long a withdrawal is tried counts from its acceptance");
}
