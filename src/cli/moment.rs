//! A time as operators write it.

use std::str::FromStr;

use jiff::Timestamp;

use super::Failure;
use crate::config::Span;

/// An instant, or how long ago it was: to the second, since that is how it was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Ago(Span),
}

impl Moment {
    /// # Errors
    /// [`Failure::Usage`] where it is before the beginning of the calendar.
    pub fn before(self, now: Timestamp) -> Result<Timestamp, Failure> {
        match self {
            Self::At(at) => Ok(at),
            Self::Ago(span) => now
                .checked_sub(span.get())
                .and_then(|at| Timestamp::from_second(at.as_second()))
                .map_err(|_| Failure::Usage(format!("{span} ago is before the beginning of the calendar"))),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        text.parse().map(Self::Ago).map_err(|_| {
            "write an instant with its zone (2026-11-24T10:15:00Z), or how long ago it was: a whole number and ms, s, m, h or d (2h)".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_or_a_span_back_from_now() {
        let now: Timestamp = "2026-11-24T12:00:00.389Z".parse().unwrap();
        let read = |text: &str| text.parse::<Moment>().unwrap().before(now).unwrap().to_string();
        assert_eq!(read("2h"), "2026-11-24T10:00:00Z");
        assert_eq!(read("3d"), "2026-11-21T12:00:00Z");
        assert_eq!(read("2026-11-24T11:00:00+01:00"), "2026-11-24T10:00:00Z");
        for text in ["yesterday", "2026-11-24", "2026-11-24T10:00:00", "-2h", "2"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert!(Moment::Ago("9999999d".parse().unwrap()).before(now).is_err());
    }
}
