//! What is remembered of a story's files between attempts, as the ledger keeps it: their names, one a line, the newest
//! first.

use crate::config::FileName;

/// The most names that are kept, about 10 kB.
pub const MOST: usize = 100;

pub fn write(names: &[FileName]) -> String {
    names.iter().map(FileName::as_str).collect::<Vec<_>>().join("\n")
}

/// What cannot be a name of ours is left out: it is found again in its folder.
pub fn read(text: &str) -> Vec<FileName> {
    text.lines().filter_map(FileName::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let names: Vec<FileName> = ["wire/a-1.xml", "b"].map(|name| FileName::read(name).unwrap()).into();
        assert_eq!(read(&write(&names)), names);
        assert_eq!(read(&write(&[])), []);
        assert_eq!(read("../etc/passwd\nb\n/abs\n.x"), names[1..]);
    }
}
