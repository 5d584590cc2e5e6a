//! The message: headers by which people and programs know what it is, and the document.
//!
//! Nothing of an article comes to stand where a header begins: what is of the newsroom's words is on one line and encoded
//! (RFC 2047), and the parts of a message are encoded so that none of them can hold the boundary between two.

use std::borrow::Cow;
use std::time::SystemTime;

use lettre::Address;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MessageBuilder, MultiPart, SinglePart};

use crate::article::{Action, Version};
use crate::config::{self, MailDocument, NameField, NameFields, NamePattern, Subject};
use crate::render;
use crate::transport::client::USER_AGENT;
use crate::transport::{DoorError, Parcel, message_id};

/// The longest value that goes into a header of our own, in bytes: with the name before it a line has fewer than the 998
/// of RFC 5322 §2.1.1.
const LONGEST_VALUE: usize = 900;

/// Writes the messages of one door.
pub struct Letters {
    /// By which message ids are made, those of other versions too.
    destination: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    reply_to: Option<Mailbox>,
    subject: Subject,
    kill_subject: Subject,
    document: MailDocument,
    file_name: NamePattern,
}

impl Letters {
    pub fn new(destination: &str, mail: &config::Mail) -> Result<Self, DoorError> {
        let mailbox = |text: &String| config::mailbox(text).map_err(DoorError::Setting);
        Ok(Self {
            destination: destination.to_owned(),
            from: mailbox(&mail.from)?,
            to: mail.to.iter().map(mailbox).collect::<Result<_, _>>()?,
            reply_to: mail.reply_to.as_ref().map(mailbox).transpose()?,
            subject: mail.subject.clone(),
            kill_subject: mail.kill_subject.clone(),
            document: mail.document,
            file_name: mail.file_name.clone(),
        })
    }

    /// Whose messages they are.
    pub fn sender(&self) -> &Address {
        &self.from.email
    }

    pub fn to(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().map(|to| &to.email)
    }

    /// A message's name by RFC 5322 §3.6.4. The domain makes it one of the agency's own.
    fn named(&self, id: &str) -> String {
        format!("<{id}@{}>", self.from.email.domain())
    }

    /// The message as it goes over the line.
    ///
    /// # Errors
    /// Why no message can be made of it.
    pub fn write(&self, parcel: &Parcel) -> Result<Vec<u8>, String> {
        let fields = NameFields::clone(&parcel.names).with(NameField::Sequence, &parcel.sequence.to_string());
        let subject = if parcel.action.withdraws() { &self.kill_subject } else { &self.subject };
        let subject = subject.fill(&fields)?;
        let mut letter = Message::builder()
            .from(self.from.clone())
            .subject(subject.clone())
            .message_id(Some(self.named(&parcel.message_id)))
            .date(SystemTime::now());
        for to in &self.to {
            letter = letter.to(to.clone());
        }
        if let Some(reply_to) = &self.reply_to {
            letter = letter.reply_to(reply_to.clone());
        }
        // The whole story is one conversation, whichever of its versions was the first to come here.
        if parcel.version != Version::FIRST {
            let first = self.named(&message_id(&self.destination, &parcel.story, Version::FIRST));
            letter = letter.in_reply_to(first.clone()).references(first);
        }
        let letter = own_headers(letter, parcel);
        let letter = match self.document {
            MailDocument::Text => letter.singlepart(text(parcel)?),
            MailDocument::Html => letter.multipart(page(parcel)?),
            MailDocument::Attachment => letter.multipart(self.attachment(parcel, &fields, &subject)?),
        };
        Ok(letter.map_err(|why| why.to_string())?.formatted())
    }

    fn attachment(&self, parcel: &Parcel, fields: &NameFields, subject: &str) -> Result<MultiPart, String> {
        let name = self.file_name.fill(fields)?;
        let (_, name) = name.split();
        let what = match parcel.action {
            Action::Publish => "A new story",
            Action::Update => "A new version of a story",
            Action::Correct => "A correction of a story",
            Action::Kill => "A kill: this story must come down",
            Action::Withhold => "A story is withheld: it must not be published, and must come down",
        };
        let note = format!("{subject}\n\n{what}. It is attached as {name}.\n");
        let attached = SinglePart::builder()
            .header(content_type(parcel.document.content_type())?)
            .header(ContentDisposition::attachment(name))
            .header(ContentTransferEncoding::Base64)
            .body(parcel.document.bytes().to_vec());
        Ok(MultiPart::mixed().boundary(boundary(parcel)).singlepart(plain(note)).singlepart(attached))
    }
}

/// What a program sorts messages by. The values are of the article's own checked types, and hold no line's end.
fn own_headers(letter: MessageBuilder, parcel: &Parcel) -> MessageBuilder {
    let values: [(HeaderName, Cow<'_, str>); 8] = [
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()),
        (HeaderName::new_from_ascii_str("User-Agent"), USER_AGENT.into()),
        (HeaderName::new_from_ascii_str("Newswire-Story"), parcel.story.as_str().into()),
        (HeaderName::new_from_ascii_str("Newswire-Version"), parcel.version.to_string().into()),
        (HeaderName::new_from_ascii_str("Newswire-Action"), parcel.action.as_str().into()),
        (HeaderName::new_from_ascii_str("Newswire-Urgency"), parcel.urgency.to_string().into()),
        (HeaderName::new_from_ascii_str("Newswire-Sequence"), parcel.sequence.to_string().into()),
        (HeaderName::new_from_ascii_str("Newswire-Attempt"), parcel.attempt.to_string().into()),
    ];
    let fitting = values.into_iter().filter(|(_, value)| value.len() <= LONGEST_VALUE);
    fitting.fold(letter, |letter, (name, value)| letter.raw_header(HeaderValue::new(name, value.into_owned())))
}

/// Between two parts. `=_` stands in no part, since each is in base64 or quoted-printable (RFC 2045 §6.7).
fn boundary(parcel: &Parcel) -> String {
    format!("=_{}", parcel.message_id)
}

fn content_type(text: &str) -> Result<ContentType, String> {
    ContentType::parse(text).map_err(|why| format!("{text:?} is no media type: {why}"))
}

fn plain(text: String) -> SinglePart {
    SinglePart::builder().header(ContentType::TEXT_PLAIN).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// The document, whatever it is, as text in its own charset.
fn text(parcel: &Parcel) -> Result<SinglePart, String> {
    let whole = parcel.document.content_type();
    let charset = whole.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("charset="));
    let builder = SinglePart::builder()
        .header(content_type(&format!("text/plain; charset={}", charset.unwrap_or("utf-8")))?)
        .header(ContentTransferEncoding::QuotedPrintable);
    Ok(match String::from_utf8(parcel.document.bytes().to_vec()) {
        Ok(text) => builder.body(text),
        Err(other) => builder.body(other.into_bytes()),
    })
}

/// The page, and before it its text: who reads messages takes the last that he can show (RFC 2046 §5.1.4).
fn page(parcel: &Parcel) -> Result<MultiPart, String> {
    let html = std::str::from_utf8(parcel.document.bytes()).map_err(|why| format!("the page is not UTF-8: {why}"))?;
    let page = SinglePart::builder()
        .header(content_type(parcel.document.content_type())?)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(html.to_owned());
    let parts = MultiPart::alternative().boundary(boundary(parcel));
    Ok(parts.singlepart(plain(render::text_of_html(html))).singlepart(page))
}
