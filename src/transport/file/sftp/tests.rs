//! What an SFTP server that the test plays makes of an attempt: it asks who we are in its own way, falls silent, or is cut
//! off at a bad moment. `tests/files.rs` has a real one.

use std::collections::HashMap;
use std::sync::Mutex;

use russh::server::{self, Auth, ChannelOpenHandle, Msg, Response};
use russh::{Channel, ChannelId, MethodSet};
use russh_sftp::protocol::{Handle as FileHandle, Version};
use russh_sftp::server::StatusReply;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::*;
use crate::article::Action;
use crate::transport::client::Network;
use crate::transport::file::tests::parcel;
use crate::transport::{Class, Outcome};

const PASSWORD: &str = "password of the test";

/// What is asked of the server, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Write,
    Move,
}

/// What goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The connection is cut before anything is done.
    CutBefore(Ask),
    /// It is done, and the connection is cut before it is said.
    CutAfter(Ask),
    /// Nothing is done and nothing is said any more.
    Silence(Ask),
}

#[derive(Default)]
struct Played {
    files: HashMap<String, Vec<u8>>,
    /// Those that come next; after them nothing goes wrong.
    faults: Vec<Fault>,
    sessions: usize,
}

#[derive(Clone)]
struct Server {
    played: Arc<Mutex<Played>>,
    methods: &'static [MethodKind],
    channel: Arc<Mutex<Option<Channel<Msg>>>>,
    cut: Arc<Notify>,
}

impl Server {
    /// What goes wrong with `ask` now, if anything does.
    fn fault(&self, ask: Ask) -> Option<Fault> {
        let mut played = self.played.lock().unwrap();
        let next = played.faults.first().copied()?;
        let (Fault::CutBefore(of) | Fault::CutAfter(of) | Fault::Silence(of)) = next;
        (of == ask).then(|| played.faults.remove(0))
    }

    /// Does `what`, if it comes to that, and answers, if it comes to that.
    async fn done(&self, ask: Ask, id: u32, what: impl FnOnce(&mut Played) + Send) -> Status {
        let fault = self.fault(ask);
        if !matches!(fault, Some(Fault::CutBefore(_) | Fault::Silence(_))) {
            what(&mut self.played.lock().unwrap());
        }
        match fault {
            None => ok(id),
            Some(Fault::CutBefore(_) | Fault::CutAfter(_)) => {
                self.cut.notify_one();
                std::future::pending().await
            }
            Some(Fault::Silence(_)) => std::future::pending().await,
        }
    }
}

fn ok(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: String::new() }
}

