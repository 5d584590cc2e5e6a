//! What is told of the way to a server, without a delivery.

use tokio::io::AsyncWriteExt;

use super::super::names::tests::machine;
use super::*;
use crate::config::{Delivery, Way};
use crate::transport::knock::Steps;

const PATIENCE: Duration = Duration::from_secs(5);

fn way(allow_addresses: &[AddressBlock]) -> Way<'_> {
    Way {
        key: Some("url"),
        url: "".into(),
        ca_file: None,
        client_certificate: None,
        pin: &[],
        allow_addresses,
        proxy: None,
    }
}

/// A line a step, without the time that it took.
async fn told(place: &Place, way: &Way<'_>, network: &Arc<Network>) -> String {
    let mut steps = Steps::default();
    look(place, way, PATIENCE, network, &mut steps).await;
    let lines = steps.told().map(|step| {
        let finding = &step.finding;
        let mend = finding.mend.as_ref().map(|mend| format!(" -> {mend}")).unwrap_or_default();
        let found = finding.found.replace(&format!(":{}", place.port), ":PORT");
        format!("{} {:?}: {found}{mend}", step.part.as_str(), finding.verdict)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn to(host: &str, port: u16, tls: Begins) -> Place {
    Place { host: host.to_owned(), port, tls }
}

/// What a name leads to is shown, what of it is refused, and the line that allows it.
#[tokio::test]
async fn addresses_that_are_refused_are_shown_with_what_allows_them() {
    let hosts = "10.1.2.3 inside.example\n10.1.2.3 both.example\n127.0.0.1 both.example\n";
    let (_files, names) = machine("", hosts, 1);
    let network = Arc::new(Network::of_one(&Delivery::default()).unwrap().naming(names));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let here: [AddressBlock; 1] = ["127.0.0.1".parse().unwrap()];
    let all = [
        told(&to("inside.example", port, Begins::OfItsOwn), &way(&here), &network).await,
        told(&to("both.example", port, Begins::OfItsOwn), &way(&here), &network).await,
        told(&to("10.1.2.3", port, Begins::OfItsOwn), &way(&here), &network).await,
        told(&to("127.0.0.1", port, Begins::Never { because: "the address is http://" }), &way(&here), &network).await,
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    name Trouble: inside.example is 10.1.2.3; connections do not lead there: 10.1.2.3 is a private address (RFC 1918) -> if that is meant, add allow_addresses = ["10.1.2.3"] to this destination, or to [delivery] for all

    name Remark: both.example is 10.1.2.3, 127.0.0.1; connections do not lead there: 10.1.2.3 is a private address (RFC 1918) -> if that is meant, add allow_addresses = ["10.1.2.3"] to this destination, or to [delivery] for all
    connection Well: to 127.0.0.1:PORT

    connection Trouble: 10.1.2.3 is a private address (RFC 1918) -> if that is meant, add allow_addresses = ["10.1.2.3"] to this destination, or to [delivery] for all

    connection Well: to 127.0.0.1:PORT
    TLS Remark: none, since the address is http://: everybody on the way reads what is sent -> use it inside a network that is trusted, and with TLS elsewhere
    "#);
}

/// A server that says what it says, and then nothing.
async fn says(words: &'static str) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for line in words.split_inclusive("\n\n") {
            stream.write_all(line.replace("\n\n", "\r\n").as_bytes()).await.unwrap();
            let _ = stream.read(&mut [0; 1_024]).await;
        }
    });
    (port, task)
}

#[tokio::test]
async fn a_server_that_begins_no_tls_is_told_as_such() {
    let network = network();
    let (web, _web) = says("HTTP/1.1 400 Bad Request\r\n\r\n\n\n").await;
    let (plain, _plain) = says("220-Welcome\r\n220 here\n\n502 no such command\n\n").await;
    let (mail, _mail) = says("554 not you\n\n").await;
    let all = [
        told(&to("127.0.0.1", web, Begins::AtOnce { http2: true }), &way(&[]), &network).await,
        told(&to("127.0.0.1", plain, Begins::ByAuthTls), &way(&[]), &network).await,
        told(&to("127.0.0.1", mail, Begins::ByAuthTls), &way(&[]), &network).await,
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    connection Well: to 127.0.0.1:PORT
    TLS Trouble: what it answers is not TLS -> check the port with the partner: another protocol is spoken there, perhaps HTTP without TLS

    connection Well: to 127.0.0.1:PORT
    TLS Trouble: the server does not begin with TLS: 502 no such command -> ask the partner for FTP with explicit TLS; with tls = "none" everybody on the way reads the password

    connection Well: to 127.0.0.1:PORT
    TLS Trouble: the server greets with "554 not you" -> ask the partner whether this is the port of FTP, and whether its server is well
    "#);
}
