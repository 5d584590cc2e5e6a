//! An answer as it comes: where its head ends, how its body is framed, and where that ends (RFC 9112 §4 to §7).
//!
//! It is told what the network brought, in pieces of any size, and says when that is the whole answer. It does no I/O, so
//! that every answer can be tried in every cut.
//!
//! Each part has a bound. Of a body no more is kept than its limit, and what goes beyond ends the exchange. The time of an
//! exchange does not keep a peer from sending as fast as it can what is not kept: interim answers without an end (RFC 9110
//! §15.2), say, which cost the time of a processor that the other doors need (promise 7). So all that comes is counted.
//!
//! The head is [`httparse`]'s to read, which hyper and many others stand on.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::transport::client::Answer;

/// The longest head of an answer, in bytes. One in HTTP/2 has 16 KiB.
pub const LONGEST_HEAD: usize = 32 << 10;

/// The most headers of an answer.
const MOST_HEADERS: usize = 100;

/// What an answer may bring beside its body: its head, interim answers before it, and what cuts it in chunks.
pub const BESIDE_THE_BODY: usize = 256 << 10;

/// What every answer begins with.
const BEGINNING: &[u8] = b"HTTP/1.";

/// How much is told of what begins otherwise, in bytes.
const TOLD: usize = 64;

/// Whether an answer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Come {
    More,
    All,
}

/// Why what came is no answer, in words that follow "the connection broke:".
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAnAnswer {
    #[error("it was closed before the answer was complete")]
    Closed,
    #[error("what came is not HTTP/1.1: {0}")]
    Head(String),
    #[error("the head of the answer is longer than {LONGEST_HEAD} bytes")]
    LongHead,
    #[error("the answer is longer than any that is meant")]
    TooLong,
    #[error("the answer has no length, or not one alone: {0:?}")]
    Length(String),
    #[error("the answer's chunks are not as RFC 9112 has them")]
    Chunk,
}

/// An answer of which some may have come.
pub struct Answering {
    /// It is one to `HEAD`, and has no body whatever it says of one.
    to_head: bool,
    limit: usize,
    /// What may still come, in bytes.
    left: usize,
    /// The start of a head whose end has not come.
    held: Vec<u8>,
    /// Nothing has come since the last line's end, but for a carriage return.
    blank: bool,
    head: Option<(StatusCode, HeaderMap)>,
    next: Next,
    start: Vec<u8>,
    /// The body went beyond its limit.
    cut: bool,
    /// Another answer can follow this one.
    persists: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    /// So many bytes of a body of a known length.
    Length(u64),
    Chunked(Chunk),
    /// All that comes until the connection is closed.
    UntilClose,
    Nothing,
}

/// Where in a body of chunks (RFC 9112 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// In its size, of which so much is known and so many digits have come.
    Size(u64, u8),
    /// In what may stand after the size, which says nothing to us.
    Extension(u64),
    /// Before the end of the size's line.
    SizeEnd(u64),
    Data(u64),
    /// Before the two bytes that end its data.
    DataEnd(u8),
    /// At the start of a line of the trailer; an empty one ends it.
    Trailer,
    TrailerLine,
    /// Before the end of a line of the trailer; whether that was an empty one.
    TrailerLineEnd(bool),
}

impl Answering {
    /// An answer of whose body `limit` bytes are kept.
    pub fn new(to_head: bool, limit: usize) -> Self {
        Self {
            to_head,
            limit,
            left: limit.saturating_mul(2).saturating_add(BESIDE_THE_BODY),
            held: Vec::new(),
            blank: false,
            head: None,
            next: Next::Head,
            start: Vec::new(),
            cut: false,
            persists: true,
        }
    }

