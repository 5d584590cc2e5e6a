//! A peer of HTTP/2 that is played frame by frame (RFC 9113 §4.1), for what hyper's own server does not do.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::*;

pub const REFUSED_STREAM: u32 = 7;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub struct Peers {
    pub port: u16,
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

pub async fn listen(identity: &Identity) -> Peers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    Peers { port, listener, acceptor: identity.acceptor(&["h2"]) }
}

impl Peers {
    /// The next connection, with the settings of both sides exchanged.
    pub async fn next(&self) -> Peer {
        let accepted = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut stream = self.acceptor.accept(stream).await.unwrap();
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).await.unwrap();
            assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            let mut peer = Peer(stream);
            peer.write(SETTINGS, 0, 0, &[]).await;
            peer
        };
        tokio::time::timeout(LONG, accepted).await.expect("a connection comes")
    }
}

pub struct Peer(TlsStream<TcpStream>);

impl Peer {
    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.write_all(&frame(kind, flags, stream, payload)).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Begins a head, and goes on with it for as long as somebody listens.
    pub async fn head_without_end(self, stream: u32) {
        // RFC 7541 §6.2.2: a field of its own, `x: aaaa…`.
        let field = [&[0, 1, b'x', 100][..], &[b'a'; 100]].concat();
        self.flood(frame(HEADERS, 0, stream, &[0x88]), frame(CONTINUATION, 0, stream, &field.repeat(10))).await;
    }

    /// Sends interim answers for as long as somebody listens.
    pub async fn interim_without_end(self, stream: u32) {
        // The name of the static table's eighth, and a value of its own.
        let early_hints = frame(HEADERS, END_HEADERS, stream, &[&[0x08, 3][..], b"103"].concat());
        self.flood(Vec::new(), early_hints).await;
    }

    async fn flood(mut self, first: Vec<u8>, then: Vec<u8>) {
        let many = then.repeat(100);
        let taken = async {
            if self.0.write_all(&first).await.is_ok() {
                while self.0.write_all(&many).await.is_ok() {}
            }
        };
        tokio::time::timeout(LONG, taken).await.expect("it is not listened to for ever");
    }

    /// Kind, flags and stream of the next frame; `None` when there are no more.
    async fn read(&mut self) -> Option<(u8, u8, u32)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        let [.., a, b, c, d] = head;
        if head[3] == SETTINGS && head[4] & ACK == 0 {
            self.write(SETTINGS, ACK, 0, &[]).await;
        }
        Some((head[3], head[4], u32::from_be_bytes([a, b, c, d])))
    }

    /// Waits until a request is here whole, and says on which stream.
    pub async fn request(&mut self) -> u32 {
        let whole = async {
            while let Some((kind, flags, stream)) = self.read().await {
                if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                    return stream;
                }
            }
            panic!("the connection was closed");
        };
        tokio::time::timeout(LONG, whole).await.expect("a request comes")
    }

    /// Answers 200 (RFC 7541, appendix A: the eighth of the static table).
    pub async fn answer(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &[0x88]).await;
    }

    pub async fn reset(&mut self, stream: u32, code: u32) {
        self.write(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    /// Nothing after stream `last` was or will be looked at.
    pub async fn go_away(&mut self, last: u32) {
        let mut payload = last.to_be_bytes().to_vec();
        payload.extend(0_u32.to_be_bytes());
        self.write(GOAWAY, 0, 0, &payload).await;
    }

    /// Waits until the other side has let go.
    pub async fn until_closed(&mut self) {
        let closed = async { while self.read().await.is_some() {} };
        tokio::time::timeout(LONG, closed).await.expect("it is closed");
    }
}
