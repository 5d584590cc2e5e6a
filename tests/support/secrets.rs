//! The secrets of the tests, and the search for them in everything that the program says (promise 11).
//!
//! What a configuration refers to as a secret is known by that, so that no test can forget one of its own: a scene
//! registers what its files name whenever it starts. What comes about later, such as an access token, is registered where
//! it is made. A scene looks through its daemon's log and pages when that ends, and through the output of every verb.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// What is shorter could stand in any text.
const SHORTEST: usize = 8;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Registers a secret. A key of several lines, as PEM has it, is searched for line by line.
pub fn register(secret: &str) {
    let mut known = KNOWN.lock().expect("nobody panics with it");
    let lines = secret.trim().lines().filter(|line| !line.starts_with("-----") && line.len() >= SHORTEST);
    let bare = lines.map(|line| line.trim_start_matches("whsec_").trim_start_matches("whsk_"));
    known.extend(bare.map(str::to_owned));
}

/// As [`register`], for where it is made.
pub fn made(secret: &str) -> String {
    assert!(secret.len() >= SHORTEST, "{secret:?} is too short to be searched for");
    register(secret);
    secret.to_owned()
}

/// Registers every secret that the text of a configuration refers to; those of files are read.
pub fn register_references<'e>(config: &str, environment: impl Iterator<Item = (&'e str, &'e str)> + Clone) {
    for found in config.split("\"env:").skip(1) {
        let name = found.split('"').next().unwrap_or_default();
        environment.clone().filter(|(known, _)| *known == name).for_each(|(_, value)| register(value));
    }
    for found in config.split("\"file:").skip(1) {
        // One that cannot be read is none; whether that is right is the test's to say.
        let path = Path::new(found.split('"').next().unwrap_or_default());
        register(&std::fs::read_to_string(path).unwrap_or_default());
    }
}

/// Every spelling of a secret in which somebody could read it.
fn spellings(secret: &str) -> BTreeSet<String> {
    let hex = |upper| -> String {
        let digits = secret.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        digits.collect()
    };
    let encoded = percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let quoted = format!("{secret:?}");
    let json = serde_json::Value::from(secret).to_string();
    let mut all = BTreeSet::from([
        secret.to_owned(),
        hex(false),
        hex(true),
        encoded.to_lowercase(),
        encoded,
        form,
        quoted.trim_matches('"').to_owned(),
        json.trim_matches('"').to_owned(),
        // As bytes print that nobody thought of as text.
        format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned(),
    ]);
    // In base64, whatever stands before it, as the user does in `Basic`: what depends on its neighbours is cut off.
    for alphabet in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            let text = [&b"xxx"[..before], secret.as_bytes()].concat();
            let whole = GeneralPurpose::new(alphabet, NO_PAD).encode(&text);
            let (first, last) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
            all.insert(whole[first..last].to_owned());
        }
    }
    all
}

/// Fails where `shown`, which is `what`, has one of them in it.
pub fn assert_hidden(what: &str, shown: &str) {
    let known = KNOWN.lock().expect("nobody panics with it").clone();
    for secret in known {
        for spelling in spellings(&secret) {
            if let Some(at) = shown.find(&spelling) {
                let line = shown[..at].lines().count();
                let around: String =
                    shown.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().take(400).collect();
                panic!("{what} shows the secret {secret:?} as {spelling:?}, in line {line}: {around}");
            }
        }
    }
}

#[test]
fn a_secret_is_found_however_it_is_spelt() {
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as BASE64_URL};

    let secret = made("pass word/+é of the search");
    let shown = |text: String| std::panic::catch_unwind(|| assert_hidden("a text", &text)).is_err();
    for text in [
        format!("password={secret}"),
        BASE64.encode(&secret),
        BASE64_URL.encode(&secret),
        format!("Basic {}", BASE64.encode(format!("u:{secret}"))),
        format!("Basic {}", BASE64.encode(format!("us:{secret}"))),
        format!("Basic {}", BASE64.encode(format!("use:{secret}more"))),
        url::form_urlencoded::Serializer::new(String::new()).append_pair("key", &secret).finish(),
        percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        format!("{:?}", secret.as_bytes()),
        serde_json::json!({ "k": secret }).to_string(),
    ] {
        assert!(shown(text.clone()), "{text}");
    }
    assert!(!shown("pass word".to_owned()));
}
