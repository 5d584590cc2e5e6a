//! The corpora of the fuzzer, run through its own functions. A finding becomes a file there.

use std::fs;
use std::path::Path;

use super::super::TARGETS;

#[test]
fn every_corpus_is_run_and_nothing_in_it_breaks_a_promise() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpora.join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{name} has no corpus");
        for path in paths {
            // Which one it was, should it panic.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

/// The fuzzer's own list is the same.
#[test]
fn every_reader_has_its_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, _) in TARGETS {
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("newswired::hostile::{name}(data)")), "{name}");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}
