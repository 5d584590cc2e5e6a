//! What sixteen real wires ask of their republishers, each as a policy: it can be said, every format carries it, and
//! the proof finds it again. The words are shortened; what is asked for, and where, is theirs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::article::{Author, Concept};
use crate::attribution::explain;
use crate::config::{FormatProfile, Medium, Policy, PolicyId};

#[derive(Deserialize)]
struct Case {
    wire: Wire,
    #[serde(default)]
    policies: BTreeMap<PolicyId, Arc<Policy>>,
}

pub struct Row {
    pub name: &'static str,
    toml: &'static str,
    pub article: fn(&mut Article),
}

const AS_IT_IS: fn(&mut Article) = |_| ();

pub const ROWS: [Row; 16] = [
    Row {
        name: "Daily Caller News Foundation",
        toml: r#"
[wire]
name = "Daily Caller News Foundation"
short_name = "DCNF"
contact = "licensing@dcnf.example"
licence = { line = "All republished articles must include our logo, our reporter’s byline and their DCNF affiliation." }
logo = { url = "https://dcnf.example/logo.png" }
media_rules = [{ owner = "*agency*", policy = "credit" }]
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "The Conversation",
        toml: r#"
[wire]
name = "The Conversation"
short_name = "TC"
url = "https://conversation.example/"
licence = { id = "CC-BY-ND-4.0", url = "https://creativecommons.org/licenses/by-nd/4.0/", line = "Republished under a Creative Commons licence, without derivatives." }
logo = { url = "https://conversation.example/logo.png" }
byline = "{{ word }} {{ names }}"
tracking = "https://counter.conversation.example/content/{{ story }}/count.gif"
require = ["byline", "licence"]
edits = "style"
own_media = "drop"
[wire.elements.source]
text = "This article is republished from {{ agency }}. Read the original article."
link = "article"
position = "top"
media = ["online"]
"#,
        article: |article| {
            article.authors[0].affiliation = Some("University of Port Aren".into());
        },
    },
    Row {
        name: "ProPublica",
        toml: r#"
[wire]
name = "ProPublica"
short_name = "PP"
url = "https://propublica.example/"
licence = { id = "CC-BY-NC-ND-3.0", line = "Not to be sold, and not to be changed but in style." }
tracking = "https://pixel.propublica.example/pixel.js?story={{ story }}&v={{ version }}"
require = ["byline", "licence"]
edits = "style"
own_media = "drop"
[wire.elements.source]
text = "This story was originally published by {{ agency }}."
link = "article"
position = "byline"
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "Texas Tribune",
        toml: r#"
[wire]
name = "The Texas Tribune"
short_name = "TT"
url = "https://tribune.example/"
require = ["byline", "affiliation"]
edits = "style"
[wire.elements.byline]
position = "top"
[wire.elements.organisation]
text = "The Texas Tribune is a nonprofit newsroom."
link = "home"
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "CalMatters Network",
        toml: r#"
[wire]
name = "CalMatters"
short_name = "CM"
url = "https://calmatters.example/"
tracking = "https://pixel.calmatters.example/{{ story }}.gif"
require = ["byline", "affiliation", "canonical"]
media_rules = [{ keyword = "PHOTO REUSE PROHIBITED", policy = "drop" }]
[wire.elements.source]
text = "This story was originally published by {{ agency }}."
link = "article"
"#,
        article: |article| article.keywords.push("photo reuse prohibited".into()),
    },
    Row {
        name: "Floodlight",
        toml: r#"
[wire]
name = "Floodlight"
short_name = "FL"
url = "https://floodlight.example/"
require = ["byline", "affiliation"]
edits = "style"
own_media = "drop"
media_rules = [{ usage = "*may be republished*", policy = "pass" }]
policies = ["island-post"]
[wire.elements.source]
text = "This story was originally published by {{ agency }}."
link = "article"
position = "top"
[policies.island-post]
role = "originator"
name = "Island Post"
affiliation = "Island Post"
stories = { keywords = ["ferries"] }
"#,
        article: |article| article.media[0].usage_terms = Some("This photo may be republished.".into()),
    },
    Row {
        name: "City Desk ABQ",
        toml: r#"
[wire]
name = "City Desk ABQ"
short_name = "CD"
url = "https://citydesk.example/"
require = ["byline", "affiliation"]
own_media = "drop"
media_rules = [{ owner = "*City Desk*", policy = "pass" }]
retention = "90d"
[wire.elements.source]
text = "This story was first published by {{ agency }}."
link = "article"
"#,
        article: |article| article.media[0].credit = Some("Lena Ortiz / City Desk".into()),
    },
    Row {
        name: "NEWSWELL",
        toml: r#"
[wire]
name = "NEWSWELL"
short_name = "NW"
url = "https://newswell.example/"
require = ["byline", "affiliation"]
third_party_media = "credit"
media_rules = [{ owner = "AP", policy = "drop" }, { owner = "*Reuters*", policy = "drop" }, { owner = "*Getty*", policy = "drop" }]
[wire.elements.tagline]
text = "Ada Quill reports for NEWSWELL with the support of the Harbor Fund and of readers."
[wire.elements.source]
text = "More at {{ agency }}"
link = "home"
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "North Dakota News Cooperative",
        toml: r#"
[wire]
name = "North Dakota News Cooperative"
short_name = "NDNC"
url = "https://ndnc.example/"
require = ["byline", "affiliation"]
edits = "free"
third_party_media = "credit"
[wire.elements.byline]
position = "top"
[wire.elements.source]
text = "Read the story at the {{ agency }}"
link = "article"
media = ["online"]
[wire.elements.closing]
text = "The North Dakota News Cooperative is a non-profit news organization."
required = false
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "Local Journalism Initiative",
        toml: r#"
[wire]
name = "Local Journalism Initiative"
short_name = "LJI"
byline = "{{ names }}, Local Journalism Initiative Reporter{% if copyright_holder != agency %}, {{ copyright_holder }}{% endif %}"
require = ["byline"]
[wire.licence]
line = "For editorial use only."
"#,
        article: |article| article.copyright_holder = Some("Harbor Tribune".into()),
    },
    Row {
        name: "Local Democracy Reporting Scheme",
        toml: r#"
[wire]
name = "Local Democracy Reporting Service"
short_name = "LDRS"
require = ["byline"]
edits = "none"
own_media = "drop"
policies = ["scheme"]
[policies.scheme]
role = "funder"
name = "the Local Democracy Reporting Scheme"
[policies.scheme.elements.funding]
text = "Funded by the Local Democracy Reporting Scheme."
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "Reuters",
        toml: r#"
[wire]
name = "Reuters"
short_name = "RTR"
url = "https://reuters.example/"
require = ["byline", "logo"]
logo = { url = "https://reuters.example/logo.png", width = 164, height = 41 }
third_party_media = "credit"
own_media = "credit"
[wire.elements.logo]
position = "top"
[wire.elements.copyright]
text = "© {{ year }} {{ agency }}. All rights reserved."
link = "https://reuters.example/copyright"
"#,
        article: |article| article.media[0].credit = Some("REUTERS/Lena Ortiz".into()),
    },
    Row {
        name: "Associated Press",
        toml: r#"
[wire]
name = "The Associated Press"
short_name = "AP"
require = ["byline"]
third_party_media = "credit"
retention = "30d"
policies = ["abroad"]
[wire.licence]
line = "This material may not be published, broadcast, rewritten or redistributed without permission."
[policies.abroad]
role = "originator"
name = "Gull Wire"
stories = { keywords = ["NO USE GERMANY"] }
limits = { not_in = ["DE"] }
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "Covering Climate Now",
        toml: r#"
[wire]
name = "Covering Climate Now"
short_name = "CCN"
url = "https://ccn.example/"
logo = { url = "https://ccn.example/logo.png" }
require = ["byline"]
policies = ["outlet"]
[policies.outlet]
role = "originator"
name = "Island Post"
url = "https://island-post.example/"
[policies.outlet.elements.tagline]
text = "This story originally appeared in {{ policy }} and is part of Covering Climate Now."
link = "home"
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "openDemocracy",
        toml: r#"
[wire]
name = "openDemocracy"
short_name = "oD"
logo = { url = "https://od.example/logo.png" }
require = ["byline", "licence"]
edits = "none"
[wire.licence]
id = "CC-BY-NC-4.0"
url = "https://creativecommons.org/licenses/by-nc/4.0/"
line = "This article is published under a Creative Commons Attribution-NonCommercial 4.0 International licence."
[wire.elements.logo]
required = false
[wire.elements.source]
text = "This article was originally published on openDemocracy."
link = "article"
position = "top"
"#,
        article: AS_IT_IS,
    },
    Row {
        name: "Faktisk.no through NTB",
        toml: r#"
[wire]
name = "Faktisk.no"
short_name = "Faktisk"
contact = "redaksjonen@faktisk.example"
byline = "{{ names }} / {{ affiliation }}"
require = ["byline", "affiliation", "contact"]
edits = "style"
policies = ["ntb"]
[policies.ntb]
role = "distributor"
name = "NTB"
[policies.ntb.elements.through]
text = "Distribuert av {{ policy }}"
"#,
        article: |article| article.language = Some("nb-NO".into()),
    },
];

