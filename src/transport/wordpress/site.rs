//! A WordPress site's REST interface: where it is, one request to it, and what an answer of it means.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::config::WordPress;
use crate::fresh::Fresh;
use crate::transport::client::{Address, Answer, Client, Failed, Paced, Settings, USER_AGENT};
use crate::transport::credential::Hidden;
use crate::transport::{Class, DoorError, Outcome, Parcel, Timeouts, credential, outcome};

/// A site, and who we are there.
pub struct Site {
    client: Client,
    /// The path of its first page, which ends with a slash.
    base: String,
    fixed: Fresh<HeaderMap>,
    root: Mutex<Option<Root>>,
    /// As logs and errors name it.
    pub name: String,
}

/// Where the interface is. Sites whose addresses are not rewritten have it behind a parameter of the first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Path,
    Parameter,
}

/// What came instead of what was asked for.
#[derive(Debug)]
pub struct Trouble {
    pub outcome: Outcome,
    /// WordPress's own word for it: `rest_post_invalid_id`.
    pub code: Option<String>,
    /// The term that exists already.
    pub term: Option<u64>,
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        trouble.outcome
    }
}

/// An error as WordPress writes it.
#[derive(Debug, Deserialize)]
struct WpError {
    code: String,
    message: String,
    #[serde(default)]
    data: Value,
}

/// What a request asks.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    /// To be told something. Whatever becomes of it, nothing has changed at the site.
    Get,
    Post(&'a Value),
    Delete,
}

impl Site {
    pub fn new(site: &WordPress, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let address = Address::parse(&site.url)?;
        let client = Client::new(&address, settings)?;
        let mut fixed = HeaderMap::new();
        let host = HeaderValue::from_str(address.authority()).map_err(|why| DoorError::Setting(why.to_string()))?;
        fixed.insert(header::HOST, host);
        fixed.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        fixed.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let base = format!("{}/", address.path().trim_end_matches('/'));
        let name = format!("{}{}", address.authority(), base.trim_end_matches('/'));
        let (user, password) = (site.user.clone(), site.application_password.clone());
        let fixed = Fresh::new([&site.application_password], move || {
            let mut fixed = fixed.clone();
            fixed.insert(header::AUTHORIZATION, credential::basic(&user, &password.resolve()?)?);
            Ok::<_, DoorError>(fixed)
        })?;
        Ok(Self { client, base, fixed, root: Mutex::new(None), name })
    }

    pub fn timeouts(&self) -> &Timeouts {
        self.client.timeouts()
    }

    /// Makes one request to `route` (`/wp/v2/posts`) and returns what WordPress says.
    pub async fn ask(
        &self,
        ask: Ask<'_>,
        route: &str,
        query: &[(&str, &str)],
        parcel: &Parcel,
    ) -> Result<Value, Trouble> {
        let root = self.root().await?;
        let answer = self.exchange(ask, root, route, query, Some(parcel)).await?;
        let asked = read(&answer, ask);
        if let Err(trouble) = &asked
            && may_be_elsewhere(answer.status, trouble.code.as_deref())
        {
            self.remember(None);
        }
        asked
    }

    /// Finds out where the interface is, and that it knows us, once.
    async fn root(&self) -> Result<Root, Trouble> {
        let known = *self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = known {
            return Ok(root);
        }
        for root in [Root::Path, Root::Parameter] {
            let answer = self.exchange(Ask::Get, root, "/", &[("_fields", "namespaces")], None).await?;
            if is_wordpress(&answer) {
                // To one whom it does not know, WordPress says of some questions that they are wrong; to this one it
                // says why.
                let me = self.exchange(Ask::Get, root, "/wp/v2/users/me", &[("_fields", "id")], None).await?;
                if me.status == StatusCode::UNAUTHORIZED {
                    return read(&me, Ask::Get).map(|_| root);
                }
                self.remember(Some(root));
                return Ok(root);
            }
            // A site that is in trouble, or stands elsewhere, says so at either place.
            if answer.status != StatusCode::NOT_FOUND && !answer.status.is_success() {
                return read(&answer, Ask::Get).map(|_| root);
            }
        }
        let detail = format!(
            "there is no WordPress interface at {}, neither at wp-json/ nor at ?rest_route=/; check url, and that no \
             plugin has switched the REST API off",
            self.name
        );
        let class = Class::Deferred { retry_after: None, maybe_document: false };
        Err(Trouble { outcome: Outcome { class, status: None, detail, remote: None }, code: None, term: None })
    }

