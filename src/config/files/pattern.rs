//! The pattern of a file's name, in MiniJinja's language: `{{ name }}-{{ id }}.{{ extension }}`.
//!
//! Every name has the story's `id` in its last part, which is made of the guid: two stories never meet on one name, and
//! a story's files can be found again. What an article says goes into a name as [`Value`]s, which hold nothing but
//! letters, digits and hyphens; what the template makes of them is made safe again as a whole ([`FileName`]).

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::name::{FileName, digest};
use crate::article::{Article, Guid, one_line};
use crate::config::pattern::Pattern;

/// A pattern that makes a name of every version of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(Pattern);

/// What a pattern can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameField {
    /// The start of the guid's SHA-256, sixteen hexadecimal digits.
    Id,
    /// What is readable of the guid's end.
    Name,
    Wire,
    /// What a file of the format is called after the dot.
    Extension,
    Version,
    Action,
    Urgency,
    /// The version's number in the destination's sequence.
    Sequence,
    /// The newsroom's short name for the story.
    Slug,
    Headline,
    /// The first of the newsroom's sections.
    Section,
    Language,
    /// The day on which this version was made, in UTC: `20261124`.
    Date,
    /// The time of day at which it was made, in UTC: `093000`.
    Time,
}

impl NameField {
    pub const ALL: [Self; 14] = [
        Self::Id,
        Self::Name,
        Self::Wire,
        Self::Extension,
        Self::Version,
        Self::Action,
        Self::Urgency,
        Self::Sequence,
        Self::Slug,
        Self::Headline,
        Self::Section,
        Self::Language,
        Self::Date,
        Self::Time,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Wire => "wire",
            Self::Extension => "extension",
            Self::Version => "version",
            Self::Action => "action",
            Self::Urgency => "urgency",
            Self::Sequence => "sequence",
            Self::Slug => "slug",
            Self::Headline => "headline",
            Self::Section => "section",
            Self::Language => "language",
            Self::Date => "date",
            Self::Time => "time",
        }
    }

    /// Whether two versions of a story may differ in it.
    fn changes(self) -> bool {
        match self {
            Self::Id | Self::Name | Self::Wire | Self::Extension => false,
            Self::Version
            | Self::Action
            | Self::Urgency
            | Self::Sequence
            | Self::Slug
            | Self::Headline
            | Self::Section
            | Self::Language
            | Self::Date
            | Self::Time => true,
        }
    }
}

/// What a field says, as it may stand in a name: `a-z`, `0-9` and single hyphens within, at most sixty of them. What an
/// article lacks is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    const LONGEST: usize = 60;

    pub fn of(text: &str) -> Self {
        let mut value = String::new();
        for c in text.chars().map(|c| c.to_ascii_lowercase()) {
            if value.len() == Self::LONGEST {
                break;
            }
            if c.is_ascii_alphanumeric() {
                value.push(c);
            } else if !value.ends_with('-') && !value.is_empty() {
                value.push('-');
            }
        }
        Self(value.trim_end_matches('-').to_owned())
    }
}

/// What the fields say of one version of a story.
#[derive(Debug, Clone)]
pub struct NameFields {
    id: String,
    values: BTreeMap<NameField, Value>,
    /// The same in the newsroom's own words.
    words: BTreeMap<NameField, String>,
}

/// How much of the newsroom's own words is kept of a field, in characters.
const MOST_WORDS: usize = 300;

impl NameFields {
    /// Those that every version of `story` shares.
    pub fn of(story: &Guid) -> Self {
        let id = digest(story.as_str());
        let parts = story.as_str().rsplit([':', '/', '?', '#', ',', ';']).map(Value::of);
        let name = parts.into_iter().find(|part| !part.0.is_empty()).unwrap_or_default();
        let words = BTreeMap::from([(NameField::Id, id.clone()), (NameField::Name, name.0.clone())]);
        Self { values: BTreeMap::from([(NameField::Id, Value(id.clone())), (NameField::Name, name)]), words, id }
    }

