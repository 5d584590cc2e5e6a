//! A push as partners' interfaces want it: methods, addresses, statuses, redirects, and their own ids.

use serde_json::json;

use super::*;

const DOOR: Class = Class::Deferred { retry_after: None, maybe_document: false };
const UNKNOWN: Class = Class::Unknown { retry_after: None };

fn ok() -> String {
    answer("200 OK", "", "")
}

fn version(number: u64, remote: Option<&str>) -> Parcel {
    let version = Version::try_from(number).unwrap();
    Parcel { action: Action::Update, version, remote: remote.map(str::to_owned), ..parcel() }
}

#[tokio::test]
async fn each_version_goes_the_way_that_the_partner_wants() {
    let server = Server::new(|_| answer("201 Created", "location: /api/items/4%2F2\r\n", "")).await;
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", server.port);
    let door = door_with(
        server.port,
        json!({
            "url": url("/api/items?of={{ guid }}"), "remote_id": { "header": "location" },
            "headers": { "X-Source": "wire" }, "compression": "gzip", "signing_secret": "env:PATH",
            "update": { "method": "PUT", "url": url("/api/items/{{ remote_id }}/versions/{{ version }}") },
            "kill": { "method": "DELETE", "url": url("/api/items/{{ remote_id }}") },
        }),
    );
    let first = door.send(&version(1, None)).await;
    assert_eq!((first.class, first.remote.as_deref()), (Class::Delivered, Some("4/2")), "{first:?}");
    let later = door.send(&version(2, first.remote.as_deref())).await;
    assert_eq!(later.class, Class::Delivered, "{later:?}");
    let kill = door.send(&Parcel { remote: first.remote.clone(), ..parcel() }).await;
    assert_eq!((kill.class, kill.remote.as_deref()), (Class::Delivered, Some("")), "what was deleted has no id");
    let again = door.send(&version(4, kill.remote.as_deref())).await;
    assert_eq!(again.class, Class::Delivered, "a story that comes back is a new one: {again:?}");

    let requests = server.requests();
    let lines: Vec<&str> = requests.iter().map(|request| line(request)).collect();
    assert_eq!(
        lines,
        [
            "POST /api/items?of=urn%3Atest%3Aa HTTP/1.1",
            "PUT /api/items/4%2F2/versions/2 HTTP/1.1",
            "DELETE /api/items/4%2F2 HTTP/1.1",
            "POST /api/items?of=urn%3Atest%3Aa HTTP/1.1",
        ]
    );
    assert!(requests.iter().all(|request| header(request, "x-source") == Some("wire")));
    assert!(requests.iter().all(|request| header(request, "webhook-signature").is_some()));
    let delete = &requests[2];
    assert_eq!((body(delete), header(delete, "content-type"), header(delete, "content-encoding")), ("", None, None));
    // RFC 9530: the digest of nothing, as sha256sum tells it.
    assert_eq!(header(delete, "content-digest"), Some("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"));
    assert_eq!(header(delete, "newswire-action"), Some("kill"));
}

