//! From where a verb sees the wire: from the daemon that runs on the ledger, and where none does, from the ledger that it
//! left.
//!
//! Which of the two it is, is decided here alone, by the ledger's lock. A daemon that runs and does not answer is an
//! error, never a reason to look elsewhere: what the ledger has would pass for what the daemon says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use url::form_urlencoded;

use super::admin::{Admin, Answer};
use super::{ConfigFile, Failure};
use crate::answers::board::{self, Around, Flow, Row, View};
use crate::config::{Config, Secret, SecretRef};
use crate::ledger::SqliteReader;

/// Of every verb that looks at a running daemon.
#[derive(Args)]
pub struct Watching {
    #[command(flatten)]
    config: ConfigFile,
    // A text here, parsed later: clap would print one that it cannot use, with the secret that may stand in it.
    /// One of admin.tokens, by reference: env:NAME or file:PATH. Asked for where the admin port listens on more than
    /// loopback [default: env:NEWSWIRED_ADMIN_TOKEN, where there is such a variable]
    #[arg(long, value_name = "REF")]
    token: Option<String>,
}

/// Where a token stands that is not said.
const TOKEN: &str = "NEWSWIRED_ADMIN_TOKEN";

/// How long the daemon may look: ten thousand destinations take it seconds where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// From where it is looked.
pub struct Lookout {
    ledger: PathBuf,
    admin: Admin,
    /// Partners' names, by id.
    partners: BTreeMap<String, String>,
    destinations: BTreeSet<String>,
}

/// What is seen: the wire, and some of its destinations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Picture {
    pub flow: Flow,
    pub rows: Vec<Row>,
    /// Destinations that match, on all pages.
    pub all: usize,
}

impl Picture {
    /// Whether a daemon runs.
    pub fn is_live(&self) -> bool {
        self.flow.started.is_some()
    }
}

impl Watching {
    /// The configuration, without its secrets, and the place to look from.
    ///
    /// # Errors
    /// [`Failure::Config`], or [`Failure::Usage`] where the token cannot be had.
    pub fn lookout(&self) -> Result<(Config, Lookout), Failure> {
        let config = self.config.load_to_look()?;
        let partners = config.partners.iter().map(|(id, partner)| (id.to_string(), partner.name.clone())).collect();
        let lookout = Lookout {
            ledger: config.ledger.path.clone(),
            admin: Admin::new(&config.admin, self.token()?),
            partners,
            destinations: config.destinations().collect(),
        };
        Ok((config, lookout))
    }

    fn token(&self) -> Result<Option<Secret>, Failure> {
        let reference = match &self.token {
            Some(said) => said.parse::<SecretRef>().map_err(|_| {
                Failure::Usage("--token is a reference, not the token itself: write env:NAME or file:PATH".to_owned())
            })?,
            None if std::env::var_os(TOKEN).is_some() => SecretRef::Env(TOKEN.to_owned()),
            None => return Ok(None),
        };
        reference.resolve().map(Some).map_err(|why| Failure::Usage(why.to_string()))
    }
}

impl Lookout {
    /// Where the ledger is.
    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// A partner's name, where it is configured.
    pub fn name(&self, partner: &str) -> Option<&str> {
        self.partners.get(partner).map(String::as_str)
    }

    /// The wire now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] where there is no ledger, or a daemon runs on it and does not say.
    pub async fn see(&self, view: &View) -> Result<Picture, Failure> {
        let reader = SqliteReader::open(&self.ledger)?;
        if !reader.is_served() {
            return self.left(&reader, view);
        }
        // A statement that waits for an answer would keep the write-ahead log from being begun anew.
        drop(reader);
        let answer = self.admin.get(&format!("/v1/partners?{}", query(view)), PATIENCE).await;
        let answer = answer.map_err(|why| {
            Failure::Unavailable(format!("a daemon runs on {}, but {why}; its log says why", self.ledger.display()))
        })?;
        read(&answer)
    }

    /// What a daemon left that does not run any more.
    fn left(&self, reader: &SqliteReader, view: &View) -> Result<Picture, Failure> {
        let is_configured = |destination: &str| self.destinations.contains(destination);
        let around =
            Around { partners: &self.partners, is_configured: &is_configured, running: None, now: Timestamp::now() };
        let seen = board::look(reader, &around)?;
        let (rows, all) = seen.page(view);
        let rows = rows.into_iter().cloned().collect();
        Ok(Picture { rows, all, flow: seen.flow })
    }
}

fn query(view: &View) -> String {
    let View { q, sort, trouble, page, size } = view;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", q).append_pair("sort", sort.as_str());
    query.append_pair("trouble", if *trouble { "true" } else { "false" }).append_pair("page", &page.to_string());
    if let Some(size) = size {
        query.append_pair("size", &size.to_string());
    }
    query.finish()
}

/// What an answer shows.
fn read(answer: &Answer) -> Result<Picture, Failure> {
    let Answer { status, body } = answer;
    if *status == StatusCode::UNAUTHORIZED {
        return Err(Failure::Unavailable(format!(
            "the admin port asks for one of admin.tokens: say which with --token, or in {TOKEN}"
        )));
    }
    if !status.is_success() {
        let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let why = told["detail"].as_str().unwrap_or("it does not say why");
        return Err(Failure::Unavailable(format!("the daemon answers {status}: {why}")));
    }
    serde_json::from_slice(body).map_err(|why| {
        Failure::Unavailable(format!(
            "the daemon's answer cannot be read ({why}); is it of this version? The program that asks is {}",
            env!("CARGO_PKG_VERSION")
        ))
    })
}

/// Says on standard error that what follows is what a daemon left.
pub fn tell_if_left(picture: &Picture) {
    if !picture.is_live() {
        eprintln!(
            "No daemon runs on this ledger: this is how one left it. Rates and the last hour are known while one runs."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::board::Sort;

    #[test]
    fn what_is_asked_for_is_written_as_the_port_reads_it() {
        let view = View { q: "a&b=ü".to_owned(), sort: Sort::Oldest, trouble: true, page: 3, size: Some(40) };
        assert_eq!(query(&view), "q=a%26b%3D%C3%BC&sort=oldest&trouble=true&page=3&size=40");
        let read: View = axum::extract::Query::try_from_uri(&format!("http://x/?{}", query(&view)).parse().unwrap())
            .map(|axum::extract::Query(view)| view)
            .unwrap();
        assert_eq!(read, view);
        assert_eq!(query(&View::default()), "q=&sort=trouble&trouble=false&page=0");
    }

    #[test]
    fn an_answer_that_is_none_is_never_taken_for_a_picture() {
        let said = |status, body: &'static str| {
            let body = bytes::Bytes::from_static(body.as_bytes());
            read(&Answer { status, body }).unwrap_err().to_string()
        };
        assert!(said(StatusCode::UNAUTHORIZED, "{}").contains("--token"));
        let why = said(StatusCode::SERVICE_UNAVAILABLE, r#"{"detail": "the disk is full"}"#);
        assert_eq!(why, "the daemon answers 503 Service Unavailable: the disk is full");
        assert!(said(StatusCode::OK, "{}").contains("is it of this version?"));
    }
}
