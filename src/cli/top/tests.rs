//! The screen without a terminal: keys and answers go in, and what is drawn is looked at.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::{draw, room};
use super::screen::{Ask, List, News, Over, Screen, Told};
use crate::answers::board::{Row, Sort, Standing, View};
use crate::answers::partner::PartnerSeen;
use crate::cli::lookout::Picture;
use crate::cli::paint::Paint;
use crate::cli::status::tests::{flow, row, time};
use crate::ledger::{DeliveryRecord, Order, Replay, ReplayFrom, Target};

const NOW: &str = "12:00:00";

fn now() -> Timestamp {
    time(NOW)
}

fn key(screen: &mut Screen, code: KeyCode) -> Option<Ask> {
    screen.on_key(KeyEvent::new(code, KeyModifiers::NONE), now())
}

fn typed(screen: &mut Screen, text: &str) {
    for c in text.chars() {
        assert_eq!(key(screen, KeyCode::Char(c)), None);
    }
}

/// What is drawn, without the spaces at the ends of lines.
fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, screen, Paint::Plain, now())).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn rows() -> Vec<Row> {
    let mut bad = row("coast-times/main", Standing::Trouble);
    bad.why = Some("answered 503 Service Unavailable".to_owned());
    (bad.retry_at, bad.waiting, bad.or_more) = (Some(time("12:00:41")), 1_000, true);
    bad.oldest = Some(time("11:46:00"));
    (bad.arrived, bad.failed) = (vec![9, 8, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0], vec![0, 0, 0, 0, 2, 3, 1, 1, 1, 1, 1, 1]);
    let mut busy = row("island-post/main", Standing::Sending);
    (busy.waiting, busy.per_minute, busy.latency_ms) = (3, 61.2, Some(140));
    (busy.arrived, busy.failed) = ((1..=12).collect(), vec![0; 12]);
    busy.name = Some("Island Post".to_owned());
    let idle = row("valley-record/main", Standing::Idle);
    vec![bad, busy, idle]
}

fn picture(rows: Vec<Row>, all: usize) -> Picture {
    let mut flow = flow();
    (flow.troubled, flow.waiting, flow.or_more, flow.destinations) = (1, 1_003, true, all);
    (flow.oldest, flow.oldest_at) = (Some(time("11:46:00")), Some("coast-times/main".to_owned()));
    flow.arrivals_by_minute = (0..60).collect();
    Picture { flow, rows, all }
}

/// A screen of 24 lines that shows three destinations.
fn screen() -> Screen {
    let mut screen = Screen::new(room(24));
    let Ask::Look(view) = screen.refresh() else { panic!("it looks at the wire first") };
    assert_eq!(screen.on_news(News::Seen { view, came: Ok(picture(rows(), 3)) }), None);
    screen
}

fn delivery(state: &str) -> DeliveryRecord {
    DeliveryRecord {
        destination: "island-post/main".to_owned(),
        story: "urn:test:ferry".to_owned(),
        headline: "Council votes on ferry".to_owned(),
        version: 2,
        action: "update".to_owned(),
        state: state.to_owned(),
        attempts: 1,
        confirmed: None,
        possible: None,
        accepted: time("11:50:00"),
        at: Some(time("11:50:01")),
        reason: Some("answered 200 OK".to_owned()),
    }
}

/// The same after Enter on the second of them.
fn opened() -> Screen {
    let mut screen = screen();
    assert_eq!(key(&mut screen, KeyCode::Down), None);
    assert_eq!(key(&mut screen, KeyCode::Enter), Some(Ask::Partner("island-post".to_owned())));
    let seen = PartnerSeen {
        partner: "island-post".to_owned(),
        name: Some("Island Post".to_owned()),
        recent: vec![delivery("delivered"), delivery("superseded")],
        next: vec![delivery("waiting")],
        attempting: Vec::new(),
        held: Vec::new(),
        refused: vec![delivery("refused")],
        failed: Vec::new(),
        orders: Vec::new(),
    };
    let told = Told { flow: flow(), rows: vec![rows().remove(1)], seen };
    assert_eq!(screen.on_news(News::Partner { id: "island-post".to_owned(), came: Ok(told) }), None);
    screen
}

