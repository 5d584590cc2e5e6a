//! A partner that runs WordPress: a real one, with its database, and a browser that shows what its readers see.

mod support;

use std::time::Duration;

use newswired::ledger::{DeliveryFilter, DeliveryRecord, SqliteReader};
use serde_json::{Value, json};
use support::wordpress::{Proxy, Site};
use support::{Scene, article, newswired, output, project, until};

const SOON: Duration = Duration::from_secs(30);

/// A daemon whose only partner is the site at `url`. `more` is more of its destination's table.
fn scene(site: &Site, url: &str, user: &str, more: &str) -> Scene {
    let scene = Scene::new(&[], "", "");
    let password = site.password_file(user);
    let partner = format!(
        "name = \"The Valley Record\"\n[destinations.site]\nformat = \"wordpress\"\n[destinations.site.wordpress]\nurl = \"{url}\"\nuser = \"{user}\"\napplication_password = \"file:{}\"\nwrite_timeout = \"1s\"\nanswer_timeout = \"5s\"\n{more}\n",
        password.display()
    );
    let path = scene.dir.path().join("partners.d/valley-record.toml");
    std::fs::write(path, partner).expect("a partner's file can be written");
    scene.replace_in_config("https://cdn.example.org/dcnf.png", &site.logo());
    scene
}

/// An article with `changes`.
fn changed(name: &str, version: u64, action: &str, changes: Value) -> Vec<u8> {
    let mut article: Value = serde_json::from_slice(&article(name, version, action)).expect("it is JSON");
    for (field, value) in changes.as_object().expect("an object") {
        article[field] = value.clone();
    }
    article.to_string().into_bytes()
}

async fn publish(scene: &Scene, article: Vec<u8>) {
    let (status, answer) = scene.post("application/json", &article).await;
    assert_eq!(status, 202, "{answer}");
}

fn delivery(scene: &Scene) -> DeliveryRecord {
    let reader = SqliteReader::open(&scene.ledger()).expect("the ledger can be read");
    let filter = DeliveryFilter { limit: 2, ..DeliveryFilter::default() };
    let mut list = reader.deliveries(&filter).expect("deliveries can be listed");
    assert_eq!(list.len(), 1);
    list.remove(0)
}

async fn ended(scene: &Scene, version: u64, end: &str) -> DeliveryRecord {
    let is = |delivery: &DeliveryRecord| delivery.version == version && delivery.state == end;
    until(SOON, &format!("version {version} is {end}"), async || is(&delivery(scene))).await;
    delivery(scene)
}

fn text<'a>(post: &'a Value, field: &str) -> &'a str {
    post[field]["raw"].as_str().unwrap_or_else(|| panic!("no {field} in {post}"))
}

