use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use super::*;
use crate::config::Secret;

const BODY: &[u8] = br#"{"headline":"Harbor council votes"}"#;

fn key(text: &str) -> Key {
    Key::read(&Secret::new(text)).unwrap()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn bytes(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn webhook_headers(signature: &str, now: Timestamp) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert("webhook-id", "msg_1".parse().unwrap());
    headers.insert("webhook-timestamp", now.as_second().into());
    headers.insert("webhook-signature", signature.parse().unwrap());
    headers
}

#[test]
fn an_independent_verifier_accepts_each_signature_of_a_rotation_until_its_end() {
    let now = Timestamp::now();
    let (old, new) = (base64([7; 24]), base64([8; 24]));
    let keys = |until| vec![(key(&format!("whsec_{old}")), Some(until)), (key(&format!("whsec_{new}")), None)];
    let accepts = |secret: &str, signature: &str| {
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        let headers = webhook_headers(signature, now);
        assert!(verifier.verify(b"{}", &headers).is_err(), "another body");
        verifier.verify(BODY, &headers).is_ok()
    };
    let second = jiff::SignedDuration::from_secs(1);
    let during = WebhookSigner::new(keys(now + second)).unwrap().sign("msg_1", now, BODY);
    assert_eq!((accepts(&old, &during), accepts(&new, &during)), (true, true), "{during}");
    let after = WebhookSigner::new(keys(now)).unwrap().sign("msg_1", now, BODY);
    assert_eq!((accepts(&old, &after), accepts(&new, &after)), (false, true), "{after}");
}

/// Requests would leave unsigned once all have ended.
#[test]
fn one_secret_has_no_end() {
    let ended = vec![(key("one"), Some(Timestamp::now())), (key("two"), Some(Timestamp::now()))];
    assert!(WebhookSigner::new(ended).is_err());
}

#[test]
fn a_private_key_signs_as_version_1a() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let both = vec![(key(&format!("whsk_{}", base64([3; 32]))), None), (key("shared"), None)];
    let signed = WebhookSigner::new(both).unwrap().sign("msg_1", now, BODY);
    let (first, second) = signed.split_once(' ').unwrap();
    assert!(second.starts_with("v1,"), "{second}");
    let signature = Signature::from_slice(&bytes(first.strip_prefix("v1a,").unwrap())).unwrap();
    let public: VerifyingKey = ed25519_dalek::SigningKey::from_bytes(&[3; 32]).verifying_key();
    let text = [b"msg_1.1800000000.", BODY].concat();
    public.verify(&text, &signature).unwrap();
    assert!(public.verify(&text[1..], &signature).is_err());
}

/// The request of RFC 9421 appendix B.2, and the keys of B.1.
fn example(signature: &serde_json::Value, key_text: &str) -> (String, String) {
    let how: MessageSignature = serde_json::from_value(signature.clone()).unwrap();
    let mut fields = Fields::default();
    for (name, value) in [
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ] {
        fields.add(&HeaderName::from_static(name), value).unwrap();
    }
    let request = Signed {
        method: &Method::POST,
        tls: true,
        authority: "example.com",
        target: &"/foo?param=Value&Pet=dog".parse().unwrap(),
        id: "",
        now: Timestamp::from_second(1_618_884_473).unwrap(),
        sent: Sent { bytes: &bytes::Bytes::new(), digest: &[0; 32], is_document: true },
    };
    MessageSigner::new(&how, key(key_text)).unwrap().sign(&request, &fields).unwrap()
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----";

#[test]
fn a_message_signature_is_that_of_the_standards_examples() {
    let hmac = serde_json::json!({
        "algorithm": "hmac-sha256", "key": "env:KEY", "keyid": "test-shared-secret", "label": "sig-b25",
        "components": ["date", "@authority", "content-type"], "parameters": ["created", "keyid"],
    });
    let secret = "whsec_uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    assert_eq!(
        example(&hmac, secret),
        (
            r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#.to_owned(),
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:".to_owned()
        )
    );
    let ed25519 = serde_json::json!({
        "algorithm": "ed25519", "key": "env:KEY", "keyid": "test-key-ed25519", "label": "sig-b26",
        "components": ["date", "@method", "@path", "@authority", "content-type", "content-length"],
        "parameters": ["created", "keyid"],
    });
    assert_eq!(
        example(&ed25519, PEM),
        (
            r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#.to_owned(),
            "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
                .to_owned()
        )
    );
}

