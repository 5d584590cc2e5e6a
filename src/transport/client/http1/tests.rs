//! Answers in every cut and with every fault, beside hyper's client.

use bytes::Bytes;
use http::header::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answering::{BESIDE_THE_BODY, LONGEST_HEAD};
use super::*;
use crate::transport::client::Answer;

const LIMIT: usize = 64;

/// What came of an answer: its status, headers, the start of its body, whether that is all, and whether another can follow.
type Read = Result<Option<(u16, HeaderMap, Bytes, bool, bool)>, NotAnAnswer>;

/// What an answer comes to that is brought in these pieces, after which the connection is closed.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut answer = Answering::new(false, LIMIT);
    let mut why = None;
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let ended = loop {
        match pieces.next().map(|piece| answer.take(piece)) {
            Some(Ok(Come::More)) => {}
            Some(Ok(Come::All)) => break true,
            Some(Err(what)) => {
                why = Some(what);
                break false;
            }
            None => {
                why = answer.closed().err();
                break why.is_none();
            }
        }
    };
    match (answer.ended(), why) {
        (Some((Answer { status, headers, start, whole }, follows)), _) => {
            assert!(ended || !whole, "what broke off is not whole");
            Ok(Some((status.as_u16(), headers, start, whole, follows)))
        }
        (None, Some(why)) => Err(why),
        (None, None) => Ok(None),
    }
}

/// The same without the headers, for one piece.
fn told(answer: &str) -> (u16, String, bool, bool) {
    let (status, _, start, whole, follows) = read([answer.as_bytes()]).unwrap().unwrap();
    (status, String::from_utf8(start.to_vec()).unwrap(), whole, follows)
}

fn wrong(answer: &str) -> String {
    read([answer.as_bytes()]).unwrap_err().to_string()
}

#[test]
fn a_body_ends_where_its_head_says() {
    let is = |status, body: &str, whole, follows| (status, body.to_owned(), whole, follows);
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", is(200, "ok", true, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\nok", is(200, "ok", true, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", is(200, "ok", false, false)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", is(200, "", true, true)),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", is(200, "", true, true)),
        ("HTTP/1.1 200 OK\ncontent-length: 1\n\n1", is(200, "1", true, true)),
        // None of these has a body, whatever it says.
        ("HTTP/1.1 204 No\r\ncontent-length: 9\r\n\r\n", is(204, "", true, true)),
        ("HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n", is(304, "", true, true)),
        // Up to its end.
        ("HTTP/1.1 200 OK\r\n\r\nall of it", is(200, "all of it", true, false)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nall", is(200, "all", true, false)),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n", is(200, "2\r\n", true, false)),
        // In chunks.
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", is(200, "ok", true, true)),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n1;a=\"b\"\r\no\r\n001 \r\nk\r\n0\r\nsum: 1\r\nmore: 2\r\n\r\n",
            is(200, "ok", true, true),
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", is(200, "ok", false, false)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokk\r\n0\r\n\r\n", is(200, "ok", false, false)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\nok\r\n", is(200, "", false, false)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n", is(200, "", false, false)),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000000000000002\r\nok", is(200, "", false, false)),
        // Two lengths.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            is(200, "x", true, false),
        ),
        // Interim answers are not it.
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: <x>\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\n1",
            is(201, "1", true, true),
        ),
        ("HTTP/1.1 101 Switch\r\nupgrade: x\r\n\r\n", is(101, "", true, false)),
        // Whether another can follow.
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", is(200, "", true, false)),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", is(200, "", true, false)),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", is(200, "", true, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n12", is(200, "1", true, false)),
    ] {
        assert_eq!(told(answer), expected, "{answer:?}");
    }
    let mut to_head = Answering::new(true, LIMIT);
    assert_eq!(to_head.take(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), Ok(Come::All));
    assert!(to_head.ended().unwrap().1);
}

