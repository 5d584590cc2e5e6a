//! Attacks through the whole program, to doors whose bytes are looked at as they come: a request keeps its shape, and a
//! file stays in its folder. What documents have in them is looked at in `src/hostile`.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::files::standing;
use support::{Scene, project, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The attacks of a kind, `\u{a}` in them as the character of that number.
fn attacks(kind: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project("tests/attacks").join(kind)).expect("the attacks are there");
    let unescaped = |line: &str| {
        let mut parts = line.split("\\u{");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let (number, rest) = part.split_once('}').expect("a character ends");
            let number = u32::from_str_radix(number, 16).expect("a character is a number");
            format!("{text}{}{rest}", char::from_u32(number).expect("it is a character"))
        })
    };
    text.lines().filter(|line| !line.starts_with("# ")).map(unescaped).collect()
}

/// A server that keeps the head of each request as it came, and says that all is well.
async fn keeping() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let (mut seen, mut piece) = (Vec::new(), [0; 16 << 10]);
                // One request a connection: what comes after it would be a second one.
                loop {
                    let text = String::from_utf8_lossy(&seen).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = |line: &str| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok();
                        let length: usize = head.lines().find_map(length).expect("a push says its length");
                        if body.len() >= length {
                            assert_eq!(body.len(), length, "more came than was said");
                            kept.lock().expect("nobody panics with it").push(head.to_owned());
                            break;
                        }
                    }
                    match stream.read(&mut piece).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => seen.extend_from_slice(&piece[..read]),
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            });
        }
    });
    (port, heads)
}

/// The names of the header lines, in order. What is no header line stands whole.
fn names(head: &str) -> Vec<String> {
    let lines = head.split(['\n', '\r', '\u{85}', '\u{2028}']).skip(1).filter(|line| !line.is_empty());
    lines.map(|line| line.split_once(": ").map_or(line, |(name, _)| name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_article_splits_a_request_or_leaves_its_folder() {
    let (port, heads) = keeping().await;
    let mut scene = Scene::new(&[], "", "");
    let place = scene.dir.path().join("outside/partner");
    std::fs::create_dir_all(&place).expect("a folder can be made");
    std::fs::write(scene.dir.path().join("outside/theirs"), "as it was").expect("a file can be written");
    let partner = format!(
        "name = \"Record\"\n[destinations.push]\nformat = \"json\"\nconcurrency = 1\n[destinations.push.http]\n\
         url = \"http://127.0.0.1:{port}/in/{{{{ guid }}}}?v={{{{ version }}}}&g={{{{ guid }}}}\"\n\
         [destinations.files]\nformat = \"text\"\n[destinations.files.directory]\npath = \"{place}\"\n\
         [destinations.files.directory.file]\nmake_folders = true\n\
         name = \"{{{{ wire }}}}/{{{{ headline }}}}..{{{{ slug }}}}{{{{ section }}}}{{{{ id }}}}\"\n",
        place = place.display()
    );
    std::fs::write(scene.dir.path().join("partners.d/record.toml"), partner).expect("a file can be written");
    scene.start().await;

    let mut accepted = 0;
    for (number, attack) in attacks("names.txt").iter().chain(&attacks("text.txt")).enumerate() {
        // As the story's name, where it can be one, and as everything that a name of a file is made of.
        for guid in [format!("urn:test:{number}:{attack}"), format!("urn:test:{number}")] {
            let article = serde_json::json!({
                "newswired": 1, "guid": guid, "version": 1, "action": "publish", "headline": format!("x{attack}"),
                "slugline": attack, "sections": [attack], "body_text": format!("x{attack}"), "authors": [{ "name": "Ada" }],
            });
            let (status, answer) = scene.post("application/json", article.to_string().as_bytes()).await;
            assert!([200, 202, 400, 422].contains(&status), "{attack:?}: {status} {answer}");
            accepted += usize::from(status == 202);
        }
    }
    assert!(accepted > 150, "only {accepted} are articles");
    let written = || standing(&place);
    until(Duration::from_secs(60), "every story is sent and written", async || {
        heads.lock().expect("nobody panics with it").len() == accepted && written().len() == accepted
    })
    .await;

    let heads = heads.lock().expect("nobody panics with it").clone();
    for head in &heads {
        assert_eq!(names(head), names(&heads[0]), "a request has another shape:\n{head}");
        let line = head.lines().next().unwrap_or_default();
        let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        assert_eq!((method, version), ("POST", "HTTP/1.1"), "{line:?}");
        let (path, query) = target.split_once('?').expect("it has a query");
        assert!(path.starts_with("/in/urn%3Atest%3A") && path.matches('/').count() == 2, "{path:?}");
        assert_eq!((query.matches('&').count(), query.matches('=').count()), (1, 2), "{query:?}");
        assert!(head.is_ascii(), "{head:?}");
    }
    let outside = standing(&scene.dir.path().join("outside"));
    let strays: Vec<_> = outside.keys().filter(|name| !name.starts_with("partner/dcnf/")).collect();
    assert_eq!(strays, ["theirs"], "something stands elsewhere");
    assert_eq!(outside["theirs"], "as it was");
    for name in written().keys() {
        let real = place.join(name).canonicalize().expect("it is there");
        assert_eq!(real.parent(), Some(&*place.join("dcnf").canonicalize().expect("it is there")), "{name:?}");
    }
    assert!(!scene.log().contains("panicked"), "something panicked");
    assert_eq!(scene.terminate().await, Some(0));
}
