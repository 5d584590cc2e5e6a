//! A bucket of S3, or of a store that speaks its language. An object stands under its key when it is whole, so there is
//! no temporary one; its SHA-256 goes along, and the store takes nothing else.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderName};
use roxmltree::{Document, ParsingOptions};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use sha2::{Digest, Sha256};
use url::Url;

use super::by_http::{Caller, read, unchanged, with};
use super::{File, FileDoor, Store, denied, door, join};
use crate::config;
use crate::fresh::Fresh;
use crate::transport::client::{Address, Answer, Settings};
use crate::transport::credential::Hidden;
use crate::transport::knock::{Finding, Looked};
use crate::transport::{Class, DoorError, Outcome, Transport};

const CHECKSUM: &str = "x-amz-checksum-sha256";

/// What a signature outlasts the request's own time by: for clocks that differ.
const SLACK: Duration = Duration::from_secs(300);

/// Pages of a list, of a thousand keys each.
const MOST_PAGES: usize = 200;

/// What a page may be made of.
const MOST_NODES: u32 = 100_000;

/// The door of a bucket.
pub fn open(s3: &config::S3, settings: &Settings<'_>) -> Result<Box<dyn Transport>, DoorError> {
    Ok(Box::new(FileDoor { store: S3::new(s3, settings)?, rules: s3.file.clone() }))
}

pub struct S3 {
    caller: Caller,
    bucket: Bucket,
    credentials: Fresh<Credentials>,
    /// What keys begin with.
    path: String,
}

impl S3 {
    /// Reads the secrets and the certificates that `s3` and `settings` refer to.
    pub fn new(s3: &config::S3, settings: &Settings<'_>) -> Result<Self, DoorError> {
        let bucket = bucket(s3)?;
        let caller = Caller::new(&Address::parse(bucket.base_url().as_str())?, settings)?;
        let [access, secret] = [&s3.access_key, &s3.secret_key].map(Clone::clone);
        let credentials = Fresh::new([&s3.access_key, &s3.secret_key], move || {
            Ok::<_, DoorError>(Credentials::new(access.resolve()?.expose(), secret.resolve()?.expose()))
        })?;
        Ok(Self { caller, bucket, credentials, path: s3.path.trim_matches('/').to_owned() })
    }

    fn key(&self, path: &str) -> String {
        join(&self.path, path)
    }

    /// How long a signature holds.
    fn holds(&self) -> Duration {
        let timeouts = self.caller.timeouts();
        timeouts.connect + timeouts.in_network() + SLACK
    }

    async fn ask(
        &self,
        method: &Method,
        url: &Url,
        what: &str,
        headers: &[(HeaderName, &str)],
        body: &Bytes,
    ) -> Result<Answer, Outcome> {
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let answer =
            self.caller.ask(method, &target, headers, body).await.map_err(|failed| with(failed.into(), what))?;
        // S3's own errors name the key.
        let credentials = self.credentials.current().await;
        Ok(Hidden::new([credentials.key(), credentials.secret()]).out_of_answer(answer))
    }
}

/// Where the store is asked.
///
/// # Errors
/// When the endpoint or the bucket's name makes no address.
pub fn address(s3: &config::S3) -> Result<Address, DoorError> {
    Address::parse(bucket(s3)?.base_url().as_str())
}

fn bucket(s3: &config::S3) -> Result<Bucket, DoorError> {
    let endpoint =
        Url::parse(&s3.endpoint).map_err(|why| DoorError::Setting(format!("the endpoint {:?}: {why}", s3.endpoint)))?;
    let style = if s3.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
    Bucket::new(endpoint, style, s3.bucket.clone(), s3.region.clone()).map_err(|why| {
        DoorError::Setting(format!("the bucket has no address at {:?}: {why}; try path_style = true", s3.endpoint))
    })
}

