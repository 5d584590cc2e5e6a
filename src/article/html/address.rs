//! Addresses as they may stand in a body.

use url::Url;

/// The longest address that is kept, in bytes. Browsers and caches refuse far shorter ones; what is longer is no
/// address of an article or a picture but data in disguise.
const LONGEST: usize = 8 * 1024;

/// `raw` as an absolute `http` or `https` address in the URL standard's own spelling, so that nothing in it needs care
/// when it is written: no white space, no controls, no quotes. An address without a scheme (`//cdn.example.org/…`) is
/// taken for `https`. `None` for everything else.
pub fn web_address(raw: &str) -> Option<String> {
    let url = parse(raw)?;
    (matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty()))
        .then(|| url.into())
}

/// As [`web_address`], and `mailto` too: where a link may lead.
pub fn link_address(raw: &str) -> Option<String> {
    web_address(raw).or_else(|| {
        let url = parse(raw)?;
        (url.scheme() == "mailto" && !url.path().is_empty()).then(|| url.into())
    })
}

fn parse(raw: &str) -> Option<Url> {
    if raw.len() > LONGEST {
        return None;
    }
    // Browsers read `java&#10;script:` as one word; so does the check, or it would check something else.
    let cleaned: String = raw.trim().chars().filter(|c| !c.is_control()).collect();
    let url = match cleaned.strip_prefix("//") {
        Some(rest) => Url::parse(&format!("https://{rest}")),
        None => Url::parse(&cleaned),
    };
    url.ok().filter(|url| url.as_str().len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_are_kept_in_the_standards_spelling() {
        let kept = [
            ("https://example.org/a?b=c&d", "https://example.org/a?b=c&d"),
            (" https://exa\nmple.org/a b\"<c> ", "https://example.org/a%20b%22%3Cc%3E"),
            ("HTTP://EXAMPLE.ORG", "http://example.org/"),
            ("//cdn.example.org/x.jpg", "https://cdn.example.org/x.jpg"),
        ];
        for (raw, address) in kept {
            assert_eq!(web_address(raw).as_deref(), Some(address), "{raw:?}");
        }
    }

    #[test]
    fn what_is_not_an_address_of_the_web_is_none() {
        let long = format!("https://example.org/{}", "a".repeat(LONGEST));
        for raw in
            ["", "/a", "#a", "a.html", "javascript:alert(1)", "data:text/html,x", "file:///etc", "https://", &long]
        {
            assert_eq!(link_address(raw), None, "{raw:?}");
        }
        assert_eq!(link_address("java\nscript:alert(1)"), None);
        assert_eq!(link_address("mailto:desk@example.org").as_deref(), Some("mailto:desk@example.org"));
        assert_eq!(web_address("mailto:desk@example.org"), None);
    }
}
