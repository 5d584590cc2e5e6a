//! What is wrong with where traces are told.

use insta::assert_snapshot;

use super::{Files, MAIN, PARTNER, errors};

fn wrong(traces: &str) -> String {
    errors(&format!("{MAIN}[traces]\n{traces}\n"))
}

#[test]
fn the_way_to_a_collector_is_looked_at() {
    assert_snapshot!(wrong("ratio = 0.5"), @r#"newswired.toml:9:1: the key "url" is missing here; add url = …"#);
    let other = "url = \"grpc://collector.example:4317\"\nservice = \" \"\nqueue = 0\nbatch = 100000\ndelay = \"0s\"\n\
                 timeout = \"0s\"";
    assert_snapshot!(wrong(other), @r#"
    newswired.toml:10:7: an address with the scheme "grpc"; write https://… or http://…
    newswired.toml:11:11: the text is empty; write one or remove the key
    newswired.toml:12:9: 0 is out of range; write a whole number from 1 to 1000000
    newswired.toml:13:9: 100000 is out of range; write a whole number from 1 to 10000
    newswired.toml:14:9: a time of nothing; write a longer one
    newswired.toml:15:11: a time of nothing; write a longer one
    "#);
    let inside = "url = \"http://localhost:4318/v1/traces\"\nca_file = \"nothing.pem\"\nproxy = \"gopher://a\"";
    assert_snapshot!(wrong(inside), @r#"
    newswired.toml:10:7: 127.0.0.1 is a loopback address (RFC 1122); ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["127.0.0.1", "::1"] here, or to [delivery] for all destinations
    newswired.toml:11:11: cannot read nothing.pem: No such file or directory (os error 2); write the path of a file of PEM certificates
    newswired.toml:12:9: a proxy's address with the scheme "gopher"; write "http://host:port" or "socks5://host:port"
    "#);
    let headers = "headers = { \"x y\" = \"a\", host = \"a\", x-key = \"b\", x-line = \"a\\nb\" }\n\
                   secret_headers = { X-Key = \"env:MISSING\", content-type = \"env:MISSING\" }";
    assert_snapshot!(wrong(&format!("url = \"https://collector.example/v1/traces\"\n{headers}")), @r#"
    newswired.toml:11:13: "x y" is not a header's name; use letters, digits and "-"
    newswired.toml:11:26: newswired writes the header "host" itself; use another
    newswired.toml:11:60: the value holds a character that no header can carry; write one line of text
    newswired.toml:12:20: "X-Key" stands in headers, too; write it once
    newswired.toml:12:28: the environment variable MISSING is not set; set it, or use "file:PATH"
    newswired.toml:12:43: newswired writes the header "content-type" itself; use another
    newswired.toml:12:58: the environment variable MISSING is not set; set it, or use "file:PATH"
    "#);
}

/// A password is not repeated.
#[test]
fn an_address_holds_no_password() {
    let errors = wrong("url = \"http://wire:tr0ub4dor&3@collector.example/v1/traces\"");
    assert_snapshot!(errors, @"newswired.toml:10:7: the address holds a user or a password; remove them and use secret_headers = { authorization = … }");
}

#[test]
fn a_part_of_all_is_from_none_to_all() {
    let ratio = |ratio: &str| wrong(&format!("url = \"https://collector.example/v1/traces\"\nratio = {ratio}"));
    assert_snapshot!(ratio("1.5"), @"newswired.toml:11:9: 1.5 is no part of all; write a number from 0 to 1");
    assert_snapshot!(ratio("-1"), @"newswired.toml:11:9: -1 is no part of all; write a number from 0 to 1");
    assert_snapshot!(ratio("\"half\""), @"newswired.toml:11:9: text stands here; write a number from 0 to 1");
    assert_snapshot!(ratio("nan"), @"newswired.toml:11:9: something else stands here; write a number from 0 to 1");
    for (text, part) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25)] {
        let main = format!("{MAIN}[traces]\nurl = \"https://collector.example/v1/traces\"\nratio = {text}\n");
        assert_eq!(Files::new(&main).load().unwrap().traces.unwrap().ratio.get(), part);
    }
}

#[test]
fn a_collector_inside_is_allowed_by_its_own_list() {
    let main = format!(
        "{MAIN}[traces]\nurl = \"http://localhost:4318/v1/traces\"\nallow_addresses = [\"127.0.0.1\", \"::1\"]\n"
    );
    assert!(Files::new(&main).load().unwrap().traces.is_some());
    assert!(Files::new(MAIN).load().unwrap().traces.is_none(), "off by default");
}

/// A signature may be of the trace where the partner is told it, and of no other's.
#[test]
fn a_signature_names_the_trace_only_where_there_is_one() {
    let signed = |more: &str| {
        let signature = "message_signature = { algorithm = \"hmac-sha256\", key = \"env:KEY\", keyid = \"a\", components = \
                         [\"content-digest\", \"traceparent\", \"tracestate\"] }";
        let partner = format!("{PARTNER}{signature}\n{more}\n");
        Files::new(MAIN).partner("island-post", &partner).variable("KEY", "a secret of thirty-two characters")
    };
    assert!(signed("trace_context = true").load().is_ok());
    let errors = signed("").errors();
    assert!(errors.contains("requests have no header \"traceparent\"; expected one of"), "{errors}");
    assert!(errors.contains("requests have no header \"tracestate\"; expected one of"), "{errors}");
    let fixed = Files::new(MAIN).partner("island-post", &format!("{PARTNER}headers = {{ traceparent = \"00\" }}\n"));
    assert_snapshot!(fixed.errors(), @r#"partners.d/island-post.toml:7:13: newswired writes the header "traceparent" itself; use another"#);
}
