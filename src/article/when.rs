//! Points in time as agencies' XML writes them: ISO 8601 in its basic form (`20261124T101500-0500`, as NITF's `norm`
//! asks) or in its extended one (`2026-11-24T10:15:00-05:00`), with a zone or, in spite of the standard, without, and
//! as a date alone.
//!
//! A time without a zone is not one instant but any of a day's worth, and nothing in the document says which. Where it
//! decides nothing it is read as UTC. Where it decides when a story may leave, the instant is taken that cannot break
//! the promise, whatever zone was meant: an embargo ends when it has ended everywhere ([`When::latest`]), and a story
//! expires when it has expired anywhere ([`When::earliest`]). So such a story leaves up to half a day late, and none
//! leaves early or stale (promise 5). A date alone is the day's beginning.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The zones furthest from UTC: Baker Island's, and that of the Line Islands.
const LAST_ZONE: i8 = -12;
const FIRST_ZONE: i8 = 14;

/// A time that was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Instant(Timestamp),
    /// The time on a clock, one does not know where.
    Local(DateTime),
}

impl When {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // jiff reads both forms, and a space for the `T`.
        text.parse().map(Self::Instant).or_else(|_| text.parse().map(Self::Local)).ok()
    }

    /// Read as UTC where no zone is given: for times that decide nothing.
    pub fn utc(self) -> Option<Timestamp> {
        self.at(0)
    }

    /// The last instant that can be meant.
    pub fn latest(self) -> Option<Timestamp> {
        self.at(LAST_ZONE)
    }

    /// The first instant that can be meant.
    pub fn earliest(self) -> Option<Timestamp> {
        self.at(FIRST_ZONE)
    }

    fn at(self, hours: i8) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::Local(clock) => Offset::constant(hours).to_timestamp(clock).ok(),
        }
    }

    /// Whether it is not after `other`, where one and the same clock or zone tells.
    pub fn not_after(self, other: Self) -> bool {
        match (self, other) {
            (Self::Instant(one), Self::Instant(other)) => one <= other,
            (Self::Local(one), Self::Local(other)) => one <= other,
            (Self::Instant(_), Self::Local(_)) | (Self::Local(_), Self::Instant(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_is_understood() {
        let instant = |text: &str| match When::parse(text) {
            Some(When::Instant(instant)) => instant.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        for text in [
            "20261124T101500Z",
            "20261124T051500-0500",
            "20261124T051500-05",
            "20261124T114500+0130",
            "20261124T1015Z",
            "2026-11-24T10:15:00Z",
            "2026-11-24T05:15:00-05:00",
            "2026-11-24T10:15:00+0000",
            "2026-11-24T10:15:00.000Z",
            " 2026-11-24 10:15:00Z ",
        ] {
            assert_eq!(instant(text), "2026-11-24T10:15:00Z", "{text}");
        }
        let clock = |text: &str| match When::parse(text) {
            Some(When::Local(clock)) => clock.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        for text in ["20261124T101500", "20261124T1015", "2026-11-24T10:15:00", "2026-11-24 10:15"] {
            assert_eq!(clock(text), "2026-11-24T10:15:00", "{text}");
        }
        for text in ["20261124", "2026-11-24"] {
            assert_eq!(clock(text), "2026-11-24T00:00:00", "{text}");
        }
        for text in
            ["", "noon", "2026", "24.11.2026", "20261324", "2026-11-24T25:00:00Z", "Tue, 24 Nov 2026 10:15:00 GMT"]
        {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_any_instant_of_its_day() {
        let when = When::parse("20261124T120000").unwrap();
        assert_eq!(when.utc().unwrap().to_string(), "2026-11-24T12:00:00Z");
        assert_eq!(when.latest().unwrap().to_string(), "2026-11-25T00:00:00Z");
        assert_eq!(when.earliest().unwrap().to_string(), "2026-11-23T22:00:00Z");
        let zoned = When::parse("20261124T120000Z").unwrap();
        assert_eq!((zoned.latest(), zoned.earliest()), (zoned.utc(), zoned.utc()));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[-0-9TZ:+. ]{0,30}") {
            if let Some(when) = When::parse(&text) {
                let _ = (when.utc(), when.latest(), when.earliest(), when.not_after(when));
            }
        }
    }
}
