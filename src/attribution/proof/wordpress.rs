//! Reads a post of WordPress.
//!
//! A site shows a post's content, and nothing else of the document for certain: a theme may leave out title, excerpt and
//! author. So the content is the only place where an element counts, as text and as images that readers see.

use serde_json::Value;

use super::{Lack, Mode, Seen, html};

const PLACE: &str = "content";

pub fn read(bytes: &[u8], mode: Mode) -> Result<Seen, Lack> {
    let unreadable = |why: String| Lack::Unreadable { place: "the JSON document", why };
    let document: Value = serde_json::from_slice(bytes).map_err(|why| unreadable(why.to_string()))?;
    let content = document[PLACE].as_str().ok_or_else(|| unreadable("it has no content".to_owned()))?;
    let mut seen = Seen::default();
    seen.views.push(html::view(PLACE, content, mode));
    Ok(seen)
}
