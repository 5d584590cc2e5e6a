//! Files of media before their story, at a receiver that has the rules of Newsroom.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::*;
use crate::config::{MediaReference, MediaWay, MissingMedia};
use crate::transport::Enclosure;

const KEY: &str = "newsroom's push key";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0";

/// What Newsroom's `push.py` does with a request, and what a partner sees of it.
#[derive(Default)]
struct Newsroom {
    assets: BTreeSet<String>,
    items: Vec<Value>,
    /// Statuses of requests to come, for those that are not answered by the rules.
    fates: Vec<&'static str>,
    log: Vec<String>,
}

impl Newsroom {
    fn answer(&mut self, request: &[u8]) -> String {
        let at = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        let (head, body) = (String::from_utf8_lossy(&request[..at + 4]).into_owned(), &request[at + 4..]);
        let line = line(&head);
        self.log.push(line.trim_end_matches(" HTTP/1.1").to_owned());
        if let Some(fate) = self.fates.pop() {
            return answer(fate, "", "");
        }
        if let Some(id) = line.strip_prefix("GET /push_binary/") {
            let id = id.trim_end_matches(" HTTP/1.1");
            return answer(if self.assets.contains(id) { "200 OK" } else { "404 Not Found" }, "", "{}");
        }
        let mut mac = Hmac::<Sha1>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        if header(&head, "x-superdesk-signature") != Some(&format!("sha1={hex}")) {
            return answer("403 Forbidden", "", "");
        }
        if line.starts_with("POST /push_binary ") {
            let content_type = header(&head, "content-type").unwrap();
            let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
            let text = String::from_utf8_lossy(body);
            let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
            assert_eq!((parts.len(), parts[0], parts[3]), (4, "", "--\r\n"), "two parts and an end");
            let id = parts[1].strip_prefix("\r\nContent-Disposition: form-data; name=\"media_id\"\r\n\r\n").unwrap();
            let id = id.trim_end();
            let media = format!(
                "\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{id}\"\r\nContent-Type: image/png\r\n\r\n"
            );
            assert!(parts[2].starts_with(&media), "{:?}", parts[2]);
            assert!(body.windows(PNG.len()).any(|part| part == PNG), "the file is as it was");
            self.assets.insert(id.to_owned());
            return answer("201 CREATED", "", "{}");
        }
        let item: Value = serde_json::from_slice(body).unwrap();
        for association in item["associations"].as_object().into_iter().flat_map(|all| all.values()) {
            for file in association["renditions"].as_object().unwrap().values() {
                // It makes thumbnails of them.
                if file["media"].as_str().is_some_and(|id| !self.assets.contains(id)) {
                    return answer("500 Internal Server Error", "", "");
                }
            }
        }
        self.items.push(item);
        answer("200 OK", "", "{}")
    }
}

struct Scene {
    newsroom: Arc<Mutex<Newsroom>>,
    door: HttpDoor,
    parcel: Parcel,
    _dir: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (listener, port) = listener().await;
        let newsroom: Arc<Mutex<Newsroom>> = Arc::default();
        let there = Arc::clone(&newsroom);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                while let Some(request) = whole(&mut stream).await {
                    let answer = there.lock().unwrap().answer(&request);
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), KEY).unwrap();
        let door = door_with(
            port,
            json!({
                "url": format!("http://127.0.0.1:{port}/push"),
                "media": { "assets_url": format!("http://127.0.0.1:{port}/push_binary") },
                "body_signature": { "preset": "superdesk", "secret": format!("file:{}", dir.path().join("key").display()) },
            }),
        );
        let parcel = story(dir.path());
        Self { newsroom, door, parcel, _dir: dir }
    }

    async fn send(&self) -> Outcome {
        self.door.send(&self.parcel).await
    }

    fn log(&self) -> String {
        self.newsroom.lock().unwrap().log.drain(..).map(|line| line + "\n").collect()
    }
}

/// A story with a picture, whose file is kept in `dir`.
fn story(dir: &std::path::Path) -> Parcel {
    let article = crate::attribution::sample::article();
    let policies = crate::attribution::sample::own(crate::attribution::sample::wire());
    let media = MediaWay::Enclosed { refer: MediaReference::Id, largest_width: None, missing: MissingMedia::Without };
    let made = rendition(&article, &policies, &Edition { media, ..Edition::plain(Format::SuperdeskNinjs) }).unwrap();
    let files = made.media.iter().map(|file| Enclosure::in_test(&dir.join("media"), &file.name, PNG));
    Parcel {
        media: files.collect(),
        document: made.document.into(),
        story: article.guid,
        version: article.version,
        action: article.action,
        ..parcel()
    }
}

/// The bytes of one request.
async fn whole(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut seen = Vec::new();
    loop {
        if let Some(at) = seen.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..at]).into_owned() + "\r\n\r\n";
            let length: usize = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
            if seen.len() >= at + 4 + length {
                return Some(seen);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => seen.extend_from_slice(&piece[..read]),
        }
    }
}

#[tokio::test]
async fn a_file_goes_before_the_story_that_names_it_and_once() {
    let scene = Scene::new().await;
    assert_eq!(scene.send().await.class, Class::Delivered);
    let id = scene.parcel.media[0].name.clone();
    assert_eq!(scene.log(), format!("GET /push_binary/{id}\nPOST /push_binary\nPOST /push\n"));
    let item = scene.newsroom.lock().unwrap().items[0].clone();
    let files = &item["associations"]["featuremedia"]["renditions"];
    for name in ["original", "viewImage", "baseImage"] {
        assert_eq!(files[name]["media"], id, "{files}");
    }
    assert_eq!(scene.send().await.class, Class::Delivered);
    assert_eq!(scene.log(), format!("GET /push_binary/{id}\nPOST /push\n"), "it is there already");
    assert_eq!(scene.newsroom.lock().unwrap().items[1], item);
}

#[tokio::test]
async fn nothing_of_a_story_has_arrived_before_its_own_request() {
    let door = Class::Deferred { retry_after: None, maybe_document: false };
    for (fates, want) in [
        (vec!["500 Oops"], door),
        (vec!["400 Bad"], door),
        (vec!["410 Gone"], door),
        (vec!["500 Oops", "404 Not Found"], door),
        (vec!["404 Not Found", "404 Not Found"], door),
        (vec!["410 Gone", "404 Not Found"], door),
        (vec!["403 Forbidden", "404 Not Found"], door),
        (vec!["413 Too Large", "404 Not Found"], Class::Refused),
    ] {
        let scene = Scene::new().await;
        scene.newsroom.lock().unwrap().fates = fates.clone();
        let outcome = scene.send().await;
        assert_eq!(outcome.class, want, "{fates:?}: {outcome:?}");
        assert!(outcome.detail.starts_with("file "), "{}", outcome.detail);
        assert!(!scene.log().contains("POST /push\n"), "{fates:?}");
    }
}

#[tokio::test]
async fn a_kill_asks_for_no_file() {
    let scene = Scene::new().await;
    let outcome = scene.door.send(&parcel()).await;
    assert_eq!((outcome.class, scene.log()), (Class::Delivered, "POST /push\n".to_owned()));
}
