//! Documents that other people wrote. They stand beside the project where it is developed, and are no part of it.

use std::path::{Path, PathBuf};

/// The folder of samples; nothing where the project stands alone and the runner of the tests said so.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("NEWSWIRED_WITHOUT_SCHEMAS").is_some(),
        "the samples are not at {}; put them there, or set NEWSWIRED_WITHOUT_SCHEMAS=1 to skip what needs them",
        folder.display()
    );
    eprintln!("SKIPPED: the samples are not there, as NEWSWIRED_WITHOUT_SCHEMAS allows");
    None
}

/// The sample of that path in the folder.
pub fn sample(path: &str) -> Option<Vec<u8>> {
    let path = folder()?.join(path);
    Some(std::fs::read(&path).unwrap_or_else(|why| panic!("{} cannot be read: {why}", path.display())))
}