    /// Who we are there, and what we may do, by WordPress's own names for it.
    pub async fn me(&self) -> Result<Value, Trouble> {
        let root = self.root().await?;
        let query = [("context", "edit"), ("_fields", "name,roles,capabilities")];
        read(&self.exchange(Ask::Get, root, "/wp/v2/users/me", &query, None).await?, Ask::Get)
    }

    fn remember(&self, root: Option<Root>) {
        *self.root.lock().unwrap_or_else(PoisonError::into_inner) = root;
    }

    /// What stands in the request line.
    fn target(&self, root: Root, route: &str, query: &[(&str, &str)]) -> String {
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let path = match root {
            Root::Path => format!("{}wp-json{route}", self.base),
            Root::Parameter => {
                rest.append_pair("rest_route", route);
                self.base.clone()
            }
        };
        let query = rest.extend_pairs(query).finish();
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    async fn exchange(
        &self,
        ask: Ask<'_>,
        root: Root,
        route: &str,
        query: &[(&str, &str)],
        parcel: Option<&Parcel>,
    ) -> Result<Answer, Trouble> {
        let target = self.target(root, route, query);
        let (method, body) = match ask {
            Ask::Get => (Method::GET, Bytes::new()),
            Ask::Delete => (Method::DELETE, Bytes::new()),
            Ask::Post(body) => (Method::POST, Bytes::from(body.to_string())),
        };
        let fixed = self.fixed.current().await;
        let head = |paced: Paced| -> Result<Request<Paced>, String> {
            let uri: Uri = target.parse().map_err(|why| format!("{target}: {why}"))?;
            let mut headers = HeaderMap::clone(&fixed);
            if !body.is_empty() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
            }
            if let Some(parcel) = parcel {
                let named = [
                    ("webhook-id", parcel.message_id.clone()),
                    ("newswire-story", parcel.story.to_string()),
                    ("newswire-version", parcel.version.to_string()),
                    ("newswire-attempt", parcel.attempt.to_string()),
                ];
                for (name, value) in named {
                    let value = HeaderValue::from_str(&value)
                        .map_err(|_| format!("the value of {name} cannot stand in a header"))?;
                    headers.insert(name, value);
                }
            }
            let mut request = Request::new(paced);
            *request.method_mut() = method.clone();
            *request.uri_mut() = uri;
            *request.headers_mut() = headers;
            Ok(request)
        };
        let answer = self.client.send(&body, head).await;
        // Security plugins and debuggers show what they were sent.
        let hidden = || Hidden::of_header(fixed.get(header::AUTHORIZATION));
        answer.map(|answer| hidden().out_of_answer(answer)).map_err(|failed| {
            let failed = match (failed, ask) {
                (Failed::Unknown(why), Ask::Get) => Failed::NotConnected(why),
                (failed, _) => failed,
            };
            Trouble { outcome: failed.into(), code: None, term: None }
        })
    }
}

/// Whether the user may work at this site, and not at this post.
fn is_not_ours(status: StatusCode, code: Option<&str>) -> bool {
    status == StatusCode::FORBIDDEN && matches!(code, Some("rest_cannot_edit" | "rest_cannot_delete"))
}

/// Whether an error may be because the interface has moved, or does not know us any more.
fn may_be_elsewhere(status: StatusCode, code: Option<&str>) -> bool {
    match code {
        None => status == StatusCode::NOT_FOUND,
        Some(code) => status == StatusCode::UNAUTHORIZED || ["rest_no_route", "rest_invalid_param"].contains(&code),
    }
}

/// Whether an answer is of WordPress's interface: its index, or one of its errors.
fn is_wordpress(answer: &Answer) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(&answer.start) else { return false };
    let has_posts = value["namespaces"].as_array().is_some_and(|names| names.iter().any(|name| name == "wp/v2"));
    let is_error = value["code"].is_string() && value["message"].is_string() && value["code"] != "rest_no_route";
    has_posts || is_error
}

