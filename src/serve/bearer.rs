//! Who shows which bearer token (RFC 6750 §2.1).
//!
//! Only digests are kept, and all of them are compared, so the time that it takes says nothing of a token, nor of whose it
//! nearly was. A file with a token is read again after it was replaced.

use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::SecretRef;
use crate::fresh::Fresh;

/// A token as the configuration has it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The name of whoever has it.
    pub holder: String,
    /// The configuration's key, for messages.
    pub key: String,
    pub found: SecretRef,
}

type Digested = [u8; 32];

/// The tokens that a listener knows, with their holders.
pub struct Bearers(Fresh<Vec<(String, Digested)>>);

impl Bearers {
    /// Reads `tokens`. Who holds one of `others` must not get in here by it.
    ///
    /// # Errors
    /// In a sentence that names the token and never repeats it: it cannot be read, or two are the same.
    pub fn new(tokens: Vec<Token>, others: Vec<Token>) -> Result<Self, String> {
        let read: Vec<SecretRef> = tokens.iter().chain(&others).map(|token| token.found.clone()).collect();
        Fresh::new(&read, move || digests(&tokens, &others)).map(Self)
    }

    /// The name of whoever sends these headers, if it is known.
    pub async fn who(&self, headers: &HeaderMap) -> Option<String> {
        let known = self.0.current().await;
        let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = shown.split_once(' ')?;
        let token: Digested = Sha256::digest(token.trim()).into();
        let mut who = None;
        for (holder, digest) in known.iter() {
            if bool::from(digest.ct_eq(&token)) {
                who = Some(holder);
            }
        }
        who.filter(|_| scheme.eq_ignore_ascii_case("bearer")).cloned()
    }
}

fn digests(tokens: &[Token], others: &[Token]) -> Result<Vec<(String, Digested)>, String> {
    let digest = |token: &Token| -> Result<Digested, String> {
        let value = token.found.resolve().map_err(|why| format!("{}: {why}", token.key))?;
        Ok(Sha256::digest(value.expose()).into())
    };
    let mut seen: Vec<(&str, Digested)> = Vec::with_capacity(others.len() + tokens.len());
    for other in others {
        seen.push((&other.key, digest(other)?));
    }
    let mut known = Vec::with_capacity(tokens.len());
    for token in tokens {
        let digest = digest(token)?;
        if let Some((twin, _)) = seen.iter().find(|(_, other)| *other == digest) {
            return Err(format!("{} is the same token as {twin}; give each one of its own", token.key));
        }
        seen.push((&token.key, digest));
        known.push((token.holder.clone(), digest));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tokens(tempfile::TempDir);

    impl Tokens {
        fn new(tokens: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, token) in tokens {
                std::fs::write(dir.path().join(name), token).unwrap();
            }
            Self(dir)
        }

        fn named(&self, names: &[&str]) -> Vec<Token> {
            let token = |name: &&str| Token {
                holder: (*name).to_owned(),
                key: format!("tokens.{name}"),
                found: SecretRef::File(self.0.path().join(name)),
            };
            names.iter().map(token).collect()
        }
    }

    #[tokio::test]
    async fn each_token_is_somebodys_and_nothing_else_is() {
        let tokens = Tokens::new(&[("desk", "a token\n"), ("night", "another"), ("intake", "a third")]);
        let bearers = Bearers::new(tokens.named(&["desk", "night"]), tokens.named(&["intake"])).unwrap();
        for (shown, name) in [
            ("Bearer a token", Some("desk")),
            ("bearer  another ", Some("night")),
            ("Bearer a third", None),
            ("Bearer a toke", None),
            ("Bearer a tokens", None),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic another", None),
            ("another", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, shown.parse().unwrap())]);
            assert_eq!(bearers.who(&headers).await.as_deref(), name, "{shown}");
        }
        assert_eq!(bearers.who(&HeaderMap::new()).await, None);
    }

    #[test]
    fn a_token_of_two_doors_is_refused_and_not_repeated() {
        let tokens = Tokens::new(&[("one", "the same"), ("two", "the same\n")]);
        let why =
            |known: &[&str], others: &[&str]| Bearers::new(tokens.named(known), tokens.named(others)).err().unwrap();
        for why in [why(&["one"], &["two"]), why(&["two", "one"], &[])] {
            assert_eq!(why, "tokens.one is the same token as tokens.two; give each one of its own");
        }
        let why = why(&["three"], &[]);
        assert!(why.starts_with("tokens.three: cannot read the secret's file "), "{why}");
    }
}
