//! A try of a door without news: what a delivery would meet on its way there, one part after the other, told to whoever
//! has the partner on the telephone.
//!
//! What doors have in common (secrets, name, connection, TLS) is looked at by the configuration alone, so it is told where
//! a secret is missing, too. What lies behind it is each door's own to try ([`Transport::knock`]). A finding of trouble
//! says what to do, and ends the way: what is behind it cannot be seen.
//!
//! Nothing of it is news, and nothing of it is written down: it knows no ledger, no lane, and takes no number of the
//! destination's sequence. A test item is the one thing that a receiver could take for news; it is proved and marked, and
//! is taken back at once.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::client::{Address, Begins, Place, look};
use super::{Class, DoorError, Outcome, Parcel, Shared, Timeouts, Transport, open};
use crate::article::Guid;
use crate::config::{Delivery, Destination, Door, Ftp, FtpTls, MailTls, Sftp};

/// What is looked at of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The secrets and keys that the destination refers to.
    Secrets,
    /// What the host's name leads to, and whether connections may.
    Name,
    Connection,
    /// The certificate that the server shows.
    Tls,
    /// An access token of OAuth.
    Token,
    /// Whether the server knows us, and lets us do what a delivery does.
    Login,
    /// How far the server's clock is from ours, where signatures have a time.
    Clock,
    /// Whether a file can be written and removed there.
    Folder,
    /// A test item, where the destination allows such.
    Item,
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Token => "token",
            Self::Login => "login",
            Self::Clock => "clock",
            Self::Folder => "folder",
            Self::Item => "item",
        }
    }
}

/// What a finding means for deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Well,
    /// Deliveries are not stopped by it, and a person should know it.
    Remark,
    /// Deliveries do not get past it.
    Trouble,
}

/// What was found of one part, each text a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub verdict: Verdict,
    pub found: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl Finding {
    pub fn well(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Well, found: found.into(), mend: None }
    }

    pub fn remark(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Remark, found: found.into(), mend: Some(mend.into()) }
    }

    pub fn trouble(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Trouble, found: found.into(), mend: Some(mend.into()) }
    }
}

/// A part that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub part: Part,
    #[serde(flatten)]
    pub finding: Finding,
    /// In milliseconds.
    pub took_ms: u64,
}

/// What a look came to: with what the next step needs, or the trouble that ends the way.
pub type Looked<T> = Result<(Finding, T), Finding>;

/// The steps so far.
#[derive(Debug, Default)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// Looks at one part. Nothing comes of one in trouble.
    pub async fn look<T>(&mut self, part: Part, looking: impl Future<Output = Looked<T>>) -> Option<T> {
        let began = Instant::now();
        let looked = looking.await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (finding, next) = match looked {
            Ok((finding, next)) => (finding, Some(next)),
            Err(trouble) => (trouble, None),
        };
        self.0.push(Step { part, finding, took_ms });
        next
    }

    /// Notes what needed no look.
    pub fn note(&mut self, part: Part, finding: Finding) {
        self.0.push(Step { part, finding, took_ms: 0 });
    }

    #[cfg(test)]
    pub fn told(&self) -> impl Iterator<Item = &Step> {
        self.0.iter()
    }

    fn in_trouble(&self) -> bool {
        self.0.iter().any(|step| step.finding.verdict == Verdict::Trouble)
    }
}

/// An article that is marked as a test, and its withdrawal.
#[derive(Debug, Clone)]
pub struct TestItem {
    pub publish: Parcel,
    pub kill: Parcel,
}

/// What the guid of a test item begins with.
pub const TEST_GUID: &str = "urn:newswire:test:";

/// Whether a story is a test: whoever sends one of that name, it is marked as such.
pub fn is_test(story: &Guid) -> bool {
    story.as_str().starts_with(TEST_GUID)
}

/// Tries the door of the destination `name` (`partner/destination`), and hands it `item` where there is one and nothing
/// before it was trouble. It always returns: each step of it has the destination's timeouts.
pub async fn knock(
    name: &str,
    destination: &Destination,
    defaults: &Delivery,
    shared: &Shared,
    item: Option<&TestItem>,
) -> Vec<Step> {
    let mut steps = Steps::default();
    let opened = steps.look(Part::Secrets, async { secrets(open(name, destination, defaults, shared)) }).await;
    if let Some(door) = destination.door() {
        way(door, defaults, shared, &mut steps).await;
    }
    if let Some(door) = opened.filter(|_| !steps.in_trouble()) {
        door.knock(&mut steps).await;
        if let Some(item) = item.filter(|_| !steps.in_trouble()) {
            steps.look(Part::Item, door.try_item(item)).await;
        }
    }
    steps.0
}

fn secrets(opened: Result<Box<dyn Transport>, DoorError>) -> Looked<Box<dyn Transport>> {
    match opened {
        Ok(door) => Ok((Finding::well("all that the destination refers to can be read and used"), door)),
        Err(DoorError::Secret(why)) => Err(Finding::trouble(
            why.to_string(),
            "try the door as the daemon's user (sudo -u newswired …), with its variables; what is a credential: is there \
             for its unit alone (systemd-run -p LoadCredential=NAME:PATH …)",
        )),
        Err(DoorError::Setting(why)) => {
            Err(Finding::trouble(why, "mend it in the destination's table, and run newswired check"))
        }
    }
}

