//! Whom a client trusts: authorities of these tests' own, and servers that lack one thing each.

use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::tls;
use super::*;
use crate::config::{ClientCertificate, Pin};
use crate::telemetry::Metrics;

/// A directory with an authority's certificate in `ca.pem`.
struct Authority {
    dir: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate that an authority made, or a server made for itself.
struct Made {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("Authority in {}", dir.path().display()));
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        Self { dir, ca }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// One for `name`, whose time is over `ends` days from now.
    fn makes(&self, name: &str, ends: i64) -> Made {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let day = Duration::from_secs(86_400);
        let now = SystemTime::now() - 60 * day;
        let at = |days: i64| now + u32::try_from(60 + days).unwrap() * day;
        params.not_before = at(ends.min(0) - 30).into();
        params.not_after = at(ends).into();
        let made = params.signed_by(&key, &self.ca).unwrap();
        Made { chain: vec![made.der().clone(), self.ca.der().clone()], key }
    }

    /// One of the daemon's own, as files.
    fn client_certificate(&self, ends: i64) -> ClientCertificate {
        let made = self.makes("newswired.example", ends);
        let (file, key) = (self.dir.path().join("client.pem"), self.dir.path().join("client.key"));
        let pem = made.chain.iter().map(|one| pem("CERTIFICATE", one)).collect::<String>();
        std::fs::write(&file, pem).unwrap();
        std::fs::write(&key, made.key.serialize_pem()).unwrap();
        serde_json::from_value(serde_json::json!({ "file": file, "key": format!("file:{}", key.display()) })).unwrap()
    }
}

fn pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn pin(key: &impl PublicKeyData) -> Pin {
    Pin::new(Sha256::digest(key.subject_public_key_info()).into())
}

/// A server that shows what was made, and asks for a certificate of `asks_for`'s.
async fn server(made: &Made, asks_for: Option<&Authority>) -> Server {
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match asks_for {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
            let ring = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.key.serialize_der()));
    let config = builder.with_single_cert(made.chain.clone(), key).unwrap();
    Server::start(Some(Arc::new(config).into()), 0).await
}

async fn ask(server: &Server, trust: Trust<'_>) -> Result<Answer, Failed> {
    let network = network();
    let address = Address::parse(&format!("https://127.0.0.1:{}/in", server.port)).unwrap();
    post(&Client::new(&address, &Settings { trust, ..settings(&network) }).unwrap(), b"x").await
}

fn by(ca_file: &Path) -> Trust<'_> {
    Trust { ca_file: Some(ca_file), ..Trust::default() }
}

/// Nothing leaves for a server of whom one thing is wrong.
#[tokio::test]
async fn a_certificate_that_is_not_good_is_the_end() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (file, others) = (authority.file(), other.file());
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let own = Made { chain: vec![own.cert.der().clone()], key: own.signing_key };
    let good = authority.makes("127.0.0.1", 90);
    assert_eq!(ask(&server(&good, None).await, by(&file)).await.unwrap().status, 200);
    let (right, wrong) = ([pin(&good.key)], [pin(&own.key)]);
    let of_the_authority = [pin(authority.ca.key())];
    let stale = authority.makes("127.0.0.1", -1);
    let right_of_stale = [pin(&stale.key)];
    let cases = [
        ("expired", &stale, by(&file)),
        ("not for this name", &authority.makes("cms.paper.example", 90), by(&file)),
        ("of another authority", &good, by(&others)),
        ("of the system's authorities", &good, Trust::default()),
        ("of its own", &own, by(&file)),
        ("with another key", &good, Trust { pin: &wrong, ..by(&file) }),
        ("with its authority's key", &good, Trust { pin: &of_the_authority, ..by(&file) }),
        ("expired, with the right key", &stale, Trust { pin: &right_of_stale, ..by(&file) }),
        ("of another authority, with the right key", &good, Trust { pin: &right, ..by(&others) }),
    ];
    let mut told = Vec::new();
    for (case, made, trust) in cases {
        let server = server(made, None).await;
        match ask(&server, trust).await {
            Err(Failed::NotConnected(why)) => told.push(format!("{case}: {}", without_numbers(&why, &wrong, &right))),
            other => panic!("{case}: {other:?}"),
        }
        assert!(server.got().is_empty(), "{case}");
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    expired: no TLS with 127.0.0.1: its certificate ended at THEN; the partner has to renew it
    not for this name: no TLS with 127.0.0.1: its certificate is for cms.paper.example, and not for 127.0.0.1; check the host's name with the partner, who has to have a certificate for it
    of another authority: no TLS with 127.0.0.1: its certificate is of no authority that is trusted here; if it has one of its own, give the destination its ca_file
    of the system's authorities: no TLS with 127.0.0.1: its certificate is of no authority that is trusted here; if it has one of its own, give the destination its ca_file
    of its own: no TLS with 127.0.0.1: its certificate is of no authority that is trusted here; if it has one of its own, give the destination its ca_file
    with another key: no TLS with 127.0.0.1: its public key is RIGHT, which is not in pin; ask the partner, and add it if the key is theirs
    with its authority's key: no TLS with 127.0.0.1: its public key is RIGHT, which is not in pin; ask the partner, and add it if the key is theirs
    expired, with the right key: no TLS with 127.0.0.1: its certificate ended at THEN; the partner has to renew it
    of another authority, with the right key: no TLS with 127.0.0.1: its certificate is of no authority that is trusted here; if it has one of its own, give the destination its ca_file
    "#);
}

