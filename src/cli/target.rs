//! Which destinations a verb is about.

use clap::Args;

use super::Failure;
use crate::config::{Config, closest};
use crate::ledger::{SqliteReader, Target};

/// A partner, or one destination of a partner.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct To {
    /// A partner, with all its destinations
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// One destination of a partner
    #[arg(long, value_name = "ID/NAME")]
    destination: Option<String>,
}

/// Names are listed in a message as long as they can be taken in at a glance.
const FEW: usize = 8;

impl To {
    /// What is meant, if anything is said.
    ///
    /// # Errors
    /// [`Failure::Usage`] where neither the configuration nor the ledger has it.
    pub fn given(&self, config: &Config, reader: &SqliteReader) -> Result<Option<Target>, Failure> {
        let Some(name) = self.partner.as_deref().or(self.destination.as_deref()) else { return Ok(None) };
        let target = Target::new(name);
        let gone = reader.names()?;
        if config.destinations().chain(gone.iter().cloned()).any(|known| target.covers(&known)) {
            Ok(Some(target))
        } else {
            Err(unknown(name, config))
        }
    }

    /// What is meant.
    ///
    /// # Errors
    /// [`Failure::Usage`] where nothing is said, or what neither the configuration nor the ledger has.
    pub fn needed(&self, config: &Config, reader: &SqliteReader) -> Result<Target, Failure> {
        self.given(config, reader)?.ok_or_else(|| {
            Failure::Usage(
                "say which destinations: --partner ID for all of a partner's, --destination ID/NAME for one".to_owned(),
            )
        })
    }
}

/// There is no such partner or destination, and what was probably meant.
pub fn unknown(name: &str, config: &Config) -> Failure {
    let (what, known): (_, Vec<String>) = match name.split_once('/') {
        Some((partner, _)) if config.partners.contains_key(partner) => {
            ("destination", config.destinations().filter(|known| Target::new(partner).covers(known)).collect())
        }
        Some(_) => ("destination", config.destinations().collect()),
        None => ("partner", config.partners.keys().map(ToString::to_string).collect()),
    };
    let mend = match closest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None if known.is_empty() => "the configuration has none".to_owned(),
        None if known.len() <= FEW => format!("there are: {}", known.join(", ")),
        None => format!("the configuration has {} others", known.len()),
    };
    Failure::Usage(format!("there is no {what} {name:?}; {mend}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Secrets, load_from};

    #[test]
    fn what_was_probably_meant_is_said() {
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/newswired.toml");
        let config = load_from(&sample, &Environment::default(), Secrets::Leave).unwrap();
        let said = |name: &str| unknown(name, &config).to_string();
        assert_eq!(said("costa-times"), "there is no partner \"costa-times\"; did you mean \"coast-times\"?");
        let destination = config.destinations().find(|name| name.starts_with("coast-times/")).unwrap();
        assert_eq!(
            said(&format!("{destination}x")),
            format!("there is no destination \"{destination}x\"; did you mean {destination:?}?")
        );
        assert_eq!(
            said("nobody"),
            "there is no partner \"nobody\"; there are: bay-observer, coast-times, island-post, lake-gazette, ledger-herald, valley-record"
        );
    }
}