/// The only post of a story.
async fn only(site: &Site, name: &str) -> Value {
    let mut posts = site.posts(name).await;
    assert_eq!(posts.len(), 1, "{posts:?}");
    posts.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_becomes_a_post_that_follows_it_to_its_end() {
    let site = Site::shared().await;
    let (_, category) = site.rest("POST", "categories", Some(&json!({ "name": "Mairie & école – été" }))).await;
    let more = "create_terms = true\n[destinations.site.wordpress.categories]\npolitics = \"Mairie & école – été\"\n\
                [destinations.site.wordpress.tags]\nFerries = \"Boats of all kinds\"\n";
    // An author may not write all HTML: WordPress filters what he sends.
    let mut scene = scene(&site, &site.url(), "author", more);
    let body = "<p>The Port Aren council voted <strong>7-2</strong>;<br>2 &lt; 7 [gallery ids=\"1\"]\n\nnext.</p>\
                <h2>Then</h2><ul><li>one<ol><li>two</li></ol></li></ul><blockquote><p>“Quote”</p></blockquote>\
                <table><caption>Fares</caption><tr><th colspan=\"2\">A</th></tr><tr><td>1</td><td>2</td></tr></table>\
                <pre>a\n  b</pre><hr><p>H<sub>2</sub>O m<sup>2</sup> <u>u</u> <a href=\"https://example.org/?a=1&amp;b=2\">link</a></p>";
    let first = json!({
        "headline": "Council & ferry: 7 > 2", "body_html": body, "summary": "In short: <yes> & \"no\".",
        "sections": ["Politics"], "keywords": ["ferries", "unmapped"], "created": "2026-01-02T03:04:05Z",
    });
    scene.start_and_publish(&changed("ferry", 1, "publish", first.clone())).await;
    ended(&scene, 1, "delivered").await;

    let post = only(&site, "ferry-").await;
    let id = &post["id"];
    assert_eq!(post["status"], "publish");
    assert_eq!(
        (text(&post, "title"), text(&post, "excerpt")),
        ("Council &amp; ferry: 7 &gt; 2", "In short: &lt;yes&gt; &amp; \"no\".")
    );
    assert_eq!(post["categories"], json!([category["id"]]));
    assert_eq!(post["date_gmt"], "2026-01-02T03:04:05");
    let (_, tags) = site.rest("GET", "tags&slug=boats-of-all-kinds", None).await;
    assert_eq!(post["tags"], json!([tags[0]["id"]]), "a tag is made where the site has none");
    assert!(!scene.log().contains("the site changed the content"), "no filter of WordPress finds anything to change");

    // The site's editors file it elsewhere; a new version changes its texts alone.
    let (_, other) = site.rest("POST", "categories", Some(&json!({ "name": "Front page" }))).await;
    let route = format!("posts/{id}");
    site.rest("POST", &route, Some(&json!({ "categories": [other["id"]] }))).await;
    let mut second = first.clone();
    second["headline"] = "Council votes for the ferry".into();
    publish(&scene, changed("ferry", 2, "update", second.clone())).await;
    ended(&scene, 2, "delivered").await;
    second["notice"] = "An earlier version gave a wrong number of votes.".into();
    publish(&scene, changed("ferry", 3, "correct", second.clone())).await;
    ended(&scene, 3, "delivered").await;
    let post = only(&site, "ferry-").await;
    assert_eq!(&post["id"], id);
    assert_eq!((text(&post, "title"), &post["categories"]), ("Council votes for the ferry", &json!([other["id"]])));
    assert!(text(&post, "content").contains("An earlier version gave a wrong number of votes."));

    let page = post["link"].as_str().expect("a post has a page");
    assert_eq!(site.status(page).await, 200);
    readers_see_the_attribution(&site, page);
    let (code, told) = audit(&scene, page);
    assert_eq!(code, Some(0), "{told}");

    // The site's editors take the credit away, and write the first paragraph anew.
    let stripped = "<p>Councillors said yes to a boat.</p><h2>Then</h2>";
    site.rest("POST", &route, Some(&json!({ "content": stripped, "title": "Yes to a boat" }))).await;
    let (code, told) = audit(&scene, page);
    assert_eq!(code, Some(1), "{told}");
    for breach in ["does not show the logo", "does not show the byline", "does not show the licence"] {
        assert!(told.contains(breach), "{breach}: {told}");
    }
    assert!(told.contains("headline: changed to"), "{told}");

    // A post that the editors gave to another author is not an author's to change; it keeps nothing else back.
    site.rest("POST", &route, Some(&json!({ "author": 1 }))).await;
    publish(&scene, changed("ferry", 4, "update", second.clone())).await;
    let refused = ended(&scene, 4, "refused").await;
    let why = refused.reason.unwrap_or_default();
    assert!(why.contains("the post is not the WordPress user's own any more"), "{why}");
    site.rest("POST", &route, Some(&json!({ "author": post["author"] }))).await;

    publish(&scene, article("ferry", 5, "kill")).await;
    ended(&scene, 5, "delivered").await;
    assert_eq!(only(&site, "ferry-").await["status"], "trash");
    assert_eq!(site.status(page).await, 404);

    // What we took down we may bring back.
    publish(&scene, changed("ferry", 6, "publish", second)).await;
    ended(&scene, 6, "delivered").await;
    let post = only(&site, "ferry-").await;
    assert_eq!((&post["id"], &post["status"], post["link"].as_str()), (id, &json!("publish"), Some(page)));
    assert_eq!(scene.terminate().await, Some(0));
}

/// The exit code of `newswired audit` for a page, and what it prints.
fn audit(scene: &Scene, page: &str) -> (Option<i32>, String) {
    let config = scene.config();
    let mut audit = newswired();
    audit
        .args(["audit", "--partner", "valley-record", "--story", "urn:test:ferry", "--url", page, "--config"])
        .arg(config);
    let output = output(&mut audit);
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&told).into_owned())
}

