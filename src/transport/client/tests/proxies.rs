//! Ways out through proxies of both kinds, which are played here byte for byte.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::super::names::tests::{NameServer, ONE, Says, machine};
use super::*;
use crate::config::{Delivery, Proxy};

/// What the proxy does with a request.
#[derive(Clone, Copy)]
enum Does {
    /// Connects to this port of this machine, whatever it is asked for.
    Connects(u16),
    /// Answers this and nothing more.
    Says(&'static [u8]),
    Hangs,
    /// Sends without an end.
    Floods,
}

/// A proxy that notes what it is asked for.
struct Played {
    port: u16,
    asked: watch::Receiver<Vec<String>>,
    _task: JoinSet<()>,
}

impl Played {
    async fn http(does: Does) -> Self {
        Self::start(does, false, None).await
    }

    /// One of SOCKS 5, which wants this login if there is one.
    async fn socks(does: Does, login: Option<(&'static str, &'static str)>) -> Self {
        Self::start(does, true, login).await
    }

    async fn start(does: Does, socks: bool, login: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (note, asked) = watch::channel(Vec::new());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let note = note.clone();
                connections.spawn(async move {
                    // Whoever hangs up has its reasons, which the tests see at their end.
                    let _ = if socks {
                        by_socks(stream, does, login, note).await
                    } else {
                        by_http(stream, does, note).await
                    };
                });
            }
        });
        Self { port, asked, _task: task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    fn configured(&self, scheme: &str, more: serde_json::Value) -> Proxy {
        let mut proxy = serde_json::json!({ "url": format!("{scheme}://127.0.0.1:{}", self.port) });
        if let (Some(proxy), serde_json::Value::Object(more)) = (proxy.as_object_mut(), more) {
            proxy.extend(more);
        }
        serde_json::from_value(proxy).unwrap()
    }
}

async fn by_http(mut stream: TcpStream, does: Does, note: watch::Sender<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    note.send_modify(|asked| asked.push(String::from_utf8(head).unwrap().trim_end().to_owned()));
    does.to(stream, b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\ncontent-length: 5\r\n\r\n").await
}

async fn by_socks(
    mut stream: TcpStream,
    does: Does,
    login: Option<(&str, &str)>,
    note: watch::Sender<Vec<String>>,
) -> std::io::Result<()> {
    let mut hello = [0; 3];
    stream.read_exact(&mut hello).await?;
    let method = if login.is_some() { 2 } else { 0 };
    if hello != [5, 1, method] {
        return stream.write_all(&[5, 0xff]).await;
    }
    stream.write_all(&[5, method]).await?;
    if let Some((user, password)) = login {
        let mut told = Vec::new();
        assert_eq!(stream.read_u8().await?, 1);
        for _ in 0..2 {
            let mut text = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut text).await?;
            told.push(String::from_utf8(text).unwrap());
        }
        let right = told == [user, password];
        stream.write_all(&[1, u8::from(!right)]).await?;
        if !right {
            return Ok(());
        }
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0]);
    let host = match request[3] {
        1 => Ipv4Addr::from_bits(stream.read_u32().await?).to_string(),
        4 => Ipv6Addr::from_bits(stream.read_u128().await?).to_string(),
        _ => {
            let mut name = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut name).await?;
            format!("name {}", String::from_utf8(name).unwrap())
        }
    };
    let port = stream.read_u16().await?;
    note.send_modify(|asked| asked.push(format!("{host} {port}")));
    does.to(stream, &[5, 0, 0, 3, 4, b'h', b'e', b'r', b'e', 0, 9]).await
}

impl Does {
    async fn to(self, mut stream: TcpStream, good: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Connects(port) => {
                stream.write_all(good).await?;
                let mut there = TcpStream::connect(("127.0.0.1", port)).await?;
                copy_bidirectional(&mut stream, &mut there).await.map(drop)
            }
            Self::Says(what) => stream.write_all(what).await,
            Self::Hangs => std::future::pending().await,
            Self::Floods => loop {
                stream.write_all(&[b'x'; 4096]).await?;
            },
        }
    }
}

/// A client of `url`, whose name leads to an address that is allowed and that nobody here listens at.
struct Scene {
    network: Arc<Network>,
    name_server: NameServer,
    patience: Duration,
    _dir: tempfile::TempDir,
}

const NAME: &str = "cms.paper.example";

async fn scene() -> Scene {
    let name_server = NameServer::start().await;
    let (dir, names) = machine(ONE, "", name_server.port);
    name_server.say(NAME, Says::Addresses(vec!["192.0.2.7".parse().unwrap()], 60));
    let here = Delivery { allow_addresses: vec!["192.0.2.0/28".parse().unwrap()], ..Delivery::default() };
    let network = Arc::new(Network::of_one(&here).unwrap().naming(names));
    Scene { network, name_server, patience: LONG, _dir: dir }
}

