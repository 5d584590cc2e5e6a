//! A JSON object that knows where it stands, so that a refusal can say so.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::article::text::{one_line, prose};
use crate::article::{DecodeError, Kind, html};

/// An object of the document.
pub struct Object<'d> {
    map: &'d Map<String, Value>,
    /// Empty for the document itself.
    path: String,
    pub kind: Kind,
}

/// The most members that a list or a map of objects may have. Real ones have dozens; what is made of them is compared
/// with one another later, which takes quadratic time.
const MOST_MEMBERS: usize = 1000;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Html,
    Plain,
}

/// One of the texts that ninjs keeps several of: headlines, descriptions, bodies.
#[derive(Debug)]
pub struct Text<'d> {
    /// `main`, `summary`; in 1.x what follows the name: the `html` of `body_html`.
    pub role: Option<&'d str>,
    pub format: Format,
    pub value: &'d str,
}

impl Text<'_> {
    /// As plain text on one line.
    pub fn line(&self) -> Option<String> {
        match self.format {
            Format::Html => one_line(&html::parse(self.value).text()),
            Format::Plain => one_line(self.value),
        }
    }
}

impl<'d> Object<'d> {
    pub fn root(map: &'d Map<String, Value>, kind: Kind) -> Self {
        Self { map, path: String::new(), kind }
    }

    pub fn refuse<T>(&self, name: &str, problem: impl Into<String>) -> Result<T, DecodeError> {
        Err(DecodeError::content(self.kind, self.path_of(name), problem))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The first of `names` that is there, and its value.
    pub fn get<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &'d Value)> {
        names.iter().find_map(|name| Some((*name, self.map.get(*name).filter(|value| !value.is_null())?)))
    }

    pub fn text(&self, names: &[&str]) -> Result<Option<&'d str>, DecodeError> {
        match self.get(names) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some((name, other)) => self.refuse(name, format!("is {}, not a text", what(other))),
        }
    }

    pub fn line(&self, names: &[&str]) -> Result<Option<String>, DecodeError> {
        Ok(self.text(names)?.and_then(one_line))
    }

    pub fn prose(&self, names: &[&str]) -> Result<Option<String>, DecodeError> {
        Ok(self.text(names)?.and_then(prose))
    }

    /// Those of `names` that hold texts.
    pub fn words<'n>(&self, names: &'n [&str]) -> impl Iterator<Item = &'d str> + use<'n, 'd, '_> {
        names.iter().filter_map(|name| self.map.get(*name)?.as_str())
    }

    /// A whole number of pixels.
    pub fn pixels(&self, name: &str) -> Option<u32> {
        self.map.get(name)?.as_u64()?.try_into().ok()
    }

    /// A point in time: RFC 3339, or with Superdesk's `+0000` for the zone.
    pub fn time(&self, names: &[&str]) -> Result<Option<Timestamp>, DecodeError> {
        let Some((name, _)) = self.get(names) else { return Ok(None) };
        let Some(text) = self.line(&[name])? else { return Ok(None) };
        text.parse().map(Some).or_else(|_| {
            let problem =
                format!("{text:?} is not a time with a zone; write it as RFC 3339 does: \"2026-11-24T12:00:00Z\"");
            self.refuse(name, problem)
        })
    }

    /// As [`Self::time`], for times that decide nothing: one that cannot be understood is no reason to hold a story
    /// back.
    pub fn time_if_readable(&self, names: &[&str]) -> Option<Timestamp> {
        self.words(names).find_map(|text| text.trim().parse().ok())
    }

    /// A text among Superdesk's `extra`, the fields that a newsroom made for itself. What else they hold means something
    /// to that newsroom alone.
    pub fn extra(&self, name: &str) -> Option<&'d str> {
        self.get(&["extra"]).filter(|_| self.kind == Kind::Superdesk)?.1.get(name)?.as_str()
    }

    fn child(&self, value: &'d Value, path: String) -> Result<Self, DecodeError> {
        match value {
            Value::Object(map) => Ok(Self { map, path, kind: self.kind }),
            other => Err(DecodeError::content(self.kind, path, format!("is {}, not an object", what(other)))),
        }
    }

    /// The members of a list, with their paths; one value will do for a list of one.
    fn members(&self, names: &[&str]) -> Result<Vec<(String, &'d Value)>, DecodeError> {
        match self.get(names) {
            None => Ok(Vec::new()),
            Some((name, Value::Array(values))) => {
                self.bounded(name, values.len())?;
                let numbered = values.iter().enumerate().filter(|(_, value)| !value.is_null());
                Ok(numbered.map(|(at, value)| (format!("{}[{at}]", self.path_of(name)), value)).collect())
            }
            Some((name, other)) => Ok(vec![(self.path_of(name), other)]),
        }
    }

    fn bounded(&self, name: &str, members: usize) -> Result<(), DecodeError> {
        if members > MOST_MEMBERS {
            return self.refuse(name, format!("has {members} members; at most {MOST_MEMBERS} are taken"));
        }
        Ok(())
    }

    pub fn list(&self, names: &[&str]) -> Result<Vec<Self>, DecodeError> {
        self.members(names)?.into_iter().map(|(path, value)| self.child(value, path)).collect()
    }

    /// A list of plain texts.
    pub fn lines(&self, names: &[&str]) -> Result<Vec<String>, DecodeError> {
        let members = self.members(names)?;
        let line = |(path, value): (String, &Value)| match value {
            Value::String(text) => Ok(one_line(text)),
            other => Err(DecodeError::content(self.kind, path, format!("is {}, not a text", what(other)))),
        };
        members.into_iter().map(line).filter_map(Result::transpose).collect()
    }

    /// Objects with names: by key in 1.x, in a list with a `name` each since 2.0. Those by key come in the order of their
    /// keys, in which `media10` is after `media9`.
    pub fn named(&self, names: &[&str]) -> Result<Vec<(Option<&'d str>, Self)>, DecodeError> {
        match self.get(names) {
            Some((name, Value::Object(map))) => {
                self.bounded(name, map.len())?;
                let mut objects: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
                objects.sort_by_key(|(key, _)| numbered(key));
                objects
                    .into_iter()
                    .map(|(key, value)| {
                        // A key may be as long as the document, and every path below would repeat it.
                        let start = &key[..key.floor_char_boundary(64)];
                        Ok((Some(key.as_str()), self.child(value, format!("{}.{start}", self.path_of(name)))?))
                    })
                    .collect()
            }
            _ => self.list(names)?.into_iter().map(|object| Ok((object.text(&["name"])?, object))).collect(),
        }
    }

    /// The texts called `one` (`headline`, `headline_main`) and those in the list called `many`.
    pub fn texts(&self, one: &str, many: &str) -> Result<Vec<Text<'d>>, DecodeError> {
        let mut texts = Vec::new();
        for text in self.list(&[many])? {
            let Some(value) = text.text(&["value"])? else { continue };
            let role = text.text(&["role"])?.filter(|role| !role.is_empty());
            let content_type = text.text(&["contenttype", "contentType"])?;
            if let Some(format) = format(one, content_type, role, value) {
                texts.push(Text { role, format, value });
            }
        }
        for (key, value) in self.map {
            let role = match key.strip_prefix(one) {
                Some("") => None,
                Some(rest) if rest.starts_with('_') => Some(&rest[1..]),
                _ => continue,
            };
            match value {
                Value::String(value) => {
                    texts.extend(format(one, None, role, value).map(|format| Text { role, format, value }));
                }
                Value::Null => {}
                other => return self.refuse(key, format!("is {}, not a text", what(other))),
            }
        }
        Ok(texts)
    }
}

