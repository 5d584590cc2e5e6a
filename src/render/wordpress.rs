//! A post of WordPress: title, content and excerpt as its REST interface takes them, and what the story is about, for
//! whoever sorts it into a site's categories.
//!
//! WordPress shows a post's content through filters of its own. They make line ends into breaks, run what stands in
//! square brackets as shortcodes, and keep only the tags that the post's user may write; so the content has no line end
//! outside of `pre`, no bare bracket, and only tags and attributes that every author may write (`wp_kses_post`). A
//! title and an excerpt are HTML too, of which only text is used.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{Manuscript, Render, RenderError, html};
use crate::article::body::{Image, inline_text};
use crate::article::{Action, Block, Inline, Media};
use crate::attribution::{Attribution, media};
use crate::config::{Element, FormatProfile};

pub struct WordPress;

impl Render for WordPress {
    fn content_type(&self, _: &FormatProfile) -> Cow<'static, str> {
        "application/json; charset=utf-8".into()
    }

    fn extension(&self, _: &FormatProfile) -> Cow<'static, str> {
        "json".into()
    }

    fn render(&self, manuscript: &Manuscript<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(serde_json::to_vec(&post(manuscript))?)
    }
}

#[derive(Serialize)]
struct Post<'a> {
    title: String,
    content: String,
    excerpt: String,
    /// When the story came out: WordPress's own form, in UTC without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    date_gmt: Option<String>,
    newswired: About<'a>,
}

/// What is no part of the post, and decides where it goes.
#[derive(Serialize)]
struct About<'a> {
    wire: &'a str,
    guid: &'a str,
    version: u64,
    action: &'static str,
    urgency: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sections: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<Subject<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keywords: &'a [String],
}

#[derive(Serialize)]
struct Subject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

fn post<'a>(manuscript: &'a Manuscript<'a>) -> Post<'a> {
    let article = manuscript.article;
    let subjects =
        article.subjects.iter().map(|subject| Subject { code: subject.qcode(), name: subject.name.as_deref() });
    Post {
        title: html::line(&article.headline),
        content: content(manuscript),
        excerpt: html::line(manuscript.summary().unwrap_or_default()),
        date_gmt: date(manuscript).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        newswired: About {
            wire: article.wire.as_str(),
            guid: article.guid.as_str(),
            version: article.version.get(),
            action: article.action.as_str(),
            urgency: article.urgency.get(),
            language: article.language.as_deref(),
            sections: &article.sections,
            subjects: subjects.collect(),
            keywords: &article.keywords,
        },
    }
}

/// A story that was under embargo came out when that ended.
fn date(manuscript: &Manuscript<'_>) -> Option<Timestamp> {
    let made = manuscript.article.created.or(manuscript.article.versioned);
    made.max(manuscript.embargo_and_expiry().0)
}

/// The byline, what a correction corrects, the first picture, the body, the other pictures, and the attribution.
fn content(manuscript: &Manuscript<'_>) -> String {
    let byline = manuscript.attribution.byline();
    // The byline stands in the attribution where the body does not begin with it; here it goes to the head.
    let parted = |blocks: &[Block]| -> (Vec<Block>, Vec<Block>) {
        blocks.iter().cloned().partition(|block| says(block, &byline))
    };
    let ((mut head, opening), (at_end, closing)) = (parted(&manuscript.opening), parted(&manuscript.closing));
    head.extend(at_end);
    let mut pictures = manuscript.media.iter().filter_map(|media| picture(media, manuscript.attribution));
    let mut parts = html::Parts::default();
    parts.within("div", "byline", &head);
    parts.within("div", "attribution", &opening);
    parts.within("div", "correction", &correction(manuscript));
    parts.add(&pictures.next().into_iter().collect::<Vec<_>>());
    parts.add(&manuscript.body.blocks);
    parts.add(&pictures.collect::<Vec<_>>());
    parts.within("div", "attribution", &closing);
    unfiltered(&parts.html())
}

fn says(block: &Block, line: &str) -> bool {
    let Block::Paragraph(inlines) = block else { return false };
    let mut text = String::new();
    inline_text(inlines, &mut text);
    !line.is_empty() && text == line
}

/// What the newsroom says of a correction, to readers too.
fn correction(manuscript: &Manuscript<'_>) -> Vec<Block> {
    let notice = manuscript.article.notice.clone().filter(|_| manuscript.article.action == Action::Correct);
    notice.map(|notice| Block::Paragraph(vec![Inline::Emphasis(vec![Inline::Text(notice)])])).into_iter().collect()
}

/// A picture that goes with the story, under its caption and credit.
fn picture(asset: &Media, attribution: &Attribution) -> Option<Block> {
    if !matches!(asset.kind.as_str(), "picture" | "graphic") {
        return None;
    }
    let file = asset.renditions.iter().find(|file| {
        let is_image = file.mime.as_deref().is_none_or(|mime| mime.starts_with("image/"));
        is_image && ["https://", "http://"].iter().any(|scheme| file.href.starts_with(scheme))
    })?;
    let holder = asset.holder.as_deref().filter(|holder| asset.credit.as_ref().is_some_and(|it| !it.contains(holder)));
    let mut credit: Vec<String> = media::credit(asset).into_iter().chain(holder.map(str::to_owned)).collect();
    // The file may be another asset's too, as the still of a video is.
    let owed =
        attribution.required().iter().filter(|it| it.element == Element::Credit && it.pictures.contains(&file.href));
    for name in owed.flat_map(|credit| &credit.needles) {
        if !credit.contains(name) {
            credit.push(name.clone());
        }
    }
    let credit = (!credit.is_empty()).then(|| format!("({})", credit.join("/")));
    let caption: Vec<&str> = [asset.caption.as_deref(), credit.as_deref()].into_iter().flatten().collect();
    let caption = caption.join(" ");
    Some(Block::Image(Image {
        src: file.href.clone(),
        alt: asset.alt.clone().or_else(|| asset.headline.clone()).unwrap_or_default(),
        caption: if caption.is_empty() { Vec::new() } else { vec![Inline::Text(caption)] },
        width: file.width,
        height: file.height,
    }))
}

/// `html` so that WordPress's filters find nothing to do in it.
fn unfiltered(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut preformatted = false;
    for (at, c) in html.char_indices() {
        // Text has no bare "<", so these are tags.
        match &html[at..] {
            tag if tag.starts_with("<pre>") => preformatted = true,
            tag if tag.starts_with("</pre>") => preformatted = false,
            _ => {}
        }
        match c {
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            '\n' | '\r' if !preformatted => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_for_filters() {
        assert_eq!(
            unfiltered("<p>a\nb [gallery] c</p><pre>1\n2 [x]</pre><p>\r\nd</p>"),
            "<p>a b &#91;gallery&#93; c</p><pre>1\n2 &#91;x&#93;</pre><p>  d</p>"
        );
    }
}
