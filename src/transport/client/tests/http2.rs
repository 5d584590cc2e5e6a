//! HTTP/2: agreed on, used for many requests at once, and what its peer says that it did not do.

use super::frames::{Peer, REFUSED_STREAM};
use super::*;

#[tokio::test]
async fn one_connection_carries_many_requests_at_once() {
    let identity = Identity::new();
    let mut server = Server::tls(&identity, &["h2", "http/1.1"], 100).await;
    let network = network();
    let client = client(server.port, Some(&identity), settings(&network));
    post(&client, b"first").await.unwrap();
    server.open.send_replace(false);
    let together = async {
        server.has_got(21).await;
        server.open.send_replace(true);
    };
    let (answers, ()) = futures_util::join!(join_all((0..20).map(|_| post(&client, b"many"))), together);
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)));
    assert_eq!(server.connections(), 1);
    for got in server.got() {
        assert_eq!(got.version, Version::HTTP_2);
        assert_eq!(got.authority, Some(format!("127.0.0.1:{}", server.port)));
        assert_eq!(got.target, "/in?x=1");
        let names: Vec<&str> = got.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["user-agent", "content-length"], "no host, nothing about the connection");
    }
    assert_eq!(server.got()[0].body, "first");
    assert_eq!(client.kept(), 1);
}

