//! What is wrong with the way to a door: its address, its proxy, and what is asked of TLS.

use insta::assert_snapshot;

use super::{Files, MAIN};

#[test]
fn proxies() {
    let main = format!("{MAIN}[delivery]\nproxy = \"https://proxy.example:3128\"\n");
    let door = |name: &str, proxy: &str| {
        format!(
            "[destinations.{name}]\nformat = \"json\"\n[destinations.{name}.http]\nurl = \"https://{name}.example\"\nproxy = {proxy}\n"
        )
    };
    let wrong = [
        "\"proxy.example\"",
        "\"direct\"",
        "\"socks5://wire:tr0ub4dor&3@proxy.example:1080\"",
        "\"http://proxy.example:3128/path\"",
        "true",
        "{ user = \"a\" }",
        "{ url = \"socks5://proxy.example\", user = \"a\" }",
        "{ url = \"http://proxy.example\", user = \"a:b\", password = \"env:MISSING\" }",
        "{ url = \"socks5h://proxy.example\", pasword = \"env:MISSING\" }",
        "{ url = \"socks5://[::1]:1080\", resolves_names = \"yes\" }",
    ];
    let doors: String = wrong.iter().enumerate().map(|(at, proxy)| door(&format!("d{at}"), proxy)).collect();
    let files = Files::new(&main).partner("island-post", &format!("name = \"Island Post\"\n{doors}"));
    assert_snapshot!(files.errors(), @r#"
    newswired.toml:10:9: a proxy's address with the scheme "https"; write "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:6:9: not a proxy's address (relative URL without a base); write "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:11:9: not a proxy's address (relative URL without a base); write "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:16:9: the address holds a user or a password; write proxy = { url = …, user = …, password = … }
    partners.d/island-post.toml:21:9: a proxy's address with more than a host and a port; write "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:26:9: true or false stands here; write "none", "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:31:9: the key "url" is missing here; add url = …
    partners.d/island-post.toml:36:9: user and password go together; add password = …
    partners.d/island-post.toml:41:48: the user holds a colon, which HTTP forbids; use another
    partners.d/island-post.toml:41:66: the environment variable MISSING is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:46:17: a proxy's address with the scheme "socks5h"; write "http://host:port" or "socks5://host:port"
    partners.d/island-post.toml:46:44: unknown key "pasword"; did you mean "password"?
    partners.d/island-post.toml:51:57: text stands here; write true or false
    "#);
    let right = ["\"none\"", "\"http://10.0.0.1:3128\"", "{ url = \"socks5://[::1]\", resolves_names = true }"];
    let doors: String = right.iter().enumerate().map(|(at, proxy)| door(&format!("d{at}"), proxy)).collect();
    let config = Files::new(MAIN).partner("island-post", &format!("name = \"Island Post\"\n{doors}")).load().unwrap();
    let found = config.partners["island-post"]
        .destinations
        .values()
        .map(|door| format!("{:?}", door.door().unwrap().way().proxy));
    assert_snapshot!(found.collect::<Vec<_>>().join("\n"), @r#"
    Some(None)
    Some(Server(ProxyServer { url: ProxyUrl { speaks: Http, host: "10.0.0.1", port: 3128 }, user: None, password: None, resolves_names: false }))
    Some(Server(ProxyServer { url: ProxyUrl { speaks: Socks5, host: "::1", port: 1080 }, user: None, password: None, resolves_names: true }))
    "#);
}

#[test]
fn what_is_asked_of_tls_is_looked_at() {
    let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (a, b) = (made("a.example"), made("b.example"));
    let files = Files::new(MAIN);
    let path = |name: &str| files.path(name);
    let shown = |file: &str, key: &str| {
        format!("client_certificate = {{ file = \"{}\", key = \"file:{}\" }}", path(file), path(key))
    };
    let door = |(at, (url, more)): (usize, (&str, String))| {
        format!("[destinations.d{at}]\nformat = \"json\"\n[destinations.d{at}.http]\nurl = \"{url}{at}\"\n{more}\n")
    };
    let (https, http) = ("https://a.example/", "http://a.example/");
    let pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let doors = [
        (https, shown("a.pem", "a.key")),
        (https, shown("a.pem", "b.key")),
        (https, shown("a.pem", "a.pem")),
        (https, shown("a.key", "a.key")),
        (https, shown("missing.pem", "a.key")),
        (https, format!("client_certificate = {{ file = \"{}\" }}", path("a.pem"))),
        (http, shown("a.pem", "a.key")),
        (https, format!("pin = [\"{pin}\"]")),
        (https, format!("pin = [\"{pin}\", \"sha1/{pin}\", \"sha256/AAAA\"]")),
        (http, format!("pin = [\"{pin}\"]")),
    ];
    let doors: String = doors.into_iter().enumerate().map(door).collect();
    let files = files
        .file("a.pem", a.cert.pem())
        .file("a.key", a.signing_key.serialize_pem())
        .file("b.key", b.signing_key.serialize_pem())
        .partner("island-post", &format!("name = \"Island Post\"\n{doors}"));
    let secret = a.signing_key.serialize_pem().lines().nth(1).unwrap().to_owned();
    let errors = files.errors();
    assert!(!errors.contains(&secret));
    assert_snapshot!(errors.replace(&files.path(""), ""), @r#"
    partners.d/island-post.toml:11:62: certificate and key do not go together (keys may not be consistent: KeyMismatch); write those that do
    partners.d/island-post.toml:16:62: the key's text is no private key in PEM; it begins with -----BEGIN PRIVATE KEY-----
    partners.d/island-post.toml:21:31: a.key holds no certificate; write the path of a file of PEM certificates
    partners.d/island-post.toml:26:31: cannot read missing.pem: No such file or directory (os error 2); write the path of a file of PEM certificates
    partners.d/island-post.toml:31:22: the key "key" is missing here; add key = …
    partners.d/island-post.toml:36:22: the url is without TLS, so nobody looks at this; write https://…
    partners.d/island-post.toml:46:63: "sha1/sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" is no pin; write "sha256/" and the SHA-256 of the server's public key in base64
    partners.d/island-post.toml:46:123: "sha256/AAAA" is no pin; write "sha256/" and the SHA-256 of the server's public key in base64
    partners.d/island-post.toml:51:7: the url is without TLS, so nobody looks at this; write https://…
    "#);
}

/// Where a name leads is not known here; what is written as an address is.
#[test]
fn an_address_that_is_not_of_the_internet_is_refused_with_the_line_that_allows_it() {
    let doors = |urls: &[&str]| {
        let door = |(at, url): (usize, &&str)| {
            format!("[destinations.d{at}]\nformat = \"json\"\n[destinations.d{at}.http]\nurl = \"{url}\"\n")
        };
        format!("name = \"Island Post\"\n{}", urls.iter().enumerate().map(door).collect::<String>())
    };
    let urls = [
        "http://127.0.0.1:9000/",
        "https://0x0a.1.2.3/in",
        "https://[fd00::7]/",
        "http://localhost:9000/",
        "https://8.8.8.8/",
        "https://cms.island-post.example/",
    ];
    let files = Files::new(MAIN).partner("island-post", &doors(&urls));
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:5:7: 127.0.0.1 is a loopback address (RFC 1122); if that is meant, add allow_addresses = ["127.0.0.1"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:9:7: 10.1.2.3 is a private address (RFC 1918); if that is meant, add allow_addresses = ["10.1.2.3"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:13:7: fd00::7 is a unique local address (RFC 4193); if that is meant, add allow_addresses = ["fd00::7"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:17:7: 127.0.0.1 is a loopback address (RFC 1122); ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["127.0.0.1", "::1"] here, or to [delivery] for all destinations
    "#);
    let site = r#"name = "Island Post"
[destinations.a]
format = "wordpress"
[destinations.a.wordpress]
url = "http://169.254.169.254/"
user = "wire"
application_password = "env:PASSWORD"
allow_addresses = ["10.0.0.0/8", "127.0.0.1/8", "here"]
"#;
    let files = Files::new(MAIN).variable("PASSWORD", "abcd").partner("island-post", site);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:8:34: "127.0.0.1/8" has more bits than its length says; write "127.0.0.0/8"
    partners.d/island-post.toml:8:49: "here" is not a block of addresses; write for example "10.1.2.0/24", or "127.0.0.1" for one
    "#);
    let main = format!("{MAIN}[delivery]\nallow_addresses = [\"127.0.0.0/8\", \"10.1.0.0/16\"]\n");
    let allowed = doors(&urls[..4]).replace("[fd00::7]/\"", "[fd00::7]/\"\nallow_addresses = [\"fd00::/8\"]");
    Files::new(&main).partner("island-post", &allowed).load().unwrap();
}

/// Whatever the door's table calls it, and where its tokens come from.
#[test]
fn every_kind_of_door_is_asked_where_it_leads() {
    let doors = r#"name = "Island Post"
[destinations.a]
format = "json"
[destinations.a.sftp]
host = "10.1.2.3"
user = "wire"
password = "env:PASSWORD"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYgB2c9cO3lny+FEMSG7ywGZq0ay8d4Z2tZXkf7VJut"
[destinations.b]
format = "json"
[destinations.b.ftp]
host = "[::1]"
user = "wire"
password = "env:PASSWORD"
[destinations.c]
format = "json"
[destinations.c.webdav]
url = "http://192.168.0.9/in/"
user = "wire"
password = "env:PASSWORD"
[destinations.d]
format = "json"
[destinations.d.s3]
endpoint = "http://localhost:9000"
region = "eu-west-1"
bucket = "wire"
access_key = "env:PASSWORD"
secret_key = "env:PASSWORD"
[destinations.e]
format = "json"
[destinations.e.http]
url = "https://paper.example/in"
auth = { oauth = { token_url = "http://169.254.169.254/token", client_id = "wire", client_secret = "env:PASSWORD" } }
[destinations.f]
format = "json"
[destinations.f.sftp]
host = "fd00::7"
user = "wire"
password = "env:PASSWORD"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYgB2c9cO3lny+FEMSG7ywGZq0ay8d4Z2tZXkf7VJut"
[destinations.g]
format = "json"
[destinations.g.mail]
host = "10.1.2.3"
from = "wire@harborpress.example"
to = ["desk@island-post.example"]
[destinations.h]
format = "json"
[destinations.h.amqp]
url = "amqp://localhost/"
exchange = "wire"
"#;
    let files = Files::new(MAIN).variable("PASSWORD", "abcd").partner("island-post", doors);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:5:8: 10.1.2.3 is a private address (RFC 1918); if that is meant, add allow_addresses = ["10.1.2.3"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:12:8: ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["::1"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:18:7: 192.168.0.9 is a private address (RFC 1918); if that is meant, add allow_addresses = ["192.168.0.9"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:24:12: 127.0.0.1 is a loopback address (RFC 1122); ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["127.0.0.1", "::1"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:33:32: 169.254.169.254 is a link-local address (RFC 3927); if that is meant, add allow_addresses = ["169.254.169.254"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:37:8: fd00::7 is a unique local address (RFC 4193); if that is meant, add allow_addresses = ["fd00::7"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:44:8: 10.1.2.3 is a private address (RFC 1918); if that is meant, add allow_addresses = ["10.1.2.3"] here, or to [delivery] for all destinations
    partners.d/island-post.toml:50:7: 127.0.0.1 is a loopback address (RFC 1122); ::1 is a loopback address (RFC 4291); if that is meant, add allow_addresses = ["127.0.0.1", "::1"] here, or to [delivery] for all destinations
    "#);
    let main = format!(
        "{MAIN}[delivery]\nallow_addresses = [\"10.0.0.0/8\", \"::1\", \"fd00::/8\", \"192.168.0.9\", \"127.0.0.1\", \"169.254.169.254\"]\n"
    );
    Files::new(&main).variable("PASSWORD", "abcd").partner("island-post", doors).load().unwrap();
}
