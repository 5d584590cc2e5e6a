//! What answers make of an attempt, against a site that the test plays. `tests/wordpress.rs` has a real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::article::{Action, Article};
use crate::attribution::sample;
use crate::config::{Edition, Format, NameFields};
use crate::render::rendition;
use crate::transport::Timeouts;
use crate::transport::client::Network;
use crate::transport::knock::{TestItem, Verdict};

/// One exchange of a played site: how the request line has to begin, and the answer; no answer where the status is 0.
type Exchange = (&'static str, u16, Value);

const INDEX: &str = "GET /news/wp-json/?";
const ME: &str = "GET /news/wp-json/wp/v2/users/me";
const SEARCH: &str = "GET /news/wp-json/wp/v2/posts?";
const MAKE: &str = "POST /news/wp-json/wp/v2/posts?";
const CHANGE: &str = "POST /news/wp-json/wp/v2/posts/42?";
const TRASH: &str = "DELETE /news/wp-json/wp/v2/posts/42?";

fn index() -> [Exchange; 2] {
    [(INDEX, 200, json!({ "namespaces": ["oembed/1.0", "wp/v2"] })), (ME, 200, json!({ "id": 1 }))]
}

/// A post as WordPress answers with it; it stored what it was given.
fn post(status: &str) -> Value {
    json!({ "id": 42, "status": status, "slug": "a", "content": {} })
}

fn error(code: &str) -> Value {
    json!({ "code": code, "message": "Sorry.", "data": { "status": 400 } })
}

/// Plays `script`, and returns the port and the bodies that came.
async fn site(script: Vec<Exchange>) -> (u16, Arc<Mutex<Vec<Value>>>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bodies: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&bodies);
    let played = tokio::spawn(async move {
        for (line, status, answer) in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            let mut piece = [0; 65_536];
            loop {
                if let Some((head, body)) = request.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    if body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                let read = stream.read(&mut piece).await.unwrap();
                assert!(read > 0, "half a request: {request}");
                request.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            }
            assert!(request.starts_with(line), "{line} was to come, not {}", request.lines().next().unwrap());
            assert!(request.contains("\r\nauthorization: Basic d2lyZTphYmNkIGVmZ2g=\r\n"), "{request}");
            let body = request.split_once("\r\n\r\n").map(|(_, body)| body).unwrap();
            seen.lock().unwrap().push(serde_json::from_str(body).unwrap_or_default());
            if status > 0 {
                let body = if answer.is_string() { answer.as_str().unwrap().to_owned() } else { answer.to_string() };
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nlocation: https://other.example/\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (port, bodies, played)
}

fn parcel(action: Action, remote: Option<&str>) -> Parcel {
    let article = Article { action, ..sample::article() };
    let (policies, edition) = (sample::own(sample::wire()), Edition::plain(Format::WordPress));
    Parcel {
        names: NameFields::of(&article.guid).into(),
        document: rendition(&article, &policies, &edition).unwrap().document.into(),
        message_id: "msg_1".into(),
        story: article.guid,
        version: article.version,
        action,
        urgency: article.urgency,
        attempt: 1,
        sequence: 7,
        remote: remote.map(str::to_owned),
        media: Arc::default(),
        trace: None,
    }
}

/// The outcome of one attempt at a site that plays `script`, and the bodies that it got.
async fn attempt(parcel: Parcel, settings: Value, script: Vec<Exchange>) -> (Outcome, Vec<Value>) {
    at_a_door(settings, script, async |door| door.send(&parcel).await).await
}

/// What `tried` comes to at the door of a site that plays `script`, and the bodies that it got.
async fn at_a_door<T>(
    settings: Value,
    script: Vec<Exchange>,
    tried: impl AsyncFnOnce(&WordPressDoor) -> T,
) -> (T, Vec<Value>) {
    let (port, bodies, played) = site(script).await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "abcd efgh\n").unwrap();
    let mut table = json!({
        "url": format!("http://127.0.0.1:{port}/news"), "user": "wire",
        "application_password": format!("file:{}", secret.path().display()),
    });
    table.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let settings: WordPress = serde_json::from_value(table).unwrap();
    let [connect, write, answer] = [5, 5, 5].map(Duration::from_secs);
    let network = Arc::new(Network::default());
    let client = Settings::plain(Timeouts { connect, write, answer }, settings.answer_limit.get(), &network);
    let door = WordPressDoor::new(&settings, &client).unwrap();
    let came = tried(&door).await;
    played.await.unwrap();
    let bodies = bodies.lock().unwrap().clone();
    (came, bodies)
}

fn script(rest: impl IntoIterator<Item = Exchange>) -> Vec<Exchange> {
    index().into_iter().chain(rest).collect()
}

fn deferred() -> Class {
    Class::Deferred { retry_after: None, maybe_document: false }
}

fn unknown() -> Class {
    Class::Unknown { retry_after: None }
}

#[tokio::test]
async fn a_new_story_is_a_draft_until_it_is_proved_as_stored() {
    let made = script([(SEARCH, 200, json!([])), (MAKE, 201, post("draft")), (CHANGE, 200, post("publish"))]);
    let parcel = parcel(Action::Publish, None);
    let sent: Value = serde_json::from_slice(parcel.document.bytes()).unwrap();
    let (outcome, bodies) = attempt(parcel, json!({}), made).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42")), "{}", outcome.detail);
    let made = &bodies[3];
    for field in ["title", "content", "excerpt"] {
        assert_eq!(made[field], sent[field], "what was proved is what is sent");
    }
    assert_eq!(made["status"], "draft");
    assert_eq!(bodies[4], json!({ "status": "publish" }));
}

#[tokio::test]
async fn a_document_whose_attribution_the_site_took_out_stays_a_draft() {
    let parcel = parcel(Action::Publish, None);
    let sent: Value = serde_json::from_slice(parcel.document.bytes()).unwrap();
    let raw = sent["content"].as_str().unwrap().replace("logo.png", "blank.png");
    let stored = json!({ "id": 42, "status": "draft", "content": { "raw": raw } });
    let made = script([(SEARCH, 200, json!([])), (MAKE, 201, stored)]);
    let (outcome, _) = attempt(parcel, json!({}), made).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Refused, Some("42 unfinished")));
    insta::assert_snapshot!(outcome.detail, @r#"the site took out what the licence demands: the logo "https://cdn.harborpress.example/logo.png?w=200&h=40" is not in content; give the WordPress user the role Editor, or have the plugin or filter that does it leave these posts alone; post 42 is not published, its status stays "draft""#);
}

/// The action and what is remembered; what happens before; the step that is looked at, and what comes of it.
type Case<'a> = (Action, Option<&'a str>, &'a [Exchange], &'static str, (u16, Value), Class, Option<&'a str>);

/// What is remembered when an answer is lost, or is an error, at each step of the way.
#[tokio::test]
async fn each_step_can_fail() {
    let refused = |code| (400, error(code));
    let gone = |code| (404, error(code));
    let nothing: Vec<Exchange> = vec![];
    let others_first = Class::Deferred { retry_after: None, maybe_document: true };
    let searched = vec![(SEARCH, 200, json!([]))];
    let drafted = vec![(SEARCH, 200, json!([])), (MAKE, 201, post("draft"))];
    let cases: Vec<Case<'_>> = vec![
        (Action::Publish, None, &nothing, SEARCH, (0, json!(null)), deferred(), None),
        (Action::Publish, None, &nothing, SEARCH, (500, json!("<h1>Error</h1>")), deferred(), None),
        (Action::Publish, None, &nothing, SEARCH, (200, json!("<h1>Just a moment</h1>")), deferred(), None),
        (Action::Publish, None, &nothing, SEARCH, refused("rest_invalid_param"), deferred(), None),
        (Action::Publish, None, &searched, MAKE, (0, json!(null)), unknown(), None),
        (Action::Publish, None, &searched, MAKE, (504, json!("late")), unknown(), None),
        (Action::Publish, None, &searched, MAKE, (200, json!("<h1>Just a moment</h1>")), unknown(), None),
        (Action::Publish, None, &searched, MAKE, (403, error("rest_cannot_create")), deferred(), None),
        (Action::Publish, None, &searched, MAKE, refused("rest_invalid_author"), deferred(), None),
        (Action::Publish, None, &searched, MAKE, refused("empty_content"), Class::Refused, None),
        (Action::Publish, None, &drafted, CHANGE, (0, json!(null)), unknown(), Some("42 unfinished")),
        (
            Action::Publish,
            None,
            &drafted,
            CHANGE,
            (403, error("rest_cannot_publish")),
            deferred(),
            Some("42 unfinished"),
        ),
        (Action::Update, Some("42 unfinished"), &nothing, CHANGE, (200, post("publish")), Class::Delivered, Some("42")),
        (
            Action::Update,
            Some("42 unfinished"),
            &nothing,
            CHANGE,
            (200, post("trash")),
            Class::Refused,
            Some("42 unfinished"),
        ),
        (
            Action::Update,
            Some("42 unfinished"),
            &nothing,
            CHANGE,
            gone("rest_post_invalid_id"),
            Class::Refused,
            Some("42 unfinished"),
        ),
        (Action::Update, Some("42"), &nothing, CHANGE, (0, json!(null)), unknown(), Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, (200, post("trash")), Class::Refused, Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, gone("rest_post_invalid_id"), Class::Refused, Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, gone("rest_no_route"), deferred(), Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, (200, post("publish")), Class::Delivered, Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, (403, error("rest_cannot_edit")), Class::Refused, Some("42")),
        (Action::Update, Some("42"), &nothing, CHANGE, (401, error("rest_cannot_edit")), deferred(), Some("42")),
        (Action::Kill, Some("42"), &searched, TRASH, (403, error("rest_cannot_delete")), others_first, Some("42")),
        (Action::Kill, None, &nothing, SEARCH, (200, json!([])), Class::Delivered, None),
        (Action::Kill, Some("42"), &searched, TRASH, (0, json!(null)), unknown(), Some("42 withdrawn")),
        (Action::Kill, Some("42"), &searched, TRASH, (503, json!("busy")), deferred(), Some("42")),
        (Action::Kill, Some("42"), &searched, TRASH, (200, post("trash")), Class::Delivered, Some("42 withdrawn")),
        (
            Action::Kill,
            Some("42"),
            &searched,
            TRASH,
            (410, error("rest_already_trashed")),
            Class::Delivered,
            Some("42 withdrawn"),
        ),
        (
            Action::Withhold,
            Some("42"),
            &searched,
            TRASH,
            gone("rest_post_invalid_id"),
            Class::Delivered,
            Some("42 withdrawn"),
        ),
        (Action::Kill, Some("42"), &searched, TRASH, (410, json!("<h1>Gone</h1>")), Class::Gone, Some("42")),
    ];
    for (action, remote, before, line, (status, answer), class, left) in cases {
        let told = format!("{action:?} {remote:?}: {line} {status} {answer}");
        let steps = script(before.iter().cloned().chain([(line, status, answer)]));
        let (outcome, _) = attempt(parcel(action, remote), json!({}), steps).await;
        assert_eq!((outcome.class, outcome.remote.as_deref()), (class, left), "{told}: {}", outcome.detail);
    }
}

