use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::article::{Action, Author, Block, Body, Inline, WireId};
use crate::config::{Edition, Format, PolicyId, Wire};
use sample::{article, own, paragraph, wire};

fn author(name: &str, role: Option<&str>) -> Author {
    Author { name: name.into(), role: role.map(Into::into), ..Author::default() }
}

fn resolve(article: &Article, wire: Wire) -> Result<Attribution, Missing> {
    Attribution::resolve(article, &own(wire), &Edition::plain(Format::Json))
}

fn resolved(article: &Article) -> Attribution {
    resolve(article, wire()).unwrap()
}

#[test]
fn a_name_within_a_longer_word_is_not_the_name() {
    let mut wire = wire();
    wire.affiliation = Some("Sun".into());
    wire.contact = Some("desk@hp.example".into());
    let mut article = article();
    article.authors = vec![author("Ana Sunderland", None)];
    let attribution = resolve(&article, wire.clone()).unwrap();
    assert_eq!(attribution.byline(), "By Ana Sunderland, Sun");
    let body = Body { blocks: vec![paragraph("Write to newsdesk@hp.example.org.")] };
    let says = |body: &Body| Body { blocks: attribution.around(body).1 }.text();
    assert!(says(&body).contains("Licensing: desk@hp.example"), "{}", says(&body));
    let body = Body { blocks: vec![paragraph("Write to desk@hp.example.")] };
    assert!(!says(&body).contains("Licensing"), "{}", says(&body));
}

#[test]
fn a_byline_that_names_more_than_the_authors_is_used_whole() {
    let mut article = article();
    article.authors = vec![author("Ada Quill", None)];
    article.byline = Some("By Ada Quill and Tom Reed".into());
    assert_eq!(resolved(&article).byline(), "By Ada Quill and Tom Reed, Harbor Press News Foundation");
    article.language = Some("de-DE".into());
    article.authors.clear();
    article.byline = Some("Von Ada Quill".into());
    assert_eq!(resolved(&article).byline(), "By Ada Quill, Harbor Press News Foundation");
}

#[test]
fn a_raw_byline_gets_the_affiliation_once_and_never_a_second_by() {
    let mut article = article();
    article.authors.clear();
    for raw in [
        "Amber Randall, Civil Rights Reporter",
        "By Amber Randall, Civil Rights Reporter",
        "BY  Amber Randall, Civil Rights Reporter, HPNF",
        "by Amber Randall, Civil Rights Reporter / harbor press news foundation",
    ] {
        article.byline = Some(raw.into());
        let attribution = resolved(&article);
        assert_eq!(
            attribution.byline(),
            "By Amber Randall, Civil Rights Reporter, Harbor Press News Foundation",
            "from {raw:?}"
        );
        assert_eq!(
            attribution.required()[1].needles,
            ["Amber Randall, Civil Rights Reporter"],
            "the whole credit is required, since nothing says where the name in it ends"
        );
    }
    article.byline = Some("By Ada Quill of the Harbor Press News Foundation".into());
    assert_eq!(resolved(&article).byline(), "By Ada Quill of the Harbor Press News Foundation");
}

#[test]
fn authors_are_preferred_and_take_their_role_from_the_raw_byline() {
    let mut article = article();
    article.authors = vec![author("Amber Randall", None)];
    article.byline = Some("By AMBER RANDALL, Civil Rights Reporter, HPNF".into());
    let attribution = resolved(&article);
    assert_eq!(attribution.byline(), "By Amber Randall, Civil Rights Reporter, Harbor Press News Foundation");
    assert_eq!(attribution.required()[1].needles, ["Amber Randall"]);
}

#[test]
fn several_authors_are_joined_as_their_language_allows() {
    let mut article = article();
    article.byline = None;
    article.authors = vec![author("Ada Quill", None), author("Jo Ray", None), author("Cy Doe", None)];
    assert_eq!(resolved(&article).byline(), "By Ada Quill, Jo Ray and Cy Doe, Harbor Press News Foundation");
    article.language = Some("de-DE".into());
    assert_eq!(resolved(&article).byline(), "By Ada Quill, Jo Ray, Cy Doe, Harbor Press News Foundation");
    article.language = None;
    article.authors = vec![author("Ada Quill", Some("Reporter")), author("Jo Ray", None)];
    assert_eq!(resolved(&article).byline(), "By Ada Quill, Reporter, and Jo Ray, Harbor Press News Foundation");
}

#[test]
fn an_author_of_another_house_keeps_it() {
    let mut article = article();
    article.authors = vec![Author { affiliation: Some("Gull Island Post".into()), ..author("Jo Ray", None) }];
    assert_eq!(resolved(&article).byline(), "By Jo Ray, Gull Island Post, Harbor Press News Foundation");
    article.authors[0].affiliation = Some("hpnf".into());
    assert_eq!(resolved(&article).byline(), "By Jo Ray, Harbor Press News Foundation");
}

