//! The program under simulation: everything of the daemon between intake and transport, wired as `daemon.rs` does it.

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::schedule::{DOORS, EVERY_DOOR, Fault, RATE_BURST, SECTION_DOOR};
use super::world::{Desk, Door, IN_NETWORK, World};
use crate::article::{Action, Article, Urgency};
use crate::attribution::{Proved, sample};
use crate::clock::Clock;
use crate::config::{Config, Edition, Environment, Format, NameFields, Secrets};
use crate::current::Current;
use crate::delivery::{Dispatch, Documents, Editions, Growth, Lanes, Numbered, Rendered, Shared, Wakes};
use crate::events::{Events, Looks};
use crate::intake::{Contracts, Inbox};
use crate::ledger::simulated::{Disk, StepWriter, Written};
use crate::ledger::{ArticleId, Ledger, LedgerError};
use crate::render;
use crate::telemetry::Metrics;
use crate::upkeep::{Reloads, Upkeep};

/// The doors' partners: one that takes everything, one with early copies, one that takes every version, one that takes a
/// section, by a contract with a rate; in the second variant another section, in the third the first partner is paused.
const PARTNERS: [&str; DOORS] = [
    "name = \"Plain\"\npaused = PAUSED\n",
    "name = \"Early\"\n[entitlement]\nembargo_early = \"20s\"\n",
    "name = \"Archive\"\n",
    "name = \"Section\"\n[subscriptions.one]\nsections = [\"SECTION\"]\n",
];

const DESTINATION: &str = "[destinations.main]\nformat = \"json\"\nMORE\nconcurrency = 2\n\
                           [destinations.main.http]\nurl = \"http://127.0.0.1:9/\"\n";

const MAIN: &str = "[wires.hpnf]\nname = \"Harbor Press\"\nshort_name = \"HPNF\"\nrequire = []\n\
                    [delivery]\nallow_addresses = [\"127.0.0.1\"]\nbackoff = { first = \"500ms\", ceiling = \"4s\" }\nretry_after_limit = \"5s\"\n\
                    [intake.spool]\ndir = \"spool\"\n\
                    [events]\ntrouble_after = \"5s\"\n[events.receivers.desk]\nbatch = 5\n\
                    [events.receivers.desk.http]\nurl = \"http://127.0.0.1:9/\"\n";

/// The variants of the configuration.
pub fn configs() -> &'static [Config; 3] {
    static CONFIGS: OnceLock<[Config; 3]> = OnceLock::new();
    CONFIGS.get_or_init(|| [config(0), config(1), config(2)])
}

fn config(variant: usize) -> Config {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file can be written");
    std::fs::create_dir(dir.path().join("partners.d")).expect("a directory can be made");
    write("newswired.toml", MAIN);
    for (number, partner) in PARTNERS.iter().enumerate() {
        let more = match number {
            EVERY_DOOR => "versions = \"every\"".to_owned(),
            SECTION_DOOR => format!("rate = \"12/min\"\nburst = {RATE_BURST}"),
            _ => String::new(),
        };
        let partner = partner
            .replace("PAUSED", if variant == 2 { "true" } else { "false" })
            .replace("SECTION", if variant == 1 { "section-1" } else { "section-0" });
        let text = format!("{partner}{}", DESTINATION.replace("MORE", &more));
        write(&format!("partners.d/p{number}.toml"), &text);
    }
    let main = dir.path().join("newswired.toml");
    crate::config::load_from(&main, &Environment::default(), Secrets::Read).unwrap_or_else(|why| panic!("{why}"))
}

/// One life of the program. It ends when `stop` is cancelled, or when it is dropped: then it died.
pub async fn live(world: Arc<World>, disk: Disk, variant: usize, incarnation: u32, stop: CancellationToken) {
    let (ledger, writer) = disk.open(world.now(), IN_NETWORK);
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let working = work(Arc::clone(&world), ledger, variant, incarnation, stop);
    let mut writing = pin!(write(Arc::clone(&world), writer));
    tokio::select! {
        biased;
        // A process ends when all that it has handed over is on the disk.
        () = working => writing.await,
        () = &mut writing => {}
    }
}

