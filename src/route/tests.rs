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

fn config() -> Config {
    toml::from_str("[subject_descendants]\n\"medtop:11000000\" = [\"medtop:20000621\"]\n").unwrap()
}

fn verdict(article: &Article, text: &str) -> String {
    route(article, &partner(text), &config(), now()).to_string()
}

/// Whether a rule of these keys takes the article.
fn takes(article: &Article, keys: &str) -> bool {
    route(article, &partner(&format!("[subscriptions.all]\n{keys}")), &config(), now()).gets()
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
            assert_eq!(route(&article, &partner, &config(), now()).gets(), gets, "{entitlement}, {action}");
        }
    }
    insta::assert_snapshot!(verdict(&article, "[entitlement]\nwires = [\"other\"]"), @r#"does not get it: its contract does not cover the wire "hpnf""#);
    insta::assert_snapshot!(verdict(&article, "[entitlement]\nuntil = \"2026-01-01T00:00:00Z\""), @"does not get it: its contract ended at 2026-01-01T00:00:00Z");
}

/// A wire whose `limits` are these, with a policy for stories about ferries.
fn limited(limits: &str, ferries: &str) -> Config {
    let text = format!(
        r#"
        [wires.hpnf]
        name = "Harbor Press"
        short_name = "HP"
        policies = ["gull"]
        limits = {{ {limits} }}
        [policies.gull]
        role = "originator"
        name = "Gull Wire"
        stories.keywords = ["ferries"]
        limits = {{ {ferries} }}
        "#
    );
    toml::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

#[test]
fn where_and_how_a_partner_publishes_has_to_be_within_the_terms() {
    let publishes = "[entitlement]\ncountries = [\"DE\", \"US\"]\nuses = [\"online\", \"print\"]";
    let said = |config: &Config, partner_says: &str| {
        let verdict = route(&article(), &partner(partner_says), config, now()).to_string();
        verdict.strip_prefix("does not get it: ").map_or_else(|| "gets it".to_owned(), str::to_owned)
    };
    for (limits, want) in [
        ("", "gets it"),
        ("not_in = [\"FR\"]", "gets it"),
        ("not_in = [\"DE\"]", "the wire's terms exclude use in DE"),
        ("not_in = [\"AT\", \"US\"]", "the wire's terms exclude use in US"),
        ("only_in = [\"DE\", \"FR\", \"US\"]", "gets it"),
        ("only_in = [\"US\"]", "the wire's terms exclude use in DE"),
        ("not_for = [\"broadcast\"]", "gets it"),
        ("not_for = [\"online\"]", "the wire's terms exclude use online"),
        ("only_for = [\"online\", \"print\"]", "gets it"),
        ("only_for = [\"online\"]", "the wire's terms exclude use in print"),
        ("not_in = [\"FR\"], not_for = [\"print\"]", "the wire's terms exclude use in print"),
    ] {
        assert_eq!(said(&limited(limits, ""), publishes), want, "{limits}");
        // The same of the terms of somebody else.
        assert_eq!(said(&limited("", limits), publishes), want.replace("the wire's terms", "the terms of Gull Wire"));
    }
    let broadcasts = "[entitlement]\nuses = [\"broadcast\"]";
    assert_eq!(said(&limited("only_for = [\"print\"]", ""), broadcasts), "the wire's terms exclude use in broadcasts");
}

proptest::proptest! {
    /// Whatever the limits are, a partner gets what it would get in each of its countries alone, and for each of its uses.
    #[test]
    fn a_partner_gets_what_it_may_publish_everywhere_it_does(
        lists in proptest::array::uniform3(proptest::sample::subsequence(vec!["AT", "DE", "US"], 0..=3)),
        uses in proptest::array::uniform3(proptest::sample::subsequence(vec!["broadcast", "online", "print"], 0..=3)),
    ) {
        let ([only_in, not_in, countries], [only_for, not_for, uses]) = (lists, uses);
        proptest::prop_assume!(!countries.is_empty() && !uses.is_empty());
        let limits = format!("only_in = {only_in:?}, not_in = {not_in:?}, only_for = {only_for:?}, not_for = {not_for:?}");
        let config = limited(&limits, "");
        let gets = |countries: &[&str], uses: &[&str]| {
            let partner = partner(&format!("[entitlement]\ncountries = {countries:?}\nuses = {uses:?}"));
            route(&article(), &partner, &config, now()).gets()
        };
        let alone = countries.iter().all(|country| uses.iter().all(|way| gets(&[country], &[way])));
        proptest::prop_assert_eq!(gets(&countries, &uses), alone, "{}", limits);
    }
}

#[test]
fn limits_of_a_policy_are_for_the_stories_that_carry_it() {
    let config = limited("", "not_in = [\"DE\"]");
    let partner = partner("[entitlement]\ncountries = [\"DE\"]");
    assert!(!route(&article(), &partner, &config, now()).gets());
    let other = Article { keywords: Vec::new(), ..article() };
    assert!(route(&other, &partner, &config, now()).gets());
    let of_another_wire = Article { wire: WireId::new("other"), ..article() };
    assert!(route(&of_another_wire, &partner, &config, now()).gets());
}

#[test]
fn a_partner_that_does_not_say_where_it_publishes_gets_nothing_that_depends_on_it() {
    let verdict = |limits: &str, says: &str| {
        let partner = partner(&format!("[entitlement]\n{says}"));
        route(&article(), &partner, &limited(limits, ""), now()).to_string()
    };
    insta::assert_snapshot!(verdict("not_in = [\"DE\"]", "uses = [\"print\"]"), @"does not get it: the wire's terms limit where it may be used, and the partner does not say where it publishes");
    insta::assert_snapshot!(verdict("only_for = [\"print\"]", "countries = [\"DE\"]"), @"does not get it: the wire's terms limit how it may be used, and the partner does not say how it publishes");
}

#[test]
fn no_place_and_no_use_holds_a_withdrawal_back() {
    for limits in ["not_in = [\"DE\"]", "only_in = [\"US\"]", "not_for = [\"print\"]", "only_for = [\"online\"]"] {
        for says in ["countries = [\"DE\"]\nuses = [\"print\"]", ""] {
            let partner = partner(&format!("[entitlement]\n{says}"));
            for config in [limited(limits, ""), limited("", limits)] {
                for action in Action::ALL {
                    let gets = route(&Article { action, ..article() }, &partner, &config, now()).gets();
                    assert_eq!(gets, action.withdraws(), "{limits}, {says:?}, {action}");
                }
            }
        }
    }
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
        entitlement.countries = ["US", "CA"]
        [partners.asleep.destinations.cms]
        format = "nitf"
        http.url = "https://asleep.example/in"
        [partners.asleep.destinations.archive]
        format = "json"
        http.url = "https://asleep.example/archive"
        [partners.abroad]
        name = "Abroad"
        entitlement.countries = ["DE"]
        destinations = {}
        [wires.hpnf]
        name = "Harbor Press"
        short_name = "HP"
        limits.not_in = ["DE"]
        [partners.culture]
        name = "Culture only"
        entitlement.countries = ["US"]
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
            "abroad [] does not get it: the wire's terms exclude use in DE",
            "asleep [\"archive\", \"cms\"] gets it: it is entitled, and has no rules",
            "culture [] does not get it: its rule \"all\" excludes it",
        ],
        "a paused partner is owed what it gets"
    );
}

