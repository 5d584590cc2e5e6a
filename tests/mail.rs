//! Partners that take mail: a real mail server, whose messages are looked at.

#![cfg(feature = "mail")]

mod support;

use std::time::Duration;

use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use support::mail::{Smtpd, header};
use support::{Scene, article, until};

const SOON: Duration = Duration::from_secs(30);

/// A daemon with one partner, who has these destinations.
fn scene(destinations: &[(&str, &str, String)]) -> Scene {
    let scene = Scene::new(&[], "connect_timeout = \"5s\"", "");
    let doors = destinations.iter().map(|(name, format, table)| {
        format!("[destinations.{name}]\nformat = \"{format}\"\n[destinations.{name}.mail]\n{table}")
    });
    let partner = format!("name = \"The Valley Record\"\n{}", doors.collect::<String>());
    std::fs::write(scene.dir.path().join("partners.d/valley-record.toml"), partner).expect("a file can be written");
    scene
}

fn delivery(scene: &Scene, destination: &str) -> Option<DeliveryRecord> {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let list = reader.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).expect("it can be listed");
    list.into_iter().find(|delivery| delivery.destination == format!("valley-record/{destination}"))
}

/// Waits for a version's end, and says what it was told.
async fn ended(scene: &Scene, destination: &str, version: u64, state: &str) -> String {
    let mut reason = String::new();
    until(SOON, &format!("version {version} is {state} at {destination}"), async || {
        let found = delivery(scene, destination).filter(|found| found.version == version && found.state == state);
        found.is_some_and(|found| {
            reason = found.reason.unwrap_or_default();
            true
        })
    })
    .await;
    reason
}

/// Waits for a reason that says `what`.
async fn told(scene: &Scene, destination: &str, what: &str) {
    let says = |delivery: DeliveryRecord| delivery.reason.is_some_and(|reason| reason.contains(what));
    let waited = format!("{destination} says {what:?}");
    until(SOON, &waited, async || delivery(scene, destination).is_some_and(says)).await;
}

