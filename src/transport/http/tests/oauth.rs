//! Access tokens: asked for once, replaced in time, and never in the way for longer than they must be.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;

/// A token endpoint that numbers its tokens, and the partner's server that takes those above a number.
struct Scene {
    issuer: Server,
    partner: Server,
    /// The lowest token that is good.
    good: Arc<AtomicU64>,
    /// What the endpoint answers instead of a token, where that is not empty.
    instead: Arc<Mutex<String>>,
    dir: tempfile::TempDir,
}

impl Scene {
    async fn new(expires_in: Value) -> Self {
        let good = Arc::new(AtomicU64::new(1));
        let instead: Arc<Mutex<String>> = Arc::default();
        let (issued, says) = (AtomicU64::new(0), Arc::clone(&instead));
        let issuer = Server::new(move |_| {
            let instead = says.lock().unwrap().clone();
            if !instead.is_empty() {
                return instead;
            }
            let token = format!("token-{}", issued.fetch_add(1, Ordering::Relaxed) + 1);
            let granted = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
            answer("200 OK", "content-type: application/json\r\n", &granted.to_string())
        })
        .await;
        let lowest = Arc::clone(&good);
        let partner = Server::new(move |request| {
            let token = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer token-"));
            let known =
                token.and_then(|token| token.parse::<u64>().ok()).is_some_and(|n| n >= lowest.load(Ordering::Relaxed));
            let said = header(request, "authorization").unwrap_or_default();
            if known { answer("200 OK", "", "") } else { answer("401 Unauthorized", "", said) }
        })
        .await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "p&ss w\u{f6}rd").unwrap();
        Self { issuer, partner, good, instead, dir }
    }

    fn door(&self, more: Value) -> HttpDoor {
        let mut oauth = json!({
            "token_url": format!("http://127.0.0.1:{}/token?tenant=1", self.issuer.port),
            "client_id": "news:wired", "client_secret": format!("file:{}/secret", self.dir.path().display()),
        });
        oauth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        door_with(self.partner.port, json!({ "auth": { "oauth": oauth } }))
    }

    fn say(&self, answer: String) {
        *self.instead.lock().unwrap() = answer;
    }
}

/// Moves the runtime's clock, and leaves it running.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_is_asked_for_as_the_standard_says() {
    let scene = Scene::new(json!(3600)).await;
    let more = json!({ "scope": "articles:write a", "audience": "https://paper.example/" });
    assert_eq!(scene.door(more).send(&parcel()).await.class, Class::Delivered);
    let asked = &scene.issuer.requests()[0];
    assert_eq!(line(asked), "POST /token?tenant=1 HTTP/1.1");
    assert_eq!(header(asked, "content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        body(asked),
        "grant_type=client_credentials&scope=articles%3Awrite+a&audience=https%3A%2F%2Fpaper.example%2F"
    );
    let pair = BASE64.encode("news%3Awired:p%26ss+w%C3%B6rd");
    assert_eq!(header(asked, "authorization"), Some(format!("Basic {pair}").as_str()));

    assert_eq!(scene.door(json!({ "auth_style": "body" })).send(&parcel()).await.class, Class::Delivered);
    let asked = &scene.issuer.requests()[0];
    assert_eq!(
        (body(asked), header(asked, "authorization")),
        ("grant_type=client_credentials&client_id=news%3Awired&client_secret=p%26ss+w%C3%B6rd", None)
    );
}

#[tokio::test]
async fn one_question_is_asked_however_many_wait_and_the_token_is_used_until_shortly_before_its_end() {
    let scene = Scene::new(json!("600")).await;
    let door = scene.door(json!({}));
    let first = parcel();
    let outcomes = join_all((0..20).map(|_| door.send(&first))).await;
    // There is one connection, and twenty requests have their turn on it.
    assert!(outcomes.iter().all(|outcome| outcome.class == Class::Delivered), "{outcomes:?}");
    assert_eq!(scene.issuer.requests().len(), 1);
    later(535).await;
    assert_eq!(door.send(&first).await.class, Class::Delivered);
    assert_eq!(scene.issuer.requests().len(), 0, "it is good for a minute and more");
    later(10).await;
    assert_eq!(join_all((0..5).map(|_| door.send(&first))).await.len(), 5);
    assert_eq!(scene.issuer.requests().len(), 1);
    assert_eq!(header(scene.partner.requests().last().unwrap(), "authorization"), Some("Bearer token-2"));
}

