//! The configuration, loaded again while the daemon runs.
//!
//! ```text
//!  SIGHUP, a changed file, `newswired reload` ──▶ load and check it whole ──▶ what is different? ──▶ do all that can fail
//!                                                     │ wrong                                          │ wrong   │ done
//!                                                     ▼                                                ▼         ▼
//!                                                 the old one stays, and log, page, metric and exit code say why   adopt it
//! ```
//!
//! Only what has changed is touched. A destination that is new starts; one whose door has changed is sent its next attempt
//! through the new one, and is tried at once; one that is gone is begun nothing more at, and keeps what it is owed in the
//! ledger. What is under way ends as it began. An article is accepted by one configuration, from its first byte to its
//! commit. Adopting cannot fail, so nothing is half done.
//!
//! What is different is [`Plan`]'s affair, which `newswired check --diff` shows.

mod files;
mod kept;

pub use files::Files;
pub use kept::{beside, read};

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::attribution::Policies;
use crate::clock::Clock;
use crate::config::{self, Config, Packed, Plan, Port, Secrets};
use crate::current::Current;
use crate::delivery::{Editions, Lane, Lanes, Renditions, Wakes, Wanted};
use crate::events::Events;
use crate::intake::{Contracts, Intakes};
use crate::ledger::{DestinationId, Ledger, LedgerError, Order, OrderId, OrderState};
use crate::ops::admin::Admin;
use crate::ops::board::{Fleet, InForce};
use crate::ops::{service, startup};
use crate::render::check_templates;
use crate::telemetry::{Logs, Metrics, ResultLabel};
use crate::transport::{self, Removed, Transport};
use crate::upkeep::{Asked, Reloads};

/// Orders looked at, at the start.
const ORDERS: usize = 64;

/// What goes by the configuration, and can go by another one.
pub struct Reload {
    pub file: PathBuf,
    /// Where the ledger of this daemon is, whatever the configuration says by now.
    pub ledger_path: PathBuf,
    pub ledger: Arc<dyn Ledger>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub logs: Option<Arc<Logs>>,
    pub wakes: Wakes,
    pub editions: Editions,
    pub doors: transport::Shared,
    pub renditions: Arc<Renditions>,
    pub contracts: Arc<Current<Contracts>>,
    pub keep: Arc<Current<config::Ledger>>,
    pub intakes: Intakes,
    pub events: watch::Sender<Option<Arc<Events>>>,
    pub admin: Admin,
    pub fleet: Arc<Current<Fleet>>,
    pub in_force: Arc<Current<InForce>>,
}

/// What is looked at for changes, and what the daemon goes by.
struct Running {
    reload: Reload,
    files: Arc<Current<Files>>,
    /// What it goes by.
    packed: Packed,
    /// What it was started with.
    started: Packed,
}

impl Reload {
    /// Does what is asked for until `stop`. `config` is what the daemon was started with, and `packing` packs its tree. The tasks
    /// go to `tasks`.
    pub fn start(
        self,
        config: Config,
        packing: JoinHandle<Packed>,
        (reloads, asked): (Reloads, mpsc::UnboundedReceiver<Asked>),
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let files = Arc::new(Current::new(Files::new(&self.file, &config)));
        tasks.spawn(files::run(Arc::clone(&files), reloads, stop.clone()));
        let (began, stop) = (self.clock.now(), stop.clone());
        tasks.spawn(async move {
            // One that cannot be ended now is ended at the next start.
            let _ = self.end_old_orders(began).await;
            // Every part has what it needs of it.
            drop(config);
            // A panic of its own ends the task: the daemon takes that for a part that broke off.
            let Ok(packed) = packing.await else { return };
            kept::write(&self.ledger_path, &packed).await;
            Running { reload: self, files, started: packed.clone(), packed }.run(asked, stop).await;
        });
    }

    /// An order to reload that was taken up before this start, which `began` then, needs nothing more.
    async fn end_old_orders(&self, began: Timestamp) -> Result<(), LedgerError> {
        for (record, _) in self.ledger.open_orders(ORDERS).await? {
            let is_old = record.taken.is_some_and(|at| at < began);
            if is_old && record.order == Order::Reload && record.state == OrderState::Working {
                let done = "newswired was started since, with the configuration as it was then".to_owned();
                self.ledger.end_order(record.id, Ok(done), self.clock.now()).await?;
            }
        }
        Ok(())
    }
}

