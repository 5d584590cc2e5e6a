//! Mailboxes: a version of a story is a message, and a program that reads them shows a story as one conversation.
//!
//! ```text
//!  a version ──▶ message ──▶ MAIL ──▶ RCPT, each mailbox ──▶ DATA … the end of it ──▶ answered
//!                                                            nothing was taken     │ it may have been
//! ```
//!
//! SMTP has no word for a repeat: what makes one recognisable (promise 9) is its `Message-ID`, the same at every attempt
//! of a version. A message has several mailboxes, of which a server may take some and put others off. Who has it stands in
//! the ledger (`remote`), so that nobody is sent it twice for the sake of another.

mod letter;
mod line;
mod smtp;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::Address;

use self::letter::Letters;
use self::smtp::{Failure, Session, Smtp};
use super::client::Dialer;
use super::kept::Kept;
use super::knock::{Finding, Looked, Part, Steps};
use super::{Class, DoorError, Outcome, Parcel, Timeouts, Transport};
use crate::config;

/// The door of some mailboxes. It has at most `at_once` sessions, none of which begins anything when it is older than
/// `max_age`.
pub fn open(
    name: &str,
    mail: &config::Mail,
    timeouts: Timeouts,
    at_once: usize,
    max_age: Duration,
    dialer: Dialer,
) -> Result<Box<dyn Transport>, DoorError> {
    Ok(Box::new(MailDoor {
        letters: Letters::new(name, mail)?,
        smtp: Smtp::new(mail, timeouts, dialer)?,
        sessions: Kept::new(at_once, max_age),
        timeouts,
    }))
}

struct MailDoor {
    letters: Letters,
    smtp: Smtp,
    sessions: Kept<Session>,
    timeouts: Timeouts,
}

/// What a server said of the mailboxes of one message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    taken: Vec<Address>,
    /// With the server's words.
    refused: Vec<(Address, String)>,
    put_off: Vec<(Address, String)>,
    /// The server's words about the message as a whole.
    said: String,
}

impl MailDoor {
    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        let have_it = parcel.remote.as_deref().map(|remote| who_has(remote, parcel)).unwrap_or_default();
        let to: Vec<Address> = self.letters.to().filter(|to| !have_it.contains(&to.as_ref())).cloned().collect();
        let letter = match self.letters.write(parcel) {
            Ok(letter) => letter,
            Err(why) => return Outcome::refused_here(format!("not sent: {why}")),
        };
        match self.send(&to, &letter).await {
            Ok(answers) => judge(&answers, &have_it, parcel),
            Err(outcome) => outcome,
        }
    }

    /// A session in which no message follows whom it would be from and for.
    async fn enter(&self) -> Looked<()> {
        let mend = "compare tls, user and password with whoever runs the server";
        let mut session = self.smtp.open().await.map_err(|outcome| Finding::trouble(outcome.detail, mend))?;
        let to: Vec<Address> = self.letters.to().cloned().collect();
        let asked = session.would_take(self.letters.sender(), &to, self.timeouts.answer).await;
        let Answers { taken, refused, put_off, .. } = asked.map_err(|failure| match failure {
            Failure::Answer(outcome) => {
                Finding::trouble(outcome.detail, "compare from, user and password with whoever runs the server")
            }
            Failure::Lost(why) | Failure::Unknown(why) => Finding::trouble(why, mend),
        })?;
        self.sessions.keep(self.sessions.new_one(session));
        let mend = "compare to with the partner, and ask whether its server knows ours";
        let not = each(&[refused, put_off].concat());
        match (taken.len(), not.is_empty()) {
            (all, true) => Ok((Finding::well(format!("the server takes messages for {all} of {all} mailboxes")), ())),
            (0, false) => Err(Finding::trouble(format!("no mailbox takes a message: {not}"), mend)),
            (some, false) => {
                let found =
                    format!("the server takes messages for {some} of {} mailboxes, and not for {not}", to.len());
                Ok((Finding::remark(found, mend), ()))
            }
        }
    }

    async fn send(&self, to: &[Address], letter: &[u8]) -> Result<Answers, Outcome> {
        let patience = self.timeouts.connect;
        let Some(_place) = self.sessions.place(patience).await else {
            return Err(door(format!("all sessions were busy for {patience:?}")));
        };
        loop {
            let (mut one, is_new) = match self.sessions.take(Session::is_over) {
                Some(kept) => (kept, false),
                None => (self.sessions.new_one(self.smtp.open().await?), true),
            };
            let sent = one.session.send(self.letters.sender(), to, letter, &self.timeouts).await;
            let answer = match sent {
                Ok(answers) => Ok(answers),
                Err(Failure::Answer(outcome)) => Err(outcome),
                // The server may have ended a session that was kept.
                Err(Failure::Lost(_)) if !is_new => continue,
                Err(Failure::Lost(why)) => return Err(door(why)),
                Err(Failure::Unknown(why)) => {
                    let class = Class::Unknown { retry_after: None };
                    return Err(Outcome { class, status: None, detail: why, remote: None });
                }
            };
            self.sessions.keep(one);
            return answer;
        }
    }
}

/// Each with the server's words.
fn each(these: &[(Address, String)]) -> String {
    these.iter().map(|(to, why)| format!("{to}: {why}")).collect::<Vec<_>>().join("; ")
}

/// What the answers of one attempt mean, when those in `have_it` took the message at an earlier one.
fn judge(answers: &Answers, have_it: &[&str], parcel: &Parcel) -> Outcome {
    let Answers { taken, refused, put_off, said } = answers;
    let nobody = taken.is_empty() && have_it.is_empty();
    let outcome = |class, detail| Outcome { class, status: None, detail, remote: None };
    if nobody && put_off.is_empty() {
        return outcome(Class::Refused, format!("no mailbox takes it: {}", each(refused)));
    }
    if nobody {
        let all = [put_off.as_slice(), refused].concat();
        return door(format!("put off: {}", each(&all)));
    }
    if !put_off.is_empty() {
        let names: Vec<&str> = have_it.iter().copied().chain(taken.iter().map(AsRef::as_ref)).collect();
        let remote = Some(format!("{}\n{}", parcel.message_id, names.join("\n")));
        let detail = format!("some have it; put off: {}", each(put_off));
        // Not all have it, and some do: a kill has to reach those.
        return Outcome { remote, ..outcome(Class::Unknown { retry_after: None }, detail) };
    }
    let mut detail = if said.is_empty() { "taken".to_owned() } else { said.clone() };
    if !refused.is_empty() {
        detail = format!("{detail}; it went without these: {}", each(refused));
    }
    // If this version is sent again one day, it is for all of them.
    Outcome { remote: parcel.remote.is_some().then(String::new), ..outcome(Class::Delivered, detail) }
}

/// The mailboxes that took this version, as [`judge`] writes them down.
fn who_has<'a>(remote: &'a str, parcel: &Parcel) -> Vec<&'a str> {
    let mut lines = remote.lines();
    if lines.next() == Some(&parcel.message_id) { lines.collect() } else { Vec::new() }
}

/// The server is in trouble, or at odds with us, whatever the message.
fn door(detail: impl Into<String>) -> Outcome {
    let class = Class::Deferred { retry_after: None, maybe_document: false };
    Outcome { class, status: None, detail: detail.into(), remote: None }
}

impl Transport for MailDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).boxed()
    }

    fn in_network(&self) -> Duration {
        self.timeouts.in_network()
    }

    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        steps.look(Part::Login, self.enter()).map(drop).boxed()
    }
}