#[tokio::test]
async fn a_token_that_is_not_known_any_more_is_replaced_within_the_attempt_once() {
    let scene = Scene::new(Value::Null).await;
    let door = scene.door(json!({}));
    let parcel = parcel();
    assert_eq!(door.send(&parcel).await.class, Class::Delivered);
    scene.good.store(2, Ordering::Relaxed);
    let outcomes = join_all((0..4).map(|_| door.send(&parcel))).await;
    assert!(outcomes.iter().all(|outcome| outcome.class == Class::Delivered), "{outcomes:?}");
    assert_eq!(scene.issuer.requests().len(), 2, "the first, and one for all four");
    scene.partner.requests();

    scene.good.store(100, Ordering::Relaxed);
    let outcome = door.send(&parcel).await;
    assert_eq!(
        (outcome.class, outcome.status),
        (Class::Deferred { retry_after: None, maybe_document: false }, Some(401))
    );
    assert_eq!(outcome.detail, "answered 401 Unauthorized: Bearer ***");
    assert_eq!((scene.issuer.requests().len(), scene.partner.requests().len()), (1, 2), "one more try, and no third");
}

#[tokio::test]
async fn that_there_is_no_token_is_the_doors_trouble_and_holds_no_secret() {
    let scene = Scene::new(json!(3600)).await;
    let door = scene.door(json!({}));
    let parcel = parcel();
    let host = format!("127.0.0.1:{}", scene.issuer.port);
    let pair = BASE64.encode("news%3Awired:p%26ss+w%C3%B6rd");
    let said = format!(r#"{{"error":"invalid_client","error_description":"{pair} is not p&ss w{}rd"}}"#, '\u{f6}');
    let mut told = Vec::new();
    for (answer, retry) in [
        (answer("401 Unauthorized", "", &said), None),
        (answer("503 Service Unavailable", "retry-after: 7\r\n", ""), Some(7)),
        (answer("500 Oops", "", "<html>"), None),
        (answer("302 Found", "location: /login\r\n", ""), None),
        (answer("200 OK", "", "<html>access_token=t0ken"), None),
        (answer("200 OK", "", r#"{"access_token":"t0ken","token_type":"mac"}"#), None),
        (answer("200 OK", "", r#"{"access_token":"t0ken\n"}"#), None),
        (answer("200 OK", "", r#"{"access_token":""}"#), None),
    ] {
        scene.say(answer);
        let outcome = door.send(&parcel).await;
        let retry_after = retry.map(Duration::from_secs);
        assert_eq!(outcome.class, Class::Deferred { retry_after, maybe_document: false }, "{outcome:?}");
        told.push(outcome.detail.replace(&host, "ISSUER"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    no access token from ISSUER: answered 401 Unauthorized: {"error":"invalid_client","error_description":"*** is not ***"}; check client_id, client_secret and scope
    no access token from ISSUER: answered 503 Service Unavailable
    no access token from ISSUER: answered 500 Internal Server Error: <html>
    no access token from ISSUER: answered 302 Found
    no access token from ISSUER: answered with what is no token
    no access token from ISSUER: answered with a token that is no bearer token
    no access token from ISSUER: answered with a token that cannot stand in a header
    no access token from ISSUER: answered with a token that cannot stand in a header
    "#);
    assert_eq!(scene.partner.requests(), [""; 0], "nothing of the document has left");
    scene.say(String::new());
    assert_eq!(door.send(&parcel).await.class, Class::Delivered);
}

/// The issuer's trouble is nobody's while there is a token that is good.
#[tokio::test]
async fn a_token_that_cannot_be_replaced_is_used_until_its_end() {
    let scene = Scene::new(json!(1000)).await;
    let door = scene.door(json!({}));
    let parcel = parcel();
    assert_eq!(door.send(&parcel).await.class, Class::Delivered);
    scene.issuer.requests();
    scene.say(answer("500 Oops", "", ""));
    later(950).await;
    for _ in 0..3 {
        assert_eq!(door.send(&parcel).await.class, Class::Delivered);
    }
    assert_eq!(scene.issuer.requests().len(), 1, "the next try is some seconds later");
    later(10).await;
    assert_eq!(door.send(&parcel).await.class, Class::Delivered);
    assert_eq!(scene.issuer.requests().len(), 1);
    later(41).await;
    let outcome = door.send(&parcel).await;
    assert!(outcome.detail.starts_with("no access token from 127.0.0.1"), "{outcome:?}");
}

/// Somebody who waited and has not looked yet keeps the old answer alive, and nobody else is given it.
#[tokio::test]
async fn an_answer_that_was_given_is_no_answer_to_a_new_question() {
    let scene = Scene::new(Value::Null).await;
    let door = scene.door(json!({}));
    let tokens = door.tokens.as_ref().unwrap();
    let mut late = std::pin::pin!(tokens.current());
    assert!(futures_util::poll!(late.as_mut()).is_pending());
    let first = tokens.current().await.unwrap();
    let second = tokens.instead_of(&first).await.unwrap();
    assert_eq!((first.to_str().unwrap(), second.to_str().unwrap()), ("Bearer token-1", "Bearer token-2"));
    assert_eq!(late.await.unwrap(), first);
    // Who finds out late that the first is not good any more gets the second.
    assert_eq!(tokens.instead_of(&first).await.unwrap(), second);
    assert_eq!(scene.issuer.requests().len(), 2);
}
