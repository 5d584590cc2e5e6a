//! Whoever receives can tell who sent: each signature is verified by libraries and languages that share nothing with the
//! program, with the code that docs/receiving.md gives to partners' developers.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use support::recorder::Recorder;
use support::{Partner, SECRET, Scene, article, project, until};

/// The samples of docs/receiving.md under `heading`, in `language`; before the first heading, if there is none.
fn samples(heading: &str, language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(project("docs/receiving.md")).expect("the page is there");
    let (_, page) = page.split_once("\n## Verifying").expect("the heading is there");
    let section = page.split("\n### ").find_map(|section| section.strip_prefix(heading)).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let fence = format!("```{language}\n");
    section.split(&fence).skip(1).filter_map(|block| Some(block.split_once("```")?.0.to_owned())).collect()
}

const PYTHON: &str = r#"
import base64, json, sys, types
given = json.load(sys.stdin)
request = types.SimpleNamespace(**given["request"])
request.body = base64.b64decode(request.body)
def key(given):
    if isinstance(given, dict):
        return {name: value.encode() for name, value in given.items()}
    return given
more = given["more"]
if "algorithm" in more:
    more["algorithm"] = {"ed25519": algorithms.ED25519, "hmac-sha256": algorithms.HMAC_SHA256}[more["algorithm"]]
try:
    verify(request, key(given["key"]), **more)
except Exception as why:
    sys.exit("refused: %r" % why)
"#;

const NODE: &str = r#"
const given = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
given.request.body = Buffer.from(given.request.body, "base64");
try {
  await verify(given.request, given.key, ...Object.values(given.more));
} catch (why) {
  console.error(`refused: ${why}`);
  process.exit(1);
}
"#;

const PHP: &str = r#"
$given = json_decode(stream_get_contents(STDIN), true);
$given['request']['body'] = base64_decode($given['request']['body']);
try {
    verify($given['request'], $given['key'], ...$given['more']);
} catch (Exception $why) {
    fwrite(STDERR, "refused: {$why->getMessage()}\n");
    exit(1);
}
"#;

/// What stands beside a sample in Go. It has no default arguments, so `HEADER` is there where the sample has one.
const GO: &str = r#"
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

