//! What is remembered of a post between attempts, as the ledger keeps it: `42`, `42 unfinished`, `42 withdrawn`.

use std::fmt;
use std::str::FromStr;

/// The number that WordPress gives a post.
pub type PostId = u64;

/// A story's post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    pub id: PostId,
    pub state: State,
}

/// How far we came with it. What the site's editors made of it since is theirs, and not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has been given the status that the configuration says.
    Up,
    /// It was made as a draft, and not more than that for certain.
    Unfinished,
    /// We asked for it to be taken down.
    Withdrawn,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id;
        match self.state {
            State::Up => write!(f, "{id}"),
            State::Unfinished => write!(f, "{id} unfinished"),
            State::Withdrawn => write!(f, "{id} withdrawn"),
        }
    }
}

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, state) = text.split_once(' ').unwrap_or((text, ""));
        let state = match state {
            "" => State::Up,
            "unfinished" => State::Unfinished,
            "withdrawn" => State::Withdrawn,
            other => return Err(format!("{other:?} is no state of a post")),
        };
        let id = id.parse().map_err(|_| format!("{id:?} is no number of a post"))?;
        Ok(Self { id, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for state in [State::Up, State::Unfinished, State::Withdrawn] {
            let remote = Remote { id: 42, state };
            assert_eq!(remote.to_string().parse(), Ok(remote));
        }
        for odd in ["", "x", "42 x", "42  ", "-1", "unfinished"] {
            assert!(odd.parse::<Remote>().is_err(), "{odd:?}");
        }
    }
}
