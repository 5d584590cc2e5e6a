//! Documents that came with the project's samples: the invented story, as valid NITF 3.6, and its kill.

use crate::article::samples::sample;
use crate::article::{Action, Article, Block, WireId, decode};

fn read(file: &str) -> Option<Article> {
    let document = sample(&format!("formats/{file}"))?;
    let article = decode(&document, Some("application/nitf+xml"), &WireId::new("hpnf"));
    Some(article.unwrap_or_else(|why| panic!("{file}: {why}")))
}

#[test]
fn the_invented_story() {
    let Some(article) = read("nitf-3.6-article.xml") else { return };
    assert_eq!(article.guid.as_str(), "urn:newsml:wire.example.org:20261124:ferry-vote");
    assert_eq!((article.version.get(), article.action, article.urgency.get()), (3, Action::Correct, 4));
    assert_eq!(article.headline, "Harbor council votes to reopen ferry line");
    assert_eq!(article.subheadline.as_deref(), Some("Service to Gull Island returns after four years & two lawsuits"));
    assert_eq!(article.slugline.as_deref(), Some("US-FERRY-VOTE"));
    assert_eq!(article.summary.as_deref(), Some("The Port Aren council voted 7-2 to reopen the Gull Island ferry."));
    assert_eq!(article.byline.as_deref(), Some("By Ada Quill, Transport Reporter, Harbor Press News Foundation"));
    assert_eq!(article.authors[0].role.as_deref(), Some("Transport Reporter"));
    assert_eq!(article.dateline.as_deref(), Some("PORT AREN, Maine"));
    assert_eq!(article.embargo, "2026-11-24T12:00:00Z".parse().ok());
    assert_eq!(article.expires, "2026-12-24T12:00:00Z".parse().ok());
    assert_eq!(article.versioned, "2026-11-24T10:15:00Z".parse().ok());
    assert_eq!(article.sections, ["Politics"]);
    assert_eq!(article.keywords, ["ferries", "public transport"]);
    assert_eq!(article.notice.as_deref(), Some("CORRECTS vote count in paragraph 2 to 7-2."));
    assert!(article.editor_note.unwrap().starts_with("Eds: CORRECTS vote count"));
    assert_eq!(article.canonical.as_deref(), Some("https://wire.example.org/2026/11/24/ferry-vote"));
    assert_eq!(article.copyright_holder.as_deref(), Some("Harbor Press News Foundation"));
    assert!(article.usage_terms.unwrap().starts_with("Free to republish with agency logo"));
    let schemes: Vec<_> = article.subjects.iter().filter_map(crate::article::Concept::qcode).collect();
    assert_eq!(schemes, ["subj:11000000", "medtop:20000621"]);
    let [photo] = &article.media[..] else { panic!("{:#?}", article.media) };
    assert_eq!(photo.holder.as_deref(), Some("Bay Pictures"), "a third party's");
    assert_eq!(photo.credit.as_deref(), Some("Lena Ortiz/Bay Pictures"));
    assert!(article.body.blocks.iter().any(|block| matches!(block, Block::Table(_))));
    insta::assert_snapshot!(article.body.text(), @r#"
The Port Aren Harbor Council voted 7-2 on Tuesday to reopen the Gull Island ferry, closed since 2022.
“We promised the island a boat,” said council chair Mara Lindqvist.
Fuel will emit 12 t CO2 a year.
What happens next
Tender in January
First sailing in May
Weekdays only
The line shall run not fewer than four return sailings a day.
Council minutes
Fares
Passenger	Fare
Adult	$4
LINE 1   PORT AREN  -  GULL ISLAND
Port Aren Harbor Council
This article was produced by Harbor Press News Foundation. For licensing, contact licensing@wire.example.org.
"#);
}

#[test]
fn its_kill() {
    let Some(kill) = read("nitf-3.6-kill.xml") else { return };
    assert_eq!((kill.action, kill.version.get()), (Action::Kill, 4));
    assert_eq!(kill.guid.as_str(), "urn:newsml:wire.example.org:20261124:ferry-vote");
    assert_eq!(kill.headline, "Harbor council votes to reopen ferry line");
    assert!(kill.notice.unwrap().starts_with("BULLETIN KILL"));
    assert!(kill.editor_note.unwrap().starts_with("KILL. Do not publish."));
}
