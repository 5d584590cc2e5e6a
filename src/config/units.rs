//! Numbers with their units, as an operator writes them: `"30s"`, `"8MiB"`, `"10/s"`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time: a whole number and a unit, `"250ms"`, `"30s"`, `"10m"`, `"6h"`, `"14d"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    const UNITS: [(&'static str, u64); 5] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "write a whole number and a unit: ms, s, m, h or d, for example \"30s\"";
        let (number, unit) = split(text);
        let factor = Self::UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        match (number.parse::<u64>(), factor) {
            (Ok(number), Some(factor)) => number
                .checked_mul(factor)
                .map(Self::from_millis)
                .ok_or_else(|| format!("the time {text:?} is too long")),
            (Ok(_), None) if unit.is_empty() => Err(format!("the time {text:?} has no unit; {mend}")),
            _ => Err(format!("{text:?} is not a length of time; {mend}")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (name, factor) = Self::UNITS
            .iter()
            .rev()
            .find(|(_, factor)| millis >= *factor && millis % factor == 0)
            .unwrap_or(&("ms", 1));
        write!(f, "{}{name}", millis / factor)
    }
}

/// A number of bytes: a whole number and a unit, `"64KiB"`, `"8MiB"`, `"1GiB"`, `"512B"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    const UNITS: [(&'static str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub const fn from_kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// In bytes.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "write a whole number and a unit: B, KiB, MiB or GiB, for example \"8MiB\"";
        let (number, unit) = split(text);
        let factor = Self::UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        match (number.parse::<u64>(), factor) {
            (Ok(number), Some(factor)) => {
                number.checked_mul(factor).map(Self).ok_or_else(|| format!("the size {text:?} is too large"))
            }
            (Ok(_), None) if unit.is_empty() => Err(format!("the size {text:?} has no unit; {mend}")),
            _ => Err(format!("{text:?} is not a size; {mend}")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = Self::UNITS
            .iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / factor)
    }
}

/// So many in a time: a whole number, a `/` and `s`, `min` or `h`: `"10/s"`, `"600/min"`, `"5000/h"`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    number: u32,
    per: Per,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
    Hour,
}

impl Per {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    fn name(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }
}

impl Rate {
    /// More than this in a second, minute or hour is no limit that matters.
    const MOST: u32 = 1_000_000;

    /// From one to the next, when they are evenly apart; never shorter than the rate allows.
    pub fn interval(self) -> Duration {
        let nanos = self.period().as_nanos().div_ceil(u128::from(self.number));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The time in which there are so many.
    pub fn period(self) -> Duration {
        Duration::from_secs(match self.per {
            Per::Second => 1,
            Per::Minute => 60,
            Per::Hour => 3_600,
        })
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mend = "write a whole number, \"/\" and s, min or h, for example \"10/s\"";
        let (number, unit) = split(text);
        let per =
            unit.strip_prefix('/').and_then(|unit| Per::ALL.into_iter().find(|per| per.name() == unit.trim_start()));
        match (number.parse::<u32>(), per) {
            (Ok(0), Some(_)) => Err("a rate of nothing; to send nothing, pause the partner".to_owned()),
            (Ok(number @ ..=Self::MOST), Some(per)) => Ok(Self { number, per }),
            (Ok(_), Some(_)) => {
                Err(format!("the rate {text:?} is above {}; write a lower one or remove it", Self::MOST))
            }
            (Ok(_), None) if unit.is_empty() => Err(format!("the rate {text:?} does not say in which time; {mend}")),
            (Ok(_), None) | (Err(_), _) => Err(format!("{text:?} is not a rate; {mend}")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.per.name())
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

macro_rules! as_text {
    ($type:ty, $name:literal, $pattern:literal, $about:literal) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                // A bare number arrives here as text from the environment and as a number from a file; both lack the
                // unit, and the message that says so is the same.
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($about)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                from.deserialize_any(Text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    };
}

as_text!(Span, "Span", "^[0-9]+ ?(ms|s|m|h|d)$", "a length of time such as \"30s\"");
as_text!(Rate, "Rate", "^[0-9]+ ?/ ?(s|min|h)$", "a rate such as \"10/s\"");
as_text!(Size, "Size", "^[0-9]+ ?(B|KiB|MiB|GiB)$", "a size such as \"8MiB\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_what_it_prints() {
        for text in ["0ms", "250ms", "30s", "10m", "6h", "14d", "90s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_rate_reads_what_it_prints() {
        for (text, millis) in [("10/s", 100), ("600/min", 100), ("60/h", 60_000), ("1/h", 3_600_000)] {
            let rate = text.parse::<Rate>().unwrap();
            assert_eq!((rate.to_string().as_str(), rate.interval()), (text, Duration::from_millis(millis)));
        }
        assert!(
            "3/s".parse::<Rate>().unwrap().interval() * 3 >= Duration::from_secs(1),
            "it is not exceeded by rounding"
        );
    }

    #[test]
    fn what_is_no_rate_is_told_how_to_be_one() {
        let told = ["10", "0/s", "10/d", "ten/s", "2000000/s"].map(|text| text.parse::<Rate>().unwrap_err());
        insta::assert_snapshot!(told.join("\n"), @r#"
        the rate "10" does not say in which time; write a whole number, "/" and s, min or h, for example "10/s"
        a rate of nothing; to send nothing, pause the partner
        "10/d" is not a rate; write a whole number, "/" and s, min or h, for example "10/s"
        "ten/s" is not a rate; write a whole number, "/" and s, min or h, for example "10/s"
        the rate "2000000/s" is above 1000000; write a lower one or remove it
        "#);
    }

    #[test]
    fn a_number_without_unit_is_told_so() {
        assert_eq!(
            "30".parse::<Span>().unwrap_err(),
            "the time \"30\" has no unit; write a whole number and a unit: ms, s, m, h or d, for example \"30s\""
        );
        assert!("8MB".parse::<Size>().unwrap_err().contains("\"8MiB\""));
        assert!("999999999999999999d".parse::<Span>().unwrap_err().contains("too long"));
    }
}
