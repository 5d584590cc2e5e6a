//! Where a client does not connect to, however it is written and whatever a name server says.

use std::net::IpAddr;

use super::super::names::tests::{NameServer, ONE, Says, machine};
use super::*;
use crate::config::Delivery;

/// A network of which nothing is allowed, whose names are those of `names`.
fn closed(names: Names) -> Arc<Network> {
    Arc::new(Network::of_one(&Delivery::default()).unwrap().naming(names))
}

fn client_of<'a>(url: &str, settings: Settings<'a>) -> Client {
    Client::new(&Address::parse(url).unwrap(), &settings).unwrap()
}

/// Every spelling that a URL's parser takes for an address is one. Nothing is connected to here.
#[test]
fn addresses_are_refused_however_they_are_written() {
    const SPELLINGS: [&str; 44] = [
        "http://127.0.0.1/",
        "http://127.0.0.1:443/",
        "https://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.1./",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0X7F.1/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://0177.0.0.01/",
        "http://0177.0x0.1/",
        "http://127.0.0.1%2f@10.0.0.1/",
        "http://8.8.8.8@127.0.0.1/",
        "http://user:pass@127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127\u{ad}.0.0.1/",
        "http://127.0.0.1\t/",
        "http://\u{200b}127.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://00000000/",
        "http://10.1/",
        "http://167772161/",
        "http://192.168.257/",
        "http://0xa9fea9fe/",
        "http://169.254.43518/",
        "http://2852039166/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::FFFF:A9FE:A9FE]:80/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
    ];
    let network = Arc::new(Network::of_one(&Delivery::default()).unwrap());
    let told = SPELLINGS.map(|url| {
        let said = match Address::parse(url) {
            Ok(address) => match Connector::new(&address, &settings(&network)).unwrap().refusal() {
                Some(why) => why.split("; if that").next().unwrap().to_owned(),
                None => "connected to".to_owned(),
            },
            Err(_) => "no address".to_owned(),
        };
        format!("{}: {said}", url.escape_debug())
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    http://127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.0.1:443/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    https://127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.0.1./: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://2130706433/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://017700000001/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0x7f000001/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0X7F.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0x7f.0x0.0x0.0x1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0177.0.0.01/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0177.0x0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.0.1%2f@10.0.0.1/: no connection: 10.0.0.1 is a private address (RFC 1918)
    http://8.8.8.8@127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://user:pass@127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http:\\\\127.0.0.1\\: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http:/127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http:127.0.0.1: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://%31%32%37.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127。0。0。1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://①②⑦.⓪.⓪.①/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127\u{ad}.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://127.0.0.1\t/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://\u{200b}127.0.0.1/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://0/: no connection: 0.0.0.0 is an address of this machine itself (RFC 791)
    http://0.0.0.0/: no connection: 0.0.0.0 is an address of this machine itself (RFC 791)
    http://00000000/: no connection: 0.0.0.0 is an address of this machine itself (RFC 791)
    http://10.1/: no connection: 10.0.0.1 is a private address (RFC 1918)
    http://167772161/: no connection: 10.0.0.1 is a private address (RFC 1918)
    http://192.168.257/: no connection: 192.168.1.1 is a private address (RFC 1918)
    http://0xa9fea9fe/: no connection: 169.254.169.254 is a link-local address (RFC 3927)
    http://169.254.43518/: no connection: 169.254.169.254 is a link-local address (RFC 3927)
    http://2852039166/: no connection: 169.254.169.254 is a link-local address (RFC 3927)
    http://[::1]/: no connection: ::1 is a loopback address (RFC 4291)
    http://[0:0:0:0:0:0:0:1]/: no connection: ::1 is a loopback address (RFC 4291)
    http://[::]/: no connection: :: is an address of this machine itself (RFC 4291)
    http://[::ffff:127.0.0.1]/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://[::ffff:7f00:1]/: no connection: 127.0.0.1 is a loopback address (RFC 1122)
    http://[::FFFF:A9FE:A9FE]:80/: no connection: 169.254.169.254 is a link-local address (RFC 3927)
    http://[64:ff9b::169.254.169.254]/: no connection: 64:ff9b::a9fe:a9fe is another form of 169.254.169.254, a link-local address (RFC 3927)
    http://[2002:7f00:1::]/: no connection: 2002:7f00:1:: is another form of 127.0.0.1, a loopback address (RFC 1122)
    http://[fe80::1]/: no connection: fe80::1 is a link-local address (RFC 4291)
    "#);
}

#[tokio::test]
async fn the_operator_is_told_what_allows_it() {
    let network = Arc::new(Network::of_one(&Delivery::default()).unwrap());
    let client = client_of("http://0x7f.1:9000/in", settings(&network));
    let Err(Failed::NotConnected(why)) = post(&client, b"x").await else { panic!("it does not connect") };
    insta::assert_snapshot!(why, @r#"no connection: 127.0.0.1 is a loopback address (RFC 1122); if that is meant, add allow_addresses = ["127.0.0.1"] to this destination, or to [delivery] for all"#);
}

#[tokio::test]
async fn what_is_named_is_reached_and_no_more() {
    let (server, other) = (Server::plain().await, Server::plain().await);
    let network = Arc::new(Network::of_one(&Delivery::default()).unwrap());
    let url = |host: &str| format!("http://{host}:{}/in", server.port);
    let here = ["127.0.0.1".parse().unwrap()];
    let of = |url: &str| client_of(url, Settings { allow_addresses: &here, ..settings(&network) });
    for host in ["127.0.0.1", "127.1", "[::ffff:127.0.0.1]"] {
        assert_eq!(post(&of(&url(host)), b"x").await.unwrap().status, 200, "{host}");
    }
    for host in ["127.0.0.2", "[::1]", "127.1.1.1", "[::ffff:127.0.0.2]"] {
        assert!(matches!(post(&of(&url(host)), b"x").await, Err(Failed::NotConnected(_))), "{host}");
    }
    // What one destination names is not the others', and what [delivery] names is everybody's.
    let one = client_of(&format!("http://127.0.0.1:{}/", other.port), settings(&network));
    assert!(post(&one, b"x").await.is_err());
    let open = Delivery { allow_addresses: here.to_vec(), ..Delivery::default() };
    let network = Arc::new(Network::of_one(&open).unwrap());
    assert!(post(&client_of(&url("127.0.0.1"), settings(&network)), b"x").await.is_ok());
    assert_eq!((server.got().len(), other.got().len()), (4, 0));
}

/// DNS rebinding: the name led to a place that is allowed, and a moment later leads to one that is not.
#[tokio::test]
async fn a_name_is_looked_at_for_every_connection() {
    let dns = NameServer::start().await;
    let (_dir, names) = machine(ONE, "", dns.port);
    let network = closed(names);
    let server = Server::plain().await;
    let allowed = ["127.0.0.1".parse().unwrap()];
    let url = format!("http://cms.paper.example:{}/in", server.port);
    let client = client_of(&url, Settings { allow_addresses: &allowed, max_age: Duration::ZERO, ..settings(&network) });
    let ips = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
    dns.say("cms.paper.example", Says::Addresses(ips(&["127.0.0.1"]), 0));
    assert_eq!(post(&client, b"first").await.unwrap().status, 200);
    dns.say("cms.paper.example", Says::Addresses(ips(&["127.0.0.2", "::1", "127.0.0.3"]), 0));
    let Err(Failed::NotConnected(why)) = post(&client, b"second").await else { panic!("it does not connect") };
    insta::assert_snapshot!(why, @r#"no connection to cms.paper.example: ::1 is a loopback address (RFC 4291); 127.0.0.2 is a loopback address (RFC 1122); 127.0.0.3 is a loopback address (RFC 1122); if that is meant, add allow_addresses = ["::1", "127.0.0.2", "127.0.0.3"] to this destination, or to [delivery] for all"#);
    // Of several addresses, those that are no way in are tried.
    dns.say("cms.paper.example", Says::Addresses(ips(&["127.0.0.2", "127.0.0.1"]), 0));
    assert_eq!(post(&client, b"third").await.unwrap().status, 200);
    let bodies: Vec<_> = server.got().into_iter().map(|got| got.body).collect();
    assert_eq!(bodies, ["first", "third"]);
}

/// A name may be one of this machine without any name server.
#[tokio::test]
async fn names_of_this_machine_are_no_way_in() {
    let (_dir, names) = machine("# none\n", "127.0.0.1 inside\n::1 inside\n", 9);
    let network = closed(names);
    for url in ["http://localhost/", "http://inside/", "http://inside./", "http://INSIDE/"] {
        let Err(Failed::NotConnected(why)) = post(&client_of(url, settings(&network)), b"x").await else {
            panic!("{url} is connected to")
        };
        assert!(why.contains("is a loopback address"), "{url}: {why}");
    }
}
