//! The official schemas' judgement on what the formats write.

use std::path::Path;
use std::process::Command;

use crate::config::Format;

/// The formats that have an official schema, each with the validator's name for it.
pub const OFFICIAL: [(&str, Format); 6] = [
    ("nitf", Format::Nitf),
    ("newsml-g2", Format::NewsMlG2),
    ("ninjs-1.3", Format::Ninjs13),
    ("ninjs-1.6", Format::Ninjs16),
    ("ninjs-2.2", Format::Ninjs22),
    ("ninjs-3.1", Format::Ninjs31),
];

/// Asserts that every one of `documents` is valid. The schemas are not part of this repository: where they are not
/// at hand the test fails, unless `NEWSWIRED_WITHOUT_SCHEMAS` says that it may be skipped.
pub fn assert_valid(kind: &str, documents: &[impl AsRef<[u8]>]) {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/validate-news");
    if !tool.exists() {
        assert!(
            std::env::var_os("NEWSWIRED_WITHOUT_SCHEMAS").is_some(),
            "{} is not there to validate {kind} documents; put the schemas there, or set NEWSWIRED_WITHOUT_SCHEMAS=1 to \
             go without",
            tool.display()
        );
        eprintln!(
            "SKIPPED: {} {kind} documents were not validated, as NEWSWIRED_WITHOUT_SCHEMAS asks",
            documents.len()
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::new(&tool);
    run.arg(kind);
    for (at, document) in documents.iter().enumerate() {
        let path = folder.path().join(format!("{at}"));
        std::fs::write(&path, document).unwrap();
        run.arg(path);
    }
    let output = run.output().unwrap();
    if !output.status.success() {
        let verdict = String::from_utf8_lossy(&output.stdout);
        let first = verdict.lines().next().unwrap_or_default();
        let at: Option<usize> = first
            .strip_prefix(&format!("{}/", folder.path().display()))
            .and_then(|rest| rest.split(':').next()?.parse().ok());
        let document = at.map_or("".into(), |at| String::from_utf8_lossy(documents[at].as_ref()));
        panic!("{verdict}{}\n{document}", String::from_utf8_lossy(&output.stderr));
    }
}
