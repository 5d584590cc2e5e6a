//! Rules about doors that take files.

use std::path::Path;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Directory, FileRules, Ftp, FtpTls, S3, Sftp, WebDav};

impl Checks<'_, '_> {
    pub(super) fn directory(&mut self, path: &KeyPath, directory: &Directory) {
        if !directory.path.is_absolute() {
            self.error(&path.key("path"), "not an absolute path; write it from / on");
        }
        self.not_zero(&path.key("write_timeout"), directory.write_timeout);
        self.file_rules(&path.key("file"), &directory.file);
    }

    pub(super) fn sftp(&mut self, path: &KeyPath, sftp: &Sftp) {
        self.feature(path, "sftp", cfg!(feature = "sftp"));
        self.host(&path.key("host"), &sftp.host);
        self.in_bounds(&path.key("port"), sftp.port.into());
        self.not_blank(&path.key("user"), &sftp.user);
        self.folder(&path.key("path"), &sftp.path);
        if sftp.password.is_none() && sftp.private_key.is_none() && !self.any_broken(path, ["password", "private_key"])
        {
            self.error(path, "nothing says who we are; add private_key = …, or password = …");
        }
        if let Some(password) = &sftp.password {
            self.secret(&path.key("password"), password);
        }
        self.private_key(path, sftp);
        self.host_keys(path, sftp);
        self.timeouts(path, [sftp.connect_timeout, sftp.write_timeout, sftp.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), sftp.connection_max_age);
        self.file_rules(&path.key("file"), &sftp.file);
    }

    fn private_key(&mut self, path: &KeyPath, sftp: &Sftp) {
        let passphrase = match &sftp.passphrase {
            Some(passphrase) => match self.secret(&path.key("passphrase"), passphrase) {
                Some(passphrase) => Some(passphrase),
                None => return,
            },
            None => None,
        };
        let at = path.key("private_key");
        let Some(key) = sftp.private_key.as_ref() else {
            if sftp.passphrase.is_some() && !self.report.is_broken(&at) {
                self.error(&path.key("passphrase"), "there is no private_key that it could open; remove it");
            }
            return;
        };
        let Some(key) = self.secret(&at, key) else { return };
        #[cfg(feature = "sftp")]
        if let Err(why) = crate::config::private_key(&key, passphrase.as_ref()) {
            self.error(&at, why);
        }
        #[cfg(not(feature = "sftp"))]
        let _ = (key, passphrase);
    }

    /// A server is never believed to be who it says only because it was there first.
    fn host_keys(&mut self, path: &KeyPath, sftp: &Sftp) {
        match (&sftp.host_key, &sftp.known_hosts) {
            (None, None) if !self.any_broken(path, ["host_key", "known_hosts"]) => {
                let message = format!(
                    "nothing says which server is the right one; add host_key = \"ssh-ed25519 …\", as its operator \
                     tells it (`ssh-keyscan -t ed25519 {}` shows what it has now), or known_hosts = \"PATH\"",
                    sftp.host
                );
                self.error(path, message);
            }
            (Some(_), Some(_)) => {
                self.report.key(&path.key("known_hosts"), "there is a host_key already; keep one of the two");
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => {}
        }
        #[cfg(feature = "sftp")]
        if let Err(why) = crate::config::host_keys(sftp) {
            let key = if sftp.host_key.is_some() { "host_key" } else { "known_hosts" };
            self.error(&path.key(key), why);
        }
    }

    pub(super) fn webdav(&mut self, path: &KeyPath, webdav: &WebDav) {
        self.feature(path, "webdav", cfg!(feature = "webdav"));
        let at = path.key("url");
        if let Some(url) = self.url(&at, &webdav.url, &["https", "http"], "use the keys user and password")
            && (url.query().is_some() || url.fragment().is_some())
        {
            self.error(&at, "this is no address of a folder; write it without \"?\" and \"#\"");
        }
        match (&webdav.user, &webdav.password) {
            (Some(user), password) => {
                self.not_blank(&path.key("user"), user);
                if user.contains(':') {
                    // RFC 7617 §2: a user-id with a colon cannot be told from its password.
                    self.error(&path.key("user"), "the user holds a colon, which HTTP forbids; use another");
                }
                match password {
                    Some(password) => drop(self.secret(&path.key("password"), password)),
                    None if self.report.is_broken(&path.key("password")) => {}
                    None => self.error(&path.key("user"), "there is no password for it; add password = …"),
                }
            }
            (None, Some(_)) if !self.report.is_broken(&path.key("user")) => {
                self.error(&path.key("password"), "there is no user that it is of; add user = …");
            }
            (None, Some(_) | None) => {}
        }
        self.timeouts(path, [webdav.connect_timeout, webdav.write_timeout, webdav.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), webdav.connection_max_age);
        self.file_rules(&path.key("file"), &webdav.file);
    }

    pub(super) fn s3(&mut self, path: &KeyPath, s3: &S3) {
        self.feature(path, "s3", cfg!(feature = "s3"));
        let at = path.key("endpoint");
        let url = self.url(&at, &s3.endpoint, &["https", "http"], "use the keys access_key and secret_key");
        if url.is_some_and(|url| url.path() != "/" || url.query().is_some() || url.fragment().is_some()) {
            self.error(&at, "an endpoint is a host alone; put what follows it into bucket or path");
        }
        self.not_blank(&path.key("region"), &s3.region);
        // What AWS asks of new buckets; other stores ask no more.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if !(3..=63).contains(&s3.bucket.len()) || !s3.bucket.bytes().all(plain) {
            let message = "this is no name of a bucket; write 3 to 63 of a-z, 0-9, \".\" and \"-\"";
            self.error(&path.key("bucket"), message);
        }
        if s3.path.starts_with('/') {
            self.error(&path.key("path"), "keys of objects do not begin with \"/\"; take it away");
        } else {
            self.folder(&path.key("path"), &s3.path);
        }
        self.secret(&path.key("access_key"), &s3.access_key);
        self.secret(&path.key("secret_key"), &s3.secret_key);
        for (key, given) in [("temporary", s3.file.temporary.is_some()), ("make_folders", s3.file.make_folders)] {
            if given {
                let message = "an object store has no folders, and shows an object only when it is whole; remove this";
                self.report.key(&path.key("file").key(key), message);
            }
        }
        self.timeouts(path, [s3.connect_timeout, s3.write_timeout, s3.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), s3.connection_max_age);
        self.file_rules(&path.key("file"), &s3.file);
    }

