//! Replays: what a destination missed goes once more, in steps, behind what comes now.

use super::scene::{UNKNOWN, delivered, guid, refused};
use super::{Scene, Specimen};
use crate::article::Action::{Kill, Publish, Update};
use crate::ledger::{
    ArticleId, Candidate, Candidates, CarriedOut, Order, OrderId, OrderState, Owed, Replay, ReplayFrom, ReplayStep,
    Replayed, Target, Woken,
};

fn since(scene: &Scene, second: i64) -> ReplayFrom {
    ReplayFrom::Since(scene.at(second))
}

async fn begin(scene: &Scene, to: &str, from: ReplayFrom, second: i64) -> OrderId {
    let replay = Replay { to: Target::new(to), from, until: None, filter: None, rate: 100 };
    let id = scene.place(Order::Replay(replay), second).await;
    let carried = scene.ledger().carry_out(id, scene.at(second)).await.unwrap();
    assert_eq!(carried, CarriedOut::default(), "it works in steps");
    assert_eq!(scene.specimen.order(id).unwrap().state, OrderState::Working);
    id
}

/// Where an open order has come to.
async fn reached(scene: &Scene, id: OrderId) -> Option<ArticleId> {
    let open = scene.ledger().open_orders(9).await.unwrap();
    open.into_iter().find(|(record, _)| record.id == id).map(|(_, reached)| reached)
}

async fn look(scene: &Scene, from: ReplayFrom, after: ArticleId, limit: usize) -> Vec<Candidate> {
    let next = Candidates { from, until: scene.at(1_000), destination: scene.to[0], after, limit };
    scene.ledger().candidates(next).await.unwrap()
}

fn named(found: &[Candidate]) -> Vec<String> {
    found
        .iter()
        .map(|one| format!("{} {}", super::scene::name_of(one.article.guid.as_str()), one.article.version))
        .collect()
}

/// A step that gives what was found to lane 0.
fn step(scene: &Scene, order: OrderId, found: &[Candidate], from: ReplayFrom, second: i64, done: bool) -> ReplayStep {
    let replayed = |one: &Candidate| Replayed {
        story: one.story,
        id: one.id,
        article: one.article.clone(),
        withdraw_for: super::scene::WITHDRAW_FOR,
        to: vec![Owed::plainly(scene.to[0])],
        even_confirmed: matches!(from, ReplayFrom::Sequence(_)),
    };
    ReplayStep {
        order,
        stories: found.iter().map(replayed).collect(),
        reached: found.last().map(|last| last.id).unwrap_or_default(),
        done,
        ordered: scene.at(second),
        now: scene.at(second),
    }
}

async fn all_at_once(scene: &Scene, from: ReplayFrom, second: i64) -> OrderId {
    let id = begin(scene, "p0", from, second).await;
    let found = look(scene, from, ArticleId::default(), 100).await;
    scene.ledger().replay(step(scene, id, &found, from, second, true)).await.unwrap();
    id
}

