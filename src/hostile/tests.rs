//! Attacks, line by line from `tests/attacks/`, through every reader and every format; and the fuzzer's corpora.

mod corpora;
mod formats;
mod names;

use std::fs;
use std::path::Path;

/// The attacks of a kind.
fn attacks(kind: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks").join(kind);
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let lines: Vec<String> = text.lines().filter(|line| !line.starts_with("# ")).map(unescaped).collect();
    assert!(lines.len() > 20, "{kind} has {} attacks", lines.len());
    lines
}

/// `\u{a}` as the character of that number.
fn unescaped(line: &str) -> String {
    let mut parts = line.split("\\u{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap_or_else(|| panic!("no character: {line}"));
        let character = u32::from_str_radix(number, 16).ok().and_then(char::from_u32);
        text.push(character.unwrap_or_else(|| panic!("no character: {line}")));
        text.push_str(rest);
    }
    text
}