impl server::Handler for Server {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        let known = self.methods.contains(&MethodKind::Password) && password == PASSWORD;
        Ok(if known { Auth::Accept } else { self.rejected() })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(mut response) = response else {
            let prompts = vec![("Favourite colour: ".into(), true), ("Password: ".into(), false)].into();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let colour = response.next();
        assert_eq!(colour.as_deref(), Some(&b""[..]), "what is shown while it is typed is no place for a password");
        let known = response.next().as_deref() == Some(PASSWORD.as_bytes());
        Ok(if known { Auth::Accept } else { self.rejected() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        *self.channel.lock().unwrap() = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        assert_eq!(name, "sftp");
        session.channel_success(id)?;
        let channel = self.channel.lock().unwrap().take().unwrap();
        tokio::spawn(russh_sftp::server::run(channel.into_stream(), self.clone()));
        Ok(())
    }
}

impl Server {
    fn rejected(&self) -> Auth {
        Auth::Reject { proceed_with_methods: Some(MethodSet::from(self.methods)), partial_success: false }
    }
}

/// An error that a handler of russh-sftp's answers with.
struct Unsupported;

impl From<Unsupported> for StatusReply {
    fn from(_: Unsupported) -> Self {
        StatusCode::OpUnsupported.into()
    }
}

impl russh_sftp::server::Handler for Server {
    type Error = Unsupported;

    fn unimplemented(&self) -> Unsupported {
        Unsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, Unsupported> {
        self.played.lock().unwrap().sessions += 1;
        let mut version = Version::new();
        version.extensions.insert(POSIX_RENAME.to_owned(), "1".to_owned());
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        _: OpenFlags,
        _: FileAttributes,
    ) -> Result<FileHandle, Unsupported> {
        self.played.lock().unwrap().files.insert(path.clone(), Vec::new());
        Ok(FileHandle { id, handle: path })
    }

    async fn write(&mut self, id: u32, path: String, at: u64, data: Vec<u8>) -> Result<Status, Unsupported> {
        let written = |played: &mut Played| {
            let file = played.files.get_mut(&path).unwrap();
            assert_eq!(file.len() as u64, at);
            file.extend(data);
        };
        Ok(self.done(Ask::Write, id, written).await)
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, Unsupported> {
        Ok(ok(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Result<Packet, Unsupported> {
        assert_eq!(request, POSIX_RENAME);
        let text = |from: &[u8]| {
            let (length, rest) = from.split_at(4);
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            (String::from_utf8(rest[..length].to_vec()).unwrap(), rest[length..].to_vec())
        };
        let (from, rest) = text(&data);
        let (to, _) = text(&rest);
        let moved = move |played: &mut Played| {
            let file = played.files.remove(&from).unwrap();
            played.files.insert(to, file);
        };
        Ok(self.done(Ask::Move, id, moved).await.into())
    }
}

/// A server that plays, and a door to it.
async fn played(methods: &'static [MethodKind], password: &str) -> (Arc<Mutex<Played>>, FileDoor<Sessions<Sftp>>) {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let host_key = key.public_key().to_openssh().unwrap();
    let config = server::Config {
        keys: vec![key],
        methods: MethodSet::from(methods),
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    };
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let played: Arc<Mutex<Played>> = Arc::default();
    let (server, accepting) = (Arc::clone(&played), config);
    tokio::spawn(async move {
        loop {
            let (mut outside, _) = listener.accept().await.unwrap();
            let cut = Arc::new(Notify::new());
            let server =
                Server { played: Arc::clone(&server), methods, channel: Arc::default(), cut: Arc::clone(&cut) };
            let (mut inside, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(server::run_stream(Arc::clone(&accepting), theirs, server));
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                    () = cut.notified() => {}
                }
            });
        }
    });
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), password).unwrap();
    let settings: config::Sftp = serde_json::from_value(json!({
        "host": "127.0.0.1", "port": port, "user": "wire", "host_key": host_key,
        "password": format!("file:{}", secret.path().display()),
    }))
    .unwrap();
    let short = Duration::from_millis(500);
    let timeouts = Timeouts { connect: Duration::from_secs(10), write: short, answer: short };
    let network = Arc::new(Network::default());
    let dialer = Dialer::new(&settings.host, settings.port, &[], None, &network, timeouts.connect);
    let sftp = Sftp::new(&settings, timeouts, dialer).unwrap();
    let store = Sessions::new(sftp, 2, Duration::from_secs(60));
    (played, FileDoor { store, rules: settings.file })
}

/// What becomes of one version when `faults` come, after one that was delivered where `kept` says so. With the number of
/// sessions that there were.
async fn attempt(kept: bool, faults: &[Fault]) -> (Outcome, usize) {
    let (played, door) = played(&[MethodKind::Password], PASSWORD).await;
    if kept {
        assert_eq!(door.attempt(&parcel(1, Action::Publish, None)).await.class, Class::Delivered);
    }
    played.lock().unwrap().faults = faults.to_vec();
    let sent = parcel(2, Action::Update, None);
    let outcome = door.attempt(&sent).await;
    let sessions = played.lock().unwrap().sessions;
    // Whatever it was, the next attempt brings it.
    played.lock().unwrap().faults.clear();
    let next = door.attempt(&parcel(2, Action::Update, outcome.remote.as_deref())).await;
    assert_eq!(next.class, Class::Delivered, "{}", next.detail);
    let files = &played.lock().unwrap().files;
    let standing: Vec<_> = files.iter().filter(|(name, _)| !name.starts_with('.')).collect();
    assert_eq!(standing.len(), 1);
    assert_eq!(&standing[0].1[..], &sent.document.bytes()[..]);
    (outcome, sessions)
}

fn deferred() -> Class {
    Class::Deferred { retry_after: None, maybe_document: false }
}

const UNKNOWN: Class = Class::Unknown { retry_after: None };

#[tokio::test]
async fn a_move_that_nobody_heard_of_may_have_been_made() {
    for fault in [Fault::CutBefore(Ask::Move), Fault::CutAfter(Ask::Move), Fault::Silence(Ask::Move)] {
        for kept in [false, true] {
            let (outcome, _) = attempt(kept, &[fault]).await;
            assert_eq!(outcome.class, UNKNOWN, "{fault:?}: {}", outcome.detail);
            assert!(outcome.remote.is_some(), "its name is remembered, so that a kill finds it");
        }
    }
}

#[tokio::test]
async fn what_breaks_before_the_move_changed_nothing() {
    for fault in [Fault::CutBefore(Ask::Write), Fault::CutAfter(Ask::Write), Fault::Silence(Ask::Write)] {
        let (outcome, sessions) = attempt(false, &[fault]).await;
        assert_eq!((outcome.class, sessions), (deferred(), 1), "{fault:?}: {}", outcome.detail);
        // A kept session may have been over before: it is tried once more with a new one.
        let (outcome, sessions) = attempt(true, &[fault]).await;
        assert_eq!((outcome.class, sessions), (Class::Delivered, 2), "{fault:?}: {}", outcome.detail);
        let (outcome, sessions) = attempt(true, &[fault, fault]).await;
        assert_eq!((outcome.class, sessions), (deferred(), 2), "{fault:?}: {}", outcome.detail);
    }
}

#[tokio::test]
async fn a_session_is_kept() {
    let (outcome, sessions) = attempt(true, &[]).await;
    assert_eq!((outcome.class, sessions), (Class::Delivered, 1));
}

#[tokio::test]
async fn a_password_is_said_as_the_server_wants_it() {
    for methods in [&[MethodKind::Password][..], &[MethodKind::KeyboardInteractive]] {
        for (password, class) in [(PASSWORD, Class::Delivered), ("another", deferred())] {
            let (_, door) = played(methods, password).await;
            let outcome = door.attempt(&parcel(1, Action::Publish, None)).await;
            assert_eq!(outcome.class, class, "{methods:?}: {}", outcome.detail);
            let told = "127.0.0.1 does not let the user \"wire\" in; check user and password";
            assert!(class == Class::Delivered || outcome.detail == told, "{}", outcome.detail);
        }
    }
}

/// Where a door may lead is looked at as for every other.
#[tokio::test]
async fn an_address_inside_is_connected_to_only_where_it_is_named() {
    let network = Arc::new(Network::of_one(&config::Delivery::default()).unwrap());
    let dialer = Dialer::new("127.0.0.1", 9, &[], None, &network, Duration::from_secs(1));
    let why = dialer.connect().await.unwrap_err();
    assert!(why.contains("127.0.0.1 is a loopback address"), "{why}");
    let named = ["127.0.0.0/8".parse().unwrap()];
    let dialer = Dialer::new("127.0.0.1", 9, &named, None, &network, Duration::from_secs(1));
    let why = dialer.connect().await.unwrap_err();
    assert!(why.contains("refused"), "nobody listens there: {why}");
}
