use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A type and its labels, by the metric's name.
type Table = BTreeMap<String, (String, BTreeSet<String>)>;

/// All of them, with one of each kind of label.
fn filled() -> Metrics {
    let metrics = Metrics::new();
    let destination = || "island-post/main".to_owned();
    let _ = metrics.articles.get_or_create(&IntakeLabel { intake: "http".into(), result: "accepted".into() });
    let series = metrics.destinations.of(&destination());
    series.count(Ending::Gone);
    LaneGauge::ALL.iter().for_each(|gauge| series.set(*gauge, 1));
    let certificate = CertificateLabel { destination: destination(), certificate: "server".into() };
    let _ = metrics.certificate_expiry.get_or_create(&certificate);
    let _ = metrics.in_trouble.get_or_create(&EndLabel { end: "refused".into() });
    let _ = metrics.quarantine.get_or_create(&KindLabel { kind: "input".into() });
    let receiver = ReceiverLabel { receiver: "desk".into() };
    for family in [&metrics.events_waiting, &metrics.events_oldest, &metrics.events_failures] {
        let _ = family.get_or_create(&receiver);
    }
    for family in [&metrics.events_sent, &metrics.events_dropped] {
        let _ = family.get_or_create(&receiver);
    }
    let _ = metrics.ledger_bytes.get_or_create(&FileLabel { file: "wal".into() });
    let _ = metrics.config_reloads.get_or_create(&ResultLabel { result: "adopted".into() });
    for family in [&metrics.disk_free, &metrics.disk_size] {
        let _ = family.get_or_create(&DirectoryLabel { directory: "ledger".into() });
    }
    let _ = metrics.span_counts();
    metrics
}

/// What Prometheus is told.
fn told(text: &str) -> Table {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut table: Table = types.map(|(name, kind)| (name.to_owned(), (kind.to_owned(), BTreeSet::new()))).collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap_or_default(), ""));
        let of = |ending: &str| name.strip_suffix(ending).filter(|name| table.contains_key(*name)).map(str::to_owned);
        let name = of("").or_else(|| of("_bucket")).or_else(|| of("_sum")).or_else(|| of("_count")).expect(name);
        let labels = labels.split("=\"").filter_map(|before| before.rsplit(['"', ',', '{']).next());
        let labels = labels.filter(|label| !label.is_empty() && *label != "le" && !label.starts_with('}'));
        table.get_mut(&name).expect("it was looked up").1.extend(labels.map(str::to_owned));
    }
    table
}

/// What operators are told: the rows of the table in the documentation.
fn documented(page: &str) -> Table {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, kind, labels, _unit, meaning, _] = cells[..] else { panic!("not a row of five: {row}") };
        assert!(!meaning.is_empty(), "{name} has no meaning");
        let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels))
    })
    .collect()
}

#[test]
fn the_table_and_the_program_are_equal() {
    let (told, documented) = (told(&filled().text()), documented(include_str!("../../../docs/metrics.md")));
    for name in told.keys().chain(documented.keys()) {
        assert_eq!(told.get(name), documented.get(name), "{name}: what the program tells, and docs/metrics.md");
    }
}

/// Both formats tell the same numbers.
#[test]
fn whoever_asks_for_openmetrics_is_told_the_same() {
    let metrics = filled();
    metrics.deliveries_owed.inc_by(7);
    metrics.arrival_seconds.observe(0.25);
    let numbers = |text: &str| -> BTreeSet<String> {
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.trim_end_matches(".0").to_owned()).collect()
    };
    let (open, text) = (numbers(&metrics.open_metrics()), numbers(&metrics.text()));
    let names = |lines: &BTreeSet<String>| -> BTreeSet<String> {
        lines.iter().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.replace(".0\"", "\"")).collect()
    };
    assert_eq!(names(&open), names(&text));
    assert!(open.contains("newswired_deliveries_owed_total 7") && text.contains("newswired_deliveries_owed_total 7"));
    assert!(metrics.open_metrics().ends_with("# EOF\n"));
}