/// Thousands of contracts are few kinds of contracts, and what routing does not look at goes with the configuration.
#[test]
fn equal_rules_are_one_and_no_more_of_a_partner_is_kept() {
    let partner = |id: &str, sections: &str| {
        format!(
            "[partners.{id}]\nname = \"{id}\"\ndestinations = {{}}\n\
             subscriptions.all.keywords = [\"ferry\"]\nsubscriptions.own.sections = [\"{sections}\"]\n"
        )
    };
    let text = [partner("one", "sport"), partner("two", "sport"), partner("three", "culture")].concat();
    let config: Config = toml::from_str(&text).unwrap();
    let router = Router::new(&config);
    let rules: HashMap<&str, &[Arc<Rule>]> =
        router.partners.iter().map(|partner| (partner.id.as_str(), &*partner.rules)).collect();
    let same = |at: usize, other: &str| Arc::ptr_eq(&rules["one"][at], &rules[other][at]);
    assert!(same(0, "two") && same(0, "three") && same(1, "two"), "equal ones");
    assert!(!same(1, "three"), "one that takes something else");
    assert!(!Arc::ptr_eq(&rules["one"][0], &rules["one"][1]), "one of another name");
    assert!(config.partners.values().all(|partner| Arc::strong_count(partner) == 1), "a partner is kept whole");
}
