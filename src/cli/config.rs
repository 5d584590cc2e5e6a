//! `newswired config show`: every value in effect, and where it was said.

use clap::{Args, Subcommand};

use super::output::{self, say};
use super::{ConfigFile, Failure, json_line};
use crate::config::{Environment, Setting, show};

#[derive(Debug, Args)]
pub struct Show {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print every value in effect with its source: a line of a file, an environment variable, or the default. Secrets
    /// are shown as the references that stand there
    Show {
        /// Only keys that begin so
        #[arg(long, value_name = "KEY")]
        under: Option<String>,
        /// One JSON object a value
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
}

impl Show {
    pub fn run(self) -> Result<(), Failure> {
        let Verb::Show { under, json, config } = self.verb;
        let mut settings = show(&config.config, &Environment::of_process())?;
        if let Some(under) = under {
            settings.retain(|setting| is_under(&setting.key, &under));
            if settings.is_empty() {
                return Err(Failure::No(format!("no key in effect begins with {under}")));
            }
        }
        if json {
            for setting in &settings {
                say!("{}", json_line(setting)?)?;
            }
        } else {
            output::whole(told(&settings))?;
        }
        Ok(())
    }
}

fn is_under(key: &str, under: &str) -> bool {
    key.strip_prefix(under).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// As TOML could have it, the sources beneath each other.
fn told(settings: &[Setting]) -> String {
    /// What is longer than this moves its own source only.
    const WIDEST: usize = 60;
    let lines: Vec<_> = settings.iter().map(|one| (format!("{} = {}", one.key, one.value), &one.source)).collect();
    let wide = |text: &str| text.chars().count();
    let width = lines.iter().map(|(text, _)| wide(text)).filter(|width| *width <= WIDEST).max().unwrap_or_default();
    lines.iter().map(|(text, source)| format!("{text:width$}  # {source}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[test]
    fn sources_stand_beneath_each_other() {
        let setting = |key: &str, value: serde_json::Value| Setting { key: key.into(), value, source: Source::Default };
        let all = [setting("a", 1.into()), setting("long.key", "text".into()), setting("b", "x".repeat(80).into())];
        insta::assert_snapshot!(told(&all), @r#"
        a = 1              # default
        long.key = "text"  # default
        b = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"  # default
        "#);
        assert!(is_under("admin.listen", "admin") && is_under("admin", "admin") && !is_under("administer", "admin"));
    }
}
