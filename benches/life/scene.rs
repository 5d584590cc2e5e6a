//! The scene of all rows: 2,000 doors in groups of 100, and the stories that are sent to them.

use std::net::SocketAddr;

use bytes::Bytes;
use jiff::Timestamp;

use crate::support::Outcome;
use crate::support::scene::{For, Scene, Setting, Terms, guid};

pub const DOORS: usize = 2_000;
/// Doors that take a story of one group.
pub const GROUP: usize = 100;

pub fn scene(doors: &[SocketAddr]) -> Outcome<Scene> {
    let (terms, more) = (Terms::Usual, "");
    Scene::new(&Setting { doors: DOORS, group: GROUP, addresses: doors, ca_file: None, terms, more })
}

/// The well doors among those that get a story, where a fifth hangs.
pub fn well(whom: For) -> usize {
    match whom {
        For::All => DOORS / 5 * 4,
        For::Group(_) => GROUP / 5 * 4,
    }
}

/// Stories for all doors until so many deliveries wait, or wait until `embargo`.
pub async fn fill(scene: &Scene, name: &str, deliveries: usize, embargo: Option<Timestamp>) -> Outcome<()> {
    let stories =
        (0..deliveries / DOORS).map(|number| article(&format!("{name}-{number}"), 1, "publish", For::All, embargo));
    scene.fill(stories, DOORS).await
}

/// A story of about 3 kB, as an ordinary one is; a withdrawal is short.
pub fn article(name: &str, version: u64, action: &str, whom: For, embargo: Option<Timestamp>) -> Bytes {
    let sentence = "The Port Aren Harbor Council voted on Tuesday to reopen the Gull Island ferry, closed since 2022. ";
    let paragraph = format!("<p>{}</p>", sentence.repeat(5));
    let mut article = serde_json::json!({
        "newswired": 1,
        "guid": guid(name),
        "version": version,
        "action": action,
        "headline": "Harbor council votes to reopen ferry line",
        "language": "en-US",
        "keywords": [whom.keyword()],
        "authors": [{ "name": "Ada Quill", "role": "Transport Reporter" }],
    });
    if action == "kill" {
        article["notice"] = "The vote did not take place. Take it down.".into();
    } else {
        article["body_html"] = paragraph.repeat(5).into();
    }
    if let Some(embargo) = embargo {
        article["embargo"] = embargo.to_string().into();
    }
    Bytes::from(article.to_string())
}