async fn publish(scene: &Scene, version: u64, action: &str) {
    let (status, answer) = scene.post("application/json", &article("ferry", version, action)).await;
    assert_eq!(status, 202, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storys_whole_life_is_one_conversation() {
    let mut smtpd = Smtpd::start("starttls").await;
    let table = smtpd.table(&["desk", "night"], &smtpd.login("password"));
    let mut scene = scene(&[("desk", "nitf", table)]);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    ended(&scene, "desk", 1, "delivered").await;
    publish(&scene, 2, "update").await;
    ended(&scene, "desk", 2, "delivered").await;
    // What comes next meets a session that is over.
    smtpd.server.stop();
    smtpd.server.start_again().await;
    let before = smtpd.messages();
    publish(&scene, 3, "kill").await;
    ended(&scene, "desk", 3, "delivered").await;
    assert_eq!(smtpd.let_in(), 2, "a session serves more than one message");

    let after = smtpd.messages();
    let kill = after.iter().find(|message| header(message, "Newswire-Action").as_deref() == Some("kill"));
    let [first, second, kill] = [&before[0], &before[1], kill.expect("the kill is there")];
    for message in [first, second, kill] {
        assert!(message.starts_with("X-Taken-For: desk@paper.example\r\nX-Taken-For: night@paper.example\r\n"));
        let of = |name| header(message, name).unwrap_or_default();
        assert_eq!((of("X-Tls").as_str(), of("X-User").as_str()), ("True", "wire"));
        assert_eq!(of("X-Sender"), "wire@harborpress.example");
        assert_eq!(of("Auto-Submitted"), "auto-generated");
        assert!(message.contains("Content-Type: application/nitf+xml"), "{message}");
        assert!(message.contains("filename=\"ferry-5f711d6f1ca065bd.xml\""), "{message}");
    }
    let root = header(first, "Message-ID").expect("it has an id");
    assert!(root.ends_with("@harborpress.example>") && header(first, "References").is_none(), "{first}");
    for later in [second, kill] {
        assert_ne!(header(later, "Message-ID"), Some(root.clone()));
        for name in ["In-Reply-To", "References"] {
            assert_eq!(header(later, name), Some(root.clone()), "{later}");
        }
    }
    assert_eq!(header(kill, "Subject").as_deref(), Some("KILL, take this down: Headline of ferry"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_stands_where_the_configuration_says() {
    let (implicit, plain) = (Smtpd::start("implicit").await, Smtpd::start("plain").await);
    let page =
        implicit.table(&["page"], &format!("{}\ntls = \"implicit\"\ndocument = \"html\"", implicit.login("password")));
    let text = plain.table(&["text"], "tls = \"none\"\ndocument = \"text\"\nsubject = \"[{{ wire }}] {{ headline }}\"");
    let mut scene = scene(&[("page", "html", page), ("text", "text", text)]);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    ended(&scene, "page", 1, "delivered").await;
    ended(&scene, "text", 1, "delivered").await;
    let page = &implicit.messages()[0];
    assert!(page.contains("Content-Type: multipart/alternative"), "{page}");
    let (text_at, html_at) = (page.find("Content-Type: text/plain"), page.find("Content-Type: text/html"));
    assert!(text_at.is_some() && text_at < html_at, "what is shown comes last: {page}");
    let text = &plain.messages()[0];
    assert_eq!(header(text, "Subject").as_deref(), Some("[dcnf] Headline of ferry"));
    assert!(text.contains("Content-Type: text/plain; charset=utf-8") && text.contains("Version 1 of ferry."), "{text}");
    assert_eq!(header(text, "X-Tls").as_deref(), Some("False"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_taken_put_off_and_refused() {
    let smtpd = Smtpd::start("plain").await;
    let door = |to: &[&str]| smtpd.table(to, "tls = \"none\"");
    let mut scene = scene(&[
        ("grey", "json", door(&["one", "grey"])),
        ("gone", "json", door(&["gone"])),
        ("some", "json", door(&["two", "gone"])),
        ("strict", "json", door(&["strict"])),
        ("closing", "json", door(&["closing"])),
    ]);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    ended(&scene, "grey", 1, "delivered").await;
    assert!(ended(&scene, "gone", 1, "refused").await.contains("No such mailbox here"));
    assert!(ended(&scene, "some", 1, "delivered").await.contains("it went without these: gone@paper.example"));
    assert!(ended(&scene, "strict", 1, "refused").await.contains("We do not like this message"));
    ended(&scene, "closing", 1, "delivered").await;
    let taken_for = |name: &str| {
        let line = format!("X-Taken-For: {name}@paper.example\r\n");
        smtpd.messages().iter().filter(|message| message.contains(&line)).count()
    };
    for name in ["one", "grey", "two", "closing"] {
        assert_eq!(taken_for(name), 1, "{name} has it once, whatever the others do");
    }
    // A kill reaches those who have the story, and nobody else.
    publish(&scene, 2, "kill").await;
    for name in ["one", "grey", "two", "closing"] {
        until(SOON, &format!("the kill reaches {name}"), async || taken_for(name) == 2).await;
    }
    for name in ["gone", "strict"] {
        ended(&scene, name, 2, "cancelled").await;
    }
    assert!(taken_for("gone") + taken_for("strict") == 0);
}

/// The server took the message, and the connection broke before it could say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_known_by_its_message_id() {
    let smtpd = Smtpd::start("plain").await;
    let mut scene = scene(&[("lost", "json", smtpd.table(&["lost"], "tls = \"none\""))]);
    scene.start().await;
    publish(&scene, 1, "publish").await;
    ended(&scene, "lost", 1, "delivered").await;
    let messages = smtpd.messages();
    let of = |name: &str| messages.iter().map(|message| header(message, name)).collect::<Vec<_>>();
    let (ids, attempts) = (of("Message-ID"), of("Newswire-Attempt"));
    assert_eq!(attempts, [Some("1".to_owned()), Some("2".to_owned())]);
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    let body = |message: &str| message.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&messages[0]), body(&messages[1]), "the same bytes at every attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_mail_server_is_told_and_waits() {
    let (smtpd, plain) = (Smtpd::start("starttls").await, Smtpd::start("plain").await);
    let secrets = tempfile::tempdir().expect("a temporary directory can be made");
    let secret = secrets.path().join("password");
    std::fs::copy(smtpd.file("wrong"), &secret).expect("it can be copied");
    let replaced =
        smtpd.login("wrong").replace(&smtpd.file("wrong").display().to_string(), &secret.display().to_string());
    let mut scene = scene(&[
        ("unknown", "json", smtpd.table(&["a"], &replaced)),
        (
            "distrusted",
            "json",
            smtpd.table(
                &["b"],
                &smtpd
                    .login("password")
                    .replace(&smtpd.file("ca.pem").display().to_string(), &plain.file("ca.pem").display().to_string()),
            ),
        ),
        ("bare", "json", plain.table(&["c"], &plain.login("password"))),
        ("stranger", "json", smtpd.table(&["d"], &format!("ca_file = \"{}\"", smtpd.file("ca.pem").display()))),
    ]);
    // It is told before anything is sent, too.
    let (code, tried, _) = support::run(&scene, &["partner", "test", "--partner", "valley-record"]);
    assert_eq!(code, 69, "{tried}");
    for says in ["does not let us in", "no TLS with localhost", "has no STARTTLS", "530"] {
        assert!(tried.contains(says), "{says}: {tried}");
    }
    scene.start().await;
    publish(&scene, 1, "publish").await;
    told(&scene, "unknown", "does not let us in").await;
    told(&scene, "distrusted", "no TLS with localhost").await;
    told(&scene, "bare", "has no STARTTLS").await;
    told(&scene, "stranger", "530").await;
    assert!(smtpd.messages().is_empty() && plain.messages().is_empty());
    assert!(!scene.log().contains(support::files::PASSWORD));
    // The password's file is replaced, and that is all.
    std::fs::copy(smtpd.file("password"), &secret).expect("it can be copied");
    ended(&scene, "unknown", 1, "delivered").await;
    let (code, tried, _) =
        support::run(&scene, &["partner", "test", "--partner", "valley-record", "--destination", "unknown"]);
    assert!(code == 0 && tried.contains("the server takes messages for 1 of 1 mailboxes"), "{tried}");
}