    /// Those of one version of a story. A file of the document's format is called `extension` after the dot.
    pub fn of_article(article: &Article, extension: &str) -> Self {
        let made = article.versioned.or(article.created);
        let in_utc = |format| made.map(|made| made.strftime(format).to_string()).unwrap_or_default();
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            (NameField::Wire, article.wire.as_str().to_owned()),
            (NameField::Extension, extension.to_owned()),
            (NameField::Version, article.version.to_string()),
            (NameField::Action, article.action.as_str().to_owned()),
            (NameField::Urgency, article.urgency.to_string()),
            (NameField::Slug, optional(&article.slugline)),
            (NameField::Headline, article.headline.clone()),
            (NameField::Section, article.sections.first().cloned().unwrap_or_default()),
            (NameField::Language, optional(&article.language)),
            (NameField::Date, in_utc("%Y%m%d")),
            (NameField::Time, in_utc("%H%M%S")),
        ];
        fields.iter().fold(Self::of(&article.guid), |fields, (field, text)| fields.with(*field, text))
    }

    pub fn with(mut self, field: NameField, text: &str) -> Self {
        self.values.insert(field, Value::of(text));
        let words = one_line(text).unwrap_or_default();
        self.words.insert(field, words.chars().take(MOST_WORDS).collect());
        self
    }

    /// As it may stand in a name.
    pub fn values(&self) -> impl Iterator<Item = (NameField, &str)> {
        self.values.iter().map(|(field, value)| (*field, value.0.as_str()))
    }

    /// In the newsroom's own words, on one line each.
    pub fn words(&self) -> impl Iterator<Item = (NameField, &str)> {
        self.words.iter().map(|(field, words)| (*field, words.as_str()))
    }

    /// By which a story's files are known.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl NamePattern {
    /// # Errors
    /// What is wrong with it, and how to mend it: it is no template, names a field that there is not, could give two
    /// stories one name, or could put the versions of one story into several folders.
    pub fn parse(source: &str) -> Result<Self, String> {
        let pattern = Self(Pattern::parse(source)?);
        pattern.try_out()?;
        Ok(pattern)
    }

    /// The rules of a name, on stories that differ in all that may change.
    fn try_out(&self) -> Result<(), String> {
        let story: Guid = "urn:example:20261124:sample".parse()?;
        let filled = |text: &str| {
            let changing = NameField::ALL.into_iter().filter(|field| field.changes());
            let fields = NameFields::of(&story).with(NameField::Wire, "wire").with(NameField::Extension, "xml");
            self.fill(&changing.fold(fields, |fields, field| fields.with(field, text)))
        };
        let folders = ["", "one", "2"].map(|text| filled(text).map(|name| name.split().0.to_owned()));
        let [first, second, third] = folders;
        let first = first?;
        if second? != first || third? != first {
            let stays = NameField::ALL.into_iter().filter(|field| !field.changes()).map(NameField::as_str);
            return Err(format!(
                "the versions of a story would stand in several folders, where a kill could not find them; before the \
                 last \"/\" use only {}",
                stays.collect::<Vec<_>>().join(", ")
            ));
        }
        Ok(())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether two versions of a story may have different names.
    pub fn changes(&self) -> bool {
        self.0.fields().iter().any(|field| field.changes())
    }

    /// The name of a file.
    ///
    /// # Errors
    /// When the template fails, or leaves out the story's id.
    pub fn fill(&self, fields: &NameFields) -> Result<FileName, String> {
        let filled = self.0.fill("name", fields.values())?;
        let last = filled.rsplit('/').next().filter(|last| last.contains(fields.id()));
        last.and_then(|_| FileName::marked(&filled, fields.id())).ok_or_else(|| {
            format!(
                "without {{{{ id }}}} two stories could have one name; write it after the last \"/\", for example \
                 {DEFAULT:?}"
            )
        })
    }
}

const DEFAULT: &str = "{{ name }}-{{ id }}.{{ extension }}";

