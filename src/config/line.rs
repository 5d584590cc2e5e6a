//! A line of text with fields of the article and its policy in it, in MiniJinja's language:
//! `This story was first published by {{ agency }}.`

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::engine::{STEPS, guarded};
use super::suggest::mend;

/// A line, parsed; every field that it names is one that there is.
#[derive(Clone)]
pub struct Line {
    source: Arc<str>,
    fields: Vec<Field>,
    /// `None`: the line names no field, and stands as it is.
    template: Option<Arc<Environment<'static>>>,
}

/// What a line can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The wire's name.
    Agency,
    AgencyShortName,
    AgencyUrl,
    /// The name of whose policy the line is of.
    Policy,
    PolicyUrl,
    /// The reporters, with their roles: `Ada Quill and Jo Ray`.
    Names,
    /// The reporters' affiliation with the wire.
    Affiliation,
    /// The word before the names of a byline: `By`.
    Word,
    Headline,
    Dateline,
    /// The story's guid.
    Story,
    Version,
    /// The story's canonical address.
    ArticleUrl,
    CopyrightHolder,
    /// The year in which the story was made.
    Year,
    /// The id of the partner that gets the document.
    Partner,
}

/// What the fields say for one article. A field that it lacks is not in it.
pub type Fields = BTreeMap<Field, String>;

/// A line names fields that the article lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking(pub Vec<Field>);

impl Field {
    pub const ALL: [Self; 16] = [
        Self::Agency,
        Self::AgencyShortName,
        Self::AgencyUrl,
        Self::Policy,
        Self::PolicyUrl,
        Self::Names,
        Self::Affiliation,
        Self::Word,
        Self::Headline,
        Self::Dateline,
        Self::Story,
        Self::Version,
        Self::ArticleUrl,
        Self::CopyrightHolder,
        Self::Year,
        Self::Partner,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agency => "agency",
            Self::AgencyShortName => "agency_short_name",
            Self::AgencyUrl => "agency_url",
            Self::Policy => "policy",
            Self::PolicyUrl => "policy_url",
            Self::Names => "names",
            Self::Affiliation => "affiliation",
            Self::Word => "word",
            Self::Headline => "headline",
            Self::Dateline => "dateline",
            Self::Story => "story",
            Self::Version => "version",
            Self::ArticleUrl => "article_url",
            Self::CopyrightHolder => "copyright_holder",
            Self::Year => "year",
            Self::Partner => "partner",
        }
    }
}

impl Line {
    /// # Errors
    /// What is wrong with it, and how to mend it: it is no template, or names a field that there is not.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(STEPS));
        guarded(|| environment.add_template_owned("line", source.to_owned()))
            .map_err(|why| format!("{why}; fields are written {{{{ agency }}}}"))?;
        let template = environment.get_template("line").map_err(|why| why.to_string())?;
        let mut fields = Vec::new();
        for name in template.undeclared_variables(false) {
            let known = Field::ALL.map(Field::as_str);
            let field = Field::ALL.into_iter().find(|field| field.as_str() == name);
            fields.push(field.ok_or_else(|| format!("unknown field {name:?} in {source:?}; {}", mend(&name, &known)))?);
        }
        fields.sort();
        let plain = !source.contains("{{") && !source.contains("{%") && !source.contains("{#");
        let template = (!plain).then(|| Arc::new(environment));
        Ok(Self { source: source.into(), fields, template })
    }

    /// The line as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it is anything but the words as they are written.
    pub fn has_fields(&self) -> bool {
        self.template.is_some()
    }

    pub fn names(&self, field: Field) -> bool {
        self.fields.contains(&field)
    }

    /// The line as it reads.
    ///
    /// # Errors
    /// When it needs a field that is not in `fields`.
    pub fn fill(&self, fields: &Fields) -> Result<String, Lacking> {
        let Some(environment) = &self.template else { return Ok(self.source.to_string()) };
        let context: Value = fields.iter().map(|(field, text)| (field.as_str(), Value::from(text))).collect();
        let filled = guarded(|| environment.get_template("line")?.render(context));
        filled.map_err(|_| {
            let lacking: Vec<_> = self.fields.iter().copied().filter(|field| !fields.contains_key(field)).collect();
            Lacking(if lacking.is_empty() { self.fields.clone() } else { lacking })
        })
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|field| field.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Line {}

impl Hash for Line {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Line {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = Field::ALL.iter().map(|field| format!("`{}`", field.as_str())).collect();
        let description = format!("A line of text; `{{{{ agency }}}}` stands for a field: {}.", names.join(", "));
        schemars::json_schema!({ "type": "string", "description": description })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(Field, &str)]) -> Fields {
        fields.iter().map(|(field, text)| (*field, (*text).to_owned())).collect()
    }

    #[test]
    fn a_line_is_filled_or_says_what_it_lacks() {
        let line = Line::parse("First published by {{ agency }}{% if year %} in {{ year }}{% endif %}.").unwrap();
        let full = fields(&[(Field::Agency, "HPNF & co"), (Field::Year, "2026")]);
        assert_eq!(line.fill(&full).unwrap(), "First published by HPNF & co in 2026.");
        assert_eq!(line.fill(&fields(&[(Field::Year, "2026")])), Err(Lacking(vec![Field::Agency])));
        assert_eq!(Line::parse("As it is: 5 } 4 { 3").unwrap().fill(&Fields::new()).unwrap(), "As it is: 5 } 4 { 3");
    }

    #[test]
    fn what_is_no_line_says_how_to_mend_it() {
        let error = |source| Line::parse(source).unwrap_err();
        insta::assert_snapshot!(error("By {{ agncy }}"), @r#"unknown field "agncy" in "By {{ agncy }}"; did you mean "agency"?"#);
        insta::assert_snapshot!(error("By {{ agency"), @"syntax error: unexpected end of input, expected end of variable block (in line:1); fields are written {{ agency }}");
    }
}
