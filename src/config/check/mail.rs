//! Rules about mailboxes.

use std::net::IpAddr;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Destination, Format, Mail, MailDocument, MailTls, Markup};

impl Checks<'_, '_> {
    /// `path` is the destination's.
    pub(super) fn mail(&mut self, path: &KeyPath, destination: &Destination, mail: &Mail) {
        let document = path.key("mail").key("document");
        if mail.document == MailDocument::Html && !self.is_html(destination) {
            let message =
                "the format is not HTML; write document = \"attachment\" or \"text\", or take the format \"html\"";
            self.error(&document, message);
        }
        let path = &path.key("mail");
        self.feature(path, "mail", cfg!(feature = "mail"));
        self.host(&path.key("host"), &mail.host);
        if let Some(port) = mail.port {
            self.in_bounds(&path.key("port"), port.into());
        }
        self.login(path, mail);
        if let Some(hello) = &mail.hello {
            self.host(&path.key("hello"), hello);
        }
        if mail.to.is_empty() && !self.report.is_broken(&path.key("to")) {
            self.error(&path.key("to"), "nobody would get the messages; write for example [\"desk@paper.example\"]");
        }
        #[cfg(feature = "mail")]
        self.mailboxes(path, mail);
        self.timeouts(path, [mail.connect_timeout, mail.write_timeout, mail.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), mail.connection_max_age);
    }

    fn is_html(&self, destination: &Destination) -> bool {
        // One that is not known is told elsewhere.
        self.config.format_profile(&destination.format).is_none_or(|profile| match profile.format {
            Format::Html | Format::HtmlFragment => true,
            Format::Template => {
                profile.template.as_ref().is_some_and(|template| template.content_type.markup == Markup::Html)
            }
            Format::Json
            | Format::Ninjs13
            | Format::Ninjs16
            | Format::Ninjs22
            | Format::Ninjs31
            | Format::SuperdeskNinjs
            | Format::Nitf
            | Format::NewsMlG2
            | Format::Text
            | Format::Atom
            | Format::WordPress => false,
        })
    }

    fn login(&mut self, path: &KeyPath, mail: &Mail) {
        match (&mail.user, &mail.password) {
            (Some(user), Some(password)) => {
                self.not_blank(&path.key("user"), user);
                self.secret(&path.key("password"), password);
            }
            (Some(_), None) if !self.report.is_broken(&path.key("password")) => {
                self.error(&path.key("user"), "there is no password for it; add password = …");
            }
            (None, Some(_)) if !self.report.is_broken(&path.key("user")) => {
                self.error(&path.key("password"), "there is no user that it is of; add user = …");
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        if mail.tls != MailTls::None {
            return;
        }
        if mail.password.is_some() && !is_this_machine(&mail.host) {
            let message =
                "without TLS everybody on the way reads the password; take tls = \"none\" away, or write \"implicit\"";
            self.error(&path.key("password"), message);
        }
        for (key, given) in [
            ("ca_file", mail.ca_file.is_some()),
            ("client_certificate", mail.client_certificate.is_some()),
            ("pin", !mail.pin.is_empty()),
        ] {
            if given {
                self.error(&path.key(key), "without TLS nobody looks at this; remove it, or tls");
            }
        }
    }

    #[cfg(feature = "mail")]
    fn mailboxes(&mut self, path: &KeyPath, mail: &Mail) {
        let to = mail.to.iter().enumerate().map(|(at, text)| (path.key("to").key(at.to_string()), text));
        let one = [("from", Some(&mail.from)), ("reply_to", mail.reply_to.as_ref())];
        let one = one.into_iter().filter_map(|(key, text)| Some((path.key(key), text?)));
        for (path, text) in one.chain(to) {
            if let Err(why) = crate::config::mailbox(text) {
                self.error(&path, why);
            }
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    super::way::is_localhost(host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
