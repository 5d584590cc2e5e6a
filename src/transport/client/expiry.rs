//! When certificates end: a partner's, as its server shows it, and our own where a partner asks for one.
//!
//! The metric is there from the first handshake on, so that an alert can look ahead; the log says it once of a
//! certificate, when little time is left.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::telemetry::{CertificateLabel, Metrics};
use crate::transport::outcome::excerpt;

/// What is left of a certificate's time when the log says so: long enough to have another one made.
pub const SOON: i64 = 14 * DAY;

pub const DAY: i64 = 86_400;

/// The certificates of one destination.
pub struct Expiry {
    destination: String,
    metrics: Arc<Metrics>,
    server: Certificate,
    client: Certificate,
}

#[derive(Default)]
struct Certificate {
    /// Its end, in seconds since 1970; 0 while there is none.
    ends: AtomicI64,
    /// The end of which the log was told.
    told: AtomicI64,
}

impl Expiry {
    pub fn new(destination: &str, metrics: &Arc<Metrics>) -> Self {
        let (destination, metrics) = (destination.to_owned(), Arc::clone(metrics));
        Self { destination, metrics, server: Certificate::default(), client: Certificate::default() }
    }

    /// Notes the certificate that the daemon shows.
    pub fn shows(&self, certificate: &CertificateDer<'_>, now: Timestamp) {
        self.note(&self.client, "client", certificate);
        self.look(now);
    }

    /// Notes the certificate that a server showed.
    pub fn was_shown(&self, certificate: &CertificateDer<'_>, now: Timestamp) {
        self.note(&self.server, "server", certificate);
        self.look(now);
    }

    fn note(&self, which: &Certificate, name: &'static str, certificate: &CertificateDer<'_>) {
        let Some(ends) = end(certificate) else { return };
        if which.ends.swap(ends, Ordering::Relaxed) != ends {
            let label = CertificateLabel { destination: self.destination.clone(), certificate: name.to_owned() };
            self.metrics.certificate_expiry.get_or_create(&label).set(ends);
        }
    }

    fn look(&self, now: Timestamp) {
        for (which, name) in [(&self.server, "server"), (&self.client, "client")] {
            if let Some(ends) = which.to_tell(now) {
                let expires = Timestamp::from_second(ends).map(|at| at.to_string()).unwrap_or_default();
                let (destination, days_left) = (self.destination.as_str(), (ends - now.as_second()).div_euclid(DAY));
                tracing::warn!(destination, certificate = name, expires, days_left, "certificate ends soon");
            }
        }
    }
}

impl Certificate {
    /// Its end, if that is soon and was not told yet.
    fn to_tell(&self, now: Timestamp) -> Option<i64> {
        let ends = self.ends.load(Ordering::Relaxed);
        let soon = ends != 0 && ends - now.as_second() < SOON;
        (soon && self.told.swap(ends, Ordering::Relaxed) != ends).then_some(ends)
    }
}

/// What a certificate says of itself, for people. It comes from outside, so it is made plain.
pub struct Shown {
    /// Whom it is for.
    pub names: String,
    /// Who made it.
    pub issuer: String,
    /// Its end, in seconds since 1970.
    pub ends: i64,
}

impl Shown {
    /// Nothing where it cannot be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        /// As many names as can be taken in at a glance.
        const FEW: usize = 4;
        let (_, read) = parse_x509_certificate(certificate).ok()?;
        let listed = read.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> =
            listed.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
        if names.is_empty() {
            names.push(read.subject().to_string());
        }
        let more = names.len().saturating_sub(FEW);
        names.truncate(FEW);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let issuer = read.issuer();
        let words = issuer.iter_organization().chain(issuer.iter_common_name()).filter_map(|word| word.as_str().ok());
        let words: Vec<&str> = words.collect();
        let issuer = if words.is_empty() { issuer.to_string() } else { words.join(", ") };
        let plain = |text: String| excerpt(text.as_bytes());
        Some(Self {
            names: plain(names.join(", ")),
            issuer: plain(issuer),
            ends: read.validity().not_after.timestamp(),
        })
    }
}

/// RFC 5280 §4.2.1.6; of the kinds of names, servers have these two.
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|four| Ipv4Addr::from(four).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|six| Ipv6Addr::from(six).to_string()),
        },
        _ => None,
    }
}

/// RFC 5280 §4.1.2.5: `notAfter`.
fn end(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, read) = parse_x509_certificate(certificate).ok()?;
    Some(read.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_is_told_once_of_a_certificate() {
        let certificate = Certificate::default();
        let at = |days: i64| Timestamp::from_second(days * DAY).unwrap();
        assert_eq!(certificate.to_tell(at(1)), None, "there is none");
        certificate.ends.store(100 * DAY, Ordering::Relaxed);
        let told = [85, 86, 87, 99, 101].map(|day| certificate.to_tell(at(day)).is_some());
        assert_eq!(told, [false, false, true, false, false]);
        // The one that takes its place is another matter.
        certificate.ends.store(190 * DAY, Ordering::Relaxed);
        let told = [101, 177, 178].map(|day| certificate.to_tell(at(day)).is_some());
        assert_eq!(told, [false, true, false]);
    }
}