/// `key` as its words and the number that ends it; one too long to count with is none.
fn numbered(key: &str) -> (&str, u64) {
    let words = key.trim_end_matches(|c: char| c.is_ascii_digit());
    key[words.len()..].parse().map_or((key, 0), |number| (words, number))
}

/// What a text called `name` is written in; `None` when it is something else, such as an agency's own XML.
fn format(name: &str, content_type: Option<&str>, role: Option<&str>, value: &str) -> Option<Format> {
    match content_type.map(str::to_ascii_lowercase).filter(|content_type| !content_type.is_empty()) {
        Some(content_type) if content_type.contains("html") => Some(Format::Html),
        Some(content_type) if content_type.starts_with("text/plain") => Some(Format::Plain),
        Some(_) => None,
        None => {
            let named = role.is_some_and(|role| role.contains("html") || role == "richtext");
            let marked_up = match name {
                // A story may begin with anything: a comment, an element that plays something.
                "body" => value.trim_start().starts_with('<') && value.contains('>'),
                _ => opens_with_a_tag(value),
            };
            Some(if named || marked_up { Format::Html } else { Format::Plain })
        }
    }
}

/// Whether `value` begins as a line in HTML does, and not just with a bracket.
fn opens_with_a_tag(value: &str) -> bool {
    const TAGS: [&str; 36] = [
        "!doctype",
        "a",
        "article",
        "b",
        "blockquote",
        "body",
        "br",
        "center",
        "cite",
        "div",
        "dl",
        "em",
        "figure",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "html",
        "i",
        "img",
        "main",
        "ol",
        "p",
        "pre",
        "q",
        "section",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "u",
        "ul",
    ];
    let Some((tag, _)) = value.trim_start().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return false;
    };
    let name = tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default();
    TAGS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
