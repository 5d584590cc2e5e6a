//! `newswired partner add`: what it writes the configuration's own check takes, and it writes over nothing.

mod support;

use std::os::unix::fs::PermissionsExt;

use newswired::config::Format;
use support::files::standing;
use support::{Scene, run};

/// The arguments of a new partner's door, one for each transport, and for each way to show who we are.
fn new_partners() -> Vec<(&'static str, Vec<&'static str>)> {
    let http = ["--url", "https://cms.paper.example/in"];
    let with = |base: &[&'static str], more: &[&'static str]| base.iter().chain(more).copied().collect::<Vec<_>>();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYgB2c9cO3lny+FEMSG7ywGZq0ay8d4Z2tZXkf7VJut";
    vec![
        ("http-none", with(&http, &[])),
        ("http-bearer", with(&http, &["--auth", "bearer", "--secret-from", "env:T", "--signing-from", "credential:s"])),
        ("http-basic", with(&http, &["--auth", "basic", "--user", "u\"\\", "--secret-from", "file:/p"])),
        ("http-header", with(&http, &["--auth", "header", "--key-name", "x-api-key", "--secret-from", "env:K"])),
        ("http-query", with(&http, &["--auth", "query", "--key-name", "k", "--secret-from", "env:K"])),
        (
            "http-oauth",
            with(
                &http,
                &[
                    "--auth",
                    "oauth",
                    "--token-url",
                    "https://login.paper.example/token",
                    "--client-id",
                    "newswired",
                    "--secret-from",
                    "env:S",
                ],
            ),
        ),
        (
            "sftp-key",
            vec!["--url", "sftp://wire@sftp.paper.example:2222/in", "--secret-from", "file:/k", "--host-key", key],
        ),
        (
            "sftp-password",
            vec![
                "--url",
                "sftp://wire@sftp.paper.example//srv/in",
                "--auth",
                "password",
                "--secret-from",
                "env:P",
                "--host-key",
                key,
            ],
        ),
        ("ftp", vec!["--url", "ftp://wire@ftp.paper.example/in", "--secret-from", "env:P"]),
        (
            "webdav",
            vec![
                "--transport",
                "webdav",
                "--url",
                "https://dav.paper.example/in/",
                "--user",
                "wire",
                "--secret-from",
                "env:P",
            ],
        ),
        (
            "s3",
            vec![
                "--transport",
                "s3",
                "--url",
                "https://s3.eu-west-1.amazonaws.com",
                "--bucket",
                "wire",
                "--region",
                "eu-west-1",
                "--access-key-from",
                "env:A",
                "--secret-from",
                "env:S",
            ],
        ),
        ("directory", vec!["--url", "/srv/newswire"]),
    ]
}

/// Without the place of this run.
fn redacted(text: &str, scene: &Scene) -> String {
    text.replace(&scene.dir.path().display().to_string(), "DIR")
}

fn added(scene: &Scene, id: &str, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["partner", "add", id, "--name", "The \"Paper\" & Sons"];
    arguments.extend(more);
    run(scene, &arguments)
}

