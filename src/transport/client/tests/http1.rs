//! HTTP/1.1 with a peer that is played byte by byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Reads a request whose body is "x".
async fn take<T: tokio::io::AsyncRead + Unpin>(stream: &mut T) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\nx") {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "the request came whole");
    }
    String::from_utf8(got).unwrap()
}

async fn answer<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: &mut T) {
    take(stream).await;
    stream.write_all(OK).await.unwrap();
}

/// A connection that is not of the client's making.
async fn connect(port: u16) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()
}

async fn accept(listener: &TcpListener) -> TcpStream {
    tokio::time::timeout(LONG, listener.accept()).await.expect("a connection comes").unwrap().0
}

#[tokio::test]
async fn a_request_is_written_as_rfc_9112_has_it() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, settings(&network));
    let peer = async {
        let mut stream = accept(&listener).await;
        let request = take(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        request
    };
    let (answer, request) = futures_util::join!(post(&client, b"x"), peer);
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.start[..], answer.whole), (200, &b"ok"[..], true));
    let request = request.replace(&port.to_string(), "PORT").replace(USER_AGENT, "NAME").replace('\r', "␍");
    insta::assert_snapshot!(request, @r"
    POST /in?x=1 HTTP/1.1␍
    host: 127.0.0.1:PORT␍
    user-agent: NAME␍
    content-length: 1␍
    ␍
    x
    ");
}

/// RFC 9110 §8.6.
#[tokio::test]
async fn a_length_is_told_where_one_is_expected() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, settings(&network));
    for (method, told) in [("POST", true), ("PUT", true), ("DELETE", false), ("GET", false)] {
        let head = |body| Request::builder().method(method).uri("/").body(body).map_err(|why| why.to_string());
        let nothing = Bytes::new();
        let peer = async {
            let mut stream = accept(&listener).await;
            let mut got = Vec::new();
            while !got.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
            }
            stream.write_all(b"HTTP/1.1 204 No\r\nconnection: close\r\n\r\n").await.unwrap();
            String::from_utf8(got).unwrap()
        };
        let (answer, request) = futures_util::join!(client.send(&nothing, head), peer);
        assert_eq!(answer.unwrap().status, 204);
        assert_eq!(request.contains("content-length: 0\r\n"), told, "{request}");
    }
}

/// What a peer closed while nobody used it costs nobody an attempt, and is no connection that is kept.
#[tokio::test]
async fn a_connection_that_was_closed_is_replaced() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, Settings { connections: 1, ..settings(&network) });
    for stray in [&b""[..], b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"] {
        let (first, mut stream) = futures_util::join!(post(&client, b"x"), async {
            let mut stream = accept(&listener).await;
            answer(&mut stream).await;
            stream
        });
        assert!(first.is_ok());
        assert_eq!((client.kept(), client.pool.taken()), (1, 1));
        stream.write_all(stray).await.unwrap();
        drop(stream);
        until(|| client.kept() == 0).await;
        // It is of the next request's finding, or of the sweeper's.
        if stray.is_empty() {
            client.pool.sweep(Instant::now());
            assert_eq!(client.pool.taken(), 0);
        }
        let (second, _) = futures_util::join!(post(&client, b"x"), async {
            let mut stream = accept(&listener).await;
            answer(&mut stream).await;
            stream
        });
        assert!(second.is_ok());
        until(|| client.kept() == 0).await;
    }
}

