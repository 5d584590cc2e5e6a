//! Addresses as they may stand in a body.

use url::Url;

use crate::article::iri::iri;

/// The longest address that is kept, in bytes. Browsers and caches refuse far shorter ones; what is longer is no
/// address of an article or a picture but data in disguise.
const LONGEST: usize = 8 * 1024;

/// `raw` as an absolute `http` or `https` address that is an IRI in the URL standard's own spelling, so that nothing in
/// it needs care when it is written: no white space, no controls, no quotes. An address without a scheme
/// (`//cdn.example.org/…`) is taken for `https`. `None` for everything else.
pub fn web_address(raw: &str) -> Option<String> {
    Page::default().web_address(raw)
}

/// Where the addresses in a text stand.
#[derive(Clone, Debug, Default)]
pub struct Page(Option<Url>);

impl Page {
    /// A page at `address`, against which relative addresses are read; without one they lead nowhere.
    pub fn at(address: Option<&str>) -> Self {
        Self(address.and_then(|address| Url::parse(address).ok()).filter(|url| !url.cannot_be_a_base()))
    }

    /// As [`web_address`], of an address in the page.
    pub fn web_address(&self, raw: &str) -> Option<String> {
        let url = self.parse(raw)?;
        let leads = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
        leads.then(|| iri(url.as_str()))?
    }

    /// As [`Self::web_address`], and `mailto` too: where a link may lead.
    pub fn link_address(&self, raw: &str) -> Option<String> {
        self.web_address(raw).or_else(|| {
            let url = self.parse(raw)?;
            (url.scheme() == "mailto" && !url.path().is_empty()).then(|| iri(url.as_str()))?
        })
    }

    fn parse(&self, raw: &str) -> Option<Url> {
        if raw.len() > LONGEST {
            return None;
        }
        // Browsers read `java&#10;script:` as one word; so does the check, or it would check something else.
        let cleaned: String = raw.trim().chars().filter(|c| !c.is_control()).collect();
        let url = match (cleaned.strip_prefix("//"), &self.0) {
            (Some(rest), _) => Url::parse(&format!("https://{rest}")),
            // A link to the page itself leads nowhere.
            (None, Some(page)) if !cleaned.is_empty() && cleaned != "#" => page.join(&cleaned),
            (None, _) => Url::parse(&cleaned),
        };
        url.ok().filter(|url| url.as_str().len() <= LONGEST)
    }
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
            ("https://example.org/100%?a|b#c#d", "https://example.org/100%25?a%7Cb#c%23d"),
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
            assert_eq!(Page::default().link_address(raw), None, "{raw:?}");
        }
        assert_eq!(Page::default().link_address("java\nscript:alert(1)"), None);
        assert_eq!(Page::default().link_address("mailto:desk@example.org").as_deref(), Some("mailto:desk@example.org"));
        assert_eq!(web_address("mailto:desk@example.org"), None);
    }
    #[test]
    fn relative_addresses_are_read_against_the_page() {
        let page = Page::at(Some("https://example.org/2026/11/ferry?x=1#top"));
        for (raw, address) in [
            ("/a b", "https://example.org/a%20b"),
            ("pier.html", "https://example.org/2026/11/pier.html"),
            ("../10/pier?y#z", "https://example.org/2026/10/pier?y#z"),
            ("?page=2", "https://example.org/2026/11/ferry?page=2"),
            ("#fares", "https://example.org/2026/11/ferry?x=1#fares"),
            ("https://other.example/", "https://other.example/"),
            ("//cdn.example.org/x.jpg", "https://cdn.example.org/x.jpg"),
        ] {
            assert_eq!(page.link_address(raw).as_deref(), Some(address), "{raw:?}");
        }
        for raw in ["", " ", "#", "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "file:///etc"] {
            assert_eq!(page.link_address(raw), None, "{raw:?}");
        }
        for nowhere in [None, Some("urn:newsml:example.org:ferry"), Some("ferry")] {
            assert_eq!(Page::at(nowhere).link_address("/a"), None, "{nowhere:?}");
        }
    }
}