#[tokio::test]
async fn a_post_that_is_found_again_is_not_made_twice() {
    let list = |posts: &[(u64, &str)]| {
        Value::from_iter(posts.iter().map(|(id, status)| json!({ "id": id, "status": status, "content": {} })))
    };
    // One that readers see counts for more than a draft, and a draft for more than the trash.
    let found =
        script([(SEARCH, 200, list(&[(7, "trash"), (8, "draft"), (42, "publish")])), (CHANGE, 200, post("publish"))]);
    let (outcome, bodies) = attempt(parcel(Action::Publish, None), json!({}), found).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42")));
    assert_eq!(bodies[3].get("status"), None, "what is up stays as the site's editors have it");
    let found = script([
        (SEARCH, 200, list(&[(7, "trash"), (42, "draft")])),
        (CHANGE, 200, post("draft")),
        (CHANGE, 200, post("pending")),
    ]);
    let (outcome, bodies) = attempt(parcel(Action::Publish, None), json!({ "status": "pending" }), found).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42")));
    assert_eq!(bodies[3].get("status"), None, "it may be up already, and would be taken down for a moment");
    assert_eq!(bodies[4], json!({ "status": "pending" }));
    let found = script([(SEARCH, 200, list(&[(7, "trash")]))]);
    let (outcome, _) = attempt(parcel(Action::Publish, None), json!({}), found).await;
    assert_eq!(outcome.class, Class::Refused);
    insta::assert_snapshot!(outcome.detail, @"the partner took post 7 down: it is in the site's trash, and is not brought back against its editors");
    // A kill takes down all there are.
    let found = script([
        (SEARCH, 200, list(&[(7, "trash"), (42, "publish"), (43, "draft")])),
        (TRASH, 200, post("trash")),
        ("DELETE /news/wp-json/wp/v2/posts/43?", 200, post("trash")),
    ]);
    for known in [None, Some("42")] {
        let (outcome, _) = attempt(parcel(Action::Kill, known), json!({}), found.clone()).await;
        assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42 withdrawn")));
    }
}

