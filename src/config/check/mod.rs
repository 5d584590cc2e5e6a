//! What the types cannot say: that names meet, that addresses and secrets are there, that a promise of the
//! configuration can be kept. Each rule notes an error with its place; none stops another.

mod events;
mod files;
mod http;
mod limits;
mod mail;
mod media;
mod partners;
mod policies;
mod profiles;
mod queue;
mod service;
mod signature;
mod traces;
mod way;
mod wires;
mod wordpress;

use std::collections::BTreeMap;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use url::Url;

use super::place::KeyPath;
use super::shape::{Report, out_of_range};
use super::suggest::mend;
use super::{Config, Environment, Secret, SecretRef, Span, is_id};

/// Checks the whole configuration. `tree` is the merged text it was read from; without an environment, secrets are left
/// alone.
pub(super) fn check(config: &Config, tree: &Value, environment: Option<&Environment>, report: &mut Report<'_>) {
    let mut checks = Checks { config, tree, environment, secrets: BTreeMap::new(), report };
    checks.wires();
    checks.policies();
    checks.profiles();
    checks.partners();
    checks.service();
    checks.media_store();
    checks.events();
    checks.traces();
}

struct Checks<'a, 'b> {
    config: &'a Config,
    tree: &'a Value,
    environment: Option<&'a Environment>,
    /// What was found of those that were looked at: thousands of partners may refer to one.
    secrets: BTreeMap<SecretRef, Result<Secret, String>>,
    report: &'a mut Report<'b>,
}

impl Checks<'_, '_> {
    fn error(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.report.value(path, message);
    }

    fn id(&mut self, path: &KeyPath, what: &str) {
        if let Some(id) = path.last()
            && !is_id(id)
        {
            let message = format!("{id:?} is no {what}; write 1 to 64 of a-z, 0-9, \"-\" and \"_\"");
            self.report.key(path, message);
        }
    }

    fn not_blank(&mut self, path: &KeyPath, text: &str) {
        if text.trim().is_empty() {
            self.error(path, "the text is empty; write one or remove the key");
        }
    }

    fn not_zero(&mut self, path: &KeyPath, span: Option<Span>) {
        if span.is_some_and(|span| span.get().is_zero()) {
            self.error(path, "a time of nothing; write a longer one");
        }
    }

    /// Checks a number against the bounds that its type declares in the schema.
    fn in_bounds(&mut self, path: &KeyPath, number: u64) {
        if let Some((least, greatest)) = self.report.known.bounds(path)
            && !(least..=greatest).contains(&number)
        {
            self.error(path, out_of_range(number, (least, greatest)));
        }
    }

    /// Checks an address. It is not repeated in the message, for it may hold a password.
    fn url(&mut self, path: &KeyPath, text: &str, schemes: &[&str], instead: &str) -> Option<Url> {
        let example = || schemes.iter().map(|scheme| format!("{scheme}://…")).collect::<Vec<_>>().join(" or ");
        let message = match Url::parse(text) {
            Err(why) => format!("not an address ({why}); write {}", example()),
            Ok(url) if !schemes.contains(&url.scheme()) => {
                format!("an address with the scheme {:?}; write {}", url.scheme(), example())
            }
            Ok(url) if !url.has_host() => format!("an address without a host; write {}", example()),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                format!("the address holds a user or a password; remove them and {instead}")
            }
            Ok(url) => return Some(url),
        };
        self.error(path, message);
        None
    }

    fn secret(&mut self, path: &KeyPath, secret: &SecretRef) -> Option<Secret> {
        let environment = self.environment?;
        let found = match self.secrets.get(secret) {
            Some(found) => found.clone(),
            None => {
                let found = secret.resolve_in(environment).map_err(|why| why.to_string());
                self.secrets.insert(secret.clone(), found.clone());
                found
            }
        };
        found.map_err(|why| self.error(path, why)).ok()
    }

    /// Checks that the file holds certificates that a TLS client can trust.
    fn certificates(&mut self, path: &KeyPath, file: Option<&Path>) {
        let Some(file) = file else { return };
        if let Err(why) = trust(file) {
            self.error(path, why);
        }
    }

    /// Checks that each of `ids`, listed at `path`, is a wire of this daemon.
    fn known_wires<'i>(&mut self, path: &KeyPath, ids: impl IntoIterator<Item = &'i str>) {
        let config = self.config;
        let wires: Vec<&str> = config.wires.keys().map(|wire| wire.as_str()).collect();
        for id in ids {
            if !wires.contains(&id) && !self.report.is_broken(&KeyPath::new(["wires", id])) {
                let item = self.item(path, id);
                self.error(&item, format!("unknown wire {id:?}; {}", mend(id, &wires)));
            }
        }
    }

    /// The path of the item `text` in the list at `path`; a set has forgotten its index.
    fn item(&self, path: &KeyPath, text: &str) -> KeyPath {
        let list = path.parts().iter().try_fold(self.tree, |node, part| node.get(part.as_ref()));
        match list.and_then(Value::as_array).and_then(|items| items.iter().position(|item| item == text)) {
            Some(index) => path.key(index.to_string()),
            None => path.clone(),
        }
    }
}

fn trust(file: &Path) -> Result<(), String> {
    let name = file.display();
    let mend = "write the path of a file of PEM certificates";
    let text = std::fs::read(file).map_err(|why| format!("cannot read {name}: {why}; {mend}"))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|why| format!("{name} is not PEM ({why}); {mend}"))?;
        store.add(certificate).map_err(|why| format!("a certificate in {name} cannot be used ({why}); {mend}"))?;
    }
    if store.is_empty() { Err(format!("{name} holds no certificate; {mend}")) } else { Ok(()) }
}
