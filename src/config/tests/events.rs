//! What can be wrong with the receivers of events.

use insta::assert_snapshot;

use super::{Files, MAIN, PARTNER};
use crate::config::{Door, EventKind};

fn files(events: &str) -> Files {
    Files::new(&format!("{MAIN}{events}")).partner("island-post", PARTNER).variable("KEY", "a shared secret")
}

#[test]
fn nobody_is_told_by_default() {
    let config = files("").load().unwrap();
    assert!(config.events.receivers.is_empty());
    assert_eq!(config.events.trouble_after.to_string(), "15m");
}

#[test]
fn a_receiver_is_told_of_everything_unless_it_says_otherwise() {
    let config = files(
        "[events.receivers.desk.http]\nurl = \"https://desk.example/events\"\nsigning_secret = \"env:KEY\"\n\
         [events.receivers.cms]\nkinds = [\"delivered\", \"kill_complete\"]\n\
         [events.receivers.cms.amqp]\nurl = \"amqps://mq.example/\"\nexchange = \"news\"\n",
    )
    .load()
    .unwrap();
    let (desk, cms) = (&config.events.receivers["desk"], &config.events.receivers["cms"]);
    assert_eq!(desk.takes(), EventKind::ALL.into());
    assert_eq!(cms.takes(), [EventKind::Delivered, EventKind::KillComplete].into());
    assert!(matches!((desk.door(), cms.door()), (Some(Door::Http(_)), Some(Door::Amqp(_)))));
}

#[test]
fn what_cannot_be_used_is_told_as_at_destinations() {
    let events = r#"
[events]
trouble_after = "0s"
most = 5
[events.receivers.Desk]
kinds = ["arrived"]
partners = ["island-pots"]
wires = ["hpfn"]
batch = 0
[events.receivers.nowhere]
[events.receivers.both.http]
url = "https://desk.example/"
[events.receivers.both.amqp]
url = "amqps://mq.example/"
exchange = "news"
[events.receivers.http.http]
url = "http://10.1.2.3/in/{{ guid }}"
pin = ["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
signing_secret = "env:MISSING"
headers = { newswire-x = "1" }
kill = { method = "PUT" }
media = { assets_url = "https://desk.example/" }
message_signature = { algorithm = "hmac-sha256", key = "env:KEY", keyid = "k", components = ["newswire-story"] }
[events.receivers.amqp.amqp]
url = "amqp://user:pass@mq.example/"
exchange = "news"
routing_key = "{{ wire }}"
user = "newswired"
trace_context = true
"#;
    assert_snapshot!(files(events).errors(), @r#"
    newswired.toml:11:17: a time of nothing; write a longer one
    newswired.toml:12:8: 5 is out of range; write a whole number from 1000 to 100000000
    newswired.toml:13:1: the receiver is nowhere; add one of the sections [….http], [….amqp]
    newswired.toml:13:19: "Desk" is no receiver's name; write 1 to 64 of a-z, 0-9, "-" and "_"
    newswired.toml:14:10: unknown item "arrived" in "kinds"; expected one of "delivered", "refused", "expired", "kill_complete", "kill_incomplete", "partner_in_trouble", "partner_recovered", "quarantined"
    newswired.toml:15:13: unknown partner "island-pots"; did you mean "island-post"?
    newswired.toml:16:10: unknown wire "hpfn"; did you mean "hpnf"?
    newswired.toml:17:9: 0 is out of range; write a whole number from 1 to 1000
    newswired.toml:18:1: the receiver is nowhere; add one of the sections [….http], [….amqp]
    newswired.toml:21:24: the receiver has both [….http] and [….amqp]; keep one, or make two receivers of them
    newswired.toml:25:7: 10.1.2.3 is a private address (RFC 1918); if that is meant, add allow_addresses = ["10.1.2.3"] here, or to [delivery] for all destinations
    newswired.toml:25:7: events have no such fields; write the address as it is
    newswired.toml:26:7: the url is without TLS, so nobody looks at this; write https://…
    newswired.toml:27:18: the environment variable MISSING is not set; set it, or use "file:PATH"
    newswired.toml:28:13: newswired writes the header "newswire-x" itself; use another
    newswired.toml:29:1: an event has one request; remove it
    newswired.toml:30:1: no files go with events; remove it
    newswired.toml:31:93: events come without the header "newswire-story"; leave it out of the signature
    newswired.toml:31:93: without "content-digest" the document is not signed; add it
    newswired.toml:33:7: the address holds a user or a password; remove them and use the keys user and password
    newswired.toml:35:1: the routing key of an event is its kind; remove it, and bind queues by that
    newswired.toml:36:8: there is no password for it; add password = …
    newswired.toml:37:1: events belong to no trace; remove it
    "#);
}
