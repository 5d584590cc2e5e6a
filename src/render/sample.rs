//! A look at every template of a configuration before an article comes by.
//!
//! Each is compiled, and makes the documents of a built-in story for every wire whose stories a partner gets in it: the
//! story with everything, the story with as little as there may be, and its withdrawal. What it makes is proved, under
//! the terms that those partners have.

use crate::article::{self, Action, Article, WireId};
use crate::attribution::Policies;
use crate::config::{Config, Edition, FormatProfile, MediaWay};

use super::{Flaw, RenderError, rendition, template::Template, template::TemplateError};

const SAMPLE: &str = include_str!("sample.json");

/// Whether all templates of `config` do what they are for.
///
/// # Errors
/// What is wrong, a template's complaint a line, with the template's file, line and column.
pub fn check_templates(config: &Config) -> Result<(), String> {
    let mut complaints = Vec::new();
    for (name, profile) in &config.profiles {
        let Some(options) = &profile.template else { continue };
        let file = options.file.path.display().to_string();
        if let Err(why) = Template::compile(&options.file.source, options.content_type.markup) {
            complaints.push(TemplateError { file, ..why }.to_string());
            continue;
        }
        for (wire, edition) in uses(config, name, profile) {
            let Some(policies) = Policies::of(config, &wire) else { continue };
            for article in samples(&wire) {
                let complaint = match rendition(&article, &policies, &edition) {
                    Ok(_) => continue,
                    Err(Flaw::Render(RenderError::Template(why))) => why.to_string(),
                    Err(why) => format!("{file}: for the wire \"{wire}\": {why}"),
                };
                if !complaints.contains(&complaint) {
                    complaints.push(complaint);
                }
            }
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// The wires whose stories are made by the profile called `name`, each with the editions that partners have of it; for a
/// profile that nobody uses, every wire.
fn uses(config: &Config, name: &str, profile: &std::sync::Arc<FormatProfile>) -> Vec<(WireId, Edition)> {
    let mut uses: Vec<(WireId, Edition)> = Vec::new();
    for (id, partner) in &config.partners {
        for destination in partner.destinations.values().filter(|it| it.format.as_str() == name) {
            let Some(edition) = config.edition(id, partner, destination) else { continue };
            let entitled = &partner.entitlement.wires;
            for wire in config.wires.keys().filter(|wire| entitled.is_empty() || entitled.contains(*wire)) {
                if !uses.iter().any(|(known, of)| known == wire && *of == edition) {
                    uses.push((wire.clone(), edition.clone()));
                }
            }
        }
    }
    if uses.is_empty() {
        let edition =
            Edition { profile: profile.clone(), changes: Default::default(), partner: None, media: MediaWay::Linked };
        uses.extend(config.wires.keys().map(|wire| (wire.clone(), edition.clone())));
    }
    uses
}

/// The built-in story whole, bare, and withdrawn.
fn samples(wire: &WireId) -> Vec<Article> {
    let decoded = article::decode(SAMPLE.as_bytes(), Some("application/vnd.newswired.article+json"), wire);
    // A test holds that it can be decoded.
    let Ok(whole) = decoded else { return Vec::new() };
    let mut bare = Article::bare(wire.clone(), whole.guid.clone(), whole.version, Action::Publish);
    (bare.authors, bare.body) = (whole.authors.clone(), whole.body.clone());
    // Policies may name the story's address, its year or its place; a wire whose stories all have them is no worse.
    (bare.canonical, bare.created, bare.dateline) = (whole.canonical.clone(), whole.created, whole.dateline.clone());
    let withdrawn = Article { action: Action::Kill, ..whole.clone() };
    vec![whole, bare, withdrawn]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_story_can_be_decoded_and_has_everything() {
        let [whole, bare, withdrawn] = &samples(&WireId::new("w"))[..] else { panic!("the sample is no article") };
        let value = serde_json::to_value(whole).unwrap();
        let lacking: Vec<&String> = value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
            .map(|(name, _)| name)
            .collect();
        // The authors say it; a byline beside them is for those that they do not.
        assert_eq!(lacking, ["byline"]);
        assert!(bare.summary.is_none() && withdrawn.action.withdraws());
    }
}
