//! Where in a trace something stands: W3C Trace Context, level 1 (the Recommendation of 23 November 2021).
//!
//! A context that cannot be read is none, as the Recommendation says; a `tracestate` that cannot be read is left out, and
//! the context stays (§4.3). Nothing of it is longer than what the Recommendation has everybody carry.

use std::fmt;
use std::sync::Arc;

/// The names of the two headers (§3.2, §3.3); AMQP's headers have the same.
pub const TRACEPARENT: &str = "traceparent";
pub const TRACESTATE: &str = "tracestate";

/// The most of a `tracestate` that is carried, in bytes: what everybody has to carry (§3.3.1.5).
const LONGEST_STATE: usize = 512;

/// Entries longer than this go first where that is too much (§3.3.1.5).
const LONG_ENTRY: usize = 128;

/// The most entries of a `tracestate` (§3.3.1.1).
const MOST_ENTRIES: usize = 32;

/// `trace-flags` (§3.2.2.5): the one flag that there is. All others are written as nothing.
const SAMPLED: u8 = 1;

/// Which trace. Never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// Which span of it. Never all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// A trace, and a span in it that others may follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: TraceId,
    pub span: SpanId,
    /// Whether its spans are told. Where they are not, the context is handed on all the same.
    pub sampled: bool,
    /// What other systems keep beside it.
    state: Option<Arc<str>>,
}

impl TraceId {
    pub fn random() -> Self {
        Self(fastrand::u128(1..).to_be_bytes())
    }

    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SpanId {
    pub fn random() -> Self {
        Self(fastrand::u64(1..).to_be_bytes())
    }

    pub fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl TraceContext {
    /// The beginning of a trace.
    pub fn new(trace: TraceId, sampled: bool) -> Self {
        Self { trace, span: SpanId::random(), sampled, state: None }
    }

    /// A new span in the same trace.
    pub fn child(&self) -> Self {
        Self { span: SpanId::random(), ..self.clone() }
    }

    /// What the headers of a message say, each value as it came. More than one `traceparent` are none (§3.2); several
    /// `tracestate` are one (§3.3.1).
    pub fn read<'a>(
        traceparent: impl IntoIterator<Item = &'a [u8]>,
        tracestate: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<Self> {
        let mut parents = traceparent.into_iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let (trace, span, sampled) = parent_of(parent)?;
        Some(Self { trace, span, sampled, state: state_of(tracestate) })
    }

    /// The value of `traceparent`, in version 00.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags())
    }

    /// The value of `tracestate`, if there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// As a ledger keeps it: 16 bytes of the trace, 8 of the span, one of flags, and the state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = self.state.as_deref().unwrap_or_default();
        [&self.trace.0[..], &self.span.0, &[self.flags()], state.as_bytes()].concat()
    }

    /// What [`Self::to_bytes`] made. What is something else is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (trace, rest) = bytes.split_first_chunk::<16>()?;
        let (span, rest) = rest.split_first_chunk::<8>()?;
        let ([flags], state) = rest.split_first_chunk::<1>()?;
        let known = *trace != [0; 16] && *span != [0; 8] && *flags <= SAMPLED;
        let state = if state.is_empty() { None } else { Some(std::str::from_utf8(state).ok()?.into()) };
        known.then_some(Self { trace: TraceId(*trace), span: SpanId(*span), sampled: *flags == SAMPLED, state })
    }

    fn flags(&self) -> u8 {
        if self.sampled { SAMPLED } else { 0 }
    }
}

/// §3.2.2. A version after 00 may have more behind it, and is read as far as it is known (§4.3).
fn parent_of(text: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let (known, more) = text.split_first_chunk::<55>()?;
    let [version] = hex(&known[..2])?;
    if version == 0xff || (version == 0 && !more.is_empty()) || more.first().is_some_and(|next| *next != b'-') {
        return None;
    }
    if [known[2], known[35], known[52]] != [b'-'; 3] {
        return None;
    }
    let (trace, span, [flags]) = (hex(&known[3..35])?, hex(&known[36..52])?, hex(&known[53..])?);
    (trace != [0; 16] && span != [0; 8]).then_some((TraceId(trace), SpanId(span), flags & SAMPLED != 0))
}

/// Bytes of small hexadecimal digits; capital ones are wrong (§3.2.2).
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    (text.len() == 2 * N).then_some(bytes)
}