#[tokio::test]
async fn a_post_that_we_took_down_is_brought_back_or_made_again() {
    let back = script([(CHANGE, 200, post("draft")), (CHANGE, 200, post("publish"))]);
    let (outcome, bodies) = attempt(parcel(Action::Publish, Some("42 withdrawn")), json!({}), back).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42")));
    assert_eq!(bodies[2]["status"], "draft");
    let emptied = script([
        ("POST /news/wp-json/wp/v2/posts/7?", 404, error("rest_post_invalid_id")),
        (MAKE, 201, post("draft")),
        (CHANGE, 200, post("publish")),
    ]);
    let (outcome, _) = attempt(parcel(Action::Publish, Some("7 withdrawn")), json!({}), emptied).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42")));
    // A site without a trash would delete for good.
    let no_trash = script([
        (SEARCH, 200, json!([post("publish")])),
        (TRASH, 501, error("rest_trash_not_supported")),
        ("GET /news/wp-json/wp/v2/posts/42?", 200, post("publish")),
        (CHANGE, 200, post("draft")),
    ]);
    let (outcome, bodies) = attempt(parcel(Action::Kill, Some("42")), json!({}), no_trash).await;
    assert_eq!((outcome.class, outcome.remote.as_deref()), (Class::Delivered, Some("42 withdrawn")));
    assert_eq!(bodies[5]["status"], "draft");
}

