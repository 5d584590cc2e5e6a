//! Hosts' names and their addresses, for all doors together.
//!
//! An answer is kept for its time to live, a failure for a few seconds. Doors of one host share a question; those of
//! another wait for nothing of it, so a name server that hangs for one name delays who asked for that name (promise 7).
//! A question lives as long as somebody waits for its answer.
//!
//! The system's own resolver (`getaddrinfo`) tells no time to live and blocks a thread for each question, of which there
//! is a bounded number: some hundred doors of a dead name server would keep all others from theirs. It is asked only
//! where the machine has no name server ([`system`]).

mod system;
#[cfg(test)]
pub mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, Shared, WeakShared, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::{Instant, timeout};

use self::system::System;

/// How long a failure is believed: a door that is tried again sooner would only ask the same once more, and one that was
/// mended is found in time.
const BRIEFLY: Duration = Duration::from_secs(5);

/// How long addresses of the system's own resolver are believed: they come without a time to live.
const WITHOUT_TTL: Duration = Duration::from_secs(30);

/// How long the addresses of one family wait for those of the other. Most answers come together; some name servers never
/// answer for IPv6 (RFC 8305 §3 waits for 50 ms, which one question across an ocean takes longer than).
const OTHER_FAMILY: Duration = Duration::from_millis(300);

/// A question ends by the name servers' own timeouts; this bounds what a search list makes of them.
const LONGEST_QUESTION: Duration = Duration::from_secs(30);

/// Names that are known at a time; the configuration has fewer, but pages may lead anywhere.
const MOST: usize = 65_536;

/// The addresses of a host, in the order in which to try them, or why there are none.
pub type Addresses = Result<Arc<[IpAddr]>, Arc<str>>;

/// What is known of names, and whom to ask.
pub struct Names {
    system: Arc<System>,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

enum Known {
    Told(Told),
    /// Others wait for the answer. When they have all gone, so has the question.
    Asked(WeakShared<Question>),
}

type Question = BoxFuture<'static, Told>;

#[derive(Debug, Clone)]
struct Told {
    addresses: Addresses,
    until: Instant,
}

impl Told {
    fn failed(host: &str, why: &dyn std::fmt::Display) -> Self {
        let why = format!("no address for {host}: {why}");
        Self { addresses: Err(why.into()), until: Instant::now() + BRIEFLY }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new(System::default())
    }
}

impl Names {
    fn new(system: System) -> Self {
        Self { system: Arc::new(system), known: Mutex::default() }
    }

    /// The addresses of `host`, which is a name.
    ///
    /// # Errors
    /// In a sentence, when there are none.
    pub async fn addresses(&self, host: &str) -> Addresses {
        self.addresses_at(host, Instant::now()).await
    }

    async fn addresses_at(&self, host: &str, now: Instant) -> Addresses {
        let question = match self.known_or_asked(host, now) {
            Ok(addresses) => return addresses,
            Err(question) => question,
        };
        let told = question.await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, one| match one {
                Known::Told(told) => told.until > now,
                Known::Asked(question) => question.upgrade().is_some(),
            });
        }
        known.insert(host.into(), Known::Told(told.clone()));
        told.addresses
    }

    fn known_or_asked(&self, host: &str, now: Instant) -> Result<Addresses, Shared<Question>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = match known.get(host) {
            Some(Known::Told(told)) if told.until > now => return Ok(told.addresses.clone()),
            Some(Known::Asked(question)) => question.upgrade(),
            Some(Known::Told(_)) | None => None,
        };
        Err(asked.unwrap_or_else(|| {
            let question = ask(Arc::clone(&self.system), host.to_owned()).boxed().shared();
            // It was not polled yet, so it has not ended, and there is something to point to.
            if let Some(weak) = question.downgrade() {
                known.insert(host.into(), Known::Asked(weak));
            }
            question
        }))
    }
}