pub fn story(change: fn(&mut Article)) -> Article {
    let mut article = article();
    article.keywords.push("ferries".into());
    article.canonical = Some("https://harborpress.example/ferry-vote".into());
    article.subjects.push(Concept { name: Some("ferries".into()), ..Concept::default() });
    change(&mut article);
    article
}

pub fn policies(row: &Row) -> Policies {
    let case: Case = toml::from_str(row.toml).unwrap_or_else(|why| panic!("{}: {why}", row.name));
    let named: Vec<_> = case.wire.policies.iter().collect();
    assert!(named.iter().all(|id| case.policies.contains_key(*id)), "{}: {named:?}", row.name);
    let wire_id = WireId::new("hpnf");
    Policies::new(wire_id, Arc::new(case.wire), &case.policies, &BTreeMap::new())
}

#[test]
fn every_wires_terms_are_carried_by_every_format() {
    for row in &ROWS {
        let (article, policies) = (story(row.article), policies(row));
        for format in Format::ALL {
            let edition = edition_for(format);
            let name = row.name;
            let rendition = rendition(&article, &policies, &edition)
                .unwrap_or_else(|flaw| panic!("{name} as {}: {flaw}", format.as_str()));
            let attribution = required_of(&article, &policies, &edition);
            let explained = explain(&edition.profile, rendition.document.bytes(), &attribution).unwrap();
            assert_eq!(explained.len(), attribution.required().len());
            assert!(explained.iter().all(|one| !one.found.is_empty()), "{name} as {}: {explained:?}", format.as_str());
        }
    }
}

