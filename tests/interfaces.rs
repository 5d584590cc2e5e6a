//! A partner whose server has an interface of its own is sent what that wants, over a story's whole life and over the
//! daemon's death: what the partner calls the story is known as long as the story is.

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::Value;
use support::recorder::Recorder;
use support::{Partner, Scene, article, ordered, secrets, until};

const ACCESS: &str = "an-access-token-of-items";

/// Items are made by `POST`, which says where they are, and changed and deleted there. Who comes needs a token.
fn items(request: &Value) -> Response<Body> {
    let answer = |status, location: Option<&str>, body: &str| {
        let builder = Response::builder().status(status);
        let builder = match location {
            Some(location) => builder.header("location", location),
            None => builder,
        };
        builder.body(Body::from(body.to_owned())).expect("the answer can be built")
    };
    let path = request["url"].as_str().unwrap_or_default().splitn(4, '/').nth(3).unwrap_or_default();
    if path == "token" {
        secrets::register(ACCESS);
        let granted = format!(r#"{{"access_token":"{ACCESS}","token_type":"Bearer","expires_in":3600}}"#);
        return answer(StatusCode::OK, None, &granted);
    }
    if request["headers"]["authorization"] != format!("Bearer {ACCESS}") {
        return answer(StatusCode::UNAUTHORIZED, None, "");
    }
    match (request["method"].as_str(), path) {
        (Some("POST"), "items") => answer(StatusCode::CREATED, Some("/items/42"), ""),
        (Some("PUT"), "items/42") => answer(StatusCode::OK, None, ""),
        // It is gone from there already.
        (Some("DELETE"), "items/42") => answer(StatusCode::NOT_FOUND, None, ""),
        _ => answer(StatusCode::BAD_REQUEST, None, ""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_is_made_changed_and_deleted_by_the_partners_own_id() {
    let partner = Recorder::new(items).await;
    let root = &partner.root;
    let more = format!(
        "remote_id = {{ header = \"location\" }}\n\
         update = {{ method = \"PUT\", url = \"{root}/items/{{{{ remote_id }}}}\" }}\n\
         kill = {{ method = \"DELETE\", url = \"{root}/items/{{{{ remote_id }}}}\", success = [204, 404] }}\n\
         [destinations.main.http.auth.oauth]\n\
         token_url = \"{root}/token\"\nclient_id = \"newswired\"\nclient_secret = \"env:CLIENT_SECRET\"\n"
    );
    let mut scene = Scene::new(
        &[Partner {
            id: "items",
            format: "json",
            url: format!("{root}/items"),
            more: Box::leak(more.into_boxed_str()),
        }],
        "",
        "",
    );
    scene.environment.push(("CLIENT_SECRET", "a secret of both".to_owned()));
    let seen = || {
        let told = partner.requests().into_iter().map(|request| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}", text(&request["method"]), text(&request["url"]).replace(root, ""))
        });
        told.collect::<Vec<_>>()
    };
    let within = Duration::from_secs(20);
    let delivered = ["deliveries", "--story", "urn:test:one", "--state", "delivered", "--json"];

    scene.start_and_publish(&article("one", 1, "publish")).await;
    // Recorded, not only sent: what is not yet recorded would be sent again after the daemon's death.
    until(within, "it is made", async || ordered(&scene, &delivered).contains("urn:test:one")).await;
    scene.kill();
    scene.start_and_publish(&article("one", 2, "correct")).await;
    until(within, "it is changed", async || seen().iter().any(|one| one.starts_with("PUT"))).await;
    scene.post("application/json", &article("one", 3, "kill")).await;
    until(within, "it is deleted", async || seen().iter().any(|one| one.starts_with("DELETE"))).await;
    assert_eq!(scene.terminate().await, Some(0));
    assert_eq!(
        seen(),
        ["POST /token", "POST /items", "POST /token", "PUT /items/42", "DELETE /items/42"],
        "a token for each life of the daemon, and nothing twice"
    );
}
