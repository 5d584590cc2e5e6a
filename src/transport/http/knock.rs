//! A try of an endpoint without a document: `OPTIONS`, which says what is taken there, and `HEAD`, which asks for nothing.
//!
//! An endpoint for pushes need not answer either, so little of what it says is trouble: that it does not know us, that it is
//! gone or elsewhere, that it does not take the method of our pushes. What only a push can show is said as such.
//!
//! Neither is signed, since there is nothing to sign: a receiver may refuse them for that.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use jiff::Timestamp;

use super::HttpDoor;
use super::request::{Head, Target};
use crate::config::{Auth, HttpPush};
use crate::transport::client::{Answer, Failed};
use crate::transport::knock::{Finding, Looked, Part, Steps, clock};
use crate::transport::outcome::excerpt;

/// How a push shows who it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shows {
    /// The keys of the destination that an operator looks at when it is not enough.
    credential: Option<&'static str>,
    is_signed: bool,
}

impl Shows {
    pub fn of(push: &HttpPush) -> Self {
        let credential = push.auth.as_ref().map(|auth| match auth {
            Auth::Bearer(_) => "auth.bearer",
            Auth::Basic { .. } => "auth.basic",
            Auth::Header { .. } => "auth.header",
            Auth::Query { .. } => "auth.query",
            Auth::Oauth(_) => "auth.oauth",
        });
        let is_signed =
            !push.webhook_secrets().is_empty() || push.message_signature.is_some() || push.body_signature.is_some();
        Self { credential, is_signed }
    }
}

/// What an endpoint answered.
struct Answers<'a> {
    /// The method of pushes.
    push: &'a Method,
    /// What `OPTIONS` says is taken there.
    allowed: Option<String>,
    head: StatusCode,
    /// What `HEAD` is answered with about credentials, or about where to go.
    about: Option<String>,
}

impl HttpDoor {
    pub(super) async fn try_without_document(&self, steps: &mut Steps) {
        let token = match &self.tokens {
            None => None,
            Some(tokens) => {
                let looked = steps.look(Part::Token, async {
                    let token = tokens.current().await.map_err(|outcome| {
                        let mend = "check token_url, client_id and client_secret of auth.oauth; ask whoever runs the token \
                                    endpoint whether it knows this client, and what it may have";
                        Finding::trouble(outcome.detail, mend)
                    })?;
                    Ok((Finding::well("the token endpoint gave one"), token))
                });
                let Some(token) = looked.await else { return };
                Some(token)
            }
        };
        let mut date = None;
        steps.look(Part::Login, self.ask(token.as_ref(), &mut date)).await;
        if let Some(date) = date.filter(|_| self.shows.is_signed) {
            steps.note(Part::Clock, clock(date.as_second().saturating_sub(Timestamp::now().as_second())));
        }
    }

    /// Asks, and notes the server's time.
    async fn ask(&self, token: Option<&HeaderValue>, date: &mut Option<Timestamp>) -> Looked<()> {
        let head = self.head.current().await;
        let way = self.ways.first();
        let uri = way.uri_of_no_story().map_err(|why| Finding::trouble(why, "check url"))?;
        let options = self.question(&head, &Method::OPTIONS, &uri, token).await?;
        let answer = self.question(&head, &Method::HEAD, &uri, token).await?;
        *date = self::date(&answer.headers).or_else(|| self::date(&options.headers));
        let said =
            |name| answer.headers.get(name).map(|value: &HeaderValue| head.credential.hide(value.as_bytes(), token));
        let about = match answer.status {
            StatusCode::UNAUTHORIZED => said(header::WWW_AUTHENTICATE).map(|said| excerpt(said.as_bytes())),
            status if status.is_redirection() => Some(self.led(&answer, &head, &uri, token)),
            _ => None,
        };
        let allowed = options.status.is_success().then(|| allowed(&options.headers)).flatten();
        let finding = meaning(&Answers { push: way.method, allowed, head: answer.status, about }, self.shows)?;
        Ok((finding, ()))
    }

