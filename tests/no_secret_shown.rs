//! Promise 11: no secret is shown, whatever goes wrong and however much is logged.

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use newswired::sink::SinkOptions;
use serde_json::Value;
use support::recorder::Recorder;
use support::{Partner, SECRET, Scene, TOKEN, article, get, ordered, secrets, sink, until, url};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn neither_logs_nor_pages_nor_arguments_hold_a_secret() {
    const PASSWORD: &str = "correct-horse-battery";
    let good = sink(SinkOptions::default()).await;
    let with_keys = sink(SinkOptions::default()).await;
    let refusing = sink(SinkOptions { status: 401, ..SinkOptions::default() }).await;
    let partner = |id, url| Partner {
        id,
        format: "json",
        url,
        more: "auth = { basic = { user = \"newswired\", password = \"env:NEWSWIRED_TEST_PASSWORD\" } }",
    };
    let key = "auth = { query = { name = \"key\", value = \"env:NEWSWIRED_TEST_PASSWORD\" } }";
    let with_key = |id, url| Partner { more: key, ..partner(id, url) };
    let oauth = "auth = { oauth = { token_url = \"http://127.0.0.1:1/token\", client_id = \"x\", \
                 client_secret = \"env:NEWSWIRED_TEST_PASSWORD\", auth_style = \"body\" } }";
    let partners = [
        partner("good", url(&good)),
        partner("refusing", url(&refusing)),
        with_key("good-with-key", url(&with_keys)),
        with_key("refusing-with-key", format!("{}{{{{ guid }}}}", url(&refusing))),
        with_key("nowhere-with-key", "http://127.0.0.1:1/".to_owned()),
        Partner { more: oauth, ..partner("without-token", url(&good)) },
    ];
    let mut scene = Scene::new(&partners, "", "");
    scene.environment.push(("NEWSWIRED_TEST_PASSWORD", PASSWORD.to_owned()));
    scene.start_and_publish(&article("one", 1, "publish")).await;
    scene.post("application/json", b"not an article").await;
    let wrong = scene.post_as("a-wrong-token", "application/json", b"{}").await;
    assert_eq!(wrong.0, 401);
    until(Duration::from_secs(20), "two are delivered and the others refused", async || {
        let log = scene.log();
        good.stats().accepted == 1
            && with_keys.stats().accepted == 1
            && refusing.stats().received >= 2
            && log.contains("answered 401")
            && log.contains("no access token")
    })
    .await;
    let mut shown = scene.log();
    for path in ["/metrics", "/readyz", "/healthz"] {
        shown.push_str(&get(scene.admin, path).await.expect("the admin port answers").1);
    }
    shown.push_str(&scene.command_line());
    assert!(shown.contains("newswired_attempts_total"), "the metrics are in it");
    let basic = BASE64.encode(format!("newswired:{PASSWORD}"));
    let key = SECRET.trim_start_matches("whsec_");
    for secret in [TOKEN, key, PASSWORD, &basic, &BASE64.encode(PASSWORD), "a-wrong-token"] {
        let line = shown.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "a secret is shown: {line:?}");
    }
    assert_eq!(scene.terminate().await, Some(0));
}

/// A server as careless as can be: it repeats all that it was sent, whatever it was.
fn repeating(status: u16) -> impl Fn(&Value) -> Response<Body> + Clone + Send + Sync + 'static {
    move |request| {
        if request["url"].as_str().is_some_and(|url| url.ends_with("/granted")) {
            secrets::register(ACCESS);
            let granted = format!(r#"{{"access_token":"{ACCESS}","token_type":"Bearer","expires_in":3600}}"#);
            return Response::new(Body::from(granted));
        }
        let sent = BASE64.decode(request["body"].as_str().unwrap_or_default()).unwrap_or_default();
        let sent = String::from_utf8_lossy(&sent).into_owned();
        // What is short comes first, since no more than the start of an answer is told.
        let auth = request["headers"]["authorization"].as_str().or(request["headers"]["x-key"].as_str());
        let auth = auth.or(request["headers"]["proxy-authorization"].as_str()).unwrap_or_default();
        let told = serde_json::json!({ "code": "rest_forbidden", "message": format!("{auth} {sent} {} {}", request["url"], request["headers"]) });
        Response::builder().status(status).body(Body::from(told.to_string())).expect("the answer can be built")
    }
}

const ACCESS: &str = "an-access-token-that-was-fetched";

/// An FTP server that repeats each command, and lets nobody in. It serves until its test ends.
async fn repeating_ftp() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 hello\r\n").await;
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let status = if line.starts_with("USER") { 331 } else { 530 };
                let answer = format!("{status} {line}\r\n");
                if lines.get_mut().get_mut().write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[cfg(all(feature = "ftp", feature = "s3", feature = "sftp", feature = "webdav"))]