impl Scene {
    async fn post(&self, proxy: &Proxy, url: &str, ca_file: Option<&Path>) -> Result<Answer, String> {
        let settings = Settings {
            trust: Trust { ca_file, ..Trust::default() },
            proxy: Some(proxy),
            timeouts: Timeouts { connect: self.patience, ..TIMEOUTS },
            ..settings(&self.network)
        };
        let client = Client::new(&Address::parse(url).unwrap(), &settings).unwrap();
        post(&client, b"x").await.map_err(|failed| match failed {
            Failed::NotConnected(why) => why,
            other => panic!("nothing left: {other:?}"),
        })
    }
}

fn nothing() -> serde_json::Value {
    serde_json::json!({})
}

/// The proxy is told the address that was looked at here; TLS is agreed on with the name, through both kinds.
#[tokio::test]
async fn a_proxy_is_given_the_address_and_tls_has_the_name() {
    let identity = Identity::of(&[NAME]);
    let server = Server::tls(&identity, &["h2"], 100).await;
    let scene = scene().await;
    let url = format!("https://{NAME}/in");
    let ca_file = Some(identity.ca.path());
    let http = Played::http(Does::Connects(server.port)).await;
    assert_eq!(scene.post(&http.configured("http", nothing()), &url, ca_file).await.unwrap().status, 200);
    let asked = http.asked().concat().replace(env!("CARGO_PKG_VERSION"), "0");
    insta::assert_snapshot!(asked.replace('\r', ""), @"
    CONNECT 192.0.2.7:443 HTTP/1.1
    host: 192.0.2.7:443
    user-agent: newswired/0
    ");
    let socks = Played::socks(Does::Connects(server.port), None).await;
    assert_eq!(scene.post(&socks.configured("socks5", nothing()), &url, ca_file).await.unwrap().status, 200);
    assert_eq!(socks.asked(), ["192.0.2.7 443"]);
    assert_eq!(server.got()[1].authority.as_deref(), Some(NAME));
    // A proxy that leads somewhere else comes no further than the name on its certificate.
    let other = Server::tls(&Identity::new(), &["h2"], 100).await;
    let astray = Played::http(Does::Connects(other.port)).await;
    let why = scene.post(&astray.configured("http", nothing()), &url, ca_file).await.unwrap_err();
    assert!(why.starts_with("no TLS with cms.paper.example"), "{why}");
    assert!(other.got().is_empty());
}

#[tokio::test]
async fn who_we_are_is_told_to_the_proxy_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "s3cret").unwrap();
    let login = serde_json::json!({ "user": "newswired", "password": format!("file:{}", file.display()) });
    let server = Server::plain().await;
    let scene = scene().await;
    let url = format!("http://{NAME}:8080/in");
    let http = Played::http(Does::Connects(server.port)).await;
    scene.post(&http.configured("http", login.clone()), &url, None).await.unwrap();
    assert!(http.asked()[0].ends_with("proxy-authorization: Basic bmV3c3dpcmVkOnMzY3JldA=="), "{:?}", http.asked());
    let socks = Played::socks(Does::Connects(server.port), Some(("newswired", "s3cret"))).await;
    scene.post(&socks.configured("socks5", login.clone()), &url, None).await.unwrap();
    assert_eq!(socks.asked(), ["192.0.2.7 8080"]);
    assert!(server.got().iter().all(|got| !got.headers.contains_key(header::PROXY_AUTHORIZATION)));
    let other = Played::socks(Does::Connects(server.port), Some(("newswired", "other"))).await;
    let why = scene.post(&other.configured("socks5", login), &url, None).await.unwrap_err();
    assert!(why.ends_with("it refuses the login; check user and password of proxy"), "{why}");
    let why = scene.post(&other.configured("socks5", nothing()), &url, None).await.unwrap_err();
    assert!(why.ends_with("it wants another login; add user and password to proxy"), "{why}");
}