/// A format that can show no picture is for print: neither logo nor counter is asked of it.
fn edition_for(format: Format) -> Edition {
    Edition::plain(format)
}

pub fn required_of(article: &Article, policies: &Policies, edition: &Edition) -> Attribution {
    let mut attribution = Attribution::resolve(article, policies, edition).unwrap();
    attribution.credit_media(&media::sift(article, &policies.wire));
    attribution
}

#[test]
fn what_readers_see_of_every_wires_terms() {
    let mut seen = String::new();
    for row in &ROWS {
        let (article, policies) = (story(row.article), policies(row));
        let edition = Edition::plain(Format::Json);
        let Rendition { document, dropped, media: _ } = rendition(&article, &policies, &edition).unwrap();
        let document: serde_json::Value = serde_json::from_slice(document.bytes()).unwrap();
        let body = document["body_html"].as_str().unwrap();
        let credit: Vec<&str> = body.split("<div class=\"attribution\">").skip(1).collect();
        let credit: Vec<&str> = credit.iter().filter_map(|part| part.split_once("</div>")).map(|(it, _)| it).collect();
        let top = if body.starts_with("<div") { "top:\n" } else { "" };
        let names: Vec<String> =
            required_of(&article, &policies, &edition).required().iter().map(|one| one.name.clone()).collect();
        let blocks = credit.join("\n--\n").replace("</p>", "</p>\n").replace("</figure>", "</figure>\n");
        seen += &format!(
            "== {}\nrequires {}\nwithout {}\n{top}{blocks}\n",
            row.name,
            names.join(", "),
            if dropped.is_empty() { "nothing".to_owned() } else { dropped.join(", ") },
        );
    }
    insta::assert_snapshot!("wires", seen);
}

