//! The store against servers of every kind, friendly and not.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::kind::samples::{gif, png, png_saying};
use super::*;
use crate::config::{AddressBlock, Delivery, Size, Span};

/// A server that writes to each connection what a function of the path says, and counts its requests.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

/// What a server writes.
enum Says {
    Once(Vec<u8>),
    /// The first, and then the second for as long as anybody reads.
    ForEver(Vec<u8>, Vec<u8>),
    /// The first, and then nothing, with the connection open.
    Hangs(Vec<u8>),
}

impl Server {
    async fn new(says: impl Fn(&str) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<AtomicUsize> = Arc::default();
        let (count, says) = (Arc::clone(&asked), Arc::new(says));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (count, says) = (Arc::clone(&count), Arc::clone(&says));
                tokio::spawn(async move { serve(stream, &count, &*says).await });
            }
        });
        Self { port, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, count: &AtomicUsize, says: &(impl Fn(&str) -> Says + Send + Sync)) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if !matches!(stream.read(&mut byte).await, Ok(1)) {
            return;
        }
        seen.push(byte[0]);
    }
    count.fetch_add(1, Ordering::SeqCst);
    let request = String::from_utf8(seen).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    // The other side may go before it has heard all.
    match says(path) {
        Says::Once(bytes) => drop(stream.write_all(&bytes).await),
        Says::ForEver(first, then) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&then).await.is_ok() {}
        }
        Says::Hangs(first) => {
            let _ = stream.write_all(&first).await;
            let _ = stream.read(&mut [0]).await;
        }
    }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// As careless servers do, it calls everything the same.
fn ok(body: &[u8]) -> Says {
    Says::Once(answer("200 OK\r\ncontent-type: image/jpeg", body))
}

fn status(head: &str) -> Says {
    Says::Once(answer(head, b""))
}

fn here() -> Vec<AddressBlock> {
    vec!["127.0.0.0/8".parse().unwrap()]
}

fn how() -> MediaStore {
    MediaStore {
        largest: Size::from_kib(64),
        timeout: Span::from_secs(5),
        patience: Span::from_secs(10),
        allow_addresses: here(),
        ..MediaStore::default()
    }
}

struct Scene {
    dir: tempfile::TempDir,
    metrics: Arc<Metrics>,
    media: Arc<Media>,
}

impl Scene {
    fn new(how: &MediaStore) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), how)
    }

    fn in_dir(dir: tempfile::TempDir, how: &MediaStore) -> Self {
        let network = Arc::new(Network::of_one(&Delivery::default()).unwrap());
        let metrics = Arc::new(Metrics::new());
        let media = Media::open(dir.path(), how, &network, &metrics).unwrap();
        Self { dir, metrics, media }
    }

    async fn want(&self, url: &str) -> Have {
        self.want_for(url, 1).await
    }

    async fn want_for(&self, url: &str, version: u64) -> Have {
        let (story, version) = ("urn:test:a".parse().unwrap(), Version::try_from(version).unwrap());
        self.media.want(url, "name", &story, version).await
    }

    async fn restarted(self, how: &MediaStore) -> Self {
        self.media.close().await;
        Self::in_dir(self.dir, how)
    }
}

fn gone(have: Have) -> String {
    match have {
        Have::Gone(why) => why,
        other => panic!("{other:?}"),
    }
}

fn not_now(have: Have) -> String {
    match have {
        Have::NotNow(why) => why,
        other => panic!("{other:?}"),
    }
}

