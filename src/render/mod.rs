//! From an article and a policy to a finished document, in one format a file.
//!
//! [`rendition`] is the only way out of this module: the policy is resolved for the article, media that is not the
//! wire's to give is taken out, a format writes the bytes, and the proof reads them again (promise 6). The same
//! article under the same configuration makes the same bytes always (promise 9): nothing here asks for the time or
//! for chance.
//!
//! A new format is one file that implements [`Render`], one line in [`renderer`], and a reader in the proof.
//!
//! This module knows nothing of who receives a document, nor how: a rendition is made for a [`Profile`], and any
//! number of destinations share it.

mod html;
mod json;
mod ninjs16;
mod nitf;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::article::{Action, Article, Block, Body, Inline, Media, WireId};
use crate::attribution::{Attribution, Missing, Proved, Unproved, media, prove};
use crate::config::{Format, FormatProfile, Wire};

/// A format of documents.
pub trait Render: Sync {
    /// The value of `content-type`, with its charset.
    fn content_type(&self, profile: &FormatProfile) -> Cow<'static, str>;

    /// What a file of it is called after the dot.
    fn extension(&self, profile: &FormatProfile) -> Cow<'static, str>;

    /// The document of `manuscript`.
    ///
    /// # Errors
    /// When the writer of the format fails; the article is not at fault.
    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError>;
}

/// The renderer of `format`.
pub fn renderer(format: Format) -> &'static dyn Render {
    match format {
        Format::Json => &json::Json,
        Format::Ninjs16 => &ninjs16::Ninjs16,
        Format::Nitf => &nitf::Nitf,
    }
}

/// What a format writes down: the article with what the policy made of it.
pub struct Manuscript<'a> {
    pub article: &'a Article,
    pub attribution: &'a Attribution,
    /// The options of its format.
    pub profile: &'a FormatProfile,
    /// What readers see of the story. The article's own body may have more in it than may leave.
    pub body: Cow<'a, Body>,
    /// The attribution that closes it.
    pub closing: Vec<Block>,
    /// The assets that may go with it.
    pub media: Vec<&'a Media>,
}

impl<'a> Manuscript<'a> {
    fn new(
        article: &'a Article,
        attribution: &'a Attribution,
        profile: &'a FormatProfile,
        sifted: &media::Sifted<'a>,
    ) -> Self {
        if article.action.withdraws() {
            // What has to come down is not sent once more.
            let body = Cow::Owned(withdrawal(article));
            return Self { article, attribution, profile, body, closing: Vec::new(), media: Vec::new() };
        }
        let mut body = sifted.body(&article.body);
        let mut media = sifted.passed.clone();
        // The logo closes the text; a body or a newsroom that brings it too would show it twice.
        if let Some(logo) = &attribution.logo {
            body = media::without(body, &logo.url);
            media.retain(|asset| !asset.renditions.iter().any(|file| file.href == logo.url));
        }
        let closing = attribution.closing(&body);
        Self { article, attribution, profile, body, closing, media }
    }

    /// When it may be published first, and when no more: a withdrawal holds from now on for good.
    fn embargo_and_expiry(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let Article { action, embargo, expires, .. } = *self.article;
        if action.withdraws() { (None, None) } else { (embargo, expires) }
    }

    /// The article's subheadline, unless it withdraws.
    fn subheadline(&self) -> Option<&'a str> {
        self.article.subheadline.as_deref().filter(|_| !self.article.action.withdraws())
    }

    /// The article's summary, unless it withdraws.
    fn summary(&self) -> Option<&'a str> {
        self.article.summary.as_deref().filter(|_| !self.article.action.withdraws())
    }

    /// Who holds the copyright: the wire, where the article names nobody else.
    fn copyright_holder(&self) -> &str {
        self.article.copyright_holder.as_deref().unwrap_or(&self.attribution.agency.name)
    }

    /// What editors have to know, and readers must not see: the reason of a correction or withdrawal, and the
    /// newsroom's note.
    fn for_editors(&self) -> Option<String> {
        let order = match self.article.action {
            Action::Publish | Action::Update | Action::Correct => None,
            Action::Kill => Some("KILL. Do not publish. Remove all versions."),
            Action::Withhold => Some("WITHHOLD. Do not publish until further notice."),
        };
        let article = self.article;
        let parts = [order, article.notice.as_deref(), article.editor_note.as_deref()];
        let words: Vec<&str> = parts.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// The body of a withdrawal.
fn withdrawal(article: &Article) -> Body {
    let headline = &article.headline;
    let order = if article.action == Action::Withhold {
        format!("The article “{headline}” is withheld until further notice and must not be published.")
    } else {
        format!("The article “{headline}” has been withdrawn and must not be published.")
    };
    let paragraphs = [Some(order), article.notice.clone()].into_iter().flatten();
    Body { blocks: paragraphs.map(|text| Block::Paragraph(vec![Inline::Text(text)])).collect() }
}

/// What a rendition is made for. All destinations with the same profile get the same bytes.
#[derive(Debug, Clone)]
pub struct Profile {
    wire_id: WireId,
    wire: Arc<Wire>,
    format: Arc<FormatProfile>,
    policy: [u8; 32],
}

/// A profile's identity: equal keys mean equal bytes, across a reload of the configuration too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileKey {
    wire: WireId,
    format: Arc<FormatProfile>,
    policy: [u8; 32],
}

impl Profile {
    pub fn new(wire_id: WireId, wire: Arc<Wire>, format: Arc<FormatProfile>) -> Self {
        // Two wires with the same debug print have the same policy; it shows every field, and none is secret.
        let policy = Sha256::digest(format!("{wire:?}")).into();
        Self { wire_id, wire, format, policy }
    }

    pub fn format(&self) -> Format {
        self.format.format
    }

    pub fn key(&self) -> ProfileKey {
        ProfileKey { wire: self.wire_id.clone(), format: Arc::clone(&self.format), policy: self.policy }
    }
}

/// Why an article has no rendition under a profile. None of them mends itself by trying again.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// The article or the wire's configuration lacks what the licence demands.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The document was written without something that it has to carry; its bytes are kept.
    #[error(transparent)]
    Unproved(#[from] Unproved),
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// The writer of a format failed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("the document cannot be written as XML: {0}")]
    Xml(#[from] std::io::Error),
    #[error("the document cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The finished document of `article` for `profile`, proved.
///
/// # Errors
/// [`Flaw`], when the policy cannot be met, or was not.
///
/// # Panics
/// When the article is of another wire than the profile: it would go out under somebody else's terms.
pub fn rendition(article: &Article, profile: &Profile) -> Result<Proved, Flaw> {
    assert_eq!(article.wire, profile.wire_id, "an article is rendered under its own wire's policy");
    let attribution = Attribution::resolve(article, &profile.wire)?;
    let sifted = media::sift(article, &profile.wire);
    for media in &sifted.dropped {
        tracing::info!(
            story = %article.guid,
            version = %article.version,
            holder = media.holder,
            media = media.uri,
            format = profile.format().as_str(),
            "third-party media dropped"
        );
    }
    let renderer = renderer(profile.format());
    let bytes = renderer.render(&Manuscript::new(article, &attribution, &profile.format, &sifted))?;
    Ok(prove(&profile.format, renderer.content_type(&profile.format), bytes, &attribution)?)
}