/// Nothing but the partner's id says what to delete, so nothing is sent, and nothing else is made of it.
#[tokio::test]
async fn a_kill_whose_story_has_no_id_there_is_set_aside() {
    let server = Server::new(|_| ok()).await;
    let url = format!("http://127.0.0.1:{}/items/{{{{ remote_id }}}}", server.port);
    let door =
        door_with(server.port, json!({ "remote_id": { "json": "/id" }, "kill": { "method": "DELETE", "url": url } }));
    for remote in [None, Some(String::new())] {
        let outcome = door.send(&Parcel { remote, ..parcel() }).await;
        assert_eq!(outcome.class, Class::Refused);
        assert_eq!(outcome.detail, "not sent: the address needs remote_id, which is not known");
    }
    for up in [".", ".."] {
        let outcome = door.send(&Parcel { remote: Some(up.to_owned()), ..parcel() }).await;
        assert_eq!(outcome.class, Class::Refused, "{outcome:?}");
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn an_id_is_kept_until_there_is_another() {
    let server = Server::new(|request| {
        let id = if header(request, "newswire-version") == Some("2") { r#"{"id":42}"# } else { "" };
        answer("200 OK", "", id)
    })
    .await;
    let door = door_with(server.port, json!({ "remote_id": { "json": "/id" }, "method": "PUT" }));
    assert_eq!(door.send(&version(1, None)).await.remote, None);
    assert_eq!(door.send(&version(2, None)).await.remote.as_deref(), Some("42"));
    assert_eq!(door.send(&version(3, Some("42"))).await.remote, None, "which changes nothing");
    assert_eq!(door.send(&parcel()).await.remote, None, "this kill deleted nothing");
    assert!(server.requests().iter().all(|request| line(request) == "PUT /in?x=1 HTTP/1.1"));
}

#[tokio::test]
async fn the_statuses_of_success_are_the_partners() {
    let server = Server::new(|request| {
        let status = header(request, "newswire-version").unwrap_or_default();
        answer(&format!("{status} Status"), "", "")
    })
    .await;
    let url = format!("http://127.0.0.1:{}/{{{{ guid }}}}", server.port);
    let class = async |door: &HttpDoor, status: u64, action: Action| {
        door.send(&Parcel { action, ..version(status, None) }).await.class
    };
    let plain = door_with(server.port, json!({ "success": [200, 204] }));
    let of_a_story =
        door_with(server.port, json!({ "url": url, "kill": { "method": "DELETE", "success": [204, 404] } }));
    let document = Class::Deferred { retry_after: None, maybe_document: true };
    for (door, action, expected) in [
        (&plain, Action::Update, [Class::Delivered, UNKNOWN, Class::Delivered, DOOR, Class::Gone]),
        (&of_a_story, Action::Update, [Class::Delivered, Class::Delivered, Class::Delivered, document, Class::Refused]),
        (&of_a_story, Action::Kill, [UNKNOWN, UNKNOWN, Class::Delivered, Class::Delivered, Class::Refused]),
    ] {
        for (status, expected) in [200, 202, 204, 404, 410].into_iter().zip(expected) {
            assert_eq!(class(door, status, action).await, expected, "{status} to {action:?}");
        }
    }
    let told = plain.send(&version(202, None)).await.detail;
    assert_eq!(told, "answered 202 Accepted, which is none of the statuses of success");
}

/// A host that leads everything to another.
async fn leading(status: &'static str, to: String) -> Server {
    Server::new(move |_| answer(status, &format!("location: {to}\r\n"), "moved")).await
}

#[tokio::test]
async fn a_push_is_led_to_hosts_that_are_named_without_its_credentials() {
    let other = Server::new(|_| ok()).await;
    let host = format!("127.0.0.1:{}", other.port);
    let first = leading("308 Permanent Redirect", format!("http://{host}/there?y=2")).await;
    for (auth, name) in [
        (json!({ "bearer": "env:PATH" }), "authorization"),
        (json!({ "header": { "name": "x-key", "value": "env:PATH" } }), "x-key"),
        (json!({ "query": { "name": "key", "value": "env:PATH" } }), "no header"),
    ] {
        let door = door_with(
            first.port,
            json!({
                "redirects": [host], "auth": auth, "signing_secret": "env:PATH",
                "message_signature": { "algorithm": "hmac-sha256", "key": "env:PATH", "keyid": "k" },
            }),
        );
        let outcome = door.send(&parcel()).await;
        assert_eq!(outcome.class, Class::Delivered, "{outcome:?}");
        let (here, there) = (first.requests(), other.requests());
        assert_eq!(here.len(), 1);
        assert!(name == "no header" || header(&here[0], name).is_some());
        assert_eq!(line(&there[0]), "POST /there?y=2 HTTP/1.1");
        assert_eq!((header(&there[0], "host"), header(&there[0], name)), (Some(host.as_str()), None));
        assert_eq!(body(&there[0]), body(&here[0]));
        assert_eq!(header(&there[0], "webhook-id"), header(&here[0], "webhook-id"));
        assert_ne!(header(&there[0], "signature"), header(&here[0], "signature"), "the address is signed too");
    }
}

#[tokio::test]
async fn a_door_may_be_led_on_at_its_own_host_with_its_credentials() {
    let server = Server::new(|request| {
        if line(request).starts_with("POST /in?") {
            answer("307 Temporary Redirect", "location: new/\r\n", "")
        } else {
            ok()
        }
    })
    .await;
    let own = format!("127.0.0.1:{}", server.port);
    let door = door_with(server.port, json!({ "redirects": [own], "auth": { "bearer": "env:PATH" } }));
    assert_eq!(door.send(&parcel()).await.class, Class::Delivered);
    let requests = server.requests();
    assert_eq!(line(&requests[1]), "POST /new/ HTTP/1.1");
    assert_eq!(header(&requests[1], "authorization"), header(&requests[0], "authorization"));
}

#[tokio::test]
async fn a_push_is_led_nowhere_else() {
    let other = Server::new(|_| ok()).await;
    let host = format!("127.0.0.1:{}", other.port);
    let there = format!("http://{host}/there?key=s3cret");
    let told = async |status: &'static str, to: &str, redirects: serde_json::Value| {
        let first = leading(status, to.to_owned()).await;
        let door = door_with(first.port, json!({ "redirects": redirects }));
        let outcome = door.send(&parcel()).await;
        assert_eq!((outcome.class, outcome.status), (DOOR, status[..3].parse().ok()), "{outcome:?}");
        outcome.detail.replace(&host, "OTHER").replace(&first.port.to_string(), "PORT")
    };
    insta::assert_snapshot!(told("308 Permanent Redirect", &there, json!([])).await, @r#"answered 308 Permanent Redirect: it leads to http://OTHER/there; write that address as url, or add "OTHER" to redirects"#);
    insta::assert_snapshot!(told("301 Moved Permanently", &there, json!([host])).await, @"answered 301 Moved Permanently: it leads to http://OTHER/there, but by a status that turns a push into a question; if that is the right address, write it as url");
    insta::assert_snapshot!(told("303 See Other", &there, json!([host])).await, @"answered 303 See Other: it leads to http://OTHER/there, but by a status that turns a push into a question; if that is the right address, write it as url");
    insta::assert_snapshot!(told("307 Temporary Redirect", &there.replace("http:", "https:"), json!([host])).await, @"answered 307 Temporary Redirect: it leads to https://OTHER/there, from http to https, which is not followed");
    insta::assert_snapshot!(told("307 Temporary Redirect", "file:///etc/passwd", json!([host])).await, @"answered 307 Temporary Redirect: it leads to file:///etc/passwd, from http to file, which is not followed");
    insta::assert_snapshot!(told("307 Temporary Redirect", "http://[", json!([host])).await, @"answered 307 Temporary Redirect: it leads to http://[, which is no address");
    insta::assert_snapshot!(told("307 Temporary Redirect", "http://u:p@other.example/x?k=s", json!([])).await, @r#"answered 307 Temporary Redirect: it leads to http://other.example/x; write that address as url, or add "other.example" to redirects"#);
    assert_eq!(other.requests(), [""; 0]);
}

#[tokio::test]
async fn a_push_is_not_led_in_circles() {
    let server = leading("307 Temporary Redirect", "/round".to_owned()).await;
    let own = format!("127.0.0.1:{}", server.port);
    let outcome = door_with(server.port, json!({ "redirects": [own] })).send(&parcel()).await;
    assert_eq!(outcome.class, DOOR);
    assert!(outcome.detail.ends_with("/round, after 3 others; write the right address as url"), "{}", outcome.detail);
    assert_eq!(server.requests().len(), 4);
}

/// The first host did not take it, and the second may have.
#[tokio::test]
async fn what_becomes_of_a_push_is_decided_where_it_was_led() {
    let (hanging, port) = listener().await;
    let first = leading("307 Temporary Redirect", format!("http://127.0.0.1:{port}/")).await;
    let door = door_with(first.port, json!({ "redirects": [format!("127.0.0.1:{port}")] }));
    assert_eq!(door.send(&parcel()).await.class, UNKNOWN);
    drop(hanging);
    assert_eq!(door.send(&parcel()).await.class, DOOR);
}

#[tokio::test]
async fn a_key_in_the_query_reaches_the_partner_and_no_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "s3cret&key").unwrap();
    let server =
        Server::new(|request| answer("404 Not Found", "", &format!("no {} (s3cret&key)", line(request)))).await;
    let auth = json!({ "query": { "name": "api key", "value": format!("file:{}", file.display()) } });
    let outcome = door_with(server.port, json!({ "auth": auth })).send(&parcel()).await;
    assert_eq!(outcome.detail, "answered 404 Not Found: no POST /in?x=1&api+key=*** HTTP/1.1 (***)");
    assert_eq!(line(&server.requests()[0]), "POST /in?x=1&api+key=s3cret%26key HTTP/1.1");
    let url = format!("http://127.0.0.1:{}/{{{{ guid }}}}", server.port);
    door_with(server.port, json!({ "auth": auth, "url": url })).send(&parcel()).await;
    assert_eq!(line(&server.requests()[0]), "POST /urn%3Atest%3Aa?api+key=s3cret%26key HTTP/1.1");
}
