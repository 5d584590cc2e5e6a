//! What the program is packaged with: manual pages, completions, the unit, manifests. Each is held against the tools that
//! read it; one that is not installed here is said to be skipped.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{newswired, project};

/// Runs a tool to its end; none, with a word, where it is not installed.
fn tool(name: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(name).args(arguments).output() {
        Ok(output) => Some(output),
        Err(why) => {
            eprintln!("skipped: {name} {arguments:?}, since it cannot be run: {why}");
            None
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

fn said(arguments: &[&str]) -> String {
    let output = newswired().args(arguments).output().expect("the program can be run");
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The verbs that `--help` lists below a command.
fn verbs(of: &[&str]) -> Vec<String> {
    let help = said(&[of, &["--help"]].concat());
    let Some((_, listed)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let listed = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    listed.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").map(str::to_owned).collect()
}

#[test]
fn every_verb_has_a_page_of_the_manual_that_readers_of_manuals_can_read() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let told = said(&["manual", path(dir.path())]);
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(dir.path()).expect("it is there").map(|entry| entry.expect("it is there").path()).collect();
    pages.sort();
    assert!(told.starts_with(&format!("{} pages", pages.len())), "{told}");
    let mut expected = vec!["newswired.1".to_owned()];
    for verb in verbs(&[]) {
        expected.push(format!("newswired-{verb}.1"));
        expected.extend(verbs(&[&verb]).iter().map(|below| format!("newswired-{verb}-{below}.1")));
    }
    expected.sort();
    let names: Vec<_> = pages.iter().filter_map(|page| page.file_name()?.to_str().map(str::to_owned)).collect();
    assert_eq!(names, expected);
    assert!(names.len() > 25, "{names:?}");
    for page in &pages {
        let source = std::fs::read_to_string(page).expect("a page can be read");
        for part in [".TH ", ".SH NAME", ".SH SYNOPSIS"] {
            assert!(source.contains(part), "{} has no {part}", page.display());
        }
        if let Some(read) = tool("man", &["--warnings=w", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path(page)]) {
            assert!(read.status.success() && read.stderr.is_empty(), "{}: {}", page.display(), text(&read.stderr));
        }
        if let Some(read) = tool("mandoc", &["-T", "lint", "-W", "error", path(page)]) {
            assert!(read.status.success(), "{}: {}", page.display(), text(&read.stdout));
        }
    }
}

#[test]
fn shells_take_the_completions_and_complete_verbs_with_them() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let script = |shell: &str| {
        let file = dir.path().join(format!("completions.{shell}"));
        std::fs::write(&file, said(&["completions", shell])).expect("a file can be written");
        file
    };
    let bash = script("bash");
    let complete = format!(
        "source {}; COMP_WORDS=(newswired quar); COMP_CWORD=1; _newswired newswired quar newswired; echo \"${{COMPREPLY[@]}}\"",
        path(&bash)
    );
    if let Some(done) = tool("bash", &["--norc", "-c", &complete]) {
        assert_eq!((text(&done.stdout).trim(), text(&done.stderr).as_str()), ("quarantine", ""));
    }
    let zsh = script("zsh");
    assert!(std::fs::read_to_string(&zsh).expect("it was written").starts_with("#compdef newswired"));
    if let Some(done) = tool("zsh", &["-f", "-n", path(&zsh)]) {
        assert_eq!((done.status.success(), text(&done.stderr).as_str()), (true, ""));
    }
    let fish = script("fish");
    let complete = format!("source {}; complete -C 'newswired quar'", path(&fish));
    if let Some(done) = tool("fish", &["--no-config", "-c", &complete]) {
        let offered = text(&done.stdout);
        assert!(offered.starts_with("quarantine"), "{offered}{}", text(&done.stderr));
    }
    for shell in ["elvish", "powershell"] {
        assert!(said(&["completions", shell]).contains("quarantine"), "{shell}");
    }
}

/// The highest exposure, on systemd's scale of 0 to 10, that the unit may have.
const EXPOSURE: f64 = 1.2;

#[test]
fn the_unit_is_right_and_hardened() {
    let unit = project("deploy/systemd/newswired.service");
    let Some(read) = tool("systemd-analyze", &["security", "--offline=true", "--no-pager", path(&unit)]) else {
        return;
    };
    let told = text(&read.stdout);
    let level = told.rsplit_once("exposure level for newswired.service: ").and_then(|(_, rest)| rest.split(' ').next());
    let level: f64 =
        level.and_then(|level| level.parse().ok()).unwrap_or_else(|| panic!("{told}{}", text(&read.stderr)));
    assert!(level <= EXPOSURE, "{told}");
    // It names the installed program and its manual; where that is not installed, others that are will do.
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let stand_in = dir.path().join("newswired.service");
    let text_of_unit = std::fs::read_to_string(&unit).expect("the unit can be read");
    let text_of_unit =
        text_of_unit.replace("/usr/bin/newswired", "/bin/true").replace("man:newswired(1)", "man:man(1)");
    std::fs::write(&stand_in, text_of_unit).expect("a file can be written");
    let verified = tool("systemd-analyze", &["verify", path(&stand_in)]).expect("it was run above");
    assert_eq!((verified.status.success(), text(&verified.stderr).as_str()), (true, ""));
}

#[test]
fn the_manifests_fit_the_schemas_of_kubernetes() {
    let manifests = ["deploy/kubernetes/newswired.yaml", "deploy/kubernetes/configuration.yaml"].map(project);
    let python = project("target/python/bin/python3");
    let found = tool(path(&python), &["-c", "import kubernetes_validate"]).is_some_and(|found| found.status.success());
    if !found {
        eprintln!(
            "skipped: manifests against the schemas of Kubernetes, since kubernetes-validate is not in target/python"
        );
        return;
    }
    let files = manifests.each_ref().map(|file| path(file));
    let arguments = [&["-m", "kubernetes_validate", "--strict"], &files[..]].concat();
    let read = tool(path(&python), &arguments).expect("it was run above");
    assert!(read.status.success(), "{}{}", text(&read.stdout), text(&read.stderr));
}

/// The configuration that the manifests bring is one that the program takes.
#[test]
fn the_configurations_of_the_manifests_and_of_the_containers_are_good() {
    let manifest = std::fs::read_to_string(project("deploy/kubernetes/configuration.yaml")).expect("it can be read");
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    std::fs::create_dir(dir.path().join("partners.d")).expect("a directory can be made");
    let mut files = 0;
    for (at, _) in manifest.match_indices(".toml: |\n") {
        let name = manifest[..at].rsplit([' ', '\n']).next().unwrap_or_default();
        let lines = manifest[at + ".toml: |\n".len()..].lines();
        let block: Vec<&str> = lines
            .take_while(|line| line.is_empty() || line.starts_with("    "))
            .map(|line| line.trim_start())
            .collect();
        let file = if name == "newswired" { format!("{name}.toml") } else { format!("partners.d/{name}.toml") };
        std::fs::write(dir.path().join(file), block.join("\n")).expect("a file can be written");
        files += 1;
    }
    assert_eq!(files, 2);
    for config in [dir.path().join("newswired.toml"), project("deploy/docker/newswired/newswired.toml")] {
        let checked = said(&["check", "--without-secrets", "--config", path(&config)]);
        assert!(checked.contains("good; 1 wire, 1 partner, 1 destination"), "{checked}");
    }
}

/// What the sample comes to is shown with its places, and holds no secret.
#[test]
fn the_configuration_in_effect_is_shown_with_its_sources() {
    let sample = project("config/newswired.toml");
    let shown = said(&["config", "show", "--json", "--config", path(&sample)]);
    let mut sources = std::collections::BTreeSet::new();
    for line in shown.lines() {
        let setting: serde_json::Value = serde_json::from_str(line).expect("a line is an object");
        let source = setting["source"].as_str().expect("each has a source");
        sources.insert(source.rsplit_once(':').map_or(source, |(file, _)| file).to_owned());
    }
    assert!(sources.contains("default") && sources.contains(path(&sample)), "{sources:?}");
    assert!(sources.iter().any(|source| source.ends_with("partners.d/coast-times.toml")), "{sources:?}");
    let admin = said(&["config", "show", "--under", "admin.listen", "--config", path(&sample)]);
    assert!(admin.starts_with("admin.listen = \"127.0.0.1:8471\"  # "), "{admin}");
}
