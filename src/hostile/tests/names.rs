//! What file names and addresses are made of cannot lead out of their place.

use super::super::{configuration::stays_inside, names};
use super::attacks;
use crate::config::{FileName, Temporary};

const PATTERNS: [&str; 4] = [
    "{{ name }}-{{ id }}.{{ extension }}",
    "{{ wire }}/{{ headline }}{{ id }}",
    "{{ headline|replace('-', '/') }}_{{ id }}.{{ section }}",
    "../{{ slug }}/../{{ language }}{{ id }}",
];

const ADDRESSES: [&str; 2] =
    ["https://paper.example/{{ guid }}", "https://paper.example/.{{ remote_id }}/{{ guid|safe }}?x={{ remote_id }}"];

#[test]
fn a_file_stays_in_its_folder_and_an_address_keeps_its_shape() {
    for attack in attacks("names.txt").iter().chain(&attacks("text.txt")).chain(&attacks("links.txt")) {
        for (pattern, address) in PATTERNS.iter().zip(ADDRESSES.iter().cycle()) {
            for guid in [attack.as_str(), "ferry-vote"] {
                names(format!("{pattern}\n---\n{guid}\n---\n{attack}\n---\n{address}\n---\n{attack}").as_bytes());
            }
        }
        // What the ledger remembers, or the operator wrote, is no way out either.
        for name in [FileName::safe(attack), FileName::read(attack)].into_iter().flatten() {
            for temporary in [
                Temporary::default().of(&name),
                name.beside("-kill").to_string(),
                name.with_ending(".sha256").to_string(),
            ] {
                let plain = temporary.replace("/.", "/").trim_start_matches('.').to_owned();
                stays_inside(&plain);
            }
        }
    }
}
