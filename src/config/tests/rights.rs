//! When, and until when, a partner may have a story: errors in what wires and contracts say of it.

use insta::assert_snapshot;

use super::super::Versions;
use super::{Files, MAIN, PARTNER, partner_errors};
use crate::article::WireId;

#[test]
fn left_out_a_partner_gets_the_newest_version_and_none_early() {
    let config = Files::new(MAIN).partner("island-post", PARTNER).load().unwrap();
    let partner = &config.partners["island-post"];
    assert_eq!(partner.entitlement.embargo_early, None);
    assert_eq!(partner.destinations["site"].versions, Versions::Newest);
    assert_eq!(config.wires[&WireId::new("hpnf")].withdraw_for.to_string(), "30d");
}

#[test]
fn an_archive_asks_for_every_version_and_a_magazine_for_time_to_prepare() {
    let partner = PARTNER.replace("[destinations.site]\n", "[destinations.site]\nversions = \"every\"\n");
    let partner = format!("{partner}[entitlement]\nembargo_early = \"2h\"\n");
    let main = MAIN.replace("short_name", "withdraw_for = \"90d\"\nshort_name");
    let config = Files::new(&main).partner("island-post", &partner).load().unwrap();
    let partner = &config.partners["island-post"];
    assert_eq!(partner.entitlement.embargo_early.unwrap().to_string(), "2h");
    assert_eq!(partner.destinations["site"].versions, Versions::Every);
    assert_eq!(config.wires[&WireId::new("hpnf")].withdraw_for.to_string(), "90d");
}

#[test]
fn times_of_nothing_and_versions_of_no_kind() {
    let partner = format!("{PARTNER}[entitlement]\nembargo_early = \"0h\"\n");
    let main = MAIN.replace("short_name", "withdraw_for = \"0d\"\nshort_name");
    assert_snapshot!(Files::new(&main).partner("island-post", &partner).errors(), @r#"
    newswired.toml:4:16: a time of nothing; write a longer one
    partners.d/island-post.toml:8:17: a time of nothing; write a longer one
    "#);
    let partner = PARTNER.replace("[destinations.site]\n", "[destinations.site]\nversions = \"evry\"\n");
    assert_snapshot!(partner_errors(&partner), @r#"partners.d/island-post.toml:4:12: unknown versions "evry"; did you mean "every"?"#);
}

#[test]
fn to_keep_a_story_for_no_time_is_no_retention() {
    let main = MAIN.replace("short_name", "retention = \"0d\"\npolicies = [\"fund\"]\nshort_name");
    let policy =
        |id: &str, span: &str| format!("[policies.{id}]\nrole = \"funder\"\nname = \"F\"\nretention = \"{span}\"\n");
    let main = format!("{main}{}{}", policy("fund", "30 days"), policy("other", "0h"));
    assert_snapshot!(Files::new(&main).partner("island-post", PARTNER).errors(), @r#"
    newswired.toml:4:13: a time of nothing; write a longer one
    newswired.toml:14:13: "30 days" is not a length of time; write a whole number and a unit: ms, s, m, h or d, for example "30s"
    newswired.toml:18:13: a time of nothing; write a longer one
    "#);
}

/// The main file with `limits` on its wire, and a policy that some of its stories carry.
fn limited(limits: &str, of_policy: &str) -> String {
    let main = MAIN.replace("short_name", &format!("limits = {{ {limits} }}\npolicies = [\"gull\"]\nshort_name"));
    format!("{main}[policies.gull]\nrole = \"originator\"\nname = \"Gull Wire\"\nlimits = {{ {of_policy} }}\n")
}

#[test]
fn countries_and_uses_that_there_are_not() {
    let main =
        limited(r#"only_in = ["USA", "US", "uk"], not_for = ["radio"]"#, r#"not_in = ["de"], only_for = ["onlin"]"#);
    let partner = format!("{PARTNER}[entitlement]\ncountries = [\"EU\"]\nuses = [\"prnt\"]\n");
    assert_snapshot!(Files::new(&main).partner("island-post", &partner).errors(), @r#"
    newswired.toml:4:23: unknown country "USA"; write its two letters in ISO 3166-1, for example "US"
    newswired.toml:4:36: unknown country "uk"; did you mean "GB"?
    newswired.toml:4:54: unknown item "radio" in "not_for"; expected one of "online", "print", "broadcast"
    newswired.toml:14:22: unknown country "de"; did you mean "DE"?
    newswired.toml:14:41: unknown item "onlin" in "only_for"; did you mean "online"?
    partners.d/island-post.toml:8:14: unknown country "EU"; write its two letters in ISO 3166-1, for example "US"
    partners.d/island-post.toml:9:9: unknown item "prnt" in "uses"; did you mean "print"?
    "#);
}

#[test]
fn a_partner_says_where_and_how_it_publishes_when_a_wire_asks() {
    let errors = |main: &str, partner: &str| {
        let files = Files::new(main).partner("island-post", partner);
        files.load().err().map(|_| files.errors()).unwrap_or_default()
    };
    let main = limited("not_in = [\"DE\"]", "only_for = [\"online\"]");
    assert_snapshot!(errors(&main, PARTNER), @r#"
    partners.d/island-post.toml:1:1: policies.gull.limits says how stories may be used, and the partner does not say how it publishes; add to [entitlement], for example, uses = ["online"]
    partners.d/island-post.toml:1:1: wires.hpnf.limits says where stories may be used, and the partner does not say where it publishes; add to [entitlement], for example, countries = ["US"]
    "#);
    let where_alone = format!("{PARTNER}[entitlement]\nwires = [\"hpnf\"]\ncountries = [\"DE\"]\n");
    assert_snapshot!(errors(&main, &where_alone), @r#"
    partners.d/island-post.toml:7:1: policies.gull.limits says how stories may be used, and the partner does not say how it publishes; add to [entitlement], for example, uses = ["online"]
    "#);
    let both = format!("{where_alone}uses = [\"print\", \"broadcast\"]\n");
    assert_eq!(errors(&main, &both), "", "that it gets little is its affair");
    assert_eq!(errors(&limited("", ""), PARTNER), "", "nobody asks");
    // A wire that the partner may not have does not ask either.
    let other = "[intake]\nwire = \"hpnf\"\n[wires.other]\nname = \"O\"\nshort_name = \"O\"\nrequire = []\n";
    let main = format!("{MAIN}{other}limits = {{ only_in = [\"US\"] }}\n");
    assert_eq!(errors(&main, &format!("{PARTNER}[entitlement]\nwires = [\"hpnf\"]\n")), "");
    assert_snapshot!(errors(&main, PARTNER), @r#"
    partners.d/island-post.toml:1:1: wires.other.limits says where stories may be used, and the partner does not say where it publishes; add to [entitlement], for example, countries = ["US"]
    "#);
}

#[test]
fn what_is_allowed_is_not_excluded_as_well() {
    let main =
        limited(r#"only_in = ["US", "CA"], not_in = ["DE", "CA"]"#, r#"only_for = ["print"], not_for = ["print"]"#);
    let partner = format!("{PARTNER}[entitlement]\ncountries = [\"US\"]\nuses = [\"print\"]\n");
    assert_snapshot!(Files::new(&main).partner("island-post", &partner).errors(), @r#"
    newswired.toml:4:52: "CA" stands in only_in too; take it out of one of the two
    newswired.toml:14:45: "print" stands in only_for too; take it out of one of the two
    "#);
}
