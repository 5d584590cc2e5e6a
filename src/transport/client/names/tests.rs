use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;
use std::path::Path;

use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;

const LONG: Duration = Duration::from_secs(20);
const A: u16 = 1;
const AAAA: u16 = 28;

/// What the name server says of a name.
#[derive(Clone)]
pub enum Says {
    Addresses(Vec<IpAddr>, u32),
    /// The same, and no answer at all to who asks for IPv6.
    DeafForIpv6(Ipv4Addr, u32),
    NoSuchName,
    Trouble,
    Nothing,
}

/// A name server that says what it is told to, and counts the questions.
pub struct NameServer {
    pub port: u16,
    says: watch::Sender<BTreeMap<String, Says>>,
    asked: watch::Receiver<BTreeMap<String, usize>>,
    _task: JoinSet<()>,
}

impl NameServer {
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let (says, said) = watch::channel(BTreeMap::new());
        let (count, asked) = watch::channel(BTreeMap::new());
        let mut task = JoinSet::new();
        task.spawn(async move {
            // A question that is repeated because this machine is slow is the same one.
            let mut seen = HashSet::new();
            let mut packet = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let (name, kind, end) = question(&packet[..length]);
                if seen.insert((packet[0], packet[1], name.clone(), kind)) {
                    count.send_modify(|count| *count.entry(name.clone()).or_default() += 1);
                }
                let says = said.borrow().get(&name).cloned().unwrap_or(Says::NoSuchName);
                if let Some(answer) = answer(&packet[..end], kind, &says) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self { port, says, asked, _task: task }
    }

    pub fn say(&self, name: &str, says: Says) {
        self.says.send_modify(|all| {
            all.insert(name.to_owned(), says);
        });
    }

    fn asked(&self, name: &str) -> usize {
        self.asked.borrow().get(name).copied().unwrap_or_default()
    }

    async fn was_asked(&mut self, name: &str) {
        timeout(LONG, self.asked.wait_for(|asked| asked.contains_key(name))).await.unwrap().unwrap();
    }
}

/// The name, the type, and where the question ends (RFC 1035 §4.1.2).
fn question(packet: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8(packet[at + 1..=at + length].to_vec()).unwrap());
        at += 1 + length;
    }
    (labels.join(".").to_lowercase(), u16::from_be_bytes([packet[at + 1], packet[at + 2]]), at + 5)
}

/// RFC 1035 §4.1, with the question's name pointed to.
fn answer(question: &[u8], kind: u16, says: &Says) -> Option<Vec<u8>> {
    let (addresses, ttl, code): (Vec<IpAddr>, u32, u8) = match says {
        Says::Addresses(addresses, ttl) => (addresses.clone(), *ttl, 0),
        Says::DeafForIpv6(_, _) if kind == AAAA => return None,
        Says::DeafForIpv6(address, ttl) => (vec![(*address).into()], *ttl, 0),
        Says::NoSuchName => (Vec::new(), 0, 3),
        Says::Trouble => (Vec::new(), 0, 2),
        Says::Nothing => return None,
    };
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter(|address| kind == if address.is_ipv4() { A } else { AAAA })
        .map(|address| match address {
            IpAddr::V4(four) => four.octets().to_vec(),
            IpAddr::V6(six) => six.octets().to_vec(),
        })
        .collect();
    let mut packet = question.to_vec();
    packet[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    packet[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
    packet[8..12].fill(0);
    for data in records {
        packet.extend([0xc0, 12]);
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1]);
        packet.extend(ttl.to_be_bytes());
        packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend(data);
    }
    Some(packet)
}