async fn ask(system: Arc<System>, host: String) -> Told {
    let asked = async {
        let machine = system.current().await;
        let pinned = machine.hosts_file(&host);
        if !pinned.is_empty() {
            return Told { addresses: Ok(pinned.into()), until: Instant::now() + system::LOOK };
        }
        match &machine.resolver {
            Some(resolver) => by_name_server(resolver, &host).await,
            None => by_the_system(&host).await,
        }
    };
    match timeout(LONGEST_QUESTION, asked).await {
        Ok(told) => told,
        Err(_) => Told::failed(&host, &format_args!("no name server answered within {LONGEST_QUESTION:?}")),
    }
}

async fn by_the_system(host: &str) -> Told {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => {
            Told { addresses: Ok(found.map(|address| address.ip()).collect()), until: Instant::now() + WITHOUT_TTL }
        }
        Err(why) => Told::failed(host, &why),
    }
}

/// The addresses of one family, and until when they hold.
type Family = Result<(Vec<IpAddr>, Instant), NetError>;

async fn by_name_server(resolver: &TokioResolver, host: &str) -> Told {
    let name = match Name::from_str_relaxed(host) {
        Ok(name) => name,
        Err(why) => return Told::failed(host, &why),
    };
    // Both are asked at once.
    let (six, four) = (family(resolver, name.clone(), RecordType::AAAA), family(resolver, name, RecordType::A));
    let (one, other) = both(six, four).await;
    let (mut addresses, mut until, mut failed, mut whole) = ([Vec::new(), Vec::new()], None, None, true);
    for family in [Some(one), other] {
        match family {
            Some(Ok((found, holds))) => {
                until = Some(until.map_or(holds, |until: Instant| until.min(holds)));
                for address in found {
                    addresses[usize::from(address.is_ipv4())].push(address);
                }
            }
            Some(Err(why)) => {
                whole &= says_that_there_is_none(&why);
                failed = Some(why);
            }
            None => whole = false,
        }
    }
    let [six, four] = addresses;
    match (until, failed) {
        (Some(until), _) if !(six.is_empty() && four.is_empty()) => {
            // What is missing now may be there in a moment.
            let until = if whole { until } else { until.min(Instant::now() + BRIEFLY) };
            Told { addresses: Ok(in_turn(six, four)), until }
        }
        (_, Some(why)) => Told::failed(host, &reason(&why)),
        (_, None) => Told::failed(host, &"it has none"),
    }
}

/// What both come to; the second is `None` when it did not come soon after a first with addresses.
async fn both<F: Future<Output = Family>>(six: F, four: F) -> (Family, Option<Family>) {
    let (six, four) = (pin!(six), pin!(four));
    let (first, second) = match select(six, four).await {
        Either::Left((six, four)) => (six, four),
        Either::Right((four, six)) => (four, six),
    };
    let second = match &first {
        Ok((found, _)) if !found.is_empty() => timeout(OTHER_FAMILY, second).await.ok(),
        Ok(_) | Err(_) => Some(second.await),
    };
    (first, second)
}

async fn family(resolver: &TokioResolver, name: Name, kind: RecordType) -> Family {
    let lookup = resolver.lookup(name, kind).await?;
    let found = lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
    Ok((found, lookup.valid_until().into()))
}

/// The families take turns, IPv6 first, so that one that does not work here costs one head start (RFC 8305 §4).
fn in_turn(six: Vec<IpAddr>, four: Vec<IpAddr>) -> Arc<[IpAddr]> {
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut addresses = Vec::with_capacity(six.len() + four.len());
    loop {
        let before = addresses.len();
        addresses.extend(six.next().into_iter().chain(four.next()));
        if addresses.len() == before {
            return addresses.into();
        }
    }
}

fn says_that_there_is_none(why: &NetError) -> bool {
    matches!(why, NetError::Dns(DnsError::NoRecordsFound(_)))
}

/// The library's words quote its own types.
fn reason(why: &NetError) -> String {
    let code = match why {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
        NetError::Dns(DnsError::ResponseCode(code)) => *code,
        NetError::Timeout | NetError::NoConnections => return "no name server answered".to_owned(),
        other => return other.to_string(),
    };
    match code {
        ResponseCode::NXDomain => "there is no such name".to_owned(),
        ResponseCode::NoError => "it has none".to_owned(),
        code => format!("the name server answered {code}"),
    }
}