#[test]
fn what_is_no_answer_is_told() {
    insta::assert_snapshot!([
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 two OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-len",
        "",
    ]
    .map(wrong)
    .join("\n"), @r#"
    what came is not HTTP/1.1: "SSH-2.0-OpenSSH_9.2\r\n"
    what came is not HTTP/1.1: invalid HTTP version
    what came is not HTTP/1.1: invalid response status
    what came is not HTTP/1.1: invalid header name
    the answer has no length, or not one alone: "-1"
    the answer has no length, or not one alone: "2"
    the answer has no length, or not one alone: "99999999999999999999"
    it was closed before the answer was complete
    it was closed before the answer was complete
    "#);
}

#[test]
fn all_that_comes_has_a_bound() {
    let long = "x".repeat(LONGEST_HEAD);
    assert_eq!(read([format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n").as_bytes()]), Err(NotAnAnswer::LongHead));
    // However it is cut, and though no line of it ends.
    let drops = format!("HTTP/1.1 200 {long}");
    assert_eq!(read(drops.as_bytes().chunks(1_000)), Err(NotAnAnswer::LongHead));
    let many = "x: y\r\n".repeat(101);
    assert!(matches!(read([format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()]), Err(NotAnAnswer::Head(_))));
    // What goes beyond the limit is left, and ends it.
    let long = "x".repeat(LIMIT + 1);
    let (_, start, whole, follows) = told(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{long}", LIMIT + 1));
    assert_eq!((start.len(), whole, follows), (LIMIT, false, false));
    let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(BESIDE_THE_BODY / 10);
    assert_eq!(read(interim.as_bytes().chunks(READ)), Err(NotAnAnswer::TooLong));
    let trailer =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{}", "x".repeat(2 * BESIDE_THE_BODY));
    let (_, _, _, whole, follows) = read(trailer.as_bytes().chunks(READ)).unwrap().unwrap();
    assert!(!whole && !follows);
}

/// Answers as servers give them, and such as none should.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![4 => Just(200_u16), 1 => 100_u16..600, 1 => Just(204), 1 => Just(304)];
    let header = prop_oneof![
        Just("content-length: 5".to_owned()),
        (0_u64..80).prop_map(|length| format!("Content-Length: {length}")),
        Just("transfer-encoding: chunked".to_owned()),
        Just("connection: close".to_owned()),
        Just("Connection: keep-alive".to_owned()),
        "[a-z-]{1,8}: ?[ -~]{0,20}",
    ];
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        prop::collection::vec("[a-z]{1,40}", 0..4).prop_map(|chunks| {
            let mut body: String = chunks.iter().map(|data| format!("{:x}\r\n{data}\r\n", data.len())).collect();
            body.push_str("0\r\n\r\n");
            body.into_bytes()
        }),
    ];
    let version = prop_oneof![5 => Just("1.1"), 1 => Just("1.0")];
    (version, status, prop::collection::vec(header, 0..4), body).prop_map(|(version, status, headers, body)| {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        [format!("HTTP/{version} {status} X\r\n{headers}\r\n").into_bytes(), body].concat()
    })
}

/// The same with faults.
fn faulty() -> impl Strategy<Value = Vec<u8>> {
    let fault = (any::<prop::sample::Index>(), prop::option::of(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n')]));
    (answer(), prop::collection::vec(fault, 0..3)).prop_map(|(mut bytes, faults)| {
        for (at, fault) in faults {
            let at = at.index(bytes.len());
            match fault {
                Some(byte) => bytes[at] = byte,
                None => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

/// What hyper's client makes of an answer.
async fn by_hyper(bytes: Vec<u8>) -> Option<(u16, HeaderMap, Bytes, bool)> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
    let exchange = async {
        let request = http::Request::post("/").body(Full::new(Bytes::from_static(b"x"))).unwrap();
        let (parts, mut body) = sender.send_request(request).await.ok()?.into_parts();
        let (mut start, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => start.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
                Err(_) => whole = false,
            }
        }
        Some((parts.status.as_u16(), parts.headers, Bytes::from(start), whole))
    };
    let peer = async {
        let mut request = [0; 64];
        let _ = theirs.read(&mut request).await;
        let _ = theirs.write_all(&bytes).await;
        drop(theirs);
    };
    futures_util::join!(exchange, peer, connection).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// It does not matter how the network cuts an answer, but for what comes behind it.
    #[test]
    fn an_answer_is_the_same_in_every_cut(bytes in faulty(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let without_what_follows = |read: Read| read.map(|read| read.map(|(status, headers, start, whole, _)| (status, headers, start, whole)));
        let (cut, one) = (without_what_follows(read(pieces)), without_what_follows(read([&bytes[..]])));
        match (cut, one) {
            // What cannot be one may be seen sooner or later, and is told in other words.
            (Err(_), Err(_)) => {}
            (cut, one) => prop_assert_eq!(cut, one),
        }
    }

    /// Where both understand an answer, they understand the same.
    #[test]
    fn an_answer_is_what_hyper_takes_it_for(bytes in faulty()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let theirs = runtime.block_on(by_hyper(bytes.clone()));
        let ours = read([&bytes[..]]);
        if let (Ok(Some((status, headers, start, whole, _))), Some(theirs)) = (ours, theirs) {
            prop_assert_eq!(status, theirs.0);
            prop_assert_eq!(headers, theirs.1);
            let kept = theirs.2.len().min(LIMIT);
            prop_assert_eq!(&start[..], &theirs.2[..kept]);
            prop_assert_eq!(whole, theirs.3 && theirs.2.len() <= LIMIT);
        }
    }
}
