//! One trace for each article, from what its source says to each partner's first delivery; told to a collector that decodes
//! it with OpenTelemetry's own messages, whatever becomes of daemon and collector.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::Value;
use support::rabbitmq::Rabbit;
use support::recorder::Recorder;
use support::traces::Collector;
use support::{Partner, Scene, TOKEN, article, get, ordered, secrets, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LONG: Duration = Duration::from_secs(60);

/// What the newsroom's programs say of their traces.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const STATE: &str = "vendor=00f067aa0ba902b7,other@system=x";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

/// Publishes by HTTP with more headers. Returns the status.
async fn post(scene: &Scene, body: &[u8], more: &str) -> String {
    let head = format!(
        "POST /v1/articles HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n{more}\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", scene.http)).await.expect("the intake listens");
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Publishes what is new.
async fn publish(scene: &Scene, body: &[u8], more: &str) {
    assert_eq!(post(scene, body, more).await, "202");
}

async fn channel(rabbit: &Rabbit) -> Channel {
    let runtime = async_rs::Runtime::tokio_current();
    let url = rabbit.url();
    let connection = Connection::connect_with_runtime(&url, ConnectionProperties::default(), runtime);
    connection.await.expect("it connects").create_channel().await.expect("it opens a channel")
}

/// A partner's server that takes everything.
async fn taking() -> Recorder {
    Recorder::new(|_| StatusCode::NO_CONTENT.into_response()).await
}

fn header<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    request["headers"][name].as_str()
}

fn text<'a>(span: &'a Value, key: &str) -> &'a str {
    span[key].as_str().unwrap_or_default()
}

/// Those of one trace.
fn of_trace(collector: &Collector, trace: &str) -> Vec<Value> {
    collector.spans().into_iter().filter(|span| span["trace"] == trace).collect()
}

/// Waits until so many spans of a trace are there, and returns them; fails where it is more in the end.
async fn spans(collector: &Collector, trace: &str, number: usize) -> Vec<Value> {
    let what = format!("{number} spans of the trace {trace}");
    until(LONG, &what, async || of_trace(collector, trace).len() >= number).await;
    let spans = of_trace(collector, trace);
    assert_eq!(spans.len(), number, "{spans:#?}");
    spans
}

/// The only one of this name.
fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found: Vec<_> = spans.iter().filter(|span| span["name"] == name).collect();
    let [one] = found[..] else { panic!("{} spans are called {name:?}: {spans:#?}", found.len()) };
    one
}

/// Which span follows which, by their names and kinds; `@` is the newsroom's.
fn tree(spans: &[Value]) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> = spans.iter().map(|span| (text(span, "span"), text(span, "name"))).collect();
    assert_eq!(names.len(), spans.len(), "each has an id of its own");
    let line = |span: &Value| {
        let parent = match text(span, "parent") {
            "" => "",
            SPAN => "@",
            id => names.get(id).unwrap_or_else(|| panic!("nobody told the parent of {span:#}")),
        };
        assert!(span["began"].as_u64() <= span["ended"].as_u64(), "{span:#}");
        format!("{parent} > {} [{}]", text(span, "name"), text(span, "kind"))
    };
    spans.iter().map(line).collect()
}

fn attributes(span: &Value) -> Vec<String> {
    let all = span["attributes"].as_object().expect("it has attributes");
    all.iter().map(|(key, value)| format!("{key} = {value}")).collect()
}

