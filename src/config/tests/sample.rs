//! The sample and the schemas that the project ships.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::super::{Config, Door, Environment, Secrets, Temporary, load_from, partner_schema, schema};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn sample(main: &Path) -> Config {
    let credentials = tempfile::tempdir().unwrap();
    for name in [
        "intake-token",
        "ledger-herald-signing",
        "coast-times-token",
        "valley-record-wordpress",
        "bay-observer-sftp",
        "lake-gazette-smtp",
        "lake-gazette-amqp",
    ] {
        fs::write(credentials.path().join(name), "a sample secret\n").unwrap();
    }
    let directory = credentials.path().to_str().unwrap();
    let environment: Environment = [
        ("CREDENTIALS_DIRECTORY", directory),
        ("ISLAND_POST_SIGNING_SECRET", "whsec_c2FtcGxl"),
        ("ISLAND_POST_API_KEY", "a sample's key"),
    ]
    .into_iter()
    .collect();
    load_from(main, &environment, Secrets::Read).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_sample_loads() {
    let config = sample(&shipped("newswired.toml"));
    let ids: Vec<&str> = config.partners.keys().map(|id| id.as_str()).collect();
    assert_eq!(ids, ["bay-observer", "coast-times", "island-post", "lake-gazette", "ledger-herald", "valley-record"]);
    assert!(config.intake.http.is_some() && config.intake.spool.is_some() && config.intake.amqp.is_none());
}

/// An operator's shell has none of the sample's secrets.
#[test]
fn the_sample_loads_without_its_secrets_for_who_only_looks() {
    let environment = Environment::default();
    assert!(load_from(&shipped("newswired.toml"), &environment, Secrets::Leave).is_ok());
    let errors = load_from(&shipped("newswired.toml"), &environment, Secrets::Read).unwrap_err();
    assert_eq!(errors.iter().count(), 9, "{errors}");
}

/// What the sample shows as a default is one: with each default's comment sign taken away, the configuration is the
/// same.
#[test]
fn the_defaults_that_the_sample_shows_are_the_defaults() {
    let text = fs::read_to_string(shipped("newswired.toml")).unwrap();
    let examples = [
        "id =",
        "urls =",
        "user =",
        "password =",
        "ca_file =",
        "tls =",
        "\"medtop:",
        "byline =",
        "byline_of_nobody =",
        "tracking =",
        "connections =",
        "dir =",
        "position =",
        "position_in =",
        "actions =",
        "retention =",
        "limits =",
        "affiliation = \"Harbor Fund",
        "contact = \"desk@",
    ];
    let mut in_example = false;
    let spoken: Vec<String> = text
        .lines()
        .map(|line| {
            // Tables that are open only when they are written out.
            let opens = ["# [intake.amqp]", "# [events.receivers.desk]", "# [traces]"].contains(&line);
            in_example = opens || (in_example && line.starts_with('#'));
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let key = bare.split(" = ").next().unwrap_or_default();
            let is_key = bare.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let example = in_example || examples.iter().any(|example| bare.starts_with(example)) || key == "wire";
            if line.starts_with("# ") && is_key && !example { bare.to_owned() } else { line.to_owned() }
        })
        .collect();
    let changed = text.lines().zip(&spoken).filter(|(line, spoken)| line != spoken).count();
    assert!(changed > 20, "only {changed} defaults are shown");

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("newswired.toml"), spoken.join("\n")).unwrap();
    fs::create_dir(dir.path().join("partners.d")).unwrap();
    for name in ["bay-observer", "coast-times", "island-post", "lake-gazette", "ledger-herald", "valley-record"] {
        let name = format!("partners.d/{name}.toml");
        fs::copy(shipped(&name), dir.path().join(&name)).unwrap();
    }
    let told = sample(&dir.path().join("newswired.toml"));
    // Left out, the affiliation is the wire's name, and so is the logo's text.
    let untold = format!("{:?}", sample(&shipped("newswired.toml")))
        .replacen("affiliation: None", "affiliation: Some(\"Harbor Press News Foundation\")", 1)
        .replace("alt: None", "alt: Some(\"Harbor Press News Foundation\")");
    assert_eq!(format!("{told:?}"), untold);
}

/// The receiver of events that the sample only shows is one, and is told what one is told that says nothing.
#[test]
fn the_receiver_that_the_sample_shows_is_one() {
    let text = fs::read_to_string(shipped("newswired.toml")).unwrap();
    let block: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "# [events.receivers.desk]")
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim_start())
        .collect();
    let load = |block: String| {
        let files = super::Files::new(&format!("{}{block}", super::MAIN));
        let loaded = load_from(&files.dir.path().join("newswired.toml"), &Environment::default(), Secrets::Leave);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).events.receivers["desk"].clone()
    };
    let is_of_receiver = |line: &&str| ["kinds", "partners", "wires", "batch"].iter().any(|key| line.starts_with(key));
    let told = load(block.join("\n"));
    let untold = load(block.iter().filter(|line| !is_of_receiver(line)).copied().collect::<Vec<_>>().join("\n"));
    assert_eq!((told.takes(), told.batch), (untold.takes(), untold.batch));
    assert_eq!(block.iter().filter(|line| is_of_receiver(line)).count(), 4, "all of its keys are shown");
}

