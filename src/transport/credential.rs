//! Secrets on their way into a request: header values that are never printed, and are wiped when the last request that
//! carries them is gone, but for what was written to a connection's buffer; and what is not to be repeated when a server sends
//! it back.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;
use secrecy::zeroize::Zeroizing;

use super::DoorError;
use super::client::Answer;
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

/// Texts that an answer may repeat, as careless servers do in their errors, and that no log may (promise 11).
#[derive(Default)]
pub struct Hidden(Vec<Secret>);

/// How much of an answer is looked through, in bytes; no more of it is shown.
const LOOKED_AT: usize = 4 << 10;

impl Hidden {
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hidden = Self::default();
        texts.into_iter().for_each(|text| hidden.add(Some(text)));
        hidden
    }

    pub fn add(&mut self, text: Option<&str>) {
        self.0.extend(text.filter(|text| !text.is_empty()).map(Secret::new));
    }

    /// What a header of requests holds, if there is one: what stands after its scheme; of `Basic …`, the password in it too.
    pub fn of_header(value: Option<&HeaderValue>) -> Self {
        let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let coded = text.split_once(' ').map_or(text, |(_, coded)| coded);
        let mut hidden = Self::new([coded]);
        let pair = BASE64.decode(coded).ok().map(Zeroizing::new);
        let pair = pair.as_ref().and_then(|pair| std::str::from_utf8(pair).ok());
        hidden.add(pair.and_then(|pair| Some(pair.split_once(':')?.1)));
        hidden
    }

    /// All of an answer without them. What a success says is not repeated, and may be needed to the letter.
    pub fn out_of_answer(&self, answer: Answer) -> Answer {
        if answer.status.is_success() {
            return answer;
        }
        Answer { start: self.all_out_of(&answer.start), ..answer }
    }

    fn all_out_of(&self, answer: &Bytes) -> Bytes {
        let is_in = |text: &str| memmem::find(answer, text.as_bytes()).is_some();
        // Whoever writes JSON may write a slash as `\/`.
        let spelt = |secret: &Secret| [Secret::new(secret.expose()), Secret::new(&secret.expose().replace('/', "\\/"))];
        let said: Vec<Secret> = self.0.iter().flat_map(spelt).filter(|secret| is_in(secret.expose())).collect();
        if said.is_empty() {
            return answer.clone();
        }
        let text = String::from_utf8_lossy(answer).into_owned();
        said.iter().fold(text, |text, secret| text.replace(secret.expose(), "***")).into()
    }

    /// The start of `text` without them.
    pub fn out_of<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let start = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]).into_owned();
        let bare = self.0.iter().fold(start, |text, secret| text.replace(secret.expose(), "***"));
        Cow::Owned(bare.into_bytes())
    }
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

    #[test]
    fn what_a_server_repeats_is_hidden() {
        let hidden = Hidden::new(["s3cret key", "s3cret%20key", ""]);
        let said = b"no such key: /in?k=s3cret%20key (s3cret key)";
        assert_eq!(&*hidden.out_of(said), b"no such key: /in?k=*** (***)");
        assert_eq!(&*Hidden::default().out_of(said), said);
    }

    #[test]
    fn what_a_header_holds_is_hidden_however_a_server_repeats_it() {
        let password = Secret::new("pass?word?");
        let value = basic("u", &password).unwrap();
        let coded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert!(coded.contains('/'), "{coded}");
        let said = format!("{coded} is {} of pass?word?; u", coded.replace('/', "\\/"));
        let hidden = Hidden::of_header(Some(&value));
        assert_eq!(hidden.all_out_of(&said.into()), "*** is *** of ***; u");
        assert_eq!(Hidden::of_header(None).all_out_of(&"u".into()), "u");
    }
}
