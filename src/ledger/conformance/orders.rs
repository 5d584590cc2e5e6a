//! Operators' orders: durable, carried out once and in their order, or refused in a sentence.

use super::scene::{DEFERRED, delivered, guid, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::ledger::state::Versions;
use crate::ledger::{CarriedOut, Halt, LaneState, Order, OrderId, OrderState, Target};

fn hold(name: &str) -> Order {
    Order::Hold { story: guid(name) }
}

fn release(name: &str) -> Order {
    Order::Release { story: guid(name) }
}

fn cancel(name: &str, to: Option<&str>, even_kills: bool) -> Order {
    Order::Cancel { story: guid(name), to: to.map(Target::new), even_kills }
}

fn resend(name: &str, to: &str) -> Order {
    Order::Resend { story: guid(name), to: Target::new(to) }
}

fn suspend(to: &str, even_kills: bool) -> Order {
    Order::Suspend { to: Target::new(to), even_kills }
}

fn resume(to: &str) -> Order {
    Order::Resume { to: Target::new(to) }
}

pub async fn a_held_story_waits_until_it_is_released(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 3).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    let under_way = scene.only(1, 1).await;
    let held = scene.order(hold("a"), 2).await;
    assert_eq!(
        held,
        "deliveries held: 1; destinations that have it or may have it, where only a kill takes it down: 2"
    );
    scene.settle(1, under_way, DEFERRED, 3).await;
    scene.accept("a", 2, Update, 4).await;
    scene.specimen.crash();
    for lane in 0..3 {
        let claimed = scene.claimed(scene.asks(lane, 999_999)).await;
        assert_eq!((claimed.rows.len(), claimed.next), (0, None), "nobody but an operator lets it go");
        assert_eq!(scene.stands(lane, "a"), "held 2");
    }
    assert_eq!(scene.order(release("a"), 5).await, "deliveries that go on: 3");
    for lane in 0..3 {
        assert_eq!(scene.sent(lane, 6).await, ["a 2"]);
    }
    scene.order(hold("a"), 7).await;
    assert_eq!(scene.accept("a", 3, Kill, 8).await, 3);
    assert_eq!(scene.sent(0, 9).await, ["a 3"], "a kill is not held");
}

pub async fn a_hold_is_for_those_who_are_new_too(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    assert_eq!(scene.order(hold("a"), 1).await, "deliveries held: 1; nobody has it");
    assert_eq!(scene.accept("a", 2, Update, 2).await, 2);
    assert_eq!([scene.stands(0, "a"), scene.stands(1, "a")], ["held 2", "held 2"]);
    scene.order(release("a"), 3).await;
    assert_eq!(scene.sent(1, 4).await, ["a 2"]);
}

pub async fn a_cancelled_story_is_at_its_end(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 4).await;
    for version in [1, 2] {
        let mut offer = scene.offer("a", version, Update, 0);
        offer.routed[0].versions = Versions::Every;
        scene.take(offer).await;
    }
    let under_way = [scene.only(1, 1).await, scene.only(2, 1).await];
    assert_eq!(scene.order(cancel("a", Some("p3"), false), 2).await, "deliveries cancelled: 1");
    assert_eq!([scene.stands(0, "a"), scene.stands(3, "a")], ["waiting 1", "cancelled 2"]);
    let result = scene.order(cancel("a", None, false), 3).await;
    assert_eq!(result, "deliveries cancelled: 1; under way, and not tried again: 2");
    assert_eq!((scene.stands(0, "a"), scene.ends(0, "a")), ("cancelled 2".into(), vec!["1 cancelled".into()]));
    assert_eq!(scene.why(0, "a"), "cancel urn:x:a by anna");
    for (lane, (row, settled)) in [1, 2].into_iter().zip(under_way.into_iter().zip([DEFERRED, delivered()])) {
        assert!(!scene.settle(lane, row, settled, 4).await);
    }
    assert_eq!([scene.stands(1, "a"), scene.stands(2, "a")], ["cancelled 2", "delivered 2"]);
    scene.accept("a", 3, Update, 5).await;
    assert_eq!(scene.sent(1, 6).await, ["a 3"], "a newer version is not cancelled");
}

pub async fn what_waits_behind_an_attempt_is_cancelled_with_it(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    let versions = [Versions::Newest, Versions::Every];
    let offer = |scene: &Scene, version| {
        let mut offer = scene.offer("a", version, Update, 0);
        offer.routed.iter_mut().zip(versions).for_each(|(owed, versions)| owed.versions = versions);
        offer
    };
    scene.take(offer(&scene, 1)).await;
    let under_way = [scene.only(0, 1).await, scene.only(1, 1).await];
    scene.take(offer(&scene, 2)).await;
    scene.take(offer(&scene, 3)).await;
    scene.order(cancel("a", None, false), 2).await;
    scene.specimen.restart();
    for (lane, row) in under_way.into_iter().enumerate() {
        // The restart settled it as unknown.
        assert!(!scene.settle(lane, row, delivered(), 3).await);
        assert_eq!(scene.sent(lane, 4).await, [""; 0]);
        assert_eq!(scene.stands(lane, "a"), "cancelled 3");
    }
    assert_eq!(
        [scene.ends(0, "a"), scene.ends(1, "a")],
        [["1 superseded", "2 superseded"], ["1 superseded", "2 cancelled"]]
    );
    scene.order(resend("a", "p1"), 5).await;
    assert_eq!(scene.sent(1, 6).await, ["a 3"], "the newest of them");
}

