//! Addresses as every format can carry them: XML's schemas and Atom want IRIs.

use url::Url;

/// `address` as an IRI (RFC 3987), or `None` where it has no scheme. The URL standard, in whose spelling articles have
/// their addresses, lets more stand: a `%` that begins no escape, a `|`, a second `#`.
pub fn iri(address: &str) -> Option<String> {
    if address.contains(char::is_whitespace) {
        return None;
    }
    let url = Url::parse(address).ok()?;
    // Brackets stand around an IPv6 address and nowhere else.
    let (host, rest) = url.as_str().split_at(url[..url::Position::BeforePath].len());
    let mut iri = host.to_owned();
    let mut fragment = false;
    for (at, c) in rest.char_indices() {
        let kept = match c {
            '%' => rest.get(at + 1..at + 3).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit())),
            '#' => !std::mem::replace(&mut fragment, true),
            c => c.is_ascii_alphanumeric() || "-._~:/?@!$&'()*+,;=".contains(c) || c >= '\u{a0}',
        };
        if kept {
            iri.push(c);
        } else {
            // What is left is ASCII but for the C1 controls, which the URL standard has escaped.
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| iri.push_str(&format!("%{byte:02X}")));
        }
    }
    Some(iri)
}

#[cfg(test)]
mod tests {
    use super::iri;

    #[test]
    fn an_address_is_escaped_where_an_iri_has_to_be() {
        for (address, want) in [
            ("https://example.org/a%20b%zz%?c=100%#d#e", "https://example.org/a%20b%25zz%25?c=100%25#d%23e"),
            ("https://[::1]:8080/a[1]|b?x={y}^", "https://[::1]:8080/a%5B1%5D%7Cb?x=%7By%7D%5E"),
            ("https://example.org/é", "https://example.org/%C3%A9"),
            ("urn:newsml:example.org:20261124:ferry-vote", "urn:newsml:example.org:20261124:ferry-vote"),
            ("tag:example.org,2026:a\"b<c>", "tag:example.org,2026:a%22b%3Cc%3E"),
        ] {
            assert_eq!(iri(address).as_deref(), Some(want), "{address}");
        }
        for none in ["", "ferry", "/a", "https://", "a b:c", "https://example.org/a b"] {
            assert_eq!(iri(none), None, "{none:?}");
        }
    }
}
