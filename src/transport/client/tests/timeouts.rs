//! The time to write and the time to answer are two.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// More than the kernel takes off anybody's hands.
static LARGE: [u8; 32 << 20] = [b'x'; 32 << 20];

const SHORT: Duration = Duration::from_millis(300);

/// Reads a large request to its end and answers it.
async fn take(stream: &mut TcpStream) {
    let (mut piece, mut left) = (vec![0; 1 << 20], LARGE.len());
    while left > 0 {
        let read = stream.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "the request came whole");
        // The head is small.
        left = left.saturating_sub(read);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
}

#[tokio::test]
async fn a_request_that_nobody_reads_is_not_waited_for() {
    let (listener, port) = listener().await;
    let network = network();
    let timeouts = Timeouts { write: SHORT, ..TIMEOUTS };
    let client = client(port, None, Settings { timeouts, ..settings(&network) });
    let (sent, held) = futures_util::join!(post(&client, &LARGE), listener.accept());
    let Err(Failed::Unknown(why)) = sent else { panic!("some of it left") };
    assert_eq!(why, "the request could not be written within 300ms");
    drop(held);
}

/// The time to answer begins when the request is through.
#[tokio::test]
async fn a_slow_reader_has_its_time_to_answer() {
    let (listener, port) = listener().await;
    let network = network();
    let timeouts = Timeouts { answer: 2 * SHORT, ..TIMEOUTS };
    let client = client(port, None, Settings { timeouts, ..settings(&network) });
    let slow = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // What this one does, and not what it waits for.
        tokio::time::sleep(4 * SHORT).await;
        take(&mut stream).await;
        // The next one has the same timer, and no answer at all.
        stream
    };
    let (answer, stream) = futures_util::join!(post(&client, &LARGE), slow);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(client.kept(), 1);
    let Err(Failed::Unknown(why)) = post(&client, b"small").await else { panic!("it may have arrived") };
    assert_eq!(why, "no answer within 600ms");
    drop(stream);
}

/// An answer that comes before the request is through is one, and its connection is of no use to the next request.
#[tokio::test]
async fn an_early_answer_is_an_answer() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, settings(&network));
    let early = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut start = [0; 64];
        stream.read_exact(&mut start).await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    };
    let (answer, stream) = futures_util::join!(post(&client, &LARGE), early);
    assert_eq!(answer.unwrap().status, 413);
    assert_eq!(client.kept(), 0);
    drop(stream);
}