impl Default for NamePattern {
    fn default() -> Self {
        // A test holds that it is one.
        Self::parse(DEFAULT).unwrap_or_else(|why| unreachable!("{DEFAULT}: {why}"))
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for NamePattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NamePattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = NameField::ALL.iter().map(|field| format!("`{}`", field.as_str())).collect();
        let description = format!("A file's name; `{{{{ id }}}}` stands for a field: {}.", names.join(", "));
        schemars::json_schema!({ "type": "string", "description": description })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(guid: &str, text: &str) -> NameFields {
        let fields = NameFields::of(&guid.parse().unwrap());
        let all = NameField::ALL.into_iter().filter(|field| !matches!(field, NameField::Id | NameField::Name));
        all.fold(fields, |fields, field| fields.with(field, text))
    }

    #[test]
    fn a_name_is_readable() {
        let fields = NameFields::of(&"urn:newsml:paper.example:20261124:Ferry_vote".parse().unwrap())
            .with(NameField::Extension, "xml")
            .with(NameField::Slug, "Ferry/Vote (2nd lead)")
            .with(NameField::Version, "3");
        let name = |pattern| NamePattern::parse(pattern).unwrap().fill(&fields).unwrap().to_string();
        insta::assert_snapshot!(name(DEFAULT), @"ferry-vote-1568dc19928ef613.xml");
        insta::assert_snapshot!(name("{{ slug }}-v{{ version }}_{{ id }}.{{ extension }}"), @"ferry-vote-2nd-lead-v3_1568dc19928ef613.xml");
        insta::assert_snapshot!(name("in/{{ wire }}/{{ id }}{% if section %}-{{ section }}{% endif %}.xml"), @"in/1568dc19928ef613.xml");
    }

    #[test]
    fn what_is_no_pattern_says_how_to_mend_it() {
        let error = |source| NamePattern::parse(source).unwrap_err();
        insta::assert_snapshot!(error("{{ nmae }}-{{ id }}"), @r#"unknown field "nmae" in "{{ nmae }}-{{ id }}"; did you mean "name"?"#);
        insta::assert_snapshot!(error("{{ slug }}.xml"), @r#"without {{ id }} two stories could have one name; write it after the last "/", for example "{{ name }}-{{ id }}.{{ extension }}""#);
        insta::assert_snapshot!(error("{{ id }}/story.xml"), @r#"without {{ id }} two stories could have one name; write it after the last "/", for example "{{ name }}-{{ id }}.{{ extension }}""#);
        insta::assert_snapshot!(error("{{ id[:3] }}.xml"), @r#"without {{ id }} two stories could have one name; write it after the last "/", for example "{{ name }}-{{ id }}.{{ extension }}""#);
        insta::assert_snapshot!(error("{% if slug %}{{ id }}{% endif %}.xml"), @r#"without {{ id }} two stories could have one name; write it after the last "/", for example "{{ name }}-{{ id }}.{{ extension }}""#);
        insta::assert_snapshot!(error("{{ date }}/{{ id }}.xml"), @r#"the versions of a story would stand in several folders, where a kill could not find them; before the last "/" use only id, name, wire, extension"#);
        insta::assert_snapshot!(error("{{ id"), @"syntax error: unexpected end of input, expected end of variable block (in name:1); fields are written {{ id }}");
        insta::assert_snapshot!(error("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}{{ id }}"), @r#"unknown field "range" in "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}{{ id }}"; expected one of "id", "name", "wire", "extension", "version", "action", "urgency", "sequence", "slug", "headline", "section", "language", "date", "time""#);
    }

    #[test]
    fn a_pattern_knows_whether_it_changes() {
        assert!(!NamePattern::default().changes());
        assert!(NamePattern::parse("{{ id }}-{{ version }}.xml").unwrap().changes());
    }

    const PATTERNS: [&str; 5] = [
        DEFAULT,
        "{{ headline }}-{{ id }}.{{ extension }}",
        "{{ wire }}/{{ slug }}{{ id }}{{ headline }}{{ section }}{{ language }}{{ slug }}{{ headline }}",
        "../{{ section | upper }}/../{{ id }}.{{ version }}",
        "{{ headline | replace('-', '/') }}_{{ id }}",
    ];

    proptest! {
        /// However an article is written, its file stands in the door's folder, and no other story's has its name.
        #[test]
        fn no_article_climbs_and_no_two_stories_meet(
            one in "urn:[a-z]{2,4}:[!-~]{1,80}", other in "urn:[a-z]{2,4}:[!-~]{1,80}",
            text in "(\\.|/|\\\\|[ -~]|\\PC|[\\x00-\\x1f]){0,90}", pattern in prop::sample::select(PATTERNS.to_vec()),
        ) {
            let (Ok(_), Ok(_)) = (one.parse::<Guid>(), other.parse::<Guid>()) else { return Ok(()) };
            // Two of the patterns would be refused by their folders; what they make is safe all the same.
            let pattern = unchecked(pattern);
            let (first, second) = (pattern.fill(&fields(&one, &text)), pattern.fill(&fields(&other, &text)));
            if let (Ok(first), Ok(second)) = (&first, &second) {
                prop_assert_eq!(one == other, first == second, "{} {}", first, second);
                prop_assert_eq!(FileName::read(first.as_str()), Some(first.clone()));
                prop_assert!(first.split().1.contains(fields(&one, "").id()));
            }
            prop_assert!(first.is_ok() && second.is_ok(), "{first:?}, {second:?}");
        }
    }

    fn unchecked(source: &'static str) -> NamePattern {
        NamePattern(Pattern::parse(source).unwrap())
    }
}
