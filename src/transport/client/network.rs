//! What the doors share of the network, and each one's part of it.
//!
//! A door's part of the connections is worked out once, from the configuration: it depends on nothing that another door
//! does, so whatever hangs keeps its own part and no more (promise 7). Each has one connection before any has two; what
//! there is beyond that is divided in proportion to what each may use, and where all of that fits, each has all of it.

use std::sync::Arc;

use super::names::Names;
use super::proxy::Proxy;
use super::sweeper::Sweeper;
use super::turns::Turns;
use crate::config::{self, AddressBlock, Delivery, SecretError};

/// What the doors share.
pub struct Network {
    pub names: Names,
    /// For connects and TLS handshakes.
    pub turns: Turns,
    /// What is not of the Internet, and every door may lead to all the same.
    pub allow_addresses: Box<[AddressBlock]>,
    /// Through which connections leave that do not say otherwise.
    pub proxy: Option<Arc<Proxy>>,
    /// Looks after the connections that lie idle.
    pub sweeper: Arc<Sweeper>,
    parts: Parts,
}

impl Network {
    /// # Errors
    /// When the password of the proxy cannot be read.
    pub fn new(parts: Parts, defaults: &Delivery) -> Result<Self, SecretError> {
        Ok(Self {
            names: Names::default(),
            turns: Turns::of_this_machine(),
            allow_addresses: defaults.allow_addresses.as_slice().into(),
            proxy: Proxy::of(&defaults.proxy)?,
            sweeper: Arc::default(),
            parts,
        })
    }

    /// Through which the connections of a door leave that says this of it.
    ///
    /// # Errors
    /// When the password of its proxy cannot be read.
    pub fn proxy_for(&self, own: Option<&config::Proxy>) -> Result<Option<Arc<Proxy>>, SecretError> {
        own.map_or_else(|| Ok(self.proxy.clone()), Proxy::of)
    }

    /// For one door by itself.
    pub fn of_one(defaults: &Delivery) -> Result<Self, SecretError> {
        Self::new(Parts::new(usize::MAX, []), defaults)
    }

    /// One that asks for names elsewhere.
    #[cfg(test)]
    pub fn naming(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// How many connections a door may have that could use `wanted`.
    pub fn part(&self, wanted: usize) -> usize {
        self.parts.of(wanted)
    }
}

/// For one door of a test, whose server is on this machine.
#[cfg(test)]
impl Default for Network {
    fn default() -> Self {
        Self::of_one(&Delivery { allow_addresses: vec!["127.0.0.0/8".parse().unwrap()], ..Delivery::default() })
            .unwrap()
    }
}

/// A number of connections, divided among doors.
///
/// For any doors and any `connections` it holds that each part is at least 1 and at most what its door wants; that all
/// parts together are no more than `connections` if there are as many of those as doors; and that each has what it wants
/// if that fits.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// What is left when each door has one.
    beyond: usize,
    /// What all doors could use beyond their first.
    wanted: usize,
}

impl Parts {
    /// `wanted` is what each door could use.
    pub fn new(connections: usize, wanted: impl IntoIterator<Item = usize>) -> Self {
        let (mut doors, mut beyond_first) = (0_usize, 0_usize);
        for wanted in wanted {
            doors += 1;
            beyond_first = beyond_first.saturating_add(wanted.saturating_sub(1));
        }
        Self { beyond: connections.saturating_sub(doors), wanted: beyond_first }
    }

    /// The part of a door that could use `wanted`.
    pub fn of(self, wanted: usize) -> usize {
        let more = wanted.saturating_sub(1);
        if self.wanted <= self.beyond {
            return 1 + more;
        }
        // Rounded down, so that the sum fits.
        let part = more as u128 * self.beyond as u128 / self.wanted as u128;
        1 + usize::try_from(part).unwrap_or(more)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_fit_and_leave_nobody_out(
            wanted in prop::collection::vec(1_usize..300, 1..200),
            connections in 0_usize..20_000,
        ) {
            let parts = Parts::new(connections, wanted.iter().copied());
            let given: Vec<usize> = wanted.iter().map(|wanted| parts.of(*wanted)).collect();
            let sum: usize = given.iter().sum();
            for (wanted, given) in wanted.iter().zip(&given) {
                prop_assert!((1..=*wanted).contains(given), "{given} of {wanted}");
            }
            if connections >= wanted.len() {
                prop_assert!(sum <= connections, "{sum} of {connections}");
                // Rounding leaves less than one for each door.
                let most: usize = wanted.iter().sum::<usize>().min(connections);
                prop_assert!(sum + wanted.len() > most, "{sum} of {most}");
            } else {
                prop_assert_eq!(sum, wanted.len());
            }
            if wanted.iter().sum::<usize>() <= connections {
                prop_assert_eq!(given, wanted);
            }
        }

        /// Who may use more has no less.
        #[test]
        fn more_is_not_less(a in 1_usize..300, b in 1_usize..300, others in 1_usize..9_000, connections in 0_usize..9_000) {
            let parts = Parts::new(connections, [a, b, others]);
            prop_assert!(a > b || parts.of(a) <= parts.of(b));
        }
    }

    #[test]
    fn one_door_has_what_it_wants() {
        assert_eq!(Network::default().part(7), 7);
    }
}