/// What certainly did not leave did not happen, whatever the other side had to say before.
#[tokio::test]
async fn a_request_of_which_nothing_left_was_not_begun() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, settings(&network));
    let Some(Taken::Place(place)) = client.pool.take(Instant::now(), LONG).await else { panic!("one is free") };
    let (mut stream, peer) = (connect(port).await, accept(&listener).await);
    // As if the peer had reset it just now.
    stream.shutdown().await.unwrap();
    let mut connection =
        connection::http1(crate::transport::client::http1::Stream::Plain(stream), place, Instant::now() + LONG);
    let head = |body| Request::post("/").body(body).map_err(|why| why.to_string());
    let body = Bytes::from_static(b"x");
    let exchange = connection.exchange(body, head, client.address.authority(), &TIMEOUTS, 10).await;
    let Exchange::NotBegun(why) = exchange else { panic!("nothing of it left") };
    assert_eq!(why, "the connection broke: Broken pipe (os error 32)");
    drop(peer);
}

/// It may have been read, whoever closed.
#[tokio::test]
async fn a_request_that_is_not_answered_may_have_arrived() {
    let (listener, port) = listener().await;
    let network = network();
    let client = client(port, None, settings(&network));
    for (answer, told) in [
        (&b""[..], "the connection broke: it was closed before the answer was complete"),
        (b"HTTP/1.1 200 OK\r\ncontent-", "the connection broke: it was closed before the answer was complete"),
        (
            b"220 mail.example ESMTP\r\n",
            "the connection broke: what came is not HTTP/1.1: \"220 mail.example ESMTP\\r\\n\"",
        ),
    ] {
        let (sent, ()) = futures_util::join!(post(&client, b"x"), async {
            let mut stream = accept(&listener).await;
            take(&mut stream).await;
            stream.write_all(answer).await.unwrap();
        });
        let Err(Failed::Unknown(why)) = sent else { panic!("it may have arrived") };
        assert_eq!(why, told);
        assert_eq!(client.pool.taken(), 0);
    }
    // An answer whose body breaks off is one.
    let (sent, ()) = futures_util::join!(post(&client, b"x"), async {
        let mut stream = accept(&listener).await;
        take(&mut stream).await;
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    });
    let sent = sent.unwrap();
    assert_eq!((sent.status.as_u16(), &sent.start[..], sent.whole), (202, &b"half"[..], false));
    assert_eq!(client.pool.taken(), 0);
}

/// Over TLS a peer is told that nothing more comes, unless something should have.
#[tokio::test]
async fn a_peer_of_tls_is_told_the_end() {
    let (listener, port) = listener().await;
    let identity = Identity::new();
    let acceptor = identity.acceptor(&["http/1.1"]);
    let network = network();
    for midway in [false, true] {
        let client = client(port, Some(&identity), settings(&network));
        let (sent, mut stream) = futures_util::join!(
            async {
                if midway {
                    let timeouts = tokio::time::timeout(Duration::from_millis(300), post(&client, b"x"));
                    assert!(timeouts.await.is_err(), "nobody answers");
                } else {
                    assert!(post(&client, b"x").await.is_ok());
                }
            },
            async {
                let mut stream = acceptor.accept(accept(&listener).await).await.unwrap();
                take(&mut stream).await;
                if !midway {
                    stream.write_all(OK).await.unwrap();
                    stream.flush().await.unwrap();
                }
                stream
            }
        );
        let () = sent;
        let pool = Arc::clone(&client.pool);
        pool.forget();
        let end = tokio::time::timeout(LONG, stream.read(&mut [0])).await.expect("it ends");
        assert_eq!(end.is_err(), midway, "{end:?}");
        until(|| pool.taken() == 0).await;
    }
}

/// What lies idle is looked after, for as long as something does.
#[tokio::test(start_paused = true)]
async fn what_lies_idle_is_let_go_in_its_time() {
    let server = Server::plain().await;
    let network = network();
    let client = client(server.port, None, settings(&network));
    for _ in 0..2 {
        post(&client, b"x").await.unwrap();
        assert_eq!((client.kept(), client.pool.taken()), (1, 1));
        tokio::time::sleep(pool::LONGEST_IDLE + Duration::from_secs(20)).await;
        assert_eq!((client.kept(), client.pool.taken()), (0, 0));
    }
    assert_eq!(server.connections(), 2);
}