#[tokio::test(flavor = "multi_thread")]
async fn what_doors_have_as_secrets_is_shown_by_none_of_them() {
    let own = Recorder::new(repeating(401)).await;
    let proxy = Recorder::new(repeating(407)).await;
    let (root, proxy, ftp) = (&own.root, &proxy.root, repeating_ftp().await);
    let http = |more: &str| format!("http]\nurl = \"{root}/in\"\n{more}");
    let token = |at: &str, style: &str| {
        http(&format!(
            "auth.oauth = {{ token_url = \"{root}/{at}\", client_id = \"x\", client_secret = \"env:CLIENT\", auth_style = \"{style}\" }}"
        ))
    };
    let certificate = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate is made");
    let doors = [
        ("bearer", http("auth = { bearer = \"env:BEARER\" }")),
        ("basic", http("auth = { basic = { user = \"wire\", password = \"env:BASIC\" } }")),
        ("header", http("auth = { header = { name = \"x-key\", value = \"env:HEADER\" } }")),
        ("query", http("auth = { query = { name = \"key\", value = \"env:QUERY\" } }")),
        (
            "signed",
            http(
                "signing_secret = \"env:SIGNING\"\nmessage_signature = { algorithm = \"hmac-sha256\", key = \"env:MESSAGE\", keyid = \"k\" }\nbody_signature = { preset = \"github\", secret = \"env:BODY\" }",
            ),
        ),
        ("granted", token("granted", "basic")),
        ("by-basic", token("refused", "basic")),
        ("by-body", token("refused", "body")),
        ("proxied", http(&format!("proxy = {{ url = \"{proxy}\", user = \"wire\", password = \"env:PROXY\" }}"))),
        (
            "mutual",
            format!(
                "http]\nurl = \"https://127.0.0.1:{ftp}/\"\nclient_certificate = {{ file = \"PLACE/client.pem\", key = \"file:PLACE/client.key\" }}"
            ),
        ),
        (
            "wordpress",
            format!("wordpress]\nurl = \"{root}/\"\nuser = \"wire\"\napplication_password = \"env:WORDPRESS\""),
        ),
        ("webdav", format!("webdav]\nurl = \"{root}/dav\"\nuser = \"wire\"\npassword = \"env:WEBDAV\"")),
        (
            "s3",
            format!(
                "s3]\nendpoint = \"{root}\"\nregion = \"x\"\nbucket = \"wire\"\npath_style = true\naccess_key = \"env:ACCESS_KEY\"\nsecret_key = \"env:SECRET_KEY\""
            ),
        ),
        (
            "ftp",
            format!(
                "ftp]\nhost = \"127.0.0.1\"\nport = {ftp}\nuser = \"wire\"\npassword = \"env:FTP\"\ntls = \"none\""
            ),
        ),
        (
            "sftp",
            format!(
                "sftp]\nhost = \"127.0.0.1\"\nport = {ftp}\nuser = \"wire\"\npassword = \"env:SFTP\"\nhost_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYgB2c9cO3lny+FEMSG7ywGZq0ay8d4Z2tZXkf7VJut\""
            ),
        ),
    ];
    let mut scene = Scene::new(&[], "connect_timeout = \"5s\"", "");
    let place = scene.dir.path().display().to_string();
    let table = |(name, table): &(&str, String)| {
        let format = if *name == "wordpress" { "wordpress" } else { "json" };
        format!(
            "[destinations.{name}]\nformat = \"{format}\"\n[destinations.{name}.{}\n",
            table.replace("PLACE", &place).replace("/in\"", &format!("/in/{name}\""))
        )
    };
    let partner = format!("name = \"The Record\"\n{}", doors.iter().map(table).collect::<String>());
    for (file, text) in [
        ("partners.d/record.toml", partner),
        ("client.pem", certificate.cert.pem()),
        ("client.key", certificate.signing_key.serialize_pem()),
    ] {
        std::fs::write(scene.dir.path().join(file), text).expect("a file can be written");
    }
    for name in [
        "BEARER",
        "BASIC",
        "HEADER",
        "QUERY",
        "MESSAGE",
        "BODY",
        "CLIENT",
        "PROXY",
        "WEBDAV",
        "ACCESS_KEY",
        "SECRET_KEY",
        "FTP",
        "SFTP",
    ] {
        scene.environment.push((name, secrets::made(&format!("{name}/of-the?tests+~"))));
    }
    scene.environment.push(("WORDPRESS", secrets::made("abcd EFGH 1234 ijkl MNOP 5678")));
    scene.environment.push(("SIGNING", format!("whsec_{}", BASE64.encode("signing-key-of-the-tests-0123456"))));
    scene.start_and_publish(&article("one", 1, "publish")).await;
    // Each has failed, and says how.
    let deliveries = ["deliveries", "--story", "urn:test:one", "--json"];
    until(Duration::from_secs(40), "every door has failed", async || {
        let told = ordered(&scene, &deliveries);
        doors.iter().all(|(name, _)| {
            let of = |line: &&str| line.contains(&format!("record/{name}\""));
            told.lines().find(of).is_some_and(|line| line.contains("\"reason\":\""))
        })
    })
    .await;
    for verb in [
        &["why", "--story", "urn:test:one", "--partner", "record"][..],
        &["stats"],
        &["deliveries"],
        &["quarantine", "list"],
        &["check"],
    ] {
        let (_, out, why) = support::run(&scene, verb);
        assert!(!out.is_empty() || verb == ["check"] || verb == ["quarantine", "list"], "{verb:?}: {why}");
    }
    secrets::assert_hidden("the command line", &scene.command_line());
    // The scene looks through the log and the pages.
    assert_eq!(scene.terminate().await, Some(0));
    scene.assert_nothing_is_shown();
}
