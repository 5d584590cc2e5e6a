//! A private RabbitMQ of Debian's package, on free ports, in a directory of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{free_port, until};

/// A broker that runs until it is dropped.
pub struct Rabbit {
    dir: tempfile::TempDir,
    port: u16,
    tls_port: u16,
    dist: u16,
    epmd: u16,
    child: Mutex<Option<Child>>,
}

impl Rabbit {
    pub async fn start() -> Self {
        let rabbit = Self::prepare();
        rabbit.launch().await;
        rabbit
    }

    /// One that is not started yet. It has a certificate of a CA of its own, for the host `localhost`.
    pub fn prepare() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let cookie = dir.path().join(".erlang.cookie");
        std::fs::write(&cookie, "newswiredtests").expect("the cookie can be written");
        std::fs::set_permissions(&cookie, std::fs::Permissions::from_mode(0o400)).expect("the cookie can be closed");
        std::fs::write(dir.path().join("plugins"), "[].").expect("the plugins' file can be written");
        certificates(dir.path());
        let (port, tls_port) = (free_port(), free_port());
        let place = dir.path().display();
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nlisteners.ssl.1 = 127.0.0.1:{tls_port}\nssl_options.cacertfile = {place}/ca.pem\nssl_options.certfile = {place}/server.pem\nssl_options.keyfile = {place}/server.key\n"
        );
        std::fs::write(dir.path().join("rabbitmq.conf"), config).expect("the configuration can be written");
        Self { dir, port, tls_port, dist: free_port(), epmd: free_port(), child: Mutex::default() }
    }

    /// The address for TLS; the name is in the certificate.
    pub fn tls_url(&self) -> String {
        format!("amqps://localhost:{}/%2f", self.tls_port)
    }

    /// The certificate of the CA that signed the broker's.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The address without user and password, as newswired's configuration wants it.
    pub fn bare_url(&self) -> String {
        format!("amqp://127.0.0.1:{}/%2f", self.port)
    }

    /// `SIGKILL`: no goodbye to anyone.
    pub fn kill(&self) {
        let file = self.dir.path().join("pid");
        if let Ok(pid) = std::fs::read_to_string(&file) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
            // The number may soon be another process's.
            let _ = std::fs::remove_file(file);
        }
        if let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same ports and data.
    pub async fn restart(&self) {
        self.launch().await;
    }

    async fn launch(&self) {
        let dir = self.dir.path();
        let log = std::fs::File::create(dir.join("out")).expect("the log can be made");
        let errors = log.try_clone().expect("a file can be shared");
        let child = Command::new(server())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir)
            .env("LANG", "C.UTF-8")
            .env("RABBITMQ_NODENAME", format!("t{}@localhost", self.port))
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist.to_string())
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", dir.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", dir.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_PID_FILE", dir.join("pid"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .expect("RabbitMQ can be started");
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let port = self.port;
        until(Duration::from_secs(90), "RabbitMQ answers", async || answers(port).await).await;
    }
}

/// A CA and a server's certificate of it, as files.
pub fn certificates(dir: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let key = || KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, key()).expect("a CA can be made");
    let server_key = key();
    let params = CertificateParams::new(["localhost".to_owned()]).expect("the name is one");
    let server = params.signed_by(&server_key, &ca).expect("a certificate can be signed");
    for (name, text) in [("ca.pem", ca.pem()), ("server.pem", server.pem()), ("server.key", server_key.serialize_pem())]
    {
        std::fs::write(dir.join(name), text).expect("a certificate's file can be written");
    }
}

/// A broker answers a wrong protocol header with the right one.
async fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut answer = [0; 4];
    stream.write_all(b"AMQP\x00\x00\x00\x00").await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && &answer == b"AMQP"
}

fn server() -> PathBuf {
    let lib = Path::new("/usr/lib/rabbitmq/lib");
    let found = std::fs::read_dir(lib)
        .ok()
        .and_then(|mut entries| entries.find_map(|entry| Some(entry.ok()?.path().join("sbin/rabbitmq-server"))));
    found.filter(|path| path.exists()).unwrap_or_else(|| {
        panic!(
            "RabbitMQ is not installed under {}; tests/run installs it, or: apt-get install rabbitmq-server",
            lib.display()
        )
    })
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let logs = std::fs::read_dir(self.dir.path().join("log")).into_iter().flatten().flatten();
            for log in logs.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()) {
                eprintln!("what RabbitMQ logged:\n{log}");
            }
        }
        // epmd made itself a daemon; it is known by its port.
        let _ = Command::new("epmd")
            .args(["-port", &self.epmd.to_string(), "-kill"])
            .env("ERL_EPMD_RELAXED_COMMAND_CHECK", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