/// What the wire's licence asks for, on the page as a reader's browser shows it.
fn readers_see_the_attribution(site: &Site, page: &str) {
    site.screenshot(page, &project("target/wordpress.png"));
    let seen = site.seen(page);
    let shown = seen["text"].as_str().expect("a page has a text");
    for needed in [
        "Council votes for the ferry",
        "By Amber Randall, Reporter, DCNF",
        "All republished articles must include our logo, our reporter’s byline and their DCNF affiliation.",
        "licensing@dailycallernewsfoundation.org",
        "2 < 7 [gallery ids=",
    ] {
        assert!(shown.contains(needed), "{needed:?} is not in what readers see: {shown}");
    }
    let images = seen["images"].as_array().expect("a list");
    let logo = images.iter().find(|image| image["src"] == site.logo().as_str());
    let logo = logo.unwrap_or_else(|| panic!("no logo among {images:?}"));
    assert_eq!(logo["natural"], json!([240, 60]), "the logo was loaded");
    assert_eq!(logo["alt"], "Daily Caller News Foundation");
    assert!(logo["shown"][0].as_f64() > Some(100.0) && logo["shown"][1].as_f64() > Some(20.0), "it is seen: {logo}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_makes_no_second_post() {
    let site = Site::shared().await;
    // Once the answer to the draft, once the one to its publication.
    for (name, line) in [("lost-draft", "POST /wp-json/wp/v2/posts?"), ("lost-publish", "POST /wp-json/wp/v2/posts/")] {
        let proxy = Proxy::start(site.port).await;
        let mut scene = scene(&site, &proxy.url(), "editor", "");
        proxy.lose_answer_to(line);
        scene.start_and_publish(&article(name, 1, "publish")).await;
        let delivered = ended(&scene, 1, "delivered").await;
        assert!(proxy.has_lost() && delivered.attempts == 2, "{delivered:?}");
        let post = only(&site, name).await;
        assert_eq!(post["status"], "publish");
        assert_eq!(proxy.count("POST /wp-json/wp/v2/posts?"), 1, "one post was made");

        // A kill whose answer is lost is repeated, and a later version brings the same post back.
        proxy.lose_answer_to("DELETE ");
        publish(&scene, article(name, 2, "kill")).await;
        ended(&scene, 2, "delivered").await;
        assert!(proxy.has_lost());
        assert_eq!(only(&site, name).await["status"], "trash");
        publish(&scene, article(name, 3, "publish")).await;
        ended(&scene, 3, "delivered").await;
        let again = only(&site, name).await;
        assert_eq!((&again["id"], &again["status"]), (&post["id"], &json!("publish")));
        assert_eq!(scene.terminate().await, Some(0));
    }
}

/// A request is still on its way when the next try has succeeded. It makes a post that no reader sees, and a kill takes
/// that down too.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_arrives_late_publishes_nothing() {
    let site = Site::shared().await;
    let proxy = Proxy::start(site.port).await;
    let mut scene = scene(&site, &proxy.url(), "editor", "");
    proxy.hold("POST /wp-json/wp/v2/posts?");
    scene.start_and_publish(&article("late", 1, "publish")).await;
    ended(&scene, 1, "delivered").await;
    proxy.release();
    until(SOON, "the late request has arrived", async || site.posts("late-").await.len() == 2).await;
    let statuses = |posts: &[Value]| posts.iter().map(|post| post["status"].clone()).collect::<Vec<_>>();
    assert_eq!(statuses(&site.posts("late-").await), ["publish", "draft"]);
    publish(&scene, article("late", 2, "update")).await;
    ended(&scene, 2, "delivered").await;
    assert_eq!(statuses(&site.posts("late-").await), ["publish", "draft"]);
    publish(&scene, article("late", 3, "kill")).await;
    ended(&scene, 3, "delivered").await;
    assert_eq!(statuses(&site.posts("late-").await), ["trash", "trash"]);
    assert_eq!(scene.terminate().await, Some(0));
}

/// The daemon dies after the site has the post, and before the ledger knows its number.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_found_again_after_a_crash() {
    let site = Site::shared().await;
    let proxy = Proxy::start(site.port).await;
    let mut scene =
        scene(&site, &proxy.url(), "editor", "[destinations.site.backoff]\nfirst = \"1d\"\nceiling = \"1d\"\n");
    proxy.lose_answer_to("POST /wp-json/wp/v2/posts?");
    scene.start_and_publish(&article("crash", 1, "publish")).await;
    until(SOON, "the draft is made", async || proxy.has_lost()).await;
    scene.kill();
    assert_eq!(only(&site, "crash-").await["status"], "draft");
    scene.replace_in_partner("valley-record", "1d", "1s");
    scene.start_and_publish(&article("crash", 2, "kill")).await;
    until(SOON, "the kill finds it", async || only(&site, "crash-").await["status"] == "trash").await;
    assert_eq!(scene.terminate().await, Some(0));
}