/// What the proxy could reach and we may not is asked of none.
#[tokio::test]
async fn the_guard_holds_before_the_proxy() {
    let server = Server::plain().await;
    let scene = scene().await;
    let http = Played::http(Does::Connects(server.port)).await;
    let socks = Played::socks(Does::Connects(server.port), None).await;
    scene.name_server.say("inside.example", Says::Addresses(vec!["10.0.0.1".parse().unwrap()], 60));
    for proxy in [http.configured("http", nothing()), socks.configured("socks5", nothing())] {
        for url in ["http://127.0.0.1/", "http://[::1]/", "http://inside.example/"] {
            let why = scene.post(&proxy, url, None).await.unwrap_err();
            assert!(why.contains("allow_addresses"), "{url}: {why}");
        }
    }
    // A proxy that resolves names is told them, but no address that is no name.
    let resolving = serde_json::json!({ "resolves_names": true });
    for proxy in [http.configured("http", resolving.clone()), socks.configured("socks5", resolving)] {
        scene.post(&proxy, "http://inside.example/", None).await.unwrap();
        assert!(scene.post(&proxy, "http://0x7f.1/", None).await.unwrap_err().contains("allow_addresses"));
    }
    assert!(http.asked().concat().starts_with("CONNECT inside.example:80 HTTP/1.1\r\n"), "{:?}", http.asked());
    assert_eq!((http.asked().len(), socks.asked()), (1, vec!["name inside.example 80".to_owned()]));
}

#[tokio::test]
async fn what_a_proxy_says_instead_is_told_in_time() {
    let mut scene = scene().await;
    let answers: [(&str, Does); 17] = [
        ("http", Does::Says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")),
        ("http", Does::Says(b"HTTP/1.0 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!")),
        ("http", Does::Says(b"HTTP/1.1 502 \x1b[31mBad\r\n\r\n")),
        ("http", Does::Says(b"HTTP/1.1 99 Low\r\n\r\n")),
        ("http", Does::Says(b"HTTP/1.1 2000 High\r\n\r\n")),
        ("http", Does::Says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        ("http", Does::Says(b"HTTP/1.1 200 OK\r\nno end")),
        ("http", Does::Says(b"")),
        ("http", Does::Hangs),
        ("http", Does::Floods),
        ("socks5", Does::Says(&[5, 2, 0, 1])),
        ("socks5", Does::Says(&[5, 5, 0, 1])),
        ("socks5", Does::Says(&[5, 99, 0, 1])),
        ("socks5", Does::Says(&[5, 0, 0, 9])),
        ("socks5", Does::Says(&[5, 0, 0, 3, 255])),
        ("socks5", Does::Hangs),
        ("socks5", Does::Floods),
    ];
    let mut told = Vec::new();
    for (scheme, does) in answers {
        scene.patience = if matches!(does, Does::Hangs) { Duration::from_millis(500) } else { LONG };
        let proxy = match scheme {
            "http" => Played::http(does).await,
            _ => Played::socks(does, None).await,
        };
        let why =
            scene.post(&proxy.configured(scheme, nothing()), &format!("https://{NAME}/"), None).await.unwrap_err();
        told.push(why.replace(&proxy.port.to_string(), "PORT"));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: it answers 407; check user and password of proxy
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: it answers 403; have it allow CONNECT to this address and port
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: it answers 502
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: what it answers is not HTTP
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: what it answers is not HTTP
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: what it answers is not HTTP
    the proxy 127.0.0.1:PORT gave no answer: unexpected end of file
    the proxy 127.0.0.1:PORT gave no answer: unexpected end of file
    the proxy 127.0.0.1:PORT gave no answer within 450ms
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: its answer has no end
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: its rules do not allow it (reply 2)
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: the connection was refused (reply 5)
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: for a reason of its own (reply 99)
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: it answers with an address of the kind 9
    the proxy 127.0.0.1:PORT gave no answer: early eof
    the proxy 127.0.0.1:PORT gave no answer within 450ms
    the proxy 127.0.0.1:PORT does not connect to 192.0.2.7:443: what it answers is not SOCKS 5
    ");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_as_such() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let proxy: Proxy = serde_json::from_value(format!("socks5://127.0.0.1:{gone}").into()).unwrap();
    let why = scene().await.post(&proxy, &format!("http://{NAME}/"), None).await.unwrap_err();
    assert!(why.starts_with(&format!("cannot connect to the proxy 127.0.0.1:{gone}: ")), "{why}");
}

/// [delivery] has one for all; a destination may have none, or another.
#[tokio::test]
async fn a_destination_may_leave_the_networks_proxy_aside() {
    let server = Server::plain().await;
    let played = Played::http(Does::Connects(server.port)).await;
    let here = Delivery {
        allow_addresses: vec!["127.0.0.1".parse().unwrap()],
        proxy: played.configured("http", nothing()),
        ..Delivery::default()
    };
    let network = Arc::new(Network::of_one(&here).unwrap());
    for (proxy, asked) in [(None, 1), (Some(&Proxy::None), 1)] {
        let client = client(server.port, None, Settings { proxy, ..settings(&network) });
        post(&client, b"x").await.unwrap();
        assert_eq!(played.asked().len(), asked);
    }
}
