//! What every kind of ledger has to do, as tests against [`Ledger`] alone.
//!
//! They keep promises 1 to 5 to whatever stores the truth: one file a topic, each test a plain function of a
//! [`Specimen`], a fresh ledger of the kind that is tested. [`on_every_topic!`] makes tests of them for a kind, so that
//! a kind has all of them or does not compile; a test that is in no list is dead code, which the build refuses.
//!
//! Time is the tests' own: whatever they say to the ledger is so many seconds after its beginning ([`Scene::at`]).
//! They must not know how rows are stored, and read them back through the specimen.

pub mod accept;
pub mod attempts;
pub mod claim;
pub mod embargo;
pub mod events;
pub mod lanes;
pub mod no_longer_routed;
pub mod numbers;
pub mod orders;
pub mod quarantine;
pub mod random;
pub mod replay;
pub mod retention;
pub mod rights;
pub mod withdrawals;

pub mod scene;

pub use scene::Scene;

use jiff::Timestamp;

use super::state::{PastEnd, Row};
use super::{DestinationId, Ledger, OrderId, OrderRecord, QuarantineState};

/// A ledger of the kind that is tested, and what a test has to see and do beside the trait.
pub trait Specimen: Send {
    fn ledger(&self) -> &dyn Ledger;

    /// Closes it, and opens it again.
    fn restart(&mut self);

    /// Opens what is there when its process is killed now. Nothing of it was closed.
    fn crash(&mut self);

    /// Everything that destinations are owed.
    fn deliveries(&self) -> Vec<Delivery>;

    /// The ends of versions that left their delivery.
    fn past(&self) -> Vec<Past>;

    /// The outcomes of attempts that did not deliver, in the order of their records.
    fn attempts(&self) -> Vec<String>;

    /// The guid and version of all articles that are kept.
    fn articles(&self) -> Vec<(String, u64)>;

    fn order(&self, id: OrderId) -> Option<OrderRecord>;

    /// An operator stops an order that is not through.
    fn stop_order(&self, id: OrderId, now: Timestamp);

    /// Quarantine entries, the oldest first: id, state and reason.
    fn quarantined(&self) -> Vec<(i64, QuarantineState, String)>;

    /// An operator's word about a quarantine entry; `false` where it does not wait.
    fn rule(&self, id: i64, to: QuarantineState) -> bool;
}

/// What one destination is owed of one story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub destination: DestinationId,
    pub story: String,
    pub row: Row,
}

/// The end of a version that left its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub destination: DestinationId,
    pub story: String,
    pub end: PastEnd,
}

