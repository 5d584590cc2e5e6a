//! An endpoint's address, with fields of what is sent in its path and its query, in MiniJinja's language:
//! `https://paper.example/in/{{ guid }}?version={{ version }}`.
//!
//! Each value is percent-encoded where it is put in, whatever the template does with it, so it stays one part of the
//! address: no guid can climb out of its segment of the path, or begin a parameter of its own. Fields stand in the path
//! and in the query only, since the host is the partner's and decides about the connection. An address without fields is
//! as it is written, and costs nothing to fill.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::engine::{STEPS, guarded};
use super::suggest::mend;

/// All but the unreserved characters of RFC 3986 §2.3.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the operator's own words may not hold (RFC 3986 §3.3, §3.4); what is encoded already stays so.
const WORDS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// An address, parsed; every field that it names is one that there is.
#[derive(Clone)]
pub struct PushUrl {
    source: Arc<str>,
    fields: Vec<UrlField>,
    /// `None`: it names no field, and stands as it is.
    template: Option<Arc<Environment<'static>>>,
}

/// What an address can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UrlField {
    /// The story's.
    Guid,
    Version,
    Action,
    Urgency,
    /// The number in the destination's sequence.
    Sequence,
    /// As in `webhook-id`.
    MessageId,
    /// What the partner's system calls the story, by an earlier answer of it.
    RemoteId,
}

/// What the fields say for one document. A field that it lacks is not in it.
pub type UrlFields<'a> = BTreeMap<UrlField, Cow<'a, str>>;

impl UrlField {
    const ALL: [Self; 7] =
        [Self::Guid, Self::Version, Self::Action, Self::Urgency, Self::Sequence, Self::MessageId, Self::RemoteId];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guid => "guid",
            Self::Version => "version",
            Self::Action => "action",
            Self::Urgency => "urgency",
            Self::Sequence => "sequence",
            Self::MessageId => "message_id",
            Self::RemoteId => "remote_id",
        }
    }
}