REQUEST
func main() {
	var given struct {
		Request Request
		Key     string
		More    map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	if given.More["header"] == "" {
		given.More = map[string]string{"header": "x-hub-signature-256"}
	}
	if err := verify(given.Request, given.KeyHEADER); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}
"#;

/// A sample as a program in `dir`, and the command that runs it.
fn program(language: &str, sample: &str, dir: &Path) -> Command {
    let (name, name_of_file, text) = match language {
        "python" => (python(), "sample.py", format!("{sample}{PYTHON}")),
        "js" => ("node".into(), "sample.mjs", format!("{sample}{NODE}")),
        "php" => ("php".into(), "sample.php", format!("<?php\n{sample}{PHP}")),
        "go" => ("go".into(), "sample.go", format!("package main\n{sample}")),
        other => panic!("nothing runs {other}"),
    };
    let mut command = Command::new(name);
    if language == "go" {
        let request = samples("", "go").into_iter().next().expect("the page says what a request is");
        let header = if sample.contains("header string") { ", given.More[\"header\"]" } else { "" };
        let main = dir.join("main.go");
        std::fs::write(&main, GO.replace("REQUEST", &request).replace("HEADER", header))
            .expect("a file can be written");
        // Kept from one run to the next; no module is fetched.
        command.arg("run").arg(main).env("GOCACHE", project("target/go")).env("GO111MODULE", "off");
    }
    let file = dir.join(name_of_file);
    std::fs::write(&file, text).expect("a temporary file can be written");
    command.arg(file);
    command
}

/// Whether a sample takes the request, or what it says.
fn run(language: &str, sample: &str, given: &Value) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    // Where node looks for what a module imports.
    let _ = std::os::unix::fs::symlink(packages("target/node/node_modules"), dir.path().join("node_modules"));
    let mut child = program(language, sample, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{language} cannot be run: {why}; tests/run installs it"));
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(given.to_string().as_bytes()).expect("the sample reads its input");
    drop(input);
    let ended = child.wait_with_output().expect("the sample ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    match ended.status.code() {
        Some(0) => Ok(()),
        Some(1) if said.contains("refused: ") => Err(said),
        _ => panic!("a sample in {language} does not run:\n{sample}\n{said}"),
    }
}

fn python() -> PathBuf {
    packages("target/python/bin/python")
}

/// What tests/run installs beside the build.
fn packages(path: &str) -> PathBuf {
    let path = project(path);
    assert!(
        path.exists(),
        "{} is missing; tests/run installs it, NEWSWIRED_WITHOUT_RECEIVERS=1 skips this",
        path.display()
    );
    path
}

/// Each way in which a request can be other than what was sent.
fn forgeries(request: &Value, has_time: bool) -> Vec<(&'static str, Value)> {
    let with = |path: &str, value: Value| {
        let mut forged = request.clone();
        *forged.pointer_mut(path).expect("the request has it") = value;
        forged
    };
    let mut body = BASE64.decode(request["body"].as_str().expect("it is text")).expect("it is base64");
    body[10] ^= 1;
    let mut forged = vec![("another body", with("/body", BASE64.encode(body).into()))];
    if has_time {
        forged.push(("another message", with("/headers/webhook-id", "msg_1".into())));
    }
    forged
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_is_verified_by_the_code_that_the_docs_give() {
    if std::env::var_os("NEWSWIRED_WITHOUT_RECEIVERS").is_some() {
        eprintln!("skipped: signatures are not verified by other languages, since these are not here");
        return;
    }
    let recorder = Recorder::new(|_| Response::new(Body::empty())).await;
    let root = &recorder.root;
    let partner = |id: &'static str, more| Partner { id, format: "json", url: format!("{root}/{id}?v=1"), more };
    let mut scene = Scene::new(
        &[
            partner(
                "shared",
                "message_signature = { algorithm = \"hmac-sha256\", key = \"env:SHARED\", keyid = \"k1\" }\n\
                 body_signature = { preset = \"github\", secret = \"env:SHARED\" }",
            ),
            partner(
                "private",
                "message_signature = { algorithm = \"ed25519\", key = \"env:PRIVATE\", keyid = \"k2\" }\n\
                 body_signature = { preset = \"superdesk\", secret = \"env:SHARED\" }",
            ),
        ],
        "",
        "",
    );
    let both = "signing = [{ secret = \"env:OLD\", until = 2100-01-01T00:00:00Z }, { secret = \"env:PRIVATE\" }] #";
    scene.replace_in_partner("private", "signing_secret =", both);
    // RFC 9421 appendix B.1.4.
    let (private, public) = (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n",
    );
    let old = format!("whsec_{}", BASE64.encode([5; 32]));
    scene.environment.extend([
        ("SHARED", "a secret of both".to_owned()),
        ("PRIVATE", private.to_owned()),
        ("OLD", old.clone()),
    ]);
    scene.start_and_publish(&article("one", 1, "publish")).await;
    until(Duration::from_secs(20), "both are sent", async || recorder.requests().len() == 2).await;
    assert_eq!(scene.terminate().await, Some(0));

    let requests = recorder.requests();
    let to = |id: &str| {
        let at = format!("{root}/{id}?v=1");
        requests.iter().find(|request| request["url"] == at.as_str()).expect("both came").clone()
    };
    let (shared, private) = (to("shared"), to("private"));
    let bytes = BASE64.decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").expect("it is base64");
    let webhook_public = format!("whpk_{}", BASE64.encode(bytes));
    let message = "HTTP message signatures";
    let go = Command::new("go").arg("version").output().is_ok();
    if !go {
        eprintln!("skipped: samples in Go, since go cannot be run");
    }
    for (heading, request, key, more) in [
        ("Standard Webhooks, a shared secret", &shared, json!(SECRET), json!({})),
        ("Standard Webhooks, a shared secret", &private, json!(old), json!({})),
        ("Standard Webhooks, a public key", &private, json!(webhook_public), json!({})),
        (message, &private, json!({ "k2": public }), json!({})),
        (message, &shared, json!({ "k1": "a secret of both" }), json!({ "algorithm": "hmac-sha256" })),
        ("An HMAC of the body", &shared, json!("a secret of both"), json!({})),
        ("An HMAC of the body", &private, json!("a secret of both"), json!({ "header": "x-superdesk-signature" })),
    ] {
        // RFC 9421 takes a library; the page names one in these two languages.
        let languages = if heading == message { &["python", "js"][..] } else { &["python", "js", "php", "go"] };
        for language in languages.iter().copied().filter(|language| *language != "go" || go) {
            let samples = samples(heading, language);
            assert!(!samples.is_empty(), "no sample in {language} under {heading}");
            for sample in samples {
                let given = |request: &Value| json!({ "request": request, "key": key, "more": more });
                let verdict = run(language, &sample, &given(request));
                assert_eq!(verdict, Ok(()), "{heading}, {language}:\n{sample}\n{request:#}");
                for (how, forged) in forgeries(request, heading != "An HMAC of the body") {
                    let verdict = run(language, &sample, &given(&forged));
                    assert!(verdict.is_err(), "{heading}, {language}: {how} is taken for the agency's\n{sample}");
                }
            }
        }
    }
}
