//! `newswired demo`: the whole program at work, on its embedded defaults, with nothing set up.
//!
//! The daemon is the real one, started from configuration files that are written to a temporary directory. The three
//! subscribers are sinks of this program's own, which verify what they get; what they have to find of the attribution
//! is stated here, not asked of the program.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Failure;
use super::output::say;
use crate::config::{Secret, Secrets};
use crate::daemon::Daemon;
use crate::sink::{Received, Sink, SinkOptions};

#[derive(Debug, Args)]
pub struct Demo {
    /// Leave it running afterwards, for a look round
    #[arg(long)]
    keep: bool,
}

/// What is published, in this order: file name, content, guid's last word, version, action.
const STORIES: [(&str, &str, &str, u64, &str); 5] = [
    ("1-ferry.json", include_str!("stories/1-ferry.json"), "ferry-vote", 1, "publish"),
    ("2-tremor.json", include_str!("stories/2-tremor.json"), "tremor", 1, "publish"),
    ("3-ferry-update.json", include_str!("stories/3-ferry-update.json"), "ferry-vote", 2, "update"),
    ("4-ferry-correction.json", include_str!("stories/4-ferry-correction.json"), "ferry-vote", 3, "correct"),
    ("5-tremor-kill.json", include_str!("stories/5-tremor-kill.json"), "tremor", 2, "kill"),
];

/// The three subscribers: id, name, format, requests that it fails first.
const PARTNERS: [(&str, &str, &str, u64); 3] = [
    ("ledger-herald", "The Ledger-Herald", "json", 0),
    ("coast-times", "Coast Times", "nitf", 0),
    ("island-post", "Island Post", "ninjs-1.6", 3),
];

const SECRET: &str = "whsec_bmV3c3dpcmVkLWRlbW8tc2VjcmV0LTI0Yg==";
const TOKEN: &str = "demo-token";
const LICENCE: &str = "Free to republish with our logo, our reporter's byline and their affiliation.";
const LOGO: &str = "https://cdn.example.org/logo/hpnf-200x40.png";
const AGENCY: &str = "Harbor Press News Foundation";
const CONTACT: &str = "licensing@wire.example.org";

/// How long the demo waits for one story to arrive everywhere.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that a subscriber got.
struct Arrived {
    partner: usize,
    received: Received,
}

/// What came of a version at a partner.
#[derive(Default)]
struct Row {
    attempts: u64,
    took: Option<Duration>,
    problems: Vec<String>,
}

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let dir = tempfile::tempdir()?;
        let (tell, mut arrivals) = mpsc::channel(64);
        let mut sinks = Vec::new();
        for (at, (_, _, _, fail_first)) in PARTNERS.iter().enumerate() {
            let options =
                SinkOptions { secret: Some(Secret::new(SECRET)), fail_first: *fail_first, ..SinkOptions::default() };
            let (sink, mut received) = Sink::start(options).await.map_err(Failure::Unavailable)?;
            let tell = tell.clone();
            // Ends with its sink.
            tokio::spawn(async move {
                while let Some(received) = received.recv().await {
                    if tell.send(Arrived { partner: at, received }).await.is_err() {
                        break;
                    }
                }
            });
            sinks.push(sink);
        }
        let config_file = configure(dir.path(), &sinks)?;
        let loaded = crate::config::load_whole(&config_file, Secrets::Read)?;
        let daemon = Daemon::start(loaded, &config_file, None).await?;
        let intake =
            daemon.http_intake.ok_or_else(|| Failure::Unavailable("the HTTP intake did not start".to_owned()))?;
        say!(
            "A daemon runs with a SQLite ledger; its intake is http://{intake}/v1/articles, and it spools from {}.",
            dir.path().join("spool").display()
        )?;
        for ((id, name, format, fail_first), sink) in PARTNERS.iter().zip(&sinks) {
            let fails =
                if *fail_first > 0 { format!(", fails its first {fail_first} requests") } else { String::new() };
            say!("{name} ({id}) takes {format} at http://{}/{fails}.", sink.address())?;
        }
        say!("")?;

        let mut rows: BTreeMap<(usize, usize), Row> = BTreeMap::new();
        for (story, (file, content, ..)) in STORIES.iter().enumerate() {
            // Four by HTTP, and one through the spool directory.
            let published = Timestamp::now();
            if story == 1 {
                spool(dir.path(), file, content)?;
            } else {
                post(&intake.to_string(), content).await?;
            }
            say!("published {}", title(story))?;
            collect(story, published, &mut arrivals, &mut rows).await?;
        }
        say!("\n{}", table(&rows))?;
        let wrong = wrong(&rows, &sinks);
        if self.keep {
            say!(
                "It goes on running. Publish more, and see where it went, with\n  NEWSWIRED_TOKEN={TOKEN} newswired publish FILE --http http://{intake}\n  newswired top --config {1}\nThe status page is http://{0}/, health and metrics are at http://{0}/readyz and http://{0}/metrics. Stop with Ctrl-C.",
                daemon.admin,
                config_file.display(),
            )?;
            let mut stopped = pin!(super::stopped());
            loop {
                tokio::select! {
                    Some(Arrived { partner, received }) = arrivals.recv() => {
                        say!("{}", line(PARTNERS[partner].0, &received))?;
                    }
                    () = &mut stopped => break,
                }
            }
        }
        daemon.stop().await;
        for sink in sinks {
            sink.stop().await;
        }
        if !wrong.is_empty() {
            return Err(Failure::No(wrong.join("\n")));
        }
        say!("Everything that was owed arrived, and was right.")?;
        Ok(())
    }
}

