//! The vocabularies that terms come from: IPTC's own go by one short name, however a document writes them.

/// IPTC's vocabularies with the short names that the trade uses for them (NewsML-G2's catalog).
const SHORT_NAMES: [(&str, &str); 3] = [("mediatopic", "medtop"), ("subjectcode", "subj"), ("genre", "genre")];

/// Scheme and bare code. A code may bring its scheme with it, as a URI (`http://cv.iptc.org/newscodes/mediatopic/11000000`)
/// or as a prefix (`medtop:11000000`).
pub fn resolved(scheme: Option<String>, code: String) -> (Option<String>, String) {
    for (_, short) in SHORT_NAMES {
        if let Some(bare) = code.strip_prefix(short).and_then(|rest| rest.strip_prefix(':')) {
            return (Some(short.to_owned()), bare.to_owned());
        }
    }
    let is_uri = code.starts_with("http://") || code.starts_with("https://");
    if is_uri
        && let Some(at) = code.trim_end_matches('/').rfind(['/', '#'])
        // `https://example.org` is all scheme and no code.
        && !code[..at].ends_with(['/', ':'])
    {
        let (vocabulary, bare) = code.split_at(at + 1);
        return (Some(shortened(vocabulary)), bare.trim_end_matches('/').to_owned());
    }
    (scheme.map(|scheme| shortened(&scheme)), code)
}

/// The short name of a vocabulary that has one.
pub fn shortened(scheme: &str) -> String {
    let newscodes = ["http://cv.iptc.org/newscodes/", "https://cv.iptc.org/newscodes/"];
    let vocabulary =
        newscodes.iter().find_map(|start| scheme.strip_prefix(start)).map(|rest| rest.trim_end_matches('/'));
    match SHORT_NAMES.iter().find(|(name, _)| Some(*name) == vocabulary) {
        Some((_, short)) => (*short).to_owned(),
        None => scheme.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_shed_their_scheme() {
        let cases = [
            (Some("http://cv.iptc.org/newscodes/mediatopic/"), "11000000", Some("medtop"), "11000000"),
            (Some("http://cv.iptc.org/newscodes/mediatopic/"), "medtop:11000000", Some("medtop"), "11000000"),
            (None, "http://cv.iptc.org/newscodes/mediatopic/11000000", Some("medtop"), "11000000"),
            (None, "https://cv.iptc.org/newscodes/subjectcode/04000000", Some("subj"), "04000000"),
            (None, "subj:04000000", Some("subj"), "04000000"),
            (None, "http://www.wikidata.org/entity/Q1/", Some("http://www.wikidata.org/entity/"), "Q1"),
            (Some("desk"), "politics", Some("desk"), "politics"),
            (None, "politics", None, "politics"),
            (None, "https://example.org/", None, "https://example.org/"),
        ];
        for (scheme, code, want_scheme, want_code) in cases {
            let (got_scheme, got_code) = resolved(scheme.map(str::to_owned), code.to_owned());
            assert_eq!((got_scheme.as_deref(), got_code.as_str()), (want_scheme, want_code), "{scheme:?} {code}");
        }
    }
}
