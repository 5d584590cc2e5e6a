//! What readers see of the attribution: the blocks before and after a story's text, and the text without the credit
//! that it may bring along.

use std::borrow::Cow;

use super::{Attribution, CreditLine, Logo, fits, stands_in, tidy};
use crate::article::body::{inline_text, passage};
use crate::article::{Article, Block, Body, Inline, body};
use crate::config::{Field, FormatProfile, Position};

/// Something that readers see, in the order in which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Logo(Logo),
    Byline,
    /// A line to be kept. The words before it (`Licensing: `) are only a label.
    Line {
        label: String,
        line: CreditLine,
        /// It is not said where it does not link.
        has_to_link: bool,
    },
    /// The address of a picture that nobody sees.
    Pixel(String),
}

impl Attribution {
    /// The blocks before the text, and those that close it: usually the logo, the byline with the affiliation, the
    /// licence line linked to its terms, the contact. What `body` already carries word for word is not said a second
    /// time.
    pub fn around(&self, body: &Body) -> (Vec<Block>, Vec<Block>) {
        // What is looked for has no line end in it, so all passages can be looked through at once.
        let said = body::lines(&body.blocks);
        (self.blocks(body, &said, Position::Top), self.blocks(body, &said, Position::End))
    }

    /// The byline with the lines that go by it, which stand in [`Self::around`] too. Nothing where the text begins with
    /// the byline.
    pub fn by_the_byline(&self, body: &Body) -> Vec<Block> {
        let said = body::lines(&body.blocks);
        let is_byline = |piece: &Piece| *piece == Piece::Byline;
        let byline = self.pieces.iter().find(|(_, piece)| is_byline(piece));
        let Some(byline) = byline.and_then(|(_, piece)| self.block(piece, body, &said)) else { return Vec::new() };
        let below = self.pieces.iter().filter(|(at, piece)| *at == Position::Byline && !is_byline(piece));
        [byline].into_iter().chain(below.filter_map(|(_, piece)| self.block(piece, body, &said))).collect()
    }

    /// What ends a story that was made shorter, where the profile has something for that and the article an address.
    pub fn more(&self, article: &Article, profile: &FormatProfile) -> Option<Block> {
        let address = article.canonical.as_deref()?;
        let fields = [(Field::Agency, self.agency.name.clone()), (Field::ArticleUrl, address.to_owned())];
        let text = profile.more.as_ref()?.fill(&fields.into()).ok()?;
        Some(Block::Paragraph(vec![linked(&tidy(&text)?, Some(address))]))
    }

