//! Rules about WordPress sites.

use std::collections::BTreeMap;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Term, WordPress};

/// The longest slug that WordPress keeps (`post_name`, and what it adds to one in the trash).
const LONGEST_SLUG: usize = 100;

impl Checks<'_, '_> {
    pub(super) fn wordpress(&mut self, path: &KeyPath, site: &WordPress) {
        let at = path.key("url");
        let mend = "use the keys user and application_password";
        if let Some(url) = self.url(&at, &site.url, &["https", "http"], mend)
            && (url.query().is_some() || url.fragment().is_some() || url.path().contains("/wp-json"))
        {
            let message = "this is not the address of the site's first page; write what readers type, for example \
                           \"https://paper.example/\"";
            self.error(&at, message);
        }
        self.not_blank(&path.key("user"), &site.user);
        if site.user.contains(':') {
            // RFC 7617 §2: a user-id with a colon cannot be told from its password.
            self.error(&path.key("user"), "the user holds a colon, which HTTP forbids; use another");
        }
        let at = path.key("application_password");
        let secret = self.secret(&at, &site.application_password);
        // WordPress makes them of 24 letters and digits and shows them in groups of four.
        if let Some(secret) = secret
            && !secret.expose().chars().all(|c| c.is_ascii_alphanumeric() || c == ' ')
        {
            let message = "the secret is no application password, which is letters, digits and spaces; make one in \
                           WordPress under Users, Profile, Application Passwords";
            self.error(&at, message);
        }
        if let Some(author) = site.author {
            self.in_bounds(&path.key("author"), author);
        }
        self.terms(&path.key("categories"), &site.categories);
        self.terms(&path.key("tags"), &site.tags);
        if let Some(term) = &site.default_category {
            self.term(&path.key("default_category"), term);
        }
        self.slug(&path.key("slug"), &site.slug);
        self.timeouts(path, [site.connect_timeout, site.write_timeout, site.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), site.connection_max_age);
    }

    fn terms(&mut self, path: &KeyPath, terms: &BTreeMap<String, Term>) {
        for (key, term) in terms {
            self.term(&path.key(key), term);
        }
    }

    fn term(&mut self, path: &KeyPath, term: &Term) {
        match term {
            Term::Id(0) => self.error(path, "WordPress counts from 1; write the term's number or its name"),
            Term::Id(_) => {}
            Term::Name(name) => self.not_blank(path, name),
        }
    }

    /// A slug has to be the same for all versions of a story and different for different stories.
    fn slug(&mut self, path: &KeyPath, pattern: &str) {
        let rest = pattern.replace("{id}", "").replace("{name}", "");
        if !pattern.contains("{id}") {
            self.error(path, "without {id} two stories could have one address; write it, for example \"wire-{id}\"");
        } else if !rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            self.error(path, "a slug is made of a-z, 0-9 and \"-\", with {id} and {name} in it; take out the rest");
        } else if rest.len() > LONGEST_SLUG {
            self.error(path, format!("the slug is too long; write at most {LONGEST_SLUG} characters"));
        }
    }
}