/// What an answer means that is not the one that was wanted.
fn trouble(answer: &Answer, what: &str) -> Outcome {
    let code = element(&answer.start, "Code").unwrap_or_default();
    let mut outcome = with(read(answer), what);
    // One status stands for a region that is wrong, a token that is old, and an object that is too large.
    if outcome.class == Class::Refused
        && !matches!(code.as_str(), "EntityTooLarge" | "KeyTooLongError" | "InvalidArgument")
    {
        outcome.class = Class::Deferred { retry_after: None, maybe_document: false };
    }
    match code.as_str() {
        "NoSuchBucket" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
            outcome.class = Class::Deferred { retry_after: None, maybe_document: false };
        }
        _ => {}
    }
    let mend = match code.as_str() {
        "NoSuchBucket" => "check bucket and endpoint",
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => "check access_key, secret_key and region",
        "RequestTimeTooSkewed" => "this machine's clock is wrong",
        "AccessDenied" => "let these keys put, list and delete objects there",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError" => {
            "check region and endpoint"
        }
        _ => return outcome,
    };
    Outcome { detail: format!("{}; {mend}", outcome.detail), ..outcome }
}

/// The text of the first element of that name.
fn element(xml: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(xml).ok()?;
    let document = Document::parse(text).ok()?;
    document.descendants().find(|node| node.tag_name().name() == name)?.text().map(str::to_owned)
}

impl Store for S3 {
    async fn put(&self, file: &File<'_>) -> Result<(), Outcome> {
        let key = self.key(file.name.as_str());
        let digest = BASE64.encode(Sha256::digest(file.bytes));
        let credentials = self.credentials.current().await;
        let mut put = self.bucket.put_object(Some(&credentials), &key);
        put.headers_mut().insert("content-type", file.content_type);
        put.headers_mut().insert(CHECKSUM, digest.as_str());
        let url = put.sign(self.holds());
        let headers = [(header::CONTENT_TYPE, file.content_type), (HeaderName::from_static(CHECKSUM), digest.as_str())];
        let what = format!("PUT {key}");
        let answer = self.ask(&Method::PUT, &url, &what, &headers, file.bytes).await?;
        if answer.status.as_u16() == 200 { Ok(()) } else { Err(trouble(&answer, &what)) }
    }

    async fn remove(&self, path: &str) -> Result<(), Outcome> {
        let key = self.key(path);
        let credentials = self.credentials.current().await;
        let url = self.bucket.delete_object(Some(&credentials), &key).sign(self.holds());
        let what = format!("DELETE {key}");
        let answer = self.ask(&Method::DELETE, &url, &what, &[], &Bytes::new()).await?;
        match (answer.status.as_u16(), element(&answer.start, "Code").as_deref()) {
            (200 | 204, _) | (404, Some("NoSuchKey")) => Ok(()),
            _ => Err(trouble(&answer, &what)),
        }
    }

    async fn enter(&self) -> Looked<()> {
        let credentials = self.credentials.current().await;
        let mut get = self.bucket.get_object(Some(&credentials), "");
        let query = get.query_mut();
        query.insert("list-type", "2");
        query.insert("max-keys", "1");
        let (url, what) = (get.sign(self.holds()), "a look into the bucket");
        let asked = self.ask(&Method::GET, &url, what, &[], &Bytes::new()).await;
        let answer =
            asked.map_err(|outcome| Finding::trouble(outcome.detail, "ask the partner to look at its store"))?;
        if answer.status.as_u16() == 200 {
            return Ok((Finding::well("the store knows our keys, and lets us look into the bucket"), ()));
        }
        let told = trouble(&answer, what).detail;
        if element(&answer.start, "Code").as_deref() == Some("AccessDenied") {
            let mend =
                "let these keys list the bucket, if the names of files change with versions: a kill looks for them";
            return Ok((Finding::remark(told, mend), ()));
        }
        Err(Finding::trouble(told, "compare endpoint, region, bucket and the keys with the partner"))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Outcome> {
        let prefix = match join(&self.path, folder) {
            whole if whole.is_empty() => whole,
            whole => format!("{}/", whole.trim_end_matches('/')),
        };
        let what = format!("a list of {prefix:?}");
        let (mut names, mut next) = (Vec::new(), None::<String>);
        let credentials = self.credentials.current().await;
        for _ in 0..MOST_PAGES {
            // To get nothing of a bucket is to get its list.
            let mut get = self.bucket.get_object(Some(&credentials), "");
            let query = get.query_mut();
            query.insert("list-type", "2");
            query.insert("delimiter", "/");
            query.insert("prefix", prefix.as_str());
            if let Some(token) = &next {
                query.insert("continuation-token", token.as_str());
            }
            let url = get.sign(self.holds());
            let answer = self.ask(&Method::GET, &url, &what, &[], &Bytes::new()).await.map_err(unchanged)?;
            if answer.status.as_u16() != 200 {
                return Err(unchanged(trouble(&answer, &what)));
            }
            let (keys, more) = page(&answer.start)
                .map_err(|why| door(format!("{what} cannot be read, it may be longer than answer_limit: {why}")))?;
            names.extend(keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned));
            next = more;
            if next.is_none() {
                return Ok(names);
            }
        }
        Err(denied(format!("{what} has more than {MOST_PAGES} pages")))
    }