impl PushUrl {
    /// Whether it is an address at all is not looked at here.
    ///
    /// # Errors
    /// What is wrong with its fields, and how to mend it.
    pub fn parse(source: &str) -> Result<Self, String> {
        let plain = !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark));
        if plain {
            return Ok(Self { source: source.into(), fields: Vec::new(), template: None });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_formatter(|out, _, value| {
            let text = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
            write!(out, "{}", utf8_percent_encode(&text, VALUE)).map_err(minijinja::Error::from)
        });
        // An address may hold the user and the password that do not belong there, so it is not repeated.
        environment.set_fuel(Some(STEPS));
        guarded(|| environment.add_template_owned("url", source.to_owned()))
            .map_err(|why| format!("{why}; fields are written {{{{ guid }}}}"))?;
        let template = environment.get_template("url").map_err(|why| why.to_string())?;
        let mut fields = Vec::new();
        for name in template.undeclared_variables(false) {
            let known = UrlField::ALL.map(UrlField::as_str);
            let field = UrlField::ALL.into_iter().find(|field| field.as_str() == name);
            fields.push(field.ok_or_else(|| format!("unknown field {name:?}; {}", mend(&name, &known)))?);
        }
        fields.sort();
        let url = Self { source: source.into(), fields, template: Some(Arc::new(environment)) };
        if url.path_begins().is_none_or(|path| path > url.fixed().len()) {
            return Err("fields stand in the path and in the query only; write the host as it is, and \"/\" after it"
                .to_owned());
        }
        let sample = UrlField::ALL.into_iter().map(|field| (field, "1".into())).collect();
        url.fill(&sample)?;
        Ok(url)
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// What stands before the first field: an address with the same host.
    pub fn fixed(&self) -> &str {
        match &self.template {
            None => &self.source,
            Some(_) => self.source.split(['{']).next().unwrap_or_default(),
        }
    }

    /// Whether the address depends on what is sent.
    pub fn has_fields(&self) -> bool {
        self.template.is_some()
    }

    pub fn names(&self, field: UrlField) -> bool {
        self.fields.contains(&field)
    }

    /// Where the path begins: after the scheme and the host, with its slash.
    fn path_begins(&self) -> Option<usize> {
        let host = self.source.find("://")? + 3;
        Some(host + self.source[host..].find('/')?)
    }

    /// The path and the query for one document.
    ///
    /// # Errors
    /// In a sentence: it names a field that the document lacks, or a value would change the place that is meant.
    pub fn fill(&self, fields: &UrlFields<'_>) -> Result<String, String> {
        let lacking = || self.fields.iter().filter(|field| !fields.contains_key(field)).map(|field| field.as_str());
        let template = self.template.as_ref().ok_or("the address has no fields")?;
        let context: Value = fields.iter().map(|(field, text)| (field.as_str(), Value::from(text.as_ref()))).collect();
        let filled = guarded(|| template.get_template("url")?.render(context)).map_err(|why| {
            match lacking().collect::<Vec<_>>().join(", ") {
                lacking if lacking.is_empty() => format!("the address cannot be made: {why}"),
                lacking => format!("the address needs {lacking}, which is not known"),
            }
        })?;
        let begins = self.path_begins().filter(|begins| *begins < filled.len()).unwrap_or_default();
        let target = filled[begins..].split('#').next().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        // Whoever reads the address takes such a segment for a way up (RFC 3986 §5.2.4), encoded or not.
        let climbs = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split('/').any(climbs) {
            return Err("a part of the path is \".\" or \"..\", which leads elsewhere".to_owned());
        }
        Ok(utf8_percent_encode(target, WORDS).to_string())
    }
}

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl<'de> Deserialize<'de> for PushUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for PushUrl {
    fn schema_name() -> Cow<'static, str> {
        "PushUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = UrlField::ALL.iter().map(|field| format!("`{}`", field.as_str())).collect();
        let description =
            format!("An address; in its path and its query `{{{{ guid }}}}` stands for a field: {}.", names.join(", "));
        json_schema!({ "type": "string", "description": description })
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn filled(source: &str, fields: &[(UrlField, &str)]) -> Result<String, String> {
        let fields = fields.iter().map(|(field, text)| (*field, Cow::Borrowed(*text))).collect();
        PushUrl::parse(source)?.fill(&fields)
    }

    #[test]
    fn fields_stand_encoded_in_the_path_and_the_query() {
        let guid = (UrlField::Guid, "urn:newsml:example.org:a/b?c#d e");
        let version = (UrlField::Version, "3");
        let fill = |source| filled(source, &[guid, version]).unwrap();
        assert_eq!(
            fill("https://paper.example/in/{{ guid }}?v={{ version }}&x=ü"),
            "/in/urn%3Anewsml%3Aexample.org%3Aa%2Fb%3Fc%23d%20e?v=3&x=%C3%BC"
        );
        assert_eq!(
            fill("http://[::1]:80/a%20b/{{ guid|upper|safe }}#{{ version }}"),
            "/a%20b/URN%3ANEWSML%3AEXAMPLE.ORG%3AA%2FB%3FC%23D%20E"
        );
        assert_eq!(fill("https://paper.example/{% if remote_id %}{{ remote_id }}{% else %}new{% endif %}"), "/new");
        let error = |source, fields: &[_]| filled(source, fields).unwrap_err();
        assert_eq!(
            error("https://paper.example/{{ remote_id }}", &[guid]),
            "the address needs remote_id, which is not known"
        );
        for up in [".", ".."] {
            assert!(
                error("https://paper.example/in/{{ remote_id }}", &[(UrlField::RemoteId, up)])
                    .contains("leads elsewhere")
            );
        }
        assert!(
            error("https://paper.example/in/.{{ remote_id }}/x", &[(UrlField::RemoteId, ".")])
                .contains("leads elsewhere")
        );
        assert!(
            error("https://paper.example/in/%2E{{ remote_id }}", &[(UrlField::RemoteId, ".")])
                .contains("leads elsewhere")
        );
    }

    #[test]
    fn what_is_no_address_with_fields_says_how_to_mend_it() {
        let error = |source| PushUrl::parse(source).unwrap_err();
        insta::assert_snapshot!(error("https://paper.example/{{ giud }}"), @r#"unknown field "giud"; did you mean "guid"?"#);
        insta::assert_snapshot!(error("https://paper.example/{{ guid"), @"syntax error: unexpected end of input, expected end of variable block (in url:1); fields are written {{ guid }}");
        insta::assert_snapshot!(error("https://{{ guid }}.example/in"), @r#"fields stand in the path and in the query only; write the host as it is, and "/" after it"#);
        insta::assert_snapshot!(error("https://paper.example?v={{ version }}"), @r#"fields stand in the path and in the query only; write the host as it is, and "/" after it"#);
        insta::assert_snapshot!(error("https://paper.example/a/../{{ guid }}"), @r#"a part of the path is "." or "..", which leads elsewhere"#);
    }

    proptest! {
        /// Whatever a value is, the address keeps its shape, and its receiver gets the value back.
        #[test]
        fn no_value_leaves_its_place(guid in "\\PC{1,40}|[./%?#&=]{1,6}", remote in "\\PC{1,40}|[./%?#&=]{1,6}") {
            let source = "https://paper.example/in/{{ guid }}/of/{{ remote_id }}?id={{ guid }}&v=1";
            let fields = [(UrlField::Guid, guid.as_str()), (UrlField::RemoteId, remote.as_str())];
            let climbs = [&guid, &remote].iter().any(|value| matches!(value.as_str(), "." | ".."));
            let target = match filled(source, &fields) {
                Ok(target) => target,
                Err(why) => {
                    prop_assert!(climbs, "{}", why);
                    return Ok(());
                }
            };
            prop_assert!(!climbs);
            let url = url::Url::parse(&format!("https://paper.example{target}")).unwrap();
            prop_assert_eq!(target.parse::<http::Uri>().unwrap().to_string(), target.clone());
            prop_assert_eq!(url.host_str(), Some("paper.example"));
            let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
            let segments: Vec<String> = url.path_segments().unwrap().map(decoded).collect();
            prop_assert_eq!(segments, ["in", guid.as_str(), "of", remote.as_str()]);
            let query: Vec<_> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            prop_assert_eq!(query, [("id".to_owned(), guid), ("v".to_owned(), "1".to_owned())]);
        }
    }
}
