//! The item that is sent to a door that is tried: an article like any other, under the wire's own terms, that says in every
//! format that it is a test.
//!
//! Its guid begins with [`TEST_GUID`], by which transports mark it too, and is nobody else's: it meets no story and no
//! earlier test. It is written and proved by the code that writes and proves news (promise 6).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use crate::article::{self, Article, WireId};
use crate::attribution::Policies;
use crate::cli::Failure;
use crate::config::{Config, Destination, Edition, NameFields, Partner, PartnerId};
use crate::render::{renderer, rendition};
use crate::transport::knock::{TEST_GUID, TestItem};
use crate::transport::{Parcel, message_id};

const HEADLINE: &str = "TEST – not for publication";

const BODY: &str = "<p>This is a test of the way from the wire to you. It is not news and is not to be published. Its \
                    withdrawal follows at once.</p>";

/// The item for the destination `name` (`partner/destination`), and its withdrawal.
///
/// # Errors
/// When the wire's terms cannot be met by it, or a template fails.
pub fn make(
    config: &Config,
    id: &PartnerId,
    partner: &Partner,
    destination: &Destination,
    name: &str,
) -> Result<TestItem, Failure> {
    let no_format = || Failure::Config(format!("{name} has no format {:?}", destination.format.as_str()));
    let edition = config.edition(id, partner, destination).ok_or_else(no_format)?;
    let wire = partner.entitlement.wires.first().or_else(|| config.wires.keys().next());
    let wire = wire.ok_or_else(|| Failure::Config("there is no wire in the configuration".to_owned()))?;
    let policies = Policies::of(config, wire)
        .ok_or_else(|| Failure::Config(format!("the wire {wire:?} is not configured; add [wires.{wire}]")))?;
    let now = Timestamp::now();
    let guid = format!("{TEST_GUID}{}-{:08x}", now.strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..));
    let parcel = |version, action| {
        let article = article(wire, &guid, version, action, now)?;
        parcel(&article, &policies, &edition, name)
    };
    Ok(TestItem { publish: parcel(1, "publish")?, kill: parcel(2, "kill")? })
}

fn article(wire: &WireId, guid: &str, version: u64, action: &str, now: Timestamp) -> Result<Article, Failure> {
    let mut article = json!({
        "newswired": 1,
        "guid": guid,
        "version": version,
        "action": action,
        "wire": wire,
        "urgency": 8,
        "language": "en",
        "slugline": "TEST",
        "headline": HEADLINE,
        "summary": HEADLINE,
        "editor_note": HEADLINE,
        "authors": [{ "name": "Newswire Test" }],
        "created": now,
        "versioned": now,
        // A name that leads nowhere for good (RFC 6761 §6.4).
        "canonical_url": "https://test.invalid/not-for-publication",
    });
    if action == "publish" {
        article["body_html"] = BODY.into();
    }
    article::decode(article.to_string().as_bytes(), None, wire)
        .map_err(|why| Failure::Unavailable(format!("the test item cannot be made: {why}")))
}

fn parcel(article: &Article, policies: &Policies, edition: &Edition, name: &str) -> Result<Parcel, Failure> {
    let made = rendition(article, policies, edition)
        .map_err(|flaw| Failure::No(format!("{name}: a test item would be held back, as news would: {flaw}")))?;
    let extension = renderer(edition.profile.format).extension(&edition.profile);
    Ok(Parcel {
        media: Arc::default(),
        trace: None,
        document: Arc::new(made.document),
        message_id: message_id(name, &article.guid, article.version),
        story: article.guid.clone(),
        version: article.version,
        action: article.action,
        urgency: article.urgency,
        attempt: 1,
        sequence: 0,
        remote: None,
        names: NameFields::of_article(article, &extension).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Format, Secrets, load_from};
    use crate::transport::knock::is_test;

    /// Whatever the format, who reads the document is told what it is, and it carries what the licence demands.
    #[test]
    fn an_item_says_what_it_is_in_every_format() {
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/newswired.toml");
        let config = load_from(&sample, &Environment::default(), Secrets::Leave).unwrap();
        let (id, partner) = config.partners.get_key_value("coast-times").unwrap();
        for format in Format::ALL {
            let format_name = serde_json::from_value(json!(format.as_str())).unwrap();
            let destination = Destination { format: format_name, ..(*partner.destinations["newsroom"]).clone() };
            let TestItem { publish, kill } = make(&config, id, partner, &destination, "coast-times/newsroom").unwrap();
            assert!(is_test(&publish.story) && publish.story == kill.story && kill.action.withdraws());
            assert!(publish.version < kill.version && publish.message_id != kill.message_id);
            for parcel in [&publish, &kill] {
                let text = String::from_utf8(parcel.document.bytes().to_vec()).unwrap();
                assert!(
                    text.contains("TEST – not for publication") || text.contains("TEST \\u2013"),
                    "{format:?}: {text}"
                );
            }
            let again = make(&config, id, partner, &destination, "coast-times/newsroom").unwrap();
            assert_ne!(again.publish.story, publish.story, "no test meets another");
        }
    }
}