/// What differs from run to run.
fn hidden(text: String, ports: &[&str]) -> String {
    ports.iter().fold(text, |text, port| text.replace(port, "PORT"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_is_one_trace_from_its_source_to_each_partner() {
    let (rabbit, collector) = tokio::join!(Rabbit::start(), Collector::start());
    let (told, untold) = (taking().await, taking().await);
    let key = secrets::made("key of the partner's query");
    let partner =
        |id, recorder: &Recorder, more| Partner { id, format: "json", url: format!("{}/in?x=1", recorder.root), more };
    let partners = [
        partner("told", &told, "trace_context = true\nauth = { query = { name = \"key\", value = \"env:KEY\" } }"),
        partner("untold", &untold, ""),
    ];
    let intake =
        format!("[intake.amqp]\nurls = [\"{}\"]\nuser = \"guest\"\npassword = \"env:GUEST\"\n", rabbit.bare_url());
    let table = collector.table(
        "delay = \"50ms\"\nheaders = { x-tenant = \"news\" }\nsecret_headers = { x-api-key = \"env:COLLECTOR_KEY\" }",
    );
    let mut scene = Scene::new(&partners, "", &format!("{intake}{table}"));
    let api_key = secrets::made("key of the collector's door");
    scene.environment = vec![("KEY", key), ("COLLECTOR_KEY", api_key.clone()), ("GUEST", "guest".to_owned())];
    let queue = format!(
        "name = \"Queue\"\n[destinations.main]\nformat = \"ninjs-2.2\"\n[destinations.main.amqp]\nurl = \"{}\"\nexchange = \"\"\n\
         routing_key = \"partner\"\ntrace_context = true\n",
        rabbit.bare_url()
    );
    std::fs::write(scene.dir.path().join("partners.d/queue.toml"), queue).expect("a file can be written");
    let amqp = channel(&rabbit).await;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    amqp.queue_declare("partner".into(), options, FieldTable::default()).await.expect("a queue can be made");
    scene.start().await;
    until(LONG, "it consumes", async || scene.log().contains("consuming")).await;

    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(traceparent("01").into()));
    headers.insert("tracestate".into(), AMQPValue::LongString(STATE.into()));
    let properties = BasicProperties::default().with_headers(headers).with_message_id("m-1".into());
    let confirm = amqp
        .basic_publish(
            "newswired.articles".into(),
            "news.ferry".into(),
            BasicPublishOptions::default(),
            &article("ferry", 1, "publish"),
            properties.with_content_type("application/json".into()),
        )
        .await;
    confirm.expect("the broker takes it").await.expect("and says so");

    let seen = spans(&collector, TRACE, 10).await;
    insta::assert_snapshot!(tree(&seen).into_iter().collect::<Vec<_>>().join("\n"), @r"
    @ > process newswired.articles [consumer]
    deliver queue/main > publish amq.default [producer]
    deliver told/main > POST [client]
    deliver untold/main > POST [client]
    process newswired.articles > commit [internal]
    process newswired.articles > decode [internal]
    process newswired.articles > deliver queue/main [internal]
    process newswired.articles > deliver told/main [internal]
    process newswired.articles > deliver untold/main [internal]
    process newswired.articles > route [internal]
    ");
    assert!(seen.iter().all(|span| span["state"] == STATE), "{seen:#?}");
    assert!(seen.iter().all(|span| span["status"] == "unset"), "{seen:#?}");
    // Bits 8 and 9 are whether the parent is known to be another program's.
    let flags: BTreeSet<_> =
        seen.iter().map(|span| (text(span, "kind") == "consumer", span["flags"].as_u64())).collect();
    assert_eq!(flags, BTreeSet::from([(true, Some(0x301)), (false, Some(0x101))]));
    let process = named(&seen, "process newswired.articles");
    insta::assert_snapshot!(attributes(process).join("\n"), @r#"
    messaging.destination.name = "newswired.articles:news.ferry:newswired.articles"
    messaging.message.body.size = 197
    messaging.message.id = "m-1"
    messaging.operation.name = "process"
    messaging.operation.type = "process"
    messaging.rabbitmq.destination.routing_key = "news.ferry"
    messaging.rabbitmq.message.delivery_tag = 1
    messaging.system = "rabbitmq"
    newswired.action = "publish"
    newswired.deliveries = 3
    newswired.result = "accepted"
    newswired.story = "urn:test:ferry"
    newswired.version = 1
    "#);
    let port = told.root.rsplit(':').next().expect("it has a port");
    let request = seen
        .iter()
        .find(|span| text(span, "kind") == "client" && span["attributes"]["server.port"].as_u64() == port.parse().ok());
    let request = request.expect("the request is told");
    insta::assert_snapshot!(hidden(attributes(request).join("\n"), &[port]), @r#"
    http.request.method = "POST"
    http.response.status_code = 204
    server.address = "127.0.0.1"
    server.port = PORT
    url.full = "http://127.0.0.1:PORT/in"
    "#);
    insta::assert_snapshot!(attributes(named(&seen, "deliver told/main")).join("\n"), @r#"
    newswired.action = "publish"
    newswired.attempt = 1
    newswired.destination = "told/main"
    newswired.outcome = "delivered"
    newswired.story = "urn:test:ferry"
    newswired.version = 1
    "#);
    let publish_to = rabbit.bare_url();
    let broker = publish_to.trim_end_matches("/%2f").rsplit(':').next().expect("it has a port");
    insta::assert_snapshot!(hidden(attributes(named(&seen, "publish amq.default")).join("\n"), &[broker]), @r#"
    messaging.destination.name = "partner"
    messaging.message.id = "msg_4c971e1f252097ea63a8e103ed2ffa78"
    messaging.operation.name = "publish"
    messaging.operation.type = "send"
    messaging.rabbitmq.destination.routing_key = "partner"
    messaging.system = "rabbitmq"
    server.address = "127.0.0.1"
    server.port = PORT
    "#);
    assert!(seen.iter().all(|span| span["resource"]["service.name"] == "newswired" && span["scope"][0] == "newswired"));

    // Who is told has the span of the request that it got; who is not has nothing of it.
    let got = &told.requests()[0];
    let expected = format!("00-{TRACE}-{}-01", text(request, "span"));
    assert_eq!((header(got, "traceparent"), header(got, "tracestate")), (Some(&*expected), Some(STATE)));
    let other = &untold.requests()[0];
    assert_eq!((header(other, "traceparent"), header(other, "tracestate")), (None, None));
    assert_eq!(got["body"], other["body"], "the document is the same for both (promise 9)");
    let message =
        amqp.basic_get("partner".into(), BasicGetOptions { no_ack: true }).await.expect("a queue can be read");
    let message = message.expect("it has the message");
    let headers = message.properties.headers().as_ref().expect("it has headers").inner();
    let expected = format!("00-{TRACE}-{}-01", text(named(&seen, "publish amq.default"), "span"));
    assert_eq!(headers["traceparent"], AMQPValue::LongString(expected.into()));
    assert_eq!(headers["tracestate"], AMQPValue::LongString(STATE.into()));

    // By HTTP, in a trace of its own; what is wrong with a state does not spoil it.
    let other = TRACE.replace("0af7", "1111");
    let more = format!("traceparent: {}\r\ntracestate: WRONG\r\n", traceparent("01").replace(TRACE, &other));
    publish(&scene, &article("fire", 1, "publish"), &more).await;
    let seen = spans(&collector, &other, 10).await;
    let arrival = named(&seen, "POST /v1/articles");
    assert_eq!((text(arrival, "parent"), text(arrival, "kind"), text(arrival, "state")), (SPAN, "server", ""));
    insta::assert_snapshot!(attributes(arrival).join("\n"), @r#"
    client.address = "127.0.0.1"
    http.request.body.size = 194
    http.request.method = "POST"
    http.response.status_code = 202
    http.route = "/v1/articles"
    newswired.action = "publish"
    newswired.deliveries = 3
    newswired.result = "accepted"
    newswired.story = "urn:test:fire"
    newswired.version = 1
    url.path = "/v1/articles"
    url.scheme = "http"
    "#);
    // The same again is one in the trace of who sends it, and makes no deliveries.
    let again = TRACE.replace("0af7", "2222");
    let body = article("fire", 1, "publish");
    let head = format!("traceparent: {}\r\n", traceparent("01").replace(TRACE, &again));
    assert_eq!(post(&scene, &body, &head).await, "200");
    let seen = spans(&collector, &again, 4).await;
    assert_eq!(named(&seen, "POST /v1/articles")["attributes"]["newswired.result"], "repeated");

    // What is no article ends in quarantine, and is told as a failure where nobody answers who sent it.
    let wrong = TRACE.replace("0af7", "4444");
    let head = format!("traceparent: {}\r\n", traceparent("01").replace(TRACE, &wrong));
    assert_eq!(post(&scene, b"{}", &head).await, "422");
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(traceparent("01").replace(TRACE, &wrong).into()));
    let properties = BasicProperties::default().with_headers(headers);
    let (exchange, options) = ("newswired.articles".into(), BasicPublishOptions::default());
    amqp.basic_publish(exchange, "news".into(), options, b"{}", properties).await.expect("the broker takes it");
    let seen = spans(&collector, &wrong, 4).await;
    for (name, status) in [("POST /v1/articles", "unset"), ("process newswired.articles", "error")] {
        let span = named(&seen, name);
        assert_eq!((text(span, "status"), &span["attributes"]["newswired.result"]), (status, &"quarantined".into()));
    }

    // Who says that a trace is not told is taken at his word, and the partner is told so.
    let silent = TRACE.replace("0af7", "3333");
    let more = format!("traceparent: {}\r\n", traceparent("00").replace(TRACE, &silent));
    publish(&scene, &article("flood", 1, "publish"), &more).await;
    // A trace that cannot be read is none: another begins.
    publish(&scene, &article("storm", 1, "publish"), &format!("traceparent: {}\r\n", traceparent("01").to_uppercase()))
        .await;
    until(LONG, "all four arrive", async || told.requests().len() == 4).await;
    let of = |story: &str| told.requests().into_iter().find(|got| header(got, "newswire-story") == Some(story));
    let (flood, storm) = (of("urn:test:flood").expect("it came"), of("urn:test:storm").expect("it came"));
    let parent = header(&flood, "traceparent").expect("it is handed on");
    assert!(
        parent.starts_with(&format!("00-{silent}-")) && parent.ends_with("-00") && !parent.contains(SPAN),
        "{parent}"
    );
    let own =
        header(&storm, "traceparent").expect("one of its own").split('-').nth(1).expect("it has a trace").to_owned();
    let seen = spans(&collector, &own, 10).await;
    assert_eq!(text(named(&seen, "POST /v1/articles"), "parent"), "");
    assert_eq!(of_trace(&collector, &silent).len(), 0);

    // The logs name the trace, requests have their headers, and no secret or query is told.
    let accepted = scene.log().lines().find(|line| line.contains(": accepted story=urn:test:ferry")).map(str::to_owned);
    assert!(accepted.is_some_and(|line| line.contains(&format!("trace_id={TRACE}"))), "{}", scene.log());
    let requests = collector.requests();
    assert!(requests.iter().all(|request| request["path"] == "/v1/traces"), "{requests:#?}");
    let headers: BTreeMap<String, Value> =
        serde_json::from_value(requests[0]["headers"].clone()).expect("they are a table");
    let headers: BTreeMap<_, _> = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    assert_eq!((&headers["x-tenant"], &headers["x-api-key"]), (&"news".into(), &Value::from(api_key)));
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let all = serde_json::to_string(&collector.spans()).expect("it is JSON");
    secrets::assert_hidden("the traces", &all);
    assert!(!all.contains("x=1"), "an address's query is not told");
    assert_eq!(scene.terminate().await, Some(0));
}

/// A partner's server that is out of order until it is told otherwise.
async fn mended_later() -> (Recorder, Arc<AtomicBool>) {
    let works = Arc::new(AtomicBool::new(false));
    let looked = Arc::clone(&works);
    let answer = move |_: &Value| -> Response<Body> {
        let status = if looked.load(Ordering::Acquire) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        status.into_response()
    };
    (Recorder::new(answer).await, works)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_on_when_the_daemon_died_in_between() {
    let collector = Collector::start().await;
    let (recorder, works) = mended_later().await;
    let more = "trace_context = true";
    let partner = Partner { id: "a", format: "json", url: format!("{}/in", recorder.root), more };
    // What is under way when it dies is of unknown outcome, and is sent again when it can no longer be in the network.
    let mut scene =
        Scene::new(&[partner], "write_timeout = \"1s\"\nanswer_timeout = \"1s\"", &collector.table("delay = \"10ms\""));
    scene.start().await;
    publish(&scene, &article("ferry", 1, "publish"), &format!("traceparent: {}\r\n", traceparent("01"))).await;
    // The arrival's four, and two of an attempt.
    until(LONG, "an attempt is told", async || of_trace(&collector, TRACE).len() >= 6).await;
    let before = of_trace(&collector, TRACE);
    let accepted = text(named(&before, "POST /v1/articles"), "span").to_owned();
    let failed = before.iter().find(|span| text(span, "kind") == "client").expect("the request is told");
    assert_eq!((text(failed, "status"), &failed["attributes"]["error.type"]), ("error", &"503".into()));
    assert_eq!(failed["attributes"]["http.response.status_code"], 503);

    scene.kill();
    works.store(true, Ordering::Release);
    scene.start().await;
    let arrived = |span: &Value| span["attributes"]["newswired.outcome"] == "delivered";
    until(LONG, "it arrives", async || of_trace(&collector, TRACE).iter().any(arrived)).await;
    let seen = of_trace(&collector, TRACE);
    // Whatever was told has a parent that was told, and all attempts follow the arrival.
    tree(&seen);
    let attempts: Vec<_> = seen.iter().filter(|span| span["name"] == "deliver a/main").collect();
    assert!(attempts.len() >= 2 && attempts.iter().all(|span| span["parent"] == accepted), "{seen:#?}");
    let last = attempts.iter().find(|span| arrived(span)).expect("it was waited for");
    let number = last["attributes"]["newswired.attempt"].as_i64().expect("it has a number");
    let request = seen.iter().find(|span| span["parent"] == last["span"]).expect("its request is told");
    assert_eq!(request["attributes"]["http.request.resend_count"], number - 1);
    let got = recorder.requests();
    let parents: BTreeSet<_> = got.iter().filter_map(|request| header(request, "traceparent")).collect();
    assert_eq!(parents.len(), got.len(), "each attempt is a span of its own");
    assert_eq!(
        header(got.last().expect("there are some"), "traceparent"),
        Some(&*format!("00-{TRACE}-{}-01", text(request, "span")))
    );
    assert!(got.windows(2).all(|pair| pair[0]["body"] == pair[1]["body"]), "the document is the same (promise 9)");

    // What an operator sends once more is no first delivery.
    let (told, sent) = (seen.len(), got.len());
    ordered(&scene, &["resend", "--story", "urn:test:ferry", "--partner", "a"]);
    until(LONG, "it is sent again", async || recorder.requests().len() > sent).await;
    assert_eq!(header(&recorder.requests()[sent], "traceparent"), None);
    assert_eq!(scene.terminate().await, Some(0), "which hands over the last spans");
    assert_eq!(of_trace(&collector, TRACE).len(), told);
}

/// The number behind a name in the metrics.
async fn metric(scene: &Scene, name: &str) -> Option<u64> {
    let (_, text) = get(scene.admin, "/metrics").await?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

const DROPPED: &str = "newswired_trace_spans_total{result=\"dropped\"}";
const EXPORTED: &str = "newswired_trace_spans_total{result=\"exported\"}";
const FAILED: &str = "newswired_trace_spans_total{result=\"failed\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_a_delivery_nor_a_stop() {
    let collector = Collector::start().await;
    collector.mode("hang");
    let recorder = taking().await;
    let partner = Partner { id: "a", format: "json", url: recorder.root.clone(), more: "" };
    let table = collector.table("delay = \"1ms\"\nqueue = 20\nbatch = 10\ntimeout = \"5m\"");
    let mut scene = Scene::new(&[partner], "", &table);
    scene.start().await;
    for number in 0..20 {
        publish(&scene, &article(&format!("story-{number}"), 1, "publish"), "").await;
    }
    until(LONG, "all arrive", async || recorder.requests().len() == 20).await;
    until(LONG, "the collector has a request", async || !collector.requests().is_empty()).await;
    // Six of each article; what waits, and what is under way, is no more than 20 and 10.
    until(LONG, "what finds no room is dropped", async || metric(&scene, DROPPED).await >= Some(20 * 6 - 30)).await;
    assert_eq!(collector.requests().len(), 1, "it hangs in the first");
    let began = Instant::now();
    assert_eq!(scene.terminate().await, Some(0));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "the last spans have a second, and it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_refuses_costs_nothing_but_its_spans() {
    let mut collector = Collector::start().await;
    collector.server.stop();
    let recorder = taking().await;
    let partner = Partner { id: "a", format: "json", url: recorder.root.clone(), more: "" };
    let mut scene = Scene::new(&[partner], "", &collector.table("delay = \"1ms\""));
    scene.start().await;
    let publish = async |name: &str| publish(&scene, &article(name, 1, "publish"), "").await;
    publish("one").await;
    until(LONG, "it arrives", async || recorder.requests().len() == 1).await;
    let told = "the collector does not take traces";
    until(LONG, "the log says so", async || scene.log().contains(told)).await;
    // It has them when it is back: they waited.
    collector.mode("503");
    collector.server.start_again().await;
    until(LONG, "it is out of order", async || !collector.requests().is_empty()).await;
    collector.mode("take");
    until(LONG, "it has them all", async || collector.spans().len() == 6).await;
    until(LONG, "the log says so", async || scene.log().contains("the collector takes traces again")).await;
    assert_eq!((metric(&scene, EXPORTED).await, metric(&scene, FAILED).await), (Some(6), Some(0)));
    assert_eq!(scene.log().matches(told).count(), 1, "once");

    collector.mode("partial");
    publish("two").await;
    until(LONG, "they are counted", async || metric(&scene, FAILED).await == Some(6)).await;
    assert_eq!((metric(&scene, EXPORTED).await, metric(&scene, DROPPED).await), (Some(6), Some(0)));

    // At a stop it is given up at once, since it is known to be in trouble.
    collector.server.stop();
    publish("three").await;
    until(LONG, "the log says so", async || scene.log().matches(told).count() == 2).await;
    let began = Instant::now();
    assert_eq!(scene.terminate().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_leaves_no_trace() {
    let recorder = taking().await;
    let partner = Partner { id: "a", format: "json", url: recorder.root.clone(), more: "trace_context = true" };
    let mut scene = Scene::new(&[partner], "", "");
    scene.start().await;
    publish(&scene, &article("ferry", 1, "publish"), &format!("traceparent: {}\r\n", traceparent("01"))).await;
    until(LONG, "it arrives", async || recorder.requests().len() == 1).await;
    assert_eq!(header(&recorder.requests()[0], "traceparent"), None);
    let (_, metrics) = get(scene.admin, "/metrics").await.expect("it answers");
    assert!(!metrics.contains("newswired_trace_spans_total{"), "{metrics}");
    assert!(!scene.log().contains("trace_id"), "{}", scene.log());
    let ledger = rusqlite::Connection::open(scene.ledger()).expect("the ledger is there");
    let kept: i64 =
        ledger.query_row("SELECT count(trace) FROM article", [], |row| row.get(0)).expect("it can be asked");
    assert_eq!(kept, 0);
    // It is connected to nobody but whom it listens for and its partner.
    let partner: u16 = recorder.root.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it has a port");
    let ours = [scene.http, scene.admin];
    let strangers: Vec<_> = connections(scene.pid())
        .into_iter()
        .filter(|(local, remote)| *remote != 0 && *remote != partner && !ours.contains(local))
        .collect();
    assert_eq!(strangers, []);
}

/// The local and the remote port of each of a process's TCP connections.
fn connections(pid: u32) -> Vec<(u16, u16)> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
    let links = links.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    let inodes: BTreeSet<String> =
        links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).expect("the kernel tells");
        for line in text.lines().skip(1) {
            let cells: Vec<_> = line.split_whitespace().collect();
            let port =
                |cell: &str| u16::from_str_radix(cell.rsplit(':').next().unwrap_or_default(), 16).unwrap_or_default();
            if inodes.contains(cells[9]) {
                found.push((port(cells[1]), port(cells[2])));
            }
        }
    }
    found
}