/// Makes a test of each for a kind of ledger; `$fresh` makes a specimen.
macro_rules! on_every_topic {
    ($fresh:path) => {
        $crate::ledger::conformance::topic!($fresh, accept: [
            an_article_is_accepted_once,
            what_was_answered_is_there_after_a_crash,
            a_late_version_is_kept_and_goes_nowhere,
            a_newer_version_takes_the_place_whatever_lies_between,
            an_article_for_nobody_is_kept,
            who_may_have_it_early_has_it_early,
            who_takes_every_version_gets_them_in_order,
            what_queues_goes_on_queueing_when_the_contract_changes,
            a_version_without_a_time_is_of_the_time_of_its_acceptance,
            what_a_lane_has_a_place_for_is_announced_at_once,
            a_kill_is_announced_at_once_to_whom_has_the_story,
            what_may_not_leave_yet_is_not_announced_at_once,
            what_was_announced_at_once_may_have_arrived_at_a_crash,
            where_in_a_trace_an_article_was_accepted_is_kept,
        ]);
        $crate::ledger::conformance::topic!($fresh, claim: [
            kills_come_first_then_corrections_then_the_urgent_then_the_old,
            a_window_is_as_large_as_was_asked_for,
            nothing_is_given_twice_and_nothing_to_another_lane,
            what_has_expired_ends_instead,
            what_is_too_old_is_given_up_and_a_kill_is_not,
            the_age_of_what_was_embargoed_begins_with_the_embargos_end,
            a_lane_in_trouble_gets_withdrawals_alone,
        ]);
        $crate::ledger::conformance::topic!($fresh, attempts: [
            what_was_delivered_is_at_its_end,
            what_was_deferred_waits_again,
            what_was_refused_waits_for_an_operator,
            what_is_of_unknown_outcome_is_sent_again,
            a_version_that_came_meanwhile_follows,
            the_newest_is_sent_again_when_an_older_one_may_still_arrive,
            a_report_of_what_is_not_under_way_changes_nothing,
            what_is_given_back_was_no_attempt,
            a_lane_that_broke_off_may_have_sent_what_it_had,
            what_a_lane_that_broke_off_gives_back_is_not_its_next_attempt,
            what_was_announced_at_a_crash_may_have_arrived,
            what_was_recorded_before_a_crash_stays,
            what_an_attempt_left_is_there_for_every_later_one,
        ]);
        $crate::ledger::conformance::topic!($fresh, withdrawals: [
            a_kill_goes_to_those_who_may_have_the_story,
            a_kill_during_an_attempt_follows_it_where_it_may_have_arrived,
            a_kill_finds_what_was_handed_over_before_it,
            a_lane_that_asks_for_kills_finds_what_it_handed_over_before,
            a_kill_during_an_attempt_follows_it_through_a_crash,
            a_kill_of_an_unknown_story_is_kept,
            what_comes_late_after_a_kill_goes_nowhere,
            a_later_version_after_a_kill_goes_out_and_can_be_killed,
            a_kill_is_not_for_who_is_new,
            a_kill_waits_for_no_embargo,
            a_kill_is_tried_for_as_long_as_the_wire_says,
            a_refused_kill_is_tried_again,
            what_queues_is_cancelled_by_a_kill,
            what_follows_a_kill_for_nobody_has_its_turn,
            to_withhold_is_to_withdraw,
        ]);
        $crate::ledger::conformance::topic!($fresh, no_longer_routed: [
            an_update_is_not_for_them,
            a_correction_is_for_those_who_may_have_the_story,
            a_kill_is_for_those_who_may_have_the_story,
            who_is_routed_later_gets_the_version_of_then,
        ]);
        $crate::ledger::conformance::topic!($fresh, embargo: [
            what_is_embargoed_is_held_until_then,
            a_later_version_moves_it,
            a_later_version_lifts_it,
            a_later_version_adds_one,
            what_queues_waits_for_the_newest_ones_embargo,
            another_try_does_not_come_before_it,
        ]);
        $crate::ledger::conformance::topic!($fresh, numbers: [
            numbers_have_no_gaps_through_restarts_and_crashes,
            every_destination_counts_by_itself,
            a_number_is_its_storys_until_it_arrives,
        ]);
        $crate::ledger::conformance::topic!($fresh, orders: [
            a_held_story_waits_until_it_is_released,
            a_hold_is_for_those_who_are_new_too,
            a_cancelled_story_is_at_its_end,
            what_waits_behind_an_attempt_is_cancelled_with_it,
            a_kill_is_cancelled_only_where_that_is_said,
            a_suspended_lane_is_halted_through_a_restart,
            a_resumed_lane_has_no_trouble_left,
            a_resent_story_goes_again_under_its_number,
            an_order_finds_what_was_handed_over_before_it,
            what_is_resent_was_not_meant_by_an_earlier_order,
            what_waits_is_not_resent,
            an_order_is_carried_out_once,
            orders_come_in_their_order,
            what_cannot_be_done_is_refused_in_a_sentence,
            an_order_that_has_ended_stays_as_it_ended,
        ]);
        $crate::ledger::conformance::topic!($fresh, replay: [
            what_was_missed_since_a_time_goes_in_steps,
            a_replay_goes_on_after_a_crash_where_it_was,
            a_replay_is_behind_what_comes_now,
            by_number_it_goes_even_where_it_is_confirmed,
            a_newer_version_goes_its_own_way,
            it_takes_a_withdrawal_only_to_those_who_may_have_the_story,
            it_respects_a_hold,
            one_that_was_stopped_goes_no_further,
            numbers_are_those_of_one_destination,
        ]);
        $crate::ledger::conformance::topic!($fresh, rights: [
            a_story_lapses_when_its_time_is_over,
            a_later_version_moves_the_date,
            a_wires_own_span_begins_with_the_first_acceptance,
            a_late_version_moves_nothing,
            a_withdrawn_story_does_not_lapse,
            those_that_lapsed_first_come_first,
        ]);
        $crate::ledger::conformance::topic!($fresh, retention: [
            what_expired_ends_though_no_lane_looks,
            what_ended_long_ago_goes_in_steps,
            what_is_offered_again_after_it_was_removed_goes_nowhere,
            nothing_goes_that_is_still_owed_or_lent_or_held,
            attempts_and_orders_go_by_their_own_time,
            only_what_is_done_with_leaves_quarantine,
        ]);
        $crate::ledger::conformance::topic!($fresh, quarantine: [
            the_same_bytes_are_set_aside_once,
            an_operator_has_it_tried_again,
            what_is_refused_again_waits_with_its_new_reason,
            what_is_done_with_stays_so,
        ]);
        $crate::ledger::conformance::topic!($fresh, events: [
            an_arrival_is_told_once,
            an_arrival_is_told_whatever_follows_it,
            a_refusal_is_told_and_that_of_a_kill_once,
            what_is_given_up_is_told_once,
            a_kill_is_complete_when_all_have_acknowledged_it,
            a_kill_that_is_given_up_somewhere_is_told_as_such,
            trouble_is_told_when_it_lasts,
            trouble_of_before_is_told_too,
            what_is_set_aside_is_told_once,
            each_receiver_has_its_own_place,
            nothing_is_written_that_nobody_takes,
        ]);
        $crate::ledger::conformance::topic!($fresh, lanes: [
            a_destination_keeps_its_id,
            a_lanes_state_is_there_after_a_crash,
            a_lane_knows_when_it_is_due,
            the_end_of_a_pause_is_noted,
        ]);
        $crate::ledger::conformance::topic!($fresh, random: [
            no_history_loses_doubles_or_overtakes,
        ]);
    };
}

/// One topic's tests for a kind of ledger.
macro_rules! topic {
    ($fresh:path, $topic:ident: [$($test:ident),* $(,)?]) => {
        mod $topic {
            $(
                #[tokio::test]
                async fn $test() {
                    $crate::ledger::conformance::$topic::$test(Box::new($fresh())).await;
                }
            )*
        }
    };
}

pub(in crate::ledger) use {on_every_topic, topic};