/// Without instants and keys, which are new at every run.
fn without_numbers(why: &str, wrong: &[Pin], right: &[Pin]) -> String {
    let why = wrong.iter().fold(why.to_owned(), |why, pin| why.replace(&pin.to_string(), "WRONG"));
    let why = right.iter().fold(why, |why, pin| why.replace(&pin.to_string(), "RIGHT"));
    let words = why.split(' ').map(|word| match word.trim_matches(';').parse::<Timestamp>() {
        Ok(_) => "THEN;",
        Err(_) => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_right_key_is_one_of_those_that_are_pinned() {
    let authority = Authority::new();
    let (good, next) = (authority.makes("127.0.0.1", 90), authority.makes("127.0.0.1", 90));
    let (file, pins) = (authority.file(), [pin(&next.key), pin(&good.key)]);
    for made in [&good, &next] {
        let server = server(made, None).await;
        assert_eq!(ask(&server, Trust { pin: &pins, ..by(&file) }).await.unwrap().status, 200);
    }
}

/// Mutual TLS: the server knows us by our certificate, and takes nothing without it.
/// A door's own certificate and pins are for its own host, whatever that leads to.
#[tokio::test]
async fn another_host_is_shown_nothing_and_held_to_no_pin() {
    let (authority, partners) = (Authority::new(), Authority::new());
    let (file, known) = (authority.file(), partners.client_certificate(90));
    let (made, network) = (authority.makes("127.0.0.1", 90), network());
    let nobodys = [pin(&KeyPair::generate().unwrap())];
    let trust = Trust { client_certificate: Some(&known), pin: &nobodys, ..by(&file) };
    let elsewhere = Settings { trust, ..settings(&network) }.elsewhere().trust;
    let answered = ask(&server(&made, None).await, elsewhere).await;
    assert!(answered.is_ok(), "the pin is of another host's key: {answered:?}");
    assert!(ask(&server(&made, None).await, trust).await.is_err(), "which holds at that one");
    let refused = ask(&server(&made, Some(&partners)).await, elsewhere).await;
    assert!(refused.is_err(), "one that asks who we are is not told: {refused:?}");
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told() {
    let (authority, partners) = (Authority::new(), Authority::new());
    let server = server(&authority.makes("127.0.0.1", 90), Some(&partners)).await;
    let file = authority.file();
    let known = partners.client_certificate(90);
    let answer = ask(&server, Trust { client_certificate: Some(&known), ..by(&file) }).await;
    assert_eq!(answer.unwrap().status, 200);
    let elsewhere = Authority::new();
    let stranger = elsewhere.client_certificate(90);
    for client_certificate in [None, Some(&stranger)] {
        let refused = ask(&server, Trust { client_certificate, ..by(&file) }).await;
        let Err(Failed::NotConnected(why)) = refused else { panic!("nothing of it was looked at: {refused:?}") };
        assert!(why.contains("check client_certificate of the destination"), "{why}");
    }
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_certificate_and_another_ones_key_are_refused() {
    let (a, b) = (Authority::new(), Authority::new());
    let (mine, other) = (a.client_certificate(90), b.client_certificate(90));
    let mixed = ClientCertificate { file: mine.file, key: other.key };
    let trust = Trust { client_certificate: Some(&mixed), ..Trust::default() };
    let why = tls::config(trust, true).unwrap_err().to_string();
    assert!(why.starts_with("certificate and key do not go together"), "{why}");
}

/// Ten thousand destinations without settings of their own have one configuration of TLS.
#[test]
fn destinations_that_say_nothing_share_one_configuration() {
    let plain = |http2| tls::config(Trust::default(), http2).unwrap();
    assert!(Arc::ptr_eq(&plain(true), &plain(true)) && Arc::ptr_eq(&plain(false), &plain(false)));
    let pins = [Pin::new([0; 32])];
    assert!(!Arc::ptr_eq(&plain(true), &tls::config(Trust { pin: &pins, ..Trust::default() }, true).unwrap()));
}

/// A server that knows nothing newer than TLS 1.1 (RFC 4346 §7.4.1.3), and one that wants a cipher of old.
#[tokio::test]
async fn what_is_too_old_is_not_agreed_on() {
    for (version, cipher) in [([3, 2], [0xc0, 0x13]), ([3, 1], [0xc0, 0x13]), ([3, 0], [0, 5]), ([3, 3], [0, 5])] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let old = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut hello).await.unwrap();
            let answer = [&[2, 0, 0, 38][..], &version, &[7; 32], &[0], &cipher, &[0]].concat();
            let record = [&[22][..], &version, &[0, 42], &answer].concat();
            stream.write_all(&record).await.unwrap();
            // Until the other side has had enough.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        };
        let identity = Identity::new();
        let network = network();
        let client = client(port, Some(&identity), settings(&network));
        let (sent, ()) = futures_util::join!(post(&client, b"x"), old);
        let Err(Failed::NotConnected(why)) = sent else { panic!("{version:?} is agreed on") };
        assert!(why.starts_with("no TLS with 127.0.0.1: "), "{why}");
    }
}

/// Both ends are in the metrics from the first handshake on.
#[tokio::test]
async fn the_ends_of_certificates_are_metrics() {
    let (authority, partners) = (Authority::new(), Authority::new());
    let server = server(&authority.makes("127.0.0.1", 90), Some(&partners)).await;
    let (file, shown) = (authority.file(), partners.client_certificate(10));
    let metrics = Arc::new(Metrics::new());
    let expiry = Arc::new(Expiry::new("ledger-herald/main", &metrics));
    let trust = Trust { client_certificate: Some(&shown), ..by(&file) };
    let network = network();
    let address = Address::parse(&format!("https://127.0.0.1:{}/in", server.port)).unwrap();
    let client = Client::new(&address, &Settings { trust, expiry: Some(&expiry), ..settings(&network) }).unwrap();
    let days = |certificate: &str| {
        let name = "newswired_certificate_expiry_timestamp_seconds";
        let start = format!("{name}{{destination=\"ledger-herald/main\",certificate=\"{certificate}\"}} ");
        let text = metrics.text();
        let ends: Option<i64> = text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok());
        ends.map(|ends| (ends - Timestamp::now().as_second() + 43_200) / 86_400)
    };
    assert_eq!((days("server"), days("client")), (None, Some(10)));
    post(&client, b"x").await.unwrap();
    assert_eq!((days("server"), days("client")), (Some(90), Some(10)));
}

/// A renewed certificate of ours, and another authority of the partner's, need no restart.
#[tokio::test(start_paused = true)]
async fn what_a_door_shows_and_trusts_is_read_again_when_it_was_renewed() {
    let (a, b) = (Authority::new(), Authority::new());
    let mine = a.client_certificate(90);
    let (trusted, other) = (a.file(), b.file());
    let trust = Trust { client_certificate: Some(&mine), ca_file: Some(&trusted), ..Trust::default() };
    let agreement = tls::Agreement::of(trust, true).unwrap();
    let shows = |config: &rustls::ClientConfig| {
        let schemes = [rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
        config.client_auth_cert_resolver.resolve(&[], &schemes).expect("there is a certificate").cert[0].clone()
    };
    let first = shows(&*agreement.config().await);
    // Each file by itself, whole, under another name, then moved: until both are there, the old ones stay in use.
    let renewed = b.client_certificate(90);
    let key = |certificate: &ClientCertificate| certificate.file.with_extension("key");
    std::fs::rename(&renewed.file, &mine.file).unwrap();
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(shows(&*agreement.config().await), first, "a certificate without its key is of no use");
    std::fs::rename(key(&renewed), key(&mine)).unwrap();
    std::fs::rename(&other, &trusted).unwrap();
    tokio::time::advance(Duration::from_secs(6)).await;
    let config = agreement.config().await;
    assert_ne!(shows(&config), first);
    // A server of the new authority's is trusted now, and one of the old is not.
    for (authority, is_trusted) in [(&b, true), (&a, false)] {
        let made = authority.makes("paper.example", 30);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                made.chain.clone(),
                rustls::pki_types::PrivateKeyDer::try_from(made.key.serialize_der()).unwrap(),
            )
            .unwrap();
        let (ours, theirs) = tokio::io::duplex(16 << 10);
        let accepting = tokio_rustls::TlsAcceptor::from(Arc::new(server)).accept(theirs);
        let name = rustls::pki_types::ServerName::try_from("paper.example").unwrap();
        let connecting = tokio_rustls::TlsConnector::from(Arc::clone(&config)).connect(name, ours);
        let (agreed, _) = tokio::join!(connecting, accepting);
        assert_eq!(agreed.is_ok(), is_trusted);
    }
}
