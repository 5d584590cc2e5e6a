//! Promise 11: no secret is shown, whatever goes wrong and however much is logged.

mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use newswired::sink::SinkOptions;
use support::{Partner, SECRET, Scene, TOKEN, article, get, sink, until, url};

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
    scene.replace_in_config("level = \"info\"", "level = \"trace\"");
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