/// Looks at the way to a door, as far as it is the same for all that stand on a connection.
async fn way(door: Door<'_>, defaults: &Delivery, shared: &Shared, steps: &mut Steps) {
    let patience = Timeouts::of(door, defaults).connect;
    let place = match place(door) {
        Ok(Some(place)) => place,
        Ok(None) => return,
        Err(why) => return steps.note(Part::Name, Finding::trouble(why.to_string(), "check the address")),
    };
    look(&place, &door.way(), patience, &shared.network, steps).await;
}

/// Where a door's connections lead; nowhere, for one of this machine.
fn place(door: Door<'_>) -> Result<Option<Place>, DoorError> {
    let by_http = |address: Address, http2| Place {
        host: address.host.into_string(),
        port: address.port,
        tls: if address.tls { Begins::AtOnce { http2 } } else { Begins::Never { because: "the address is http://" } },
    };
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    Ok(Some(match door {
        Door::Http(push) => by_http(Address::parse(push.url.fixed())?, push.http2),
        Door::WordPress(site) => by_http(Address::parse(&site.url)?, site.http2),
        Door::WebDav(webdav) => by_http(Address::parse(&webdav.url)?, webdav.http2),
        #[cfg(feature = "s3")]
        Door::S3(s3) => by_http(super::file::s3::address(s3)?, s3.http2),
        #[cfg(not(feature = "s3"))]
        Door::S3(s3) => by_http(Address::parse(&s3.endpoint)?, s3.http2),
        Door::Sftp(Sftp { host, port, .. }) => Place { host: bare(host), port: *port, tls: Begins::OfItsOwn },
        Door::Ftp(Ftp { host, port, tls, .. }) => {
            let tls = match tls {
                FtpTls::Explicit => Begins::ByAuthTls,
                FtpTls::None => Begins::Never { because: "tls is \"none\"" },
            };
            Place { host: bare(host), port: *port, tls }
        }
        Door::Mail(mail) => {
            let tls = match mail.tls {
                // Agreed on in the session: that it is, is part of being let in.
                MailTls::StartTls => Begins::OfItsOwn,
                MailTls::Implicit => Begins::AtOnce { http2: false },
                MailTls::None => Begins::Never { because: "tls is \"none\"" },
            };
            Place { host: bare(&mail.host), port: mail.port(), tls }
        }
        Door::Amqp(push) => {
            let (host, port, tls) = super::amqp::place(push)?;
            let begins =
                if tls { Begins::AtOnce { http2: false } } else { Begins::Never { because: "the address is amqp://" } };
            Place { host, port, tls: begins }
        }
        Door::Directory(_) => return Ok(None),
    }))
}

/// The item is sent as an article is, and taken back as one is.
pub(super) fn by_sending<'a, T>(door: &'a T, item: &'a TestItem) -> BoxFuture<'a, Looked<()>>
where
    T: Transport + ?Sized,
{
    async move {
        let sent = door.send(&item.publish).await;
        if sent.class != Class::Delivered {
            return Err(not_taken("the item", &sent));
        }
        let kill = Parcel { remote: sent.remote.or_else(|| item.kill.remote.clone()), ..item.kill.clone() };
        let taken_back = door.send(&kill).await;
        if taken_back.class != Class::Delivered {
            return Err(not_taken("the item was taken, and its kill", &taken_back));
        }
        let story = &item.publish.story;
        Ok((Finding::well(format!("{story}: {}; its kill: {}", sent.detail, taken_back.detail)), ()))
    }
    .boxed()
}

/// An outcome of a test item that is not that it was taken.
fn not_taken(what: &str, Outcome { class, detail, .. }: &Outcome) -> Finding {
    let mend = match class {
        Class::Refused => "the door is well, and the document is not what the partner takes: ask what it misses",
        Class::Gone => "ask the partner for the address that took its place",
        Class::Unknown { .. } => {
            "it may have arrived: ask the partner to look for it, and to take it down where it stands"
        }
        Class::Deferred { .. } | Class::Delivered => "ask the partner what its server says of it",
    };
    Finding::trouble(format!("{what}: {detail}"), mend)
}

/// How far apart two clocks may be before a receiver of signatures refuses what is good (Standard Webhooks: five minutes,
/// on either side), and how far before a person should know.
const TOLERANCE: Duration = Duration::from_secs(300);
const NOTEWORTHY: Duration = Duration::from_secs(30);

/// What it means that a server's clock is `ahead` of ours by so many seconds.
pub fn clock(ahead: i64) -> Finding {
    let apart = ahead.unsigned_abs();
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let found = format!("the server's is {apart} s {side} ours");
    let mend = "see whose clock is wrong (timedatectl says whether ours is synchronised): receivers refuse a signature \
                whose time is five minutes off";
    if apart > TOLERANCE.as_secs() {
        Finding::trouble(found, mend)
    } else if apart > NOTEWORTHY.as_secs() {
        Finding::remark(found, mend)
    } else {
        Finding::well(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_where_signatures_would_be_refused() {
        let verdict = |ahead| clock(ahead).verdict;
        assert_eq!([-30, 0, 30].map(verdict), [Verdict::Well; 3]);
        assert_eq!([-300, -31, 31, 300].map(verdict), [Verdict::Remark; 4]);
        assert_eq!([i64::MIN, -301, 301].map(verdict), [Verdict::Trouble; 3]);
        assert!(clock(-40).found.contains("40 s behind") && clock(40).found.contains("40 s ahead"));
    }

    #[test]
    fn a_story_is_a_test_by_its_name() {
        let is = |guid: &str| is_test(&guid.parse().unwrap());
        assert!(is("urn:newswire:test:1"));
        assert!(!is("urn:newswire:tests") && !is("urn:hpnf:urn:newswire:test:1"));
    }
}
