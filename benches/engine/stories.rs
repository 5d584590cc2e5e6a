//! Stories whose documents have a size.

use bytes::Bytes;

use crate::support::Outcome;
use crate::support::scene::{For, Scene, guid};

/// Stories of one length.
#[derive(Debug, Clone, Copy)]
pub struct Stories {
    /// Characters of the text.
    length: usize,
}

/// Characters of a paragraph.
const PARAGRAPH: usize = 500;

impl Stories {
    /// Stories whose documents, as the doors of `scene` get them, have so many bytes, or very few more. Returns such a
    /// document too.
    pub fn of(scene: &Scene, bytes: usize) -> Outcome<(Self, Bytes)> {
        let document = scene.documents()?;
        let made = |length| document(&Self { length }.article(0, For::All));
        let (mut short, mut long) = (0, bytes);
        while short < long {
            let middle = usize::midpoint(short, long);
            if made(middle)?.len() < bytes {
                short = middle + 1;
            } else {
                long = middle;
            }
        }
        let document = made(short)?;
        if document.len() > bytes + bytes / 16 {
            return Err(format!("no document is as short as {bytes} bytes: the shortest has {}", document.len()).into());
        }
        Ok((Self { length: short }, document))
    }

    pub fn article(self, number: usize, whom: For) -> Bytes {
        let sentence =
            "The Port Aren Harbor Council voted on Tuesday to reopen the Gull Island ferry, closed since 2022. ";
        let text = sentence.repeat(self.length / sentence.len() + 1);
        let text = text.get(..self.length).unwrap_or_default();
        let paragraphs = text.as_bytes().chunks(PARAGRAPH).map(|part| String::from_utf8_lossy(part).into_owned());
        let body: String = paragraphs.map(|part| format!("<p>{part}</p>")).collect();
        let article = serde_json::json!({
            "newswired": 1,
            "guid": guid(&format!("bench-{number:07}")),
            // The intake would put its own time there.
            "versioned": "2026-11-24T10:15:00Z",
            "headline": "Harbor council votes to reopen ferry line",
            "language": "en-US",
            "keywords": [whom.keyword()],
            "authors": [{ "name": "Ada Quill" }],
            "body_html": body,
        });
        Bytes::from(article.to_string())
    }
}
