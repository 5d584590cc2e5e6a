//! Real servers that take files, on free ports, each with a directory of its own that a test looks into.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

use super::rabbitmq::certificates;
use super::{free_port, project, until};

const SOON: Duration = Duration::from_secs(30);

/// What stands below `folder`, by its path there; what is hidden too.
pub fn standing(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder can be read") {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is in there").display().to_string();
                // It may be moved away meanwhile.
                if let Ok(bytes) = fs::read(&path) {
                    files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
    }
    files
}

/// A process that ends with its test.
pub struct Server {
    child: Option<Child>,
    command: Command,
    pub port: u16,
    log: PathBuf,
}

impl Server {
    /// `command` listens on `port`; what it says goes into `log`.
    pub async fn start(command: Command, port: u16, log: PathBuf) -> Self {
        let mut server = Self { child: None, command, port, log };
        server.start_again().await;
        server
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub async fn start_again(&mut self) {
        let log = fs::File::options().create(true).append(true).open(&self.log).expect("a log can be made");
        let errors = log.try_clone().expect("a file can be shared");
        let started = self.command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(started.unwrap_or_else(|why| {
            panic!("{:?} cannot be started: {why}; tests/run installs it", self.command.get_program())
        }));
        let what = format!("{:?} listens", self.command.get_program());
        until(SOON, &what, async || TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// Debian's OpenSSH, which lets in whoever runs the tests, by a key.
pub struct Sshd {
    dir: tempfile::TempDir,
    pub server: Server,
    user: String,
}

impl Sshd {
    /// `sftp` is more of the server's own arguments.
    pub async fn start(sftp: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let place = dir.path();
        for (name, kind) in [("host", "ed25519"), ("old-host", "rsa"), ("client", "ed25519"), ("stranger", "ecdsa")] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-N", "", "-t", kind, "-f"]).arg(place.join(name)).status();
            assert!(made.expect("ssh-keygen can be run; tests/run installs it").success());
        }
        fs::create_dir(place.join("incoming")).expect("a directory can be made");
        let id = Command::new("id").arg("-un").output().expect("id(1) can be run");
        let user = String::from_utf8(id.stdout).expect("a name is UTF-8").trim().to_owned();
        if user == "root" {
            // Where Debian's sshd locks itself in.
            fs::create_dir_all("/run/sshd").expect("its directory can be made");
        }
        let (port, here) = (free_port(), place.display());
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {here}/host\nHostKey {here}/old-host\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nAuthorizedKeysFile {here}/client.pub\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nSubsystem sftp internal-sftp -d {here} {sftp}\nLogLevel VERBOSE\n"
        );
        fs::write(place.join("sshd_config"), config).expect("its configuration can be written");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(place.join("sshd_config"));
        let server = Server::start(command, port, place.join("log")).await;
        Self { dir, server, user }
    }

    /// The folder that a door writes to.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("incoming")
    }

    /// A file that it has: `client`, `host.pub`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The first two words of a public key.
    pub fn public(&self, name: &str) -> String {
        let text = fs::read_to_string(self.file(&format!("{name}.pub"))).expect("a public key can be read");
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// How often somebody was let in.
    pub fn let_in(&self) -> usize {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("Accepted publickey")).count()
    }

    /// A destination's table, with more of it.
    pub fn table(&self, more: &str) -> String {
        format!(
            "host = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nprivate_key = \"file:{}\"\nhost_key = \"{}\"\npath = \"incoming\"\n{more}\n",
            self.server.port,
            self.user,
            self.file("client").display(),
            self.public("host"),
        )
    }
}

/// WsgiDAV, a WebDAV server of PyPI's, with the user `wire`.
pub struct Dav {
    dir: tempfile::TempDir,
    pub server: Server,
}

impl Dav {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (place, port) = (dir.path().display().to_string(), free_port());
        fs::create_dir_all(dir.path().join("dav/in coming")).expect("directories can be made");
        let config = serde_json::json!({
            "host": "127.0.0.1", "port": port, "server": "cheroot",
            "provider_mapping": { "/dav": format!("{place}/dav"), "/locked": { "root": format!("{place}/dav"), "readonly": true } },
            "simple_dc": { "user_mapping": { "*": { "wire": { "password": PASSWORD } } } },
            "http_authenticator": { "accept_basic": true, "accept_digest": false, "default_to_digest": false },
        });
        fs::write(dir.path().join("config.json"), config.to_string()).expect("its configuration can be written");
        fs::write(dir.path().join("password"), PASSWORD).expect("a password's file can be written");
        let mut command = Command::new(project("target/python/bin/wsgidav"));
        command.arg("--config").arg(dir.path().join("config.json"));
        let server = Server::start(command, port, dir.path().join("log")).await;
        Self { dir, server }
    }