/// What an answer to `ask` means.
fn read(answer: &Answer, ask: Ask<'_>) -> Result<Value, Trouble> {
    let Answer { status, headers, start, .. } = answer;
    let mut outcome = outcome::classify(*status, headers, start, Timestamp::now());
    let nothing_changed = matches!(ask, Ask::Get);
    if status.is_success() {
        // A page of a firewall, of a cache or of maintenance has the status 200 too.
        let value = serde_json::from_slice(start).map_err(|_| {
            outcome.class = if nothing_changed {
                Class::Deferred { retry_after: None, maybe_document: false }
            } else {
                Class::Unknown { retry_after: None }
            };
            outcome.detail =
                format!("answered {status} with what is no answer of WordPress: {}", outcome::excerpt(start));
            Trouble { outcome, code: None, term: None }
        })?;
        return Ok(value);
    }
    let error: Option<WpError> = serde_json::from_slice(start).ok();
    let code = error.as_ref().map(|error| error.code.clone());
    outcome.class = match outcome.class {
        Class::Unknown { retry_after } | Class::Deferred { retry_after, .. } if nothing_changed => {
            Class::Deferred { retry_after, maybe_document: false }
        }
        // A question without a document cannot be a document's fault, nor can an author who does not exist.
        Class::Refused if nothing_changed || code.as_deref() == Some("rest_invalid_author") => {
            Class::Deferred { retry_after: None, maybe_document: false }
        }
        // One post that the site's editors gave to somebody else keeps no other back.
        Class::Deferred { retry_after, .. } if is_not_ours(*status, code.as_deref()) => {
            Class::Deferred { retry_after, maybe_document: true }
        }
        class @ (Class::Delivered | Class::Refused | Class::Deferred { .. } | Class::Unknown { .. } | Class::Gone) => {
            class
        }
    };
    if let Some(WpError { code, message, .. }) = &error {
        let said = |text: &String| outcome::excerpt(text.as_bytes());
        outcome.detail = format!("answered {status}: {}: {}", said(code), said(message));
    }
    if let Some(mend) = mend(*status, code.as_deref(), headers) {
        outcome.detail = format!("{}; {mend}", outcome.detail);
    }
    let term = error.and_then(|error| error.data["term_id"].as_u64());
    Err(Trouble { outcome, code, term })
}

/// What an answer means to each question, for the tests that try any.
#[cfg(any(test, fuzzing))]
pub fn answered(answer: &Answer) -> Vec<Outcome> {
    is_wordpress(answer);
    let asked = [Ask::Get, Ask::Post(&Value::Null), Ask::Delete].map(|ask| read(answer, ask));
    asked.into_iter().filter_map(|said| said.err().map(Outcome::from)).collect()
}

/// What an operator does about it.
fn mend(status: StatusCode, code: Option<&str>, headers: &HeaderMap) -> Option<String> {
    Some(match (status.as_u16(), code) {
        (401, _) => "check user and application_password of this destination. WordPress takes application passwords \
                     over https alone, a security plugin may have switched them off, and some web servers keep the \
                     authorization header from PHP"
            .to_owned(),
        (403, Some("rest_cannot_edit" | "rest_cannot_delete")) => "the post is not the WordPress user's own any more; \
                                                                   give the user the role Editor"
            .to_owned(),
        (403, Some("rest_cannot_edit_others")) => "author of this destination is somebody else, for which the \
                                                   WordPress user needs the role Editor"
            .to_owned(),
        (403, Some(_)) => "the WordPress user may not do this; give it the role Author, or Editor where it is to make \
                           categories"
            .to_owned(),
        (403, None) => {
            "this is not WordPress's own answer: a firewall or a security plugin stands before it".to_owned()
        }
        (_, Some("rest_invalid_author")) => "check author of this destination".to_owned(),
        (300..=399, _) => {
            let to = headers.get(header::LOCATION)?.to_str().ok()?;
            format!("the site is at {}; write its address there as url", outcome::excerpt(to.as_bytes()))
        }
        _ => return None,
    })
}
