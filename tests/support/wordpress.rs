//! A real WordPress of Debian's packages, with a database of its own, on a free port, in a directory of its own.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::{free_port, get, until};

/// A site that runs until the last test lets go of it.
pub struct Site {
    dir: tempfile::TempDir,
    pub port: u16,
    database: Child,
    server: Child,
    /// The application passwords of the users `admin`, `author` and `editor`.
    passwords: Value,
}

/// What is installed into the site besides WordPress.
const PLUGIN: &str = r#"<?php
// A filter such as sites have, for stories that ask for it: it takes pictures out of what is saved.
add_filter('content_save_pre', function ($content) {
    return str_contains($content, 'without pictures here') ? preg_replace('/<img[^>]*>/', '', $content) : $content;
});
"#;

/// A page that opens another in a frame and tells what a reader sees of it.
const PROBE: &str = r#"<!DOCTYPE html><meta charset="utf-8"><pre id="seen"></pre><script>
const frame = document.createElement('iframe');
frame.width = 1200; frame.height = 2000;
frame.onload = () => {
    const page = frame.contentDocument;
    const images = [...page.querySelectorAll('img')].map(image => {
        const box = image.getBoundingClientRect();
        return { src: image.src, alt: image.alt, natural: [image.naturalWidth, image.naturalHeight], shown: [box.width, box.height] };
    });
    const seen = { title: page.title, text: page.body.innerText, images };
    document.getElementById('seen').textContent = btoa(unescape(encodeURIComponent(JSON.stringify(seen))));
    frame.remove();
};
frame.src = new URLSearchParams(location.search).get('page');
document.body.append(frame);
</script>"#;

/// A picture of 240 by 60 pixels.
const LOGO: &str = "iVBORw0KGgoAAAANSUhEUgAAAPAAAAA8CAMAAABvocdvAAAABlBMVEUUPHj/yCh/dOXnAAAAUElEQVR42u3PsQkAAAjAMP3/aR9wExQknbskQpIkaats+vwBAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwOPwJIk6awC57gUKa4FDRsAAAAASUVORK5CYII=";

const INSTALL: &str = r#"<?php
$db = new mysqli('localhost', 'root', '', null, 0, $argv[1]);
$db->query('CREATE DATABASE wordpress CHARACTER SET utf8mb4');
define('WP_INSTALLING', true);
function wp_new_blog_notification() {}
require __DIR__ . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('The Valley Record', 'admin', 'admin@valley-record.example', true, '', wp_generate_password());
if ($argv[2] === 'rewritten') {
    update_option('permalink_structure', '/%postname%/');
    flush_rewrite_rules();
}
$passwords = [];
foreach (['admin' => 'administrator', 'author' => 'author', 'editor' => 'editor'] as $name => $role) {
    $user = get_user_by('login', $name);
    $id = $user ? $user->ID : wp_insert_user(['user_login' => $name, 'user_pass' => wp_generate_password(), 'role' => $role]);
    $passwords[$name] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'newswired'])[0];
}
echo json_encode($passwords);
"#;

impl Site {
    /// The site that all tests of one program share.
    pub async fn shared() -> Arc<Self> {
        static SITE: tokio::sync::Mutex<Weak<Site>> = tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = SITE.lock().await;
        if let Some(site) = shared.upgrade() {
            return site;
        }
        let site = Arc::new(Self::start("rewritten").await);
        *shared = Arc::downgrade(&site);
        site
    }

