//! The template engine at arm's length: whatever it is given, it answers.
//!
//! MiniJinja 2.24 panics where it slices an empty text backwards (`{{ slug[::-1] }}`), so that a story without a slug
//! would take down whoever makes its name. What it does is bounded in steps by whoever makes an environment.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::{Error, ErrorKind};

/// What a line, a name or an address may do before it is stopped, in MiniJinja's steps. Real ones need about a hundred.
pub const STEPS: u64 = 10_000;

/// What comes of `work`; an error where the engine panics. `work` may leave nothing behind that is used after that.
///
/// # Errors
/// Those of `work`.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // The engine writes to nothing that is shared: environments are only read while a template is filled, and one that
    // could not take a template is thrown away.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let problem = "the template engine cannot do this; look for a slice that goes backwards";
        Err(Error::new(ErrorKind::InvalidOperation, problem))
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::{Duration, Instant};

    use crate::config::{Field, Fields, Line, NamePattern, PushUrl, UrlField, UrlFields};

    fn line(source: &str, agency: &str) -> bool {
        Line::parse(source).unwrap().fill(&Fields::from([(Field::Agency, agency.to_owned())])).is_ok()
    }

    fn address(source: &str, guid: &str) -> Result<String, String> {
        PushUrl::parse(source).unwrap().fill(&UrlFields::from([(UrlField::Guid, Cow::Borrowed(guid))]))
    }

    #[test]
    fn what_makes_the_engine_panic_is_an_error() {
        assert!(line("{{ agency[::-1] }}", "DCNF") && !line("{{ agency[::-1] }}", ""));
        assert!(address("https://paper.example/{{ guid[::-1] }}", "").unwrap_err().contains("backwards"));
        assert!(NamePattern::parse("{{ slug[::-1] }}-{{ id }}").unwrap_err().contains("backwards"));
    }

    #[test]
    fn a_line_and_an_address_come_to_their_end() {
        let loops = |field: &str| {
            let (begin, end) = (format!("{{% for x in {field}|list %}}"), "{% endfor %}");
            format!("{}x{}", begin.repeat(6), end.repeat(6))
        };
        let (long, began) = ("x".repeat(60), Instant::now());
        assert!(!line(&loops("agency"), &long), "it goes on and on");
        assert!(address(&format!("https://paper.example/{}", loops("guid")), &long).is_err());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
