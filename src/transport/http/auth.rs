//! How a door shows who it is: a header, or a key in the query of its address. It is for the door's own host alone.
//!
//! Access tokens are another's affair: here they only have a header.

use std::borrow::Cow;

use bytes::Bytes;
use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use secrecy::zeroize::Zeroizing;
use url::form_urlencoded;

use crate::config::{Auth, Secret, SecretRef};
use crate::transport::DoorError;
use crate::transport::credential::{self, Hidden};

/// A credential as its secret is now; where there is none, it says nothing.
// Boxed: a door that signs may have none, and there may be ten thousand doors.
#[derive(Default)]
pub struct Credential(Option<Box<Shown>>);

struct Shown {
    /// The header that holds it.
    header: Option<HeaderName>,
    /// What stands in the query: `name=value`, encoded.
    key: Option<Zeroizing<String>>,
    hidden: Hidden,
}

/// The secret of a credential. An access token is none: it has a life of its own.
pub fn secret(auth: &Auth) -> Option<&SecretRef> {
    match auth {
        Auth::Bearer(secret)
        | Auth::Basic { password: secret, .. }
        | Auth::Header { value: secret, .. }
        | Auth::Query { value: secret, .. } => Some(secret),
        Auth::Oauth(_) => None,
    }
}

impl Credential {
    /// Reads the secret. What of it is a header is put into `headers`; an access token is not known yet.
    pub fn read(auth: &Auth, headers: &mut HeaderMap) -> Result<Self, DoorError> {
        let mut hidden = Hidden::default();
        let (name, value) = match auth {
            Auth::Oauth(_) => {
                headers.remove(header::AUTHORIZATION);
                return Ok(Self::of(Shown { header: Some(header::AUTHORIZATION), key: None, hidden }));
            }
            Auth::Query { name, value } => {
                let value = value.resolve()?;
                let key = pair(name, &value);
                hidden.add(key.split_once('=').map(|(_, value)| value));
                hidden.add(Some(value.expose()));
                return Ok(Self::of(Shown { header: None, key: Some(key), hidden }));
            }
            Auth::Bearer(token) => {
                let token = token.resolve()?;
                hidden.add(Some(token.expose()));
                (header::AUTHORIZATION, credential::header("Bearer ", &token)?)
            }
            Auth::Basic { user, password } => {
                let password = password.resolve()?;
                let value = credential::basic(user, &password)?;
                hidden.add(value.to_str().ok().and_then(|value| value.strip_prefix("Basic ")));
                hidden.add(Some(password.expose()));
                (header::AUTHORIZATION, value)
            }
            Auth::Header { name, value } => {
                let name = name.parse().map_err(|_| DoorError::Setting(format!("{name:?} is not a header's name")))?;
                let value = value.resolve()?;
                hidden.add(Some(value.expose()));
                (name, credential::header("", &value)?)
            }
        };
        headers.insert(&name, value);
        Ok(Self::of(Shown { header: Some(name), key: None, hidden }))
    }

    fn of(shown: Shown) -> Self {
        Self(Some(shown.into()))
    }

    /// Whether it is in this header.
    pub fn is_in(&self, name: &HeaderName) -> bool {
        self.0.as_ref().and_then(|shown| shown.header.as_ref()) == Some(name)
    }

    /// The path and the query, with the key in it where there is one.
    ///
    /// # Errors
    /// When the two do not make an address. The message does not repeat the key.
    pub fn uri<'a>(&self, uri: Cow<'a, Uri>) -> Result<Cow<'a, Uri>, String> {
        let Some(key) = self.0.as_ref().and_then(|shown| shown.key.as_ref()) else { return Ok(uri) };
        let plain = uri.to_string();
        let mut text = Zeroizing::new(String::with_capacity(plain.len() + 1 + key.len()));
        let mark = if plain.contains('?') { "&" } else { "?" };
        text.extend([plain.as_str(), mark, key.as_str()]);
        // Wiped with the request.
        let whole = Uri::from_maybe_shared(Bytes::from_owner(text));
        whole.map(Cow::Owned).map_err(|_| "the key in the query makes the address too long".to_owned())
    }

    /// What an answer says, without the secrets that it may repeat, `token` one of them.
    pub fn hide(&self, said: &[u8], token: Option<&HeaderValue>) -> String {
        let said = self.0.as_ref().map_or(Cow::Borrowed(said), |shown| shown.hidden.out_of(said));
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        String::from_utf8_lossy(&Hidden::new(token).out_of(&said)).into_owned()
    }
}

/// A parameter of a query.
fn pair(name: &str, value: &Secret) -> Zeroizing<String> {
    let encoded = |text| form_urlencoded::byte_serialize(text);
    let mut pair = Zeroizing::new(String::with_capacity(3 * (name.len() + value.expose().len()) + 1));
    pair.extend(encoded(name.as_bytes()));
    pair.push('=');
    pair.extend(encoded(value.expose().as_bytes()));
    pair
}