pub async fn what_was_missed_since_a_time_goes_in_steps(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 2).await;
    for (second, name) in ["before", "refused", "had", "new", "again"].into_iter().enumerate() {
        let lanes: &[usize] = if name == "new" { &[1] } else { &[0, 1] };
        scene.accept_for(lanes, name, 1, Publish, i64::try_from(second).unwrap()).await;
    }
    for row in scene.claim(0, 5).await {
        let name = scene.names(std::slice::from_ref(&row)).await.remove(0);
        let settled = if name == "had 1" { delivered() } else { refused() };
        scene.settle(0, row, settled, 6).await;
    }
    scene.accept("again", 2, Update, 7).await;
    let from = since(&scene, 1);
    let id = begin(&scene, "p0", from, 10).await;
    let (mut after, mut seen, mut woken) = (ArticleId::default(), Vec::new(), Vec::new());
    loop {
        let found = look(&scene, from, after, 2).await;
        let done = found.len() < 2;
        seen.push(named(&found).join(", "));
        woken.extend(scene.ledger().replay(step(&scene, id, &found, from, 11, done)).await.unwrap());
        if done {
            break;
        }
        after = found.last().unwrap().id;
        assert_eq!(reached(&scene, id).await, Some(after));
    }
    assert_eq!(
        seen,
        ["refused 1, had 1", "new 1, again 2", ""],
        "each story's newest version, in the order of acceptance"
    );
    let lanes: Vec<_> = woken.into_iter().map(|Woken { lanes, .. }| lanes.len()).collect();
    assert_eq!(lanes, [1, 0, 1, 0], "what is confirmed, or waits, is not sent");
    let record = scene.specimen.order(id).unwrap();
    assert_eq!((record.state, record.result.as_deref()), (OrderState::Done, Some("deliveries: 2")));
    assert_eq!(reached(&scene, id).await, None);
    let mut sent = scene.sent(0, 12).await;
    sent.sort();
    assert_eq!(sent, ["again 2", "new 1", "refused 1"]);
    let bounded =
        Candidates { from, until: scene.at(3), destination: scene.to[0], after: ArticleId::default(), limit: 9 };
    assert_eq!(named(&scene.ledger().candidates(bounded).await.unwrap()), ["refused 1", "had 1", "new 1"]);
}

pub async fn a_replay_goes_on_after_a_crash_where_it_was(specimen: Box<dyn Specimen>) {
    let mut scene = Scene::new(specimen, 1).await;
    for name in ["a", "b", "c"] {
        scene.accept(name, 1, Publish, 0).await;
    }
    for row in scene.claim(0, 1).await {
        scene.settle(0, row, refused(), 1).await;
    }
    let from = since(&scene, 0);
    let id = begin(&scene, "p0/main", from, 2).await;
    let first = look(&scene, from, ArticleId::default(), 2).await;
    scene.ledger().replay(step(&scene, id, &first, from, 2, false)).await.unwrap();
    assert_eq!(scene.specimen.order(id).unwrap().result.as_deref(), Some("deliveries so far: 2"));
    scene.specimen.crash();
    let after = reached(&scene, id).await.unwrap();
    let rest = look(&scene, from, after, 2).await;
    assert_eq!(named(&rest), ["c 1"]);
    scene.ledger().replay(step(&scene, id, &rest, from, 3, true)).await.unwrap();
    assert_eq!(scene.specimen.order(id).unwrap().result.as_deref(), Some("deliveries: 3"));
    assert_eq!(scene.sent(0, 4).await, ["a 1", "b 1", "c 1"]);
}

pub async fn a_replay_is_behind_what_comes_now(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for name in ["a", "b"] {
        scene.accept_for(&[], name, 1, Publish, 0).await;
    }
    all_at_once(&scene, since(&scene, 0), 1).await;
    scene.accept("now", 1, Publish, 3_600).await;
    assert_eq!(scene.sent(0, 3_601).await, ["now 1", "a 1", "b 1"]);
}

pub async fn by_number_it_goes_even_where_it_is_confirmed(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for (second, name) in ["a", "b", "c"].into_iter().enumerate() {
        scene.accept(name, 1, Publish, i64::try_from(second).unwrap()).await;
    }
    scene.accept_for(&[], "other", 1, Publish, 3).await;
    assert_eq!(scene.sent(0, 4).await, ["a 1", "b 1", "c 1"]);
    let id = all_at_once(&scene, ReplayFrom::Sequence(2), 5).await;
    assert_eq!(scene.specimen.order(id).unwrap().result.as_deref(), Some("deliveries: 2"));
    let rows = scene.claim(0, 6).await;
    assert_eq!(scene.names(&rows).await, ["b 1", "c 1"]);
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [2, 3], "with the numbers that they had");
    all_at_once(&scene, since(&scene, 0), 7).await;
    assert_eq!(scene.stands(0, "a"), "delivered 1", "by time it goes only where it is not");
}

