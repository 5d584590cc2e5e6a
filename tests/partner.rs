//! `newswired partner test`: what is said of a partner's doors, tried against real servers that lack one thing each. It
//! sends no news and leaves nothing behind.

#![cfg(all(feature = "ftp", feature = "s3", feature = "sftp", feature = "webdav"))]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{Response, StatusCode};
use newswired::sink::SinkOptions;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use support::files::{Bucket, Dav, Ftpd, Sshd, standing};
use support::recorder::Recorder;
use support::{SECRET, Scene, TOKEN, free_port, run, sink};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A scene whose partner has these destinations: the table of each, and what else stands above it.
fn scene(destinations: &[(&str, &str, String)]) -> Scene {
    let scene = Scene::new(&[], "connect_timeout = \"5s\"\nanswer_timeout = \"5s\"", "");
    let doors = destinations
        .iter()
        .map(|(name, more, table)| format!("[destinations.{name}]\nformat = \"json\"\n{more}\n{table}\n"));
    let partner = format!("name = \"The Valley Record\"\n{}", doors.collect::<String>());
    std::fs::write(scene.dir.path().join("partners.d/valley-record.toml"), partner).expect("a file can be written");
    scene
}

fn tried(scene: &Scene, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["partner", "test", "--partner", "valley-record"];
    arguments.extend(more);
    run(scene, &arguments)
}

