//! One connection out of several addresses (happy eyeballs, RFC 8305 in spirit).
//!
//! Addresses are tried in their order, each with a short head start over the next, so that one that leads nowhere costs
//! a fraction of a second and not the whole time to connect. Two are under way at most: a connection that is being made
//! has no more than two file descriptors.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::dial::Permitted;

/// What an attempt is ahead of the next one (RFC 8305 §5: 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

const AT_ONCE: usize = 2;

/// What became of each address that was tried.
#[derive(Debug, Default)]
pub struct Failures(Vec<(SocketAddr, io::Error)>);

impl Failures {
    /// Whether all failed alike, and how.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        let mut kinds = self.0.iter().map(|(_, why)| why.kind());
        let first = kinds.next()?;
        kinds.all(|kind| kind == first).then_some(first)
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (address, why)) in self.0.iter().enumerate() {
            write!(f, "{}{address}: {why}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// The first connection that comes about. `patience` is the time that the caller gives all of it: where there are more
/// addresses than can be tried at once, none may use up the time of those behind it.
///
/// # Errors
/// What became of each address, which reads as a sentence.
pub async fn connect(addresses: &[Permitted], port: u16, patience: Duration) -> Result<TcpStream, Failures> {
    if let [address] = addresses {
        let connected = one(SocketAddr::new(address.address(), port), patience).await;
        return connected.map_err(|why| Failures(vec![why]));
    }
    let rounds = u32::try_from(addresses.len().div_ceil(AT_ONCE)).unwrap_or(u32::MAX).max(1);
    let share = patience / rounds;
    let mut left = addresses.iter();
    let mut under_way = FuturesUnordered::new();
    let mut failed = Failures::default();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            biased;
            Some(ended) = under_way.next() => match ended {
                Ok(stream) => return Ok(stream),
                Err(why) => {
                    failed.0.push(why);
                    next = Instant::now();
                }
            },
            () = sleep_until(next), if left.len() > 0 && under_way.len() < AT_ONCE => {
                if let Some(address) = left.next() {
                    under_way.push(one(SocketAddr::new(address.address(), port), share));
                }
                next = Instant::now() + HEAD_START;
            }
            else => return Err(failed),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "of addresses that were looked at")]
async fn one(address: SocketAddr, share: Duration) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {share:?}"));
    let connected = timeout(share, TcpStream::connect(address)).await.unwrap_or_else(|_| Err(late()));
    connected.map_err(|why| (address, why))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// An address of this machine where nobody answers: its listener's queue is full, so the kernel drops what comes.
    async fn deaf(address: &str) -> (TcpListener, Vec<TcpStream>, u16) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let at = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(at)).await {
            filling.push(stream);
        }
        (listener, filling, at.port())
    }

    fn ips(texts: &[&str]) -> Vec<Permitted> {
        texts.iter().map(|text| Permitted::in_test(text)).collect()
    }

    #[tokio::test]
    async fn all_addresses_are_tried_and_each_failure_is_told() {
        let listener = TcpListener::bind("127.0.0.3:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = connect(&ips(&["127.0.0.1", "127.0.0.2", "127.0.0.3"]), port, LONG).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip().to_string(), "127.0.0.3");
        drop((stream, listener));
        let why = connect(&ips(&["127.0.0.1", "127.0.0.2"]), port, LONG).await.unwrap_err();
        assert_eq!(why.kind(), Some(io::ErrorKind::ConnectionRefused));
        let why = why.to_string();
        assert!(why.contains("127.0.0.1") && why.contains("; 127.0.0.2") && why.contains("refused"), "{why}");
    }

    /// One that leads nowhere takes its head start, and not the time to connect.
    #[tokio::test]
    async fn an_address_that_hangs_is_overtaken() {
        let (_deaf, _filling, port) = deaf("127.0.0.1").await;
        let _well = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        let began = Instant::now();
        let stream = connect(&ips(&["127.0.0.1", "127.0.0.2"]), port, LONG).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip().to_string(), "127.0.0.2");
        assert!(began.elapsed() >= HEAD_START && began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    }

    /// Two that hang give their places up in time for those behind them.
    #[tokio::test]
    async fn addresses_that_hang_keep_no_other_out() {
        let (_one, _filling, port) = deaf("127.0.0.1").await;
        let all = ips(&["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"]);
        let _well = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        let patience = Duration::from_secs(4);
        let stream = timeout(patience, connect(&all, port, patience)).await.expect("it has its turn in time").unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip().to_string(), "127.0.0.2");
    }

    #[tokio::test]
    async fn no_address_is_no_connection() {
        assert!(connect(&[], 1, LONG).await.is_err());
    }
}