impl Running {
    async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Asked>, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                first = asked.recv() => first,
            };
            // Its sender is here for as long as this is.
            let Some(first) = first else { return };
            // What was asked before the files are read is answered by the same look.
            let mut all = vec![first];
            while let Ok(more) = asked.try_recv() {
                all.push(more);
            }
            service::reloading();
            let result = self.load().await;
            let (word, told) = match &result {
                Ok(plan) if plan.is_empty() => ("unchanged", Ok(plan.summary())),
                Ok(plan) => ("adopted", Ok(plan.summary())),
                Err(why) => ("refused", Err(why.clone())),
            };
            self.tell(word, &told, &all.iter().map(Asked::to_string).collect::<Vec<_>>().join(", "));
            // Whoever waits for this finds what came of it in the log.
            service::ready();
            for asked in all {
                match asked {
                    Asked::Signal | Asked::Change => {}
                    Asked::Order(id) => self.end(id, told.clone()).await,
                }
            }
        }
    }

    fn tell(&self, result: &str, told: &Result<String, String>, asked: &str) {
        let Reload { metrics, in_force, clock, .. } = &self.reload;
        metrics.config_reloads.get_or_create(&ResultLabel { result: result.to_owned() }).inc();
        metrics.config_good.set(i64::from(told.is_ok()));
        let before = in_force.get();
        match told {
            Ok(summary) => {
                tracing::info!(asked, summary, "configuration loaded again");
                let now = clock.now();
                metrics.config_loaded.set(now.as_duration().as_secs_f64());
                in_force.set(InForce { refused: None, since: now, ..InForce::clone(&before) });
            }
            Err(reason) => {
                tracing::error!(asked, reason, "configuration refused; the last one stays in force");
                in_force.set(InForce { refused: Some(reason.clone()), ..InForce::clone(&before) });
            }
        }
    }

    async fn end(&self, id: OrderId, told: Result<String, String>) {
        let told = told.map_err(|why| format!("the last configuration stays in force: {why}"));
        if let Err(why) = self.reload.ledger.end_order(id, told, self.reload.clock.now()).await {
            tracing::warn!(order = %id, reason = %why, "what came of an order cannot be written down");
        }
    }

    /// Loads what stands in the files now, and goes by it.
    ///
    /// # Errors
    /// In sentences for the operator. Nothing has changed then.
    async fn load(&mut self) -> Result<Plan, String> {
        let (file, packed, started) = (self.reload.file.clone(), self.packed.clone(), self.started.clone());
        let read = tokio::task::spawn_blocking(move || {
            let loaded = config::load_whole(&file, Secrets::Read).map_err(|why| why.to_string())?;
            check_templates(&loaded.config)?;
            let unpack =
                |packed: &Packed| packed.unpack().map_err(|why| format!("what is in force cannot be read back: {why}"));
            let mut plan = Plan::between(&unpack(&packed)?, &loaded.tree);
            // What was put back since the start waits for nothing any more.
            plan.at_next_start = Plan::between(&unpack(&started)?, &loaded.tree).at_next_start;
            Ok::<_, String>((loaded.tree.pack(), loaded.config, plan))
        });
        let (packed, config, plan) = read.await.map_err(|why| why.to_string())??;
        if plan.is_empty() {
            return Ok(plan);
        }
        self.reload.adopt(&config, &plan).await?;
        self.files.set(Files::new(&self.reload.file, &config));
        kept::write(&self.reload.ledger_path, &packed).await;
        self.packed = packed;
        startup::look(&config).await;
        Ok(plan)
    }
}

/// A destination of the new configuration whose lane there is already.
struct Known<'a> {
    lane: Arc<Lane>,
    wanted: Wanted<'a>,
    /// Where it gets another one.
    door: Option<Arc<dyn Transport>>,
}