pub async fn a_newer_version_goes_its_own_way(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept_for(&[], "a", 1, Publish, 0).await;
    let from = since(&scene, 0);
    let id = begin(&scene, "p0", from, 1).await;
    let found = look(&scene, from, ArticleId::default(), 9).await;
    scene.accept_for(&[], "a", 2, Update, 2).await;
    let woken = scene.ledger().replay(step(&scene, id, &found, from, 3, true)).await.unwrap();
    assert!(woken.iter().all(|woken| woken.lanes.is_empty()), "{woken:?}");
    assert_eq!(scene.stands(0, "a"), "nothing");
}

pub async fn it_takes_a_withdrawal_only_to_those_who_may_have_the_story(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    for name in ["has", "maybe", "never"] {
        scene.accept_for(if name == "never" { &[] } else { &[0] }, name, 1, Publish, 0).await;
    }
    for (row, settled) in scene.claim(0, 1).await.into_iter().zip([delivered(), UNKNOWN]) {
        scene.settle(0, row, settled, 2).await;
    }
    for name in ["has", "maybe", "never"] {
        scene.accept(name, 2, Kill, 3).await;
    }
    for row in scene.claim(0, 4).await {
        scene.settle(0, row, delivered(), 5).await;
    }
    // They wait once more, since the first requests may still be in the network; then an operator cancels them.
    for name in ["has", "maybe"] {
        scene.order(Order::Cancel { story: guid(name), to: None, even_kills: true }, 6).await;
    }
    let from = ReplayFrom::Sequence(1);
    all_at_once(&scene, from, 7).await;
    let rows = scene.claim(0, 8).await;
    let mut names = scene.names(&rows).await;
    names.sort();
    assert_eq!(names, ["has 2", "maybe 2"]);
    all_at_once(&scene, since(&scene, 0), 9).await;
    assert_eq!(scene.stands(0, "never"), "nothing");
}

pub async fn it_respects_a_hold(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept_for(&[], "a", 1, Publish, 0).await;
    scene.order(Order::Hold { story: guid("a") }, 1).await;
    all_at_once(&scene, since(&scene, 0), 2).await;
    assert_eq!(scene.stands(0, "a"), "held 1");
}

pub async fn one_that_was_stopped_goes_no_further(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    scene.accept_for(&[], "a", 1, Publish, 0).await;
    let from = since(&scene, 0);
    let ids = [begin(&scene, "p0", from, 1).await, begin(&scene, "p0", from, 1).await];
    scene.specimen.stop_order(ids[0], scene.at(2));
    scene.ledger().end_order(ids[1], Err("p0 is not configured any more".into()), scene.at(2)).await.unwrap();
    let found = look(&scene, from, ArticleId::default(), 9).await;
    for (id, state) in ids.into_iter().zip([OrderState::Stopped, OrderState::Refused]) {
        assert_eq!(scene.ledger().replay(step(&scene, id, &found, from, 3, true)).await.unwrap(), []);
        assert_eq!(scene.specimen.order(id).unwrap().state, state);
    }
    assert_eq!(scene.stands(0, "a"), "nothing");
}

pub async fn numbers_are_those_of_one_destination(specimen: Box<dyn Specimen>) {
    let scene = Scene::new(specimen, 1).await;
    let names = ["p0/main", "p0/other"].map(|name| crate::ledger::Registration { name: name.into(), paused: false });
    scene.ledger().register(names.to_vec(), scene.at(0)).await.unwrap();
    let mut told = Vec::new();
    for to in ["p0", "nobody"] {
        let from = ReplayFrom::Sequence(1);
        let replay = Replay { to: Target::new(to), from, until: None, filter: None, rate: 1 };
        told.push(scene.order(Order::Replay(replay), 1).await);
    }
    assert_eq!(
        told,
        [
            "p0 has several destinations, each with numbers of its own; name one of them",
            "the ledger has no partner or destination nobody"
        ]
    );
    begin(&scene, "p0/other", ReplayFrom::Sequence(1), 2).await;
    begin(&scene, "p0", since(&scene, 0), 2).await;
}