/// We never learnt of the post, and the site's editors have thrown it away meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_found_in_the_trash() {
    let site = Site::shared().await;
    let proxy = Proxy::start(site.port).await;
    let mut scene = scene(&site, &proxy.url(), "editor", "");
    proxy.lose_answer_and_shut("POST /wp-json/wp/v2/posts?");
    scene.start_and_publish(&article("thrown", 1, "publish")).await;
    until(SOON, "the draft is made", async || proxy.has_lost()).await;
    let post = only(&site, "thrown-").await;
    let (status, trashed) = site.rest("DELETE", &format!("posts/{}", post["id"]), None).await;
    assert_eq!(status, 200, "{trashed}");
    proxy.open();
    let refused = ended(&scene, 1, "refused").await;
    assert!(refused.reason.as_ref().is_some_and(|why| why.contains("it is in the site's trash")), "{refused:?}");
    assert_eq!(only(&site, "thrown-").await["status"], "trash");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sites_editors_have_the_last_word() {
    let site = Site::shared().await;
    let more = "status = \"pending\"\non_kill = \"draft\"\nauthor = 1\nslug = \"wire-{name}-{id}\"";
    let mut scene = scene(&site, &site.url(), "editor", more);
    scene.start_and_publish(&article("words", 1, "publish")).await;
    ended(&scene, 1, "delivered").await;
    let post = only(&site, "wire-words-").await;
    assert_eq!((&post["status"], &post["author"]), (&json!("pending"), &json!(1)));
    publish(&scene, article("words", 2, "kill")).await;
    ended(&scene, 2, "delivered").await;
    let post = only(&site, "wire-words-").await;
    assert_eq!(post["status"], "draft");
    assert!(text(&post, "content").contains("has been withdrawn and must not be published"), "{post}");

    publish(&scene, article("words", 3, "publish")).await;
    ended(&scene, 3, "delivered").await;
    let route = format!("posts/{}", post["id"]);
    let (status, _) = site.rest("DELETE", &route, None).await;
    assert_eq!(status, 200);
    publish(&scene, article("words", 4, "update")).await;
    let refused = ended(&scene, 4, "refused").await;
    assert!(refused.reason.as_ref().is_some_and(|why| why.contains("the partner took post")), "{refused:?}");
    assert_eq!(only(&site, "wire-words-").await["status"], "trash");
    site.rest("DELETE", &format!("{route}&force=true"), None).await;
    publish(&scene, article("words", 5, "update")).await;
    let refused = ended(&scene, 5, "refused").await;
    assert!(refused.reason.as_ref().is_some_and(|why| why.contains("it was deleted at the site")), "{refused:?}");
    assert_eq!(site.posts("wire-words-").await, [] as [Value; 0]);
    publish(&scene, article("words", 6, "kill")).await;
    ended(&scene, 6, "delivered").await;
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_takes_out_is_not_published() {
    let site = Site::shared().await;
    let mut scene = scene(&site, &site.url(), "editor", "");
    let stripped = json!({ "body_html": "<p>There is a text without pictures here.</p>" });
    scene.start_and_publish(&changed("stripped", 1, "publish", stripped)).await;
    let refused = ended(&scene, 1, "refused").await;
    let why = refused.reason.unwrap_or_default();
    assert!(
        why.contains("took out what the licence demands: the logo") && why.contains("its status stays \"draft\""),
        "{why}"
    );
    assert_eq!(only(&site, "stripped-").await["status"], "draft");
    // The next version is written into the same draft, and goes up.
    publish(&scene, article("stripped", 2, "update")).await;
    ended(&scene, 2, "delivered").await;
    assert_eq!(only(&site, "stripped-").await["status"], "publish");
    assert_eq!(scene.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_why_a_site_does_not_let_us_in() {
    let site = Site::shared().await;
    let mut scene = scene(&site, &site.url(), "author", "");
    let file = scene.dir.path().join("wrong");
    std::fs::write(&file, "abcd EFGH ijkl MNOP qrst UVWX").expect("a file can be written");
    let right = site.password_file("author");
    scene.replace_in_partner("valley-record", &right.display().to_string(), &file.display().to_string());
    scene.start_and_publish(&article("stranger", 1, "publish")).await;
    let told = || delivery(&scene).reason.unwrap_or_default();
    until(SOON, "the door's trouble is told", async || told().contains("answered 401")).await;
    assert!(told().contains("check user and application_password"), "{}", told());
    assert!(!scene.log().contains("abcd") && !scene.log().contains("YWJjZCB"), "the password is in the log");
    assert_eq!(site.posts("stranger-").await, [] as [Value; 0]);
    assert_eq!(scene.terminate().await, Some(0));

    // Nothing is lost: with the right password it arrives. This site's addresses are as after an installation.
    let plain = Site::start("plain").await;
    scene.replace_in_partner(
        "valley-record",
        &file.display().to_string(),
        &plain.password_file("author").display().to_string(),
    );
    scene.replace_in_partner("valley-record", &site.url(), &plain.url());
    scene.start().await;
    ended(&scene, 1, "delivered").await;
    assert_eq!(only(&plain, "stranger-").await["status"], "publish");
    assert_eq!(scene.terminate().await, Some(0));
}
