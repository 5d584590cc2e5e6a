use serde_json::json;

use super::*;

fn configuration() -> Value {
    json!({
        "ledger": { "path": "/l/ledger.sqlite" },
        "intake": { "http": { "listen": "127.0.0.1:8470", "token": "file:/s/token" } },
        "wires": { "hpnf": { "name": "Harbour Press", "licence": { "line": "Free to republish" } } },
        "partners": {
            "coast": {
                "name": "Coast Times",
                "destinations": {
                    "main": { "format": "ninjs", "http": { "url": "https://coast.example/in" } },
                    "print": { "format": "nitf", "directory": { "path": "/out" } },
                },
            },
            "island": {
                "name": "Island Post",
                "destinations": { "main": { "format": "json", "http": { "url": "https://island.example/in" } } },
            },
        },
    })
}

/// From [`configuration`] to it with these values in these places; null takes what is there away.
fn plan(changes: &[(&str, Value)]) -> Plan {
    let (before, mut after) = (configuration(), configuration());
    for (place, value) in changes {
        let (above, key) = place.rsplit_once('/').unwrap();
        let mut table = &mut after;
        for part in above.split('/').filter(|part| !part.is_empty()) {
            table = table.as_object_mut().unwrap().entry(part).or_insert_with(|| json!({}));
        }
        let table = table.as_object_mut().unwrap();
        match value {
            Value::Null => drop(table.remove(key).unwrap()),
            value => drop(table.insert(key.to_owned(), value.clone())),
        }
    }
    Plan::between(&Tree(before), &Tree(after))
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn lines(plan: &Plan) -> String {
    plan.differences.iter().map(|one| format!("{one}\n")).collect::<String>() + &plan.summary()
}

#[test]
fn nothing_is_nothing() {
    let plan = plan(&[]);
    assert_eq!(plan, Plan::default());
    assert_eq!(plan.summary(), "nothing has changed");
}

#[test]
fn partners_and_their_doors_come_and_go() {
    let door = json!({ "format": "json", "http": { "url": "https://hill.example/" } });
    let new = json!({ "name": "Hill Echo", "destinations": { "main": door.clone(), "archive": door.clone() } });
    let come = plan(&[
        ("/partners/hill", new),
        ("/partners/island", Value::Null),
        ("/partners/coast/destinations/archive", door),
        ("/partners/coast/destinations/print", Value::Null),
    ]);
    assert_eq!(come.added, names(["coast/archive", "hill/archive", "hill/main"]));
    assert_eq!(come.removed, names(["coast/print", "island/main"]));
    assert!(come.terms && come.reopened.is_empty() && !come.all_reopened);
    insta::assert_snapshot!(lines(&come), @r"
    partners.coast.destinations.archive: new
    partners.coast.destinations.print: gone
    partners.hill: new
    partners.island: gone
    4 keys changed; 3 destinations added; 2 destinations removed
    ");
}

#[test]
fn the_last_partner_and_the_first_one_are_told_as_others_are() {
    let none = plan(&[("/partners", Value::Null)]);
    assert_eq!(none.removed, names(["coast/main", "coast/print", "island/main"]));
    let (before, after) = (json!({}), configuration());
    let all = Plan::between(&Tree(before), &Tree(after));
    assert_eq!(all.added, none.removed);
    assert_eq!(all.ports, [Port::Http].into());
    assert_eq!(all.at_next_start, ["ledger.path"]);
}

#[test]
fn a_door_is_opened_anew_for_what_is_its_own() {
    let moved = plan(&[("/partners/coast/destinations/main/http/url", json!("https://coast.example/new"))]);
    assert_eq!(moved.reopened, names(["coast/main"]));
    assert!(!moved.terms);
    insta::assert_snapshot!(lines(&moved), @r#"
    partners.coast.destinations.main.http.url: "https://coast.example/in" → "https://coast.example/new"
    1 key changed; 1 destination opened anew
    "#);
    let other = json!({ "path": "/out" });
    let another = plan(&[
        ("/partners/coast/destinations/main/http", Value::Null),
        ("/partners/coast/destinations/main/directory", other),
        ("/partners/island/destinations/main/concurrency", json!(8)),
    ]);
    assert_eq!(another.reopened, names(["coast/main", "island/main"]));
    for (of_the_lane, value) in [
        ("format", json!("nitf")),
        ("rate", json!("10/s")),
        ("burst", json!(3)),
        ("give_up_after", json!("1d")),
        ("backoff/first", json!("5s")),
    ] {
        let place = format!("/partners/island/destinations/main/{of_the_lane}");
        let plan = plan(&[(&place, value)]);
        assert_eq!((plan.reopened.len(), plan.differences.len()), (0, 1), "{of_the_lane}");
    }
}

#[test]
fn what_concerns_all_is_told_as_that() {
    let all = plan(&[("/delivery/connect_timeout", json!("3s"))]);
    assert!(all.all_reopened && all.at_next_start.is_empty());
    let none = plan(&[("/delivery/backoff/first", json!("3s")), ("/delivery/give_up_after", json!("3d"))]);
    assert!(!none.all_reopened && none.at_next_start.is_empty());
    let terms = plan(&[("/wires/hpnf/licence/line", json!("Free")), ("/subject_descendants/a", json!(["b"]))]);
    assert!(terms.terms && terms.ports.is_empty());
    assert!(plan(&[("/partners/coast/paused", json!(true))]).terms);
    let token = plan(&[("/admin/tokens/desk", json!("file:/s/desk")), ("/intake/http", Value::Null)]);
    assert_eq!(token.ports, [Port::Http, Port::Admin].into());
    assert!(plan(&[("/ledger/keep_attempts", json!("1d"))]).keep);
    assert!(plan(&[("/log/level", json!("debug"))]).log_level);
}

#[test]
fn what_waits_for_a_start_is_named() {
    let waits = plan(&[
        ("/ledger/batch", json!(64)),
        ("/log/format", json!("json")),
        ("/delivery/drain", json!("1s")),
        ("/traces/ratio", json!(0.5)),
        ("/something/else", json!({ "new": 1 })),
    ]);
    assert_eq!(waits.at_next_start, ["delivery.drain", "ledger.batch", "log.format", "something.else", "traces.ratio"]);
    // A store of media that nobody needed is not open yet.
    let dir = ("/media/dir", json!("/m"));
    assert!(plan(std::slice::from_ref(&dir)).at_next_start.is_empty());
    let mut takes = configuration();
    takes["partners"]["island"]["destinations"]["main"]["http"]["media"] = json!({});
    let mut moved = takes.clone();
    moved["media"] = json!({ "dir": "/m" });
    assert_eq!(Plan::between(&Tree(takes), &Tree(moved)).at_next_start, ["media.dir"]);
}

/// A key that is new in the configuration has its place here, or waits for a start without anybody having thought of it.
#[test]
fn every_section_is_thought_of() {
    let schema = serde_json::to_value(crate::config::schema()).unwrap();
    let sections = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>();
    let thought_of = [
        "admin",
        "delivery",
        "events",
        "intake",
        "ledger",
        "log",
        "media",
        "partners",
        "policies",
        "profiles",
        "reload",
        "subject_descendants",
        "traces",
        "wires",
    ];
    assert_eq!(sections, thought_of.into());
}

#[test]
fn what_is_long_is_shortened() {
    let long = json!(vec!["medtop:20000574"; 40]);
    let plan = plan(&[("/partners/coast/subscriptions", json!({ "all": { "subjects": long } }))]);
    assert_eq!(plan.differences[0].to_string(), "partners.coast.subscriptions: new");
    let difference = Difference { key: "a".to_owned(), before: None, after: Some(json!("x".repeat(200))) };
    assert!(difference.to_string().chars().count() < 120);
    assert!(difference.to_string().starts_with("a: (left out) → \"xxx"));
}