    /// Takes what came. After [`Come::All`] nothing more is to be taken.
    ///
    /// # Errors
    /// When that cannot be an answer, or is not to be read on. What was understood until then stays.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<Come, NotAnAnswer> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(NotAnAnswer::TooLong)?;
        while !bytes.is_empty() && self.next != Next::Nothing {
            bytes = match self.next {
                Next::Head => self.take_head(bytes)?,
                Next::Length(left) => {
                    let (data, after) = split(bytes, left);
                    let left = left - data.len() as u64;
                    self.next = if left == 0 { Next::Nothing } else { Next::Length(left) };
                    self.keep(data);
                    after
                }
                Next::Chunked(Chunk::Data(left)) => {
                    let (data, after) = split(bytes, left);
                    let left = left - data.len() as u64;
                    self.next = Next::Chunked(if left == 0 { Chunk::DataEnd(b'\r') } else { Chunk::Data(left) });
                    self.keep(data);
                    after
                }
                Next::Chunked(chunk) => {
                    self.next = chunk.after(bytes[0])?.map_or(Next::Nothing, Next::Chunked);
                    &bytes[1..]
                }
                Next::UntilClose => {
                    self.keep(bytes);
                    &[]
                }
                Next::Nothing => bytes,
            };
        }
        // What comes after an answer belongs to none.
        self.persists &= bytes.is_empty();
        Ok(if self.next == Next::Nothing { Come::All } else { Come::More })
    }

    /// The connection was closed.
    ///
    /// # Errors
    /// When the answer does not end with that.
    pub fn closed(&mut self) -> Result<(), NotAnAnswer> {
        self.persists = false;
        match self.next {
            Next::UntilClose => {
                self.next = Next::Nothing;
                Ok(())
            }
            Next::Nothing => Ok(()),
            Next::Head | Next::Length(_) | Next::Chunked(_) => Err(NotAnAnswer::Closed),
        }
    }

    /// The answer, if its head has come, with as much of the body as has; and whether another request can follow.
    pub fn ended(self) -> Option<(Answer, bool)> {
        let (status, headers) = self.head?;
        let whole = self.next == Next::Nothing && !self.cut;
        Some((Answer { status, headers, start: self.start.into(), whole }, whole && self.persists))
    }

    fn keep(&mut self, data: &[u8]) {
        let room = self.limit - self.start.len();
        self.start.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            self.cut = true;
            self.next = Next::Nothing;
        }
    }

    /// Takes a head, or what came of it, and returns what follows it.
    fn take_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], NotAnAnswer> {
        let (bytes, after, is_whole) = match self.end_of_head(bytes) {
            Some(end) => (&bytes[..end], &bytes[end..], true),
            None => (bytes, &[][..], false),
        };
        if self.held.len() + bytes.len() > LONGEST_HEAD {
            return Err(NotAnAnswer::LongHead);
        }
        if is_whole && self.held.is_empty() {
            self.read_head(Bytes::copy_from_slice(bytes))?;
            return Ok(after);
        }
        self.held.extend_from_slice(bytes);
        // Whoever speaks something else may wait for us to go on.
        let known = self.held.len().min(BEGINNING.len());
        if self.held[..known] != BEGINNING[..known] {
            let start = &self.held[..self.held.len().min(TOLD)];
            return Err(NotAnAnswer::Head(format!("{:?}", String::from_utf8_lossy(start))));
        }
        if is_whole {
            let head = std::mem::take(&mut self.held);
            self.read_head(head.into())?;
        }
        Ok(after)
    }

    /// Behind the empty line that ends a head.
    fn end_of_head(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.blank => {
                    self.blank = false;
                    return Some(at + 1);
                }
                b'\n' => self.blank = true,
                b'\r' => {}
                _ => self.blank = false,
            }
        }
        None
    }

    fn read_head(&mut self, bytes: Bytes) -> Result<(), NotAnAnswer> {
        let mut space = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut read = httparse::Response::new(&mut []);
        let parsed =
            httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut read, &bytes, &mut space);
        parsed.map_err(|why| NotAnAnswer::Head(why.to_string()))?;
        let not_http = |why: http::Error| NotAnAnswer::Head(why.to_string());
        let (Some(version), Some(code)) = (read.version, read.code) else {
            return Err(NotAnAnswer::Head("its first line is not complete".to_owned()));
        };
        let status = StatusCode::from_u16(code).map_err(|why| not_http(why.into()))?;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        let mut headers = HeaderMap::with_capacity(read.headers.len());
        for read in read.headers.iter() {
            let name = HeaderName::from_bytes(read.name.as_bytes()).map_err(|why| not_http(why.into()))?;
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(read.value));
            let value = value.map_err(|why| not_http(why.into()))?;
            headers.append(name, value);
        }
        let is_1_1 = version == 1;
        let says = |what: &str| has_token(&headers, header::CONNECTION, what);
        self.persists =
            status != StatusCode::SWITCHING_PROTOCOLS && if is_1_1 { !says("close") } else { says("keep-alive") };
        self.next = self.framing(status, &headers, is_1_1)?;
        self.head = Some((status, headers));
        Ok(())
    }

    /// How the body is framed (RFC 9112 §6.3).
    fn framing(&mut self, status: StatusCode, headers: &HeaderMap, is_1_1: bool) -> Result<Next, NotAnAnswer> {
        let bodiless = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        if self.to_head || bodiless.contains(&status) {
            return Ok(Next::Nothing);
        }
        if let Some(last) = headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
            // One of the two lengths is wrong, and what follows may be anything.
            self.persists &= is_1_1 && !headers.contains_key(header::CONTENT_LENGTH);
            let chunked = tokens(last).next_back().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
            return Ok(if chunked && is_1_1 { Next::Chunked(Chunk::START) } else { Next::UntilClose });
        }
        Ok(match length(headers)? {
            Some(0) => Next::Nothing,
            Some(length) => Next::Length(length),
            None => Next::UntilClose,
        })
    }
}