/// Every key of a door that the sample only shows is one, and so is every table.
#[test]
fn the_places_for_files_that_the_sample_shows_are_such() {
    let text = fs::read_to_string(shipped("partners.d/bay-observer.toml")).unwrap();
    let spoken = |line: &str| line.strip_prefix("# ").map(str::to_owned);
    let shown: Vec<&str> = text.split("\n\n").filter(|block| block.starts_with("# [destinations.archive.")).collect();
    assert_eq!(shown.len(), Door::TABLES.len() - 5, "all but http, wordpress, mail, amqp, and the one that it uses");
    for block in shown {
        let table: String =
            block.lines().filter_map(spoken).filter(|line| !line.starts_with("ca_file")).collect::<Vec<_>>().join("\n");
        let partner = format!("name = \"The Bay Observer\"\n[destinations.archive]\nformat = \"nitf\"\n{table}\n");
        let files = super::Files::new(super::MAIN).partner("bay-observer", &partner);
        let loaded = load_from(&files.dir.path().join("newswired.toml"), &Environment::default(), Secrets::Leave);
        assert!(loaded.is_ok(), "{block}: {}", loaded.unwrap_err());
    }
    // The keys of the one that it uses, and of its files.
    let is_key = |line: &String| {
        line.split(" = ").next().is_some_and(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    };
    let all: Vec<String> = text
        .split("# The other places")
        .next()
        .unwrap()
        .lines()
        .map(|line| spoken(line).filter(is_key).unwrap_or_else(|| line.to_owned()))
        .filter(|line| !line.starts_with("known_hosts"))
        .collect();
    let files = super::Files::new(super::MAIN).partner("bay-observer", &all.join("\n"));
    let loaded = load_from(&files.dir.path().join("newswired.toml"), &Environment::default(), Secrets::Leave);
    let config = loaded.unwrap_or_else(|errors| panic!("{errors}"));
    let Some(Door::Sftp(sftp)) = config.partners["bay-observer"].destinations["desk"].door() else { panic!("no SFTP") };
    assert!(sftp.private_key.is_some() && sftp.passphrase.is_some());
    assert_eq!((sftp.port, sftp.file.temporary.clone()), (22, Some(Temporary::default())));
}

/// So is every key of the doors that take messages, and what it shows as a default is one.
#[test]
fn the_doors_for_messages_that_the_sample_shows_are_such() {
    let text = fs::read_to_string(shipped("partners.d/lake-gazette.toml")).unwrap();
    let load = |text: &str| {
        let files = super::Files::new(super::MAIN).partner("lake-gazette", text);
        let loaded = load_from(&files.dir.path().join("newswired.toml"), &Environment::default(), Secrets::Leave);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).partners["lake-gazette"].destinations.clone()
    };
    let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
    let is_key = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let examples = ["reply_to", "hello", "pin", "ca_file", "client_certificate", "allow_addresses", "proxy"];
    let defaults = ["connection_max_age", "connect_timeout", "write_timeout", "answer_timeout"];
    let spoken = |leave_out: &[&str]| {
        let lines = text.lines().map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let key = key(bare).filter(|key| is_key(key) && !leave_out.contains(&key.as_str()));
            if key.is_some() { bare } else { line }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    // Files and certificates that are not here.
    load(&spoken(&["ca_file", "client_certificate"]));
    let told = load(&spoken(&[&examples[..], &defaults].concat()));
    let told = format!("{told:?}").replace("port: Some(587)", "port: None");
    assert_eq!(told, format!("{:?}", load(&text)));
}

/// So is every key of traces, and what it shows as a default is one.
#[test]
fn the_traces_that_the_sample_shows_are_such() {
    let text = fs::read_to_string(shipped("newswired.toml")).unwrap();
    let block = text.split("\n\n").find_map(|block| block.split_once("# [traces]\n")).unwrap().1;
    let load = |keys: &[&str]| {
        let lines = block.lines().map(|line| line.strip_prefix("# ").unwrap());
        let told: String = lines
            .filter(|line| keys.iter().any(|key| line.split(" = ").next() == Some(key)))
            .map(|line| format!("{line}\n"))
            .collect();
        let files = super::Files::new(&format!("{}[traces]\n{told}", super::MAIN));
        let loaded = load_from(&files.dir.path().join("newswired.toml"), &Environment::default(), Secrets::Leave);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).traces.unwrap()
    };
    let examples = ["url", "headers", "secret_headers", "allow_addresses", "proxy"];
    let defaults = ["ratio", "service", "queue", "batch", "delay", "timeout"];
    // All keys are shown; `ca_file` is a file that is not here.
    assert_eq!(block.lines().filter(|line| line.contains(" = ")).count(), examples.len() + defaults.len() + 1);
    load(&[&examples[..], &defaults].concat());
    let told = load(&[&["url"], &defaults[..]].concat());
    assert_eq!(format!("{told:?}"), format!("{:?}", load(&["url"])));
}

/// `UPDATE_SCHEMAS=1 cargo test` writes them anew.
#[test]
fn the_shipped_schemas_are_those_of_the_types() {
    let schemas = [
        ("config/newswired.schema.json", schema()),
        ("config/partner.schema.json", partner_schema()),
        ("docs/article-v1.schema.json", crate::article::schema()),
        ("docs/events-v1.schema.json", crate::events::schema()),
    ];
    for (name, schema) in schemas {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == text, "{name} is not up to date; run UPDATE_SCHEMAS=1 cargo test schemas");
    }
}
