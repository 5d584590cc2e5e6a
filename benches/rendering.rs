//! What a document costs: writing it and proving it, in every format, as ratios to `serde_json` serialising the same
//! article of about 6 kB in the same run.
//!
//! `cargo bench --bench rendering` prints one table; names of formats after `--` choose among them. Each figure is the median of several rounds, and each round does
//! the baseline and every format in turn, so that a machine that gets slower meanwhile does so for all.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use comfy_table::{Table, presets};
use newswired::article::{Article, WireId, decode};
use newswired::attribution::Policies;
use newswired::config::{Edition, Format, Wire};
use newswired::render::Draft;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 15;
/// Documents of one format in a round.
const DOCUMENTS: u32 = 300;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let wire_id = WireId::new("hpnf");
    let article = article(&wire_id)?;
    let policies = Policies::own(wire_id, Arc::new(wire()?));
    let size = serde_json::to_vec(&article)?.len();

    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |format: &Format| chosen.is_empty() || chosen.iter().any(|name| name == format.as_str());
    let formats = Format::ALL.into_iter().filter(is_chosen).map(|format| (format, Edition::plain(format)));
    let formats: Vec<(Format, Edition)> = formats.collect();
    let mut baseline = Vec::new();
    let mut costs: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); formats.len()];
    let mut sizes = vec![0; formats.len()];
    for _ in 0..ROUNDS {
        baseline.push(micros(10 * DOCUMENTS, || serde_json::to_vec(black_box(&article)).map(|bytes| bytes.len()))?);
        for (at, (_, edition)) in formats.iter().enumerate() {
            let write = || Draft::write(black_box(&article), &policies, edition);
            costs[at].0.push(micros(DOCUMENTS, write)?);
            // The drafts are written before the clock starts.
            let mut drafts = (0..DOCUMENTS).map(|_| write()).collect::<Result<Vec<_>, _>>()?;
            let prove = || drafts.pop().map_or(Ok(0), |draft| draft.prove().map(|made| made.document.bytes().len()));
            sizes[at] = write()?.prove()?.document.bytes().len();
            costs[at].1.push(micros(DOCUMENTS, prove)?);
        }
    }

    let base = median(baseline);
    println!("serde_json: {base:.1} µs for {size} bytes\n");
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(["format", "bytes", "write", "ratio", "prove", "ratio"]);
    for (((format, _), (write, prove)), size) in formats.iter().zip(costs).zip(sizes) {
        let (write, prove) = (median(write), median(prove));
        table.add_row([
            format.as_str().to_owned(),
            size.to_string(),
            format!("{write:.1} µs"),
            format!("{:.1}", write / base),
            format!("{prove:.1} µs"),
            format!("{:.1}", prove / base),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// The time that one of `times` takes, in microseconds.
fn micros<T, E>(times: u32, mut work: impl FnMut() -> Result<T, E>) -> Result<f64, E> {
    let began = Instant::now();
    for _ in 0..times {
        let _ = black_box(work()?);
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn wire() -> Outcome<Wire> {
    Ok(serde_json::from_value(serde_json::json!({
        "name": "Harbor Press News Foundation",
        "short_name": "HPNF",
        "url": "https://harborpress.example/",
        "contact": "licensing@harborpress.example",
        "licence": {
            "url": "https://harborpress.example/republish",
            "line": "All republished articles must include our logo, our reporter’s byline and their affiliation.",
        },
        "logo": { "url": "https://harborpress.example/logo.png", "width": 240, "height": 60 },
    }))?)
}

/// An ordinary article: two dozen paragraphs, some links and emphasis, two headings, a list, a quotation.
fn article(wire: &WireId) -> Outcome<Article> {
    let mut body = String::new();
    for number in 0..22 {
        if number % 8 == 4 {
            body += "<h2>What happens next</h2><ul><li>Tender in January</li><li>First sailing in May</li></ul>";
        }
        body += &format!(
            "<p>Paragraph {number} tells readers what the <strong>Port Aren Harbor Council</strong> decided on Tuesday, \
             why “seven of nine” members voted for it, and what <a href=\"https://harborpress.example/2022/{number}\">its \
             chair</a> said about the cost of the ferry &amp; its crew.</p>"
        );
    }
    let document = serde_json::json!({
        "newswired": 1,
        "guid": "urn:newsml:harborpress.example:20261124:ferry-vote",
        "headline": "Harbor council votes to reopen ferry line",
        "language": "en-US",
        "authors": [{ "name": "Ada Quill", "role": "Transport Reporter" }],
        "subjects": [{ "scheme": "medtop", "code": "11000000", "name": "politics" }],
        "keywords": ["ferries", "Gull Island"],
        "dateline": "PORT AREN, Maine",
        "created": "2026-11-24T09:00:00Z",
        "body_html": body,
    });
    Ok(decode(document.to_string().as_bytes(), None, wire)?)
}
