//! A partner's SFTP server.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

#[cfg(feature = "sftp")]
use super::Secret;
use super::{AddressBlock, FileRules, Proxy, SecretRef, Span};

/// Files by SFTP, over SSH.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sftp {
    /// A name or an address.
    pub host: String,
    /// The server's port. Default: 22.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
    /// Who the daemon is to the server. It shows a `private_key`, or a `password`.
    pub user: String,
    /// That user's password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// A private key as `ssh-keygen -t ed25519` writes it. ECDSA will do too, RSA not.
    #[serde(default)]
    pub private_key: Option<SecretRef>,
    /// What the private key is encrypted with.
    #[serde(default)]
    pub passphrase: Option<SecretRef>,
    /// The server's own key, `ssh-ed25519 AAAA…`, as its operator tells it or `ssh-keyscan` finds it.
    #[serde(default)]
    pub host_key: Option<String>,
    /// Instead of it a file with the keys of hosts, in OpenSSH's form.
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
    /// The folder where files go, below the one that the user comes to, or from `/`. Default: the one that the user comes
    /// to.
    #[serde(default)]
    pub path: String,
    /// Addresses that are not of the Internet, to which this door may lead all the same: `["10.1.2.0/24"]`. Those of
    /// `delivery.allow_addresses` come on top.
    #[serde(default)]
    pub allow_addresses: Vec<AddressBlock>,
    /// How connections to this door leave: `"none"`, or a proxy. Default: `delivery.proxy`.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// How files are named, written and taken back.
    #[serde(default)]
    pub file: FileRules,
    /// Default: `delivery.connection_max_age`.
    #[serde(default)]
    pub connection_max_age: Option<Span>,
    /// To resolve the name, connect, agree on keys and be let in. Default: `delivery.connect_timeout`.
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// To hand over the whole file. Default: `delivery.write_timeout`.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// For each other answer. Default: `delivery.answer_timeout`.
    #[serde(default)]
    pub answer_timeout: Option<Span>,
}

fn port() -> u16 {
    22
}

/// The key in `secret`.
///
/// # Errors
/// Why it cannot be used, and how to mend it; nothing of the secret is in it.
#[cfg(feature = "sftp")]
pub(crate) fn private_key(secret: &Secret, passphrase: Option<&Secret>) -> Result<russh::keys::PrivateKey, String> {
    let mend = "write the whole file that ssh-keygen -t ed25519 made";
    // A secret is without the line feed that ends the file.
    let text = format!("{}\n", secret.expose());
    let key = match russh::keys::decode_secret_key(&text, passphrase.map(Secret::expose)) {
        Ok(key) => key,
        Err(russh::keys::Error::KeyIsEncrypted) => {
            return Err("the private key is encrypted; add passphrase = …".to_owned());
        }
        Err(_) if passphrase.is_some() => {
            return Err(format!("the passphrase does not open the private key, or it is none; {mend}"));
        }
        Err(_) => return Err(format!("the secret is no private key; {mend}")),
    };
    // The code that signs with RSA takes a time that depends on the key (RUSTSEC-2023-0071).
    if key.algorithm().is_rsa() {
        return Err(
            "the private key is of RSA, which is not signed with here; make one with ssh-keygen -t ed25519".to_owned()
        );
    }
    Ok(key)
}

/// The keys by one of which the server is known.
///
/// # Errors
/// Why there are none, and how to mend it.
#[cfg(feature = "sftp")]
pub(crate) fn host_keys(sftp: &Sftp) -> Result<Vec<russh::keys::PublicKey>, String> {
    if let Some(text) = &sftp.host_key {
        let key = russh::keys::PublicKey::from_openssh(text.trim()).map_err(|_| {
            "this is no public key; write its type and its key, for example \"ssh-ed25519 AAAA…\"".to_owned()
        })?;
        return Ok(vec![key]);
    }
    let Some(file) = &sftp.known_hosts else { return Ok(Vec::new()) };
    let name = file.display();
    std::fs::metadata(file)
        .map_err(|why| format!("cannot read {name}: {why}; write the path of a known_hosts file"))?;
    let keys = russh::keys::known_hosts::known_host_keys_path(&sftp.host, sftp.port, file)
        .map_err(|why| format!("{name} is no known_hosts file: {why}"))?;
    if keys.is_empty() {
        let (host, port) = (&sftp.host, sftp.port);
        return Err(format!(
            "{name} has no key of {host}; add what `ssh-keyscan -p {port} {host}` says, once you know it is the server's"
        ));
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}