pub async fn a_kill_is_cancelled_only_where_that_is_said(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    scene.sent(0, 1).await;
    scene.accept("a", 2, Kill, 2).await;
    let result = scene.order(cancel("a", None, false), 3).await;
    assert_eq!(result, "deliveries cancelled: 0; withdrawals that go on (--even-kills cancels them): 1");
    assert_eq!(scene.stands(0, "a"), "waiting 2");
    assert_eq!(scene.order(cancel("a", None, true), 4).await, "deliveries cancelled: 1");
    assert_eq!(scene.claim(0, 5).await.len(), 0);
    assert_eq!(scene.order(resend("a", "p0"), 6).await, "deliveries that go again: 1", "it is owed still");
    assert_eq!(scene.sent(0, 7).await, ["a 2"]);
}

pub async fn a_suspended_lane_is_halted_through_a_restart(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 2).await;
    assert_eq!(scene.order(suspend("p0/main", false), 0).await, "destinations that are sent nothing but kills: 1");
    let id = scene.place(suspend("p1", true), 1).await;
    let carried = scene.ledger().carry_out(id, scene.at(1)).await.unwrap();
    let halt = |even_kills, why: &str| Some(Halt { even_kills, why: why.into() });
    assert_eq!(carried.lanes, [(scene.to[1], halt(true, "suspend p1, even kills by anna"))]);
    scene.specimen.crash();
    let halts = async || -> Vec<_> {
        scene.ledger().lanes(scene.to.clone()).await.unwrap().into_iter().map(|lane| lane.halt).collect()
    };
    assert_eq!(halts().await, [halt(false, "suspend p0/main by anna"), halt(true, "suspend p1, even kills by anna")]);
    scene.order(resume("p1"), 2).await;
    assert_eq!(halts().await, [halt(false, "suspend p0/main by anna"), None]);
}

pub async fn a_resumed_lane_has_no_trouble_left(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    let gone = LaneState {
        failures: 3,
        retry_at: Some(scene.at(900)),
        suspended: Some("410".into()),
        trouble: Some("410".into()),
    };
    for lane in [0, 1] {
        scene.settle_lane(lane, gone.clone()).await;
    }
    let id = scene.place(resume("p0"), 5).await;
    let carried = scene.ledger().carry_out(id, scene.at(5)).await.unwrap();
    assert_eq!((carried.lanes, carried.result.as_str()), (vec![(scene.to[0], None)], "destinations that go on: 1"));
    let lanes = scene.ledger().lanes(scene.to.clone()).await.unwrap();
    assert_eq!((&lanes[0].state, lanes[0].resumed), (&LaneState::default(), Some(scene.at(5))));
    assert_eq!((&lanes[1].state, lanes[1].resumed), (&gone, None));
}

pub async fn a_resent_story_goes_again_under_its_number(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 3).await;
    scene.accept("a", 1, Publish, 0).await;
    let mut numbers = Vec::new();
    for (lane, settled) in [delivered(), refused()].into_iter().enumerate() {
        let row = scene.only(lane, 1).await;
        numbers.push(row.sequence);
        scene.settle(lane, row, settled, 2).await;
    }
    let id = scene.place(resend("a", "p0"), 3).await;
    let carried = scene.ledger().carry_out(id, scene.at(3)).await.unwrap();
    assert_eq!((carried.touched, carried.withdrawal), (vec![scene.to[0]], false));
    assert_eq!(carried.story, Some(scene.only(2, 4).await.story));
    assert_eq!(scene.order(resend("a", "p1/main"), 3).await, "deliveries that go again: 1");
    for lane in [0, 1] {
        let row = scene.only(lane, 4).await;
        assert_eq!((row.version.get(), row.attempt, row.sequence), (1, 1, numbers[lane]));
        assert_eq!(row.accepted, scene.at(3), "its age begins anew");
        scene.settle(lane, row, delivered(), 5).await;
    }
}

pub async fn what_is_resent_was_not_meant_by_an_earlier_order(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    scene.order(cancel("a", None, false), 2).await;
    scene.settle(0, row, delivered(), 3).await;
    scene.order(resend("a", "p0"), 4).await;
    let row = scene.only(0, 5).await;
    assert!(scene.settle(0, row, DEFERRED, 6).await, "it is tried again");
}

