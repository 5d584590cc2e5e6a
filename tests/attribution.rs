//! Promise 6: what cannot carry its attribution is held with its reason, for that format alone, and everybody can see it.

mod support;

use std::time::Duration;

use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use newswired::sink::SinkOptions;
use serde_json::{Value, json};
use support::{Partner, Scene, article, get, newswired, output, sink, until, url};

const SOON: Duration = Duration::from_secs(30);

/// A page that goes without the attribution for one story, which no look ahead can know.
const PAGE: &str = "<!DOCTYPE html><html><head><title>{{ headline }}</title></head><body>\
                    {% if headline == \"Headline of bare\" %}{{ story_html }}{% else %}{{ body_html }}{% endif %}\
                    </body></html>";

const PROFILE: &str = "[profiles.page]\nformat = \"template\"\n[profiles.page.template]\nfile = \"PLACE/page.html\"\n\
                       content_type = \"text/html\"\nextension = \"html\"\n";

fn deliveries(scene: &Scene, story: &str) -> Vec<DeliveryRecord> {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let filter = DeliveryFilter { story: Some(format!("urn:test:{story}")), limit: 10, ..DeliveryFilter::default() };
    let mut list = reader.deliveries(&filter).expect("deliveries can be listed");
    list.sort_by(|one, other| one.destination.cmp(&other.destination));
    list
}

async fn ended(scene: &Scene, story: &str) -> Vec<(String, String)> {
    let is_over = |delivery: &DeliveryRecord| !matches!(delivery.state.as_str(), "waiting" | "held" | "attempting");
    until(SOON, &format!("{story} has its ends"), async || {
        let list = deliveries(scene, story);
        list.len() == 2 && list.iter().all(is_over)
    })
    .await;
    deliveries(scene, story).into_iter().map(|one| (one.state, one.reason.unwrap_or_default())).collect()
}

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut article: Value = serde_json::from_slice(&article(name, 1, "publish")).expect("it is JSON");
    change(&mut article);
    article.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_carry_it_is_held_and_seen() {
    let json_door = sink(SinkOptions::default()).await;
    let page_door = sink(SinkOptions::default()).await;
    let partners = [
        Partner { id: "data", format: "json", url: url(&json_door), more: "" },
        Partner { id: "web", format: "page", url: url(&page_door), more: "" },
    ];
    let mut scene = Scene::new(&partners, "", PROFILE);
    std::fs::write(scene.dir.path().join("page.html"), PAGE).expect("a file can be written");
    let place = scene.dir.path().display().to_string();
    scene.replace_in_config("PLACE", &place);

    // The proof does not find what one format's writer left out: the other goes on.
    scene.start_and_publish(&article("bare", 1, "publish")).await;
    let [data, web] = &ended(&scene, "bare").await[..] else { panic!("two partners") };
    assert_eq!(data.0, "delivered");
    assert_eq!(web.0, "refused");
    for lacking in ["the logo", "the affiliation", "the licence"] {
        assert!(web.1.contains(lacking), "{lacking}: {}", web.1);
    }
    assert_eq!(page_door.stats().received, 0, "not a byte of it left");
    let (_, metrics) = get(scene.admin, "/metrics").await.expect("the admin port answers");
    assert!(metrics.contains("newswired_proof_failures_total 1"), "{metrics}");
    let listed = output(newswired().args(["quarantine", "list", "--config"]).arg(scene.config()));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("urn:test:bare version 1 as template"), "{listed}");

    // A story that names no reporter cannot be credited in any format.
    let (status, _) = scene.post("application/json", &changed("nobody", |it| it["authors"] = json!([]))).await;
    assert_eq!(status, 202);
    for (state, reason) in ended(&scene, "nobody").await {
        assert_eq!(state, "refused", "{reason}");
        assert!(reason.contains("byline: the article names no reporter; give it `authors` or a `byline`"), "{reason}");
    }

    // Somebody else's picture is left behind, and the delivery says so.
    let picture = json!([{
        "kind": "picture", "holder": "Bay Pictures", "caption": "A pier",
        "renditions": [{ "name": "main", "href": "https://cdn.example.org/pier.jpg" }],
    }]);
    scene.post("application/json", &changed("pictured", |it| it["media"] = picture)).await;
    for (state, reason) in ended(&scene, "pictured").await {
        assert_eq!(state, "delivered", "{reason}");
        assert!(reason.contains("it went without picture of Bay Pictures"), "{reason}");
    }
    let shown = output(newswired().args(["deliveries", "--config"]).arg(scene.config()));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Bay Pictures"));
    assert_eq!(scene.terminate().await, Some(0));
}
