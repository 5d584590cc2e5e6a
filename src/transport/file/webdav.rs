//! A WebDAV folder (RFC 4918): `PUT` under the temporary name, then `MOVE` onto what stands there.

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderName};
use percent_encoding::percent_decode_str;
use roxmltree::{Document, ParsingOptions};

use super::by_http::{Caller, read, unchanged, with};
use super::{File, FileDoor, Store, denied, join};
use crate::config;
use crate::fresh::Fresh;
use crate::transport::client::{Address, Answer, Settings};
use crate::transport::knock::{Finding, Looked};
use crate::transport::{DoorError, Outcome, Transport, credential};

const DESTINATION: HeaderName = HeaderName::from_static("destination");
const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const DEPTH: HeaderName = HeaderName::from_static("depth");

/// The least that a list has to say of each thing in a folder; its name it says anyway.
const LIST: &str =
    r#"<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>"#;

/// What a list may be made of. One of 4 MiB has about fifty thousand.
const MOST_NODES: u32 = 1_000_000;

/// The door of a folder.
pub fn open(webdav: &config::WebDav, settings: &Settings<'_>) -> Result<Box<dyn Transport>, DoorError> {
    Ok(Box::new(FileDoor { store: WebDav::new(webdav, settings)?, rules: webdav.file.clone() }))
}

pub struct WebDav {
    caller: Caller,
    /// The folder's path, which ends with a slash.
    base: String,
    /// What comes before a path: a destination is named whole.
    origin: String,
    extensions: Extensions,
}

/// The methods that HTTP itself does not have.
struct Extensions {
    move_: Method,
    make_folder: Method,
    list: Method,
}

impl Extensions {
    fn new() -> Result<Self, DoorError> {
        let method =
            |name: &str| Method::from_bytes(name.as_bytes()).map_err(|why| DoorError::Setting(why.to_string()));
        Ok(Self { move_: method("MOVE")?, make_folder: method("MKCOL")?, list: method("PROPFIND")? })
    }
}

impl WebDav {
    /// Reads the secret and the certificates that `webdav` and `settings` refer to.
    pub fn new(webdav: &config::WebDav, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let address = Address::parse(&webdav.url)?;
        let mut caller = Caller::new(&address, settings)?;
        if let (Some(user), Some(password)) = (&webdav.user, &webdav.password) {
            let (user, secret) = (user.clone(), password.clone());
            let basic = Fresh::new([password], move || credential::basic(&user, &secret.resolve()?))?;
            caller = caller.authorized(basic);
        }
        let scheme = if address.tls { "https" } else { "http" };
        Ok(Self {
            base: format!("{}/", address.path().trim_end_matches('/')),
            origin: format!("{scheme}://{}", address.authority()),
            caller,
            extensions: Extensions::new()?,
        })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &Bytes,
    ) -> Result<Answer, Outcome> {
        let target = self.at(path);
        let what = format!("{method} {target}");
        self.caller.ask(method, &target, headers, body).await.map_err(|failed| with(failed.into(), &what))
    }

    async fn write(&self, file: &File<'_>) -> Result<Answer, Outcome> {
        let headers = [(header::CONTENT_TYPE, file.content_type)];
        self.ask(&Method::PUT, &file.temporary, &headers, file.bytes).await.map_err(unchanged)
    }

    async fn rename(&self, file: &File<'_>) -> Result<Answer, Outcome> {
        let to = format!("{}{}", self.origin, self.at(file.name.as_str()));
        let headers = [(DESTINATION, to.as_str()), (OVERWRITE, "T")];
        self.ask(&self.extensions.move_, &file.temporary, &headers, &Bytes::new()).await
    }

    async fn make(&self, file: &File<'_>) -> Result<(), Outcome> {
        for folder in file.folders() {
            // RFC 4918 §9.3: one is made by its name with a slash; 405 is what one that is there says.
            let path = format!("{folder}/");
            let answer = self.ask(&self.extensions.make_folder, &path, &[], &Bytes::new()).await.map_err(unchanged)?;
            if !answer.status.is_success() && answer.status.as_u16() != 405 {
                return Err(with(unchanged(read(&answer)), &format!("MKCOL {}", self.at(&path))));
            }
        }
        Ok(())
    }

