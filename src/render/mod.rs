//! From an article and a policy to a finished document, in one format a file.
//!
//! [`rendition`] is the only way out of this module: the policies are resolved for the article, media that is not the
//! wire's to give is taken out, a format writes the bytes, and the proof reads them again (promise 6). The same
//! article under the same configuration makes the same bytes always (promise 9): nothing here asks for the time or
//! for chance.
//!
//! A new format is one file that implements [`Render`], one line in [`renderer`], and a reader in the proof.
//!
//! This module knows nothing of who receives a document, nor how: a rendition is made for an [`Edition`], and
//! any number of destinations share it.

mod atom;
mod enclosed;
mod figure;
mod html;
mod json;
mod language;
mod newsml_g2;
mod ninjs;
mod nitf;
mod page;
mod sample;
pub mod template;
#[cfg(test)]
mod tests;
mod text;
mod wordpress;
mod xml;

pub use enclosed::MediaFile;
#[cfg(any(test, fuzzing))]
pub(crate) use html::of as body_html;
pub use sample::check_templates;
#[cfg(feature = "mail")]
pub use text::text_of_html;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::article::{Action, Article, Block, Body, Inline, Media};
use crate::attribution::{Attribution, Explained, Missing, Policies, Proved, Unproved, explain, media, prove};
use crate::config::{Edition, Format, FormatProfile};

/// A format of documents.
pub trait Render: Sync {
    /// The value of `content-type`, with its charset.
    fn content_type(&self, profile: &FormatProfile) -> Cow<'static, str>;

    /// As [`Self::content_type`], of an article of `action`: for formats in which a withdrawal is a document of its own.
    fn content_type_of(&self, _: Action, profile: &FormatProfile) -> Cow<'static, str> {
        self.content_type(profile)
    }

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
        Format::Ninjs13 => &ninjs::Ninjs13,
        Format::Ninjs16 => &ninjs::Ninjs16,
        Format::Ninjs22 => &ninjs::Ninjs22,
        Format::Ninjs31 => &ninjs::Ninjs31,
        Format::SuperdeskNinjs => &ninjs::Superdesk,
        Format::Nitf => &nitf::Nitf,
        Format::NewsMlG2 => &newsml_g2::NewsMlG2,
        Format::Html => &page::Page,
        Format::HtmlFragment => &page::Fragment,
        Format::Text => &text::Text,
        Format::Atom => &atom::Atom,
        Format::Template => &template::ByTemplate,
        Format::WordPress => &wordpress::WordPress,
    }
}

/// What a format writes down: the article with what the policy made of it.
pub struct Manuscript<'a> {
    pub article: &'a Article,
    pub attribution: &'a Attribution,
    /// The options of its format.
    pub profile: &'a FormatProfile,
    /// The attribution that comes before the story.
    pub opening: Vec<Block>,
    /// What readers see of the story. The article's own body may have more in it than may leave.
    pub body: Cow<'a, Body>,
    /// The attribution that closes it.
    pub closing: Vec<Block>,
    /// The assets that may go with it.
    pub media: Vec<&'a Media>,
    /// The files that it names by their ids.
    pub enclosed: &'a [MediaFile],
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
            let (opening, closing, media) = (Vec::new(), Vec::new(), Vec::new());
            return Self { article, attribution, profile, opening, body, closing, media, enclosed: &[] };
        }
        let mut body = attribution.without_credit(sifted.body(&article.body));
        if let Some(words) = profile.words {
            body = shortened(body, words, attribution.more(article, profile));
        }
        let mut media = sifted.passed.clone();
        // The logo stands by itself; a newsroom that brings it too would show it twice.
        if let Some(logo) = &attribution.logo {
            media.retain(|asset| !asset.renditions.iter().any(|file| file.href == logo.url));
        }
        let (opening, closing) = attribution.around(&body);
        Self { article, attribution, profile, opening, body, closing, media, enclosed: &[] }
    }

    /// All that readers see, in its order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.opening.iter().chain(&self.body.blocks).chain(&self.closing)
    }

    /// When it may be published first, and when no more: a withdrawal holds from now on for good.
    fn embargo_and_expiry(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let Article { action, embargo, expires, .. } = *self.article;
        if action.withdraws() { (None, None) } else { (embargo, expires) }
    }

    /// Until when it may be kept; a withdrawal is not to be kept at all.
    fn rights_until(&self) -> Option<Timestamp> {
        self.article.rights_until.filter(|_| !self.article.action.withdraws())
    }

    /// The headline. A withdrawal says so where every receiver looks.
    fn headline(&self) -> Cow<'a, str> {
        let headline = self.article.headline.as_str();
        match self.article.action {
            Action::Publish | Action::Update | Action::Correct => headline.into(),
            Action::Kill => format!("KILL: {headline}").into(),
            Action::Withhold => format!("WITHHOLD: {headline}").into(),
        }
    }

    /// When this version was made, for a format that cannot be without a time.
    fn made(&self) -> Timestamp {
        // The ledger gives an article without a time that of its acceptance; one from elsewhere may still have none.
        self.article.versioned.or(self.article.created).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The article's subheadline, unless it withdraws.
    fn subheadline(&self) -> Option<&'a str> {
        self.article.subheadline.as_deref().filter(|_| !self.article.action.withdraws())
    }

    /// The article's summary, unless it withdraws.
    fn summary(&self) -> Option<&'a str> {
        self.article.summary.as_deref().filter(|_| !self.article.action.withdraws())
    }

    /// The byline with what stands by it, and the rest of what opens and closes the text, for formats that show the
    /// byline at the top of the page.
    fn byline_apart(&self) -> [Vec<Block>; 3] {
        if self.article.action.withdraws() {
            return Default::default();
        }
        let byline = self.attribution.by_the_byline(&self.body);
        let rest = |blocks: &[Block]| blocks.iter().filter(|block| !byline.contains(block)).cloned().collect();
        let (opening, closing) = (rest(&self.opening), rest(&self.closing));
        [byline, opening, closing]
    }

    /// What a correction corrects, for readers; the text of a withdrawal says it already.
    fn notice(&self) -> Option<&'a str> {
        self.article.notice.as_deref().filter(|_| !self.article.action.withdraws())
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

