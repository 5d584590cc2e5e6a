//! A wire tap between a broker and the daemon: it passes on what both say, and notes when a message went to the daemon
//! and when the daemon acknowledged it. Nothing else sees the one without the other.
//!
//! It reads of AMQP 0-9-1 what it needs: frames (§2.3.5 of the specification), `basic.deliver` and `basic.ack`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::control::now;
use crate::support::Outcome;

/// A message's way, by [`now`].
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub delivered: u64,
    pub acknowledged: u64,
}

pub struct Tap {
    pub port: u16,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    /// Messages in the daemon's hands, by their tags.
    in_hand: HashMap<u64, (String, u64)>,
    /// By routing key.
    taken: HashMap<String, Taken>,
}

impl Tap {
    /// On the way to the broker at that port.
    pub async fn start(broker: u16) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let notes = Arc::new(Mutex::new(Notes::default()));
        let shared = Arc::clone(&notes);
        tokio::spawn(async move {
            while let Ok((daemon, _)) = listener.accept().await {
                // A broker that is not there ends the daemon's connection, as it would without us.
                let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await else { continue };
                if daemon.set_nodelay(true).is_err() || broker.set_nodelay(true).is_err() {
                    continue;
                }
                let ((from_daemon, to_daemon), (from_broker, to_broker)) = (daemon.into_split(), broker.into_split());
                let (there, back) = (Arc::clone(&shared), Arc::clone(&shared));
                tokio::spawn(pass(from_daemon, to_broker, PROTOCOL_HEADER, move |method| there.acknowledge(method)));
                tokio::spawn(pass(from_broker, to_daemon, 0, move |method| back.deliver(method)));
            }
        });
        Ok(Self { port, notes })
    }

    /// The messages that were acknowledged, by their routing keys.
    pub fn taken(&self) -> HashMap<String, Taken> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).taken.clone()
    }
}

/// What a client says before its first frame.
const PROTOCOL_HEADER: usize = 8;

/// A frame's type, its channel and its length stand before what is in it, and one byte after.
const HEAD: usize = 7;
const END: usize = 1;

/// The type of a frame with a method in it.
const METHOD: u8 = 1;

const DELIVER: [u8; 4] = [0, 60, 0, 60];
const ACK: [u8; 4] = [0, 60, 0, 80];

/// Passes on what one side says, and shows its methods; `skip` bytes come before the first frame.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, skip: usize, mut see: impl FnMut(&[u8])) {
    let mut rest = Vec::new();
    let (mut piece, mut skip) = (vec![0; 64 << 10], skip);
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        rest.extend_from_slice(&piece[..read]);
        let skipped = skip.min(rest.len());
        rest.drain(..skipped);
        skip -= skipped;
        let mut at = 0;
        while let Some(head) = rest.get(at..at + HEAD) {
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
            let Some(frame) = rest.get(at + HEAD..at + HEAD + length + END) else { break };
            if head[0] == METHOD {
                see(&frame[..length]);
            }
            at += HEAD + length + END;
        }
        rest.drain(..at);
        // Only now, or an answer could be here before what it answers is noted.
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}

trait Note {
    fn deliver(&self, method: &[u8]);
    fn acknowledge(&self, method: &[u8]);
}

impl Note for Mutex<Notes> {
    fn deliver(&self, method: &[u8]) {
        let Some((tag, key)) = delivered(method) else { return };
        self.lock().unwrap_or_else(PoisonError::into_inner).in_hand.insert(tag, (key, now()));
    }

    fn acknowledge(&self, method: &[u8]) {
        let at = now();
        let Some(tag) = method.strip_prefix(&ACK).and_then(tag) else { return };
        let mut notes = self.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((key, delivered)) = notes.in_hand.remove(&tag) {
            notes.taken.insert(key, Taken { delivered, acknowledged: at });
        }
    }
}

/// The tag and the routing key of a `basic.deliver`.
fn delivered(method: &[u8]) -> Option<(u64, String)> {
    let (_consumer, rest) = short(method.strip_prefix(&DELIVER)?)?;
    let tag = tag(rest)?;
    // The tag, and whether it came before.
    let (_exchange, rest) = short(rest.get(9..)?)?;
    let (key, _) = short(rest)?;
    Some((tag, String::from_utf8_lossy(key).into_owned()))
}

fn tag(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?))
}

/// A short string, and what follows it.
fn short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}
