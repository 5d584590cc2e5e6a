//! Countries, by the codes that rights departments write.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A country or territory, by its two letters in ISO 3166-1: `US`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

/// The codes that ISO 3166-1 has assigned.
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

impl Country {
    pub fn as_str(self) -> &'static str {
        self.0
    }

    fn of(code: &str) -> Option<Self> {
        ASSIGNED.split(' ').find(|assigned| *assigned == code).map(Self)
    }
}

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(country) = Self::of(text) {
            return Ok(country);
        }
        let capitals = text.trim().to_ascii_uppercase();
        // Reserved for the United Kingdom, and what many write; the code is another.
        let meant = if capitals == "UK" { Self::of("GB") } else { Self::of(&capitals) };
        Err(match meant {
            Some(meant) => format!("unknown country {text:?}; did you mean \"{meant}\"?"),
            None => format!("unknown country {text:?}; write its two letters in ISO 3166-1, for example \"US\""),
        })
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl JsonSchema for Country {
    fn schema_name() -> Cow<'static, str> {
        "Country".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Z]{2}$",
            "description": "a country by its two letters in ISO 3166-1, such as \"US\""
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_it_prints() {
        let codes: Vec<&str> = ASSIGNED.split(' ').collect();
        assert_eq!(codes.len(), 249, "as many as the standard has assigned");
        assert!(codes.is_sorted() && codes.iter().all(|code| code.len() == 2), "each once: {codes:?}");
        for code in codes {
            assert_eq!(code.parse::<Country>().unwrap().to_string(), code);
        }
    }

    #[test]
    fn what_is_no_code_is_told_what_was_meant() {
        let said = |text: &str| text.parse::<Country>().unwrap_err();
        assert_eq!(said("de"), "unknown country \"de\"; did you mean \"DE\"?");
        assert_eq!(said("UK"), "unknown country \"UK\"; did you mean \"GB\"?");
        for text in ["EU", "Germany", "", " ", "D", "DE FR", "DEFR"] {
            assert!(said(text).ends_with("write its two letters in ISO 3166-1, for example \"US\""), "{text:?}");
        }
    }
}
