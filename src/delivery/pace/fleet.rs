//! All doors at once, on a simulated clock: an outage of ours ends, or an operator lets all partners go on, and 2,000
//! lanes find their doors well in the same moment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Gate, Growth, Pace, Policy, Tried};
use crate::ledger::LaneState;
use crate::transport::Class;

const DOORS: usize = 2_000;

const POLICY: Policy = Policy {
    concurrency: 8,
    first: Duration::from_secs(1),
    ceiling: Duration::from_secs(600),
    retry_after_limit: Duration::from_secs(3600),
};

/// Milliseconds that a door takes to answer, around this.
const ANSWER: u64 = 400;

/// In a tenth of a second each.
#[derive(Default, Clone, Copy)]
struct Tenth {
    /// Slots that all lanes together have found more than in the tenth before it; what they lost is not taken off.
    grown: usize,
    /// First requests after trouble.
    probes: usize,
}

struct Fleet {
    tenths: Vec<Tenth>,
    /// Milliseconds until every lane had its ceiling.
    whole: u64,
    /// The most that one door was asked while it was down.
    asked: usize,
}

/// What a fleet leaves out.
#[derive(PartialEq, Clone, Copy)]
enum Naive {
    No,
    /// Each lane grows as it likes.
    NoBudget,
    /// All draw the same lots.
    NoJitter,
}

enum Event {
    Look,
    Answer { began: u64, up: bool },
}

/// Doors are down until `up_from`, in milliseconds, and then well.
fn play(up_from: u64, naive: Naive) -> Fleet {
    let mut random = fastrand::Rng::with_seed(7);
    let one = Growth::default();
    let own: Vec<_> = std::iter::repeat_with(Growth::default).take(DOORS).collect();
    let new = || (Pace::new(POLICY.into(), LaneState::default(), None, None), 0_usize, 0_usize);
    let mut lanes: Vec<_> = std::iter::repeat_with(new).take(DOORS).collect();
    let mut lots: Vec<_> = (0..DOORS as u64)
        .map(|lane| fastrand::Rng::with_seed(if naive == Naive::NoJitter { 7 } else { lane }))
        .collect();
    let (mut heap, mut events) = (BinaryHeap::new(), Vec::new());
    let at = |heap: &mut BinaryHeap<_>, events: &mut Vec<_>, when: u64, lane: usize, event| {
        heap.push(Reverse((when, events.len())));
        events.push((lane, event));
    };
    (0..DOORS).for_each(|lane| at(&mut heap, &mut events, 0, lane, Event::Look));
    let mut fleet = Fleet { tenths: Vec::new(), whole: 0, asked: 0 };
    let mut at_ceiling = 0;
    while let Some(Reverse((now, number))) = heap.pop() {
        fleet.tenths.resize((now / 100) as usize + 1, Tenth::default());
        let tenth = fleet.tenths.last_mut().expect("it was just made");
        let (lane, ref event) = events[number];
        let (pace, in_flight, asked) = &mut lanes[lane];
        let before = pace.level();
        if let Event::Answer { began, up } = *event {
            let class = match up {
                true => Class::Delivered,
                false => Class::Deferred { retry_after: None, maybe_document: false },
            };
            let tried = Tried { began: time(began), ended: time(now), under_way: *in_flight };
            let growth = if naive == Naive::NoBudget { &own[lane] } else { &one };
            pace.ended(class, "as the network has it", tried, &mut lots[lane], growth);
            *in_flight -= 1;
        }
        tenth.grown += pace.level().saturating_sub(before);
        if pace.level() == POLICY.concurrency && before < pace.level() {
            at_ceiling += 1;
            if at_ceiling == DOORS {
                fleet.whole = now - up_from;
                return fleet;
            }
        }
        match pace.gate(time(now)) {
            Gate::Open => {
                while *in_flight < pace.allowed() {
                    tenth.probes += usize::from(pace.state().failures > 0);
                    *asked += usize::from(now < up_from);
                    fleet.asked = fleet.asked.max(*asked);
                    *in_flight += 1;
                    let up = now >= up_from;
                    let after = if up { ANSWER / 2 + random.u64(0..ANSWER) } else { 5 };
                    at(&mut heap, &mut events, now + after, lane, Event::Answer { began: now, up });
                }
            }
            Gate::Until(until) if *in_flight == 0 => {
                let wait = Duration::try_from(until.duration_since(time(now))).unwrap_or_default();
                at(&mut heap, &mut events, now + wait.as_millis() as u64 + 1, lane, Event::Look);
            }
            Gate::Until(_) => {}
            Gate::Paced(_) | Gate::Withdrawals | Gate::Shut => unreachable!("no door is gone, and none has a contract"),
        }
    }
    panic!("not all lanes come to their ceiling");
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + Duration::from_millis(millis)
}

fn most(fleet: &Fleet, from: u64, of: fn(&Tenth) -> usize) -> usize {
    fleet.tenths.iter().skip((from / 100) as usize).map(of).max().unwrap_or(0)
}

/// Nothing was wrong with any door: it is a start, or the end of a halt.
#[test]
fn a_start_of_all_lanes_does_not_stampede() {
    let fleet = play(0, Naive::No);
    assert!(most(&fleet, 0, |tenth| tenth.grown) <= 100);
    // 14,000 slots at a thousand a second; a lane that gets none asks again after eight answers.
    assert!((14_000..60_000).contains(&fleet.whole), "{} ms", fleet.whole);
    assert!(most(&play(0, Naive::NoBudget), 0, |tenth| tenth.grown) > 500, "it is the budget that does it");
}

#[test]
fn an_outage_of_ours_does_not_end_in_a_stampede() {
    const OUTAGE: u64 = 30_000;
    let fleet = play(OUTAGE, Naive::No);
    assert!(fleet.asked <= 20, "a dead door costs one probe a backoff, and not {} in {OUTAGE} ms", fleet.asked);
    let probes = most(&fleet, OUTAGE, |tenth| tenth.probes);
    assert!(probes <= DOORS / 20, "{probes} probes in a tenth of a second");
    assert!(most(&fleet, OUTAGE, |tenth| tenth.grown) <= 100);
    assert!(fleet.whole < 120_000, "{} ms", fleet.whole);
    let probes = most(&play(OUTAGE, Naive::NoJitter), OUTAGE, |tenth| tenth.probes);
    assert!(probes > DOORS / 2, "it is the jitter that spreads them: {probes}");
}

/// An outage so short that all are back within a second or two.
#[test]
fn a_short_outage_of_ours_does_not_end_in_a_stampede() {
    let fleet = play(500, Naive::No);
    assert!(most(&fleet, 0, |tenth| tenth.grown) <= 100);
    assert!((14_000..60_000).contains(&fleet.whole), "{} ms", fleet.whole);
}
