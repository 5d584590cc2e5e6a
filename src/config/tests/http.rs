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

#[test]
fn requests() {
    let files = doors(&[
        r#"
url = "https://island-post.example/{{ remote_id }}"
method = "DELETE"
success = [200, 404]
update = { method = "DELETE", success = [302] }
kill = { success = [200, 404, 500] }"#,
        r#"
url = "https://island-post.example/{{ giud }}"
kill = {}"#,
        r#"
method = "GET"
update = { url = "https://island-post.example:8443/{{ remote_id }}" }
kill = { method = "PURGE", url = "https://wire@island-post.example/{{ guid }}" }
remote_id = { header = "x id" }"#,
        r#"
kill = { url = "ftp://island-post.example/{{ remote_id }}" }
[destinations.d3.http.headers]
Host = "x"
"x mine" = "y"
authorization = "Bearer x"
x-mine = "a\u0007"
"#,
        r#"
auth = { header = { name = "X-Key", value = "env:SHARED" } }
body_signature = { preset = "github", secret = "env:SHARED" }
headers = { x-key = "1", X-Hub-Signature-256 = "2" }
remote_id = { json = "id" }
redirects = ["https://other.example", "other.example:99999", "u@other.example", "other.example/x", "ok.example:8443"]"#,
        r#"
remote_id = "location"
success = "200""#,
        r#"
remote_id = { header = "a", json = "b" }"#,
    ]);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:6:7: a new story has no remote_id yet; name it in the url of update or kill
    partners.d/island-post.toml:7:10: a new story is sent by "POST" or by "PUT"; write one of them
    partners.d/island-post.toml:8:11: 404 does not say that it was taken; write statuses from 200 to 299
    partners.d/island-post.toml:9:10: whether the partner has a story is known by its remote_id; add it, or write fields into url and method = "PUT" for every version
    partners.d/island-post.toml:9:21: "DELETE" has no body for the new version; write another
    partners.d/island-post.toml:9:41: 302 does not say that it was taken; write statuses from 200 to 299
    partners.d/island-post.toml:10:20: 500 does not say that it was taken; write statuses from 200 to 299, or 404 and 410 for what is not there any more
    partners.d/island-post.toml:15:7: unknown field "giud"; did you mean "guid"?
    partners.d/island-post.toml:22:10: unknown method "GET"; expected one of "POST", "PUT", "PATCH", "DELETE"
    partners.d/island-post.toml:23:18: this is another host than that of the destination's url; make a destination of its own of it
    partners.d/island-post.toml:24:19: unknown method "PURGE"; expected one of "POST", "PUT", "PATCH", "DELETE"
    partners.d/island-post.toml:24:34: the address holds a user or a password; remove them and use auth = { basic = { user, password } }
    partners.d/island-post.toml:25:24: "x id" is not a header's name; use letters, digits and "-"
    partners.d/island-post.toml:31:16: an address with the scheme "ftp"; write https://… or http://…
    partners.d/island-post.toml:31:16: nothing says what remote_id is; add remote_id = { header = "location" } or { json = "/id" }
    partners.d/island-post.toml:33:1: newswired writes the header "Host" itself; use another
    partners.d/island-post.toml:34:1: "x mine" is not a header's name; use letters, digits and "-"
    partners.d/island-post.toml:35:1: the header "authorization" is written by auth; remove it here
    partners.d/island-post.toml:36:10: the value holds a character that no header can carry; write one line of text
    partners.d/island-post.toml:45:13: the header "x-key" is written by auth; remove it here
    partners.d/island-post.toml:45:26: the header "X-Hub-Signature-256" is written by body_signature; remove it here
    partners.d/island-post.toml:46:22: a JSON pointer begins with "/"; write for example "/id"
    partners.d/island-post.toml:47:14: "https://other.example" is no host; write for example "other.example" or "other.example:8443"
    partners.d/island-post.toml:47:39: "other.example:99999" is no host; write for example "other.example" or "other.example:8443"
    partners.d/island-post.toml:47:62: "u@other.example" is no host; write for example "other.example" or "other.example:8443"
    partners.d/island-post.toml:47:81: "other.example/x" is no host; write for example "other.example" or "other.example:8443"
    partners.d/island-post.toml:53:13: unknown remote_id "location"; expected one of "header", "json"
    partners.d/island-post.toml:54:11: text stands here; write a list, for example ["a", "b"]
    partners.d/island-post.toml:60:13: expected exactly one key here; keep one and remove the others
    "#);
}

