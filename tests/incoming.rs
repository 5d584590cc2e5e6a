//! Who comes to the daemon's own ports gets in by TLS or on this machine, by a token of the right kind, and takes no more
//! than a bounded part of them.

mod support;

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use newswired::sink::SinkOptions;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use support::{Partner, Scene, TOKEN, article, get, run, sink, until, url};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A token of `admin.tokens`.
const DESK: &str = "token-of-the-desk";

/// A scene whose desk may order by HTTP.
async fn scene(partners: &[Partner]) -> Scene {
    let scene = Scene::new(partners, "", "");
    let desk = scene.dir.path().join("desk");
    std::fs::write(&desk, DESK).unwrap();
    let admin = format!("listen = \"127.0.0.1:{}\"", scene.admin);
    scene.replace_in_config(&admin, &format!("{admin}\ntokens = {{ desk = \"file:{}\" }}", desk.display()));
    scene
}

fn partner(url: String) -> Partner {
    Partner { id: "island-post", format: "json", url, more: "" }
}

/// One request, on a connection of its own. Nothing where none can be had.
async fn ask(port: u16, head: &str, token: Option<&str>, body: &str) -> Option<(u16, Value)> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    ask_on(stream, head, token, body).await
}

async fn ask_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &str,
    token: Option<&str>,
    body: &str,
) -> Option<(u16, Value)> {
    let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{token}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_order_by_http_is_done_and_told_by_whom() {
    let receiver = sink(SinkOptions::default()).await;
    let mut scene = scene(&[partner(url(&receiver))]).await;
    scene.start_and_publish(&article("one", 1, "publish")).await;
    let order = async |body: Value| ask(scene.admin, "POST /v1/orders", Some(DESK), &body.to_string()).await.unwrap();

    let (status, done) = order(json!({ "order": "suspend", "to": "island-post", "reason": "they asked" })).await;
    assert_eq!((status, &done["state"], &done["by"]), (200, &json!("done"), &json!("desk")), "{done}");
    scene.post("application/json", &article("two", 1, "publish")).await;
    let (_, waits, _) = run(&scene, &["orders"]);
    let by_the_desk = "sent nothing but kills: island-post/main (suspend island-post by desk: they asked)";
    assert!(waits.contains(by_the_desk), "{waits}");
    let (status, done) = order(json!({ "order": "resume", "to": "island-post/main" })).await;
    assert_eq!((status, &done["state"]), (200, &json!("done")), "{done}");
    until(Duration::from_secs(20), "both arrive", async || receiver.stats().accepted == 2).await;

    // What cannot be is refused before it is ordered, with what was meant.
    for (body, expected, says) in [
        (json!({ "order": "suspend", "to": "iland-post" }), 404, "did you mean \"island-post\"?"),
        (json!({ "order": "hold", "story": "urn:test:nothing" }), 404, "the ledger has no story urn:test:nothing"),
        (json!({ "order": "suspend", "to": "island-post", "even_kill": true }), 422, "nothing is called \"even_kill\""),
        (
            json!({ "order": "replay", "to": "island-post", "from": { "sequence": 1 }, "filter": "section = []" }),
            422,
            "the filter cannot be read",
        ),
    ] {
        let (status, answer) = order(body).await;
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(status == expected && detail.contains(says), "{status} {answer}");
    }

    let (_, all) = ask(scene.admin, "GET /v1/orders?all=true", Some(DESK), "").await.unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    let id = all[0]["id"].to_string();
    let (status, answer) = ask(scene.admin, &format!("POST /v1/orders/{id}/stop"), Some(DESK), "").await.unwrap();
    assert_eq!((status, answer["detail"].as_str()), (409, Some(format!("order {id} is done already").as_str())));

    scene.post("application/json", b"not an article").await;
    let (_, entries) = ask(scene.admin, "GET /v1/quarantine", Some(DESK), "").await.unwrap();
    let discard = format!("POST /v1/quarantine/{}/discard", entries[0]["id"]);
    assert_eq!(ask(scene.admin, &discard, Some(DESK), "").await.unwrap().0, 200);
    assert_eq!(ask(scene.admin, &discard, Some(DESK), "").await.unwrap().0, 404);

    let log = scene.log();
    for said in [
        "admin by=\"desk\" from=\"127.0.0.1\" what=\"suspend island-post\" status=200",
        "admin by=\"desk\" from=\"127.0.0.1\" what=\"hold urn:test:nothing\" status=404 reason=the ledger has no story",
        "admin by=\"desk\" from=\"127.0.0.1\" what=\"discard quarantine entry 1\" status=200",
        &format!("admin by=\"desk\" from=\"127.0.0.1\" what=\"stop order {id}\" status=409"),
    ] {
        assert!(log.contains(said), "{said} is not in the log:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_own_port_and_no_other() {
    let mut scene = scene(&[partner("http://127.0.0.1:1/".to_owned())]).await;
    scene.start().await;
    let suspend = json!({ "order": "suspend", "to": "island-post" }).to_string();
    for token in [None, Some(TOKEN), Some("token-of-the-des"), Some("token-of-the-desk2"), Some("")] {
        for head in ["POST /v1/orders", "GET /v1/orders", "GET /v1/quarantine", "POST /v1/orders/1/stop"] {
            let (status, answer) = ask(scene.admin, head, token, &suspend).await.unwrap();
            // To look asks for none on this machine; one that is shown has to be right.
            let expected = if token.is_none() && head.starts_with("GET") { 200 } else { 401 };
            assert_eq!(status, expected, "{head} with {token:?}: {answer}");
        }
    }
    assert_eq!(scene.post_as(DESK, "application/json", &article("one", 1, "publish")).await.0, 401);
    assert!(scene.log().contains("a wrong token at the admin port from=127.0.0.1 method=POST path=\"/v1/orders\""));
    assert_eq!(run(&scene, &["orders", "--all"]).1.trim(), "nothing was ordered");
    // A page of somebody else's gets its visitors' browsers to ask, by a name that it has lead here.
    for (host, expected) in [
        ("localhost", 200),
        ("LOCALHOST:8471", 200),
        ("127.0.0.1:8471", 200),
        ("127.3.2.1", 200),
        ("[::1]:8471", 200),
        ("evil.example", 401),
        ("evil.example:8471", 401),
        ("localhost.evil.example", 401),
        ("127.0.0.1.evil.example", 401),
        ("10.0.0.1", 401),
        ("[2001:db8::1]", 401),
        ("", 401),
    ] {
        let head = format!("GET /v1/partners HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.admin)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{host:?}: {answer}");
    }
    // Nor does a proxy on this machine make this machine's of what others ask.
    for handed_on in ["x-forwarded-for: 10.0.0.1", "forwarded: for=10.0.0.1", "via: 1.1 proxy", "x-real-ip: 10.0.0.1"] {
        let head = format!("GET /v1/partners HTTP/1.1\r\nhost: 127.0.0.1\r\n{handed_on}\r\nconnection: close\r\n\r\n");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.admin)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{handed_on}: {answer}");
    }
    // Health and metrics ask for none.
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(scene.admin, path).await.unwrap().0, 200, "{path}");
    }
    // Where nobody has a token, nobody orders.
    scene.kill();
    scene.replace_in_config("tokens = { desk", "# tokens = { desk");
    scene.start().await;
    assert_eq!(ask(scene.admin, "GET /v1/orders", Some(DESK), "").await.unwrap().0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_replaced_is_good_within_seconds_and_the_old_one_is_not() {
    let mut scene = scene(&[partner("http://127.0.0.1:1/".to_owned())]).await;
    scene.start().await;
    let look = async |token: &'static str| ask(scene.admin, "GET /v1/orders", Some(token), "").await.unwrap().0;
    let publish = async |token: &'static str| scene.post_as(token, "application/json", b"{}").await.0;
    assert_eq!((look(DESK).await, publish(TOKEN).await), (200, 422));
    // As a rotation does it: whole, under another name, then moved.
    for (file, token) in [("desk", "another-of-the-desk"), ("token", "another-of-the-newsroom")] {
        let new = scene.dir.path().join("new");
        std::fs::write(&new, token).unwrap();
        std::fs::rename(new, scene.dir.path().join(file)).unwrap();
    }
    until(Duration::from_secs(20), "the new ones are good", async || {
        look("another-of-the-desk").await == 200 && publish("another-of-the-newsroom").await == 422
    })
    .await;
    assert_eq!((look(DESK).await, publish(TOKEN).await), (401, 401));
    // One that would open both is no token: the last one stays.
    let new = scene.dir.path().join("new");
    std::fs::write(&new, "another-of-the-newsroom").unwrap();
    std::fs::rename(new, scene.dir.path().join("desk")).unwrap();
    until(Duration::from_secs(20), "it is said", async || {
        look("another-of-the-desk").await;
        scene.log().contains("admin.tokens.desk is the same token as intake.http.token")
    })
    .await;
    assert_eq!((look("another-of-the-desk").await, look("another-of-the-newsroom").await), (200, 401));
}

/// An authority, and a way to make it vouch for this machine's name.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes `tls.pem` and `tls.key`, as a renewal does.
    fn issue(&self, dir: &Path) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        for (file, text) in [("tls.key", key.serialize_pem()), ("tls.pem", certificate.pem())] {
            std::fs::write(dir.join("new"), text).unwrap();
            std::fs::rename(dir.join("new"), dir.join(file)).unwrap();
        }
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

async fn ask_in_tls(connector: &TlsConnector, port: u16, head: &str, token: &str) -> Option<(u16, Value)> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()?;
    ask_on(stream, head, Some(token), "{}").await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_both_ports_speak_tls_alone_and_a_renewed_one_is_shown() {
    let (first, second) = (Authority::new(), Authority::new());
    let mut scene = scene(&[partner("http://127.0.0.1:1/".to_owned())]).await;
    let place = scene.dir.path().display().to_string();
    first.issue(scene.dir.path());
    let tls = format!("tls = {{ file = \"{place}/tls.pem\", key = \"file:{place}/tls.key\" }}");
    for port in [scene.http, scene.admin] {
        let listen = format!("listen = \"127.0.0.1:{port}\"");
        // An address for other machines needs no other word then.
        scene.replace_in_config(&listen, &format!("listen = \"0.0.0.0:{port}\"\n{tls}"));
    }
    let (code, _, why) = run(&scene, &["check"]);
    assert_eq!(code, 0, "{why}");
    scene.start_and_wait_for_log("ready").await;
    let connector = first.connector();
    assert_eq!(ask_in_tls(&connector, scene.admin, "GET /v1/orders", DESK).await.unwrap().0, 200);
    assert_eq!(ask_in_tls(&connector, scene.http, "POST /v1/articles", TOKEN).await.unwrap().0, 422);
    assert_eq!(get(scene.admin, "/readyz").await, None, "nothing is answered without TLS");
    assert_eq!(ask_in_tls(&second.connector(), scene.admin, "GET /v1/orders", DESK).await, None);
    let publish = |ca_file: &Path| {
        let story = scene.dir.path().join("story.json");
        std::fs::write(&story, article("in-tls", 1, "publish")).unwrap();
        let mut command = support::newswired();
        command.args(["publish", "--token", &format!("file:{place}/token"), "--ca-file"]).arg(ca_file).arg(story);
        let done = command.args(["--http", &format!("https://localhost:{}", scene.http)]).output().unwrap();
        String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()
    };
    let (trusted, other) = (scene.dir.path().join("ca.pem"), scene.dir.path().join("other.pem"));
    std::fs::write(&trusted, first.0.pem()).unwrap();
    std::fs::write(&other, second.0.pem()).unwrap();
    assert!(publish(&other).contains("cannot reach localhost"), "{}", publish(&other));
    assert_eq!(publish(&trusted), "1 published\n");
    second.issue(scene.dir.path());
    let connector = second.connector();
    until(Duration::from_secs(20), "the renewed certificate is shown", async || {
        ask_in_tls(&connector, scene.admin, "GET /v1/orders", DESK).await.is_some()
    })
    .await;
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_need_tls_or_a_word_and_both_tokens_their_own() {
    let scene = scene(&[partner("http://127.0.0.1:1/".to_owned())]).await;
    let told = |scene: &Scene| {
        let (code, _, why) = run(scene, &["run"]);
        (code, why.replace(&scene.dir.path().display().to_string(), "DIR"))
    };
    scene.replace_in_config("listen = \"127.0.0.1:", "listen = \"0.0.0.0:");
    let (code, why) = told(&scene);
    assert_eq!(code, 78);
    assert_eq!(why.matches("is open to other machines and has no TLS; give it a certificate").count(), 2, "{why}");
    scene.replace_in_config("listen = \"0.0.0.0:", "listen = \"127.0.0.1:");
    std::fs::write(scene.dir.path().join("desk"), TOKEN).unwrap();
    let (code, why) = told(&scene);
    assert!(
        code == 78 && why.contains("this is the same token as intake.http.token; give each one of its own"),
        "{why}"
    );
    assert!(!why.contains(TOKEN));
    // A key that others can read is the operator's affair; one that is not the certificate's is refused.
    let (one, other) = (Authority::new(), Authority::new());
    one.issue(scene.dir.path());
    let kept = std::fs::read(scene.dir.path().join("tls.pem")).unwrap();
    other.issue(scene.dir.path());
    std::fs::write(scene.dir.path().join("tls.pem"), kept).unwrap();
    std::fs::set_permissions(scene.dir.path().join("tls.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(scene.dir.path().join("desk"), DESK).unwrap();
    let place = scene.dir.path().display().to_string();
    let listen = format!("listen = \"127.0.0.1:{}\"", scene.admin);
    let tls = format!("{listen}\ntls = {{ file = \"{place}/tls.pem\", key = \"file:{place}/tls.key\" }}");
    scene.replace_in_config(&listen, &tls);
    let (code, why) = told(&scene);
    assert!(code == 78 && why.contains("certificate and key do not go together"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dawdles_or_sends_too_much_is_turned_away_and_others_are_not() {
    let mut scene = scene(&[partner("http://127.0.0.1:1/".to_owned())]).await;
    scene.start().await;
    let raw = async |request: Vec<u8>| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.admin)).await.unwrap();
        let _ = stream.write_all(&request).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await.expect("it ends");
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    };
    let fields = |number: usize| (0..number).map(|one| format!("x-{one}: 1\r\n")).collect::<String>();
    let head = |fields: String| format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{fields}connection: close\r\n\r\n");
    assert_eq!(raw(head(fields(10)).into()).await, "HTTP/1.1 200 OK");
    assert_eq!(raw(head(fields(100)).into()).await, "HTTP/1.1 431 Request Header Fields Too Large");
    assert_eq!(
        raw(head(format!("x: {}\r\n", "a".repeat(64 << 10))).into()).await,
        "HTTP/1.1 431 Request Header Fields Too Large"
    );
    let large = json!({ "order": "suspend", "to": "a".repeat(100_000) }).to_string();
    let (status, answer) = ask(scene.admin, "POST /v1/orders", Some(DESK), &large).await.unwrap();
    assert_eq!((status, answer["detail"].as_str()), (422, Some("an order has at most 65536 bytes")));

    // More than have a place at once, and none of them says anything: their time ends, and others have their turn.
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect((Ipv4Addr::LOCALHOST, scene.admin)).await.unwrap());
    }
    let (status, _) = get(scene.admin, "/healthz").await.expect("it is answered all the same");
    assert_eq!(status, 200);
    assert!(began.elapsed() < Duration::from_secs(30), "after {:?}", began.elapsed());
}
