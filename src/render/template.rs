//! Documents that a template of the operator's makes, in MiniJinja's language.
//!
//! A template sees the fields of newswired's own JSON under the same names (`render/json.rs`), and the story and its
//! attribution as HTML in parts: `story_html`, `opening_html`, `closing_html`. A field that the article lacks is none
//! (nothing when printed, `null` in JSON); a name that there is not is an error, found when the template is compiled.
//! Text is escaped as the document's type asks. A template stands alone: it can neither include nor import.
//!
//! Its work is bounded by fuel and its output by a limit, so that no article makes a lane wait for good. What it made
//! goes through the proof like every document (promise 6).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde_json::{Map, Value as Json};

use super::{Manuscript, Render, RenderError, html, json as own_json};
use crate::article::Body;
use crate::config::{FormatProfile, Markup, guarded};

/// What a template may do for one document, in MiniJinja's instructions: about a hundred times what a page with every
/// field and a thousand keywords takes, and well below a second.
const FUEL: u64 = 1_000_000;

/// How deep its loops may recurse.
const DEEPEST: usize = 50;

const NAME: &str = "template";

/// The format `template`.
pub struct ByTemplate;

impl Render for ByTemplate {
    fn content_type(&self, profile: &FormatProfile) -> Cow<'static, str> {
        match &profile.template {
            Some(template) => template.content_type.with_charset().into(),
            None => "application/octet-stream".into(),
        }
    }

    fn extension(&self, profile: &FormatProfile) -> Cow<'static, str> {
        profile.template.as_ref().map_or("bin".into(), |template| template.extension.clone().into())
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        let options = manuscript.profile.template.as_ref().ok_or(RenderError::NoTemplate)?;
        let in_file = |why: TemplateError| TemplateError { file: options.file.path.display().to_string(), ..why };
        let template = Template::compile(&options.file.source, options.content_type.markup).map_err(in_file)?;
        template.render(manuscript, options.output_limit.get()).map_err(|why| match why {
            RenderError::Template(why) => in_file(why).into(),
            other @ (RenderError::Xml(_) | RenderError::Json(_) | RenderError::NoTemplate) => other,
        })
    }
}

/// A template, compiled.
pub struct Template {
    environment: Environment<'static>,
    markup: Markup,
}

/// What is wrong with a template, or with what it made of an article.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// As the configuration names it; empty where it came from no file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and after a semicolon how to mend it.
    pub problem: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, problem } = self;
        let file = if file.is_empty() { NAME } else { file };
        write!(f, "{file}:{line}:{column}: {problem}")
    }
}

impl Template {
    /// # Errors
    /// Where `source` is no template, or names a field that there is not.
    pub fn compile(source: &str, markup: Markup) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEEPEST);
        environment.set_debug(true);
        // A place to keep text from one turn of a loop to the next, where it could double without end.
        environment.remove_global("namespace");
        environment.remove_global("debug");
        environment.set_auto_escape_callback(move |_| match markup {
            Markup::Html | Markup::Xml => AutoEscape::Html,
            Markup::Json => AutoEscape::Json,
            Markup::Text => AutoEscape::None,
        });
        environment.set_formatter(print);
        guarded(|| environment.add_template_owned(NAME, source.to_owned())).map_err(|why| fault(source, &why))?;
        let template = Self { environment, markup };
        template.refuse_unknown_names(source)?;
        Ok(template)
    }

    /// The document of `manuscript`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`RenderError::Template`], when the template cannot do it within its bounds, or not with this article.
    pub fn render(&self, manuscript: &Manuscript<'_>, limit: usize) -> Result<Vec<u8>, RenderError> {
        let context = self.context(manuscript)?;
        let template = self.environment.get_template(NAME).map_err(|why| fault("", &why))?;
        let mut out = Bounded { bytes: Vec::new(), limit, full: false };
        match guarded(|| template.render_captured_to(context, &mut out)) {
            Ok(_) => Ok(out.bytes),
            Err(_) if out.full => {
                let problem =
                    format!("the document would have more than {limit} bytes; make it shorter, or raise output_limit");
                let (line, column) = (1, 1);
                Err(TemplateError { file: String::new(), line, column, problem }.into())
            }
            Err(why) => Err(fault(template.source(), &why).into()),
        }
    }

    /// What there is no field nor function for is told before any article comes by.
    fn refuse_unknown_names(&self, source: &str) -> Result<(), TemplateError> {
        let template = self.environment.get_template(NAME).map_err(|why| fault(source, &why))?;
        let functions: Vec<String> = self.environment.globals().map(|(name, _)| name.to_owned()).collect();
        let is_known = |name: &String| FIELDS.get(name).is_some() || functions.contains(name) || name == "loop";
        let unknown = template.undeclared_variables(false).into_iter().filter(|name| !is_known(name));
        // The first of them in the text, so that the same template always gets the same answer.
        match unknown.map(|name| (place_of_name(source, &name), name)).min() {
            None => Ok(()),
            Some((at, name)) => {
                let (line, column) = place_of(source, at);
                let problem = format!("there is no field {name:?}; {}", suggestion(&name));
                Err(TemplateError { file: String::new(), line, column, problem })
            }
        }
    }

    fn context(&self, manuscript: &Manuscript<'_>) -> Result<Value, RenderError> {
        let mut tree = own_json::tree(manuscript)?;
        complete(&mut tree, &FIELDS);
        let mut context: BTreeMap<String, Value> = match tree {
            Json::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, Value::from_serialize(value))).collect()
            }
            _ => BTreeMap::new(),
        };
        let story = Body { blocks: manuscript.body.blocks.clone() }.text();
        context.insert("story_text".to_owned(), Value::from(story));
        let parts = [
            ("body_html", html::html(manuscript)),
            ("story_html", html::of(&manuscript.body.blocks)),
            ("opening_html", html::of(&manuscript.opening)),
            ("closing_html", html::of(&manuscript.closing)),
        ];
        for (name, html) in parts {
            // In an HTML page it is markup; anywhere else it is text like any other.
            let value = if self.markup == Markup::Html { Value::from_safe_string(html) } else { Value::from(html) };
            context.insert(name.to_owned(), value);
        }
        Ok(Value::from(context))
    }
}

