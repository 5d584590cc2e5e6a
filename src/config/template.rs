//! The options of a profile whose documents a template of the operator's makes: `[profiles.NAME.template]`.
//!
//! The template's text is read with the configuration, so that two configurations that differ in it differ in the
//! edition too. Whether it is a good template is not known here; `render` compiles it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::Size;

/// The longest template that is read, in bytes. Real ones have a few thousand.
const LONGEST_TEMPLATE: u64 = 256 * 1024;

/// A document made by a template: `[profiles.NAME.template]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateOptions {
    /// The template, in MiniJinja's language.
    pub file: TemplateFile,
    /// What its documents are: `text/html`, `application/rss+xml`. It also says how text is escaped.
    pub content_type: ContentType,
    /// What a file of it is called after the dot: `html`.
    #[schemars(regex(pattern = r"^[a-z0-9]{1,16}$"))]
    pub extension: String,
    /// The largest document that it may make.
    #[serde(default = "output_limit")]
    pub output_limit: Size,
}

/// A template's file, and the text that it had when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TemplateFile {
    pub path: PathBuf,
    pub source: Arc<str>,
}

/// The type of a template's documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentType {
    text: Arc<str>,
    pub markup: Markup,
}

/// What a document is written in, as far as escaping and reading go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Markup {
    Html,
    Xml,
    Json,
    /// Plain text, in which nothing needs escaping.
    Text,
}

impl ContentType {
    /// With its charset: documents are UTF-8.
    pub fn with_charset(&self) -> String {
        format!("{}; charset=utf-8", self.text)
    }
}

impl FromStr for ContentType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let is_name = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte))
        };
        let (kind, name) = lower
            .split_once('/')
            .filter(|(kind, name)| is_name(kind) && is_name(name))
            .ok_or_else(|| format!("{text:?} is no media type; write for example \"text/html\", without parameters"))?;
        let markup = match (kind, name) {
            ("text", "html") | ("application", "xhtml+xml") => Markup::Html,
            ("text" | "application", "xml") => Markup::Xml,
            ("application", "json") => Markup::Json,
            (_, name) if name.ends_with("+xml") => Markup::Xml,
            (_, name) if name.ends_with("+json") => Markup::Json,
            ("text", _) => Markup::Text,
            _ => {
                return Err(format!(
                    "how to escape text in {text:?} is not known; write the type of an HTML, XML, JSON or text document"
                ));
            }
        };
        Ok(Self { text: lower.as_str().into(), markup })
    }
}

impl<'de> Deserialize<'de> for ContentType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ContentType {
    fn schema_name() -> Cow<'static, str> {
        "ContentType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9._+-]+/[A-Za-z0-9._+-]+$",
            "description": "the media type of an HTML, XML, JSON or text document, without parameters",
        })
    }
}

impl FromStr for TemplateFile {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let cannot = |why: String| format!("cannot read the template {path}: {why}; write the path of a template");
        let size = std::fs::metadata(path).map_err(|why| cannot(why.to_string()))?.len();
        if size > LONGEST_TEMPLATE {
            return Err(cannot(format!("it has {size} bytes, and {LONGEST_TEMPLATE} are the most")));
        }
        let source = std::fs::read_to_string(path).map_err(|why| cannot(why.to_string()))?;
        Ok(Self { path: path.into(), source: source.into() })
    }
}

impl<'de> Deserialize<'de> for TemplateFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for TemplateFile {
    fn schema_name() -> Cow<'static, str> {
        "TemplateFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "description": "the path of a template" })
    }
}

fn output_limit() -> Size {
    Size::from_mib(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_says_how_to_escape() {
        for (text, markup) in [
            ("text/html", Some(Markup::Html)),
            ("application/xhtml+xml", Some(Markup::Html)),
            ("Application/RSS+XML", Some(Markup::Xml)),
            ("text/xml", Some(Markup::Xml)),
            ("application/json", Some(Markup::Json)),
            ("application/vnd.x+json", Some(Markup::Json)),
            ("text/plain", Some(Markup::Text)),
            ("text/csv", Some(Markup::Text)),
            ("image/png", None),
            ("application/javascript", None),
            ("text/html; charset=utf-8", None),
            ("html", None),
            ("text/", None),
            ("text/x\r\nset-cookie: y", None),
        ] {
            assert_eq!(text.parse::<ContentType>().ok().map(|it| it.markup), markup, "{text}");
        }
    }
}