    /// One whose addresses are `rewritten`, or `plain` as they are after an installation.
    pub async fn start(addresses: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let place = dir.path();
        let port = free_port();
        // The database runs as another user, which has to find its way into it.
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755)).expect("the directory can be opened");
        let mut database = start_database(place);
        let socket = place.join("db/socket");
        let root = place.join("site");
        let from = Path::new("/usr/share/wordpress");
        assert!(from.exists(), "WordPress is not installed; tests/run installs it, or: apt-get install wordpress");
        ran(Command::new("cp").arg("-a").arg(from).arg(&root));
        let config = format!(
            "<?php\ndefine('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');\n\
             define('DB_HOST', 'localhost:{}'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');\n\
             define('WP_HOME', 'http://127.0.0.1:{port}'); define('WP_SITEURL', WP_HOME);\n\
             define('WP_ENVIRONMENT_TYPE', 'local'); define('WP_HTTP_BLOCK_EXTERNAL', true);\n\
             define('DISABLE_WP_CRON', true); define('AUTOMATIC_UPDATER_DISABLED', true);\n\
             $table_prefix = 'wp_';\nif (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');\n\
             require_once ABSPATH . 'wp-settings.php';\n",
            socket.display()
        );
        let plugins = root.join("wp-content/mu-plugins");
        std::fs::create_dir_all(&plugins).expect("a directory can be made");
        let logo = BASE64.decode(LOGO).expect("it is base64");
        for (path, content) in [
            (root.join("wp-config.php"), config.as_bytes()),
            (root.join("install.php"), INSTALL.as_bytes()),
            (root.join("probe.html"), PROBE.as_bytes()),
            (root.join("logo.png"), &logo),
            (plugins.join("filter.php"), PLUGIN.as_bytes()),
        ] {
            // What was copied may be a link to the system's.
            let _ = std::fs::remove_file(&path);
            std::fs::write(path, content).expect("a file of the site can be written");
        }
        until(Duration::from_secs(60), "the database answers", async || {
            if let Ok(Some(status)) = database.try_wait() {
                panic!("the database ended with {status}: {}", log(place, "database"));
            }
            std::os::unix::net::UnixStream::connect(&socket).is_ok()
        })
        .await;
        let installed = ran(Command::new("php").arg(root.join("install.php")).arg(&socket).arg(addresses));
        let passwords = serde_json::from_str(installed.trim()).unwrap_or_else(|why| panic!("{why}: {installed}"));
        let server = Command::new("php")
            .args(["-d", "display_errors=0", "-S", &format!("127.0.0.1:{port}"), "-t"])
            .arg(&root)
            .env("PHP_CLI_SERVER_WORKERS", "4")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output(place, "server"))
            .spawn()
            .expect("PHP can be started");
        let site = Self { dir, port, database, server, passwords };
        until(Duration::from_secs(30), "the site answers", async || {
            matches!(get(port, "/logo.png").await, Some((200, _)))
        })
        .await;
        site
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn logo(&self) -> String {
        format!("http://127.0.0.1:{}/logo.png", self.port)
    }

    /// A file with the application password of `user`.
    pub fn password_file(&self, user: &str) -> PathBuf {
        let path = self.dir.path().join(format!("password-of-{user}"));
        std::fs::write(&path, self.password(user)).expect("a password's file can be written");
        path
    }

    fn password(&self, user: &str) -> &str {
        self.passwords[user].as_str().unwrap_or_else(|| panic!("there is no user {user}"))
    }

    /// What the site's administrator is told by its interface, which the program under test uses too.
    pub async fn rest(&self, method: &str, route: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let pair = BASE64.encode(format!("admin:{}", self.password("admin")));
        let request = format!(
            "{method} /?rest_route=/wp/v2/{route} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {pair}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = String::from_utf8_lossy(&exchange(self.port, request.as_bytes()).await).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        (status, serde_json::from_str(body).unwrap_or_else(|why| panic!("{why}: {body}")))
    }

    /// The status of a page of the site for who is not known there.
    pub async fn status(&self, page: &str) -> u16 {
        let path = page.strip_prefix(self.url().trim_end_matches('/')).expect("it is a page of the site");
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n", self.port);
        let answer = String::from_utf8_lossy(&exchange(self.port, request.as_bytes()).await).into_owned();
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status")
    }

    /// All posts of the site with `name` in their slug, in the trash too.
    pub async fn posts(&self, name: &str) -> Vec<Value> {
        let route =
            "posts&context=edit&per_page=100&orderby=id&order=asc&status=publish,future,draft,pending,private,trash";
        let (status, posts) = self.rest("GET", route, None).await;
        assert_eq!(status, 200, "{posts}");
        let posts = posts.as_array().expect("a list").iter();
        posts.filter(|post| post["slug"].as_str().is_some_and(|slug| slug.starts_with(name))).cloned().collect()
    }

    /// What a reader's browser shows of a page: its title, its text, and its images with their sizes.
    pub fn seen(&self, page: &str) -> Value {
        let probe = format!("{}probe.html?page={}", self.url(), page.replace('?', "%3F").replace('&', "%26"));
        let dom = self.chromium(&["--virtual-time-budget=20000", "--dump-dom", &probe]);
        let seen = dom.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let seen = BASE64.decode(seen.unwrap_or_default()).unwrap_or_default();
        serde_json::from_slice(&seen).unwrap_or_else(|why| panic!("{page}: {why}: {dom}"))
    }

    /// A picture of a page as a browser shows it.
    pub fn screenshot(&self, page: &str, path: &Path) {
        let _ = std::fs::remove_file(path);
        let to = format!("--screenshot={}", path.display());
        self.chromium(&["--window-size=1200,1600", "--hide-scrollbars", "--virtual-time-budget=20000", &to, page]);
        assert!(path.exists(), "Chromium made no picture");
    }

    fn chromium(&self, args: &[&str]) -> String {
        let profile = tempfile::tempdir().expect("a temporary directory can be made");
        let fixed = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        let mut command = Command::new("timeout");
        command.args(["60", "chromium"]).args(fixed).arg(format!("--user-data-dir={}", profile.path().display()));
        ran(command.args(args).env("HOME", profile.path()))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // PHP's server has workers: the whole group ends.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.server.id())]).status();
        for child in [&mut self.server, &mut self.database] {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let out = std::io::stderr();
            let _ = writeln!(out.lock(), "--- the site's log\n{}", log(self.dir.path(), "server"));
        }
    }
}