#[test]
fn what_cannot_be_supplied_is_named_with_the_way_to_mend_it() {
    let mut article = article();
    article.authors.clear();
    article.byline = Some("By ".into());
    let mut wire = wire();
    wire.logo = None;
    wire.contact = Some(" ".into());
    insta::assert_snapshot!(resolve(&article, wire.clone()).unwrap_err(), @r#"story urn:newsml:harborpress.example:20261124:ferry-vote version 3 cannot carry what the wire "hpnf" requires: logo: no logo is configured; set wires.hpnf.logo.url; byline: the article names no reporter; give it `authors` or a `byline`; contact: no contact is configured; set wires.hpnf.contact (or set required = false in elements.NAME of the policy)"#);

    article.action = Action::Kill;
    assert!(resolve(&article, wire.clone()).unwrap().required().is_empty(), "a kill owes nothing");

    article.action = Action::Publish;
    wire.require = [Element::Affiliation].into();
    assert_eq!(resolve(&article, wire.clone()).unwrap().byline(), "Harbor Press News Foundation");
}

#[test]
fn a_licence_line_that_names_the_contact_needs_no_line_beside_it() {
    let mut wire = wire();
    let line = "All republished articles must include our logo, our reporter’s byline and their affiliation. \
                    For any questions, please contact licensing@harborpress.example.";
    wire.licence = Some(crate::config::Licence { id: None, url: None, line: line.into() });
    let attribution = resolve(&article(), wire.clone()).unwrap();
    let closing = attribution.around(&Body::default()).1;
    assert_eq!(closing.len(), 3, "logo, byline, licence: {closing:?}");
    assert_eq!(closing[2], paragraph(line));
    assert_eq!(attribution.required().len(), Element::USUAL.len(), "the contact is asked for all the same");
}

#[test]
fn the_closing_block_says_nothing_that_the_body_says_already() {
    let article = article();
    let attribution = resolved(&article);
    let closing = |blocks: Vec<Block>| Body { blocks: attribution.around(&Body { blocks }).1 }.text();
    insta::assert_snapshot!(closing(vec![]), @r#"
By Ada Quill, Transport Reporter, Harbor Press News Foundation
Content by the Harbor Press News Foundation is free to any legitimate news publisher; keep the logo, the byline & the affiliation.
Licensing: licensing@harborpress.example
"#);

    let line = &attribution.licence.as_ref().unwrap().line;
    let spread = line.replacen(' ', " \n\u{a0}", 2);
    let said = Block::Quote(vec![Block::Paragraph(vec![Inline::Strong(vec![Inline::Text(spread)])])]);
    let lead = paragraph(&attribution.byline());
    assert_eq!(closing(vec![lead.clone(), paragraph("News."), said]), "Licensing: licensing@harborpress.example");
    assert_eq!(closing(vec![paragraph("News."), lead]), closing(vec![]), "only a leading byline is one");
    assert!(!closing(vec![paragraph("Questions? Write to licensing@harborpress.example!")]).contains("Licensing:"));
}

#[test]
fn a_byline_in_capitals_names_the_authors_as_it_spells_them() {
    let mut article = article();
    article.byline = Some("By ADA QUILL and Joanna Ray".into());
    let names = |article: &Article| {
        let attribution = Attribution::resolve(article, &own(wire()), &Edition::plain(Format::Json)).unwrap();
        let byline = attribution.required().iter().find(|required| required.element == Element::Byline).unwrap();
        (attribution.byline(), byline.needles.clone())
    };
    let (byline, needles) = names(&article);
    assert!(byline.starts_with("By ADA QUILL and Joanna Ray, "), "{byline}");
    assert_eq!(needles, ["ADA QUILL"]);

    article.authors[0].name = "Jo".into();
    let (byline, needles) = names(&article);
    assert!(byline.starts_with("By Jo, "), "a part of another's name names nobody: {byline}");
    assert_eq!(needles, ["Jo"]);
}

#[test]
fn an_affiliation_with_a_comma_stands_in_one_piece() {
    let mut article = article();
    article.authors[0].role = Some("Port Aren Correspondent".into());
    let mut wire = wire();
    wire.affiliation = Some("Harbor Press, Port Aren".into());
    let attribution = Attribution::resolve(&article, &own(wire), &Edition::plain(Format::Json)).unwrap();
    assert_eq!(attribution.byline(), "By Ada Quill, Port Aren Correspondent, Harbor Press, Port Aren");
}

/// A wire that keeps its stories for `wire`, with a policy for stories about ferries and one for all.
fn kept_for(wire_keeps: Option<&str>, ferries: &str, all: &str) -> Policies {
    let policy = |text: &str| Arc::new(toml::from_str(&format!("role = \"funder\"\nname = \"F\"\n{text}")).unwrap());
    let others = BTreeMap::from([
        (PolicyId::new("ferries"), policy(&format!("stories = {{ keywords = [\"ferries\"] }}\n{ferries}"))),
        (PolicyId::new("all"), policy(all)),
    ]);
    let retention = wire_keeps.map(|span| span.parse().unwrap());
    let wire = Wire { retention, policies: others.keys().cloned().collect(), ..wire() };
    Policies::new(WireId::new("hpnf"), Arc::new(wire), &others, &BTreeMap::new())
}

#[test]
fn of_several_times_to_keep_a_story_the_shortest_holds() {
    let days = |policies: &Policies, article: &Article| Some(policies.retention(article)?.as_secs() / 86_400);
    let (about_ferries, other) = (article(), Article { keywords: Vec::new(), ..article() });
    let policies = kept_for(Some("90d"), "retention = \"30d\"", "retention = \"60d\"");
    assert_eq!(days(&policies, &about_ferries), Some(30));
    assert_eq!(days(&policies, &other), Some(60), "the policy for ferries is not for this story");
    assert_eq!(days(&kept_for(Some("7d"), "retention = \"30d\"", ""), &about_ferries), Some(7));
    assert_eq!(days(&kept_for(None, "retention = \"30d\"", ""), &other), None, "for good");
    assert_eq!(days(&kept_for(None, "", ""), &about_ferries), None);
}