/// None is nothing, but for JSON, which has a word for it.
fn print(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_none() && state.auto_escape() != AutoEscape::Json {
        return Ok(());
    }
    minijinja::escape_formatter(out, state, value)
}

/// Every name that a template can use, with none for its value; of a list, what its items have.
static FIELDS: LazyLock<Json> =
    // A test holds that it is JSON.
    LazyLock::new(|| serde_json::from_str(include_str!("template/fields.json")).unwrap_or_default());

/// Adds to `value` what `shape` has and it has not: a list as an empty one, anything else as none.
fn complete(value: &mut Json, shape: &Json) {
    match (value, shape) {
        (Json::Object(table), Json::Object(shape)) => {
            for (name, shape) in shape {
                complete(table.entry(name.as_str()).or_insert(Json::Null), shape);
            }
        }
        (Json::Array(items), Json::Array(shape)) => {
            for (item, shape) in items.iter_mut().zip(shape.iter().cycle()) {
                complete(item, shape);
            }
        }
        (value @ Json::Null, Json::Array(_)) => *value = Json::Array(Vec::new()),
        _ => {}
    }
}

/// What MiniJinja says, with its place in `source`.
fn fault(source: &str, why: &minijinja::Error) -> TemplateError {
    let (line, column) = match why.range() {
        Some(range) => place_of(source, range.start),
        None => (why.line().unwrap_or(1), 1),
    };
    let said = || why.detail().map_or_else(|| why.kind().to_string(), |detail| format!("{}: {detail}", why.kind()));
    let problem = match why.kind() {
        ErrorKind::OutOfFuel => {
            format!("it takes more than {FUEL} steps for one document; look for a loop within a loop")
        }
        ErrorKind::UndefinedError => {
            let name = why.range().and_then(|range| source.get(range)).unwrap_or_default();
            format!("{name:?} is not there; look for a slip, or ask first: {{% if … is defined %}}")
        }
        ErrorKind::SyntaxError if why.detail().is_some_and(|detail| detail.starts_with("unknown statement")) => {
            format!("{}; a template stands alone, with if, for, set, filter and with", said())
        }
        _ => said(),
    };
    TemplateError { file: String::new(), line, column, problem }
}

/// Line and column, from 1 and in characters, of the byte at `at`.
fn place_of(source: &str, at: usize) -> (usize, usize) {
    let before = &source[..source.floor_char_boundary(at)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Where `name` first stands as a word of its own behind the beginning of an expression or a statement.
fn place_of_name(source: &str, name: &str) -> usize {
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let is_word = |at: &usize| {
        let (before, after) = (&source[..*at], &source[*at + name.len()..]);
        let code = before.rfind("{{").max(before.rfind("{%")) > before.rfind("}}").max(before.rfind("%}"));
        code && !goes_on(before.chars().next_back()) && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    };
    source.match_indices(name).map(|(at, _)| at).find(is_word).unwrap_or(0)
}

fn suggestion(name: &str) -> String {
    let distance = |word: &&String| strsim::damerau_levenshtein(name, word);
    match FIELDS
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .min_by_key(distance)
        .filter(|word| distance(word) <= 1 + word.len() / 4)
    {
        Some(word) => format!("did you mean {word:?}?"),
        None => "the fields are those of newswired's own JSON".to_owned(),
    }
}

struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            self.full = true;
            return Err(io::Error::other("the document is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
