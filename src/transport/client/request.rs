//! A request on its way to a connection.
//!
//! A push has some fifteen header fields. In a map each of them takes a place by the hash of its name and a value of its own,
//! and all are written out again at the end, which was a tenth of what the threads that serve lanes did for a delivery
//! (docs/performance.md). So fields are lines from the start, as HTTP/1.1 sends them (RFC 9112 §5). HTTP/2, which is spoken
//! to few doors, takes them apart again.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, Uri, Version, header};
use memchr::memchr;
use secrecy::zeroize::{Zeroize, Zeroizing};

use super::Paced;

/// One request.
pub struct Request {
    pub method: Method,
    /// The path and the query.
    pub uri: Uri,
    pub fields: Fields,
    pub body: Paced,
}

/// Header fields, one to a line. Whoever adds one knows that it is not there yet, or that it may be there several times. Where
/// secrets are among them, the lines are wiped in the end.
#[derive(Default)]
pub struct Fields {
    lines: Vec<u8>,
    /// Where the lines begin whose values are secrets.
    secret: Vec<usize>,
    /// The body's length is among them.
    has_length: bool,
}

/// What fields come to, nearly always, in bytes.
const ROOM: usize = 1 << 10;

impl Fields {
    /// None yet, with room for those of a push.
    pub fn for_push() -> Self {
        Self { lines: Vec::with_capacity(ROOM), secret: Vec::new(), has_length: false }
    }

    /// # Errors
    /// When the value cannot stand in a header (RFC 9110 §5.5).
    pub fn add(&mut self, name: &HeaderName, value: &str) -> Result<(), String> {
        // All are looked at, which the processor does many at a time.
        let is_well = |well: bool, byte: u8| well & (byte == b'\t' || (byte >= b' ' && byte != 0x7f));
        if !value.bytes().fold(true, is_well) {
            return Err(format!("the value of {name} cannot stand in a header"));
        }
        self.line(name, value.as_bytes());
        Ok(())
    }

    pub fn add_number(&mut self, name: &HeaderName, number: impl itoa::Integer) {
        self.line(name, itoa::Buffer::new().format(number).as_bytes());
    }

    /// One that is a header's value already.
    pub fn add_value(&mut self, name: &HeaderName, value: &HeaderValue) {
        if value.is_sensitive() {
            self.secret.push(self.lines.len());
        }
        self.line(name, value.as_bytes());
    }

    fn line(&mut self, name: &HeaderName, value: &[u8]) {
        self.has_length |= *name == header::CONTENT_LENGTH;
        let name = name.as_str().as_bytes();
        self.lines.reserve(name.len() + value.len() + 4);
        for piece in [name, b": ", value, b"\r\n"] {
            self.lines.extend_from_slice(piece);
        }
    }

    /// As HTTP/1.1 sends them.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Whether they tell the body's length.
    pub fn has_length(&self) -> bool {
        self.has_length
    }

    pub fn contains(&self, name: &HeaderName) -> bool {
        self.all(name).next().is_some()
    }

    /// The values of all fields of that name.
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.iter().filter_map(move |(_, known, value)| (known == name.as_str().as_bytes()).then_some(value))
    }

    /// Each with the place where its line begins.
    fn iter(&self) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = &self.lines[at..];
            // A name has no colon, and nothing but a line's end has its signs.
            let (name, end) = (memchr(b':', rest)?, memchr(b'\r', rest)?);
            let begins = at;
            at += end + 2;
            Some((begins, &rest[..name], &rest[name + 2..end]))
        })
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        if !self.secret.is_empty() {
            self.lines.zeroize();
        }
    }
}

