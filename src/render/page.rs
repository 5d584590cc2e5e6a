//! HTML: a complete page, and the article alone to be set into a page of the partner's.
//!
//! The page is for those who publish it as it is, the fragment for those whose pages have a head of their own; what
//! readers see is the same. The byline stands at the top, where readers look for it, and not in the closing block
//! again. Everything in it is escaped text in the few elements that [`Html`] writes: no script, no style, no frame.

use std::borrow::Cow;

use super::html::Html;
use super::{Manuscript, Render, RenderError, figure, language};
use crate::article::{Block, Concept};
use crate::config::FormatProfile;

/// The complete page.
pub struct Page;

/// The article alone.
pub struct Fragment;

impl Render for Page {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "text/html; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "html".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        let mut html = Html::default();
        html.raw("<!DOCTYPE html>\n<html");
        language(&mut html, manuscript);
        html.raw(">\n");
        html.wrapped("head", |html| head(html, manuscript));
        html.raw("\n<body>\n<article>\n");
        article(&mut html, manuscript);
        html.raw("</article>\n</body>\n</html>\n");
        Ok(html.finish().into_bytes())
    }
}

impl Render for Fragment {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "text/html; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "html".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        let mut html = Html::default();
        // The page that it is set into may run the other way.
        let turned = manuscript.article.language.as_deref().is_some_and(|tag| language::direction(tag) == "rtl");
        if turned {
            html.raw("<div");
            language(&mut html, manuscript);
            html.raw(">\n");
        }
        article(&mut html, manuscript);
        if turned {
            html.raw("</div>\n");
        }
        Ok(html.finish().into_bytes())
    }
}

fn language(html: &mut Html, manuscript: &Manuscript<'_>) {
    match manuscript.article.language.as_deref() {
        Some(tag) => {
            html.attribute("lang", tag);
            html.attribute("dir", language::direction(tag));
        }
        // The first letter that has a direction decides.
        None => html.attribute("dir", "auto"),
    }
}

fn head(html: &mut Html, manuscript: &Manuscript<'_>) {
    let Manuscript { article, attribution, .. } = *manuscript;
    html.raw("\n");
    html.void("meta", &[("charset", "utf-8")]);
    html.raw("\n");
    html.wrapped("title", |html| html.text(&manuscript.headline()));
    html.raw("\n");
    let mut meta = |name: &str, content: Option<&str>| {
        if let Some(content) = content {
            html.void("meta", &[("name", name), ("content", content)]);
            html.raw("\n");
        }
    };
    meta("description", manuscript.summary());
    meta("author", Some(attribution.byline_without_word().as_str()).filter(|byline| !byline.is_empty()));
    meta("keywords", Some(article.keywords.join(", ").as_str()).filter(|words| !words.is_empty()));
    meta("dcterms.rightsHolder", Some(manuscript.copyright_holder()));
    meta("dcterms.rights", rights(manuscript).as_deref());
    for section in &article.sections {
        meta("newswire-section", Some(section));
    }
    for subject in article.subjects.iter().chain(&article.genres) {
        meta("dcterms.subject", called(subject).as_deref());
    }
    for place in &article.places {
        meta("dcterms.spatial", called(place).as_deref());
    }
    let (embargo, expires) = manuscript.embargo_and_expiry();
    for (name, at) in [
        ("dcterms.created", article.created),
        ("dcterms.modified", article.versioned),
        ("dcterms.available", embargo),
        ("newswire-expires", expires),
        ("newswire-rights-until", manuscript.rights_until()),
    ] {
        meta(name, at.map(|at| at.to_string()).as_deref());
    }
    // As in the request's headers.
    meta("newswire-story", Some(article.guid.as_str()));
    meta("newswire-version", Some(&article.version.to_string()));
    meta("newswire-action", Some(article.action.as_str()));
    meta("newswire-urgency", Some(&article.urgency.get().to_string()));
    if article.action.withdraws() {
        meta("robots", Some("noindex"));
    }
    let licence = attribution.licence.as_ref().and_then(|licence| licence.url.as_deref());
    for (rel, href) in [("canonical", article.canonical.as_deref()), ("license", licence)] {
        if let Some(href) = href {
            html.void("link", &[("rel", rel), ("href", href)]);
            html.raw("\n");
        }
    }
}

/// The notice of copyright and the terms of use.
fn rights(manuscript: &Manuscript<'_>) -> Option<String> {
    let Manuscript { article, attribution, .. } = *manuscript;
    let parts = [article.copyright_notice.clone(), attribution.usage_terms(article)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A term by its name, or else by its code.
fn called(concept: &Concept) -> Option<String> {
    concept.name.clone().or_else(|| concept.qcode())
}

/// What stands within `article`.
fn article(html: &mut Html, manuscript: &Manuscript<'_>) {
    let [byline, opening, closing] = manuscript.byline_apart();
    html.raw("<header>");
    html.wrapped("h1", |html| html.text(&manuscript.headline()));
    if let Some(text) = manuscript.subheadline() {
        html.line("subheadline", |html| html.text(text));
    }
    for (at, block) in byline.iter().enumerate() {
        match block {
            Block::Paragraph(inlines) => {
                html.line(if at == 0 { "byline" } else { "credit" }, |html| html.inlines(inlines));
            }
            block => html.blocks(std::slice::from_ref(block)),
        }
    }
    if let Some(text) = &manuscript.article.dateline {
        html.line("dateline", |html| html.text(text));
    }
    if let Some(text) = manuscript.notice() {
        html.line("notice", |html| html.text(text));
    }
    if let Some(text) = manuscript.summary() {
        html.line("summary", |html| html.text(text));
    }
    html.raw("</header>\n");
    if !opening.is_empty() {
        html.attribution(&opening);
        html.raw("\n");
    }
    for block in figure::blocks(manuscript).iter().chain(manuscript.body.blocks.iter()) {
        html.blocks(std::slice::from_ref(block));
        html.raw("\n");
    }
    if !closing.is_empty() {
        html.attribution(&closing);
        html.raw("\n");
    }
}