    async fn clean_up(&self, file: &File<'_>) {
        // Who could not write may not remove either: what is left is written over next time.
        let _ = self.ask(&Method::DELETE, &file.temporary, &[], &Bytes::new()).await;
    }
}

/// RFC 4918 §9.7.1 and §9.9.4: the folder is not there. Some servers say that nothing is.
fn has_no_folder(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 404 | 409)
}

fn no_folder(answer: &Answer, what: &str) -> Outcome {
    if has_no_folder(answer) {
        return denied(format!(
            "{what}: answered {}: make the folder, or check url, or set make_folders",
            answer.status
        ));
    }
    with(read(answer), what)
}

impl Store for WebDav {
    async fn put(&self, file: &File<'_>) -> Result<(), Outcome> {
        let mut answer = self.write(file).await?;
        if has_no_folder(&answer) && file.make_folders {
            self.make(file).await?;
            answer = self.write(file).await?;
        }
        if !matches!(answer.status.as_u16(), 200 | 201 | 204) {
            return Err(unchanged(no_folder(&answer, &format!("PUT {}", self.at(&file.temporary)))));
        }
        let mut answer = self.rename(file).await?;
        if has_no_folder(&answer) && file.make_folders {
            self.make(file).await?;
            answer = self.rename(file).await?;
        }
        if matches!(answer.status.as_u16(), 200 | 201 | 204) {
            return Ok(());
        }
        let outcome = no_folder(&answer, &format!("MOVE to {}", self.at(file.name.as_str())));
        if answer.status.is_client_error() {
            self.clean_up(file).await;
        }
        Err(outcome)
    }

    async fn remove(&self, path: &str) -> Result<(), Outcome> {
        let answer = self.ask(&Method::DELETE, path, &[], &Bytes::new()).await?;
        match answer.status.as_u16() {
            200 | 202 | 204 | 404 | 410 => Ok(()),
            _ => Err(with(read(&answer), &format!("DELETE {}", self.at(path)))),
        }
    }

    async fn enter(&self) -> Looked<()> {
        let headers = [(DEPTH, "0"), (header::CONTENT_TYPE, "application/xml; charset=utf-8")];
        let asked = self.ask(&self.extensions.list, "", &headers, &Bytes::from_static(LIST.as_bytes())).await;
        let answer =
            asked.map_err(|outcome| Finding::trouble(outcome.detail, "ask the partner to look at its server"))?;
        let mend = match answer.status.as_u16() {
            207 => return Ok((Finding::well(format!("{} is a folder that we may look into", self.base)), ())),
            401 | 403 => "compare user and password with the partner, and ask whether they are good for this folder",
            404 => "make the folder, or check url",
            405 | 501 => "nothing speaks WebDAV at this address: check url with the partner",
            _ => "ask the partner what its server says of it",
        };
        Err(Finding::trouble(with(read(&answer), &format!("PROPFIND {}", self.base)).detail, mend))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Outcome> {
        let headers = [(DEPTH, "1"), (header::CONTENT_TYPE, "application/xml; charset=utf-8")];
        let path = join(folder, "");
        let path = path.trim_start_matches('/');
        let answer = self.ask(&self.extensions.list, path, &headers, &Bytes::from_static(LIST.as_bytes())).await;
        let answer = answer.map_err(unchanged)?;
        let what = format!("PROPFIND {}", self.at(path));
        match answer.status.as_u16() {
            207 => names(&answer.start).map_err(|why| {
                super::door(format!("{what}: the list cannot be read, it may be longer than answer_limit: {why}"))
            }),
            404 => Ok(Vec::new()),
            _ => Err(with(unchanged(read(&answer)), &what)),
        }
    }

    fn in_network(&self) -> std::time::Duration {
        self.caller.timeouts().in_network()
    }
}

/// The last parts of the addresses in a list (RFC 4918 §14.24): the folder's own is among them.
fn names(list: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(list).map_err(|why| why.to_string())?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|why| why.to_string())?;
    let addresses = document.descendants().filter(|node| node.has_tag_name(("DAV:", "href")));
    let name = |address: &str| {
        let last = address.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        percent_decode_str(last).decode_utf8_lossy().into_owned()
    };
    Ok(addresses.filter_map(|node| node.text()).map(name).collect())
}

#[cfg(test)]
mod tests;
