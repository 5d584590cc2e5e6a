//! A partner's mailboxes.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::pattern::Pattern;
use super::{AddressBlock, ClientCertificate, NameField, NameFields, NamePattern, Pin, Proxy, SecretRef, Span};
use crate::article::one_line;

/// Messages by SMTP (RFC 5321): one for each version of a story.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server that takes them, a name or an address: the agency's own, as a rule, or that of the partner.
    pub host: String,
    /// The server's port. Default: 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: Option<u16>,
    /// How the connection is encrypted. Default: `starttls`.
    #[serde(default)]
    pub tls: MailTls,
    /// Who the daemon is to the server. Left out: nobody in particular, as for a server that takes mail for its own users.
    #[serde(default)]
    pub user: Option<String>,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// What the daemon calls itself when it greets the server. Default: this machine's name.
    #[serde(default)]
    pub hello: Option<String>,
    /// Whose messages they are: `Harbor Press <wire@harborpress.example>`. What cannot be delivered comes back there.
    pub from: String,
    /// The mailboxes. Each of them sees the others.
    pub to: Vec<String>,
    /// Where answers go. Default: `from`.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Default: `{{ headline or slug or name }}`.
    #[serde(default)]
    pub subject: Subject,
    /// The same for kills, which say what must come down. Default:
    /// `{{ action | upper }}, take this down: {{ headline or slug or name }}`.
    #[serde(default = "kill_subject")]
    pub kill_subject: Subject,
    /// Where the document stands in the message. Default: `attachment`.
    #[serde(default)]
    pub document: MailDocument,
    /// How an attachment is called: see the names of files. Default: `{{ name }}-{{ id }}.{{ extension }}`.
    #[serde(default)]
    pub file_name: NamePattern,
    /// A file of PEM certificates to trust for this door, instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who the daemon is to a server that asks for a certificate (mutual TLS).
    #[serde(default)]
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// The public keys that the server may have, besides a certificate that is good: `["sha256/…"]`, as in RFC 7469.
    #[serde(default)]
    pub pin: Vec<Pin>,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// To resolve the name, connect, agree on TLS and be let in. Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// To hand over the whole message. Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// For each answer. Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
}

impl Mail {
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::StartTls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        })
    }
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// It is asked for on a connection that begins without, and needed (RFC 3207).
    #[default]
    StartTls,
    /// From the first byte on (RFC 8314).
    Implicit,
    /// Not at all: everybody on the way reads the stories. No password is told to a server on another machine.
    None,
}

/// Where a document stands in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailDocument {
    /// It is attached, with the format's own type, and the message says what it is.
    #[default]
    Attachment,
    /// It is the message's text, whatever the format.
    Text,
    /// The message is the page, with its text beside it for who reads none. The format has to be HTML.
    Html,
}

/// The subject of a message: a text with fields in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(Pattern);

/// The longest subject, in characters; mail programs show far less.
const LONGEST_SUBJECT: usize = 200;

const SUBJECT: &str = "{{ headline or slug or name }}";
const KILL_SUBJECT: &str = "{{ action | upper }}, take this down: {{ headline or slug or name }}";

impl Subject {
    /// # Errors
    /// What is wrong with it, and how to mend it.
    pub fn parse(source: &str) -> Result<Self, String> {
        let subject = Self(Pattern::parse(source)?);
        let sample = NameFields::of(&"urn:example:20261124:sample".parse()?);
        subject.fill(&sample.with(NameField::Headline, "Sample"))?;
        Ok(subject)
    }

    /// The subject of one version of a story, on one line.
    ///
    /// # Errors
    /// When the template fails, or nothing comes of it.
    pub fn fill(&self, fields: &NameFields) -> Result<String, String> {
        let filled = self.0.fill("subject", fields.words())?;
        let plain: String = filled.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = one_line(&plain)
            .ok_or_else(|| format!("{:?} makes an empty subject; write for example {SUBJECT:?}", self.0.as_str()))?;
        let mut short: String = line.chars().take(LONGEST_SUBJECT).collect();
        if short.len() < line.len() {
            short.push('…');
        }
        Ok(short)
    }

    fn known(source: &str) -> Self {
        // A test holds that they are subjects.
        Self::parse(source).unwrap_or_else(|why| unreachable!("{source}: {why}"))
    }
}

