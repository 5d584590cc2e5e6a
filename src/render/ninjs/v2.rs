//! IPTC ninjs 2.2: what [`v3`] says, with the names in lower case. 3.0 gave them capitals, called the embargo by what
//! it is, and let an association say how it relates to the story.

use serde_json::Value;
use std::borrow::Cow;

use super::v3::{self, Standard};
use crate::config::FormatProfile;
use crate::render::{Manuscript, Render, RenderError};

pub struct Ninjs22;

impl Render for Ninjs22 {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/ninjs+json; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "json".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        let mut item = v3::item(manuscript);
        item.standard = Some(NINJS_2_2);
        for association in &mut item.associations {
            association.rel = None;
        }
        Ok(serde_json::to_vec(&lower(serde_json::to_value(&item)?))?)
    }
}

const NINJS_2_2: Standard =
    Standard { name: "ninjs", version: "2.2", schema: "https://iptc.org/std/ninjs/ninjs-schema_2.2.json" };

/// `value` with the names as 2.x has them. All keys are names of the standard: what the newsroom called something
/// (a file, an association) is a value in a list.
fn lower(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| {
                let name = if name == "embargoedUntil" { "embargoed".to_owned() } else { name.to_ascii_lowercase() };
                (name, lower(value))
            })
            .collect(),
        Value::Array(values) => values.into_iter().map(lower).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
