//! What this machine says of names: its hosts file, and whom it asks (`hosts(5)`, `resolv.conf(5)`).
//!
//! Both files may change while the program runs: a network comes up, an operator pins a name. They are looked at again
//! before a question when the last look was some seconds ago.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::Instant;

/// How long what was read is believed without a look at the files.
pub const LOOK: Duration = Duration::from_secs(5);

/// The machine's files, and what was read of them.
pub struct System {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    /// Where name servers listen. The standard port, but for tests.
    port: u16,
    read: Mutex<Option<Read>>,
}

struct Read {
    looked: Instant,
    changed: [Option<SystemTime>; 2],
    machine: Arc<Machine>,
}

/// What was read.
pub struct Machine {
    hosts: Hosts,
    /// None where the machine has no name server: then its own resolver may know other ways.
    pub resolver: Option<TokioResolver>,
}

impl Default for System {
    fn default() -> Self {
        Self::reading("/etc/resolv.conf".into(), "/etc/hosts".into(), 53)
    }
}

impl System {
    pub fn reading(resolv_conf: PathBuf, hosts: PathBuf, port: u16) -> Self {
        Self { resolv_conf, hosts, port, read: Mutex::default() }
    }

    /// As when the last look was long ago.
    #[cfg(test)]
    pub fn look_again(&self) {
        if let Some(read) = self.read.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            read.changed = [None; 2];
            read.looked -= LOOK;
        }
    }

    /// What the files say now, or said a moment ago.
    pub async fn current(self: &Arc<Self>) -> Arc<Machine> {
        let now = Instant::now();
        let known = {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.as_ref().map(|read| (now < read.looked + LOOK, read.changed, Arc::clone(&read.machine)))
        };
        if let Some((true, _, machine)) = &known {
            return Arc::clone(machine);
        }
        let system = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            let changed = [&system.resolv_conf, &system.hosts].map(|file| modified(file));
            let machine = match known {
                Some((_, before, machine)) if before == changed => machine,
                Some(_) | None => Arc::new(Machine::read(&system.resolv_conf, &system.hosts, system.port)),
            };
            let read = Read { looked: now, changed, machine: Arc::clone(&machine) };
            *system.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
            machine
        });
        // Reading does not panic, and nothing aborts it but the end of the runtime.
        looked.await.unwrap_or_else(|_| Arc::new(Machine { hosts: Hosts::default(), resolver: None }))
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|about| about.modified()).ok()
}

impl Machine {
    fn read(resolv_conf: &Path, hosts: &Path, port: u16) -> Self {
        let mut known = Hosts::default();
        if let Ok(file) = std::fs::File::open(hosts)
            && let Err(why) = known.read_hosts_conf(file)
        {
            tracing::warn!(file = %hosts.display(), reason = %why, "hosts file not read");
        }
        let resolver = match resolver(resolv_conf, port) {
            Ok(resolver) => Some(resolver),
            Err(why) => {
                tracing::warn!(
                    file = %resolv_conf.display(), reason = %why,
                    "no name server; the system's own resolver is asked"
                );
                None
            }
        };
        Self { hosts: known, resolver }
    }

    /// Every address that the hosts file has for the name. A name that stands there for one family is not asked for in
    /// the other: who pins a name means all of it.
    pub fn hosts_file(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_str_relaxed(host) else { return Vec::new() };
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|found| found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
            .collect()
    }
}

fn resolver(resolv_conf: &Path, port: u16) -> Result<TokioResolver, String> {
    let text = std::fs::read(resolv_conf).map_err(|why| why.to_string())?;
    let (mut config, mut options) = parse_resolv_conf(text).map_err(|why| why.to_string())?;
    for server in &mut config.name_servers {
        server.connections.iter_mut().for_each(|connection| connection.port = port);
    }
    // Answers are kept here, failures too, and the hosts file is looked at for both families at once.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|why| why.to_string())
}