async fn bytes(have: Have) -> Bytes {
    match have {
        Have::Here(enclosure) => enclosure.load().await.unwrap().0.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_is_fetched_once_for_all_who_want_it_and_found_after_a_restart() {
    let server = Server::new(|_| ok(&png())).await;
    let scene = Scene::new(&how());
    let url = server.url("/a.jpg");
    let all = futures_util::future::join_all((0..50).map(|_| scene.want(&url))).await;
    assert_eq!(all.len(), 50);
    for have in all {
        assert_eq!(bytes(have).await, png());
    }
    assert_eq!(server.asked(), 1);
    assert_eq!(scene.metrics.media_fetched.get(), 1);
    assert_eq!(scene.metrics.media_fetched_bytes.get(), png().len() as u64);
    let scene = scene.restarted(&how()).await;
    assert_eq!(bytes(scene.want(&url).await).await, png());
    assert_eq!(server.asked(), 1, "the shelf has it");
    assert_eq!(bytes(scene.want_for(&url, 2).await).await, png());
    assert_eq!(server.asked(), 2, "another version may have another picture under the same address");
    scene.media.close().await;
}

#[tokio::test]
async fn what_is_gone_stays_gone() {
    let server = Server::new(|path| match path {
        "/404" => status("404 Not Found"),
        "/410" => status("410 Gone"),
        "/large" => ok(&png_saying(&[b'x'; 70_000])),
        "/page" => ok(b"<!DOCTYPE html><script>1</script>"),
        "/svg" => ok(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        "/dressed" => ok(b"GIF89a<html><script>1</script>"),
        "/round" => Says::Once(b"HTTP/1.1 302 Found\r\nlocation: /round\r\ncontent-length: 0\r\n\r\n".to_vec()),
        "/metadata" => Says::Once(
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        ),
        "/file" => {
            Says::Once(b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n".to_vec())
        }
        "/endless" => Says::ForEver(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            [b"1000\r\n".to_vec(), vec![b'x'; 0x1000], b"\r\n".to_vec()].concat(),
        ),
        // It says that there is less than there is: what is left of the picture is none.
        "/short" => {
            let half = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", png().len() / 2);
            Says::Once([half.as_bytes(), &png()].concat())
        }
        other => panic!("{other}"),
    })
    .await;
    let scene = Scene::new(&how());
    let mut told = String::new();
    let paths =
        ["/404", "/410", "/large", "/page", "/svg", "/dressed", "/round", "/metadata", "/file", "/endless", "/short"];
    for path in paths {
        let why = gone(scene.want(&server.url(path)).await);
        told.push_str(&format!("{path}: {why}\n"));
    }
    insta::assert_snapshot!(told, @r"
    /404: its server answers 404 Not Found
    /410: its server answers 410 Gone
    /large: it is larger than 64KiB
    /page: its bytes are no whole picture, or of no type that is taken
    /svg: its bytes are no whole picture, or of no type that is taken
    /dressed: its bytes are no whole picture, or of no type that is taken
    /round: it leads on for more than 5 times
    /metadata: it is not asked for: 169.254.169.254 is a link-local address (RFC 3927)
    /file: files are fetched by https and http, not by file
    /endless: it is larger than 64KiB
    /short: its bytes are no whole picture, or of no type that is taken
    ");
    let asked = server.asked();
    let scene = scene.restarted(&how()).await;
    for path in paths {
        gone(scene.want(&server.url(path)).await);
    }
    assert_eq!(server.asked(), asked, "nobody asks again");
    scene.media.close().await;
}

#[tokio::test]
async fn an_address_that_is_not_of_the_internet_is_not_asked() {
    let server = Server::new(|_| ok(&png())).await;
    let scene = Scene::new(&MediaStore { allow_addresses: Vec::new(), ..how() });
    let why = gone(scene.want(&server.url("/a.jpg")).await);
    assert!(why.contains("127.0.0.1 is"), "{why}");
    // A name may lead elsewhere tomorrow.
    let why = not_now(scene.want(&format!("http://localhost:{}/a.jpg", server.port)).await);
    assert!(why.contains("no connection to localhost"), "{why}");
    gone(scene.want("ftp://media.example/a.jpg").await);
    assert_eq!(server.asked(), 0);
    scene.media.close().await;
}

#[tokio::test]
async fn trouble_passes() {
    let broken = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&broken);
    let server = Server::new(move |path| match path {
        "/503" if times.fetch_add(1, Ordering::SeqCst) == 0 => status("503 Service Unavailable"),
        "/503" => ok(&png()),
        // It says that there is more than there is.
        "/long" => Says::Once([b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n".to_vec(), png()].concat()),
        other => panic!("{other}"),
    })
    .await;
    let scene = Scene::new(&how());
    let why = not_now(scene.want(&server.url("/503")).await);
    assert_eq!(why, "its server answers 503 Service Unavailable");
    assert_eq!(not_now(scene.want(&server.url("/503")).await), why, "it is left in peace for a while");
    assert_eq!(server.asked(), 1);
    let now = Instant::now();
    locked(&scene.media.troubles).values_mut().for_each(|trouble| trouble.next = now);
    assert_eq!(bytes(scene.want(&server.url("/503")).await).await, png());
    assert!(locked(&scene.media.troubles).is_empty(), "what is well is forgotten");
    not_now(scene.want(&server.url("/long")).await);
    scene.media.close().await;
}

#[tokio::test]
async fn a_story_does_not_wait_for_ever() {
    let server = Server::new(|_| status("503 Service Unavailable")).await;
    let scene = Scene::new(&MediaStore { give_up_after: Span::from_secs(600), ..how() });
    let url = server.url("/a.jpg");
    not_now(scene.want(&url).await);
    let long_ago = Instant::now() - Duration::from_secs(601);
    locked(&scene.media.troubles).values_mut().for_each(|trouble| {
        (trouble.since, trouble.next) = (long_ago, long_ago);
    });
    let why = gone(scene.want(&url).await);
    assert_eq!(why, "it could not be fetched for 10m: its server answers 503 Service Unavailable");
    scene.media.close().await;
}

#[tokio::test]
async fn a_slow_server_holds_up_nobody_else() {
    let slow = Server::new(|_| Says::Hangs(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\x89".to_vec())).await;
    let server = Server::new(|_| ok(&gif())).await;
    let scene = Scene::new(&MediaStore { patience: Span::from_millis(300), at_once: 2, ..how() });
    let urls: Vec<String> = (0..8).map(|number| slow.url(&format!("/{number}.jpg"))).collect();
    for have in futures_util::future::join_all(urls.iter().map(|url| scene.want(url))).await {
        assert!(not_now(have).contains("it did not come within 300ms"));
    }
    assert_eq!(slow.asked(), 1, "half of the turns are for one host");
    // The other is at the same address; only its name tells them apart.
    let quick = format!("http://127.0.0.2:{}/a.gif", server.port);
    let listener = TcpListener::bind(("127.0.0.2", server.port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &AtomicUsize::new(0), &|_: &str| ok(&gif())).await;
        }
    });
    assert_eq!(bytes(scene.want(&quick).await).await, gif());
    scene.media.close().await;
}

#[tokio::test]
async fn a_slow_server_has_its_time() {
    let slow = Server::new(|_| Says::Hangs(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\x89".to_vec())).await;
    let scene = Scene::new(&MediaStore { timeout: Span::from_millis(300), ..how() });
    let why = not_now(scene.want(&slow.url("/a.jpg")).await);
    assert!(why.contains("300ms"), "{why}");
    scene.media.close().await;
}

#[tokio::test]
async fn what_is_beyond_the_budget_goes() {
    let server = Server::new(|path| ok(&png_saying(&[path.as_bytes(), &[b'x'; 2_000]].concat()))).await;
    let budget = "5KiB".parse().unwrap();
    let scene = Scene::new(&MediaStore { budget, largest: Size::from_kib(4), ..how() });
    for number in 0..6 {
        let have = scene.want(&server.url(&format!("/{number}.png"))).await;
        assert!(matches!(have, Have::Here(_)), "{have:?}");
    }
    // Closing waits for what is under way.
    let scene = scene.restarted(&MediaStore { budget, ..how() }).await;
    scene.media.close().await;
    let held = scene.metrics.media_held_bytes.get();
    assert!((1..=5 << 10).contains(&held), "{held}");
    let mut there = 0;
    for number in 0..6 {
        let key = Key::of(&server.url(&format!("/{number}.png")), "urn:test:a", 1);
        there += usize::from(scene.media.found(&key).await.unwrap().is_some());
    }
    assert_eq!(there, 2, "of about 2 kB each");
}