async fn work(world: Arc<World>, ledger: Arc<dyn Ledger>, variant: usize, incarnation: u32, stop: CancellationToken) {
    let config = &configs()[variant];
    let clock: Arc<dyn Clock> = Arc::clone(&world) as _;
    let open = |name: &str, _: &_, _: &_| {
        let number = name.trim_start_matches('p').split('/').next().and_then(|number| number.parse().ok());
        let number = number.expect("a partner's name has its number");
        Ok(Box::new(Door { number, world: Arc::clone(&world) }) as _)
    };
    let Ok(Lanes { lanes, due, ids, beats: _ }) = again(|| async {
        let mut editions = Editions::default();
        Lanes::open(config, |_| true, open, &mut editions, ledger.as_ref(), world.now()).await
    })
    .await;
    let metrics = Arc::new(Metrics::new());
    let looks = Looks { for_new: Duration::from_secs(2), for_more: Duration::from_secs(2) };
    let desk = |_: &str, _: &_| Ok(Box::new(Desk { world: Arc::clone(&world) }) as _);
    let opened = again(|| Events::open_with(config, desk, looks, &ledger, &ids, &metrics, &clock)).await;
    let Ok(events) = opened;
    let wakes = Wakes::new(&lanes);
    let contracts = Arc::new(Current::new(Contracts::new(config, &ids)));
    let inbox = Arc::new(Inbox::new(
        Arc::clone(&contracts),
        Arc::clone(&ledger),
        wakes.clone(),
        Arc::clone(&metrics),
        Arc::clone(&clock),
    ));
    let by_the_clock = Upkeep {
        ledger: Arc::clone(&ledger),
        inbox: Arc::clone(&inbox),
        contracts,
        wakes: wakes.clone(),
        clock: Arc::clone(&clock),
        keep: Arc::new(Current::new(config.ledger.clone())),
        look: Duration::from_millis(500),
        // A schedule has one configuration for each life of the program.
        reloads: Reloads::new().0,
    };
    let Ok(()) = again(|| by_the_clock.take_orders()).await;
    {
        let mut state = world.lock();
        state.inbox = Some(inbox);
        state.book.process(incarnation, variant, world.elapsed());
    }
    let documents = Arc::new(OneDocument { ledger: Arc::clone(&ledger) });
    let random = Mutex::new(fastrand::Rng::with_seed(u64::from(incarnation)));
    let health = ledger.health();
    let growth = Growth::default();
    let shared = Shared { ledger, documents, metrics, clock, random, growth, health, tracer: None };
    let dispatch = Dispatch::new(lanes, shared, wakes).run(due, stop.clone(), Duration::from_secs(3));
    let events = Arc::new(events.seeded(u64::from(incarnation)));
    tokio::join!(dispatch, events.run(stop.clone()), by_the_clock.run(stop));
    // Nothing is taken any more.
    world.lock().inbox = None;
}

/// A start that meets a ledger which cannot write tries again, as its service manager would.
async fn again<T, E, F: Future<Output = Result<T, E>>>(
    mut work: impl FnMut() -> F,
) -> Result<T, std::convert::Infallible> {
    loop {
        match work().await {
            Ok(done) => return Ok(done),
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
}

/// The writer: commits what was asked, unless the schedule has something against it.
async fn write(world: Arc<World>, mut writer: StepWriter) {
    loop {
        let most = 1 + world.span(Duration::from_micros(7)).as_micros() as usize;
        if !writer.gather(most).await {
            // The program has closed its ledger.
            return;
        }
        tokio::time::sleep(world.span(Duration::from_millis(3))).await;
        match world.take_fault() {
            None => {
                let written = writer.written();
                writer.commit();
                note(&world, written);
            }
            Some(Fault::DieBefore) => return die(&world).await,
            Some(Fault::DieWithin) => {
                writer.fail();
                return die(&world).await;
            }
            Some(Fault::DieAfter) => {
                let written = writer.written();
                writer.commit_and_die();
                note(&world, written);
                return die(&world).await;
            }
            Some(Fault::Down(span)) => {
                world.lock().book.disturb(world.elapsed(), "the ledger cannot write");
                let until = world.elapsed() + span;
                while world.elapsed() < until {
                    writer.fail();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                writer.heal();
                world.lock().book.calm(world.elapsed());
            }
        }
    }
}

fn note(world: &World, written: Vec<Written>) {
    let at = world.elapsed();
    for one in written {
        match one {
            Written::Article(article) => world.lock().book.committed(&article, at),
            Written::Order(order) => world.lock().book.ordered(&order, at),
        }
    }
}

async fn die(world: &World) {
    world.died.notify_one();
    std::future::pending().await
}

/// Documents for a simulation: always the same one, made and proved once. What an article looks like is not in question.
struct OneDocument {
    ledger: Arc<dyn Ledger>,
}

impl Documents for OneDocument {
    fn get<'a>(&'a self, article: ArticleId, _: &'a Numbered) -> BoxFuture<'a, Result<Arc<Rendered>, LedgerError>> {
        async move {
            let Article { guid, version, action, urgency, .. } = Article::clone(&*self.ledger.article(article).await?);
            let document = Ok(document(action));
            let names = NameFields::of(&guid).into();
            Ok(Arc::new(Rendered {
                story: guid,
                version,
                action,
                urgency,
                published: None,
                document,
                names,
                dropped: Vec::new(),
                media: Arc::default(),
                trace: None,
            }))
        }
        .boxed()
    }
}

fn document(action: Action) -> Arc<Proved> {
    static DOCUMENTS: OnceLock<(Arc<Proved>, Arc<Proved>)> = OnceLock::new();
    let (story, kill) = DOCUMENTS.get_or_init(|| {
        let make = |action| {
            let article = Article { action, urgency: Urgency::NORMAL, ..sample::article() };
            let made = render::rendition(&article, &sample::own(sample::wire()), &Edition::plain(Format::Json));
            Arc::new(made.unwrap_or_else(|flaw| panic!("{flaw}")).document)
        };
        (make(Action::Publish), make(Action::Kill))
    });
    Arc::clone(if action.withdraws() { kill } else { story })
}
