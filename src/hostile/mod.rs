//! What comes from outside, tried with bytes that nobody meant: one function for each of its readers, for the fuzzer (`fuzz/`)
//! and for the tests, which run them over the corpora that the fuzzer keeps.
//!
//! Each takes any bytes and panics where a promise does not hold for them: what was decoded can be written in every
//! format and proved, nothing in a document is at work, a name stays in its folder, a line of the log stays a line. That
//! nothing panics by itself is the least of it. What is at work in a document is told by [`oracle`], which shares nothing
//! with the writers.
//!
//! It is built for the tests and the fuzzer alone.

mod answers;
mod configuration;
pub(crate) mod oracle;
#[cfg(test)]
mod tests;
mod written;

pub use answers::{answers, http1};
pub use configuration::{configuration, names};
pub use written::{html, newsml, ninjs, nitf, own_json, template};

/// A reader, by the name that its corpus has.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 10] = [
    ("answers", answers),
    ("configuration", configuration),
    ("html", html),
    ("http1", http1),
    ("names", names),
    ("newsml", newsml),
    ("ninjs", ninjs),
    ("nitf", nitf),
    ("own_json", own_json),
    ("template", template),
];

/// The parts of an input that has several, each after a line of its own with three hyphens. What lacks is empty.
fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = [&b""[..]; N];
    let mut rest = input;
    for (at, part) in parts.iter_mut().enumerate() {
        let mark = rest.windows(5).position(|bytes| bytes == b"\n---\n").filter(|_| at + 1 < N);
        (*part, rest) = match mark {
            Some(mark) => (&rest[..mark], &rest[mark + 5..]),
            None => (rest, &b""[..]),
        };
    }
    parts
}
