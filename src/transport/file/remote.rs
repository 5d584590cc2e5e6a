//! What is remembered of a story's files between attempts, as the ledger keeps it: their names, one a line, the newest
//! first, and after a `+` those of its sidecars.

use crate::config::FileName;

/// The most names that are kept, about 10 kB; and as many of sidecars.
pub const MOST: usize = 100;

/// What begins the line of a sidecar. No name begins with it.
const SIDECAR: char = '+';

/// The names that a story has, or may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    pub names: Vec<FileName>,
    pub sidecars: Vec<FileName>,
}

pub fn write(Remembered { names, sidecars }: &Remembered) -> String {
    let names = names.iter().map(|name| name.to_string());
    let sidecars = sidecars.iter().map(|name| format!("{SIDECAR}{name}"));
    names.chain(sidecars).collect::<Vec<_>>().join("\n")
}

/// What cannot be a name of ours is left out: it is found again in its folder.
pub fn read(text: &str) -> Remembered {
    let names = text.lines().filter_map(FileName::read).collect();
    let sidecars = text.lines().filter_map(|line| FileName::read(line.strip_prefix(SIDECAR)?)).collect();
    Remembered { names, sidecars }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let names: Vec<FileName> = ["wire/a-1.xml", "b"].map(|name| FileName::read(name).unwrap()).into();
        let sidecars: Vec<FileName> = ["wire/a-1.jpg"].map(|name| FileName::read(name).unwrap()).into();
        let all = Remembered { names: names.clone(), sidecars };
        assert_eq!(write(&all), "wire/a-1.xml\nb\n+wire/a-1.jpg");
        assert_eq!(read(&write(&all)), all);
        assert_eq!(read(&write(&Remembered::default())), Remembered::default());
        let odd = read("../etc/passwd\nb\n/abs\n.x\n+../b\n+");
        assert_eq!(odd, Remembered { names: names[1..].into(), sidecars: Vec::new() });
    }
}