#[tokio::test]
async fn a_door_in_trouble_says_what_to_do() {
    let cases: Vec<(Vec<Exchange>, Class)> = vec![
        (vec![(INDEX, 301, json!(""))], deferred()),
        (vec![(INDEX, 404, json!("")), ("GET /news/?rest_route=%2F&", 200, json!("<html>"))], deferred()),
        (vec![index()[0].clone(), (ME, 401, error("rest_not_logged_in"))], deferred()),
        (vec![(INDEX, 403, json!("<h1>Forbidden</h1>"))], deferred()),
        (vec![(INDEX, 503, json!(""))], deferred()),
        (script([(SEARCH, 200, json!([])), (MAKE, 403, error("rest_cannot_create"))]), deferred()),
    ];
    let mut told = Vec::new();
    for (steps, class) in cases {
        let (outcome, _) = attempt(parcel(Action::Publish, None), json!({}), steps).await;
        assert_eq!(outcome.class, class, "{}", outcome.detail);
        let (before, after) = outcome.detail.split_once("127.0.0.1:").unwrap_or((&outcome.detail, ""));
        told.push(format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    answered 301 Moved Permanently; the site is at https://other.example/; write its address there as url
    there is no WordPress interface at /news, neither at wp-json/ nor at ?rest_route=/; check url, and that no plugin has switched the REST API off
    answered 401 Unauthorized: rest_not_logged_in: Sorry.; check user and application_password of this destination. WordPress takes application passwords over https alone, a security plugin may have switched them off, and some web servers keep the authorization header from PHP
    answered 403 Forbidden: <h1>Forbidden</h1>; this is not WordPress's own answer: a firewall or a security plugin stands before it
    answered 503 Service Unavailable
    answered 403 Forbidden: rest_cannot_create: Sorry.; the WordPress user may not do this; give it the role Author, or Editor where it is to make categories
    "#);
}

#[tokio::test]
async fn terms_are_looked_up_made_and_left_out() {
    const CATEGORIES: &str = "GET /news/wp-json/wp/v2/categories?slug%5B%5D=Local+news&";
    const TAGS: &str = "GET /news/wp-json/wp/v2/tags?slug%5B%5D=Boats&";
    let mapping = |create: bool| {
        json!({
            "create_terms": create, "default_category": 3,
            "categories": { "Politics": "Local news", "medtop:20000621": 12, "sports": "Sports" },
            "tags": { "FERRIES": "Boats" },
        })
    };
    let rest = || [(MAKE, 201, post("draft")), (CHANGE, 200, post("publish"))];
    let found = script(
        [(SEARCH, 200, json!([])), (CATEGORIES, 200, json!([{ "id": 5 }])), (TAGS, 200, json!([]))]
            .into_iter()
            .chain(rest()),
    );
    let (outcome, bodies) = attempt(parcel(Action::Publish, None), mapping(false), found).await;
    assert_eq!(outcome.class, Class::Delivered);
    assert_eq!((&bodies[5]["categories"], bodies[5].get("tags")), (&json!([5, 12]), None));
    let exists = json!({ "code": "term_exists", "message": "", "data": { "status": 400, "term_id": 9 } });
    let made = script(
        [
            (SEARCH, 200, json!([])),
            (CATEGORIES, 200, json!([])),
            ("POST /news/wp-json/wp/v2/categories", 403, error("rest_cannot_create")),
            (TAGS, 200, json!([])),
            ("POST /news/wp-json/wp/v2/tags", 400, exists),
        ]
        .into_iter()
        .chain(rest()),
    );
    let (outcome, bodies) = attempt(parcel(Action::Publish, None), mapping(true), made).await;
    assert_eq!(outcome.class, Class::Delivered);
    assert_eq!((&bodies[7]["categories"], &bodies[7]["tags"]), (&json!([12]), &json!([9])));
    assert_eq!(bodies[6], json!({ "name": "Boats" }));
    let other = json!({ "default_category": 3, "categories": { "sports": "Sports" } });
    let steps = script([(SEARCH, 200, json!([]))].into_iter().chain(rest()));
    let (_, bodies) = attempt(parcel(Action::Publish, None), other, steps).await;
    assert_eq!(bodies[3]["categories"], json!([3]));
}

/// No reader sees a test, and nothing of it stays, whatever the destination says of stories.
#[tokio::test]
async fn a_test_item_stays_a_draft_and_goes_into_the_trash() {
    let item = |action| {
        let guid = "urn:newswire:test:1".parse().unwrap();
        Parcel { story: guid, ..parcel(action, None) }
    };
    let item = TestItem { publish: item(Action::Publish), kill: item(Action::Kill) };
    let made = [(SEARCH, 200, json!([])), (MAKE, 201, post("draft"))];
    let taken_back = [(SEARCH, 200, json!([post("draft")])), (TRASH, 200, post("trash"))];
    let settings = json!({ "status": "publish", "on_kill": "draft" });
    let script = script(made.into_iter().chain(taken_back));
    let (tried, bodies) = at_a_door(settings, script, async |door| door.try_item(&item).await).await;
    let (finding, ()) = tried.unwrap_or_else(|trouble| panic!("{trouble:?}"));
    assert!(finding.found.contains("trash"), "{finding:?}");
    assert!(bodies.iter().all(|body| body["status"] != "publish"), "{bodies:?}");
}

/// A site is asked who we are, and nothing that changes it.
#[tokio::test]
async fn a_site_is_asked_what_we_may_do() {
    let me = |capabilities| json!({ "name": "Wire", "roles": ["author"], "capabilities": capabilities });
    let may = |capabilities: &[&str]| json!(capabilities.iter().map(|name| (*name, true)).collect::<BTreeMap<_, _>>());
    let all = ["edit_posts", "delete_posts", "publish_posts", "edit_published_posts", "delete_published_posts"];
    let asked = async |answer: Exchange, settings: Value| {
        let tried = async |door: &WordPressDoor| {
            let mut steps = Steps::default();
            door.knock(&mut steps).await;
            let finding = steps.told().next().unwrap().finding.clone();
            (finding.verdict, finding.found)
        };
        at_a_door(settings, script([answer]), tried).await.0
    };
    let (verdict, found) = asked((ME, 200, me(may(&all))), json!({})).await;
    assert_eq!(verdict, Verdict::Well, "{found}");
    let (verdict, found) = asked((ME, 200, me(may(&all))), json!({ "author": 7 })).await;
    assert!(verdict == Verdict::Trouble && found.contains("write for the author"), "{found}");
    let (verdict, _) = asked((ME, 200, me(may(&all[..2]))), json!({ "status": "draft" })).await;
    assert_eq!(verdict, Verdict::Well, "who makes drafts need not publish");
    let (verdict, found) = asked((ME, 403, error("rest_forbidden")), json!({})).await;
    assert!(verdict == Verdict::Trouble && found.contains("rest_forbidden"), "{found}");
}