#[test]
fn two_of_them_want_their_stories_withdrawn_after_a_time() {
    let days = |row: &Row| Some(policies(row).retention(&story(row.article))?.as_secs() / 86_400);
    let kept: Vec<_> = ROWS.iter().filter_map(|row| Some((row.name, days(row)?))).collect();
    assert_eq!(kept, [("City Desk ABQ", 90), ("Associated Press", 30)]);
}

#[test]
fn print_needs_neither_link_nor_counter() {
    let row = &ROWS[1];
    let (article, policies) = (story(row.article), policies(row));
    let profile = FormatProfile { medium: Medium::Print, ..FormatProfile::plain(Format::Nitf) };
    let edition = Edition { profile: profile.into(), ..Edition::plain(Format::Nitf) };
    let names: Vec<String> =
        required_of(&article, &policies, &edition).required().iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["byline", "licence"]);
    let document = rendition(&article, &policies, &edition).unwrap().document;
    let text = std::str::from_utf8(document.bytes()).unwrap();
    assert!(!text.contains("count.gif") && !text.contains("Read the original article"), "{text}");
}

#[test]
fn a_story_that_cannot_supply_what_a_line_names_is_held() {
    let row = &ROWS[1];
    let mut article = story(row.article);
    article.canonical = None;
    let flaw = rendition(&article, &policies(row), &Edition::plain(Format::Json)).unwrap_err();
    insta::assert_snapshot!(flaw, @"story urn:newsml:harborpress.example:20261124:ferry-vote version 3 cannot carry what the wire \"hpnf\" requires: source: the article has no address to link to; give it a `canonical_url` (or set required = false in elements.NAME of the policy)");
}

#[test]
fn one_author_with_two_affiliations_and_two_policies() {
    let row = &ROWS[5];
    let mut article = story(row.article);
    article.authors =
        vec![Author { name: "Jo Ray".into(), affiliation: Some("Gull Wire".into()), ..Author::default() }];
    let edition = Edition::plain(Format::Nitf);
    let byline = required_of(&article, &policies(row), &edition).byline();
    assert_eq!(byline, "By Jo Ray, Gull Wire, Floodlight, Island Post");
    article.keywords.clear();
    let byline = required_of(&article, &policies(row), &edition).byline();
    assert_eq!(byline, "By Jo Ray, Gull Wire, Floodlight", "the other policy is not for this story");
}

#[test]
fn what_went_out_and_came_back_is_credited_once() {
    for row in &ROWS {
        let (article, policies) = (story(row.article), policies(row));
        for format in Format::ALL.into_iter().filter(|format| comes_back(*format)) {
            let edition = Edition::plain(format);
            let once = rendition(&article, &policies, &edition).unwrap().document;
            let back = crate::article::decode(once.bytes(), Some(once.content_type()), &article.wire)
                .unwrap_or_else(|why| panic!("{} as {}: {why}", row.name, format.as_str()));
            // What a format cannot hold has nothing to do with its credit.
            let back = Article { body: back.body, byline: back.byline, authors: back.authors, ..article.clone() };
            let twice = rendition(&back, &policies, &edition).unwrap().document;
            let count = |document: &Proved, what: &str| String::from_utf8_lossy(document.bytes()).matches(what).count();
            for needle in required_of(&article, &policies, &edition).required().iter().flat_map(|one| &one.needles) {
                let name = format!("{needle:?} for {} as {}", row.name, format.as_str());
                assert_eq!(count(&twice, needle), count(&once, needle), "{name}");
            }
        }
    }
}

/// Whether intake takes what the format makes.
fn comes_back(format: Format) -> bool {
    matches!(
        format,
        Format::Ninjs13
            | Format::Ninjs16
            | Format::Ninjs22
            | Format::Ninjs31
            | Format::SuperdeskNinjs
            | Format::Nitf
            | Format::NewsMlG2
    )
}