/// Nobody has waited for the end, and the order does not wait for it either.
pub async fn an_order_finds_what_was_handed_over_before_it(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let row = scene.only(0, 1).await;
    let told = scene.arrived(0, &row, 2).unwrap();
    assert_eq!(scene.order(resend("a", "p0"), 3).await, "deliveries that go again: 1");
    assert!(!told.await.unwrap().unwrap().any, "what arrived had its end before");
    assert_eq!(scene.sent(0, 4).await, ["a 1"]);
}

pub async fn what_waits_is_not_resent(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept("a", 1, Publish, 0).await;
    assert_eq!(scene.order(resend("a", "p0"), 1).await, "deliveries that wait or are under way already: 1");
    scene.sent(0, 2).await;
    scene.accept("a", 2, Kill, 3).await;
    let never = scene.order(resend("a", "p1"), 4).await;
    assert_eq!(never, "the story was withdrawn, and was never sent there");
    assert_eq!(scene.claim(1, 5).await.len(), 0);
}

pub async fn an_order_is_carried_out_once(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let id = scene.place(hold("a"), 1).await;
    scene.specimen.crash();
    let waiting = scene.specimen.order(id).unwrap();
    assert_eq!((waiting.state, waiting.at, waiting.taken), (OrderState::Waiting, scene.at(1), None));
    assert_eq!((waiting.order, waiting.by.as_str()), (hold("a"), "anna"));
    scene.ledger().carry_out(id, scene.at(2)).await.unwrap();
    scene.order(release("a"), 3).await;
    assert_eq!(scene.ledger().carry_out(id, scene.at(4)).await.unwrap(), CarriedOut::default());
    assert_eq!(scene.stands(0, "a"), "waiting 1");
    let done = scene.specimen.order(id).unwrap();
    assert_eq!((done.state, done.taken), (OrderState::Done, Some(scene.at(2))));
    assert_eq!(scene.ledger().carry_out(OrderId::new(99), scene.at(5)).await.unwrap(), CarriedOut::default());
}

pub async fn orders_come_in_their_order(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    let mut ids = Vec::new();
    for second in 0..4 {
        ids.push(scene.place(if second % 2 == 0 { hold("a") } else { release("a") }, second).await);
    }
    scene.specimen.restart();
    let open = async |limit| -> Vec<OrderId> {
        scene.ledger().open_orders(limit).await.unwrap().into_iter().map(|(record, _)| record.id).collect()
    };
    assert_eq!(open(9).await, ids);
    assert_eq!(open(2).await, ids[..2]);
    scene.ledger().carry_out(ids[0], scene.at(5)).await.unwrap();
    scene.ledger().end_order(ids[2], Err("no".into()), scene.at(5)).await.unwrap();
    assert_eq!(open(9).await, [ids[1], ids[3]]);
}

pub async fn what_cannot_be_done_is_refused_in_a_sentence(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    scene.accept_for(&[0], "a", 1, Publish, 0).await;
    let mut told = Vec::new();
    for order in [
        hold("b"),
        release("b"),
        cancel("b", None, false),
        cancel("a", Some("nobody"), false),
        cancel("a", Some("p1"), false),
        resend("a", "p1"),
        suspend("p", false),
        resume("nobody/main"),
    ] {
        let id = scene.place(order, 1).await;
        let carried = scene.ledger().carry_out(id, scene.at(2)).await.unwrap();
        assert_eq!(CarriedOut { result: String::new(), ..carried.clone() }, CarriedOut::default());
        let record = scene.specimen.order(id).unwrap();
        assert_eq!((record.state, record.taken), (OrderState::Refused, Some(scene.at(2))));
        told.push(carried.result);
    }
    let story = "the ledger has no story urn:x:b";
    let owed = "p1 is owed nothing of that story; `newswired why --story urn:x:a --partner p1` says why";
    let nobody = |name: &str| format!("the ledger has no partner or destination {name}");
    let expected = [story.into(), story.into(), story.into(), nobody("nobody"), owed.into(), owed.into(), nobody("p")];
    assert_eq!(told[..7], expected);
    assert_eq!(told[7], nobody("nobody/main"));
    assert_eq!(scene.sent(0, 3).await, ["a 1"]);
}

pub async fn an_order_that_has_ended_stays_as_it_ended(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept("a", 1, Publish, 0).await;
    let (done, stopped) = (scene.place(hold("a"), 1).await, scene.place(release("a"), 1).await);
    scene.ledger().carry_out(done, scene.at(2)).await.unwrap();
    scene.specimen.stop_order(stopped, scene.at(2));
    for id in [done, stopped] {
        scene.ledger().end_order(id, Err("no".into()), scene.at(3)).await.unwrap();
        scene.specimen.stop_order(id, scene.at(3));
        assert_eq!(scene.ledger().carry_out(id, scene.at(4)).await.unwrap(), CarriedOut::default());
    }
    let states = [done, stopped].map(|id| scene.specimen.order(id).unwrap().state);
    assert_eq!(states, [OrderState::Done, OrderState::Stopped]);
    assert_eq!(scene.stands(0, "a"), "held 1");
}
