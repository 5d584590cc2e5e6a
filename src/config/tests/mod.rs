//! What the configuration promises as a whole: every error at once, each at its place, and no secret in any of them.

mod errors;
mod events;
mod files;
mod http;
mod messages;
mod policies;
mod rights;
mod sample;
mod secrets;
mod traces;
mod ways;

use std::fs;
use std::path::Path;

use super::{Config, ConfigErrors, Environment, Secrets, load_from};

/// The least that loads.
const MAIN: &str = r#"
[wires.hpnf]
name = "Harbor Press News Foundation"
short_name = "HPNF"
require = ["byline"]

[intake.spool]
dir = "spool"
"#;

const PARTNER: &str = r#"
name = "Island Post"
[destinations.site]
format = "json"
[destinations.site.http]
url = "https://island-post.example/in"
"#;

/// A configuration in a directory of its own.
struct Files {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Files {
    fn new(main: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("newswired.toml"), main).unwrap();
        Self { dir, environment: Vec::new() }
    }

    fn partner(self, id: &str, text: &str) -> Self {
        self.file(&format!("partners.d/{id}.toml"), text)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        let environment = self.environment.iter().map(|(name, value)| (name, value)).collect::<Environment>();
        load_from(&self.dir.path().join("newswired.toml"), &environment, Secrets::Read)
    }

    /// The errors as printed, without the directory.
    fn errors(&self) -> String {
        let errors = self.load().expect_err("the configuration loads").to_string();
        errors.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

/// The errors of a main file alone.
fn errors(main: &str) -> String {
    Files::new(main).errors()
}

/// The errors of a partner's file, beside a main file that is right.
fn partner_errors(partner: &str) -> String {
    Files::new(MAIN).partner("island-post", partner).errors()
}

#[test]
fn the_least_configuration_loads_with_the_defaults() {
    let config = Files::new(MAIN).partner("island-post", PARTNER).load().unwrap();
    assert_eq!(config.delivery.concurrency, 4);
    assert_eq!(config.ledger.path, Path::new("/var/lib/newswired/ledger.sqlite"));
    assert!(config.partners["island-post"].destinations.contains_key("site"));
}

/// So many files are read by several threads at once.
#[test]
fn many_partners_are_read_in_their_order() {
    let id = |number: usize| format!("p{number:04}");
    let partners = (0..1_000).fold(Files::new(MAIN), |files, number| {
        files.partner(&id(number), &PARTNER.replace("Island Post", &id(number)))
    });
    let config = partners.load().unwrap();
    let names: Vec<(String, String)> =
        config.partners.iter().map(|(id, partner)| (id.to_string(), partner.name.clone())).collect();
    assert_eq!(names, (0..1_000).map(|number| (id(number), id(number))).collect::<Vec<_>>());

    let broken = partners.partner(&id(3), "name = ").partner(&id(500), "nam = 1").partner(&id(997), "name = ").errors();
    let files: Vec<&str> = broken.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(files, ["partners.d/p0003.toml", "partners.d/p0997.toml"], "those that are not TOML, and no others yet");
}

#[test]
fn a_later_layer_wins() {
    let main = format!("{MAIN}[delivery]\nconcurrency = 2\ndrain = \"5s\"\n[partners.island-post]\npaused = true\n");
    let config = Files::new(&main)
        .partner("island-post", &format!("paused = false\n{PARTNER}"))
        .variable("NEWSWIRED__DELIVERY__CONCURRENCY", "8")
        .variable("NEWSWIRED__PARTNERS__ISLAND_POST__DESTINATIONS__SITE__FORMAT", "nitf")
        .variable("NEWSWIRED__WIRES__HPNF__OWN_HOLDERS", r#"["Harbor", "Press"]"#)
        .variable("NEWSWIRED__WIRES__HPNF__SHORT_NAME", "1984")
        .variable("NEWSWIRED__LOG__LEVEL", "")
        .variable("NEWSWIRED_CONFIG", "not an override")
        .load()
        .unwrap();
    assert_eq!(config.delivery.concurrency, 8, "the environment wins over the file");
    assert_eq!(config.delivery.drain.to_string(), "5s", "what the environment does not name stays");
    let partner = &config.partners["island-post"];
    assert!(!partner.paused, "the partner's file wins over the main file");
    assert_eq!(partner.destinations["site"].format.as_str(), "nitf");
    let wire = config.wires.values().next().unwrap();
    assert_eq!(wire.own_holders, ["Harbor", "Press"]);
    assert_eq!(wire.short_name, "1984", "digits stay text where text belongs");
    assert_eq!(config.log.level, "info", "an empty variable counts as none");
}

/// A partner's file is put in place as it is where nobody else speaks of that partner, and only there.
#[test]
fn a_partner_is_what_all_layers_say_of_it() {
    let main = format!("{MAIN}[partners.in-main]\npaused = true\n");
    let config = Files::new(&main)
        .partner("alone", PARTNER)
        .partner("in-main", PARTNER)
        .partner("in-variable", PARTNER)
        .variable("NEWSWIRED__PARTNERS__IN_VARIABLE__PAUSED", "true")
        .load()
        .unwrap();
    let paused = |id: &str| (config.partners[id].paused, config.partners[id].destinations.contains_key("site"));
    assert_eq!(
        [paused("alone"), paused("in-main"), paused("in-variable")],
        [(false, true), (true, true), (true, true)]
    );
}

#[test]
fn a_partners_file_does_not_hide_that_partners_is_no_table() {
    let errors = Files::new("partners = 5\n").partner("island-post", PARTNER).errors();
    assert!(errors.contains("newswired.toml:1:12"), "{errors}");
}

#[test]
fn hidden_and_other_files_are_no_partners() {
    let files = Files::new(MAIN).partner(".draft", "not toml").file("partners.d/README", "not toml");
    assert!(files.load().unwrap().partners.is_empty());
}