    async fn question(
        &self,
        head: &Head,
        method: &Method,
        uri: &Uri,
        token: Option<&HeaderValue>,
    ) -> Result<Answer, Finding> {
        let whole = head.credential.uri(Cow::Borrowed(uri)).map_err(|why| Finding::trouble(why, "check auth.query"))?;
        let nothing = Bytes::new();
        let target = Target { method, address: self.client.address(), uri: &whole, is_own: true };
        let asked = self.client.send(&nothing, |body| head.question(target, token, body));
        asked.await.map_err(|failed| {
            let (Failed::NotConnected(why) | Failed::Unknown(why) | Failed::Impossible(why)) = failed;
            let mend = "the connection is well, and the server does not answer: ask the partner to look at it";
            Finding::trouble(format!("{method}: {why}"), mend)
        })
    }

    /// Where an answer leads, and whether a push would follow.
    fn led(&self, answer: &Answer, head: &Head, uri: &Uri, token: Option<&HeaderValue>) -> String {
        match self.redirects.next(answer.status, &answer.headers, self.client.address(), uri, 0) {
            Ok(Some(next)) => format!("it leads to {}, where pushes follow it", next.to.address.authority()),
            Ok(None) => "it leads nowhere".to_owned(),
            Err(why) => head.credential.hide(why.as_bytes(), token),
        }
    }
}

/// RFC 9110 §6.6.1.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let value = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(value).ok()?.timestamp())
}

/// RFC 9110 §10.2.1; what asks for browsers (CORS) says it in a field of its own.
fn allowed(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::ALLOW).or_else(|| headers.get(header::ACCESS_CONTROL_ALLOW_METHODS))?;
    Some(excerpt(value.as_bytes())).filter(|methods| !methods.is_empty())
}

/// What the answers mean for deliveries.
fn meaning(answers: &Answers<'_>, shows: Shows) -> Result<Finding, Finding> {
    let Answers { push, allowed, head, about } = answers;
    let takes = allowed.as_deref().map(|methods| {
        methods.split(',').map(str::trim).any(|method| method == "*" || method.eq_ignore_ascii_case(push.as_str()))
    });
    let said = match about {
        Some(about) => format!("HEAD is answered {head}: {about}"),
        None => format!("HEAD is answered {head}"),
    };
    let refused = |mend| Err(Finding::trouble(said.clone(), mend));
    match head.as_u16() {
        401 => return not_known(said, shows),
        403 => {
            return refused(
                "ask the partner whether these credentials may push there, and whether a firewall lets this machine's \
                 address in",
            );
        }
        407 => return refused("check user and password of proxy"),
        410 => return refused("it is gone for good: ask the partner for the address that took its place"),
        300..=399 if about.as_deref().is_some_and(|about| !about.ends_with("follow it")) => {
            return refused("ask the partner for the address that pushes go to, and write it as url");
        }
        502..=504 => return refused("tell the partner: what stands before its server does not reach it"),
        _ => {}
    }
    if takes == Some(false) {
        let methods = allowed.as_deref().unwrap_or_default();
        return Err(Finding::trouble(
            format!("{push} is none of the methods that it takes there ({methods})"),
            "check url with the partner, and method",
        ));
    }
    let takes = if takes == Some(true) { format!("; OPTIONS says that it takes {push}") } else { String::new() };
    // Who does not answer the question has not looked at our credentials either.
    let unseen = shows.credential.map(|key| format!("; whether it takes {key} shows at a push")).unwrap_or_default();
    Ok(match head.as_u16() {
        200..=399 => Finding::well(format!("{said}{takes}")),
        405 | 501 => Finding::well(format!("{said}, as is usual where only pushes are taken{takes}{unseen}")),
        404 if takes.is_empty() => Finding::remark(
            format!("{said}, as is usual where only pushes are taken{unseen}"),
            "if deliveries are answered 404 too, check url with the partner",
        ),
        404 => Finding::well(format!("{said}, as is usual where only pushes are taken{takes}{unseen}")),
        429 => Finding::remark(said, "it asks for fewer requests: agree on a rate with the partner, and set rate"),
        400..=499 => Finding::well(format!("{said}, as a request without a document may be{takes}{unseen}")),
        _ => Finding::remark(said, "tell the partner, if deliveries are answered like this too"),
    })
}

