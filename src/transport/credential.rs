//! Header values that hold a secret: never printed, and wiped when the last request that carries them is gone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;

use super::DoorError;
use crate::config::Secret;

/// `before` and the secret after it.
pub fn header(before: &str, secret: &Secret) -> Result<HeaderValue, DoorError> {
    let mut text = Zeroizing::new(String::with_capacity(before.len() + secret.expose().len()));
    text.push_str(before);
    text.push_str(secret.expose());
    sensitive(text)
}

/// `Basic …` (RFC 7617).
pub fn basic(user: &str, password: &Secret) -> Result<HeaderValue, DoorError> {
    const SCHEME: &str = "Basic ";
    let password = password.expose();
    let mut pair = Zeroizing::new(String::with_capacity(user.len() + 1 + password.len()));
    pair.push_str(user);
    pair.push(':');
    pair.push_str(password);
    let mut text = Zeroizing::new(String::with_capacity(SCHEME.len() + pair.len().div_ceil(3) * 4));
    text.push_str(SCHEME);
    BASE64.encode_string(&*pair, &mut text);
    sensitive(text)
}

/// The text becomes the value where it is, so that there is one copy to wipe. The message does not repeat it.
fn sensitive(text: Zeroizing<String>) -> Result<HeaderValue, DoorError> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| DoorError::Setting("a secret holds characters that cannot stand in a header".to_owned()))?;
    // Neither hyper's tables nor a debug print get to see it.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_as_the_standard_writes_it_and_prints_as_nothing() {
        // RFC 7617 §2.
        let value = basic("Aladdin", &Secret::new("open sesame")).unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(header("Bearer ", &Secret::new("t0ken")).unwrap(), "Bearer t0ken");
        let why = header("", &Secret::new("two\nlines")).unwrap_err().to_string();
        assert!(!why.contains("lines"), "{why}");
    }
}