#[test]
fn the_wire_at_a_glance() {
    insta::assert_snapshot!(drawn(&screen(), 120, 12), @"
    The wire flows  articles 2.4/min  deliveries 4,211/min  newswired 0.1.0 for 3 h
    3 destinations  1 in trouble  1 suspended  0 kills not acknowledged  0 in quarantine  0 orders open
    1,003+ waiting, the oldest for 14 min to coast-times/main                      last hour ▁▁▁▁▂▂▂▂▃▃▃▄▄▄▄▅▅▅▅▆▆▆▇▇▇▇████
    name               state▾    waiting  oldest   rate      latency   last hour    why
    coast-times/main   trouble     1,000+   14 min                     ████▂▃▁▁▁▁▁▁ answered 503 Service Unavailable; asked
    island-post/main   sending          3             61/min    140 ms ▁▂▂▃▄▄▅▆▆▇██
    valley-record/main idle


    Coast Times coast-times/main: answered 503 Service Unavailable; asked again in 41 s
    1 to 3 of 3
    Enter open   / search   x trouble   S suspend  R resume  P replay  T test   ? help   q leave
    ");
    // Half a screen of a telephone loses the end of the lines, and nothing breaks.
    for (width, height) in [(40, 10), (20, 8), (8, 3), (1, 1)] {
        let _ = drawn(&screen(), width, height);
        let _ = drawn(&opened(), width, height);
    }
}

#[test]
fn a_partners_own_view_has_its_lists() {
    let mut screen = opened();
    insta::assert_snapshot!(drawn(&screen, 120, 13), @"
    The wire flows  articles 2.4/min  deliveries 4,211/min  newswired 0.1.0 for 3 h
    1,200 destinations  0 in trouble  1 suspended  0 kills not acknowledged  0 in quarantine  0 orders open
    0 waiting
    Island Post (island-post)
      island-post/main  sending
     Recent 2   Next 1   Held 0   Refused 1   Failed attempts 0   Orders 0
    destination         story                         version    state       attempts since     why
    island-post/main    Council votes on ferry        2 update   delivered   1        9 min ago answered 200 OK
    island-post/main    Council votes on ferry        2 update   superseded  1        9 min ago answered 200 OK

    urn:test:ferry at island-post/main: answered 200 OK

    Tab lists   S suspend  R resume  P replay  T test  E resend  C cancel  H hold  U release   Esc back  ? help
    ");
    assert_eq!(screen.delivery().map(|one| one.state.as_str()), Some("delivered"));
    assert_eq!(key(&mut screen, KeyCode::Tab), None);
    assert_eq!(screen.delivery().map(|one| one.state.as_str()), Some("waiting"));
    for _ in 0..List::ALL.len() - 1 {
        assert_eq!(key(&mut screen, KeyCode::Right), None);
    }
    assert_eq!(screen.delivery().map(|one| one.state.as_str()), Some("delivered"), "they go round");
    assert_eq!(key(&mut screen, KeyCode::Left), None);
    assert_eq!(screen.delivery(), None, "an order is no delivery");
    assert_eq!(key(&mut screen, KeyCode::Char('E')), None);
    assert_eq!(screen.over, Over::Nothing, "there is nothing to send again");
    assert!(matches!(key(&mut screen, KeyCode::Esc), Some(Ask::Look(_))));
    assert!(screen.partner.is_none());
}

#[test]
fn column_keys_sort_and_slash_searches() {
    let mut screen = screen();
    for (c, sort) in [
        ('n', Sort::Name),
        ('w', Sort::Waiting),
        ('o', Sort::Oldest),
        ('r', Sort::Rate),
        ('l', Sort::Latency),
        ('t', Sort::Trouble),
    ] {
        let Some(Ask::Look(view)) = key(&mut screen, KeyCode::Char(c)) else { panic!("{c} sorts") };
        assert_eq!((view.sort, view.page), (sort, 0));
    }
    assert_eq!(key(&mut screen, KeyCode::Char('/')), None);
    typed(&mut screen, "posts");
    assert_eq!(key(&mut screen, KeyCode::Backspace), None);
    let Some(Ask::Look(view)) = key(&mut screen, KeyCode::Enter) else { panic!("it searches") };
    assert_eq!(view.q, "post");
    let Some(Ask::Look(view)) = key(&mut screen, KeyCode::Char('x')) else { panic!("it shows only trouble") };
    assert!(view.trouble && view.q == "post");
    let Some(Ask::Look(view)) = key(&mut screen, KeyCode::Esc) else { panic!("all are shown again") };
    assert_eq!((view.q.as_str(), view.trouble), ("", false));
    assert_eq!(key(&mut screen, KeyCode::Char('q')), Some(Ask::Quit));
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.on_key(control, now()), Some(Ask::Quit));
}

/// An answer to what was asked before something else was is old.
#[test]
fn an_answer_to_another_question_is_not_shown() {
    let mut screen = screen();
    let Some(Ask::Look(view)) = key(&mut screen, KeyCode::Char('n')) else { panic!("it sorts") };
    let old = View { sort: Sort::Trouble, ..view.clone() };
    assert_eq!(screen.on_news(News::Seen { view: old, came: Ok(picture(rows(), 3)) }), None);
    assert!(screen.row().is_none(), "nothing stands out that an order could go to");
    let _ = screen.on_news(News::Seen { view, came: Ok(picture(rows(), 3)) });
    assert!(screen.row().is_some());
    let told = Told { flow: flow(), rows: Vec::new(), seen: opened().partner.unwrap().told.unwrap().seen };
    assert_eq!(screen.on_news(News::Partner { id: "island-post".to_owned(), came: Ok(told) }), None);
    assert!(screen.partner.is_none(), "it was closed meanwhile");
}

/// What an order goes to is what stood out when it was asked for, wherever the lines move meanwhile.
#[test]
fn what_stands_out_stays_the_same_destination() {
    let mut screen = screen();
    let _ = key(&mut screen, KeyCode::Down);
    assert_eq!(screen.row().unwrap().destination, "island-post/main");
    let mut moved = rows();
    moved.reverse();
    moved.swap(0, 1);
    let view = screen.view.clone();
    let _ = screen.on_news(News::Seen { view, came: Ok(picture(moved, 3)) });
    assert_eq!((screen.cursor, screen.row().unwrap().destination.as_str()), (0, "island-post/main"));
    assert_eq!(key(&mut screen, KeyCode::Char('S')), None);
    let view = screen.view.clone();
    let _ = screen.on_news(News::Seen { view, came: Ok(picture(rows(), 3)) });
    typed(&mut screen, "they asked");
    let to = Target::new("island-post/main");
    let order = Order::Suspend { to, even_kills: false };
    let given = Ask::Give { order, reason: Some("they asked".to_owned()) };
    assert_eq!(key(&mut screen, KeyCode::Enter), Some(given));
}

#[test]
fn each_action_asks_once_and_makes_the_verbs_order() {
    let order = |screen: &mut Screen, c: char| {
        assert_eq!(key(screen, KeyCode::Char(c)), None);
        assert!(matches!(screen.over, Over::Form(_)), "{c} asks first");
        let ask = key(screen, KeyCode::Enter);
        assert_eq!(screen.over, Over::Nothing);
        match ask {
            Some(Ask::Give { order, reason: None }) => order.to_string(),
            other => panic!("{c} makes {other:?}"),
        }
    };
    let mut wire = screen();
    assert_eq!(order(&mut wire, 'S'), "suspend coast-times/main");
    assert_eq!(order(&mut wire, 'R'), "resume coast-times/main");
    let mut partner = opened();
    let all = ['S', 'R', 'P', 'E', 'C', 'H', 'U'].map(|c| order(&mut partner, c)).join("\n");
    insta::assert_snapshot!(all, @"
    suspend island-post
    resume island-post
    replay to island-post since 2026-11-26T10:00:00Z at 100/s
    resend urn:test:ferry to island-post/main
    cancel urn:test:ferry to island-post/main
    hold urn:test:ferry
    release urn:test:ferry
    ");
    assert_eq!(key(&mut partner, KeyCode::Char('T')), None);
    assert_eq!(key(&mut partner, KeyCode::Enter), Some(Ask::Test(Target::new("island-post"))));
    // What is left is not done.
    assert_eq!(key(&mut partner, KeyCode::Char('S')), None);
    assert_eq!(key(&mut partner, KeyCode::Esc), None);
    assert_eq!((&partner.over, partner.partner.is_some()), (&Over::Nothing, true));
}

#[test]
fn a_form_says_what_it_does_and_what_is_wrong_with_it() {
    let mut screen = screen();
    assert_eq!(key(&mut screen, KeyCode::Char('P')), None);
    for _ in 0.."2h".len() {
        let _ = key(&mut screen, KeyCode::Backspace);
    }
    typed(&mut screen, "noon");
    assert_eq!(key(&mut screen, KeyCode::Enter), None, "it is not ordered");
    insta::assert_snapshot!(drawn(&screen, 100, 20), @"
    The wire flows  articles 2.4/min  deliveries 4,211/min  newswired 0.1.0 for 3 h
    3 destinations  1 in trouble  1 suspended  0 kills not acknowledged  0 in quarantine  0 orders open
    1,003+ waiting, the oldest for 14 min to coast-times/main
    name               state▾    waiting  oldest   rate      latency   last hour    why
    coast-ti┌ Replay to coast-times/main? ─────────────────────────────────────────────────────┐ Service
    island-p│ The newest version of each story that it has not confirmed goes, behind what     │
    valley-r│ comes now.                                                                       │
            │                                                                                  │
            │ Accepted since (an instant with its zone, or 2h, 3d)                             │
            │ > noon▏                                                                          │
            │ Why (it stands beside whatever waits because of it)                              │
            │                                                                                  │
            │ write an instant with its zone (2026-11-24T10:15:00Z), or how long ago it was: a │
            │ whole number and ms, s, m, h or d (2h)                                           │
            └──────────────────────────────────────────────────────────────────────────────────┘


    Coast Times coast-times/main: answered 503 Service Unavailable; asked again in 41 s
    1 to 3 of 3
    Enter do it   Tab next field   Esc leave it
    ");
    for _ in 0.."noon".len() {
        let _ = key(&mut screen, KeyCode::Backspace);
    }
    typed(&mut screen, "90m");
    let _ = key(&mut screen, KeyCode::Tab);
    typed(&mut screen, "their disk was full");
    let to = Target::new("coast-times/main");
    let from = ReplayFrom::Since(time("10:30:00"));
    let replay = Replay { to, from, until: None, filter: None, rate: Replay::USUAL_RATE };
    let given = Ask::Give { order: Order::Replay(replay), reason: Some("their disk was full".to_owned()) };
    assert_eq!(key(&mut screen, KeyCode::Enter), Some(given));
    let _ = screen.on_news(News::Given(Ok("order 8 has begun: replay\nmore".to_owned())));
    assert!(drawn(&screen, 100, 20).contains("order 8 has begun: replay more"));
}

#[test]
fn help_names_every_key_that_does_something() {
    let mut screen = screen();
    assert_eq!(key(&mut screen, KeyCode::Char('?')), None);
    let help = drawn(&screen, 110, 26);
    assert_eq!(key(&mut screen, KeyCode::Char('S')), None, "any key closes it, and does nothing else");
    assert_eq!(screen.over, Over::Nothing);
    for c in ('!'..='~').filter(|c| !"gGjk".contains(*c)) {
        for mut screen in [self::screen(), opened()] {
            let before = format!("{screen:?}");
            let ask = key(&mut screen, KeyCode::Char(c));
            let does = ask.is_some() || format!("{screen:?}") != before;
            assert!(
                !does || help.contains(&format!(" {c} ")) || help.contains(&format!("{c}   ")),
                "{c} is not in the help"
            );
        }
    }
}

/// A fleet is asked for a screenful at a time, and the line that stands out goes from page to page.
#[test]
fn ten_thousand_destinations_are_turned_by_pages() {
    const ALL: usize = 10_000;
    let page = |view: &View| {
        let first = view.page * view.page_size();
        let rows = (first..ALL.min(first + view.page_size())).map(|n| row(&format!("p{n:05}/main"), Standing::Idle));
        picture(rows.collect(), ALL)
    };
    let mut screen = Screen::new(room(24));
    let mut asked = Some(screen.refresh());
    let answer = |screen: &mut Screen, asked: Option<Ask>| {
        let mut next = asked;
        while let Some(Ask::Look(view)) = next {
            let came = Ok(page(&view));
            next = screen.on_news(News::Seen { view, came });
        }
        screen.row().map(|row| row.destination.clone()).unwrap_or_default()
    };
    assert_eq!(answer(&mut screen, asked.take()), "p00000/main");
    let rows = screen.view.page_size();
    assert!(screen.picture.as_ref().unwrap().rows.len() == rows && rows < 24);
    for step in 1..=3 * rows {
        let asked = key(&mut screen, KeyCode::Down);
        assert_eq!(answer(&mut screen, asked), format!("p{step:05}/main"));
    }
    for step in (0..3 * rows).rev() {
        let asked = key(&mut screen, KeyCode::Up);
        assert_eq!(answer(&mut screen, asked), format!("p{step:05}/main"));
    }
    assert_eq!(key(&mut screen, KeyCode::Up), None, "there is nothing before the first");
    let asked = key(&mut screen, KeyCode::End);
    assert_eq!(answer(&mut screen, asked), "p09999/main");
    assert_eq!(key(&mut screen, KeyCode::Down), None, "nor after the last");
    // Another size of the screen: the same line stands out.
    let asked = screen.resize(room(60));
    assert_eq!(answer(&mut screen, asked), "p09999/main");
    let asked = key(&mut screen, KeyCode::PageUp);
    let before = answer(&mut screen, asked);
    assert!(before.as_str() < "p09999/main", "{before}");
    // What was on the last page is gone.
    screen.view.page = ALL;
    let asked = Some(screen.refresh());
    assert!(!answer(&mut screen, asked).is_empty());
    assert!(drawn(&screen, 100, 60).contains("of 10,000"));
}

#[test]
fn a_daemon_that_does_not_answer_is_told_beside_what_was_seen() {
    let mut screen = screen();
    let view = screen.view.clone();
    let _ = screen.on_news(News::Seen { view, came: Err("the admin port does not answer".to_owned()) });
    let told = drawn(&screen, 100, 12);
    assert!(told.starts_with("Not of now: the admin port does not answer"), "{told}");
    assert!(told.contains("coast-times/main"), "{told}");
    let mut blind = Screen::new(5);
    let Ask::Look(view) = blind.refresh() else { panic!("it looks at the wire first") };
    let _ = blind.on_news(News::Seen { view, came: Err("no ledger".to_owned()) });
    assert!(drawn(&blind, 100, 12).starts_with("no ledger"));
    let mut stopped = picture(rows(), 3);
    stopped.flow.started = None;
    let view = screen.view.clone();
    let _ = screen.on_news(News::Seen { view, came: Ok(stopped) });
    assert!(drawn(&screen, 100, 12).starts_with("No daemon runs"));
}
