//! Errors in attribution policies, and in what partners' contracts change of them.

use insta::assert_snapshot;

use super::{Files, MAIN, PARTNER};

/// The main file's errors, and those of a partner beside it.
fn errors_of(more: &str, partner: &str) -> String {
    let main = format!("{MAIN}{more}");
    Files::new(&main).partner("island-post", partner).errors()
}

#[test]
fn a_policy_says_what_is_wrong_with_it() {
    let more = r#"
[wires.hpnf.elements.logo]
text = "no words"
position = "left"
[wires.hpnf.elements.source]
text = "By {{ agncy }}"
[wires.hpnf.elements.tagline]
link = "home"
[wires.hpnf.elements.more]
text = "More"
link = "somewhere"
[wires.other]
name = "Other"
short_name = "O"
policies = ["fundr"]
former_lines = ["**"]
media_rules = [{ policy = "pass" }]
byline = "{{ word }} {{ names }}"
tracking = "{{ story }}"
require = ["affiliation", "byline"]
[policies.funder]
role = "payer"
name = " "
[policies.hpnf]
role = "funder"
name = "Harbor Fund"
[policies.hpnf.stories]
wires = ["hpnd"]
"#;
    assert_snapshot!(errors_of(more, PARTNER), @r#"
    newswired.toml:7:2: there are several wires, and [intake] does not say which one an article without a wire is for; add wire = one of "hpnf", "other"
    newswired.toml:11:8: the logo says what the policy's own keys say; give a line of text another name
    newswired.toml:12:12: unknown position "left"; expected one of "top", "byline", "end"
    newswired.toml:14:8: unknown field "agncy" in "By {{ agncy }}"; did you mean "agency"?
    newswired.toml:15:22: a line says nothing without text = "…"; add it, or name one of the known elements; expected one of "logo", "byline", "affiliation", "licence", "contact", "canonical", "tracking"
    newswired.toml:16:8: there is no url to link to; add url = "https://…" to the policy
    newswired.toml:19:8: not an address (relative URL without a base); write https://… or http://…
    newswired.toml:23:13: unknown policy "fundr"; write "hpnf"
    newswired.toml:24:17: the pattern fits everything; write the line, and "*" where it differs
    newswired.toml:25:16: the rule is for all media; say whose with owner, usage or keyword, or set own_media and third_party_media
    newswired.toml:26:10: the wire requires its affiliation, and the byline does not say it; write {{ affiliation }} in it, as it is and with a space or a comma beside it
    newswired.toml:27:12: not an address (relative URL without a base); write https://… or http://…
    newswired.toml:30:8: unknown role "payer"; expected one of "originator", "distributor", "funder"
    newswired.toml:32:11: hpnf is a wire's id, and so the name of its own policy; give this one another
    newswired.toml:36:10: unknown wire "hpnd"; did you mean "hpnf"?
    "#);
}

#[test]
fn what_the_wire_has_not_made_waivable_cannot_be_waived() {
    let more = r#"
[intake]
wire = "hpnf"
[wires.hpnf.elements.tagline]
text = "Funded by readers."
waivable = ["move"]
[wires.hpnf.elements.logo]
waivable = ["drop"]
[wires.hpnf.elements.contact]
waivable = ["reword"]
"#;
    let partner = format!(
        r#"{PARTNER}
[attribution.hpnf.logo]
drop = true
[attribution.hpnf.contact]
text = "desk@{{{{ partner }}}}.example"
[attribution.hpnf.byline]
drop = true
position = "top"
[attribution.hpnf.tagline]
position = "top"
text = "Paid by readers."
[attribution.hpnf.tagine]
drop = true
[attribution.hpnd.logo]
drop = true
[attribution.hpnf.licence]
text = "{{{{ foo }}}}"
"#
    );
    assert_snapshot!(errors_of(more, &partner), @r#"
    partners.d/island-post.toml:11:8: the contact stands as it is written; write its words without {{ … }}
    partners.d/island-post.toml:13:8: wires.hpnf does not let a partner drop its byline; remove the key, or, if the wire agrees, add "drop" to wires.hpnf.elements.byline.waivable
    partners.d/island-post.toml:14:12: wires.hpnf does not let a partner move its byline; remove the key, or, if the wire agrees, add "move" to wires.hpnf.elements.byline.waivable
    partners.d/island-post.toml:17:8: wires.hpnf does not let a partner reword its tagline; remove the key, or, if the wire agrees, add "reword" to wires.hpnf.elements.tagline.waivable
    partners.d/island-post.toml:18:19: wires.hpnf has no element "tagine"; did you mean "tagline"?
    partners.d/island-post.toml:20:14: unknown wire or policy "hpnd"; did you mean "hpnf"?
    partners.d/island-post.toml:23:8: unknown field "foo" in "{{ foo }}"; expected one of "agency", "agency_short_name", "agency_url", "policy", "policy_url", "names", "affiliation", "word", "headline", "dateline", "story", "version", "article_url", "copyright_holder", "year", "partner"
    "#);
}

#[test]
fn a_licence_that_forbids_edits_is_not_for_a_profile_that_shortens() {
    let more = r#"
[profiles.brief]
format = "json"
words = 80
[profiles.tiny]
format = "json"
words = 3
[intake]
wire = "hpnf"
[wires.strict]
name = "Strict"
short_name = "S"
require = ["byline"]
edits = "none"
"#;
    let partner = PARTNER.replace("\"json\"", "\"brief\"");
    assert_snapshot!(errors_of(more, &partner), @r#"
    newswired.toml:15:9: 3 is out of range; write a whole number of 20 or more
    partners.d/island-post.toml:4:10: the profile "brief" makes stories shorter, which the licence of the wire "strict" forbids (wires.strict.edits); take a profile without words, or take the wire out of the partner's entitlement
    "#);
    let entitled = format!("{partner}[entitlement]\nwires = [\"hpnf\"]\n");
    let config = Files::new(&format!("{MAIN}{}", more.replace("words = 3", "words = 30")));
    config.partner("island-post", &entitled).load().unwrap();
}

#[test]
fn a_byline_that_could_never_be_proved_is_refused() {
    let with = |form: &str| {
        let main = MAIN.replace("short_name", &format!("byline = \"{form}\"\nshort_name"));
        Files::new(&main).partner("island-post", PARTNER).load().err().map(|errors| errors.to_string())
    };
    for good in ["{{ names }}", "Von {{ names }}", "{{ names }}/{{ affiliation }}", "{{ names }}. {{ year }}"] {
        assert_eq!(with(good), None, "{good}");
    }
    for bad in ["{{ names | upper }}", "by-{{ names }}", "記者{{ names }}報道", "{{ affiliation }}"] {
        assert!(with(bad).is_some_and(|errors| errors.contains("does not say it")), "{bad}");
    }
}

#[test]
fn what_ends_a_shorter_story_names_only_what_every_story_has() {
    let more = |line: &str| format!("[profiles.brief]\nformat = \"json\"\nwords = 80\nmore = \"{line}\"\n");
    let good = Files::new(&format!("{MAIN}{}", more("Read on at {{ agency }}: {{ article_url }}")));
    good.partner("island-post", PARTNER).load().unwrap();
    assert_snapshot!(errors_of(&more("Read {{ headline }}"), PARTNER), @r#"newswired.toml:12:8: there is no "headline" here; use "agency" or "article_url""#);
}

#[test]
fn a_byline_that_names_the_partner_makes_editions_of_the_partners_own() {
    let edition = |byline: &str| {
        let main = MAIN.replace("short_name", &format!("byline = \"{byline}\"\nshort_name"));
        let config = Files::new(&main).partner("island-post", PARTNER).load().unwrap();
        let (id, partner) = config.partners.iter().next().unwrap();
        config.edition(id, partner, &partner.destinations["site"]).unwrap()
    };
    assert_eq!(edition("{{ names }}").partner, None);
    assert!(edition("{{ names }} for {{ partner }}").partner.is_some());
}
