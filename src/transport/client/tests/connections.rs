//! How many connections there are, how long they live, and that those of one door are nobody else's affair.

use super::*;
use crate::config::Delivery;

#[tokio::test]
async fn a_connection_is_used_until_its_age() {
    let server = Server::plain().await;
    let network = network();
    let young = client(server.port, None, settings(&network));
    for _ in 0..5 {
        post(&young, b"x").await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let old = client(server.port, None, Settings { max_age: Duration::ZERO, ..settings(&network) });
    for _ in 0..5 {
        post(&old, b"x").await.unwrap();
    }
    assert_eq!(server.connections(), 1 + 5);
}

/// What lies idle for long is closed, though nobody asks for it, and its place is free.
#[tokio::test]
async fn an_idle_connection_is_let_go() {
    let server = Server::plain().await;
    let network = network();
    let client = client(server.port, None, settings(&network));
    post(&client, b"x").await.unwrap();
    client.pool.sweep(Instant::now() + pool::LONGEST_IDLE / 2);
    assert_eq!((client.kept(), client.pool.taken()), (1, 1));
    client.pool.sweep(Instant::now() + pool::LONGEST_IDLE);
    assert_eq!(client.kept(), 0);
    until(|| client.pool.taken() == 0).await;
}

#[tokio::test]
async fn a_door_that_is_gone_closes_its_connections() {
    let server = Server::plain().await;
    let network = network();
    let client = client(server.port, None, settings(&network));
    post(&client, b"x").await.unwrap();
    let pool = Arc::downgrade(&client.pool);
    drop(client);
    assert!(pool.upgrade().is_none(), "nothing else holds on to them");
}

/// Whoever finds all connections busy waits for one of them.
#[tokio::test]
async fn there_are_no_more_connections_than_the_part() {
    let mut server = Server::plain().await;
    let network = network();
    let client = client(server.port, None, Settings { connections: 2, ..settings(&network) });
    server.open.send_replace(false);
    let all = join_all((0..6).map(|_| post(&client, b"x")));
    tokio::pin!(all);
    tokio::select! {
        _ = &mut all => panic!("nobody answered"),
        () = server.has_got(2) => {}
    }
    assert!(futures_util::poll!(all.as_mut()).is_pending());
    assert_eq!((server.got().len(), client.pool.taken()), (2, 2));
    server.open.send_replace(true);
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!((server.got().len(), server.connections()), (6, 2));
}

/// A failure frees its place for those who wait.
#[tokio::test]
async fn a_connection_that_breaks_is_replaced() {
    let mut server = Server::plain().await;
    let network = network();
    let timeouts = Timeouts { answer: Duration::from_millis(200), ..TIMEOUTS };
    let client = client(server.port, None, Settings { connections: 1, timeouts, ..settings(&network) });
    server.open.send_replace(false);
    let (first, second) = futures_util::join!(post(&client, b"x"), async {
        server.has_got(1).await;
        let second = post(&client, b"x");
        tokio::pin!(second);
        tokio::select! {
            _ = &mut second => panic!("nobody answered"),
            () = server.has_got(2) => server.open.send_replace(true),
        };
        second.await
    });
    assert!(matches!(first, Err(Failed::Unknown(_))));
    assert!(second.is_ok());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn all_busy_is_told_as_such() {
    let mut server = Server::plain().await;
    let network = network();
    let timeouts = Timeouts { connect: Duration::from_millis(200), ..TIMEOUTS };
    let client = client(server.port, None, Settings { connections: 1, timeouts, ..settings(&network) });
    server.open.send_replace(false);
    let (first, second) = futures_util::join!(post(&client, b"x"), async {
        server.has_got(1).await;
        let second = post(&client, b"x").await;
        server.open.send_replace(true);
        second
    });
    assert!(first.is_ok());
    let Err(Failed::NotConnected(why)) = second else { panic!("it never left") };
    assert_eq!(why, format!("all connections to 127.0.0.1:{} were busy for 200ms", server.port));
}

/// Doors that hang, with more to send than they may, keep what is theirs; the one beside them has all of its part.
#[tokio::test]
async fn doors_that_hang_keep_their_own_part_only() {
    const DOORS: usize = 10;
    const WANTED: usize = 8;
    const MOST: usize = 35;
    let (mut hanging, mut well) = (Server::plain().await, Server::plain().await);
    hanging.open.send_replace(false);
    let here = Delivery { allow_addresses: vec!["127.0.0.1".parse().unwrap()], ..Delivery::default() };
    let network = Arc::new(Network::new(Parts::new(MOST, [WANTED; DOORS]), &here).unwrap());
    let connections = network.part(WANTED);
    assert_eq!(connections, 3, "one each, and the rest in equal parts");
    let of = |port| client(port, None, Settings { connections, ..settings(&network) });
    let doors: Vec<Client> = (1..DOORS).map(|_| of(hanging.port)).collect();
    let mut stuck = Box::pin(join_all(doors.iter().flat_map(|door| (0..WANTED).map(|_| post(door, b"x")))));
    tokio::select! {
        _ = &mut stuck => panic!("nobody answered"),
        () = hanging.has_got((DOORS - 1) * connections) => {}
    }
    well.open.send_replace(false);
    let door = of(well.port);
    let mut sent = Box::pin(join_all((0..connections).map(|_| post(&door, b"x"))));
    tokio::select! {
        _ = &mut stuck => panic!("nobody answered"),
        _ = &mut sent => panic!("nobody answered"),
        // All of its part at the same time.
        () = well.has_got(connections) => {}
    }
    well.open.send_replace(true);
    assert!(sent.await.iter().all(Result::is_ok));
    assert!(futures_util::poll!(stuck.as_mut()).is_pending());
    assert_eq!(hanging.connections(), (DOORS - 1) * connections);
    let taken: usize = doors.iter().chain([&door]).map(|door| door.pool.taken()).sum();
    assert!(taken <= MOST, "{taken}");
}

/// Handshakes that hang have no turn to keep.
#[tokio::test]
async fn a_handshake_that_hangs_holds_up_no_other() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let identity = Identity::new();
    let server = Server::tls(&identity, &["h2"], 100).await;
    let network = network();
    let of = |port| client(port, Some(&identity), settings(&network));
    let doors: Vec<Client> = (0..50).map(|_| of(deaf.local_addr().unwrap().port())).collect();
    let mut stuck = Box::pin(join_all(doors.iter().map(|door| post(door, b"x"))));
    let door = of(server.port);
    let sent = async {
        let mut accepted = Vec::new();
        for _ in 0..doors.len() {
            accepted.push(deaf.accept().await.unwrap());
        }
        (post(&door, b"x").await, accepted)
    };
    tokio::select! {
        _ = &mut stuck => panic!("nobody answered"),
        (answer, _accepted) = sent => assert_eq!(answer.unwrap().status, 200),
    }
}