fn not_known(said: String, shows: Shows) -> Result<Finding, Finding> {
    match (shows.credential, shows.is_signed) {
        (Some(key), _) => Err(Finding::trouble(
            said,
            format!("it does not take {key}: compare it with what the partner has, and ask whether it was replaced"),
        )),
        (None, true) => Ok(Finding::remark(
            said,
            "a question is not signed as pushes are, so this may be all that is wrong: --item tries a signed push; if that \
             is refused too, compare the signing secret with the partner",
        )),
        (None, false) => {
            Err(Finding::trouble(said, "it asks who we are: get credentials of the partner, and write auth"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::knock::Verdict;
    use super::*;

    const BEARER: Shows = Shows { credential: Some("auth.bearer"), is_signed: false };

    fn told(head: u16, allowed: Option<&str>, shows: Shows) -> Finding {
        let head = StatusCode::from_u16(head).unwrap();
        let allowed = allowed.map(str::to_owned);
        let about = head.is_redirection().then(|| "it leads to https://b.example/".to_owned());
        meaning(&Answers { push: &Method::POST, allowed, head, about }, shows).unwrap_or_else(|trouble| trouble)
    }

    #[test]
    fn what_an_endpoint_answers_is_said_in_a_sentence() {
        let unsigned = Shows { credential: None, is_signed: false };
        let signed = Shows { is_signed: true, ..unsigned };
        let cases = [
            (200, None, BEARER),
            (204, Some("GET, POST"), BEARER),
            (200, Some("GET, HEAD"), BEARER),
            (405, Some("POST"), BEARER),
            (405, None, unsigned),
            (404, None, BEARER),
            (404, Some("post"), unsigned),
            (400, None, unsigned),
            (401, None, BEARER),
            (401, None, signed),
            (401, None, unsigned),
            (403, None, BEARER),
            (301, None, BEARER),
            (410, None, BEARER),
            (429, None, BEARER),
            (500, None, BEARER),
            (503, None, BEARER),
        ];
        let lines = cases.map(|(head, allowed, shows)| {
            let Finding { verdict, found, mend } = told(head, allowed, shows);
            format!("{verdict:?}: {found} -> {}", mend.unwrap_or_default())
        });
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Well: HEAD is answered 200 OK -> 
        Well: HEAD is answered 204 No Content; OPTIONS says that it takes POST -> 
        Trouble: POST is none of the methods that it takes there (GET, HEAD) -> check url with the partner, and method
        Well: HEAD is answered 405 Method Not Allowed, as is usual where only pushes are taken; OPTIONS says that it takes POST; whether it takes auth.bearer shows at a push -> 
        Well: HEAD is answered 405 Method Not Allowed, as is usual where only pushes are taken -> 
        Remark: HEAD is answered 404 Not Found, as is usual where only pushes are taken; whether it takes auth.bearer shows at a push -> if deliveries are answered 404 too, check url with the partner
        Well: HEAD is answered 404 Not Found, as is usual where only pushes are taken; OPTIONS says that it takes POST -> 
        Well: HEAD is answered 400 Bad Request, as a request without a document may be -> 
        Trouble: HEAD is answered 401 Unauthorized -> it does not take auth.bearer: compare it with what the partner has, and ask whether it was replaced
        Remark: HEAD is answered 401 Unauthorized -> a question is not signed as pushes are, so this may be all that is wrong: --item tries a signed push; if that is refused too, compare the signing secret with the partner
        Trouble: HEAD is answered 401 Unauthorized -> it asks who we are: get credentials of the partner, and write auth
        Trouble: HEAD is answered 403 Forbidden -> ask the partner whether these credentials may push there, and whether a firewall lets this machine's address in
        Trouble: HEAD is answered 301 Moved Permanently: it leads to https://b.example/ -> ask the partner for the address that pushes go to, and write it as url
        Trouble: HEAD is answered 410 Gone -> it is gone for good: ask the partner for the address that took its place
        Remark: HEAD is answered 429 Too Many Requests -> it asks for fewer requests: agree on a rate with the partner, and set rate
        Remark: HEAD is answered 500 Internal Server Error -> tell the partner, if deliveries are answered like this too
        Trouble: HEAD is answered 503 Service Unavailable -> tell the partner: what stands before its server does not reach it
        "#);
    }

    /// Whatever is answered, what is trouble says what to do.
    #[test]
    fn every_status_has_a_meaning() {
        for head in 200..600 {
            let finding = told(head, None, BEARER);
            assert!(finding.found.contains(&head.to_string()), "{finding:?}");
            assert_eq!(finding.mend.is_none(), finding.verdict == Verdict::Well, "{finding:?}");
        }
    }
}