impl Request {
    /// As hyper wants it for HTTP/2, which has the host in its own place (RFC 9113 §8.3.1).
    ///
    /// # Errors
    /// When host and path do not make an address.
    pub fn for_http2(self, authority: &str) -> Result<http::Request<Paced>, String> {
        let Self { method, uri, fields, body } = self;
        let mut parts = uri.into_parts();
        let authority = Authority::try_from(authority).map_err(|why| why.to_string())?;
        (parts.scheme, parts.authority) = (Some(Scheme::HTTPS), Some(authority));
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(parts).map_err(|why| why.to_string())?;
        *request.version_mut() = Version::HTTP_2;
        for (begins, name, value) in fields.iter() {
            let name = HeaderName::from_bytes(name).map_err(|why| why.to_string())?;
            let is_secret = fields.secret.contains(&begins);
            let value = if is_secret {
                HeaderValue::from_maybe_shared(Bytes::from_owner(Zeroizing::new(value.to_vec())))
            } else {
                HeaderValue::from_bytes(value)
            };
            let mut value = value.map_err(|why| why.to_string())?;
            // What is secret has no place in the table that the connection's requests share (RFC 7541 §7.1.3).
            value.set_sensitive(is_secret);
            if name != header::HOST {
                request.headers_mut().append(name, value);
            }
        }
        Ok(request)
    }
}

impl From<http::Request<Paced>> for Request {
    fn from(request: http::Request<Paced>) -> Self {
        let (parts, body) = request.into_parts();
        let mut fields = Fields::default();
        for (name, value) in &parts.headers {
            fields.add_value(name, value);
        }
        Self { method: parts.method, uri: parts.uri, fields, body }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::super::paced::Written;
    use super::*;

    fn request(fields: Fields) -> Request {
        let body = Paced::new(Bytes::new(), &Written::new(), Instant::now());
        Request { method: Method::POST, uri: Uri::from_static("/in?edition=2"), fields, body }
    }

    proptest! {
        /// What was added is found, in its order, as often as it was added, whichever protocol it goes by; and only what
        /// `http` takes for a value is taken.
        #[test]
        fn fields_are_what_was_added(
            fields in prop::collection::vec(("[a-c]-[a-z0-9-]{0,9}", "[ -~éß\t]{0,20}", any::<bool>()), 0..12),
            other in "\\PC{0,4}[\r\n\u{0}\u{7f}]\\PC{0,4}",
        ) {
            let mut all = Fields::for_push();
            let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
            for (name, value, secret) in &fields {
                if *secret {
                    let mut value = HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes())).unwrap();
                    value.set_sensitive(true);
                    all.add_value(&named(name), &value);
                } else {
                    all.add(&named(name), value).unwrap();
                }
            }
            prop_assert!(all.add(&named("x-other"), &other).is_err() && HeaderValue::from_bytes(other.as_bytes()).is_err());
            for (name, ..) in &fields {
                let expected: Vec<&[u8]> =
                    fields.iter().filter(|field| field.0 == *name).map(|field| field.1.as_bytes()).collect();
                prop_assert_eq!(all.all(&named(name)).collect::<Vec<_>>(), expected);
            }
            let written: String = fields.iter().map(|(name, value, _)| format!("{name}: {value}\r\n")).collect();
            prop_assert_eq!(all.lines(), written.as_bytes());

            let request = request(all).for_http2("paper.example:8443").unwrap();
            prop_assert_eq!(request.uri().to_string(), "https://paper.example:8443/in?edition=2");
            for (name, ..) in &fields {
                let of_name = fields.iter().filter(|field| field.0 == *name);
                let expected: Vec<(&[u8], bool)> = of_name.map(|field| (field.1.as_bytes(), field.2)).collect();
                let found = request.headers().get_all(named(name));
                let found: Vec<_> = found.iter().map(|value| (value.as_bytes(), value.is_sensitive())).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_host_is_no_field_of_http_2() {
        let mut fields = Fields::default();
        fields.add(&header::HOST, "paper.example").unwrap();
        assert!(fields.contains(&header::HOST) && !fields.contains(&header::AUTHORIZATION));
        let request = request(fields).for_http2("paper.example").unwrap();
        assert!(request.headers().is_empty() && request.version() == Version::HTTP_2);
    }
}
