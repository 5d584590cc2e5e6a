//! A piece of work that is over.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{SpanId, TraceContext};

/// What was done, from when to when, and what came of it.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its trace and its own id.
    pub context: TraceContext,
    /// What it is a part of, or follows; none: the trace begins with it.
    pub parent: Option<SpanId>,
    /// The parent is another program's.
    pub is_remote: bool,
    pub kind: Kind,
    /// One of a few, and not the story's.
    pub name: Cow<'static, str>,
    pub began: Timestamp,
    pub ended: Timestamp,
    pub attributes: Attributes,
    /// Why it failed, in a sentence, where it did.
    pub failed: Option<String>,
}

/// How a span stands to those of other programs, as OpenTelemetry tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// What is told of a span. No secret is among it (promise 11), and no address's query, which may hold one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(&'static str, Value)>);

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

impl Attributes {
    #[must_use]
    pub fn text(mut self, name: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        self.0.push((name, Value::Text(text.into())));
        self
    }

    /// One that is larger than any number that a collector takes is the largest of those.
    #[must_use]
    pub fn number(mut self, name: &'static str, number: impl TryInto<i64>) -> Self {
        self.0.push((name, Value::Number(number.try_into().unwrap_or(i64::MAX))));
        self
    }

    /// With those of `others` behind it.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl IntoIterator for Attributes {
    type Item = (&'static str, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