    fn in_network(&self) -> Duration {
        self.caller.timeouts().in_network()
    }
}

/// The keys on a page of a list, and by what the next page is known.
fn page(xml: &[u8]) -> Result<(Vec<String>, Option<String>), String> {
    let text = std::str::from_utf8(xml).map_err(|why| why.to_string())?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|why| why.to_string())?;
    let of = |name: &'static str| document.descendants().filter(move |node| node.tag_name().name() == name);
    let keys = of("Key").filter_map(|node| node.text()).map(str::to_owned).collect();
    let more = of("NextContinuationToken").find_map(|node| node.text()).map(str::to_owned);
    Ok((keys, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_there_and_what_comes_next() {
        let xml = br#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>
            <Contents><Key>in/a.xml</Key></Contents><Contents><Key>in/b.xml</Key></Contents></ListBucketResult>"#;
        let keys = ["in/a.xml", "in/b.xml"].map(str::to_owned);
        assert_eq!(page(xml).unwrap(), (keys.into(), Some("a+/=".to_owned())));
        assert!(page(&xml[..150]).is_err());
    }

    /// By AWS's own list of errors: one status stands for what the object has done, and for what we have.
    #[test]
    fn an_error_is_the_doors_or_the_objects() {
        let class = |status: u16, code: &str| {
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>");
            let status = http::StatusCode::from_u16(status).unwrap();
            trouble(&Answer { status, headers: http::HeaderMap::new(), start: body.into(), whole: true }, "PUT a").class
        };
        let deferred = |maybe_document| Class::Deferred { retry_after: None, maybe_document };
        for (status, code) in [(400, "EntityTooLarge"), (400, "KeyTooLongError")] {
            assert_eq!(class(status, code), Class::Refused, "{code}");
        }
        for (status, code) in [
            (301, "PermanentRedirect"),
            (400, "AuthorizationHeaderMalformed"),
            (400, "ExpiredToken"),
            (403, "InvalidAccessKeyId"),
            (403, "SignatureDoesNotMatch"),
            (403, "RequestTimeTooSkewed"),
            (404, "NoSuchBucket"),
            (503, "SlowDown"),
        ] {
            assert_eq!(class(status, code), deferred(false), "{code}");
        }
        // One prefix may be closed to us, and others not.
        assert_eq!(class(403, "AccessDenied"), deferred(true));
        assert_eq!(class(500, "InternalError"), Class::Unknown { retry_after: None });
        assert_eq!(class(202, ""), Class::Unknown { retry_after: None }, "it was not said that it is stored");
    }

    #[test]
    fn an_error_says_how_to_mend_it() {
        let body = "<Error><Code>NoSuchBucket</Code></Error>".into();
        let answer =
            Answer { status: http::StatusCode::NOT_FOUND, headers: http::HeaderMap::new(), start: body, whole: true };
        insta::assert_snapshot!(trouble(&answer, "PUT in/a.xml").detail, @"PUT in/a.xml: answered 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>; check bucket and endpoint");
    }
}
