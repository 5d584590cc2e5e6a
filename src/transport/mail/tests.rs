//! What answers make of a message, from a server that the test plays, and what stands in a message. `tests/mail.rs` has a
//! real one.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::article::{Action, Article, Guid, Version};
use crate::attribution::{Proved, sample};
use crate::config::{Edition, Format, NameFields};
use crate::render::rendition;
use crate::transport::client::Network;
use crate::transport::message_id;

const STORY: &str = "urn:newsml:paper.example:20261124:ferry-vote";
const DESTINATION: &str = "paper/desk";

fn parcel_of(article: &Article, format: Format) -> Parcel {
    let made = rendition(article, &sample::own(sample::wire()), &Edition::plain(format));
    let document: Arc<Proved> = made.unwrap_or_else(|flaw| panic!("{flaw}")).document.into();
    Parcel {
        media: Arc::default(),
        trace: None,
        document,
        message_id: message_id(DESTINATION, &article.guid, article.version),
        story: article.guid.clone(),
        version: article.version,
        action: article.action,
        urgency: article.urgency,
        attempt: 1,
        sequence: 7,
        remote: None,
        names: NameFields::of_article(article, "xml").into(),
    }
}

fn parcel(version: u64, action: Action) -> Parcel {
    let version = Version::try_from(version).unwrap();
    parcel_of(&Article { guid: STORY.parse().unwrap(), version, action, ..sample::article() }, Format::Nitf)
}

fn mail(more: serde_json::Value) -> config::Mail {
    let mut table = json!({
        "host": "127.0.0.1", "tls": "none", "from": "Harbor Press <wire@harborpress.example>",
        "to": ["desk@paper.example", "Night <night@paper.example>"], "hello": "wire.harborpress.example",
    });
    table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(table).unwrap()
}

fn letter(more: serde_json::Value, parcel: &Parcel) -> String {
    let letter = Letters::new(DESTINATION, &mail(more)).unwrap().write(parcel).unwrap();
    String::from_utf8(letter).unwrap()
}