/// §3.3.1: the entries of all headers, in their order. One that is wrong, or is there twice, spoils all.
fn state_of<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Option<Arc<str>> {
    let mut entries: Vec<&str> = Vec::new();
    for header in headers {
        let text = std::str::from_utf8(header).ok()?;
        for entry in text.split(',').map(|entry| entry.trim_matches([' ', '\t'])).filter(|entry| !entry.is_empty()) {
            let (key, value) = entry.split_once('=')?;
            let twice = entries.iter().any(|other| other.split_once('=').is_some_and(|(other, _)| other == key));
            if twice || !is_key(key) || !is_value(value) || entries.len() == MOST_ENTRIES {
                return None;
            }
            entries.push(entry);
        }
    }
    let length = |entries: &[&str]| entries.iter().map(|entry| entry.len() + 1).sum::<usize>().saturating_sub(1);
    if length(&entries) > LONGEST_STATE {
        entries.retain(|entry| entry.len() <= LONG_ENTRY);
    }
    while length(&entries) > LONGEST_STATE {
        entries.pop();
    }
    (!entries.is_empty()).then(|| entries.join(",").into())
}

/// §3.3.1.3.1: a simple key, or a tenant's at a system.
fn is_key(key: &str) -> bool {
    let rest = |text: &[u8]| {
        text.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte))
    };
    let of = |text: &str, longest: usize, digit_first: bool| match text.as_bytes() {
        [first, more @ ..] => {
            (first.is_ascii_lowercase() || (digit_first && first.is_ascii_digit()))
                && more.len() < longest
                && rest(more)
        }
        [] => false,
    };
    match key.split_once('@') {
        None => of(key, 256, false),
        Some((tenant, system)) => of(tenant, 241, true) && of(system, 14, false),
    }
}