/// Those who come while the one connection is made anew wait for it.
#[tokio::test]
async fn a_lost_connection_is_replaced_by_one() {
    let identity = Identity::new();
    let server = Server::tls(&identity, &["h2"], 100).await;
    let network = network();
    let client = client(server.port, Some(&identity), Settings { max_age: Duration::ZERO, ..settings(&network) });
    post(&client, b"first").await.unwrap();
    let answers = join_all((0..20).map(|_| post(&client, b"many"))).await;
    assert!(answers.iter().all(Result::is_ok));
    // Each of these connections is too old at once: whoever waited finds that out, and makes the next one.
    let client = super::client(server.port, Some(&identity), settings(&network));
    post(&client, b"first").await.unwrap();
    let before = server.connections();
    client.pool.forget();
    let answers = join_all((0..20).map(|_| post(&client, b"many"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.connections() - before, 1);
}

#[tokio::test]
async fn what_is_not_offered_or_not_wanted_is_not_used() {
    let identity = Identity::new();
    let network = network();
    for (protocols, http2) in [(vec![], true), (vec!["http/1.1"], true), (vec!["h2", "http/1.1"], false)] {
        let server = Server::tls(&identity, &protocols, 100).await;
        let client = client(server.port, Some(&identity), Settings { http2, ..settings(&network) });
        for _ in 0..2 {
            post(&client, b"x").await.unwrap();
        }
        let got = server.got();
        assert_eq!(got[0].version, Version::HTTP_11, "{protocols:?}");
        assert_eq!(got[0].headers[header::HOST], format!("127.0.0.1:{}", server.port).as_str());
        assert_eq!(server.connections(), 1, "{protocols:?}");
    }
}

#[tokio::test]
async fn no_more_streams_than_the_peer_allows() {
    let identity = Identity::new();
    let mut server = Server::tls(&identity, &["h2"], 2).await;
    let network = network();
    let client = client(server.port, Some(&identity), Settings { connections: 2, ..settings(&network) });
    post(&client, b"first").await.unwrap();
    server.open.send_replace(false);
    let five = join_all((0..5).map(|_| post(&client, b"many")));
    tokio::pin!(five);
    tokio::select! {
        _ = &mut five => panic!("nobody answered"),
        () = server.has_got(4) => {}
    }
    // Two on the first; what the second allows is known when its first request has its answer.
    assert!(futures_util::poll!(five.as_mut()).is_pending());
    let mut on = [0, 0, 0];
    server.got()[1..].iter().for_each(|got| on[got.connection] += 1);
    assert_eq!(on, [0, 2, 1]);
    server.open.send_replace(true);
    let five = five.await;
    assert!(five.iter().all(Result::is_ok), "{five:?}");
    assert_eq!(server.connections(), 2);
}

fn failed(answer: Result<Answer, Failed>) -> Failed {
    answer.expect_err("there is no answer")
}

/// What comes after the last stream that GOAWAY names was not begun with, and goes to another connection. What comes
/// before it may have been.
#[tokio::test]
async fn going_away_leaves_no_doubt_about_what_comes_after() {
    let identity = Identity::new();
    let peers = frames::listen(&identity).await;
    let network = network();
    let client = client(peers.port, Some(&identity), settings(&network));
    let play = async {
        let mut first = peers.next().await;
        first.request().await;
        first.answer(1).await;
        let ids = [first.request().await, first.request().await];
        assert_eq!(ids, [3, 5]);
        first.go_away(3).await;
        // The one above is here again, on a connection of its own.
        let mut second = peers.next().await;
        let again = second.request().await;
        second.answer(again).await;
        // And the one below has no answer.
        drop(first);
    };
    let requests = async {
        post(&client, b"one").await.unwrap();
        futures_util::join!(post(&client, b"two"), post(&client, b"three"))
    };
    let ((two, three), ()) = futures_util::join!(requests, play);
    assert!(matches!(failed(two), Failed::Unknown(_)));
    assert_eq!(three.unwrap().status, 200);
}

#[tokio::test]
async fn going_away_lets_what_was_begun_end() {
    let identity = Identity::new();
    let peers = frames::listen(&identity).await;
    let network = network();
    let client = client(peers.port, Some(&identity), settings(&network));
    let play = async {
        let mut first = peers.next().await;
        let id = first.request().await;
        first.go_away(id).await;
        first.answer(id).await;
        let mut second = peers.next().await;
        let id = second.request().await;
        second.answer(id).await;
    };
    let requests = async {
        post(&client, b"one").await.unwrap();
        post(&client, b"two").await.unwrap();
    };
    futures_util::join!(requests, play);
}

/// A peer that has too much to do says so: not begun, and the connection is as good as before.
#[tokio::test]
async fn a_refused_stream_was_not_begun() {
    let identity = Identity::new();
    let peers = frames::listen(&identity).await;
    let network = network();
    let client = client(peers.port, Some(&identity), settings(&network));
    let play = async {
        let mut peer: Peer = peers.next().await;
        let id = peer.request().await;
        peer.reset(id, REFUSED_STREAM).await;
        let id = peer.request().await;
        peer.answer(id).await;
        peer
    };
    let requests = async {
        let Failed::NotConnected(why) = failed(post(&client, b"one").await) else { panic!("it was not begun") };
        assert!(why.ends_with("refused stream before processing any application logic"), "{why}");
        post(&client, b"two").await.unwrap();
    };
    futures_util::join!(requests, play);
}

#[tokio::test]
async fn all_else_is_unknown() {
    const CANCEL: u32 = 8;
    const INTERNAL_ERROR: u32 = 2;
    let identity = Identity::new();
    let peers = frames::listen(&identity).await;
    let network = network();
    let client = client(peers.port, Some(&identity), settings(&network));
    let play = async {
        for code in [CANCEL, INTERNAL_ERROR] {
            let mut peer = peers.next().await;
            let id = peer.request().await;
            peer.reset(id, code).await;
            peer.until_closed().await;
        }
        let mut closing = peers.next().await;
        closing.request().await;
    };
    let requests = async {
        for _ in 0..3 {
            assert!(matches!(failed(post(&client, b"x").await), Failed::Unknown(_)));
        }
    };
    futures_util::join!(requests, play);
}

/// Heads and interim answers that never end cost their connection, and no more than the time to answer.
#[tokio::test]
async fn what_has_no_end_is_no_answer() {
    let identity = Identity::new();
    let peers = frames::listen(&identity).await;
    let network = network();
    let timeouts = Timeouts { answer: Duration::from_millis(500), ..TIMEOUTS };
    let client = client(peers.port, Some(&identity), Settings { timeouts, ..settings(&network) });
    let play = async {
        let mut peer = peers.next().await;
        let id = peer.request().await;
        peer.head_without_end(id).await;
        let mut peer = peers.next().await;
        let id = peer.request().await;
        peer.interim_without_end(id).await;
    };
    let requests = async {
        for _ in 0..2 {
            let began = Instant::now();
            assert!(matches!(failed(post(&client, b"x").await), Failed::Unknown(_)));
            assert!(began.elapsed() < LONG / 2);
        }
    };
    futures_util::join!(requests, play);
}

/// A first request that takes long keeps no other waiting for longer than a peer takes to say what it allows.
#[tokio::test]
async fn a_slow_first_request_holds_up_no_other() {
    let identity = Identity::new();
    let mut server = Server::tls(&identity, &["h2"], 100).await;
    let network = network();
    let client = client(server.port, Some(&identity), settings(&network));
    post(&client, b"so that it is known").await.unwrap();
    client.pool.forget();
    server.open.send_replace(false);
    let mut all = Box::pin(join_all((0..5).map(|_| post(&client, b"x"))));
    tokio::select! {
        _ = &mut all => panic!("nobody answered"),
        () = server.has_got(6) => server.open.send_replace(true),
    };
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!(server.connections(), 2);
}

/// A connection on which an answer did not come may be dead: the next request has another one.
#[tokio::test]
async fn a_connection_that_hangs_is_not_used_again() {
    let identity = Identity::new();
    let mut server = Server::tls(&identity, &["h2"], 100).await;
    let network = network();
    let timeouts = Timeouts { answer: Duration::from_millis(200), ..TIMEOUTS };
    let client = client(server.port, Some(&identity), Settings { timeouts, ..settings(&network) });
    server.open.send_replace(false);
    let Failed::Unknown(why) = failed(post(&client, b"x").await) else { panic!("it may have arrived") };
    assert_eq!(why, "no answer within 200ms");
    server.open.send_replace(true);
    post(&client, b"x").await.unwrap();
    server.has_got(2).await;
    assert_eq!(server.connections(), 2);
}