/// RFC 9421 §2.2 and §2.1, by the signature base itself.
#[test]
fn every_part_of_a_request_has_its_value() {
    let target: Uri = "/in/urn%3Aa?v=2&x".parse().unwrap();
    let bare: Uri = "/in".parse().unwrap();
    let body = bytes::Bytes::new();
    let signed = |target| Signed {
        method: &Method::PUT,
        tls: true,
        authority: "paper.example:8443",
        target,
        id: "",
        now: Timestamp::UNIX_EPOCH,
        sent: Sent { bytes: &body, digest: &[0; 32], is_document: true },
    };
    let value = |component: &str, target| {
        let how = serde_json::json!({
            "algorithm": "hmac-sha256", "key": "env:KEY", "keyid": "a\"b\\c", "components": [component],
        });
        let how: MessageSignature = serde_json::from_value(how).unwrap();
        let mut fields = Fields::default();
        for value in [" a ", "b"] {
            fields.add(&HeaderName::from_static("x-two"), value).unwrap();
        }
        MessageSigner::new(&how, key("shared")).unwrap().sign(&signed(target), &fields).map(|(input, signature)| {
            use hmac::Mac;
            // Which value makes this signature.
            let parameters = input.strip_prefix("newswired=").unwrap();
            let is = |value: &str| {
                let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(b"shared").unwrap();
                mac.update(format!("\"{component}\": {value}\n\"@signature-params\": {parameters}").as_bytes());
                signature == format!("newswired=:{}:", base64(mac.finalize().into_bytes()))
            };
            let known = [
                "PUT",
                "https",
                "paper.example:8443",
                "https://paper.example:8443/in/urn%3Aa?v=2&x",
                "/in/urn%3Aa?v=2&x",
                "/in/urn%3Aa",
                "?v=2&x",
                "?",
                "a, b",
            ];
            assert!(parameters.ends_with(r#";created=0;keyid="a\"b\\c";alg="hmac-sha256""#), "{parameters}");
            known.into_iter().find(|value| is(value)).unwrap_or("none of these")
        })
    };
    for (component, expected) in [
        ("@method", "PUT"),
        ("@scheme", "https"),
        ("@authority", "paper.example:8443"),
        ("@target-uri", "https://paper.example:8443/in/urn%3Aa?v=2&x"),
        ("@request-target", "/in/urn%3Aa?v=2&x"),
        ("@path", "/in/urn%3Aa"),
        ("@query", "?v=2&x"),
        ("x-two", "a, b"),
    ] {
        assert_eq!(value(component, &target), Ok(expected), "{component}");
    }
    assert_eq!(value("@query", &bare), Ok("?"));
    assert_eq!(value("x-three", &target).unwrap_err(), "the request has no header x-three that could be signed");
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    let how = |algorithm| -> MessageSignature {
        serde_json::from_value(serde_json::json!({ "algorithm": algorithm, "key": "env:KEY", "keyid": "k" })).unwrap()
    };
    assert!(MessageSigner::new(&how("ed25519"), key("shared")).is_err());
    assert!(MessageSigner::new(&how("hmac-sha256"), key(PEM)).is_err());
    let body: BodySignature =
        serde_json::from_value(serde_json::json!({ "secret": "env:KEY", "preset": "github" })).unwrap();
    assert!(BodySigner::new(&body, &key(PEM)).is_err());
}

/// RFC 2202 §3, RFC 4231 §4.3, and the example of GitHub's documentation.
#[test]
fn a_bodys_code_is_that_of_the_standards_examples() {
    let signed = |how: serde_json::Value, secret: &str, body: &str| {
        let how: BodySignature = serde_json::from_value(how).unwrap();
        let signer = BodySigner::new(&how, &key(secret)).unwrap();
        format!("{}: {}", signer.header, signer.sign(body.as_bytes()))
    };
    let (jefe, what) = ("Jefe", "what do ya want for nothing?");
    let how = |algorithm: &str| serde_json::json!({ "secret": "env:KEY", "header": "x-code", "algorithm": algorithm, "prefix": "is " });
    assert_eq!(signed(how("sha1"), jefe, what), "x-code: is effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_eq!(
        signed(how("sha512"), jefe, what),
        "x-code: is 164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    );
    assert_eq!(
        signed(
            serde_json::json!({ "secret": "env:KEY", "preset": "github" }),
            "It's a Secret to Everybody",
            "Hello, World!"
        ),
        "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
    assert_eq!(
        signed(serde_json::json!({ "secret": "env:KEY", "preset": "superdesk" }), jefe, what),
        "x-superdesk-signature: sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    );
    let base64 = serde_json::json!({ "secret": "env:KEY", "header": "x-code", "encoding": "base64" });
    assert_eq!(signed(base64, jefe, what), "x-code: W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}