/// What is another at each run stands as `…`.
fn head(letter: &str) -> String {
    let head = letter.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").map(|line| if line.starts_with("Date: ") { "Date: …" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn programs_and_people_see_what_a_message_is() {
    insta::assert_snapshot!(head(&letter(json!({}), &parcel(1, Action::Publish))), @r#"
    From: "Harbor Press" <wire@harborpress.example>
    Subject: Harbor council votes to reopen ferry line
    Message-ID: <msg_0a2fe89696a6ec1c15623723c6047f51@harborpress.example>
    Date: …
    To: desk@paper.example, Night <night@paper.example>
    Auto-Submitted: auto-generated
    User-Agent: newswired/0.1.0
    Newswire-Story: urn:newsml:paper.example:20261124:ferry-vote
    Newswire-Version: 1
    Newswire-Action: publish
    Newswire-Urgency: 4
    Newswire-Sequence: 7
    Newswire-Attempt: 1
    MIME-Version: 1.0
    Content-Type: multipart/mixed;
     boundary="=_msg_0a2fe89696a6ec1c15623723c6047f51"
    "#);
    insta::assert_snapshot!(head(&letter(json!({ "reply_to": "desk@harborpress.example" }), &parcel(3, Action::Kill))), @r#"
    From: "Harbor Press" <wire@harborpress.example>
    Subject: KILL, take this down: Harbor council votes to reopen ferry line
    Message-ID: <msg_6ae5ccc1a880ac66d812ea9ab343c605@harborpress.example>
    Date: …
    To: desk@paper.example, Night <night@paper.example>
    Reply-To: desk@harborpress.example
    In-Reply-To: <msg_0a2fe89696a6ec1c15623723c6047f51@harborpress.example>
    References: <msg_0a2fe89696a6ec1c15623723c6047f51@harborpress.example>
    Auto-Submitted: auto-generated
    User-Agent: newswired/0.1.0
    Newswire-Story: urn:newsml:paper.example:20261124:ferry-vote
    Newswire-Version: 3
    Newswire-Action: kill
    Newswire-Urgency: 4
    Newswire-Sequence: 7
    Newswire-Attempt: 1
    MIME-Version: 1.0
    Content-Type: multipart/mixed;
     boundary="=_msg_6ae5ccc1a880ac66d812ea9ab343c605"
    "#);
}

/// The parts of a message by their types, each decoded.
fn parts(letter: &str) -> Vec<(String, String)> {
    let boundary = letter.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has parts");
    let line = format!("--{boundary}");
    let inside = letter.split(&line).skip(1);
    inside
        .filter_map(|part| part.strip_prefix("\r\n"))
        .map(|part| {
            let (head, body) = part.split_once("\r\n\r\n").unwrap();
            let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
            let text = match value("Content-Transfer-Encoding: ").as_str() {
                "base64" => {
                    let bytes = BASE64.decode(body.replace("\r\n", "")).unwrap();
                    String::from_utf8(bytes).unwrap()
                }
                "quoted-printable" => unquoted(body),
                other => panic!("a part may hold the boundary: {other}"),
            };
            (value("Content-Type: "), text)
        })
        .collect()
}

/// RFC 2045 §6.7.
fn unquoted(body: &str) -> String {
    let mut bytes = Vec::new();
    let body = body.replace("=\r\n", "");
    let mut rest = body.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'=' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn an_attached_document_is_the_proved_one() {
    let parcel = parcel(2, Action::Publish);
    let letter = letter(json!({}), &parcel);
    let parts = parts(&letter);
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[1].0, parcel.document.content_type());
    assert_eq!(parts[1].1.as_bytes(), parcel.document.bytes());
    assert!(
        letter.contains("Content-Disposition: attachment; filename=\"ferry-vote-58e536ac4feaf6b8.xml\"\r\n"),
        "{letter}"
    );
    assert!(parts[0].1.contains("A new story. It is attached as ferry-vote-58e536ac4feaf6b8.xml."), "{}", parts[0].1);
}

/// Promise 6: who reads the text instead of the page is shown the attribution too.
#[test]
fn a_page_and_its_text_both_say_what_the_wire_asks_for() {
    let article = Article { guid: STORY.parse().unwrap(), ..sample::article() };
    let parcel = parcel_of(&article, Format::Html);
    let parts = parts(&letter(json!({ "document": "html" }), &parcel));
    let [(plain, text), (html, page)] = <[_; 2]>::try_from(parts).unwrap();
    assert_eq!((plain.as_str(), html.as_str()), ("text/plain; charset=utf-8", "text/html; charset=utf-8"));
    assert_eq!(page.replace("\r\n", "\n").trim_end().as_bytes(), parcel.document.bytes().trim_ascii_end());
    insta::assert_snapshot!(text.replace("\r\n", "\n"), @r#"
    Harbor council votes to reopen ferry line

    Service to Gull Island returns after four years & two lawsuits

    By Ada Quill, Transport Reporter, Harbor Press News Foundation <https://harborpress.example/>

    PORT AREN, Maine

    The Port Aren council voted 7-2 to reopen the Gull Island ferry.

    [Picture: A white ferry at a pier <https://cdn.harborpress.example/ferry.jpg>]
    The ferry Gull at the Port Aren pier in 2022. (Lena Ortiz)

    The Port Aren Harbor Council voted 7-2 on Tuesday to reopen the Gull Island ferry, closed since 2022 <https://harborpress.example/2022/ferry-closure?a=1&b=2>.

    “We promised the island a boat,” said the chair, Mara Lindqvist.
    Fuel will emit 12 t CO2 a year, < 1 % of today's.

    What happens next

    - Tender in January
    - First sailing in May
      1. Weekdays only

    > The line shall run not fewer than four return sailings a day.

    Fares
    Passenger	Fare
    Adult	$4

    LINE 1   PORT AREN  -  GULL ISLAND

    * * *

    [Picture: The "old" pier <https://cdn.harborpress.example/pier.jpg>]
    The pier, before the storm

    [Picture: Harbor Press News Foundation <https://cdn.harborpress.example/logo.png?w=200&h=40>]

    Content by the Harbor Press News Foundation is free to any legitimate news publisher; keep the logo, the byline & the affiliation. <https://harborpress.example/licence?a=1&b=2>

    Licensing: licensing@harborpress.example
    "#);
}

#[test]
fn a_document_may_be_the_text() {
    let parcel = parcel(1, Action::Publish);
    let letter = letter(json!({ "document": "text" }), &parcel);
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{head}");
    let document = String::from_utf8(parcel.document.bytes().to_vec()).unwrap();
    assert_eq!(unquoted(body).replace("\r\n", "\n").trim_end(), document.replace("\r\n", "\n").trim_end());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever an article says, its message has the headers that it should have, and the parts.
    #[test]
    fn no_article_writes_a_header(
        headline in "(\r|\n|[ -~]|\\PC|bcc: x@y.example){1,80}", slug in any::<String>(),
        body in "(\r\n\\.\r\n|--=_msg_|=|[ -~]|\\PC){0,200}", guid in "urn:x:[!-~&&[^\"]]{1,980}",
    ) {
        let Ok(guid) = guid.parse::<Guid>() else { return Ok(()) };
        let article = Article {
            guid, version: Version::FIRST, headline: headline.clone(), slugline: Some(slug), body: crate::article::parse_html(&format!("<p>{body}</p>")),
            ..sample::article()
        };
        let Ok(made) = rendition(&article, &sample::own(sample::wire()), &Edition::plain(Format::Html)) else { return Ok(()) };
        let parcel = Parcel { document: made.document.into(), ..parcel_of(&sample::article(), Format::Html) };
        let parcel = Parcel { story: article.guid.clone(), version: article.version, names: NameFields::of_article(&article, "html").into(), ..parcel };
        let letters = Letters::new(DESTINATION, &mail(json!({ "document": "html" }))).unwrap();
        let Ok(letter) = letters.write(&parcel) else { return Ok(()) };
        let letter = String::from_utf8(letter).expect("it is ASCII");
        prop_assert!(letter.is_ascii());
        for line in letter.split("\r\n") {
            prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']), "{line:?}");
        }
        let head = letter.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(':').next()).collect();
        let mut expected = vec!["From", "Subject", "Message-ID", "Date", "To", "Auto-Submitted", "User-Agent", "Newswire-Story", "Newswire-Version",
            "Newswire-Action", "Newswire-Urgency", "Newswire-Sequence", "Newswire-Attempt", "MIME-Version", "Content-Type"];
        expected.retain(|name| *name != "Newswire-Story" || article.guid.as_str().len() <= 900);
        prop_assert_eq!(names, expected);
        prop_assert_eq!(parts(&letter).len(), 2);
    }
}

/// What a server says, line by line: what has to come, and what answers it. An answer of nothing cuts the connection.
type Exchange = (&'static str, &'static str);

const GREETING: [Exchange; 2] = [("", "220 mx.example ESMTP"), ("EHLO wire.harborpress.example", "250 mx.example")];
const MAIL_OK: Exchange = ("MAIL FROM:<wire@harborpress.example>", "250 ok");
const DESK: &str = "RCPT TO:<desk@paper.example>";
const NIGHT: &str = "RCPT TO:<night@paper.example>";
const DATA_OK: Exchange = ("DATA", "354 go ahead");

/// Plays one session for each script.
async fn play(listener: TcpListener, sessions: Vec<Vec<Exchange>>) {
    for script in sessions {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for (command, answer) in script {
            let mut line = String::new();
            while !command.is_empty() && line.trim_end() != command {
                line.clear();
                let read = stream.read_line(&mut line).await.unwrap_or(0);
                assert!(read > 0 || command.is_empty(), "{command} did not come");
                // What stands before the end of the data is the message.
                assert!(command == "." || line.trim_end() == command, "{command} was to come, not {line}");
            }
            if answer.is_empty() {
                break;
            }
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
    }
}

/// The outcomes of these parcels, one after the other, at a server that plays these sessions.
async fn attempts(parcels: &[Parcel], sessions: Vec<Vec<Exchange>>) -> Vec<Outcome> {
    attempts_with(json!({}), parcels, sessions).await
}

async fn attempts_with(more: serde_json::Value, parcels: &[Parcel], sessions: Vec<Vec<Exchange>>) -> Vec<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = config::Mail { port: Some(listener.local_addr().unwrap().port()), ..mail(more) };
    let played = tokio::spawn(play(listener, sessions));
    let [connect, write, answer] = [5, 5, 5].map(Duration::from_secs);
    let timeouts = Timeouts { connect, write, answer };
    let network = Arc::new(Network::default());
    let way = config::Door::Mail(&mail).way();
    let dialer = Dialer::of(&mail.host, mail.port(), &way, connect, &network).unwrap();
    let door = open(DESTINATION, &mail, timeouts, 1, Duration::from_secs(300), dialer).unwrap();
    let mut outcomes = Vec::new();
    let mut remote = None;
    for parcel in parcels {
        let parcel = Parcel { remote: remote.clone(), ..parcel.clone() };
        let outcome = door.send(&parcel).await;
        remote = outcome.remote.clone().or(remote);
        outcomes.push(outcome);
    }
    drop(door);
    played.await.unwrap();
    outcomes
}

async fn attempt(script: &[Exchange]) -> Outcome {
    let whole = [&GREETING[..], script].concat();
    attempts(&[parcel(1, Action::Publish)], vec![whole]).await.remove(0)
}

#[tokio::test]
async fn every_answer_has_its_class() {
    let deferred = |maybe_document| Class::Deferred { retry_after: None, maybe_document };
    let unknown = Class::Unknown { retry_after: None };
    let both = [MAIL_OK, (DESK, "250 ok"), (NIGHT, "250 ok")];
    let cases: [(&[Exchange], &[Exchange], Class); 17] = [
        (&[], &[("MAIL FROM:<wire@harborpress.example>", "550 5.7.1 you may not")], deferred(false)),
        (&[], &[("MAIL FROM:<wire@harborpress.example>", "452 4.3.1 no room")], deferred(false)),
        (&[], &[("MAIL FROM:<wire@harborpress.example>", "552 5.3.4 too large")], Class::Refused),
        (&[], &[("MAIL FROM:<wire@harborpress.example>", "")], deferred(false)),
        (
            &[],
            &[MAIL_OK, (DESK, "550 5.1.1 no"), (NIGHT, "550-5.1.1 no\r\n550 5.1.1 such"), ("RSET", "250 ok")],
            Class::Refused,
        ),
        (
            &[],
            &[MAIL_OK, (DESK, "530 5.7.0 who are you"), (NIGHT, "550 5.1.1 no"), ("RSET", "250 ok")],
            deferred(false),
        ),
        (&[], &[MAIL_OK, (DESK, "451 4.7.1 later"), (NIGHT, "550 5.1.1 no"), ("RSET", "250 ok")], deferred(false)),
        (&[], &[MAIL_OK, (DESK, "250 ok"), (NIGHT, "421 4.3.2 bye")], deferred(false)),
        (&both, &[("DATA", "451 4.3.0 later"), ("RSET", "250 ok")], deferred(true)),
        (&both, &[("DATA", "554 5.5.1 no"), ("RSET", "250 ok")], Class::Refused),
        (&both, &[("DATA", "")], deferred(false)),
        (&both, &[DATA_OK, (".", "250 2.0.0 queued")], Class::Delivered),
        (&both, &[DATA_OK, (".", "451 4.7.0 later")], deferred(true)),
        (&both, &[DATA_OK, (".", "550 5.7.1 spam")], Class::Refused),
        // Whatever happened to it, nobody says.
        (&both, &[DATA_OK, (".", "")], unknown),
        (&both, &[DATA_OK, (".", "no answer")], unknown),
        (&[MAIL_OK, (DESK, "250 ok"), (NIGHT, "550 5.1.1 no")], &[DATA_OK, (".", "250 queued")], Class::Delivered),
    ];
    for (before, script, class) in cases {
        let outcome = attempt(&[before, script].concat()).await;
        assert_eq!(outcome.class, class, "{script:?}: {}", outcome.detail);
    }
}

/// What was not said yet cannot have been taken.
#[tokio::test]
async fn nobody_is_let_in_without_being_told_why() {
    for (greeting, said) in [("554 5.3.2 go away", "554 5.3.2 go away"), ("421 too many", "421 too many")] {
        let outcome = attempts(&[parcel(1, Action::Publish)], vec![vec![("", greeting)]]).await.remove(0);
        assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: false });
        assert!(outcome.detail.contains(said), "{}", outcome.detail);
    }
}

#[tokio::test]
async fn a_mailbox_that_has_a_message_is_not_sent_it_again() {
    let [first, second] = [1, 2].map(|version| parcel(version, Action::Update));
    let parcels = [first.clone(), first.clone(), second, first];
    let taken = [DATA_OK, (".", "250 ok")];
    let both = [&[MAIL_OK, (DESK, "250 ok"), (NIGHT, "250 ok")][..], &taken].concat();
    let session = [
        &GREETING[..],
        &[MAIL_OK, (DESK, "250 ok"), (NIGHT, "451 later")],
        &taken,
        &[MAIL_OK, (NIGHT, "250 ok")],
        &taken,
        &both,
        // One that is sent again after it was delivered is for all of them.
        &both,
    ];
    let outcomes = attempts(&parcels, vec![session.concat()]).await;
    let unknown = Class::Unknown { retry_after: None };
    let classes: Vec<Class> = outcomes.iter().map(|outcome| outcome.class).collect();
    assert_eq!(classes, [unknown, Class::Delivered, Class::Delivered, Class::Delivered]);
    insta::assert_snapshot!(outcomes[0].detail, @"some have it; put off: night@paper.example: 451 later");
    // The next version is for all of them, whoever has the one before.
    let session = [session[0], session[1], &taken, &both].concat();
    let outcomes = attempts(&parcels[1..3], vec![session]).await;
    assert_eq!(outcomes.iter().map(|outcome| outcome.class).collect::<Vec<_>>(), [unknown, Class::Delivered]);
}

/// A server ends a session that it does not hear of for long.
#[tokio::test]
async fn a_session_that_has_ended_is_not_the_messages_end() {
    let taken = [MAIL_OK, (DESK, "250 ok"), (NIGHT, "250 ok"), DATA_OK, (".", "250 ok")];
    let ended: [&[Exchange]; 2] =
        [&[(".", "")], &[("MAIL FROM:<wire@harborpress.example>", "421 4.4.2 idle for too long")]];
    for end in ended {
        // Cut at once, or at the next command.
        let end = if end[0].0 == "." { &[][..] } else { end };
        let sessions = vec![[&GREETING[..], &taken, end].concat(), [&GREETING[..], &taken].concat()];
        let outcomes = attempts(&[parcel(1, Action::Publish), parcel(2, Action::Update)], sessions).await;
        assert!(outcomes.iter().all(|outcome| outcome.class == Class::Delivered), "{outcomes:?}");
    }
}

/// A careless server repeats what it was told (promise 11).
#[tokio::test]
async fn a_server_that_repeats_the_password_is_not_repeated() {
    const PASSWORD: &str = "tr0ub4dor&3";
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), PASSWORD).unwrap();
    let login = json!({ "user": "wire", "password": format!("file:{}", secret.path().display()) });
    let said = "AUTH PLAIN AHdpcmUAdHIwdWI0ZG9yJjM=";
    let script = vec![
        GREETING[0],
        (GREETING[1].0, "250-mx.example\r\n250 AUTH PLAIN LOGIN"),
        (said, "535 5.7.8 not you: AHdpcmUAdHIwdWI0ZG9yJjM= dHIwdWI0ZG9yJjM= tr0ub4dor&3"),
    ];
    let outcome = attempts_with(login, &[parcel(1, Action::Publish)], vec![script]).await.remove(0);
    assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: false });
    let detail = outcome.detail.split_once(" does not").unwrap().1.trim_start();
    insta::assert_snapshot!(detail, @"let us in: 535 5.7.8 not you: *** *** ***; check user and password");
}

/// Without TLS nothing goes on, and what somebody puts behind the last words in clear is nothing that the server said
/// (CVE-2011-0411).
#[tokio::test]
async fn a_message_waits_for_tls() {
    let starttls = json!({ "tls": "starttls" });
    let offer = (GREETING[1].0, "250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS");
    let injected = ("STARTTLS", "220 go ahead\r\n250-mx.example\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 ok");
    for (script, why) in [
        (vec![GREETING[0], GREETING[1]], "has no STARTTLS, or somebody between takes it away"),
        (vec![GREETING[0], offer, ("STARTTLS", "454 4.7.0 not now")], "it answers 454 4.7.0 not now"),
        (vec![GREETING[0], offer, injected], "no TLS with 127.0.0.1"),
    ] {
        let outcome = attempts_with(starttls.clone(), &[parcel(1, Action::Publish)], vec![script]).await.remove(0);
        assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: false });
        assert!(outcome.detail.contains(why), "{}", outcome.detail);
    }
}