/// A machine whose files say this.
pub fn machine(resolv_conf: &str, hosts: &str, port: u16) -> (TempDir, Names) {
    let dir = tempfile::tempdir().unwrap();
    let [resolv, host] = ["resolv.conf", "hosts"].map(|name| dir.path().join(name));
    write(&resolv, resolv_conf);
    write(&host, hosts);
    let names = Names::new(System::reading(resolv, host, port));
    (dir, names)
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

pub const ONE: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn says(texts: &[&str], ttl: u32) -> Says {
    Says::Addresses(ips(texts), ttl)
}

async fn addresses(names: &Names, host: &str, now: Instant) -> Vec<IpAddr> {
    timeout(LONG, names.addresses_at(host, now)).await.unwrap().unwrap().to_vec()
}

async fn failure(names: &Names, host: &str, now: Instant) -> String {
    timeout(LONG, names.addresses_at(host, now)).await.unwrap().unwrap_err().to_string()
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_to_live_and_a_change_is_seen_after_it() {
    let server = NameServer::start().await;
    let (_dir, names) = machine(ONE, "", server.port);
    server.say("cms.paper.example", says(&["192.0.2.1", "2001:db8::1", "192.0.2.2"], 60));
    let now = Instant::now();
    let first = ips(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    assert_eq!(addresses(&names, "cms.paper.example", now).await, first, "the families take turns, IPv6 first");
    assert_eq!(server.asked("cms.paper.example"), 2, "one question for each family");
    server.say("cms.paper.example", says(&["192.0.2.9"], 60));
    assert_eq!(addresses(&names, "cms.paper.example", now + Duration::from_secs(59)).await, first);
    assert_eq!(server.asked("cms.paper.example"), 2);
    assert_eq!(addresses(&names, "cms.paper.example", now + Duration::from_secs(62)).await, ips(&["192.0.2.9"]));
    assert_eq!(server.asked("cms.paper.example"), 4);
}

#[tokio::test]
async fn a_failure_is_kept_briefly() {
    let server = NameServer::start().await;
    let (_dir, names) = machine(ONE, "", server.port);
    server.say("gone.example", Says::NoSuchName);
    server.say("ill.example", Says::Trouble);
    let now = Instant::now();
    assert_eq!(failure(&names, "gone.example", now).await, "no address for gone.example: there is no such name");
    let ill = failure(&names, "ill.example", now).await;
    assert!(ill.starts_with("no address for ill.example: "), "{ill}");
    for host in ["gone.example", "ill.example"] {
        let asked = server.asked(host);
        server.say(host, says(&["192.0.2.1"], 60));
        failure(&names, host, now + Duration::from_secs(1)).await;
        assert_eq!(server.asked(host), asked, "{host} is not asked for again at once");
        let later = Instant::now() + BRIEFLY;
        assert_eq!(addresses(&names, host, later).await, ips(&["192.0.2.1"]), "{host} is found when it is mended");
    }
}

#[tokio::test]
async fn a_question_that_hangs_is_waited_for_by_those_who_ask_it() {
    let mut server = NameServer::start().await;
    let (_dir, names) = machine("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n", "", server.port);
    let names = Arc::new(names);
    server.say("hangs.example", Says::Nothing);
    server.say("well.example", says(&["192.0.2.1"], 60));
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let names = Arc::clone(&names);
        asking.spawn(async move { names.addresses("hangs.example").await });
    }
    server.was_asked("hangs.example").await;
    assert_eq!(addresses(&names, "well.example", Instant::now()).await, ips(&["192.0.2.1"]));
    assert!(asking.try_join_next().is_none(), "the others still wait");
    assert_eq!(server.asked("hangs.example"), 2, "all of them share a question");
    // When nobody waits any more, the question is forgotten, and the next one is asked anew.
    asking.shutdown().await;
    server.say("hangs.example", says(&["192.0.2.7"], 60));
    assert_eq!(addresses(&names, "hangs.example", Instant::now()).await, ips(&["192.0.2.7"]));
}

/// One who gives up takes nobody's answer away.
#[tokio::test]
async fn a_question_outlives_who_asked_first() {
    let mut server = NameServer::start().await;
    let (_dir, names) = machine("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n", "", server.port);
    server.say("slow.example", Says::Nothing);
    let mut first = Box::pin(names.addresses("slow.example"));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(names.addresses("slow.example"));
    assert!(futures_util::poll!(second.as_mut()).is_pending());
    tokio::select! {
        _ = first.as_mut() => panic!("nobody answered"),
        () = server.was_asked("slow.example") => {}
    }
    drop(first);
    // What got no answer is sent again, as the same question.
    server.say("slow.example", says(&["192.0.2.3"], 60));
    assert_eq!(timeout(LONG, second).await.unwrap().unwrap().to_vec(), ips(&["192.0.2.3"]));
    assert_eq!(server.asked("slow.example"), 2, "it was one question");
}

#[tokio::test]
async fn a_name_server_that_is_deaf_for_ipv6_costs_a_moment() {
    let server = NameServer::start().await;
    let (_dir, names) = machine("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n", "", server.port);
    server.say("four.example", Says::DeafForIpv6(Ipv4Addr::new(192, 0, 2, 4), 3_600));
    let began = Instant::now();
    assert_eq!(addresses(&names, "four.example", began).await, ips(&["192.0.2.4"]));
    assert!(began.elapsed() < Duration::from_secs(15));
    // The family that is missing is asked for again soon.
    server.say("four.example", says(&["192.0.2.4", "2001:db8::4"], 60));
    let later = Instant::now() + BRIEFLY;
    assert_eq!(addresses(&names, "four.example", later).await, ips(&["2001:db8::4", "192.0.2.4"]));
}

#[tokio::test]
async fn the_hosts_file_comes_first_and_for_both_families() {
    let server = NameServer::start().await;
    let (_dir, names) = machine(ONE, "192.0.2.50 test.paper.example other\n", server.port);
    server.say("test.paper.example", says(&["2001:db8::1", "192.0.2.1"], 60));
    assert_eq!(addresses(&names, "test.paper.example", Instant::now()).await, ips(&["192.0.2.50"]));
    assert_eq!(server.asked("test.paper.example"), 0);
}

#[tokio::test]
async fn files_that_change_are_read_again() {
    let server = NameServer::start().await;
    let (dir, names) = machine("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n", "", server.port);
    server.say("a.example", says(&["192.0.2.1"], 60));
    let now = Instant::now();
    failure(&names, "a.example", now).await;
    write(&dir.path().join("resolv.conf"), ONE);
    write(&dir.path().join("hosts"), "192.0.2.60 b.example\n");
    // As after the time for the next look.
    names.system.look_again();
    assert_eq!(addresses(&names, "a.example", now + 10 * BRIEFLY).await, ips(&["192.0.2.1"]));
    assert_eq!(addresses(&names, "b.example", now).await, ips(&["192.0.2.60"]));
}

#[tokio::test]
async fn a_short_name_is_looked_for_in_the_search_list() {
    let server = NameServer::start().await;
    let (_dir, names) = machine(&format!("{ONE}search newsroom.example\n"), "", server.port);
    server.say("cms.newsroom.example", says(&["192.0.2.5"], 60));
    assert_eq!(addresses(&names, "cms", Instant::now()).await, ips(&["192.0.2.5"]));
}

#[tokio::test]
async fn without_a_name_server_the_system_is_asked() {
    let (_dir, names) = machine("# none\n", "", 9);
    assert!(addresses(&names, "localhost", Instant::now()).await.iter().all(IpAddr::is_loopback));
}