impl Default for Subject {
    fn default() -> Self {
        Self::known(SUBJECT)
    }
}

fn kill_subject() -> Subject {
    Subject::known(KILL_SUBJECT)
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Subject {
    fn schema_name() -> Cow<'static, str> {
        "Subject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<String> = NameField::ALL.iter().map(|field| format!("`{}`", field.as_str())).collect();
        let description =
            format!("A message's subject; `{{{{ headline }}}}` stands for a field: {}.", names.join(", "));
        schemars::json_schema!({ "type": "string", "description": description })
    }
}

/// A mailbox with the name that people see: `Harbor Press <wire@harborpress.example>`, or the address alone.
///
/// # Errors
/// What is wrong with it, and how to mend it.
#[cfg(feature = "mail")]
pub fn mailbox(text: &str) -> Result<lettre::message::Mailbox, String> {
    let mend = "write for example \"Harbor Press <wire@harborpress.example>\"";
    if text.chars().any(char::is_control) {
        return Err(format!("this is no mailbox, it holds a line's end; {mend}"));
    }
    let mailbox: lettre::message::Mailbox =
        text.parse().map_err(|why| format!("this is no mailbox ({why}); {mend}"))?;
    let address: &str = mailbox.email.as_ref();
    if address.is_ascii() {
        Ok(mailbox)
    } else {
        Err("not all servers take addresses beyond ASCII; write the domain as DNS has it, \"xn--…\"".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(headline: &str) -> NameFields {
        let fields = NameFields::of(&"urn:newsml:paper.example:20261124:ferry-vote".parse().unwrap());
        fields.with(NameField::Headline, headline).with(NameField::Slug, "Ferry/Vote").with(NameField::Action, "kill")
    }

    #[test]
    fn a_subject_is_in_the_newsrooms_words() {
        let filled = |source: &str, headline| Subject::parse(source).unwrap().fill(&fields(headline)).unwrap();
        insta::assert_snapshot!(filled(SUBJECT, "Fähre: “Nein”,\r\n sagt der Rat"), @"Fähre: “Nein”, sagt der Rat");
        insta::assert_snapshot!(filled(KILL_SUBJECT, "Ferry vote fails"), @"KILL, take this down: Ferry vote fails");
        insta::assert_snapshot!(filled(KILL_SUBJECT, ""), @"KILL, take this down: Ferry/Vote");
        insta::assert_snapshot!(filled("[{{ wire | upper }}] {{ name }}", ""), @"[] ferry-vote");
        assert_eq!(filled(&"x".repeat(300), "").chars().count(), LONGEST_SUBJECT + 1);
    }

    #[test]
    fn what_is_no_subject_says_how_to_mend_it() {
        let error = |source| Subject::parse(source).unwrap_err();
        insta::assert_snapshot!(error("{{ headlin }}"), @r#"unknown field "headlin" in "{{ headlin }}"; did you mean "headline"?"#);
        insta::assert_snapshot!(error("{% if version == 'x' %}a{% endif %}"), @r#""{% if version == 'x' %}a{% endif %}" makes an empty subject; write for example "{{ headline or slug or name }}""#);
    }

    proptest! {
        #[test]
        fn a_subject_is_one_line(headline in "[\\x00-\\xff\u{2028}a-z]{0,60}", source in "[ -~&&[^{}]]{0,20}(\\{\\{ headline \\}\\})?\n[ -~&&[^{}]]{0,20}x") {
            let subject = Subject::parse(&source).unwrap().fill(&fields(&headline)).unwrap();
            prop_assert!(!subject.chars().any(char::is_control), "{subject:?}");
            prop_assert!((1..=LONGEST_SUBJECT + 1).contains(&subject.chars().count()));
        }
    }

    #[cfg(feature = "mail")]
    #[test]
    fn a_mailbox_is_read_as_people_write_it() {
        let read = |text| mailbox(text).map(|mailbox| mailbox.to_string());
        assert_eq!(read("wire@harborpress.example").as_deref(), Ok("wire@harborpress.example"));
        assert_eq!(
            read("Harbor Press <wire@harborpress.example>").as_deref(),
            Ok("Harbor Press <wire@harborpress.example>")
        );
        for wrong in ["", "wire", "a@b@c", "wire@harborpress.example\r\nbcc: x@y.example", "wire@hårbor.example"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