/// What is written is good as it stands, and so is every key that it shows, for each transport and format.
#[test]
fn what_is_added_passes_the_check_for_every_transport_and_format() {
    let scene = Scene::new(&[], "", "");
    let file = |id: &str| scene.dir.path().join(format!("partners.d/{id}.toml"));
    for (id, arguments) in new_partners() {
        for format in Format::ALL.iter().filter(|format| **format != Format::WordPress) {
            let id = format!("{id}-{}", format.as_str().replace('.', "-"));
            // One check for all of them stands below; here only that each is written.
            if *format != Format::Json && !["http-none", "sftp-key"].iter().any(|some| id.starts_with(some)) {
                continue;
            }
            let more = [&arguments[..], &["--format", format.as_str(), "--wire", "dcnf"]].concat();
            let (code, out, why) = added(&scene, &id, &more);
            assert_eq!(code, 0, "{id}: {why}");
            assert!(out.contains(&format!("partner test --partner {id}")), "{out}");
        }
    }
    let site =
        ["--transport", "wordpress", "--url", "https://paper.example/", "--user", "wire", "--secret-from", "env:P"];
    assert_eq!(added(&scene, "site", &site).0, 0);
    let check = ["check", "--without-secrets"];
    let (code, out, why) = run(&scene, &check);
    assert_eq!((code, out.contains("partners")), (0, true), "{why}");

    // With each key's comment sign taken away, but for files that are not there.
    let examples = ["ca_file", "passphrase", "countries", "signing_secret", "auth "];
    for (id, _) in new_partners().into_iter().chain([("site", Vec::new())]) {
        let path = if id == "site" { file(id) } else { file(&format!("{id}-json")) };
        let text = std::fs::read_to_string(&path).expect("it was written");
        let spoken = text.lines().map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let key = bare.split(" = ").next().unwrap_or_default();
            let is_key = bare.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let is_table = bare.starts_with('[') && bare.ends_with(']');
            let example = examples.iter().any(|example| bare.starts_with(example)) || key == "wires";
            if (is_key || is_table) && !example { bare } else { line }
        });
        let spoken = spoken.collect::<Vec<_>>().join("\n");
        assert!(
            spoken.lines().filter(|line| line.starts_with('#')).count()
                < text.lines().filter(|line| line.starts_with('#')).count() - 10
        );
        std::fs::write(&path, spoken).expect("a file can be written");
    }
    let (code, _, why) = run(&scene, &check);
    assert_eq!(code, 0, "{why}");
}