#[test]
fn credentials() {
    let files = doors(&[
        r#"
auth = { query = { name = " ", value = "env:MISSING" } }"#,
        r#"
[destinations.d1.http.auth.oauth]
token_url = "https://id:secret@login.example/token"
client_id = ""
client_secret = "env:MISSING"
scope = " "
ca_file = "missing.pem"
"#,
        r#"
auth = { oauth = { token_url = "login.example", client_id = "x", client_secret = "env:SHARED", auth_style = "jwt" } }"#,
        r#"
auth = { oauth = { client_id = "x" } }"#,
    ]);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:7:27: the text is empty; write one or remove the key
    partners.d/island-post.toml:7:40: the environment variable MISSING is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:14:13: the address holds a user or a password; remove them and use client_id and client_secret
    partners.d/island-post.toml:15:13: the text is empty; write one or remove the key
    partners.d/island-post.toml:16:17: the environment variable MISSING is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:17:9: the text is empty; write one or remove the key
    partners.d/island-post.toml:18:11: cannot read missing.pem: No such file or directory (os error 2); write the path of a file of PEM certificates
    partners.d/island-post.toml:25:32: not an address (relative URL without a base); write https://… or http://…
    partners.d/island-post.toml:25:109: unknown auth_style "jwt"; expected one of "basic", "body"
    partners.d/island-post.toml:31:18: the key "client_secret" is missing here; add client_secret = …
    partners.d/island-post.toml:31:18: the key "token_url" is missing here; add token_url = …
    "#);
}

#[test]
fn requests_and_credentials_that_can_be_made_load() {
    let files = doors(&[
        r#"
url = "https://island-post.example/in/{{ guid }}?v={{ version }}"
method = "PUT"
kill = { method = "DELETE", success = [204, 404, 410] }
auth = { query = { name = "key", value = "env:SHARED" } }
headers = { x-source = "wire" }
message_signature = { algorithm = "ed25519", key = "env:PRIVATE", keyid = "k", components = ["content-digest", "X-Source"] }"#,
        r#"
remote_id = { json = "/data/id" }
update = { method = "PATCH", url = "https://island-post.example/api/{{ remote_id }}" }
redirects = ["other.example", "127.0.0.1:8080", "[::1]:80"]
success = [200, 201]
[destinations.d1.http.auth.oauth]
token_url = "https://login.example/token"
client_id = "x"
client_secret = "env:SHARED"
scope = "a b"
audience = "https://island-post.example"
auth_style = "body"
"#,
    ]);
    let config = files.load().unwrap();
    assert!(!format!("{config:?}").contains("a shared secret"));
}

#[test]
fn files_of_media() {
    let door = |number: u32, format: &str, assets: &str| {
        format!(
            "[destinations.d{number}]\nformat = \"{format}\"\n[destinations.d{number}.http]\nurl = \
             \"https://paper{number}.example/push\"\nmedia = {{ assets_url = \"{assets}\" }}\n"
        )
    };
    let doors = [
        door(0, "superdesk-ninjs", "https://paper0.example/push_binary"),
        door(1, "superdesk-ninjs", "https://elsewhere.example/push_binary"),
        door(2, "superdesk-ninjs", "https://paper2.example/push_binary?key=1"),
        door(3, "superdesk-ninjs", "ftp://paper3.example/"),
        door(4, "json", "https://paper4.example/push_binary"),
    ];
    let partner = format!("name = \"Island Post\"\n{}", doors.concat());
    assert_snapshot!(Files::new(MAIN).partner("island-post", &partner).errors(), @r##"
    partners.d/island-post.toml:11:24: this is another host than that of the destination's url, whose credentials it would get; write an address of the same host
    partners.d/island-post.toml:16:24: ids of files are written after it; write it without "?" and "#"
    partners.d/island-post.toml:21:24: an address with the scheme "ftp"; write https://… or http://…
    partners.d/island-post.toml:26:1: the format "json" cannot name a file by its id; write format = "superdesk-ninjs", or remove this table
    "##);
}