impl Chunk {
    const START: Self = Self::Size(0, 0);

    /// Where the next byte leads; none: behind the end of the body.
    fn after(self, byte: u8) -> Result<Option<Self>, NotAnAnswer> {
        let is = |wanted: u8, next: Self| if byte == wanted { Ok(next) } else { Err(NotAnAnswer::Chunk) };
        let next = match self {
            Self::Size(size, digits) => match (byte as char).to_digit(16) {
                // So many are 64 bits.
                Some(digit) if digits < 16 => Self::Size(size << 4 | u64::from(digit), digits + 1),
                Some(_) => return Err(NotAnAnswer::Chunk),
                None if digits == 0 => return Err(NotAnAnswer::Chunk),
                None => match byte {
                    b'\r' => Self::SizeEnd(size),
                    b';' | b' ' | b'\t' => Self::Extension(size),
                    _ => return Err(NotAnAnswer::Chunk),
                },
            },
            Self::Extension(size) => match byte {
                b'\r' => Self::SizeEnd(size),
                b'\n' => return Err(NotAnAnswer::Chunk),
                _ => self,
            },
            Self::SizeEnd(size) => is(b'\n', if size == 0 { Self::Trailer } else { Self::Data(size) })?,
            // Data is taken many bytes at a time.
            Self::Data(left) => Self::Data(left),
            Self::DataEnd(b'\r') => is(b'\r', Self::DataEnd(b'\n'))?,
            Self::DataEnd(_) => is(b'\n', Self::START)?,
            Self::Trailer => {
                if byte == b'\r' {
                    Self::TrailerLineEnd(true)
                } else {
                    Self::TrailerLine
                }
            }
            Self::TrailerLine => {
                if byte == b'\r' {
                    Self::TrailerLineEnd(false)
                } else {
                    self
                }
            }
            Self::TrailerLineEnd(false) => is(b'\n', Self::Trailer)?,
            Self::TrailerLineEnd(true) if byte == b'\n' => return Ok(None),
            Self::TrailerLineEnd(true) => return Err(NotAnAnswer::Chunk),
        };
        Ok(Some(next))
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len())))
}

/// The elements of a header's list (RFC 9110 §5.6.1).
fn tokens(value: &HeaderValue) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|token| token.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The length that the headers give. Told several times it is the same, or none (RFC 9110 §8.6).
fn length(headers: &HeaderMap) -> Result<Option<u64>, NotAnAnswer> {
    let mut found = None;
    for told in headers.get_all(header::CONTENT_LENGTH).iter().flat_map(tokens) {
        let digits = !told.is_empty() && told.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(told).ok().filter(|_| digits).and_then(|text| text.parse::<u64>().ok());
        match (number, found) {
            (Some(number), None) => found = Some(number),
            (Some(number), Some(known)) if number == known => {}
            (_, _) => return Err(NotAnAnswer::Length(String::from_utf8_lossy(told).into_owned())),
        }
    }
    Ok(found)
}

/// Reads bytes as an answer, whole and one by one, and holds that it is the same one, within its bounds.
#[cfg(any(test, fuzzing))]
pub fn tried(bytes: &[u8]) {
    const LIMIT: usize = 100;
    let read = |size: usize| {
        let mut answer = Answering::new(false, LIMIT);
        let came = bytes.chunks(size).try_fold((), |(), piece| match answer.take(piece) {
            Ok(Come::More) => Ok(()),
            Ok(Come::All) => Err(None),
            Err(why) => Err(Some(why)),
        });
        let wrong = came.map_or_else(|ended| ended, |()| answer.closed().err());
        let answer = answer.ended().map(|(Answer { status, headers, start, whole }, _)| {
            assert!(start.len() <= LIMIT && !(whole && wrong.is_some()), "{status}");
            (status, headers, start, whole)
        });
        assert!(answer.is_some() || wrong.is_some(), "something came of it");
        answer
    };
    assert_eq!(read(usize::MAX), read(1));
}