    /// The file of its user's password.
    pub fn password(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// Its folder `/dav/`.
    pub fn folder(&self, below: &str) -> PathBuf {
        self.dir.path().join("dav").join(below)
    }

    /// A destination's table, with more of it.
    pub fn table(&self, path: &str, more: &str) -> String {
        format!(
            "url = \"http://127.0.0.1:{}{path}\"\nuser = \"wire\"\npassword = \"file:{}/password\"\n{more}\n",
            self.server.port,
            self.dir.path().display()
        )
    }
}

/// The password of every server that asks for one.
pub const PASSWORD: &str = "password-of-the-tests";

/// s3s-fs of crates.io, which checks signatures and checksums, with the bucket `wire`.
pub struct Bucket {
    dir: tempfile::TempDir,
    pub server: Server,
}

impl Bucket {
    pub async fn start() -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        for (name, text) in [("access", "wire-access"), ("key", PASSWORD), ("wrong", "wrong")] {
            fs::write(dir.path().join(name), text).expect("a key's file can be written");
        }
        fs::create_dir_all(dir.path().join("store/wire")).expect("a bucket can be made");
        let mut command = Command::new(project("target/s3s/bin/s3s-fs"));
        command.args(["--host", "127.0.0.1", "--access-key", "wire-access", "--secret-key", PASSWORD]);
        command.args(["--port", &port.to_string()]).arg(dir.path().join("store"));
        let server = Server::start(command, port, dir.path().join("log")).await;
        Self { dir, server }
    }

    /// The file of its secret key.
    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key")
    }

    /// The folder where it keeps objects by their keys.
    pub fn folder(&self, path: &str) -> PathBuf {
        self.dir.path().join("store/wire").join(path)
    }

    /// What it keeps of all objects besides their bytes.
    pub fn metadata(&self) -> String {
        let files = standing(&self.dir.path().join("store"));
        files.into_iter().filter(|(name, _)| !name.starts_with("wire/")).map(|(_, text)| text).collect()
    }

    /// A destination's table. `secret` is the file of the secret key: `key` or `wrong`.
    pub fn table(&self, bucket: &str, path: &str, secret: &str) -> String {
        let place = self.dir.path().display();
        format!(
            "endpoint = \"http://127.0.0.1:{}\"\nregion = \"eu-west-1\"\nbucket = \"{bucket}\"\npath = \"{path}\"\n\
             path_style = true\naccess_key = \"file:{place}/access\"\nsecret_key = \"file:{place}/{secret}\"\n",
            self.server.port
        )
    }
}

/// pyftpdlib, an FTP server of PyPI's, with the users `wire` and `reader`.
pub struct Ftpd {
    dir: tempfile::TempDir,
    pub server: Server,
}

impl Ftpd {
    /// `kind` is `tls`, `plain`, or `old`: without TLS, without the commands of later RFCs, and wrong about its own address.
    pub async fn start(kind: &str) -> Self {
        let (dir, port) = (tempfile::tempdir().expect("a temporary directory can be made"), free_port());
        certificates(dir.path());
        fs::write(dir.path().join("password"), PASSWORD).expect("a password's file can be written");
        fs::write(dir.path().join("wrong"), "wrong").expect("a password's file can be written");
        fs::create_dir_all(dir.path().join("ftp/incoming")).expect("directories can be made");
        let mut command = Command::new(project("target/python/bin/python3"));
        command.arg(project("tests/support/ftpd.py")).current_dir(dir.path());
        command.arg(dir.path().join("ftp")).args([&port.to_string(), "password", kind]);
        let server = Server::start(command, port, dir.path().join("log")).await;
        Self { dir, server }
    }

    /// The file of its users' password.
    pub fn password(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// A folder below the one that its users come to.
    pub fn folder(&self, below: &str) -> PathBuf {
        self.dir.path().join("ftp").join(below)
    }

    /// How often somebody was let in.
    pub fn let_in(&self) -> usize {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("logged in")).count()
    }

    /// A destination's table, with more of it. `password` is the file of the password: `password` or `wrong`.
    pub fn table(&self, path: &str, password: &str, more: &str) -> String {
        format!(
            "host = \"localhost\"\nport = {}\nuser = \"wire\"\npassword = \"file:{}/{password}\"\npath = \"{path}\"\n{more}\n",
            self.server.port,
            self.dir.path().display()
        )
    }

    /// The line that says whom to trust.
    pub fn trust(&self) -> String {
        format!("ca_file = \"{}/ca.pem\"", self.dir.path().display())
    }
}
