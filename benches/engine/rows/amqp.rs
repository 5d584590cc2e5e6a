//! Fed by a real RabbitMQ: how fast the daemon delivers, and how soon it takes an article.
//!
//! The broker, its publisher and the tap between broker and daemon share the processors with all else. The client that is
//! the baseline posts while they have nothing to do.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::control::now;
use crate::feed::{Length, Source};
use crate::parts::rabbitmq::Rabbit;
use crate::report::{Line, Report, Target, peaks, rate, times};
use crate::rows::throughput::{DOORS, Rounds};
use crate::sink::{PATIENCE, Sink};
use crate::stage::{Stage, Wanted};
use crate::support::Outcome;
use crate::support::daemon::Daemon;
use crate::support::process::Process;
use crate::support::times::percentile;
use crate::tap::Tap;

/// Doors that an article is for.
const EACH: usize = 200;

/// Articles of which deliveries wait at any time, in the queue or in the ledger.
const ARTICLES: usize = 80;

/// Between two articles of the paced run, and how many there are.
const EVERY: Duration = Duration::from_millis(10);
const WARM: usize = 200;
const COUNTED: usize = 2_000;

/// As the configuration has it, which says nothing else.
const EXCHANGE: &str = "newswired.articles";

/// A daemon behind a broker.
struct Queue {
    daemon: Daemon,
    channel: Channel,
    _connection: Connection,
}

impl Source for Queue {
    fn process(&self) -> &Process {
        &self.daemon.process
    }

    /// Ends when the broker has it.
    async fn offer(&self, number: usize, article: Bytes) -> Outcome<()> {
        publish(&self.channel, number, &article).await
    }
}

pub async fn measure(report: &mut Report, fdatasync: &[Duration]) -> Outcome<()> {
    let rabbit = Rabbit::start().await;
    let broker = rabbit.bare_url();
    let port = broker.rsplit(':').next().and_then(|rest| rest.split('/').next()).ok_or("an address has a port")?;
    let tap = Tap::start(port.parse()?).await?;
    let more = format!("[intake.amqp]\nurls = [\"amqp://127.0.0.1:{}/%2f\"]\n", tap.port);
    let wanted = Wanted { doors: DOORS, each: EACH, document: 8 << 10, tls: false, more: &more };
    let (mut sink, stage) = Stage::set(wanted).await?;
    let mut client = stage.client().await?;
    let queue = queue(&rabbit, &stage).await?;
    let mut feed = stage.feed(ARTICLES * EACH);
    let length = Length { warm: (ARTICLES * EACH) as u64, counted: 80_000 };
    let rounds = Rounds::make(&mut sink, &mut client, &queue, &mut feed, length).await?;
    report.add(Line {
        what: format!("fed by RabbitMQ as fast as it delivers, {EACH} of {DOORS} destinations each"),
        peak: peaks(queue.process(), client.process())?,
        target: Some(Target::AtLeast(0.75)),
        ..rounds.line()
    });
    paced(report, fdatasync, &mut sink, &stage, queue, feed.offered(), &tap).await
}

/// A hundred articles a second, whatever becomes of the ones before.
async fn paced(
    report: &mut Report,
    fdatasync: &[Duration],
    sink: &mut Sink,
    stage: &Stage,
    queue: Queue,
    first: usize,
    tap: &Tap,
) -> Outcome<()> {
    let mut published = HashMap::new();
    let mut confirms: JoinSet<Outcome<()>> = JoinSet::new();
    let start = Instant::now();
    let mut before = (sink.quiet().await?, start, Duration::ZERO);
    for number in 0..WARM + COUNTED {
        sleep_until(start + EVERY * number as u32).await;
        if number == WARM {
            before = (sink.look().await?.count, Instant::now(), queue.process().cpu()?);
        }
        let (number, article, channel) = (first + number, stage.article(first + number), queue.channel.clone());
        published.insert(number, now());
        confirms.spawn(async move { publish(&channel, number, &article).await });
    }
    let delivered = sink.look().await?.count - before.0;
    let (elapsed, spent) = (before.1.elapsed(), queue.process().cpu()? - before.2);
    while let Some(confirmed) = confirms.join_next().await {
        confirmed??;
    }
    published.retain(|number, _| *number >= first + WARM);
    let began = Instant::now();
    let taken = loop {
        let taken = tap.taken();
        if published.keys().all(|number| taken.contains_key(&number.to_string())) {
            break taken;
        }
        if began.elapsed() > PATIENCE {
            return Err("not every article is acknowledged".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let (mut whole, mut own) = (Vec::new(), Vec::new());
    for (number, published) in &published {
        let taken = taken[&number.to_string()];
        whole.push(Duration::from_nanos(taken.acknowledged.saturating_sub(*published)));
        own.push(Duration::from_nanos(taken.acknowledged.saturating_sub(taken.delivered)));
    }
    whole.sort();
    own.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let shown = |sorted: &[Duration]| times(percentile(sorted, 50), percentile(sorted, 99));
    report.add(Line {
        what: "… 100 articles a second: published to acknowledged, p50 / p99".to_owned(),
        figure: shown(&whole),
        measured: Some(ms(percentile(&whole, 99))),
        unit: "ms",
        target: Some(Target::AtMost(5.0 * ms(percentile(fdatasync, 50)) + 10.0)),
        ..Line::default()
    });
    report.add(Line { what: "… of that in the daemon".to_owned(), figure: shown(&own), ..Line::default() });
    let owed = 1.0 / EVERY.as_secs_f64() * EACH as f64;
    let sent = delivered as f64 / elapsed.as_secs_f64();
    report.add(Line {
        what: "… delivered meanwhile, of what was published".to_owned(),
        figure: rate(sent),
        baseline: rate(owed),
        measured: Some(sent / owed),
        cpu: format!("{:.1}", spent.as_secs_f64() * 1e6 / delivered as f64),
        ..Line::default()
    });
    queue.daemon.kill()
}

async fn queue(rabbit: &Rabbit, stage: &Stage) -> Outcome<Queue> {
    let daemon = Daemon::start(&stage.scene).await?;
    let began = Instant::now();
    // It declares what is published to.
    while !std::fs::read_to_string(stage.scene.log())?.contains("consuming") {
        if began.elapsed() > PATIENCE {
            return Err("the daemon does not consume".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let runtime = async_rs::Runtime::tokio_current();
    let connection = Connection::connect_with_runtime(&rabbit.url(), ConnectionProperties::default(), runtime).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(Queue { daemon, channel, _connection: connection })
}

/// The article's number is its routing key. Ends when the broker has it.
async fn publish(channel: &Channel, number: usize, article: &[u8]) -> Outcome<()> {
    let properties = BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm =
        channel.basic_publish(EXCHANGE.into(), number.to_string().into(), options, article, properties).await?.await?;
    if !confirm.is_ack() || confirm.take_message().is_some() {
        return Err("an article did not reach the queue".into());
    }
    Ok(())
}