#[test]
fn a_line_of_earlier_days_gives_way_to_todays() {
    let mut wire = wire();
    wire.former_lines = vec!["Content created by * is available without charge to any eligible news publisher*".into()];
    let old = "Content created by The Harbor Press is available without charge to any eligible news publisher that can \
               provide a large audience.";
    let mut article = article();
    let own_words = article.body.text();
    article.body.blocks.push(paragraph(old));
    article.body.blocks.push(Block::Rule);
    article.body.blocks.push(paragraph("By Ada Quill, Transport Reporter, Harbor Press News Foundation"));
    for format in Format::ALL {
        let document = rendered(&article, wire.clone(), format).unwrap().document;
        let text = String::from_utf8_lossy(document.bytes()).into_owned();
        assert!(!text.contains("available without charge"), "as {}", format.as_str());
    }
    article.body.blocks.insert(0, paragraph(old));
    let document = rendered(&article, wire, Format::Json).unwrap().document;
    let document: serde_json::Value = serde_json::from_slice(document.bytes()).unwrap();
    let text = document["body_text"].as_str().unwrap();
    assert!(text.starts_with(&format!("{old}\n{own_words}")), "only at the end is it a credit line: {text}");
}

/// A configuration of all of them, `w0` the first, with `more` in it.
fn configured(more: &str) -> crate::config::Config {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "[intake]\nwire = \"w0\"\n[intake.spool]\ndir = \"spool\"\n".to_owned();
    for (number, row) in ROWS.iter().enumerate() {
        text +=
            &row.toml.replace("[wire]", &format!("[wires.w{number}]")).replace("[wire.", &format!("[wires.w{number}."));
    }
    let path = dir.path().join("newswired.toml");
    std::fs::write(&path, text + more).unwrap();
    let config = crate::config::load_from(&path, &crate::config::Environment::default(), crate::config::Secrets::Leave);
    config.unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn all_of_them_are_good_configurations() {
    assert_eq!(Policies::all(&configured("")).len(), ROWS.len());
}

#[test]
fn what_is_not_for_a_country_does_not_go_there() {
    let config = configured(
        r#"
[partners.morgenblatt]
name = "Morgenblatt"
entitlement.countries = ["AT", "DE"]
[partners.morgenblatt.destinations.site]
format = "json"
http.url = "https://morgenblatt.example/in"
"#,
    );
    let ap = ROWS.iter().position(|row| row.name == "Associated Press").unwrap();
    let mut article = Article { wire: WireId::new(&format!("w{ap}")), ..story(AS_IT_IS) };
    let verdict = |article: &Article| {
        crate::route::route(article, &config.partners["morgenblatt"], &config, article.created.unwrap()).to_string()
    };
    assert_eq!(verdict(&article), "gets it: it is entitled, and has no rules");
    article.keywords.push("No use Germany".into());
    assert_eq!(verdict(&article), "does not get it: the terms of Gull Wire exclude use in DE");
}

#[test]
fn what_two_policies_have_readers_told_is_told_once() {
    let toml = r#"
[wire]
name = "Harbor Press"
short_name = "HP"
require = ["byline"]
policies = ["one", "other"]
[policies.one]
role = "funder"
name = "One"
[policies.one.elements.funding]
text = "Funded by readers."
link = "https://readers.example/"
[policies.other]
role = "distributor"
name = "Other"
[policies.other.elements.support]
text = "Funded by readers."
link = "https://readers.example/"
"#;
    let row = Row { name: "two of one mind", toml, article: AS_IT_IS };
    let edition = Edition::plain(Format::Json);
    let Rendition { document, .. } = rendition(&story(row.article), &policies(&row), &edition).unwrap();
    let document: serde_json::Value = serde_json::from_slice(document.bytes()).unwrap();
    assert_eq!(document["body_html"].as_str().unwrap().matches("Funded by readers.").count(), 1);
}

/// The byline links to the same site, and is not the line.
#[test]
fn a_link_in_another_passage_is_not_the_lines() {
    let row = &ROWS[3];
    let (article, policies, edition) = (story(row.article), policies(row), Edition::plain(Format::Json));
    let attribution = required_of(&article, &policies, &edition);
    let document = rendition(&article, &policies, &edition).unwrap().document;
    let document = String::from_utf8(document.bytes().to_vec()).unwrap();
    let line = "The Texas Tribune is a nonprofit newsroom.";
    let linked = format!("<a href=\\\"https://tribune.example/\\\">{line}</a>");
    assert!(document.contains(&linked) && document.matches("href=\\\"https://tribune.example/\\\"").count() == 2);
    let unlinked = document.replace(&linked, line).into_bytes();
    let unproved = prove(&edition.profile, "".into(), unlinked, &attribution).unwrap_err();
    assert!(unproved.to_string().contains("the organisation"), "{unproved}");
}
