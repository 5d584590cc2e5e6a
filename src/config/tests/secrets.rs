//! Promise 11: no secret is shown.

use super::{Files, MAIN, PARTNER};

const SECRET: &str = "tr0ub4dor&3";

/// Each way to type a secret where it does not belong.
#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let misplaced = [
        "auth = \"tr0ub4dor&3\"",
        "auth = { bearer = \"tr0ub4dor&3\" }",
        "auth = { bearer = [\"tr0ub4dor&3\"] }",
        "auth = { basic = \"tr0ub4dor&3\" }",
        "auth = [\"tr0ub4dor&3\"]",
        "auth = \"tr0ub4dor&3",
        "auth = tr0ub4dor&3",
        "signing_secret = \"tr0ub4dor&3\"",
        "signing_secret = { value = \"tr0ub4dor&3\" }",
        "auth = { query = { name = \"key\", value = \"tr0ub4dor&3\" } }",
        "auth = { query = \"tr0ub4dor&3\" }",
        "auth = { oauth = \"tr0ub4dor&3\" }",
        "auth = { oauth = { token_url = \"x\", client_id = \"y\", client_secret = \"tr0ub4dor&3\" } }",
        "auth = { oauth = { token_url = \"https://y:tr0ub4dor&3@x/\", client_id = \"y\", client_secret = \"env:X\" } }",
        "headers = \"tr0ub4dor&3\"",
        "headers = { authorization = \"tr0ub4dor&3\" }",
        "signing = \"tr0ub4dor&3\"",
        "signing = [\"tr0ub4dor&3\"]",
        "signing = [{ secret = \"tr0ub4dor&3\" }]",
        "message_signature = \"tr0ub4dor&3\"",
        "message_signature = { algorithm = \"ed25519\", keyid = \"k\", key = \"tr0ub4dor&3\" }",
        "body_signature = \"tr0ub4dor&3\"",
        "body_signature = { preset = \"github\", secret = \"tr0ub4dor&3\" }",
        "ca_file = [\"tr0ub4dor&3\"]",
        "proxy = \"http://wire:tr0ub4dor&3@proxy.example/\"",
        "proxy = { url = \"http://proxy.example/\", user = \"wire\", password = \"tr0ub4dor&3\" }",
        "proxy = { url = \"tr0ub4dor&3\" }",
        "proxy = \"tr0ub4dor&3\"",
        "url = \"https://wire:tr0ub4dor&3@island-post.example/\"",
        "url = \"https://wire:tr0ub4dor&3@island post.example/\"",
        "url = \"https://wire:tr0ub4dor&3@island-post.example/{{ giud }}\"",
        "url = \"https://wire:tr0ub4dor&3@island-post.example/{{ guid }}\"",
        "url = \"https://wire:tr0ub4dor&3@{{ guid }}\"",
    ];
    for line in misplaced {
        let base = if line.starts_with("url") { PARTNER.replace("url = ", "# ") } else { PARTNER.to_owned() };
        let errors = Files::new(MAIN).partner("island-post", &format!("{base}{line}\n")).errors();
        assert!(!errors.contains(SECRET), "{line}: {errors}");
    }
    let site = "name = \"Island Post\"\n[destinations.site]\nformat = \"wordpress\"\n[destinations.site.wordpress]\n";
    for line in [
        "application_password = \"tr0ub4dor&3\"",
        "application_password = [\"tr0ub4dor&3\"]",
        "application_password = tr0ub4dor&3",
        "url = \"https://wire:tr0ub4dor&3@island-post.example/\"",
        "password = \"tr0ub4dor&3\"",
    ] {
        let errors = Files::new(MAIN).partner("island-post", &format!("{site}user = \"wire\"\n{line}\n")).errors();
        assert!(!errors.contains(SECRET), "{line}: {errors}");
    }
    for (door, rest) in [
        (
            "mail",
            "host = \"mx.example\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\nuser = \"wire\"\npassword = \"tr0ub4dor&3\"",
        ),
        ("mail", "host = \"wire:tr0ub4dor&3@mx.example\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]"),
        ("amqp", "url = \"amqps://wire:tr0ub4dor&3@mq.example/\"\nexchange = \"wire\""),
        ("amqp", "url = \"amqps://wire:tr0ub4dor&3@mq example/\"\nexchange = \"wire\""),
        ("amqp", "url = \"amqps://mq.example/\"\nexchange = \"wire\"\nuser = \"wire\"\npassword = [\"tr0ub4dor&3\"]"),
    ] {
        let door =
            format!("name = \"Island Post\"\n[destinations.a]\nformat = \"json\"\n[destinations.a.{door}]\n{rest}\n");
        let errors = Files::new(MAIN).partner("island-post", &door).errors();
        assert!(!errors.contains(SECRET), "{rest}: {errors}");
    }
    for urls in ["\"amqp://u:tr0ub4dor&3@mq/\"", "[\"amqp://u:tr0ub4dor&3@mq/\"]", "{ \"a\" = \"tr0ub4dor&3\" }"] {
        let errors = Files::new(&format!("{MAIN}[intake.amqp]\nurls = {urls}\n")).errors();
        assert!(!errors.contains(SECRET), "{urls}: {errors}");
    }
    let files = Files::new(MAIN)
        .variable("NEWSWIRED__INTAKE__HTTP__TOKEN", SECRET)
        .variable("NEWSWIRED__INTAKE__AMQP__URLS", SECRET);
    let errors = files.errors();
    assert!(!errors.contains(SECRET), "{errors}");
    assert!(!format!("{:?}", files.load().unwrap_err()).contains(SECRET));
}

#[test]
fn a_secret_that_is_found_stands_neither_in_the_configuration_nor_in_errors() {
    let files = |secret: &str| {
        Files::new(MAIN)
            .file("secret", secret)
            .variable("SECRET", secret)
            .partner("island-post", &format!("{PARTNER}signing_secret = \"env:SECRET\"\n"))
    };
    let config = files(SECRET).load().unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
    let errors = files("whsec_tr0ub4dor&3").errors();
    insta::assert_snapshot!(errors, @r#"
    partners.d/island-post.toml:7:18: what follows "whsec_" in the secret is not base64; copy the secret again
    "#);

    let files = Files::new(MAIN);
    let path = files.path("secret");
    let files = files
        .file("secret", "tr0ub4dor\n&3")
        .partner("island-post", &format!("{PARTNER}auth = {{ bearer = \"file:{path}\" }}\n"));
    insta::assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:7:19: the secret holds a character that no header can carry; it must be one line of text
    "#);
}

#[test]
fn the_environment_prints_names_only() {
    let environment: super::Environment = [("TOKEN", SECRET)].into_iter().collect();
    assert_eq!(format!("{environment:?}"), "{\"TOKEN\"}");
}

/// Each secret is looked at once; what is wrong with it is told at each place that refers to it.
#[test]
fn a_secret_that_is_not_there_is_told_of_each_who_needs_it() {
    let signed = format!("{PARTNER}signing_secret = \"env:NOWHERE\"\n");
    let errors = Files::new(MAIN).partner("island-post", &signed).partner("north-post", &signed).errors();
    insta::assert_snapshot!(errors, @r#"
    partners.d/island-post.toml:7:18: the environment variable NOWHERE is not set; set it, or use "file:PATH"
    partners.d/north-post.toml:7:18: the environment variable NOWHERE is not set; set it, or use "file:PATH"
    "#);
}