/// The first blocks of `body` that have at most `words` words together, at least one that has any, and then `more`.
fn shortened<'b>(body: Cow<'b, Body>, words: u32, more: Option<Block>) -> Cow<'b, Body> {
    let mut left = words as usize;
    let mut has_words = false;
    let fits = |block: &&Block| {
        let count = Body { blocks: vec![(*block).clone()] }.words();
        // A picture before a long paragraph is no story.
        let fits = count <= left || !has_words;
        has_words |= count > 0;
        left = left.saturating_sub(count);
        fits
    };
    let kept = body.blocks.iter().take_while(fits).count();
    if kept >= body.blocks.len() {
        return body;
    }
    let blocks = body.blocks[..kept].iter().cloned().chain(more).collect();
    Cow::Owned(Body { blocks })
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
    /// The template is at fault, or does not fit the article.
    #[error(transparent)]
    Template(#[from] template::TemplateError),
    #[error("the profile has no template; add [profiles.NAME.template]")]
    NoTemplate,
}

/// A finished document, and what the story goes without in it.
#[derive(Debug)]
pub struct Rendition {
    pub document: Proved,
    /// Media that is not the wire's to give, each as an operator knows it: `picture of REUTERS`.
    pub dropped: Vec<String>,
    /// The files that have to be there before the document, which names them.
    pub media: Vec<MediaFile>,
}

/// A document that is written and not yet proved: it cannot leave.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    content_type: Cow<'static, str>,
    attribution: Attribution,
    profile: Arc<FormatProfile>,
    dropped: Vec<String>,
    media: Vec<MediaFile>,
}

impl Draft {
    /// Writes the document of `article` for `edition`.
    ///
    /// # Errors
    /// When the policies cannot be met, or the format's writer fails.
    ///
    /// # Panics
    /// When the article is of another wire than the policies: it would go out under somebody else's terms.
    pub fn write(article: &Article, policies: &Policies, edition: &Edition) -> Result<Self, Flaw> {
        Self::write_without(article, policies, edition, &BTreeSet::new())
    }

    /// The same without the files of media at these addresses, which are gone.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    ///
    /// # Panics
    /// As [`Self::write`] does.
    pub fn write_without(
        article: &Article,
        policies: &Policies,
        edition: &Edition,
        gone: &BTreeSet<String>,
    ) -> Result<Self, Flaw> {
        assert_eq!(article.wire, policies.wire_id, "an article is rendered under its own wire's policies");
        let enclosed = enclosed::enclose(article, &policies.wire, edition.media, gone);
        let article = &*enclosed.article;
        let mut attribution = Attribution::resolve(article, policies, edition)?;
        let sifted = media::sift(article, &policies.wire);
        let mut dropped = Vec::new();
        if !article.action.withdraws() {
            attribution.credit_media(&sifted);
            dropped.extend(sifted.dropped.iter().map(|media| {
                let owner = media.holder.clone().or_else(|| media::credit(media)).or_else(|| media.uri.clone());
                format!("{} of {}", media.kind, owner.unwrap_or_default())
            }));
        }
        let manuscript = Manuscript::new(article, &attribution, &edition.profile, &sifted);
        let manuscript = Manuscript { enclosed: enclosed.by_id(edition.media), ..manuscript };
        let renderer = renderer(edition.profile.format);
        let bytes = renderer.render(&manuscript)?;
        let content_type = renderer.content_type_of(article.action, &edition.profile);
        let (profile, media) = (Arc::clone(&edition.profile), enclosed.files);
        Ok(Self { bytes, content_type, attribution, profile, dropped, media })
    }

    /// Where each required element stands in the document, and what it says.
    ///
    /// # Errors
    /// When the document cannot be read again.
    pub fn explain(&self) -> Result<Vec<Explained>, Flaw> {
        explain(&self.profile, &self.bytes, &self.attribution).map_err(|lack| {
            let (bytes, format) = (self.bytes.clone().into(), self.profile.format);
            Unproved { bytes, format, missing: vec![lack] }.into()
        })
    }

    /// Reads the document again, and lets it go when it carries everything that it has to.
    ///
    /// # Errors
    /// [`Unproved`], with what it lacks.
    pub fn prove(self) -> Result<Rendition, Unproved> {
        let Self { bytes, content_type, attribution, profile, dropped, media } = self;
        Ok(Rendition { document: prove(&profile, content_type, bytes, &attribution)?, dropped, media })
    }
}

/// The finished document of `article` for `edition`, proved.
///
/// # Errors
/// [`Flaw`], when the policies cannot be met, or were not.
///
/// # Panics
/// When the article is of another wire than the policies.
pub fn rendition(article: &Article, policies: &Policies, edition: &Edition) -> Result<Rendition, Flaw> {
    rendition_without(article, policies, edition, &BTreeSet::new())
}

/// The same without the files of media at these addresses, which are gone: the document names none of them.
///
/// # Errors
/// Those of [`rendition`].
///
/// # Panics
/// As [`rendition`] does.
pub fn rendition_without(
    article: &Article,
    policies: &Policies,
    edition: &Edition,
    gone: &BTreeSet<String>,
) -> Result<Rendition, Flaw> {
    Ok(Draft::write_without(article, policies, edition, gone)?.prove()?)
}
