//! What is sent, as this program's own reading of the messages has it; `tests/traces.rs` has it decoded by others.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::config::Delivery;
use crate::telemetry::{Attributes, Kind, TraceContext, TraceId};
use crate::transport::Network;
use crate::transport::client::Parts;

fn span() -> Span {
    Span {
        context: TraceContext::new(TraceId::random(), true),
        parent: None,
        is_remote: false,
        kind: Kind::Internal,
        name: "work".into(),
        began: Timestamp::UNIX_EPOCH,
        ended: Timestamp::UNIX_EPOCH,
        attributes: Attributes::default(),
        failed: None,
    }
}

/// Exported, dropped, failed.
fn counts(metrics: &Metrics) -> [u64; 3] {
    let SpanCounts { exported, dropped, failed } = metrics.span_counts();
    [exported.get(), dropped.get(), failed.get()]
}

struct Bench {
    tracer: Arc<Tracer>,
    metrics: Metrics,
    listener: TcpListener,
    stop: CancellationToken,
    work: tokio::task::JoinHandle<()>,
}

async fn bench(more: &str) -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let traces = toml::from_str(&format!("url = \"{url}\"\nallow_addresses = [\"127.0.0.1\"]\n{more}")).unwrap();
    let metrics = Metrics::new();
    let network = Network::new(Parts::new(1, []), &Delivery::default()).unwrap();
    let shared = Shared { network: Arc::new(network), gzip: Arc::default(), metrics: Arc::default(), media: None };
    let (tracer, collector) = Collector::open(&traces, &shared, &metrics).unwrap();
    let stop = CancellationToken::new();
    let work = tokio::spawn(collector.run(stop.clone()));
    Bench { tracer, metrics, listener, stop, work }
}

impl Bench {
    /// The next request, on a connection of its own, which is answered and closed: its head, and its number of spans.
    async fn answer(&self, answer: &str) -> (String, usize) {
        let answered = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
            loop {
                if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                    let head = String::from_utf8_lossy(&seen[..end]).into_owned();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    let body = &seen[end + 4..];
                    if body.len() == length.parse::<usize>().unwrap() {
                        let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        return (head, message::number(body));
                    }
                }
                let read = stream.read(&mut piece).await.unwrap();
                assert!(read > 0, "the request is cut off");
                seen.extend_from_slice(&piece[..read]);
            }
        };
        timeout(Duration::from_secs(20), answered).await.expect("a request comes")
    }

    async fn counted(&self, expected: [u64; 3]) {
        let counted = async {
            while counts(&self.metrics) != expected {
                tokio::task::yield_now().await;
            }
        };
        let waited = timeout(Duration::from_secs(20), counted).await;
        assert!(waited.is_ok(), "{:?} is not {expected:?}", counts(&self.metrics));
    }
}

#[tokio::test]
async fn what_the_protocol_says_is_tried_again_is_and_nothing_else() {
    let bench = bench("delay = \"1ms\"").await;
    for (status, number) in [("400 No", 1), ("500 Broken", 2), ("302 Elsewhere", 3)] {
        bench.tracer.record(span());
        let (head, spans) = bench.answer(status).await;
        assert!(head.starts_with("POST /v1/traces HTTP/1.1") && spans == 1, "{spans} in {head}");
        bench.counted([0, 0, number]).await;
    }
    for (status, number) in [
        ("429 Slowly\r\nretry-after: 0", 1),
        ("502 Bad\r\nretry-after: 0", 2),
        ("503 No\r\nretry-after: 0", 3),
        ("504 Late\r\nretry-after: 0", 4),
    ] {
        bench.tracer.record(span());
        bench.answer(status).await;
        bench.answer("200 OK").await;
        bench.counted([number, 0, 3]).await;
    }
    bench.stop.cancel();
    bench.work.await.unwrap();
}

#[tokio::test]
async fn spans_go_together_and_the_last_of_them_at_the_stop() {
    let bench = bench("delay = \"1h\"\nbatch = 3\nqueue = 100").await;
    bench.tracer.record(span());
    // It is taken up, and waits for others.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    for _ in 0..7 {
        bench.tracer.record(span());
    }
    assert_eq!(bench.answer("200 OK").await.1, 3);
    assert_eq!(bench.answer("200 OK").await.1, 3);
    bench.counted([6, 0, 0]).await;
    bench.stop.cancel();
    assert_eq!(bench.answer("200 OK").await.1, 2);
    bench.counted([8, 0, 0]).await;
    bench.work.await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_a_second_for_a_collector_that_was_well_and_counts_what_it_leaves() {
    let bench = bench("delay = \"1h\"\nbatch = 3\nqueue = 100").await;
    for _ in 0..5 {
        bench.tracer.record(span());
    }
    // It is taken, and never answered.
    let accepted = timeout(Duration::from_secs(20), bench.listener.accept()).await.expect("a request comes");
    let (_stream, _) = accepted.unwrap();
    let began = Instant::now();
    bench.stop.cancel();
    bench.work.await.unwrap();
    assert!((LAST..LAST * 3).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(counts(&bench.metrics), [0, 0, 5]);
}

#[test]
fn an_answer_says_how_many_were_not_taken() {
    assert_eq!(Answered::refused(&[]), 0);
    // partial_success { rejected_spans: 7 error_message: "no" }
    assert_eq!(Answered::refused(&[0x0a, 6, 0x08, 7, 0x12, 2, b'n', b'o']), 7);
    for other in [&b"<html>"[..], &[0x0a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
        assert_eq!(Answered::refused(other), 0);
    }
}