    /// The story's text without the credit at its ends that this attribution says anew: an article that went out once
    /// and came back, or one that ends with a line of earlier days. The logo stands nowhere in it.
    pub fn without_credit<'b>(&self, body: Cow<'b, Body>) -> Cow<'b, Body> {
        let own: Vec<String> = self.pieces.iter().filter_map(|(_, piece)| self.says(piece)).collect();
        let pictures: Vec<&str> = self.pieces.iter().filter_map(|(_, piece)| piece.picture()).collect();
        let is_credit = |block: &Block| match block {
            Block::Paragraph(inlines) => passage(inlines)
                .is_some_and(|text| own.contains(&text) || self.former.iter().any(|former| fits(former, &text))),
            Block::Image(image) => pictures.contains(&image.src.as_str()),
            Block::Rule
            | Block::Heading(..)
            | Block::List { .. }
            | Block::Quote(_)
            | Block::Preformatted(_)
            | Block::Table(_) => false,
        };
        let own_words = |block: &Block| !is_credit(block) && *block != Block::Rule;
        let kept = body.blocks.iter().rposition(own_words).map_or(0, |last| last + 1);
        let mut body = body;
        if body.blocks[kept..].iter().any(is_credit) {
            body.to_mut().blocks.truncate(kept);
        }
        for picture in pictures {
            body = super::media::without(body, picture);
        }
        body
    }

    fn blocks(&self, body: &Body, said: &str, position: Position) -> Vec<Block> {
        let byline_at = self.pieces.iter().find(|(_, piece)| *piece == Piece::Byline).map(|(at, _)| *at);
        // What goes with a byline that is not there goes with the end.
        let byline_at = byline_at.filter(|at| *at != Position::Byline).unwrap_or(Position::End);
        let below_byline =
            || self.pieces.iter().filter(|(at, piece)| *at == Position::Byline && *piece != Piece::Byline);

        let mut blocks = Vec::new();
        for (at, piece) in &self.pieces {
            let is_byline = *piece == Piece::Byline;
            let at = if is_byline { byline_at } else { *at };
            if at == position {
                blocks.extend(self.block(piece, body, said));
                if is_byline {
                    blocks.extend(below_byline().filter_map(|(_, piece)| self.block(piece, body, said)));
                }
            }
        }
        let has_byline = self.pieces.iter().any(|(_, piece)| *piece == Piece::Byline);
        if !has_byline && position == Position::End {
            blocks.extend(below_byline().filter_map(|(_, piece)| self.block(piece, body, said)));
        }
        blocks
    }

    fn block(&self, piece: &Piece, body: &Body, said: &str) -> Option<Block> {
        match piece {
            Piece::Logo(logo) => Some(Block::Image(body::Image {
                src: logo.url.clone(),
                alt: logo.alt.clone(),
                caption: Vec::new(),
                width: logo.width,
                height: logo.height,
            })),
            Piece::Pixel(address) => Some(Block::Image(body::Image {
                src: address.clone(),
                width: Some(1),
                height: Some(1),
                ..body::Image::default()
            })),
            Piece::Byline => (!self.leads(body)).then(|| Block::Paragraph(self.linked_byline())),
            Piece::Line { label, line, has_to_link } => {
                let said = if label.is_empty() { said.contains(&line.text) } else { stands_in(said, &line.text) };
                (!said || (*has_to_link && !links(&body.blocks, line))).then(|| {
                    let label = Some(Inline::Text(label.clone())).filter(|_| !label.is_empty());
                    Block::Paragraph(label.into_iter().chain([linked(&line.text, line.href.as_deref())]).collect())
                })
            }
        }
    }

    /// What a piece says, as the passage of a text.
    fn says(&self, piece: &Piece) -> Option<String> {
        match piece {
            Piece::Logo(_) | Piece::Pixel(_) => None,
            Piece::Byline => Some(self.byline.clone()),
            Piece::Line { label, line, .. } => Some(format!("{label}{}", line.text)),
        }
    }

    /// Whether the text begins with the byline.
    fn leads(&self, body: &Body) -> bool {
        match body.blocks.iter().find(|block| !matches!(block, Block::Image(_))) {
            Some(Block::Paragraph(inlines)) => {
                let mut text = String::new();
                inline_text(inlines, &mut text);
                // On one line, so that it is one in plain text too.
                !text.trim().contains('\n') && tidy(&text).as_ref() == Some(&self.byline)
            }
            _ => false,
        }
    }

    /// The byline, in which the affiliation with the wire links to the agency's site.
    fn linked_byline(&self) -> Vec<Inline> {
        let byline = self.byline.as_str();
        let name = self.own_affiliation.as_deref().filter(|_| self.agency.url.is_some());
        let Some((before, name, after)) =
            name.and_then(|name| byline.rsplit_once(name).map(|(it, rest)| (it, name, rest)))
        else {
            return vec![Inline::Text(byline.to_owned())];
        };
        let text = |text: &str| Some(Inline::Text(text.to_owned())).filter(|_| !text.is_empty());
        let link = linked(name, self.agency.url.as_deref());
        text(before).into_iter().chain([link]).chain(text(after)).collect()
    }
}

impl Piece {
    fn picture(&self) -> Option<&str> {
        match self {
            Self::Logo(logo) => Some(&logo.url),
            Self::Pixel(address) => Some(address),
            Self::Byline | Self::Line { .. } => None,
        }
    }
}

/// Where a click on the contact leads: a mail address becomes a `mailto:`, a web address itself, anything else (a
/// telephone number) nowhere.
pub fn contact_href(contact: &str) -> Option<String> {
    if is_link(contact) {
        Some(contact.to_owned())
    } else if contact.contains('@') && !contact.contains(char::is_whitespace) {
        Some(format!("mailto:{contact}"))
    } else {
        None
    }
}

/// Whether `address` may stand behind a link that readers click.
fn is_link(address: &str) -> bool {
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn linked(text: &str, href: Option<&str>) -> Inline {
    let text = Inline::Text(text.to_owned());
    match href.filter(|href| is_link(href)) {
        Some(href) => Inline::Link { href: href.to_owned(), children: vec![text] },
        None => text,
    }
}

/// Whether a paragraph of the text is `line`, and links where it does.
fn links(blocks: &[Block], line: &CreditLine) -> bool {
    blocks.iter().any(|block| match block {
        Block::Paragraph(inlines) => inlines.iter().any(|inline| match inline {
            Inline::Link { href, children } => {
                Some(href) == line.href.as_ref() && passage(children).as_ref() == Some(&line.text)
            }
            _ => false,
        }),
        Block::Quote(inner) => links(inner, line),
        _ => false,
    })
}
