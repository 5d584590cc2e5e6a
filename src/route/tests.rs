use super::*;
use crate::article::{Action, Concept};
use crate::attribution::sample::article;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn partner(text: &str) -> Partner {
    let text = format!("name = \"Ledger\"\n{text}\n[destinations]\n");
    toml::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

fn descendants() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("medtop:11000000".to_owned(), vec!["medtop:20000621".to_owned()])])
}

fn verdict(article: &Article, text: &str) -> String {
    route(article, &partner(text), &descendants(), now()).to_string()
}

/// Whether a rule of these keys takes the article.
fn takes(article: &Article, keys: &str) -> bool {
    route(article, &partner(&format!("[subscriptions.all]\n{keys}")), &descendants(), now()).gets()
}

fn about(code: &str) -> Article {
    let (scheme, code) = code.split_once(':').unwrap();
    let subject = Concept { code: Some(code.into()), scheme: Some(scheme.into()), name: None };
    Article { subjects: vec![subject], ..article() }
}

#[test]
fn a_contract_decides_first() {
    let article = article();
    assert_eq!(verdict(&article, ""), "gets it: it is entitled, and has no rules");
    for (entitlement, gets) in [
        ("wires = [\"hpnf\", \"other\"]", true),
        ("wires = [\"other\"]", false),
        ("from = \"2026-11-24T12:00:00Z\"", true),
        ("from = \"2026-11-24T12:00:01Z\"", false),
        ("until = \"2026-11-24T12:00:01Z\"", true),
        ("until = \"2026-11-24T12:00:00Z\"", false),
    ] {
        for action in Action::ALL {
            let article = Article { action, ..article.clone() };
            let partner = partner(&format!("[entitlement]\n{entitlement}"));
            assert_eq!(route(&article, &partner, &descendants(), now()).gets(), gets, "{entitlement}, {action}");
        }
    }
    insta::assert_snapshot!(verdict(&article, "[entitlement]\nwires = [\"other\"]"), @r#"does not get it: its contract does not cover the wire "hpnf""#);
    insta::assert_snapshot!(verdict(&article, "[entitlement]\nuntil = \"2026-01-01T00:00:00Z\""), @"does not get it: its contract ended at 2026-01-01T00:00:00Z");
}

#[test]
fn one_rule_that_matches_is_enough_and_is_named() {
    let rules =
        "[subscriptions.culture]\nsections = [\"culture\"]\n[subscriptions.politics]\nsections = [\"politics\"]";
    assert_eq!(verdict(&article(), rules), "gets it by its rule \"politics\"");
}

#[test]
fn each_rule_says_why_it_passes_a_story_by() {
    insta::assert_snapshot!(verdict(&article(), r#"
        [subscriptions.a]
        wires = ["other"]
        [subscriptions.b]
        sections = ["culture", "sport"]
        [subscriptions.c]
        subjects = ["medtop:15000000"]
        [subscriptions.d]
        languages = ["fr"]
        [subscriptions.e]
        keywords = ["trains"]
        [subscriptions.f]
        urgency_up_to = 3
        [subscriptions.g]
        actions = ["publish"]
        [subscriptions.h.exclude]
        keywords = ["FERRIES"]
    "#), @r#"does not get it: its rule "a" takes only the wire "other"; its rule "b" takes only the sections "culture", "sport"; its rule "c" takes only the subject "medtop:15000000"; its rule "d" takes only the language "fr"; its rule "e" takes only the keyword "trains"; its rule "f" takes only urgency 1 to 3; its rule "g" takes only the action "publish"; its rule "h" excludes it"#);
}

#[test]
fn every_key_of_a_rule_must_match() {
    let article = article();
    assert!(takes(&article, "sections = [\"politics\"]\nkeywords = [\"Ferries\"]\nlanguages = [\"EN\"]"));
    assert!(!takes(&article, "sections = [\"politics\"]\nkeywords = [\"trains\"]"));
    assert!(takes(&article, ""), "a rule without keys takes everything");
}

#[test]
fn a_subject_covers_what_stands_below_it() {
    for (wanted, code, covered) in [
        ("medtop:11000000", "medtop:11000000", true),
        ("medtop:11000000", "medtop:20000621", true),
        ("medtop:20000621", "medtop:11000000", false),
        ("medtop:11000000", "medtop:11000001", false),
        ("medtop:2000*", "medtop:20000621", true),
        ("medtop:2000*", "medtop:11000000", false),
        ("subj:11000000", "subj:11006004", true),
        ("subj:11006000", "subj:11006004", true),
        ("subj:11006000", "subj:11007000", false),
        ("subj:11006004", "subj:11006004", true),
        ("subj:11006004", "subj:11006000", false),
        ("subj:11000", "subj:11000001", false),
        ("subj:11*", "subj:11006004", true),
        ("subj:11000000", "medtop:11006004", false),
    ] {
        assert_eq!(takes(&about(code), &format!("subjects = [\"{wanted}\"]")), covered, "{wanted} for {code}");
    }
}

#[test]
fn a_language_covers_its_regions() {
    for (wanted, language, covered) in [
        ("en", Some("en-US"), true),
        ("en-us", Some("EN-US"), true),
        ("en-US", Some("en"), false),
        ("e", Some("en"), false),
        ("en", Some("eng"), false),
        ("en", None, false),
    ] {
        let article = Article { language: language.map(str::to_owned), ..article() };
        assert_eq!(takes(&article, &format!("languages = [\"{wanted}\"]")), covered, "{wanted} for {language:?}");
    }
}

#[test]
fn neither_urgency_nor_actions_hold_a_withdrawal_back() {
    for rule in [
        "actions = [\"publish\"]",
        "urgency_up_to = 1",
        "exclude = { actions = [\"kill\", \"withhold\", \"update\"] }",
        "exclude = { urgency_up_to = 9 }",
    ] {
        assert!(!takes(&article(), rule), "{rule}");
        for action in [Action::Kill, Action::Withhold] {
            assert!(takes(&Article { action, ..article() }, rule), "{rule} for a {action}");
        }
    }
    let kill = Article { action: Action::Kill, ..article() };
    assert!(!takes(&kill, "sections = [\"culture\"]"), "otherwise a withdrawal is routed like any version");
}

#[test]
fn a_router_says_the_same_of_every_partner() {
    let config: Config = toml::from_str(
        r#"
        [partners.asleep]
        name = "Asleep"
        paused = true
        [partners.asleep.destinations.cms]
        format = "nitf"
        http.url = "https://asleep.example/in"
        [partners.asleep.destinations.archive]
        format = "json"
        http.url = "https://asleep.example/archive"
        [partners.culture]
        name = "Culture only"
        subscriptions.all.subjects = ["medtop:11000000"]
        subscriptions.all.exclude.sections = ["politics"]
        destinations = {}
        "#,
    )
    .unwrap();
    let router = Router::new(&config);
    let article = article();
    let routed = router.route(&article, now());
    let said: Vec<String> = routed
        .iter()
        .map(|routed| format!("{} {:?} {}", routed.partner, routed.destinations, routed.verdict))
        .collect();
    assert_eq!(
        said,
        [
            "asleep [\"archive\", \"cms\"] gets it: it is entitled, and has no rules",
            "culture [] does not get it: its rule \"all\" excludes it",
        ],
        "a paused partner is owed what it gets"
    );
}
