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
    let main = format!("{main}[policies.fund]\nrole = \"funder\"\nname = \"Fund\"\nretention = \"30 days\"\n");
    assert_snapshot!(Files::new(&main).partner("island-post", PARTNER).errors(), @r#"
    newswired.toml:4:13: a time of nothing; write a longer one
    newswired.toml:14:13: "30 days" is not a length of time; write a whole number and a unit: ms, s, m, h or d, for example "30s"
    "#);
}
