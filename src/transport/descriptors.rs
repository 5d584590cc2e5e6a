//! How many files this process may have open, and how many of them may be connections to partners.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More is of no use to anybody, and some systems have no limit at all.
const MOST: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one, as servers do: the soft one is kept low for programs that use
/// `select(2)`. Returns what holds now.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(MOST).min(MOST), limit.maximum.unwrap_or(MOST).min(MOST));
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: limit.maximum }) {
        Ok(()) => hard,
        Err(why) => {
            tracing::warn!(reason = %why, limit = soft, "the limit of open files stays as it is");
            soft
        }
    }
}

/// What of `files` is for connections to partners: three quarters. The rest is for intake, the ledger, the admin port, and
/// for connections that are being made, which may have a second descriptor meanwhile.
pub fn for_connections(files: u64) -> usize {
    usize::try_from(files / 4 * 3).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let files = raise();
        let limit = getrlimit(Resource::Nofile);
        let hard = limit.maximum.unwrap_or(MOST).min(MOST);
        assert_eq!(files, hard);
        assert!(limit.current.is_none_or(|soft| soft >= hard));
        assert_eq!(raise(), files, "once is enough");
    }

    #[test]
    fn a_quarter_is_left_for_the_rest() {
        assert_eq!(for_connections(1_024), 768);
        assert_eq!(for_connections(0), 1);
    }
}
