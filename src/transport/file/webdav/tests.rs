//! What answers make of an attempt, from a server that the test plays. `tests/files.rs` has a real one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::article::Action;
use crate::transport::client::Network;
use crate::transport::file::tests::parcel;
use crate::transport::{Class, Timeouts};

#[test]
fn a_list_is_read_as_servers_write_it() {
    let list =
        br#"<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/in/</D:href></D:response>
        <D:response><D:href>/dav/in/a%20b.xml</D:href></D:response>
        <D:response><href xmlns="DAV:"> https://dav.example/dav/in/c.xml </href></D:response>
        <D:response><x:href xmlns:x="other">/dav/in/no.xml</x:href></D:response></D:multistatus>"#;
    assert_eq!(names(list).unwrap(), ["in", "a b.xml", "c.xml"]);
    assert!(names(&list[..200]).is_err(), "half a list is none");
    assert!(names(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>").is_err());
}

/// How a request begins, and the status that answers it; 0 cuts the connection.
type Exchange = (&'static str, u16);

const PUT: &str = "PUT /in/.ferry-vote-58e536ac4feaf6b8.json.part HTTP/1.1\r\n";
const MOVE: &str = "MOVE /in/.ferry-vote-58e536ac4feaf6b8.json.part HTTP/1.1\r\n";
const CLEAN: &str = "DELETE /in/.ferry-vote-58e536ac4feaf6b8.json.part HTTP/1.1\r\n";
const DELETE: &str = "DELETE /in/ferry-vote-58e536ac4feaf6b8.json HTTP/1.1\r\n";

/// The outcome of one attempt at a server that plays `script`.
async fn attempt(action: Action, script: &'static [Exchange]) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let played = tokio::spawn(async move {
        for (line, status) in script {
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
            if *line == MOVE {
                let to = format!("\r\ndestination: http://127.0.0.1:{port}/in/ferry-vote-58e536ac4feaf6b8.json\r\n");
                assert!(request.contains(&to) && request.contains("\r\noverwrite: T\r\n"), "{request}");
            }
            if *status > 0 {
                let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    let on_kill = if action == Action::Kill { "remove" } else { "replace" };
    let settings: config::WebDav =
        serde_json::from_value(json!({ "url": format!("http://127.0.0.1:{port}/in"), "file": { "on_kill": on_kill } }))
            .unwrap();
    let [connect, write, answer] = [5, 5, 5].map(Duration::from_secs);
    let network = Arc::new(Network::default());
    let client = Settings::plain(Timeouts { connect, write, answer }, 1 << 20, &network);
    let outcome = open(&settings, &client).unwrap().send(&parcel(1, action, None)).await;
    played.await.unwrap();
    outcome
}

#[tokio::test]
async fn every_answer_has_its_class() {
    let deferred = |maybe_document| Class::Deferred { retry_after: None, maybe_document };
    let unknown = Class::Unknown { retry_after: None };
    let cases: [(Action, &[Exchange], Class); 16] = [
        (Action::Publish, &[(PUT, 201), (MOVE, 201)], Class::Delivered),
        (Action::Publish, &[(PUT, 204), (MOVE, 204)], Class::Delivered),
        // Under the file's name nothing changes before the move.
        (Action::Publish, &[(PUT, 0)], deferred(false)),
        (Action::Publish, &[(PUT, 500)], deferred(false)),
        (Action::Publish, &[(PUT, 401)], deferred(false)),
        (Action::Publish, &[(PUT, 507)], deferred(false)),
        (Action::Publish, &[(PUT, 403)], deferred(true)),
        (Action::Publish, &[(PUT, 409)], deferred(true)),
        (Action::Publish, &[(PUT, 413)], Class::Refused),
        // From the move on it may have.
        (Action::Publish, &[(PUT, 201), (MOVE, 0)], unknown),
        (Action::Publish, &[(PUT, 201), (MOVE, 502)], unknown),
        (Action::Publish, &[(PUT, 201), (MOVE, 207)], unknown),
        (Action::Publish, &[(PUT, 201), (MOVE, 403), (CLEAN, 204)], deferred(true)),
        (Action::Kill, &[(CLEAN, 404), (DELETE, 204)], Class::Delivered),
        (Action::Kill, &[(CLEAN, 404), (DELETE, 404)], Class::Delivered),
        (Action::Kill, &[(CLEAN, 404), (DELETE, 423)], unknown),
    ];
    for (action, script, class) in cases {
        let outcome = attempt(action, script).await;
        assert_eq!(outcome.class, class, "{script:?}: {}", outcome.detail);
    }
}