/// Without what differs from run to run: times, ports, days, keys, and where the files are.
fn redacted(text: &str, scene: &Scene) -> String {
    let text = text.replace(&scene.dir.path().display().to_string(), "DIR");
    let line = |line: &str| {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 1..words.len() {
            if words[at] == "ms" {
                words[at - 1] = "N".to_owned();
            }
        }
        // Of the certificates that live for two thousand years.
        for at in 1..words.len() {
            if words[at] == "days" && words[at - 1].len() > 3 {
                words[at - 1] = "N".to_owned();
            }
        }
        // The number's blanks are as many as it is short.
        let line = words.join(" ");
        let line = match line.split_once(" N ms  ") {
            Some((before, after)) => format!("{} N ms  {after}", before.trim_end()),
            None => line,
        };
        numbers(&line)
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Ports, dates, and the guids and names of tests.
fn numbers(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let port = |text: &str| {
            let digits = text.strip_prefix(':')?.bytes().take_while(u8::is_ascii_digit).count();
            (4..=5).contains(&digits).then_some(digits + 1)
        };
        let date = |text: &str| {
            let date: jiff::civil::Date = text.get(..10)?.parse().ok()?;
            let time = text.get(10..20).filter(|time| time.starts_with('T') && time.ends_with('Z'));
            (date.year() > 2_000).then_some(if time.is_some() { 20 } else { 10 })
        };
        let file = |text: &str| text.starts_with("newswire-test-").then_some("newswire-test-".len() + 8);
        let key = |text: &str| text.starts_with("SHA256:").then(|| text.find([')', ' ', ';']).unwrap_or(text.len()));
        if let Some(length) = port(rest) {
            out.push_str(":PORT");
            rest = &rest[length..];
        } else if let Some(length) = date(rest) {
            out.push_str("DATE");
            rest = &rest[length..];
        } else if let Some(length) = file(rest) {
            out.push_str("newswire-test-N");
            rest = &rest[length..];
        } else if let Some(length) = key(rest) {
            out.push_str("KEY");
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// An authority of these tests' own, its certificate in `ca.pem`.
fn authority(dir: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
    let key = KeyPair::generate().expect("a key can be made");
    let ca = CertifiedIssuer::self_signed(params, key).expect("an authority can be made");
    std::fs::write(dir.join("ca.pem"), ca.pem()).expect("a file can be written");
    ca
}

/// A server of HTTP over TLS that answers every request with 204, by a certificate for `name` that ends in so many days.
async fn web(ca: &CertifiedIssuer<'static, KeyPair>, name: &str, ends: i64, task: &mut JoinSet<()>) -> u16 {
    let key = KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new([name.to_owned()]).expect("the name is one");
    let day = Duration::from_secs(86_400);
    let begins = SystemTime::now() - 60 * day;
    // An hour more, so that the days are the same however long the test takes.
    let end = begins + u32::try_from(60 + ends).expect("not so long ago") * day + Duration::from_secs(3_600);
    (params.not_before, params.not_after) = (begins.into(), end.into());
    let made = params.signed_by(&key, ca).expect("a certificate can be signed");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())))
        .expect("they go together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    task.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 4_096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn http(url: &str, more: &str) -> String {
    format!("http.url = \"{url}\"\n{more}")
}

fn answer(status: u16, header: Option<(&str, &str)>) -> Response<Body> {
    let builder = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    let builder = header.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    builder.body(Body::empty()).expect("the answer can be built")
}

/// What certificates and connections lack, each at a door of its own, all of them side by side.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_on_the_way_is_said_with_its_mend() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let (ca, mut tasks) = (authority(dir.path()), JoinSet::new());
    let trust = format!("http.ca_file = \"{}/ca.pem\"", dir.path().display());
    let [good, soon, expired, other] =
        [("127.0.0.1", 90), ("127.0.0.1", 3), ("127.0.0.1", -2), ("cms.paper.example", 90)];
    let good = web(&ca, good.0, good.1, &mut tasks).await;
    let soon = web(&ca, soon.0, soon.1, &mut tasks).await;
    let expired = web(&ca, expired.0, expired.1, &mut tasks).await;
    let other = web(&ca, other.0, other.1, &mut tasks).await;
    let url = |port: u16| format!("https://127.0.0.1:{port}/in");
    let scene = scene(&[
        ("a-good", "", http(&url(good), &trust)),
        ("b-soon", "", http(&url(soon), &trust)),
        ("c-expired", "", http(&url(expired), &trust)),
        ("d-other-name", "", http(&url(other), &trust)),
        ("e-unknown", "", http(&format!("{}/unknown", url(good)), "")),
        (
            "f-pin",
            "",
            http(
                &format!("{}/pin", url(good)),
                &format!("{trust}\nhttp.pin = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]"),
            ),
        ),
        ("g-closed", "", http(&url(free_port()), "")),
        (
            "h-secret",
            "",
            http(
                &format!("{}/secret", url(good)),
                &format!("{trust}\nhttp.auth = {{ bearer = \"env:NOBODY_SETS_THIS\" }}"),
            ),
        ),
    ]);
    let (code, out, why) = tried(&scene, &[]);
    assert_eq!((code, why.as_str()), (69, ""), "{out}");
    let out = without_pins(&redacted(&out, &scene));
    insta::assert_snapshot!(out, @r#"
    valley-record/a-good: http https://127.0.0.1:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ TLS N ms  1.3, a certificate for 127.0.0.1 by Authority of the tests, good until DATE, 90 days left
      ✓ login N ms  HEAD is answered 204 No Content

    valley-record/b-soon: http https://127.0.0.1:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  1.3, a certificate for 127.0.0.1 by Authority of the tests, good until DATE, 3 days left
                            → tell the partner to renew it: nothing is delivered when it has ended
      ✓ login N ms  HEAD is answered 204 No Content

    valley-record/c-expired: http https://127.0.0.1:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ TLS N ms  its certificate ended at DATE (it is a certificate for 127.0.0.1 by Authority of the tests, good until DATE)
                            → the partner has to renew it

    valley-record/d-other-name: http https://127.0.0.1:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ TLS N ms  its certificate is for cms.paper.example, and not for 127.0.0.1 (it is a certificate for cms.paper.example by Authority of the tests, good until DATE)
                            → check the host's name with the partner, who has to have a certificate for it

    valley-record/e-unknown: http https://127.0.0.1:PORT/in/unknown
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ TLS N ms  its certificate is of no authority that is trusted here (it is a certificate for 127.0.0.1 by Authority of the tests, good until DATE)
                            → if it has one of its own, give the destination its ca_file

    valley-record/f-pin: http https://127.0.0.1:PORT/in/pin
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ TLS N ms  its public key is PIN which is not in pin (it is a certificate for 127.0.0.1 by Authority of the tests, good until DATE)
                            → ask the partner, and add it if the key is theirs

    valley-record/g-closed: http https://127.0.0.1:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✗ connection N ms  127.0.0.1:PORT: Connection refused (os error 111)
                            → nothing takes connections there: ask the partner whether its server runs, whether this is the port, and whether a firewall turns this machine away

    valley-record/h-secret: http https://127.0.0.1:PORT/in/secret
      ✗ secrets N ms  the environment variable NOBODY_SETS_THIS is not set; set it, or use "file:PATH"
                            → try the door as the daemon's user (sudo -u newswired …), with its variables; what is a credential: is there for its unit alone (systemd-run -p LoadCredential=NAME:PATH …)
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ TLS N ms  1.3, a certificate for 127.0.0.1 by Authority of the tests, good until DATE, 90 days left

    6 of 8 destinations are in trouble: valley-record/c-expired (TLS), valley-record/d-other-name (TLS), valley-record/e-unknown (TLS), valley-record/f-pin (TLS), valley-record/g-closed (connection), valley-record/h-secret (secrets).
    "#);
    let (code, out, _) = tried(&scene, &["--destination", "a-good"]);
    assert_eq!((code, out.lines().last()), (0, Some("valley-record/a-good is well.")), "{out}");
    assert_eq!(tried(&scene, &["--destination", "a-god"]).0, 64);
    assert!(!scene.ledger().exists(), "a try has no ledger");
}

fn without_pins(text: &str) -> String {
    let word = |word: &str| if word.starts_with("sha256/") { "PIN".to_owned() } else { word.to_owned() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A name that there is not is one door's trouble, and said as such.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_there() {
    let scene = scene(&[("main", "", http("https://nowhere.invalid/in", ""))]);
    let (code, out, _) = tried(&scene, &["--json"]);
    let report: Value = serde_json::from_str(&out).expect("a line of JSON");
    assert_eq!((code, report["well"].as_bool()), (69, Some(false)), "{report}");
    let steps = report["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 2, "what lies behind a name cannot be seen: {report}");
    assert_eq!((steps[0]["part"].as_str(), steps[0]["verdict"].as_str()), (Some("secrets"), Some("well")));
    assert_eq!((steps[1]["part"].as_str(), steps[1]["verdict"].as_str()), (Some("name"), Some("trouble")));
    assert!(
        steps[1]["found"].as_str().is_some_and(|found| found.contains("no address for nowhere.invalid")),
        "{report}"
    );
    assert!(steps[1]["mend"].as_str().is_some_and(|mend| mend.contains("spelling")), "{report}");
}

/// What an endpoint says to a question, and what that means. It is asked nothing but the two questions, and a token.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_answers_is_said_with_its_mend() {
    let partner = Recorder::new(|request: &Value| {
        let path = request["url"].as_str().unwrap_or_default().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let knows = request["headers"]["authorization"] == format!("Bearer {TOKEN}");
        match (path.as_str(), request["method"].as_str()) {
            ("pushes", Some("OPTIONS")) => answer(204, Some(("allow", "OPTIONS, POST"))),
            ("pushes", _) => answer(405, None),
            ("", _) => answer(301, Some(("location", "/login"))),
            (story, Some("OPTIONS")) if story.starts_with("stories/urn%3Anewswire%3Atest%3A") => {
                answer(204, Some(("allow", "PUT")))
            }
            (story, _) if story.starts_with("stories/") => answer(404, None),
            ("late", _) => answer(200, Some(("date", "Thu, 26 Nov 2020 12:00:00 GMT"))),
            ("reads", Some("OPTIONS")) => answer(200, Some(("allow", "GET, HEAD, OPTIONS"))),
            ("asks" | "asks/too", _) if !knows => answer(401, Some(("www-authenticate", "Bearer realm=\"cms\""))),
            ("moved", _) => answer(308, Some(("location", "/pushes"))),
            ("missing", _) => answer(404, None),
            ("token", _) => answer(401, None),
            _ => answer(200, None),
        }
    })
    .await;
    let root = &partner.root;
    let at = |path: &str, more: &str| http(&format!("{root}/{path}"), more);
    let oauth = format!(
        "http.auth.oauth = {{ token_url = \"{root}/token\", client_id = \"newswired\", client_secret = \"env:OLD_TOKEN\" }}"
    );
    let mut scene = scene(&[
        ("a-pushes", "", at("pushes", "")),
        ("b-reads", "", at("reads", "")),
        ("c-known", "", at("asks", "http.auth = { bearer = \"env:PARTNER_TOKEN\" }")),
        ("d-unknown", "", at("asks/too", "http.auth = { bearer = \"env:OLD_TOKEN\" }")),
        ("e-missing", "", at("missing", "")),
        ("f-moved", "", at("moved", "")),
        ("g-late", "", at("late", "http.signing_secret = \"env:PARTNER_TOKEN\"")),
        ("h-oauth", "", at("other", &oauth)),
        ("i-stories", "", at("stories/{{ guid }}", "http.method = \"PUT\"")),
    ]);
    scene.environment.push(("PARTNER_TOKEN", TOKEN.to_owned()));
    scene.environment.push(("OLD_TOKEN", "token-of-yesterday".to_owned()));
    let (code, out, why) = tried_with(&scene, &[]);
    assert_eq!((code, why.as_str()), (69, ""), "{out}");
    assert!(!out.contains(TOKEN) && !out.contains("token-of-yesterday"), "no secret is shown");
    let asked = partner.requests();
    let odd = asked.iter().find(|request| {
        !matches!(request["method"].as_str(), Some("OPTIONS" | "HEAD"))
            && !request["url"].as_str().is_some_and(|url| url.ends_with("/token"))
    });
    assert!(odd.is_none(), "{odd:?}");
    assert!(asked.iter().all(|request| request["body"] == "" || request["method"] == "POST"));
    // How far the clock is off changes from run to run.
    let out: Vec<String> = redacted(&out, &scene)
        .lines()
        .map(|line| match line.split_once("the server's is ") {
            Some((before, after)) => {
                format!("{before}the server's is N {}", after.split_once(' ').map_or("", |(_, rest)| rest))
            }
            None => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(out.join("\n"), @r#"
    valley-record/a-pushes: http http://127.0.0.1:PORT/pushes
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  HEAD is answered 405 Method Not Allowed, as is usual where only pushes are taken; OPTIONS says that it takes POST

    valley-record/b-reads: http http://127.0.0.1:PORT/reads
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ login N ms  POST is none of the methods that it takes there (GET, HEAD, OPTIONS)
                            → check url with the partner, and method

    valley-record/c-known: http http://127.0.0.1:PORT/asks
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  HEAD is answered 200 OK

    valley-record/d-unknown: http http://127.0.0.1:PORT/asks/too
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ login N ms  HEAD is answered 401 Unauthorized: Bearer realm="cms"
                            → it does not take auth.bearer: compare it with what the partner has, and ask whether it was replaced

    valley-record/e-missing: http http://127.0.0.1:PORT/missing
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ! login N ms  HEAD is answered 404 Not Found, as is usual where only pushes are taken
                            → if deliveries are answered 404 too, check url with the partner

    valley-record/f-moved: http http://127.0.0.1:PORT/moved
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ login N ms  HEAD is answered 308 Permanent Redirect: it leads to http://127.0.0.1:PORT/pushes; write that address as url, or add "127.0.0.1:PORT" to redirects
                            → ask the partner for the address that pushes go to, and write it as url

    valley-record/g-late: http http://127.0.0.1:PORT/late
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  HEAD is answered 200 OK
      ✗ clock N ms  the server's is N s behind ours
                            → see whose clock is wrong (timedatectl says whether ours is synchronised): receivers refuse a signature whose time is five minutes off

    valley-record/h-oauth: http http://127.0.0.1:PORT/other
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ token N ms  no access token from 127.0.0.1:PORT: answered 401 Unauthorized; check client_id, client_secret and scope
                            → check token_url, client_id and client_secret of auth.oauth; ask whoever runs the token endpoint whether it knows this client, and what it may have

    valley-record/i-stories: http http://127.0.0.1:PORT/stories/{{ guid }}
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  HEAD is answered 404 Not Found, as is usual where only pushes are taken; OPTIONS says that it takes PUT

    5 of 9 destinations are in trouble: valley-record/b-reads (login), valley-record/d-unknown (login), valley-record/f-moved (login), valley-record/g-late (clock), valley-record/h-oauth (token).
    "#);
}

/// [`tried`] with the scene's environment.
fn tried_with(scene: &Scene, more: &[&str]) -> (i32, String, String) {
    let mut command = support::newswired();
    command.args(["partner", "test", "--partner", "valley-record"]).args(more).arg("--config").arg(scene.config());
    command.envs(scene.environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().expect("the program can be run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

/// A test item goes only where the partner knows of it: whole, signed, marked, and taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_sent_where_it_is_allowed_and_taken_back() {
    let partner = sink(SinkOptions::default()).await;
    let recorder = Recorder::new(|_: &Value| answer(200, None)).await;
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).expect("a directory can be made");
    let secret = dir.path().join("secret");
    std::fs::write(&secret, SECRET).expect("a file can be written");
    let signed = format!("http.signing_secret = \"file:{}\"", secret.display());
    let directory = format!("directory.path = \"{}\"", folder.display());
    let scene = scene(&[
        ("files", "test_items = true", directory),
        ("never", "", http(&format!("{}/never", recorder.root), "")),
        ("seen", "test_items = true", http(&format!("{}/seen", recorder.root), &signed)),
        ("sink", "test_items = true", http(&format!("http://{}/", partner.address()), &signed)),
    ]);
    let (code, out, why) = tried(&scene, &["--item"]);
    assert_eq!((code, why.as_str()), (0, ""), "{out}");
    assert_eq!(standing(&folder).len(), 0, "nothing stays");
    assert!(out.contains("TEST-"), "{out}");
    // The sink verifies signatures and digests.
    let [story] = partner.stories().into_iter().collect::<Vec<_>>().try_into().expect("one story arrived");
    assert!(format!("{story:?}").contains("urn:newswire:test:"), "{story:?}");
    let requests = recorder.requests();
    let pushes: Vec<&Value> = requests.iter().filter(|request| request["method"] == "POST").collect();
    let header = |request: &Value, name: &str| request["headers"][name].as_str().unwrap_or_default().to_owned();
    let actions: Vec<String> = pushes.iter().map(|push| header(push, "newswire-action")).collect();
    assert_eq!(actions, ["publish", "kill"]);
    for push in &pushes {
        assert!(push["url"].as_str().is_some_and(|url| url.ends_with("/seen")), "{push}");
        assert_eq!(header(push, "newswire-test"), "true");
        assert!(header(push, "newswire-story").starts_with("urn:newswire:test:"));
        assert!(push["headers"].get("newswire-sequence").is_none(), "it has no number");
        assert!(!header(push, "webhook-signature").is_empty());
    }
    let (code, _, why) = tried(&scene, &["--item", "--destination", "never"]);
    assert_eq!(code, 64);
    insta::assert_snapshot!(why, @r#"no destination of valley-record allows test items: one would stand among the partner's news for a moment. Ask the partner; if it knows of them, write test_items = true in [destinations.NAME]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_take_files() {
    let (sshd, dav, ftpd, bucket) = tokio::join!(Sshd::start(""), Dav::start(), Ftpd::start("tls"), Bucket::start());
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let good = sshd.table("");
    let stranger =
        good.replace(&sshd.file("client").display().to_string(), &sshd.file("stranger").display().to_string());
    let other_host = good.replace(&sshd.public("host"), &sshd.public("client"));
    let trust = ftpd.trust();
    let table = |kind: &str, name: &str, table: &str| format!("[destinations.{name}.{kind}]\n{table}");
    std::fs::create_dir_all(bucket.folder("in")).expect("a folder can be made");
    let doors: Vec<(&str, &str, String)> = vec![
        ("a-sftp", "", table("sftp", "a-sftp", &good)),
        ("b-stranger", "", table("sftp", "b-stranger", &stranger.replace("\"incoming\"", "\"a\""))),
        ("c-other-host", "", table("sftp", "c-other-host", &other_host.replace("\"incoming\"", "\"b\""))),
        ("d-no-folder", "", table("sftp", "d-no-folder", &good.replace("\"incoming\"", "\"missing\""))),
        ("e-webdav", "", table("webdav", "e-webdav", &dav.table("/dav/", ""))),
        ("f-locked", "", table("webdav", "f-locked", &dav.table("/locked/", ""))),
        ("g-nobody", "", table("webdav", "g-nobody", &dav.table("/dav/x/", "").replace("\"wire\"", "\"wires\""))),
        ("h-ftp", "", table("ftp", "h-ftp", &ftpd.table("incoming", "password", &trust))),
        ("i-password", "", table("ftp", "i-password", &ftpd.table("in", "wrong", &trust))),
        ("j-s3", "", table("s3", "j-s3", &bucket.table("wire", "in", "key"))),
        ("k-keys", "", table("s3", "k-keys", &bucket.table("wire", "other", "wrong"))),
        ("l-unmounted", "", table("directory", "l-unmounted", &format!("path = \"{}/missing\"", dir.path().display()))),
    ];
    let scene = scene(&doors);
    let (code, out, why) = tried(&scene, &[]);
    assert_eq!((code, why.as_str()), (69, ""), "{out}");
    for folder in [sshd.folder(), dav.folder(""), ftpd.folder("incoming"), bucket.folder("in")] {
        assert_eq!(standing(&folder).len(), 0, "nothing stays in {}", folder.display());
    }
    let user =
        String::from_utf8(std::process::Command::new("id").arg("-un").output().expect("id(1) can be run").stdout);
    let user = format!("\"{}\"", user.expect("a name is UTF-8").trim());
    let out = redacted(&out, &scene).replace(&user, "\"USER\"");
    let out = out.replace(&format!("sftp://{}@", user.trim_matches('"')), "sftp://USER@");
    let out = out.replace(&dir.path().display().to_string(), "PLACE");
    insta::assert_snapshot!(out, @r#"
    valley-record/a-sftp: sftp sftp://USER@127.0.0.1:PORT/incoming
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ login N ms  "USER" is let in by a server whose key is the one that is known
      ✓ folder N ms  a test file was written, moved and removed

    valley-record/b-stranger: sftp sftp://USER@127.0.0.1:PORT/a
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ login N ms  127.0.0.1 does not let the user "USER" in; check user and private_key
                            → compare host_key and user with the partner, and ask whether our key (ecdsa-sha2-nistp256 KEY) is entered for it

    valley-record/c-other-host: sftp sftp://USER@127.0.0.1:PORT/b
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✗ login N ms  127.0.0.1:PORT shows another key than the configuration says (KEY); ask its operator whether the key was changed: if it was not, somebody stands between
                            → compare host_key and user with the partner, and ask whether our key (ssh-ed25519 KEY) is entered for it

    valley-record/d-no-folder: sftp sftp://USER@127.0.0.1:PORT/missing
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ login N ms  "USER" is let in by a server whose key is the one that is known
      ✗ folder N ms  "missing/.newswire-test-N.part-": No such file: No such file; make the folder, or check path, or set make_folders
                            → make the folder if it is missing; have the partner let the user write, rename and remove files in it, and look whether there is room

    valley-record/e-webdav: webdav http://127.0.0.1:PORT/dav/
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  /dav/ is a folder that we may look into
      ✓ folder N ms  a test file was written, moved and removed

    valley-record/f-locked: webdav http://127.0.0.1:PORT/locked/
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  /locked/ is a folder that we may look into
      ✗ folder N ms  PUT /locked/.newswire-test-N.part-: answered 403 Forbidden: <!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN' 'http://www.w3.org/TR/html4/strict.dtd'> <html><head> <meta http-equiv='Content-Type' content='text/html; charset=utf-8'> <title>403 Forbidden</ti
                            → make the folder if it is missing; have the partner let the user write, rename and remove files in it, and look whether there is room

    valley-record/g-nobody: webdav http://127.0.0.1:PORT/dav/x/
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ login N ms  PROPFIND /dav/x/: answered 401 Unauthorized: <html> <head><title>401 Access not authorized</title></head> <body> <h1>401 Access not authorized</h1> </body> </html>
                            → compare user and password with the partner, and ask whether they are good for this folder

    valley-record/h-ftp: ftp ftp://wire@localhost:PORT/incoming
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ name N ms  localhost is 127.0.0.1
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ TLS N ms  1.3, a certificate for localhost by rcgen self signed cert, good until DATE, N days left
      ✓ login N ms  "wire" is let in
      ✓ folder N ms  a test file was written, moved and removed

    valley-record/i-password: ftp ftp://wire@localhost:PORT/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ name N ms  localhost is 127.0.0.1
      ✓ connection N ms  to 127.0.0.1:PORT
      ✓ TLS N ms  1.3, a certificate for localhost by rcgen self signed cert, good until DATE, N days left
      ✗ login N ms  localhost:PORT does not let the user "wire" in: 530 Authentication failed.; check user and password
                            → compare user and password with the partner, and ask how many logins its server allows

    valley-record/j-s3: s3 http://127.0.0.1:PORT/wire/in
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✓ login N ms  the store knows our keys, and lets us look into the bucket
      ✓ folder N ms  a test file was written, moved and removed

    valley-record/k-keys: s3 http://127.0.0.1:PORT/wire/other
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✓ connection N ms  to 127.0.0.1:PORT
      ! TLS N ms  none, since the address is http://: everybody on the way reads what is sent
                            → use it inside a network that is trusted, and with TLS elsewhere
      ✗ login N ms  a look into the bucket: answered 403 Forbidden: <?xml version="1.0" encoding="UTF-8"?><Error><Code>SignatureDoesNotMatch</Code></Error>; check access_key, secret_key and region
                            → compare endpoint, region, bucket and the keys with the partner

    valley-record/l-unmounted: directory PLACE/missing
      ✓ secrets N ms  all that the destination refers to can be read and used
      ✗ login N ms  PLACE/missing is not there; mount it, or make it
                            → see whether its disk is mounted (findmnt), and whether the daemon's user may enter it

    8 of 12 destinations are in trouble: valley-record/b-stranger (login), valley-record/c-other-host (login), valley-record/d-no-folder (folder), valley-record/f-locked (folder), valley-record/g-nobody (login), valley-record/i-password (login), valley-record/k-keys (login), valley-record/l-unmounted (login).
    "#);
}
