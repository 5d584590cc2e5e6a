//! Plain HTML in tokens, at a third of the cost.
//!
//! The HTML standard's tokenizer has eighty states, nearly all of them for markup that somebody got wrong, and goes from
//! one to the next with every letter of a tag. Markup that is written as it is meant takes four: text, references to
//! characters of ASCII, tags in small letters, attributes in double quotes. This knows those and nothing else.
//! Whatever is not of this kind in every byte (a comment, a script, an attribute without quotes) it leaves to html5ever,
//! from the first byte again. What a token does to the tree is html5ever's to say in either case, and the tests compare
//! the trees.

use html5ever::interface::Attribute;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Doctype, Tag, TagKind, Token, TokenSink, TokenSinkResult};
use html5ever::{LocalName, QualName, ns};
use memchr::{memchr, memchr2};

const DOCTYPE: &str = "<!DOCTYPE html>";

/// The document did not turn out to be plain. What was built of it is of no use.
pub struct NotPlain;

/// Gives `builder` the tokens of `html` from its beginning to its end.
///
/// # Errors
/// At the first byte that is not of plain HTML.
pub fn tokens<H>(html: &str, builder: &impl TokenSink<Handle = H>) -> Result<(), NotPlain> {
    // Line ends and characters that the standard wants replaced.
    if memchr2(b'\0', b'\r', html.as_bytes()).is_some() || html.starts_with('\u{feff}') {
        return Err(NotPlain);
    }
    // A tag alone has something to say of what follows it.
    let give = |token| match builder.process_token(token, 1) {
        TokenSinkResult::Continue => Ok(()),
        TokenSinkResult::EncodingIndicator(_)
        | TokenSinkResult::RawData(_)
        | TokenSinkResult::Plaintext
        | TokenSinkResult::Script(_) => Err(NotPlain),
    };
    // Never longer than the document, which a tendril holds only when it has fewer than 4 GB.
    let mut source = StrTendril::from_slice(html);
    let mut text_of = |rest: &str, length: usize| {
        source.pop_front(source.len32() - rest.len() as u32);
        source.subtendril(0, length as u32)
    };
    let mut rest = html;
    if let Some(after) = rest.strip_prefix(DOCTYPE) {
        let name = Some(StrTendril::from_slice("html"));
        give(Token::DoctypeToken(Doctype { name, public_id: None, system_id: None, force_quirks: false }))?;
        rest = after;
    }
    // The element whose text only its own end tag ends, such as a title.
    let mut within: Option<LocalName> = None;
    while let Some(first) = rest.as_bytes().first() {
        match first {
            b'<' => {
                let tag = tag(&mut rest).ok_or(NotPlain)?;
                let name = tag.name.clone();
                if within.take().is_some_and(|within| tag.kind == TagKind::StartTag || tag.name != within) {
                    return Err(NotPlain);
                }
                match builder.process_token(Token::TagToken(tag), 1) {
                    // Whoever decoded the document has seen to its charset.
                    TokenSinkResult::Continue | TokenSinkResult::EncodingIndicator(_) => {}
                    TokenSinkResult::RawData(RawKind::Rcdata) => within = Some(name),
                    TokenSinkResult::RawData(_) | TokenSinkResult::Plaintext | TokenSinkResult::Script(_) => {
                        return Err(NotPlain);
                    }
                }
            }
            b'&' => {
                let meant = reference(&mut rest).ok_or(NotPlain)?;
                give(Token::CharacterTokens(StrTendril::from_char(meant)))?;
            }
            _ => {
                let end = memchr2(b'<', b'&', rest.as_bytes()).unwrap_or(rest.len());
                give(Token::CharacterTokens(text_of(rest, end)))?;
                rest = &rest[end..];
            }
        }
    }
    give(Token::EOFToken)?;
    builder.end();
    Ok(())
}

/// Takes the tag that `rest` begins with.
fn tag(rest: &mut &str) -> Option<Tag> {
    let inner = rest.strip_prefix('<')?;
    let (kind, mut inner) = match inner.strip_prefix('/') {
        Some(inner) => (TagKind::EndTag, inner),
        None => (TagKind::StartTag, inner),
    };
    let name = LocalName::from(name(&mut inner)?);
    let mut attrs: Vec<Attribute> = Vec::new();
    while kind == TagKind::StartTag
        && let Some(after) = inner.strip_prefix(' ')
        && !after.starts_with('/')
    {
        inner = after;
        let attribute = attribute(&mut inner)?;
        // The standard keeps the first of two.
        if attrs.iter().any(|other| other.name == attribute.name) {
            return None;
        }
        attrs.push(attribute);
    }
    let closing = inner.strip_prefix(" /").or_else(|| inner.strip_prefix('/'));
    let self_closing = kind == TagKind::StartTag && closing.is_some();
    *rest = closing.filter(|_| self_closing).unwrap_or(inner).strip_prefix('>')?;
    Some(Tag { kind, name, self_closing, attrs, had_duplicate_attributes: false })
}

/// Takes the attribute that `rest` begins with.
fn attribute(rest: &mut &str) -> Option<Attribute> {
    let name = QualName::new(None, ns!(), LocalName::from(name(rest)?));
    let inner = rest.strip_prefix("=\"")?;
    let (written, after) = inner.split_at(memchr(b'"', inner.as_bytes())?);
    let mut value = StrTendril::new();
    let mut written = written;
    while let Some(at) = memchr(b'&', written.as_bytes()) {
        value.push_slice(&written[..at]);
        written = &written[at..];
        value.push_char(reference(&mut written)?);
    }
    value.push_slice(written);
    *rest = &after[1..];
    Some(Attribute { name, value })
}

/// Takes the name that `rest` begins with: small letters, then digits and hyphens too.
fn name<'h>(rest: &mut &'h str) -> Option<&'h str> {
    let is_of_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let end = rest.bytes().position(|byte| !is_of_name(&byte))?;
    let (name, after) = rest.split_at(end);
    *rest = after;
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}

/// Takes the reference that `rest` begins with, for the character that it means.
fn reference(rest: &mut &str) -> Option<char> {
    let inner = rest.strip_prefix('&')?;
    let (name, after) = inner.split_at(memchr(b';', inner.as_bytes())?);
    let meant = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        // Of ASCII alone: numbers beyond it may mean another character than they say.
        _ => {
            let digits = name.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            char::from(digits.parse::<u8>().ok().filter(|code| matches!(code, b'\n' | b' '..=b'~'))?)
        }
    };
    *rest = &after[1..];
    Some(meant)
}