/// A database that listens on a socket in `place` alone.
fn start_database(place: &Path) -> Child {
    let data = place.join("db");
    std::fs::create_dir(&data).expect("a directory can be made");
    // MariaDB refuses to run as root.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
    if is_root {
        ran(Command::new("chown").arg("mysql:mysql").arg(&data));
    }
    let as_its_user = |program: &str| {
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=mysql", "--regid=mysql", "--clear-groups", "--", program]);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&data).arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        command
    };
    ran(as_its_user("mariadb-install-db").args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
    let server = ["/usr/sbin/mariadbd", "/usr/libexec/mariadbd"].into_iter().find(|path| Path::new(path).exists());
    as_its_user(server.expect("MariaDB is not installed; tests/run installs it, or: apt-get install mariadb-server"))
        .args(["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"])
        .arg(format!("--socket={}/socket", data.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output(place, "database"))
        .spawn()
        .expect("MariaDB can be started")
}

fn output(place: &Path, name: &str) -> std::fs::File {
    std::fs::File::create(place.join(format!("{name}.log"))).expect("a log can be made")
}

fn log(place: &Path, name: &str) -> String {
    std::fs::read_to_string(place.join(format!("{name}.log"))).unwrap_or_default()
}

/// Runs a program to its end and returns what it printed.
fn ran(command: &mut Command) -> String {
    let name = format!("{:?}", command.get_program());
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|why| panic!("{name} cannot be run ({why}); tests/run installs what is missing"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{name} ended with {}: {printed}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// Hands `request` to a server that closes after its answer, and returns that.
async fn exchange(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the site can be reached");
    stream.write_all(request).await.expect("a request can be written");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Something between us and the site, which can lose an answer.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Mutex<Passing>>,
    release: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Passing {
    /// The request lines that came, in order.
    lines: Vec<String>,
    /// The next request whose line begins so is handed on, and its answer is lost.
    lose: Option<String>,
    /// What is done when that happened: nothing more is handed on.
    shut_then: bool,
    shut: bool,
    /// The next request whose line begins so is kept until it is released.
    hold: Option<String>,
}

impl Proxy {
    pub async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let shared: Arc<Mutex<Passing>> = Arc::default();
        let release: Arc<Notify> = Arc::default();
        let (passing, released) = (Arc::clone(&shared), Arc::clone(&release));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, upstream, Arc::clone(&passing), Arc::clone(&released)));
            }
        });
        Self { port, shared, release, task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The answer to the next request whose line begins with `start` is lost.
    pub fn lose_answer_to(&self, start: &str) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).lose = Some(start.to_owned());
    }

    /// The same, and after it nothing is handed on until it is opened.
    pub fn lose_answer_and_shut(&self, start: &str) {
        let mut passing = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        passing.lose = Some(start.to_owned());
        passing.shut_then = true;
    }

    pub fn open(&self) {
        let mut passing = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        (passing.shut, passing.shut_then) = (false, false);
    }

    /// The next request whose line begins with `start` comes to the site when it is released, and not before.
    pub fn hold(&self, start: &str) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).hold = Some(start.to_owned());
    }

    pub fn release(&self) {
        self.release.notify_one();
    }

    /// How many requests began so.
    pub fn count(&self, start: &str) -> usize {
        let passing = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        passing.lines.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Whether the answer that was to be lost was.
    pub fn has_lost(&self) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).lose.is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request and its answer. The site closes after each, and so does this.
async fn pass(mut stream: TcpStream, upstream: u16, passing: Arc<Mutex<Passing>>, release: Arc<Notify>) {
    let mut request = Vec::new();
    let mut piece = [0; 16_384];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or_default();
            if request.len() >= end + 4 + length {
                break;
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
    if passing.lock().unwrap_or_else(PoisonError::into_inner).shut {
        return;
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let is_held = {
        let mut passing = passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.hold.take_if(|start| line.starts_with(start.as_str())).is_some()
    };
    if is_held {
        release.notified().await;
    }
    let answer = exchange(upstream, &request).await;
    let is_lost = {
        let mut passing = passing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = passing.lose.as_ref().is_some_and(|start| line.starts_with(start));
        if is_lost {
            passing.lose = None;
            passing.shut = passing.shut_then;
        }
        passing.lines.push(line);
        is_lost
    };
    if !is_lost {
        let _ = stream.write_all(&answer).await;
    }
}