    pub(super) fn ftp(&mut self, path: &KeyPath, ftp: &Ftp) {
        self.feature(path, "ftp", cfg!(feature = "ftp"));
        self.host(&path.key("host"), &ftp.host);
        self.in_bounds(&path.key("port"), ftp.port.into());
        self.not_blank(&path.key("user"), &ftp.user);
        self.folder(&path.key("path"), &ftp.path);
        let password = self.secret(&path.key("password"), &ftp.password);
        let breaks_a_line = |text: &str| text.contains(['\r', '\n', '\0']);
        if breaks_a_line(&ftp.user) {
            self.error(&path.key("user"), "the user holds a line's end; write one line");
        }
        if password.is_some_and(|password| breaks_a_line(password.expose())) {
            self.error(&path.key("password"), "the secret holds a line's end; it must be one line of text");
        }
        if ftp.tls == FtpTls::None && ftp.ca_file.is_some() {
            self.error(&path.key("ca_file"), "without TLS there are no certificates to trust; remove it, or tls");
        }
        self.timeouts(path, [ftp.connect_timeout, ftp.write_timeout, ftp.answer_timeout]);
        self.not_zero(&path.key("connection_max_age"), ftp.connection_max_age);
        self.file_rules(&path.key("file"), &ftp.file);
    }

    fn file_rules(&mut self, path: &KeyPath, rules: &FileRules) {
        // The pattern of names was looked at when it was parsed.
        if let Some(Err(why)) = rules.temporary.as_ref().map(|temporary| temporary.check()) {
            self.error(&path.key("temporary"), why);
        }
    }

    /// Whether this program was built with what the door needs.
    pub(super) fn feature(&mut self, path: &KeyPath, name: &str, built: bool) {
        if !built {
            let message =
                format!("this newswired was built without {name}; build it with the feature {name:?}, or remove this");
            self.report.key(path, message);
        }
    }

    pub(super) fn host(&mut self, path: &KeyPath, host: &str) {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.parse::<std::net::IpAddr>().is_err()
            && !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
            || host.is_empty()
        {
            self.error(path, "this is no host; write a name or an address alone, without a scheme, a user or a port");
        }
    }

    /// A folder at a server: every part of it is a name.
    fn folder(&mut self, path: &KeyPath, folder: &str) {
        let odd = |part: &str| part == "." || part == ".." || part.chars().any(char::is_control);
        if folder.split('/').any(odd) || Path::new(folder).components().count() > 32 {
            self.error(path, "this is no folder; write for example \"incoming/wire\", without \".\" and \"..\"");
        }
    }

    fn any_broken<const N: usize>(&self, path: &KeyPath, keys: [&str; N]) -> bool {
        keys.iter().any(|key| self.report.is_broken(&path.key(*key)))
    }
}
