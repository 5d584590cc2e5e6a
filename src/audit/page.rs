//! A web page as its visitors see it.

use super::words::plain;
use crate::attribution::Agency;
use crate::attribution::proof::{Link, Spot, WebPage, web_page};

pub struct Page {
    pub passages: Vec<Spot>,
    /// The passages in the same order, plain.
    pub plain: Vec<String>,
    /// Headings of the first level, and what the page calls itself.
    pub headlines: Vec<String>,
    pictures: Vec<(Spot, String)>,
    links: Vec<Link>,
    canonical: Option<String>,
}

/// What is longer than this, in bytes, is a sentence and no label that belongs to another below it.
const LABEL: usize = 100;

/// Where something stands on a page, and what it says.
type Place = Option<(String, String)>;

impl Page {
    pub fn read(html: &str) -> Self {
        let WebPage { passages, pictures, links, canonical, headlines } = web_page(html);
        let plain = passages.iter().map(|spot| plain(&spot.text)).collect();
        Self { passages, plain, headlines, pictures, links, canonical }
    }

    /// A passage that says all of `needles` (plain), or two that follow each other: themes set a name and an
    /// affiliation below each other. Where `href` is given, one of them has to link there.
    pub fn says(&self, needles: &[String], href: Option<&str>) -> Place {
        let linked = |passages: std::ops::RangeInclusive<usize>| {
            href.is_none_or(|wanted| {
                let here = |link: &&Link| passages.contains(&link.passage);
                self.links.iter().filter(here).any(|link| same_address(&link.href, wanted))
            })
        };
        let all = |text: &str| needles.iter().all(|needle| text.contains(needle.as_str()));
        let alone = (0..self.plain.len()).find(|at| all(&self.plain[*at]) && linked(*at..=*at));
        let alone = alone.map(|at| (at, self.passages[at].text.clone()));
        let found = alone.or_else(|| {
            let short = |at: &usize| self.plain[*at].len() <= LABEL && self.plain[at + 1].len() <= LABEL;
            let pair = |at: usize| format!("{} {}", self.plain[at], self.plain[at + 1]);
            (0..self.plain.len().saturating_sub(1))
                .filter(short)
                .map(|at| (at, pair(at)))
                .find(|(at, text)| all(text) && linked(*at..=*at + 1))
        });
        found.map(|(at, text)| (self.passages[at].at.clone(), text))
    }

    /// The logo: from its own address, or from another under the same name, or any picture that is called after the
    /// agency. Sites keep copies.
    pub fn logo(&self, addresses: &[String], agency: &Agency) -> Place {
        let file = |address: &str| {
            let path = address.split(['?', '#']).next().unwrap_or_default();
            path.rsplit('/').next().filter(|name| name.contains('.')).map(str::to_lowercase)
        };
        let is_same = |(spot, _): &&(Spot, String)| addresses.iter().any(|wanted| same_address(&spot.text, wanted));
        let is_copy = |(spot, _): &&(Spot, String)| {
            file(&spot.text).is_some_and(|name| addresses.iter().any(|wanted| file(wanted).as_ref() == Some(&name)))
        };
        let names = [agency.name.to_lowercase(), agency.short_name.to_lowercase()];
        let is_called = |(_, alt): &&(Spot, String)| {
            let alt = alt.to_lowercase();
            names.iter().any(|name| !name.is_empty() && (alt == *name || alt.contains(&format!("{name} logo"))))
        };
        let pictures = || self.pictures.iter().filter(|(_, alt)| !alt.trim().is_empty());
        let found =
            pictures().find(is_same).or_else(|| pictures().find(is_copy)).or_else(|| pictures().find(is_called));
        found.map(|(spot, _)| (spot.at.clone(), spot.text.clone()))
    }

    /// A picture from one of `addresses`, whether anybody sees it or not.
    pub fn picture(&self, addresses: &[String]) -> Place {
        let found =
            self.pictures.iter().find(|(spot, _)| addresses.iter().any(|wanted| same_address(&spot.text, wanted)));
        found.map(|(spot, _)| (spot.at.clone(), spot.text.clone()))
    }

    /// One of `addresses` as the page's canonical address, or behind a link.
    pub fn canonical(&self, addresses: &[String]) -> Place {
        let is = |address: &str| addresses.iter().any(|wanted| same_address(address, wanted));
        if let Some(address) = self.canonical.as_ref().filter(|address| is(address)) {
            return Some(("link[rel=canonical]".to_owned(), address.clone()));
        }
        self.links.iter().find(|link| is(&link.href)).map(|link| (link.spot.at.clone(), link.href.clone()))
    }
}

/// Whether two addresses lead to the same place; the scheme and a last slash make no difference.
fn same_address(one: &str, other: &str) -> bool {
    let bare = |address: &str| {
        let address = address.trim();
        let address = address.strip_prefix("https:").or_else(|| address.strip_prefix("http:")).unwrap_or(address);
        address.trim_end_matches('/').to_owned()
    };
    bare(one) == bare(other)
}