/// §3.3.1.3.2. White space around an entry is no part of it, so it does not end with any.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(parent: &str) -> Option<TraceContext> {
        TraceContext::read([parent.as_bytes()], [])
    }

    fn state(headers: &[&str]) -> Option<String> {
        let context = TraceContext::read([PARENT.as_bytes()], headers.iter().map(|header| header.as_bytes()));
        context.expect("the state does not spoil it").tracestate().map(str::to_owned)
    }

    fn context() -> impl Strategy<Value = TraceContext> {
        let entry = ("[a-z][a-z0-9_*/-]{0,9}", "[!-+.-<>-~]{1,9}").prop_map(|(key, value)| (key, value));
        let entries = prop::collection::btree_map(entry.clone().prop_map(|(key, _)| key), entry, 0..5);
        (1..u128::MAX, 1..u64::MAX, any::<bool>(), entries).prop_map(|(trace, span, sampled, entries)| {
            let entries: Vec<_> = entries.into_iter().map(|(key, (_, value))| format!("{key}={value}")).collect();
            TraceContext {
                trace: TraceId(trace.to_be_bytes()),
                span: SpanId(span.to_be_bytes()),
                sampled,
                state: (!entries.is_empty()).then(|| entries.join(",").into()),
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(context in context()) {
            let (parent, state) = (context.traceparent(), context.tracestate().map(str::as_bytes));
            let read = TraceContext::read([parent.as_bytes()], state);
            prop_assert_eq!(read.as_ref(), Some(&context));
            let kept = TraceContext::from_bytes(&context.to_bytes());
            prop_assert_eq!(kept.as_ref(), Some(&context));
        }

        /// Whoever sends it, it is none or one that everybody reads, and stays within its bounds.
        #[test]
        fn whatever_is_read_can_be_written(
            parent in "[0-9a-fA-F-]{50,60}|\\PC{0,70}|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
            states in prop::collection::vec("([a-z@]{1,4}=[ -~]{0,200},? ?){0,40}|\\PC{0,99}", 0..3),
        ) {
            let headers = states.iter().map(String::as_bytes);
            if let Some(context) = TraceContext::read([parent.as_bytes()], headers) {
                prop_assert!(context.trace.0 != [0; 16] && context.span.0 != [0; 8]);
                let state = context.tracestate();
                prop_assert!(state.is_none_or(|state| (1..=LONGEST_STATE).contains(&state.len())));
                let written = context.traceparent();
                prop_assert_eq!(&written[3..52], &parent[3..52]);
                prop_assert_eq!(TraceContext::read([written.as_bytes()], state.map(str::as_bytes)), Some(context));
            }
        }

        /// One wrong byte anywhere, and it is none, or one that differs in just that byte.
        #[test]
        fn a_byte_that_is_wrong_is_not_overlooked(at in 0..55_usize, byte in any::<u8>()) {
            let mut bytes = PARENT.as_bytes().to_vec();
            bytes[at] = byte;
            let read = TraceContext::read([&bytes[..]], []);
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let expected = match at {
                2 | 35 | 52 => byte == b'-',
                _ => is_digit,
            };
            // A version after 00 is read as one of them.
            let forbidden = at < 2 && bytes.starts_with(b"ff");
            prop_assert_eq!(read.is_some(), expected && !forbidden);
        }

        #[test]
        fn other_bytes_of_a_ledger_are_none(
            ids in prop::collection::vec(any::<u8>(), 23..=25),
            flags in 0..6_u8,
            state in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let bytes = [&ids[..], &[flags], &state].concat();
            if let Some(context) = TraceContext::from_bytes(&bytes) {
                prop_assert_eq!(context.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_parent_is_read_as_the_recommendation_says() {
        let context = read(PARENT).unwrap();
        assert_eq!(context.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span.to_string(), "b7ad6b7169203331");
        assert!(context.sampled);
        // Other flags than that one are not handed on.
        let flags = |flags: &str| read(&format!("{}{flags}", &PARENT[..53])).unwrap().traceparent();
        assert_eq!([flags("00"), flags("02"), flags("ff")].map(|text| text[53..].to_owned()), ["00", "00", "01"]);
        let later = format!("cc{}", &PARENT[2..]);
        for good in [later.clone(), format!("{later}-what-the-future-will-bring")] {
            assert_eq!(read(&good).unwrap().traceparent(), PARENT, "{good}");
        }
        for bad in [
            String::new(),
            PARENT.to_uppercase(),
            format!("{PARENT}-"),
            format!("{PARENT}x"),
            format!("{later}x"),
            format!("ff{}", &PARENT[2..]),
            format!(" {PARENT}"),
            PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            PARENT[..54].to_owned(),
        ] {
            assert_eq!(read(&bad), None, "{bad:?}");
        }
        assert_eq!(TraceContext::read([PARENT.as_bytes(); 2], []), None, "nobody knows which of them");
        assert_eq!(TraceContext::read([], []), None);
    }

    #[test]
    fn a_state_is_carried_whole_or_not_at_all_and_never_too_long() {
        assert_eq!(state(&["a=1,b=2", "\t c=x y ,,"]).as_deref(), Some("a=1,b=2,c=x y"));
        assert_eq!(state(&["0tenant@sys=1,a*/_-=~"]).as_deref(), Some("0tenant@sys=1,a*/_-=~"));
        let long = |length: usize| "x".repeat(length);
        for bad in [
            "a",
            "=1",
            "a=",
            "A=1",
            "0a=1",
            "a=1,a=2",
            "a=1=2",
            "a=é",
            "a@=1",
            "@a=1",
            "a@0=1",
            "a@b@c=1",
            "a =1",
            &format!("{}=1", long(257)),
            &format!("a={}", long(257)),
            &format!("a@{}=1", long(15)),
        ] {
            assert_eq!(state(&[bad]), None, "{bad}");
        }
        let many = |number: usize| (0..number).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(state(&[&many(32)]), Some(many(32)));
        assert_eq!(state(&[&many(33)]), None);
        assert_eq!(state(&[""]), None);
        // A long entry goes first, then those at the end.
        let (short, long) = (format!("a={},b={}", long(100), long(100)), format!("l={}", long(200)));
        assert_eq!(state(&[&format!("{long},{short},c=1")]), Some(format!("{long},{short},c=1")));
        let more = format!("d={},e={},f={}", "y".repeat(100), "y".repeat(100), "y".repeat(100));
        let kept = state(&[&format!("{long},{short},{more},g=1")]).unwrap();
        assert_eq!(kept, format!("{short},{}", &more[..205]));
    }

    #[test]
    fn a_child_is_another_span_of_the_same_trace() {
        let parent = read(PARENT).unwrap();
        let child = parent.child();
        assert!(child.trace == parent.trace && child.sampled && child.span != parent.span);
        assert_ne!(TraceContext::new(TraceId::random(), true).trace, TraceId::random());
    }
}
