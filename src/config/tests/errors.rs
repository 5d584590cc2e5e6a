//! Each error with its place, as the operator reads it.

use insta::assert_snapshot;

use super::super::Secrets;
use super::{Files, MAIN, PARTNER, errors, partner_errors};

#[test]
fn syntax_errors_of_all_files_come_at_once() {
    let files = Files::new("[wires\nname = \"x\"\n\nb = = 2\n")
        .partner("coast-times", "name = \"Coast\nx = 99999999999999999999\n")
        .partner("island-post", PARTNER)
        .partner("ledger-herald", "é = 1\n  name = nope\nname = 1\n");
    assert_snapshot!(files.errors(), @r#"
    newswired.toml:1:7: not TOML: unclosed table, expected `]`; close the section's name
    newswired.toml:4:5: not TOML: extra `=`, expected nothing
    partners.d/coast-times.toml:1:14: not TOML: invalid basic string, expected `"`; close the quotes on the same line
    partners.d/coast-times.toml:2:5: the number is too large; TOML has 64 bits for one
    partners.d/ledger-herald.toml:1:1: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`; put the key in quotes
    partners.d/ledger-herald.toml:2:10: not TOML: invalid float, expected `nan`; put text in quotes
    partners.d/ledger-herald.toml:3:1: not TOML: duplicate key; remove one of the two
    "#);
}

#[test]
fn files_that_cannot_be_read_or_have_no_id() {
    let files = Files::new(MAIN)
        .file("partners.d/latin.toml", b"name = \"Caf\xe9\"\n")
        .partner("Island Post", PARTNER)
        .file("partners.d/dir.toml/x", "");
    assert_snapshot!(files.errors(), @r#"
    partners.d/Island Post.toml: the file's name is the partner's id; rename it to 1 to 64 of a-z, 0-9, "-" and "_" with .toml after them
    partners.d/dir.toml: cannot be read: Is a directory (os error 21); let this user read it, or move it away
    partners.d/latin.toml: not UTF-8 text; save it as UTF-8
    "#);
    let missing =
        super::super::load_from("nowhere/newswired.toml".as_ref(), &Default::default(), Secrets::Read).unwrap_err();
    assert_snapshot!(missing, @r#"
    nowhere/newswired.toml: there is no such file; --config says where the configuration is
    "#);
}

#[test]
fn all_errors_of_shape_come_at_once() {
    let main = r#"
intakes = 1
[wires.hpnf]
name = "Harbor Press News Foundation"
require = ["bylin", "logo", "carrots", "license"]
[wires.second]
contact = 5
[intake.spool]
dir = "spool"
pol = "1s"
[intake.amqp]
urls = "amqp://mq"
prefetch = 70000
declare = "yes"
heartbeat = 10
[delivery]
conect_timeout = "1s"
write_timeout = "1 week"
rendition_cache = "64MB"
concurrency = -1
[delivery.backoff]
first = 1.5
[log]
format = "jsn"
[ledger]
batch = [1]
[admin]
listen = "localhost"
"#;
    assert_snapshot!(errors(main), @r#"
    newswired.toml:2:1: unknown key "intakes"; did you mean "intake"?
    newswired.toml:3:1: the key "short_name" is missing here; add short_name = …
    newswired.toml:5:12: unknown item "bylin" in "require"; did you mean "byline"?
    newswired.toml:5:29: unknown item "carrots" in "require"; expected one of "logo", "byline", "affiliation", "licence", "contact", "canonical", "tracking"
    newswired.toml:5:40: unknown item "license" in "require"; did you mean "licence"?
    newswired.toml:6:1: the key "name" is missing here; add name = …
    newswired.toml:6:1: the key "short_name" is missing here; add short_name = …
    newswired.toml:7:11: a number stands here; write text in quotes
    newswired.toml:10:1: unknown key "pol"; did you mean "poll"?
    newswired.toml:12:8: text stands here; write a list, for example ["a", "b"]
    newswired.toml:13:12: 70000 is out of range; write a whole number from 1 to 4096
    newswired.toml:14:11: text stands here; write true or false
    newswired.toml:15:13: the time "10" has no unit; write a whole number and a unit: ms, s, m, h or d, for example "30s"
    newswired.toml:17:1: unknown key "conect_timeout"; did you mean "connect_timeout"?
    newswired.toml:18:17: "1 week" is not a length of time; write a whole number and a unit: ms, s, m, h or d, for example "30s"
    newswired.toml:19:19: "64MB" is not a size; write a whole number and a unit: B, KiB, MiB or GiB, for example "8MiB"
    newswired.toml:20:15: -1 is out of range; write a whole number from 1 to 256
    newswired.toml:22:9: a number stands here; write a length of time such as "30s"
    newswired.toml:24:10: unknown format "jsn"; did you mean "json"?
    newswired.toml:26:9: a list stands here; write a whole number
    newswired.toml:28:10: "localhost" is not an address to listen on; write an IP address and a port, for example "127.0.0.1:8470"
    "#);
}

#[test]
fn all_errors_of_a_partner_come_at_once() {
    let partner = r#"
nam = "Island Post"
[entitlement]
from = "January"
[subscriptions.news]
urgency_up_to = "3"
actions = ["publish", "kil"]
[destinations.a]
format = "json"
[destinations.b.http]
url = "https://island-post.example/"
auth = { bearr = "env:X" }
[destinations.c]
format = "json"
http = { url = "https://island-post.example/", auth = { basic = { user = "x" } } }
[destinations.d]
format = "json"
http = { url = "https://island-post.example/d", auth = { bearer = "env:X", header = {} } }
[destinations.e]
format = "json"
http = { url = "https://island-post.example/e", auth = "bearer" }
"#;
    assert_snapshot!(partner_errors(partner), @r#"
    partners.d/island-post.toml:1:1: the key "name" is missing here; add name = …
    partners.d/island-post.toml:2:1: unknown key "nam"; did you mean "name"?
    partners.d/island-post.toml:4:8: "January" is not an instant; write date, time and zone, for example "2026-01-01T00:00:00Z"
    partners.d/island-post.toml:6:17: text stands here; write a whole number
    partners.d/island-post.toml:7:23: unknown item "kil" in "actions"; did you mean "kill"?
    partners.d/island-post.toml:8:1: the destination leads nowhere; add one of the sections [….http], [….wordpress], [….directory], [….sftp], [….webdav], [….s3], [….ftp], [….mail], [….amqp]
    partners.d/island-post.toml:10:15: the key "format" is missing here; add format = …
    partners.d/island-post.toml:12:10: unknown key "bearr"; did you mean "bearer"?
    partners.d/island-post.toml:15:65: the key "password" is missing here; add password = …
    partners.d/island-post.toml:18:56: expected exactly one key here; keep one and remove the others
    partners.d/island-post.toml:21:56: text stands here; write a table, for example { bearer = … }
    "#);
}

#[test]
fn a_profile_is_a_format_under_a_name_of_its_own() {
    let main = format!("{MAIN}[profiles.nitf]\nformat = \"json\"\n[profiles.wide]\nformat = \"json\"\n");
    let partner = PARTNER.replace("format = \"json\"", "format = \"wied\"");
    assert_snapshot!(Files::new(&main).partner("island-post", &partner).errors(), @r#"
    newswired.toml:9:11: "nitf" is the name of a format; give the profile another, such as "our-nitf"
    partners.d/island-post.toml:4:10: unknown format "wied"; did you mean "wide"?
    "#);
    let nift = PARTNER.replace("\"json\"", "\"nift\"");
    assert_snapshot!(partner_errors(&nift), @r#"partners.d/island-post.toml:4:10: unknown format "nift"; did you mean "nitf"?"#);
}

#[test]
fn options_of_nitf_are_such_as_a_document_can_have() {
    let main = format!(
        "{MAIN}[profiles.wide]\nformat = \"json\"\nnitf = {{}}\n[profiles.narrow]\nformat = \"nitf\"\n[profiles.narrow.nitf]\n\
         version = 'NITF \"3.6\"'\nmeta = {{ \"the slug\" = \"slugline\" }}\n"
    );
    assert_snapshot!(errors(&main), @r#"
    newswired.toml:11:1: options of nitf, but the format is "json"; remove them
    newswired.toml:15:11: "NITF \"3.6\"" is no public identifier; write for example "-//IPTC//DTD NITF 3.6//EN"
    newswired.toml:16:10: "the slug" cannot name a meta element; use letters, digits, "-", "_", "." and ":"
    "#);
    let unknown = format!(
        "{MAIN}[profiles.narrow]\nformat = \"nitf\"\n[profiles.narrow.nitf]\npreset = \"app\"\nencodng = \"utf-8\"\n"
    );
    assert_snapshot!(errors(&unknown), @r#"
    newswired.toml:12:10: unknown preset "app"; did you mean "ap"?
    newswired.toml:13:1: unknown key "encodng"; did you mean "encoding"?
    "#);
}

#[test]
fn a_template_stands_in_a_profile_of_its_own() {
    let main = format!(
        "{MAIN}[profiles.bare]\nformat = \"template\"\n[profiles.other]\nformat = \"json\"\n[profiles.other.template]\n\
         file = \"TEMPLATE\"\ncontent_type = \"text/html\"\nextension = \"HTML\"\n[profiles.odd]\nformat = \"template\"\n\
         [profiles.odd.template]\nfile = \"TEMPLATE\"\ncontent_type = \"text/html\"\nextension = \".html\"\n\
         output_limit = \"0B\"\n[profiles.template]\nformat = \"json\"\n"
    );
    let template = std::env::current_dir().unwrap().join("Cargo.toml").display().to_string();
    let partner = PARTNER.replace("\"json\"", "\"template\"");
    let files = Files::new(&main.replace("TEMPLATE", &template)).partner("island-post", &partner);
    assert_snapshot!(files.errors(), @r#"
newswired.toml:10:10: the format "template" needs one; add [profiles.bare.template]
newswired.toml:13:17: the format "json" is made by no template; remove this table, or write format = "template"
newswired.toml:22:13: ".html" is no file name's ending; write for example "html"
newswired.toml:23:16: no document is that small; write a larger size
newswired.toml:24:11: "template" is the name of a format; give the profile another, such as "our-template"
partners.d/island-post.toml:4:10: a template is named by its profile; write [profiles.NAME] with format = "template", and that NAME here
"#);
    let broken = main.replace("TEMPLATE", "nowhere.html").replace("\"text/html\"", "\"image/png\"");
    assert_snapshot!(errors(&broken), @r#"
newswired.toml:10:10: the format "template" needs one; add [profiles.bare.template]
newswired.toml:14:8: cannot read the template nowhere.html: No such file or directory (os error 2); write the path of a template
newswired.toml:15:16: how to escape text in "image/png" is not known; write the type of an HTML, XML, JSON or text document
newswired.toml:20:8: cannot read the template nowhere.html: No such file or directory (os error 2); write the path of a template
newswired.toml:21:16: how to escape text in "image/png" is not known; write the type of an HTML, XML, JSON or text document
newswired.toml:24:11: "template" is the name of a format; give the profile another, such as "our-template"
"#);
}

#[test]
fn a_missing_table_is_told_where_the_nearest_one_stands() {
    assert_snapshot!(partner_errors("name = \"Island Post\"\n"), @r#"
    partners.d/island-post.toml:1:1: the key "destinations" is missing here; add destinations = …
    "#);
    assert_snapshot!(partner_errors("name = \"Island Post\"\ndestinations = {}\n"), @r#"
    partners.d/island-post.toml:2:16: the partner has no destination; add a section [destinations.NAME]
    "#);
    assert_snapshot!(errors(""), @r#"
    newswired.toml:1:1: articles have no way in; add one or more of the sections [intake.amqp], [intake.http], [intake.spool]
    newswired.toml:1:1: there is no wire; add a section [wires.ID] with name and short_name
    "#);
}

#[test]
fn wires() {
    let main = r#"
[wires.Hpnf]
name = " "
short_name = "HPNF"
url = "ftp://harborpress.example/"
contact = ""
[wires.Hpnf.licence]
url = "https://user@harborpress.example/"
line = ""
[wires.second]
name = "Second"
short_name = "2"
require = ["byline", "logo", "licence"]
[wires.third]
name = "Third"
short_name = "3"
logo = { url = "logo.png", width = 0 }
require = []
[intake]
wire = "secnd"
[intake.spool]
dir = ""
"#;
    assert_snapshot!(errors(main), @r#"
    newswired.toml:2:1: the wire requires its logo and has none; add logo = { url = "https://…" }, or write a list require = […] without "logo"; every element is required by default
    newswired.toml:2:8: "Hpnf" is no wire id; write 1 to 64 of a-z, 0-9, "-" and "_"
    newswired.toml:3:8: the text is empty; write one or remove the key
    newswired.toml:5:7: an address with the scheme "ftp"; write https://… or http://…
    newswired.toml:6:11: the text is empty; write one or remove the key
    newswired.toml:8:7: the address holds a user or a password; remove them and leave the address as readers may see it
    newswired.toml:9:8: the text is empty; write one or remove the key
    newswired.toml:13:22: the wire requires its logo and has none; add logo = { url = "https://…" }, or take "logo" out of the list
    newswired.toml:13:30: the wire requires its licence and has none; add licence = { line = "…" }, or take "licence" out of the list
    newswired.toml:17:16: not an address (relative URL without a base); write https://… or http://…
    newswired.toml:17:36: a picture of no size; write its pixels or remove the key
    newswired.toml:20:8: unknown wire "secnd"; did you mean "second"?
    newswired.toml:22:7: the text is empty; write one or remove the key
    "#);
}

#[test]
fn several_wires_need_one_for_articles_that_name_none() {
    let main =
        format!("{MAIN}[intake]\narticle_limit = \"0B\"\n[wires.b]\nname = \"b\"\nshort_name = \"b\"\nrequire = []\n");
    assert_snapshot!(errors(&main.replace("[intake.spool]", "[intake.http]\ntoken = \"env:T\"\n[x]")), @r#"
    newswired.toml:8:9: the environment variable T is not set; set it, or use "file:PATH"
    newswired.toml:9:2: unknown key "x"; expected one of "ledger", "intake", "delivery", "media", "events", "admin", "log", "reload", "traces", "wires", "partners", "policies", "profiles", "subject_descendants"
    newswired.toml:11:1: there are several wires, and [intake] does not say which one an article without a wire is for; add wire = one of "b", "hpnf"
    newswired.toml:12:17: no article is that small; write a larger size
    "#);
    let main = main.replace("[intake.spool]\ndir = \"spool\"\n", "");
    assert_snapshot!(errors(&main), @r#"
    newswired.toml:7:1: articles have no way in; add one or more of the sections [intake.amqp], [intake.http], [intake.spool]
    newswired.toml:7:1: there are several wires, and [intake] does not say which one an article without a wire is for; add wire = one of "b", "hpnf"
    newswired.toml:8:17: no article is that small; write a larger size
    "#);
}

#[test]
fn partners() {
    let partner = r#"
name = ""
[entitlement]
wires = ["hpnf", "hpfn"]
from = 2026-06-01T00:00:00Z
until = 2026-01-01T00:00:00Z
[subscriptions."My News"]
wires = ["reuters"]
urgency_up_to = 10
exclude = { wires = ["x"], urgency_up_to = 0 }
[destinations.a]
format = "json"
concurrency = 300
rate = "10 a second"
give_up_after = "0s"
backoff = { first = "20m" }
http = { url = "ftp://island-post.example/", ca_file = "missing.pem", answer_timeout = "0s" }
[destinations.b]
format = "json"
http = { url = "http://wire:pass@island-post.example/", auth = { header = { name = "x key", value = "env:A" } } }
[destinations.c]
format = "json"
http = { url = "island-post.example", auth = { header = { name = "Content-Type", value = "file:missing" } } }
[destinations.d]
format = "json"
http = { url = "http://island-post.example:80/", auth = { basic = { user = "a:b", password = "credential:x" } } }
[destinations.e]
format = "json"
burst = 5
http = { url = "http://island-post.example:80/" }
"#;
    assert_snapshot!(partner_errors(partner), @r#"
    partners.d/island-post.toml:2:8: the text is empty; write one or remove the key
    partners.d/island-post.toml:4:18: unknown wire "hpfn"; did you mean "hpnf"?
    partners.d/island-post.toml:6:9: the contract ends before it begins; put until after from
    partners.d/island-post.toml:7:16: "My News" is no subscription name; write 1 to 64 of a-z, 0-9, "-" and "_"
    partners.d/island-post.toml:8:10: unknown wire "reuters"; write "hpnf"
    partners.d/island-post.toml:9:17: 10 is out of range; write a whole number from 1 to 9
    partners.d/island-post.toml:10:22: unknown wire "x"; write "hpnf"
    partners.d/island-post.toml:10:44: 0 is out of range; write a whole number from 1 to 9
    partners.d/island-post.toml:13:15: 300 is out of range; write a whole number from 1 to 256
    partners.d/island-post.toml:14:8: "10 a second" is not a rate; write a whole number, "/" and s, min or h, for example "10/s"
    partners.d/island-post.toml:15:17: a time of nothing; write a longer one
    partners.d/island-post.toml:16:21: first (20m) is longer than ceiling (10m); shorten first or raise ceiling
    partners.d/island-post.toml:17:16: an address with the scheme "ftp"; write https://… or http://…
    partners.d/island-post.toml:17:56: cannot read missing.pem: No such file or directory (os error 2); write the path of a file of PEM certificates
    partners.d/island-post.toml:17:88: a time of nothing; write a longer one
    partners.d/island-post.toml:20:16: the address holds a user or a password; remove them and use auth = { basic = { user, password } }
    partners.d/island-post.toml:20:84: "x key" is not a header's name; use letters, digits and "-"
    partners.d/island-post.toml:20:101: the environment variable A is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:23:16: not an address (relative URL without a base); write https://… or http://…
    partners.d/island-post.toml:23:66: newswired writes the header "Content-Type" itself; use another
    partners.d/island-post.toml:23:90: cannot read the secret's file missing: No such file or directory (os error 2)
    partners.d/island-post.toml:26:76: the user holds a colon, which HTTP forbids; use another
    partners.d/island-post.toml:26:94: the credential "x" needs systemd; add LoadCredential=x:PATH to the unit, or use "file:PATH"
    partners.d/island-post.toml:29:9: there is no rate for the burst to be within; add rate = "10/s", or remove it
    partners.d/island-post.toml:30:16: the destinations "d" and "e" send the same format to the same address; remove one
    "#);
}

#[test]
fn wordpress() {
    let partner = r#"
name = "Island Post"
[destinations.a]
format = "json"
[destinations.a.wordpress]
url = "https://island-post.example/wp-json/wp/v2/posts"
user = "wire:1"
application_password = "env:MISSING"
status = "draft"
author = 0
slug = "{headline}"
answer_timeout = "0s"
ca_file = "missing.pem"
[destinations.b]
format = "wordpress"
[destinations.b.wordpress]
url = "https://island-post.example/?p=1"
user = " "
application_password = "env:WORDPRESS"
on_kill = "delete"
default_category = ""
slug = "{id}/{title}"
[destinations.b.wordpress.categories]
politics = true
sports = 0
[destinations.c]
format = "wordpress"
http = { url = "https://island-post.example/in" }
[destinations.d]
format = "wordpress"
http = { url = "https://island-post.example/in" }
wordpress = { url = "https://island-post.example/", user = "wire", application_password = "env:WORDPRESS" }
[destinations.e]
format = "wordpress"
wordpress = { url = "https://island-post.example/", user = "wire", status = "published" }
"#;
    let files = Files::new(MAIN).partner("island-post", partner).variable("WORDPRESS", "not~one");
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:4:10: WordPress takes no such document; write format = "wordpress"
    partners.d/island-post.toml:6:7: this is not the address of the site's first page; write what readers type, for example "https://paper.example/"
    partners.d/island-post.toml:7:8: the user holds a colon, which HTTP forbids; use another
    partners.d/island-post.toml:8:24: the environment variable MISSING is not set; set it, or use "file:PATH"
    partners.d/island-post.toml:10:10: 0 is out of range; write a whole number of 1 or more
    partners.d/island-post.toml:11:8: without {id} two stories could have one address; write it, for example "wire-{id}"
    partners.d/island-post.toml:12:18: a time of nothing; write a longer one
    partners.d/island-post.toml:13:11: cannot read missing.pem: No such file or directory (os error 2); write the path of a file of PEM certificates
    partners.d/island-post.toml:17:7: this is not the address of the site's first page; write what readers type, for example "https://paper.example/"
    partners.d/island-post.toml:18:8: the text is empty; write one or remove the key
    partners.d/island-post.toml:19:24: the secret is no application password, which is letters, digits and spaces; make one in WordPress under Users, Profile, Application Passwords
    partners.d/island-post.toml:20:11: unknown on_kill "delete"; expected one of "trash", "draft"
    partners.d/island-post.toml:21:20: the text is empty; write one or remove the key
    partners.d/island-post.toml:22:8: a slug is made of a-z, 0-9 and "-", with {id} and {name} in it; take out the rest
    partners.d/island-post.toml:24:12: no term stands here; write its number, or its name in quotes
    partners.d/island-post.toml:25:10: WordPress counts from 1; write the term's number or its name
    partners.d/island-post.toml:27:10: the format "wordpress" is for a site's own interface; write a section [….wordpress] instead of [….http], or take another format
    partners.d/island-post.toml:32:1: the destination has both [….http] and [….wordpress]; keep one, or make two destinations of them
    partners.d/island-post.toml:35:13: the key "application_password" is missing here; add application_password = …
    partners.d/island-post.toml:35:77: unknown status "published"; did you mean "publish"?
    "#);
}

#[test]
fn certificates_are_looked_at() {
    let files = Files::new(MAIN);
    let (empty, broken, right) = (files.path("empty.pem"), files.path("broken.pem"), files.path("right.pem"));
    let certificate = rcgen::generate_simple_self_signed(["island-post.example".to_owned()]).unwrap();
    let door = |name: &str, file: &str| {
        format!(
            "[destinations.{name}]\nformat = \"json\"\n[destinations.{name}.http]\nurl = \"https://{name}.example\"\nca_file = \"{file}\"\n"
        )
    };
    let partner = format!("name = \"Island Post\"\n{}{}{}", door("a", &empty), door("b", &broken), door("c", &right));
    let files = files
        .file("empty.pem", "")
        .file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .file("right.pem", certificate.cert.pem())
        .partner("island-post", &partner);
    assert_snapshot!(files.errors(), @r#"
    partners.d/island-post.toml:6:11: empty.pem holds no certificate; write the path of a file of PEM certificates
    partners.d/island-post.toml:11:11: a certificate in broken.pem cannot be used (invalid peer certificate: BadEncoding); write the path of a file of PEM certificates
    "#);
}

#[test]
fn each_destination_needs_a_connection() {
    let main = format!("{MAIN}[delivery]\nconnections = 1\nconnection_max_age = \"0s\"\n");
    let partner = r#"
name = "Island Post"
[destinations.a]
format = "json"
http = { url = "https://island-post.example/a", compression = "zip", http2 = "no" }
[destinations.b]
format = "json"
http = { url = "https://island-post.example/b", connection_max_age = "0s" }
[destinations.c]
format = "json"
http = { url = "https://island-post.example/c", compression = "gzip", http2 = false, connection_max_age = "1h" }
"#;
    assert_snapshot!(Files::new(&main).partner("island-post", partner).errors(), @r#"
    newswired.toml:10:15: there are 3 destinations, and each needs a connection of its own; write 3 or more, or remove the key
    newswired.toml:11:22: a time of nothing; write a longer one
    partners.d/island-post.toml:5:63: unknown compression "zip"; did you mean "gzip"?
    partners.d/island-post.toml:5:78: text stands here; write true or false
    partners.d/island-post.toml:8:70: a time of nothing; write a longer one
    "#);
}

#[test]
fn service() {
    let main = format!(
        r#"{MAIN}[intake.http]
listen = "0.0.0.0:8471"
token = "env:TOKEN"
read_timeout = "0s"
[intake.amqp]
urls = ["http://mq", "amqp://u:p@mq", "amqp://mq/ok"]
user = "newswired"
prefetch = 0
heartbeat = "1500ms"
exchange = ""
[admin]
listen = "0.0.0.0:8471"
[log]
level = "inof"
[ledger]
batch = 5000
[delivery]
concurrency = 0
backoff = {{ first = "0s", ceiling = "1s" }}
answer_timeout = "0s"
"#
    );
    assert_snapshot!(errors(&main), @r#"
    newswired.toml:10:10: 0.0.0.0:8471 is open to other machines and has no TLS; give it a certificate with tls = { file = …, key = … }, listen on 127.0.0.1 behind a proxy, or add allow_remote = true
    newswired.toml:10:10: [intake.http] and [admin] both listen on 0.0.0.0:8471; give one of them another port
    newswired.toml:11:9: the environment variable TOKEN is not set; set it, or use "file:PATH"
    newswired.toml:12:16: a time of nothing; write a longer one
    newswired.toml:13:1: user and password go together; add password = …
    newswired.toml:14:9: an address with the scheme "http"; write amqps://… or amqp://…
    newswired.toml:14:22: the address holds a user or a password; remove them and use the keys user and password
    newswired.toml:16:12: 0 is out of range; write a whole number from 1 to 4096
    newswired.toml:17:13: AMQP counts it in whole seconds; write 1s to 65535s
    newswired.toml:18:12: the text is empty; write one or remove the key
    newswired.toml:20:10: 0.0.0.0:8471 is open to other machines and has no TLS; give it a certificate with tls = { file = …, key = … }, listen on 127.0.0.1 behind a proxy, or add allow_remote = true
    newswired.toml:22:9: unknown level "inof"; did you mean "info"?
    newswired.toml:24:9: 5000 is out of range; write a whole number from 1 to 4096
    newswired.toml:26:15: 0 is out of range; write a whole number from 1 to 256
    newswired.toml:27:21: a time of nothing; write a longer one
    newswired.toml:28:18: a time of nothing; write a longer one
    "#);
    assert_snapshot!(errors(&format!("{MAIN}[log]\nlevel = \"info,hyper=lots\"\n")), @r#"
    newswired.toml:10:9: "info,hyper=lots" is not a filter (error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5); write error, warn, info, debug or trace, or a filter such as "info,newswired::intake=debug"
    "#);
    assert_snapshot!(errors(&format!("{MAIN}[intake.amqp]\nurls = []\npassword = \"env:P\"\n")), @r#"
    newswired.toml:9:1: user and password go together; add user = …
    newswired.toml:10:8: the list is empty; write the broker's address, "amqp://host:5672/vhost"
    newswired.toml:11:12: the environment variable P is not set; set it, or use "file:PATH"
    "#);
}

#[test]
fn remote_addresses_and_filters_that_are_meant_load() {
    let main = format!(
        "{MAIN}[admin]\nlisten = \"0.0.0.0:9000\"\nallow_remote = true\n[log]\nlevel = \"info,newswired::intake=debug,hyper=off\"\n"
    );
    Files::new(&main).load().unwrap();
}

#[test]
fn the_environment() {
    let files = Files::new(MAIN)
        .partner("island-post", PARTNER)
        .variable("NEWSWIRED__DELIVERY__CONCURRENCY", "many")
        .variable("NEWSWIRED__DELIVERY__DRAIN", "30")
        .variable("NEWSWIRED__INTAK__WIRE", "hpnf")
        .variable("NEWSWIRED__INTAKE__HTTP__LISTEN", "127.0.0.1:1")
        .variable("NEWSWIRED__LEDGER__BATCH", "9999")
        .variable("NEWSWIRED__PARTNERS__ISLAND_POST__DESTINATIONS__SITE__HTTP__URL", "gopher://x")
        .variable("NEWSWIRED__PARTNERS__ISLAND_POST__PAUSED", "yes");
    assert_snapshot!(files.errors(), @r#"
    environment variable NEWSWIRED__DELIVERY__CONCURRENCY: text stands here; write a whole number
    environment variable NEWSWIRED__DELIVERY__DRAIN: the time "30" has no unit; write a whole number and a unit: ms, s, m, h or d, for example "30s"
    environment variable NEWSWIRED__INTAKE__HTTP__LISTEN: the key "token" is missing here; add token = …
    environment variable NEWSWIRED__INTAK__WIRE: unknown key "intak"; did you mean "intake"?
    environment variable NEWSWIRED__LEDGER__BATCH: 9999 is out of range; write a whole number from 1 to 4096
    environment variable NEWSWIRED__PARTNERS__ISLAND_POST__DESTINATIONS__SITE__HTTP__URL: an address with the scheme "gopher"; write https://… or http://…
    environment variable NEWSWIRED__PARTNERS__ISLAND_POST__PAUSED: text stands here; write true or false
    "#);
    assert_snapshot!(Files::new(MAIN).variable("NEWSWIRED__DELIVERY____DRAIN", "1s").errors(), @r#"
    environment variable NEWSWIRED__DELIVERY____DRAIN: names no key; write for example NEWSWIRED__DELIVERY__CONCURRENCY for "concurrency" in [delivery]
    "#);
}

#[test]
fn a_partner_in_both_places_is_told_where_the_key_stands() {
    let main = format!("{MAIN}[partners.island-post]\nnmae = \"x\"\n");
    assert_snapshot!(Files::new(&main).partner("island-post", &format!("pausd = true\n{PARTNER}")).errors(), @r#"
    newswired.toml:10:1: unknown key "nmae"; did you mean "name"?
    partners.d/island-post.toml:1:1: unknown key "pausd"; did you mean "paused"?
    "#);
}

/// Errors of thousands of partners are found in a time that grows with their number, not with its square.
#[test]
fn many_partners_with_errors_are_all_told() {
    let files = (0..300)
        .fold(Files::new(MAIN), |files, n| files.partner(&format!("p{n}"), &format!("x = 1\ny = 2\n{PARTNER}")));
    assert_eq!(files.errors().lines().count(), 600);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Whatever becomes of a line, loading ends, and each error stands in a line of a file or names the file.
    #[test]
    fn a_spoilt_line_is_an_error_with_a_place(line in 0usize..60, spoilt in "[a-z\\[\\]{}=\", 0-9.]{0,20}", whole: bool) {
        let sample = include_str!("../../../config/partners.d/ledger-herald.toml");
        let mut lines: Vec<String> =
            sample.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect();
        let at = line % lines.len();
        let kept = if whole { "" } else { lines[at].split('=').next().unwrap_or_default() };
        lines[at] = if whole { spoilt } else { format!("{kept}= {spoilt}") };
        let files = Files::new(MAIN)
            .file("credentials/ledger-herald-signing", "secret")
            .partner("ledger-herald", &lines.join("\n"));
        let credentials = files.path("credentials");
        if let Err(errors) = files.variable("CREDENTIALS_DIRECTORY", &credentials).load() {
            for error in errors.iter() {
                let place = error.place.to_string();
                proptest::prop_assert!(place.contains("ledger-herald.toml:"), "{error}");
            }
        }
    }
}

#[test]
fn the_store_of_media() {
    let media = "[media]\nlargest = \"3GiB\"\nat_once = 0\npatience = \"0s\"\ntypes = []\n";
    assert_snapshot!(errors(&format!("{MAIN}{media}")), @r"
    newswired.toml:9:1: the largest file (3GiB) has no room in 2GiB; raise budget or lower largest
    newswired.toml:11:11: 0 is out of range; write a whole number from 1 to 64
    newswired.toml:12:12: a time of nothing; write a longer one
    newswired.toml:13:9: nothing is taken; name a type, or remove the key for all pictures
    ");
    let script = "[media]\ntypes = [\"image/png\", \"image/svg+xml\"]\n";
    assert_snapshot!(errors(&format!("{MAIN}{script}")), @r#"newswired.toml:10:23: unknown item "image/svg+xml" in "types"; expected one of "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "audio/mpeg", "video/mp4""#);
}