/// Writes the configuration files, and returns the first of them.
fn configure(dir: &Path, sinks: &[Sink]) -> Result<std::path::PathBuf, Failure> {
    let place = dir.display();
    // A port that the configuration names, so that verbs find the daemon.
    let admin = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    std::fs::write(dir.join("signing-secret"), SECRET)?;
    std::fs::write(dir.join("token"), TOKEN)?;
    std::fs::create_dir(dir.join("partners.d"))?;
    let main = format!(
        r#"[ledger]
path = "{place}/ledger.sqlite"
[admin]
listen = "{admin}"
[intake.http]
listen = "127.0.0.1:0"
token = "file:{place}/token"
[intake.spool]
dir = "{place}/spool"
poll = "50ms"
[delivery]
allow_addresses = ["127.0.0.1"]
[delivery.backoff]
first = "200ms"
ceiling = "1s"
[wires.hpnf]
name = "{AGENCY}"
short_name = "HPNF"
url = "https://wire.example.org/"
contact = "{CONTACT}"
[wires.hpnf.licence]
url = "https://wire.example.org/licence"
line = "{LICENCE}"
[wires.hpnf.logo]
url = "{LOGO}"
width = 200
height = 40
"#
    );
    let path = dir.join("newswired.toml");
    std::fs::write(&path, main)?;
    for ((id, name, format, _), sink) in PARTNERS.iter().zip(sinks) {
        let partner = format!(
            "name = \"{name}\"\n[destinations.main]\nformat = \"{format}\"\n[destinations.main.http]\nurl = \"http://{}/\"\nsigning_secret = \"file:{place}/signing-secret\"\n",
            sink.address()
        );
        std::fs::write(dir.join("partners.d").join(format!("{id}.toml")), partner)?;
    }
    Ok(path)
}

async fn post(address: &str, content: &'static str) -> Result<(), Failure> {
    use http_body_util::Full;
    let failed = |why: &dyn std::fmt::Display| Failure::No(format!("the intake did not take a story: {why}"));
    #[allow(clippy::disallowed_methods, reason = "of this program's own intake")]
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|why| failed(&why))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
        .await
        .map_err(|why| failed(&why))?;
    // Ends with its sender, at the end of this function.
    tokio::spawn(connection);
    let request = http::Request::post("/v1/articles")
        .header("host", address)
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/vnd.newswired.article+json")
        .body(Full::new(bytes::Bytes::from_static(content.as_bytes())))
        .map_err(|why| failed(&why))?;
    let response = sender.send_request(request).await.map_err(|why| failed(&why))?;
    if response.status() == http::StatusCode::ACCEPTED {
        Ok(())
    } else {
        Err(failed(&format!("it answered {}", response.status())))
    }
}

fn spool(dir: &Path, file: &str, content: &str) -> Result<(), Failure> {
    let whole = dir.join(file);
    std::fs::write(&whole, content)?;
    Ok(std::fs::rename(whole, dir.join("spool/incoming").join(file))?)
}