#[test]
fn what_is_added_reads_well() {
    let scene = Scene::new(&[], "", "");
    let secret = scene.dir.path().join("signing");
    let secret = secret.to_str().expect("the path is UTF-8");
    let arguments = ["--url", "https://cms.paper.example/in", "--auth", "bearer", "--secret-from", "env:PAPER_TOKEN"];
    let arguments = [&arguments[..], &["--wire", "dcnf", "--new-secret", secret]].concat();
    let (code, out, why) = added(&scene, "paper", &arguments);
    assert_eq!((code, why.as_str()), (0, ""), "{out}");
    let place = scene.dir.path().join("partners.d/paper.toml");
    let text = std::fs::read_to_string(&place).expect("it was written");
    insta::assert_snapshot!(redacted(&text, &scene), @r#"
    #:schema ../partner.schema.json
    #
    # A partner: the file's name is its id. What is commented out is a default, or an example where there is none; the samples
    # that come with newswired show all keys.

    name = 'The "Paper" & Sons'
    # paused = false          # true: it is sent nothing but kills, and keeps what it is owed

    # What the contract entitles it to.
    [entitlement]
    wires = ["dcnf"]
    # from = 2026-01-01T00:00:00Z    # the contract's first instant; no default
    # until = 2099-01-01T00:00:00Z   # its end; no default
    # countries = ["US"]      # where it publishes, and how: needed where a wire's limits ask; no default
    # uses = ["online"]       # or "print", "broadcast"; no default
    # embargo_early = "2h"    # how long before an embargo's end it may have a story; default: not before the end

    # Which stories it gets. Without a rule it gets all that it is entitled to.
    # [subscriptions.news]
    # sections = ["politics", "courts"]   # any of them
    # languages = ["en"]      # any of them; "en" covers "en-US"
    # urgency_up_to = 5       # 4 takes 1 (flash) to 4

    [destinations.main]
    format = "json"
    # rate = "10/s"           # the most deliveries that the contract allows, or "600/min", "5000/h"; no default
    # concurrency = 4         # this and the next line: default as in [delivery]
    # give_up_after = "3d"
    # versions = "newest"     # "every" sends each version of a story, in order, as archives ask for
    # test_items = false      # true: `newswired partner test --item` may send an article that is marked as a test

    [destinations.main.http]
    url = "https://cms.paper.example/in"
    signing_secret = "file:DIR/signing"   # Standard Webhooks
    auth = { bearer = "env:PAPER_TOKEN" }
    # method = "POST"         # or "PUT"
    # success = [200, 204]    # the statuses that say that it was taken; default: 200 to 299
    # compression = "gzip"    # on its way; left out: not compressed
    # ca_file = "/etc/newswired/partner-ca.pem"   # certificates to trust instead of the system's
    # allow_addresses = ["10.1.2.0/24"]   # what is not of the Internet, and this door may lead to; no default
    # proxy = "none"          # how connections leave; default as in [delivery]
    # connect_timeout = "10s" # this and the next two lines: default as in [delivery]
    # write_timeout = "30s"
    # answer_timeout = "30s"
    "#);
    insta::assert_snapshot!(redacted(&out, &scene), @r#"
    DIR/partners.d/paper.toml is written, and good with the rest of the configuration.
    Next:
      1. Give DIR/signing to the daemon's user (chown), and the partner a copy of what stands in it, by a way that nobody else reads.
      2. Put the token where env:PAPER_TOKEN says: it cannot be read from here yet.
      3. newswired check --config DIR/newswired.toml
      4. newswired partner test --partner paper --config DIR/newswired.toml
      5. newswired reload: the daemon that runs takes it up, and all others go on as they are.
      6. Tell the partner: docs/receiving.md, and docs/formats for "json".
    "#);
    let about = std::fs::metadata(secret).expect("the secret was made");
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    let made = std::fs::read_to_string(secret).expect("the secret was made");
    assert!(made.starts_with("whsec_") && made.trim().len() == 50, "32 bytes in base64");
    assert!(!out.contains(made.trim()) && !text.contains(made.trim()), "no secret is shown");
    assert_eq!(std::fs::metadata(&place).expect("it was written").permissions().mode() & 0o777, 0o644);
}

/// Nothing is written over, and what is not good is not put in its place; no temporary file stays either.
#[test]
fn what_is_not_good_is_not_added() {
    let scene = Scene::new(&[], "", "");
    let there = || {
        let mut names: Vec<String> = standing(scene.dir.path()).into_keys().collect();
        names.sort();
        names
    };
    let before = there();
    let url = ["--url", "https://cms.paper.example/in"];
    let secret = scene.dir.path().join("token");
    let secret = secret.to_str().expect("the path is UTF-8");
    for (arguments, code, what) in [
        (&["paper", "--url", "https://cms.paper.example/in", "--format", "nift"][..], 78, "did you mean \"nitf\"?"),
        (&["paper", "--url", "https://10.1.2.3/in"], 78, "allow_addresses = [\"10.1.2.3\"]"),
        (&["paper", "--url", "https://cms.paper.example/in", "--wire", "dcn"], 78, "unknown wire \"dcn\""),
        (&["paper", "--url", "https://u:hunter2@cms.paper.example/in"], 64, "the address holds a password"),
        (&["paper", "--url", "https://cms.paper.example/in", "--auth", "bearer"], 64, "say also --secret-from"),
        (&["paper", "--url", "sftp://sftp.paper.example/in"], 64, "say also --user, --secret-from, --host-key"),
        (&["paper", "--url", "gopher://paper.example/"], 64, "scheme \"gopher\""),
        (
            &["paper", "--url", "https://cms.paper.example/in", "--auth", "bearer", "--secret-from", "hunter2"],
            64,
            "only by reference",
        ),
        (
            &["paper", "--url", "/srv/paper", "--new-secret", "/nowhere/signing"],
            64,
            "--new-secret is for another kind of door than directory",
        ),
        (
            &[
                "paper",
                "--url",
                "sftp://u@sftp.paper.example/in",
                "--auth",
                "oauth",
                "--secret-from",
                "env:K",
                "--host-key",
                "k",
            ],
            64,
            "key or password",
        ),
        (&["Paper", "--url", "https://cms.paper.example/in"], 64, "is no partner id"),
        (&["paper", "--url", "https://cms.paper.example/in", "--new-secret", secret], 69, "cannot write the secret"),
    ] {
        let (got, out, why) = added(&scene, arguments[0], &arguments[1..]);
        assert_eq!((got, out.as_str()), (code, ""), "{why}");
        assert!(why.contains(what), "{what}: {why}");
        assert!(!why.contains("hunter2"), "no secret is shown: {why}");
        assert!(!why.contains("partners.d/.paper"), "the place is that of the file to be: {why}");
    }
    assert_eq!(there(), before, "nothing was written");
    assert_eq!(added(&scene, "paper", &url).0, 0);
    let (code, _, why) = added(&scene, "paper", &["--url", "https://other.paper.example/in"]);
    assert_eq!((code, why.contains("there is a partner \"paper\" already")), (64, true), "{why}");
    let text = std::fs::read_to_string(scene.dir.path().join("partners.d/paper.toml")).expect("it stands");
    assert!(text.contains("cms.paper.example"), "it is as it was");
}
