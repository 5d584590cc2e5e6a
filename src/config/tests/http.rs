//! What can be wrong with an HTTP endpoint's keys.

use insta::assert_snapshot;

use super::{Files, MAIN};

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";

/// A partner with a destination for each of `doors`, which are more lines of `[….http]`.
fn doors(doors: &[&str]) -> Files {
    let mut partner = "name = \"Island Post\"\n".to_owned();
    for (number, door) in doors.iter().enumerate() {
        let head = format!("[destinations.d{number}]\nformat = \"json\"\n[destinations.d{number}.http]\n");
        let url = if door.contains("\nurl =") { "" } else { "url = \"https://island-post.example/\"\n" };
        partner.push_str(&format!("{head}{}{door}\n", url.replace("example/", &format!("example/{number}"))));
    }
    Files::new(MAIN)
        .partner("island-post", &partner)
        .variable("SHARED", "a shared secret")
        .variable("PRIVATE", PEM)
        .variable("BROKEN", "whsk_aGVsbG8=")
}

#[test]
fn signatures() {
    let files = doors(&[
        r#"
signing_secret = "env:SHARED"
signing = [{ secret = "env:PRIVATE" }]"#,
        r#"
signing = [{ secret = "env:SHARED", until = "soon" }, { secret = "env:BROKEN", until = 2026-12-01T00:00:00Z }]"#,
        r#"
signing = [{ secret = "env:SHARED", until = 2026-12-01T00:00:00Z }]
[destinations.d2.http.message_signature]
algorithm = "ed25519"
key = "env:SHARED"
keyid = ""
components = ["@methd", "content-digest", "x-mine", "webhook-signature", "content-digest", "content-encoding"]
parameters = ["keyid", "keyid"]
label = "1"
[destinations.d2.http.body_signature]
secret = "env:PRIVATE"
prefix = "\u0007"
"#,
        r#"
auth = { header = { name = "X-Key", value = "env:SHARED" } }
message_signature = { algorithm = "hmac-sha256", key = "env:PRIVATE", keyid = "k", components = ["@path"] }
body_signature = { secret = "env:SHARED", header = "x-key", algorithm = "md5" }"#,
        r#"
auth = { header = { name = "X-Key", value = "env:SHARED" } }
body_signature = { secret = "env:SHARED", preset = "github", header = "x-key" }"#,
        r#"
body_signature = { secret = "env:SHARED", header = "signature" }"#,
    ]);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:7:1: signing_secret is the short form of signing; write all secrets in that list
    partners.d/island-post.toml:14:45: "soon" is not an instant; write date, time and zone, for example "2026-01-01T00:00:00Z"
    partners.d/island-post.toml:14:66: what follows "whsk_" in the secret is no private key of Ed25519, which is 32 bytes, or 64 with its public key after it; copy the secret again
    partners.d/island-post.toml:20:11: every secret has an end, after which requests would not be signed; leave until out of the one that stays
    partners.d/island-post.toml:23:7: the algorithm "ed25519" needs a private key, in PEM or after "whsk_"; write one, or take "hmac-sha256"
    partners.d/island-post.toml:24:9: the receiver finds the key by its name; write one in plain letters
    partners.d/island-post.toml:25:15: unknown part "@methd"; did you mean "@method"?
    partners.d/island-post.toml:25:25: requests have no header "x-mine"; expected one of "content-digest", "content-type", "idempotency-key", "newswire-action", "newswire-attempt", "newswire-sequence", "newswire-story", "newswire-urgency", "newswire-version", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"
    partners.d/island-post.toml:25:53: this stands in the list already; remove it
    partners.d/island-post.toml:25:74: requests have no header "content-encoding"; expected one of "content-digest", "content-type", "idempotency-key", "newswire-action", "newswire-attempt", "newswire-sequence", "newswire-story", "newswire-urgency", "newswire-version", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"
    partners.d/island-post.toml:26:14: without "created" an old request could be sent again as a new one; add it
    partners.d/island-post.toml:26:24: this stands in the list already; remove it
    partners.d/island-post.toml:27:9: a label begins with a letter and is made of 1 to 64 of a-z, 0-9, "-" and "_"
    partners.d/island-post.toml:28:1: there is no header for the signature; add header = "x-signature", or preset = "github"
    partners.d/island-post.toml:29:10: this is a private key, and an HMAC needs a secret that both sides share; write one
    partners.d/island-post.toml:30:10: the prefix holds a character that no header can carry; use plain letters
    partners.d/island-post.toml:38:56: the algorithm "hmac-sha256" needs a secret that both sides share, and this is a private key; write one, or take "ed25519"
    partners.d/island-post.toml:38:97: without "content-digest" the document is not signed; add it
    partners.d/island-post.toml:39:52: auth writes the header "x-key"; use another
    partners.d/island-post.toml:39:73: unknown algorithm "md5"; expected one of "sha1", "sha256", "sha512"
    partners.d/island-post.toml:46:71: auth writes the header "x-key"; use another
    partners.d/island-post.toml:52:52: newswired writes the header "signature" itself; use another
    "#);
}

#[test]
fn signatures_that_can_be_made_load() {
    let files = doors(&[
        r#"
signing = [{ secret = "env:SHARED", until = 2026-12-01T00:00:00Z }, { secret = "env:PRIVATE" }]
compression = "gzip"
[destinations.d0.http.message_signature]
algorithm = "ed25519"
key = "env:PRIVATE"
keyid = "newswired-1"
components = ["@method", "@query", "content-digest", "Content-Encoding", "webhook-signature", "x-superdesk-signature"]
[destinations.d0.http.body_signature]
preset = "superdesk"
secret = "env:SHARED"
"#,
        r#"
body_signature = { secret = "env:SHARED", header = "x-code", algorithm = "sha512", encoding = "base64", prefix = "v0=" }"#,
    ]);
    files.load().unwrap();
}