/// Waits until a story has arrived at every partner, and writes down what each got.
async fn collect(
    story: usize,
    published: Timestamp,
    arrivals: &mut mpsc::Receiver<Arrived>,
    rows: &mut BTreeMap<(usize, usize), Row>,
) -> Result<(), Failure> {
    let (_, _, guid, version, action) = STORIES[story];
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while (0..PARTNERS.len()).any(|partner| rows.get(&(story, partner)).is_none_or(|row| row.took.is_none())) {
        let Ok(Some(Arrived { partner, received })) = tokio::time::timeout_at(deadline, arrivals.recv()).await else {
            return Ok(());
        };
        let (id, ..) = PARTNERS[partner];
        let took = Duration::try_from(received.at.duration_since(published)).unwrap_or_default();
        let mut line = line(id, &received);
        let row = rows.entry((story, partner)).or_default();
        row.attempts += 1;
        row.problems.extend(received.problems.clone());
        if (200..300).contains(&received.status) {
            if received.story.ends_with(guid) && received.version == version && received.action == action {
                row.took = Some(took);
                row.problems.extend(unattributed(&received, action));
            } else {
                let Received { story, version, action, .. } = &received;
                row.problems.push(format!("version {version} of {story} arrived as {action}"));
            }
            let _ = write!(line, " after {} ms", took.as_millis());
        }
        say!("{line}")?;
    }
    Ok(())
}

fn line(partner: &str, received: &Received) -> String {
    let Received { action, version, attempt, status, .. } = received;
    format!("  {partner:<14} {action} version {version} attempt {attempt}: {status}")
}

/// What the licence demands and the document lacks. A kill carries none of it.
fn unattributed(received: &Received, action: &str) -> Vec<String> {
    if action == "kill" {
        return Vec::new();
    }
    let author = if received.story.ends_with("tremor") { "Joss Amberly" } else { "Ada Quill" };
    // XML and HTML in JSON write the apostrophe in ways of their own; the words around it are the same in all.
    let words = LICENCE.split('\'').map(str::to_owned);
    let text = String::from_utf8_lossy(&received.body);
    [LOGO, author, AGENCY, CONTACT]
        .into_iter()
        .map(str::to_owned)
        .chain(words)
        .filter(|needed| !text.contains(needed.trim()))
        .map(|needed| format!("{needed:?} is not in the document"))
        .collect()
}

fn title(story: usize) -> String {
    let (_, _, guid, version, action) = STORIES[story];
    format!("{guid} version {version} ({action})")
}

fn table(rows: &BTreeMap<(usize, usize), Row>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["partner", "story", "version", "action", "attempts", "time to arrival"]);
    for ((story, partner), row) in rows {
        let (_, _, guid, version, action) = STORIES[*story];
        table.add_row([
            PARTNERS[*partner].1.to_owned(),
            guid.to_owned(),
            version.to_string(),
            action.to_owned(),
            row.attempts.to_string(),
            row.took.map_or_else(|| "did not arrive".to_owned(), |took| format!("{} ms", took.as_millis())),
        ]);
    }
    table
}

/// What did not arrive or was not right, a line each.
fn wrong(rows: &BTreeMap<(usize, usize), Row>, sinks: &[Sink]) -> Vec<String> {
    let mut wrong = Vec::new();
    for story in 0..STORIES.len() {
        for (partner, (id, ..)) in PARTNERS.iter().enumerate() {
            match rows.get(&(story, partner)) {
                None => wrong.push(format!("{id}: {} did not arrive", title(story))),
                Some(row) => {
                    if row.took.is_none() {
                        wrong.push(format!("{id}: {} did not arrive", title(story)));
                    }
                    wrong.extend(row.problems.iter().map(|problem| format!("{id}: {}: {problem}", title(story))));
                }
            }
        }
    }
    let last: HashMap<&str, u64> = STORIES.iter().map(|(_, _, guid, version, _)| (*guid, *version)).collect();
    for ((id, ..), sink) in PARTNERS.iter().zip(sinks) {
        if sink.stats().versions_back > 0 {
            wrong.push(format!("{id}: a version went back"));
        }
        for (guid, version) in sink.stories() {
            let word = guid.rsplit(':').next().unwrap_or_default();
            if last.get(word) != Some(&version) {
                wrong.push(format!("{id}: ends with version {version} of {word}"));
            }
        }
    }
    wrong
}
