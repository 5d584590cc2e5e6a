//! docs/getting-started.md keeps its word: its files are written, its commands run in order in a fresh directory against a
//! real RabbitMQ, and what they print is compared with what the page says.

mod support;

use std::process::{Command, Stdio};

use support::rabbitmq::Rabbit;
use support::{free_port, project, secrets};

/// What the page has its reader do at once, as commands of a shell.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    commands: String,
    /// What they print by the page; empty where it says nothing.
    said: String,
}

/// Reads a page. A block of `sh` is run; a block of `text` is what the block before it prints; any other block is the text of
/// the file whose name ends the sentence before it.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.is_empty() { before } else { line };
            continue;
        };
        let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        match (language, steps.last_mut()) {
            ("sh", _) => steps.push(Step { commands: text, said: String::new() }),
            ("text", Some(step)) if step.said.is_empty() => step.said = text,
            ("toml" | "json", _) => {
                let name = before.strip_suffix("`:").and_then(|before| Some(before.rsplit_once('`')?.1));
                let name = name.unwrap_or_else(|| panic!("no file's name stands before this block:\n{text}"));
                steps.push(Step { commands: format!("cat > {name} <<'END'\n{text}END\n"), said: String::new() });
            }
            (other, _) => panic!("nobody knows what to do with this block of {other:?}:\n{text}"),
        }
        before = "";
    }
    steps
}

/// Whether a text is what the page says, line by line: `…` stands for anything.
fn is_as_said(said: &str, printed: &str) -> bool {
    fn fits(said: &str, printed: &str) -> bool {
        let Some((start, rest)) = said.split_once('…') else { return said == printed };
        let Some(printed) = printed.strip_prefix(start) else { return false };
        let ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
        ends.into_iter().any(|at| fits(rest, &printed[at..]))
    }
    said.lines().count() == printed.lines().count()
        && said.lines().zip(printed.lines()).all(|(said, printed)| fits(said.trim_end(), printed.trim_end()))
}

/// Before what each step prints.
const MARK: &str = "--- step ";

/// One shell for the whole page, as its reader has. It stops at the first command that fails, and takes what it started with
/// it.
fn script(steps: &[Step]) -> String {
    let steps = steps.iter().enumerate().map(|(number, step)| format!("echo '{MARK}{number}'\n{}", step.commands));
    format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{}", steps.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_first_ten_minutes_does_what_the_page_says() {
    let rabbit = Rabbit::start().await;
    let page = std::fs::read_to_string(project("docs/getting-started.md")).expect("the page is there");
    // Ports that are free here, in the place of those that are free at the reader's.
    let broker = rabbit.bare_url().replace("amqp://", "").replace("/%2f", "");
    let admin = format!("127.0.0.1:{}", free_port());
    let sink = format!("127.0.0.1:{}", free_port());
    let mut at_home = page.clone();
    for (theirs, ours) in [("127.0.0.1:5672", &broker), ("127.0.0.1:8471", &admin), ("127.0.0.1:9000", &sink)] {
        assert!(page.contains(theirs), "{theirs} is not in the page");
        at_home = at_home.replace(theirs, ours);
    }
    let steps = steps(&at_home);
    assert!(steps.len() > 12, "{steps:#?}");

    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let (home, file) = (dir.path().join("home"), dir.path().join("page.sh"));
    std::fs::create_dir(&home).expect("a directory can be made");
    std::fs::write(&file, script(&steps)).expect("a file can be written");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_newswired"));
    let search = format!(
        "{}:{}",
        program.parent().expect("a program is in a directory").display(),
        std::env::var("PATH").expect("there is a search path")
    );
    let ran = Command::new("timeout")
        .args(["120", "bash"])
        .arg(&file)
        .env("PATH", search)
        .env("NEWSWIRED__ADMIN__LISTEN", &admin)
        .current_dir(&home)
        .stdin(Stdio::null())
        .output()
        .expect("bash can be run");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (told(&ran.stdout), told(&ran.stderr));
    let kept = |name: &str| std::fs::read_to_string(home.join(name)).unwrap_or_default();
    let log = kept("newswired.log");
    assert!(ran.status.success(), "{}:\n{out}\n{errors}\n{}\n{log}", ran.status, kept("sink.log"));

    let printed: Vec<&str> =
        out.split(MARK).skip(1).map(|step| step.split_once('\n').map_or("", |(_, it)| it)).collect();
    assert_eq!(printed.len(), steps.len(), "{out}");
    for (step, printed) in steps.iter().zip(printed) {
        assert!(is_as_said(&step.said, printed), "{}prints\n{printed}and the page says\n{}", step.commands, step.said);
    }
    assert_eq!(errors, "", "nothing is complained of");
    let secret = kept("island-post.secret");
    assert!(secret.starts_with("whsec_"));
    secrets::register(secret.trim());
    secrets::assert_hidden("what the page has its reader see", &format!("{out}{log}"));
}

#[test]
fn what_is_printed_is_held_to_what_is_said() {
    assert!(is_as_said("a … c …\nd\n", "a b b c e\nd\n"));
    assert!(is_as_said("", ""));
    for (said, printed) in [("a\n", "a\nb\n"), ("a\nb\n", "a\n"), ("", "a\n"), ("a … c\n", "a b d\n"), ("a\n", "b\n")]
    {
        assert!(!is_as_said(said, printed), "{said:?} for {printed:?}");
    }
}
