//! Servers that answer as none should. Whatever they say is an outcome, in time, and what they send is taken in bounds.

use std::time::Instant;

use tokio::task::JoinSet;

use super::*;

/// What a server does once it has a request.
enum Does {
    /// Says this, and keeps the connection open.
    Says(&'static [u8]),
    /// Says this, and closes the connection.
    Ends(&'static [u8]),
    /// Says the first, and then the second for as long as somebody listens.
    Repeats(&'static [u8], &'static [u8]),
    /// The same, the second a byte at a time.
    Drips(&'static [u8], &'static [u8]),
    /// Closes in the manner that tells nothing (RST).
    Aborts,
}

/// What nobody reads lies in the kernel's buffers: a few megabytes of loopback at most.
const KERNEL: usize = 12 << 20;

/// What is sent until the other side has had enough.
async fn sent(stream: &mut TcpStream, does: Does) -> usize {
    let (first, then, drips) = match does {
        Does::Says(what) | Does::Ends(what) => (what, &b""[..], false),
        Does::Repeats(first, then) => (first, then, false),
        Does::Drips(first, then) => (first, then, true),
        Does::Aborts => {
            stream.set_zero_linger().unwrap();
            return 0;
        }
    };
    if stream.write_all(first).await.is_err() {
        return 0;
    }
    let mut sent = first.len();
    let many = then.repeat((64 << 10) / then.len().max(1) + 1);
    let piece = if drips { 1 } else { many.len() };
    while !then.is_empty() {
        for piece in many.chunks(piece) {
            if stream.write_all(piece).await.is_err() {
                return sent;
            }
            sent += piece.len();
            if drips {
                // What this one does, and not what it waits for.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    sent
}

#[tokio::test]
async fn whatever_a_server_answers_is_an_outcome_in_time_and_in_bounds() {
    use Does::*;
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n";
    const CHUNKED: &[u8] = b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n";
    static LINE: [u8; 64 << 10] = [b'a'; 64 << 10];
    let ways: Vec<(&str, Does)> = vec![
        ("closes at once", Ends(b"")),
        ("resets the connection", Aborts),
        ("says nothing", Says(b"")),
        ("speaks SSH", Ends(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
        ("speaks TLS", Says(b"\x15\x03\x03\x00\x02\x02\x28")),
        ("a status of two digits", Says(b"HTTP/1.1 20 OK\r\n\r\n")),
        ("a status of four digits", Says(b"HTTP/1.1 2000 OK\r\n\r\n")),
        ("the status 999", Says(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n")),
        ("HTTP/0.9", Ends(b"<html>hello</html>")),
        ("HTTP/3.0", Says(b"HTTP/3.0 200 OK\r\n\r\n")),
        ("a status line without end", Repeats(b"HTTP/1.1 200 ", &LINE)),
        ("a header without end", Repeats(b"HTTP/1.1 200 OK\r\nx: ", &LINE)),
        ("headers without end", Repeats(HEAD, b"x-a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n")),
        ("headers of nothing without end", Repeats(HEAD, b"a:\r\n")),
        ("a header with a NUL", Says(b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n")),
        ("a header over two lines", Says(b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n")),
        ("interim answers without end", Repeats(b"", b"HTTP/1.1 102 Processing\r\n\r\n")),
        (
            "a protocol that was not asked for",
            Says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        ),
        ("a head that drips", Drips(HEAD, b"x-a: b\r\n")),
        ("a body that drips", Drips(b"HTTP/1.1 422 No\r\ncontent-length: 9999\r\n\r\n", b"x")),
        ("a body without end", Repeats(b"HTTP/1.1 422 No\r\n\r\n", &LINE)),
        ("a body that is shorter", Ends(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort")),
        ("a length of 2^64", Says(b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n")),
        ("a negative length", Says(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")),
        ("two lengths", Says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk")),
        (
            "a length and chunks",
            Says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        ("a coding that nobody knows", Ends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: rot13\r\n\r\nbx")),
        ("a chunk without a size", Says(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n")),
        ("a chunk of 2^64", Says(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000\r\nx\r\n")),
        ("a chunk's extension without end", Repeats(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n1;", &LINE)),
        ("chunks of one byte without end", Repeats(CHUNKED, b"1\r\nx\r\n")),
        ("trailers without end", Repeats(b"HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-a: b\r\n")),
        (
            "a bomb of gzip",
            Says(b"HTTP/1.1 422 No\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\n\x1f\x8b\x08\x00\x00"),
        ),
        (
            "a terminal's controls",
            Says(b"HTTP/1.1 422 No\r\ncontent-length: 13\r\n\r\n\x1b[2J\xe2\x80\xaeevil\r\n\x07"),
        ),
        ("a terminal's controls as the reason", Says(b"HTTP/1.1 422 \x1b]0;x\x07\r\ncontent-length: 0\r\n\r\n")),
        ("a thousand years", Says(b"HTTP/1.1 503 No\r\nretry-after: 31556952000\r\ncontent-length: 0\r\n\r\n")),
        (
            "a redirect inside",
            Says(b"HTTP/1.1 302 Go\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"),
        ),
        (
            "two answers",
            Says(b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ),
    ];
    let mut told = Vec::new();
    for (way, does) in ways {
        let (listener, port) = listener().await;
        // Those that keep us waiting are waited for a short time, the others for as long as a slow machine needs.
        let drips = matches!(does, Drips(..));
        let waits = drips || matches!(does, Says(b""));
        let answer = Duration::from_millis(if waits { 500 } else { 10_000 });
        let mut server = JoinSet::new();
        server.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await.unwrap();
            let closes = matches!(does, Ends(_) | Aborts);
            let sent = sent(&mut stream, does).await;
            // One that stays open does so until the other side has gone.
            if !closes {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            sent
        });
        let (door, began) = (door_that_waits(port, answer), Instant::now());
        let outcome = door.send(&parcel()).await;
        assert!(began.elapsed() < 2 * answer + Duration::from_secs(2), "{way}: {:?}", began.elapsed());
        let reused = if door.client.kept() > 0 { ", kept" } else { "" };
        drop(door);
        let sent =
            tokio::time::timeout(Duration::from_secs(20), server.join_next()).await.expect(way).unwrap().unwrap();
        assert!(sent < KERNEL, "{way}: {sent} bytes were taken");
        let mut detail = outcome.detail.replace(&port.to_string(), "PORT");
        if drips {
            // How much of it came in time is the machine's affair.
            detail = detail.trim_end_matches('x').trim_end_matches(": ").to_owned();
        }
        told.push(format!("{way}: {:?}{reused}: {detail}", outcome.class));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    closes at once: Unknown { retry_after: None }: the connection broke: it was closed before the answer was complete
    resets the connection: Unknown { retry_after: None }: the connection broke: Connection reset by peer (os error 104)
    says nothing: Unknown { retry_after: None }: no answer within 500ms
    speaks SSH: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: "SSH-2.0-OpenSSH_9.2p1\r\n"
    speaks TLS: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: "\u{15}\u{3}\u{3}\0\u{2}\u{2}("
    a status of two digits: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid response status
    a status of four digits: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid response status
    the status 999: Deferred { retry_after: None, maybe_document: true }, kept: answered 999 <unknown status code>
    HTTP/0.9: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: "<html>hello</html>"
    HTTP/3.0: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid HTTP version
    a status line without end: Unknown { retry_after: None }: the connection broke: the head of the answer is longer than 32768 bytes
    a header without end: Unknown { retry_after: None }: the connection broke: the head of the answer is longer than 32768 bytes
    headers without end: Unknown { retry_after: None }: the connection broke: the head of the answer is longer than 32768 bytes
    headers of nothing without end: Unknown { retry_after: None }: the connection broke: the head of the answer is longer than 32768 bytes
    a header with a NUL: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid header value
    a header over two lines: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid header name
    interim answers without end: Unknown { retry_after: None }: the connection broke: the answer is longer than any that is meant
    a protocol that was not asked for: Deferred { retry_after: None, maybe_document: true }: answered 101 Switching Protocols
    a head that drips: Unknown { retry_after: None }: no answer within 500ms
    a body that drips: Refused: answered 422 Unprocessable Entity
    a body without end: Refused: answered 422 Unprocessable Entity: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    a body that is shorter: Delivered: answered 200 OK
    a length of 2^64: Unknown { retry_after: None }: the connection broke: the answer has no length, or not one alone: "18446744073709551616"
    a negative length: Unknown { retry_after: None }: the connection broke: the answer has no length, or not one alone: "-1"
    two lengths: Unknown { retry_after: None }: the connection broke: the answer has no length, or not one alone: "3"
    a length and chunks: Delivered: answered 200 OK
    a coding that nobody knows: Delivered: answered 200 OK
    a chunk without a size: Refused: answered 422 Unprocessable Entity
    a chunk of 2^64: Refused: answered 422 Unprocessable Entity
    a chunk's extension without end: Refused: answered 422 Unprocessable Entity
    chunks of one byte without end: Refused: answered 422 Unprocessable Entity: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    trailers without end: Refused: answered 422 Unprocessable Entity
    a bomb of gzip: Refused, kept: answered 422 Unprocessable Entity: \u{1f}�\u{8}\u{0}\u{0}
    a terminal's controls: Refused: answered 422 Unprocessable Entity: \u{1b}[2J\u{202e}evil
    a terminal's controls as the reason: Unknown { retry_after: None }: the connection broke: what came is not HTTP/1.1: invalid response status
    a thousand years: Deferred { retry_after: Some(2592000s), maybe_document: false }, kept: answered 503 Service Unavailable
    a redirect inside: Deferred { retry_after: None, maybe_document: false }, kept: answered 302 Found: it leads to http://169.254.169.254/, but by a status that turns a push into a question; if that is the right address, write it as url
    two answers: Refused: answered 422 Unprocessable Entity
    "#);
}