impl Reload {
    /// Goes by `config`, of which `plan` says what is different from now.
    async fn adopt(&mut self, config: &Config, plan: &Plan) -> Result<(), String> {
        let now = self.clock.now();
        let unavailable = |why: LedgerError| why.to_string();

        // What can fail comes first.
        let ports = self.intakes.prepare(config, &plan.ports).await?;
        // Whoever hands in articles must not get in there by that token.
        let has_admin = plan.ports.contains(&Port::Admin) || plan.ports.contains(&Port::Http);
        let admin = if has_admin { Some(self.admin.prepare(config).await?) } else { None };
        let shares =
            plan.all_reopened || !(plan.added.is_empty() && plan.removed.is_empty() && plan.reopened.is_empty());
        let doors = if shares { Some(self.doors.anew(config).map_err(|why| why.to_string())?) } else { None };
        let wanted = Wanted::all(config, &mut self.editions).map_err(|why| why.to_string())?;
        let registrations = wanted.iter().map(Wanted::registration).collect();
        let ids = self.ledger.register(registrations, now).await.map_err(unavailable)?;
        let kept: BTreeSet<DestinationId> = ids.iter().copied().collect();
        let (mut known, mut new) = (Vec::new(), BTreeSet::new());
        for (wanted, id) in wanted.into_iter().zip(ids) {
            let Some(lane) = self.wakes.lane(id) else {
                new.insert(wanted.name);
                continue;
            };
            let door = match &doors {
                Some(doors) if is_reopened(plan, &wanted, doors, &self.doors, config) => {
                    let open = transport::open(&wanted.name, wanted.destination, &config.delivery, doors);
                    Some(open.map_err(|why| format!("destination {}: {why}", wanted.name))?.into())
                }
                Some(_) | None => None,
            };
            known.push(Known { lane, wanted, door });
        }
        let shared = doors.as_ref().unwrap_or(&self.doors);
        let open = |name: &str, door: &_, defaults: &_| transport::open(name, door, defaults, shared);
        let ledger = self.ledger.as_ref();
        let opened = Lanes::open(config, |name| new.contains(name), open, &mut self.editions, ledger, now);
        let Lanes { lanes, due, ids: new_ids, beats: new_beats } = opened.await.map_err(|why| why.to_string())?;
        let mut ids: HashMap<_, _> = known.iter().map(|one| (one.wanted.name.clone(), one.lane.id)).collect();
        let mut beats: HashMap<_, _> =
            known.iter().map(|one| (one.wanted.name.clone(), Arc::clone(&one.lane.beat))).collect();
        ids.extend(new_ids);
        beats.extend(new_beats);
        let events = if plan.events || shares {
            let opened = Events::open(config, shared, &self.ledger, &ids, &self.metrics, &self.clock).await;
            Some(Arc::new(opened.map_err(|why| why.to_string())?))
        } else {
            None
        };

        // From here on nothing can.
        if let Some(doors) = doors {
            self.doors = doors;
        }
        self.renditions.adopt(plan.terms.then(|| Policies::all(config)), self.doors.media.clone());
        for Known { lane, wanted, door } in known {
            if wanted.adopt(&lane, door, now) {
                self.wakes.adopted(&lane);
            }
        }
        // Lanes are there before anything is owed to them, and until nothing more is.
        self.wakes.add(lanes, due);
        self.contracts.set(Contracts::new(config, &ids));
        self.fleet.set(Fleet::new(config, beats));
        for lane in self.wakes.all().into_iter().filter(|lane| !kept.contains(&lane.id)) {
            let in_network = lane.settings.get().door.in_network();
            self.wakes.retire(&lane, Arc::new(Removed { in_network }), now);
            self.metrics.destinations.forget(&lane.name);
        }
        self.intakes.adopt(ports);
        if events.is_some() {
            self.events.send_replace(events);
        }
        if let Some(admin) = admin {
            self.admin.adopt(admin);
        }
        self.keep.set(config.ledger.clone());
        if let Some(logs) = self.logs.as_ref().filter(|_| plan.log_level)
            && let Err(reason) = logs.adopt(&config.log.level)
        {
            tracing::error!(reason, "log level not changed");
        }
        let at_next_start = plan.at_next_start.clone();
        self.in_force.set(InForce { at_next_start, ..InForce::clone(&self.in_force.get()) });
        Ok(())
    }
}

/// Whether a destination gets another door: its settings have changed, or its part of the connections has.
fn is_reopened(
    plan: &Plan,
    wanted: &Wanted<'_>,
    doors: &transport::Shared,
    before: &transport::Shared,
    config: &Config,
) -> bool {
    let part = |shared: &transport::Shared| shared.part(wanted.destination, &config.delivery);
    plan.all_reopened
        || plan.added.contains(&wanted.name)
        || plan.reopened.contains(&wanted.name)
        || part(doors) != part(before)
}
