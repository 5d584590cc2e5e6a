//! A text with fields of one version of a story in it, in MiniJinja's language: `{{ wire }}.{{ action }}`.
//!
//! What may become of it (a file's name, a subject, a routing key) is its user's to say.

use std::fmt;
use std::sync::Arc;

use minijinja::{Environment, UndefinedBehavior};

use super::NameField;
use super::engine::{STEPS, guarded};
use super::suggest::mend;

/// A pattern, parsed; every field that it names is one that there is.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    fields: Vec<NameField>,
    environment: Arc<Environment<'static>>,
}

impl Pattern {
    /// # Errors
    /// What is wrong with it, and how to mend it: it is no template, or names a field that there is not.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(STEPS));
        guarded(|| environment.add_template_owned("name", source.to_owned()))
            .map_err(|why| format!("{why}; fields are written {{{{ id }}}}"))?;
        let template = environment.get_template("name").map_err(|why| why.to_string())?;
        let mut fields = Vec::new();
        for name in template.undeclared_variables(false) {
            let known = NameField::ALL.map(NameField::as_str);
            let field = NameField::ALL.into_iter().find(|field| field.as_str() == name);
            fields.push(field.ok_or_else(|| format!("unknown field {name:?} in {source:?}; {}", mend(&name, &known)))?);
        }
        fields.sort();
        Ok(Self { source: source.into(), fields, environment: Arc::new(environment) })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Those that it names.
    pub fn fields(&self) -> &[NameField] {
        &self.fields
    }

    /// The text with what the fields say.
    ///
    /// # Errors
    /// When the template fails. `what` it should have made is named.
    pub fn fill<'v>(&self, what: &str, values: impl Iterator<Item = (NameField, &'v str)>) -> Result<String, String> {
        let context: minijinja::Value = values.map(|(field, value)| (field.as_str(), value)).collect();
        let filled = guarded(|| self.environment.get_template("name")?.render(context));
        filled.map_err(|why| format!("{:?} makes no {what}: {why}", self.source))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}
