//! Files of media before the story that names them, as Superdesk's `http_push` sends them and Newsroom takes them.
//!
//! ```text
//! GET  {assets_url}/{id}    200: it is there already     404: it is not
//! POST {assets_url}         multipart/form-data with media_id and media, signed as a story is; 201
//! ```
//!
//! Nothing of a story has arrived before its own request, whatever became of its files: a file that was lost on the way is
//! asked for at the next attempt. A file that is refused refuses the story, since the story names it.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, StatusCode, Uri};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::HttpDoor;
use super::request::{Head, Target};
use crate::config::MediaPush;
use crate::transport::client::{Address, Answer};
use crate::transport::{Class, DoorError, Enclosure, Outcome, Parcel, outcome};

/// Where a door's files go.
pub struct Assets {
    path: String,
    /// A file is held whole while it is pushed, so a door pushes one at a time, whatever number of stories it is sent.
    turn: Semaphore,
}

impl Assets {
    pub fn new(media: &MediaPush) -> Result<Self, DoorError> {
        let address = Address::parse(&media.assets_url)?;
        Ok(Self { path: address.path().trim_end_matches('/').to_owned(), turn: Semaphore::new(1) })
    }
}

impl HttpDoor {
    /// Sees to it that the partner has the files of `parcel`.
    ///
    /// # Errors
    /// The outcome of the attempt: the story is not sent.
    pub(super) async fn push_files(
        &self,
        head: &Head,
        parcel: &Parcel,
        token: Option<&HeaderValue>,
    ) -> Result<(), Outcome> {
        let Some(assets) = &self.assets else { return Ok(()) };
        for file in &*parcel.media {
            let told =
                |outcome: Outcome| Outcome { detail: format!("file {}: {}", file.name, outcome.detail), ..outcome };
            // In a place of its own, since few doors have files.
            let ended = Box::pin(self.push_file(assets, head, file, token)).await;
            ended.map_err(|outcome| told(nothing_arrived(outcome)))?;
        }
        Ok(())
    }

    async fn push_file(
        &self,
        assets: &Assets,
        head: &Head,
        file: &Enclosure,
        token: Option<&HeaderValue>,
    ) -> Result<(), Outcome> {
        let not_sent = |why: &dyn std::fmt::Display| Outcome::refused_here(format!("not sent: {why}"));
        let uri = |path: String| -> Result<Uri, Outcome> {
            let uri: Uri = path.parse().map_err(|why: http::uri::InvalidUri| not_sent(&why))?;
            Ok(head.credential.uri(Cow::Owned(uri)).map_err(|why| not_sent(&why))?.into_owned())
        };
        let own = |method, uri| Target { method, address: self.client.address(), uri, is_own: true };
        let said = |answer: &Answer| {
            let said = head.credential.hide(&answer.start, token);
            outcome::classify(answer.status, &answer.headers, said.as_bytes(), Timestamp::now())
        };
        let asked = uri(format!("{}/{}", assets.path, file.name))?;
        let nothing = Bytes::new();
        let target = own(&Method::GET, &asked);
        let answer = self.client.send(&nothing, |body| head.ask(target, token, None, &nothing, body)).await?;
        match answer.status {
            StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND => {}
            _ => return Err(Outcome { class: question(said(&answer).class), ..said(&answer) }),
        }
        // Nobody closes it.
        let _turn = assets.turn.acquire().await.map_err(|why| not_sent(&why))?;
        let later = |why: std::io::Error| Outcome {
            class: Class::Deferred { retry_after: None, maybe_document: true },
            status: None,
            detail: format!("it is not in the store of media files any more: {why}"),
            remote: None,
        };
        let loaded = file.load().await.map_err(later)?;
        let (content_type, form) = form(file, &loaded.0);
        drop(loaded);
        let place = uri(assets.path.clone())?;
        let target = own(&Method::POST, &place);
        let answer = self.client.send(&form, |body| head.ask(target, token, Some(&content_type), &form, body)).await?;
        if answer.status.is_success() { Ok(()) } else { Err(said(&answer)) }
    }
}

/// What an answer to a question means that is neither of the two it can have: it is the door's trouble, for nothing was
/// handed to it.
fn question(class: Class) -> Class {
    match class {
        Class::Deferred { .. } => class,
        Class::Unknown { retry_after } => Class::Deferred { retry_after, maybe_document: false },
        Class::Refused | Class::Gone | Class::Delivered => Class::Deferred { retry_after: None, maybe_document: false },
    }
}

/// A lost answer is of a file that nobody sees without its story; and that there is no place for files does not say that
/// the door is gone.
fn nothing_arrived(outcome: Outcome) -> Outcome {
    let class = match outcome.class {
        Class::Unknown { retry_after } => Class::Deferred { retry_after, maybe_document: false },
        Class::Gone => Class::Deferred { retry_after: None, maybe_document: false },
        class @ (Class::Deferred { .. } | Class::Refused | Class::Delivered) => class,
    };
    Outcome { class, ..outcome }
}

/// RFC 7578, in Superdesk's order. The boundary is made of the digest of what it encloses, which cannot hold its own.
fn form(file: &Enclosure, bytes: &[u8]) -> (String, Bytes) {
    let boundary = format!("newswired-{}", &file.digest()[..32]);
    let (name, kind) = (&file.name, file.kind().as_str());
    let before = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"media_id\"\r\n\r\n{name}\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"media\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    let after = format!("\r\n--{boundary}--\r\n");
    let form = [before.as_bytes(), bytes, after.as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), form.into())
}
