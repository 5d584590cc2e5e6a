//! Spans on their way to an OpenTelemetry collector: OTLP 1 by HTTP, in protobuf.
//!
//! Spans go in batches, one request at a time, by the client that deliveries go by, so that addresses, proxies and
//! certificates are held to the same rules. What a collector may have again is tried again for a while; what waits
//! meanwhile has its bound in the [`Tracer`]'s queue, and what finds no room there is dropped. So a collector that hangs
//! costs that queue, and nothing else waits for it: a stop gives the last spans a second, and those of a collector that is
//! in trouble none.
//!
//! It knows nothing of what the spans are about.

mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::message::{Answered, Resource, export};
use super::client::{Address, Client, Failed, Paced, Settings, Trust, USER_AGENT};
use super::{Class, DoorError, Shared, Timeouts, credential, outcome};
use crate::config;
use crate::fresh::Fresh;
use crate::telemetry::{Metrics, Span, SpanCounts, Tracer};

/// How often a batch is tried.
const TRIES: u32 = 5;

/// The pause after the first try that failed; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause that a collector may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a stop waits for the last spans.
const LAST: Duration = Duration::from_secs(1);

/// How much of an answer is read, in bytes: it says how many spans were not taken.
const LONGEST_ANSWER: usize = 16 << 10;

/// The way to a collector.
pub struct Collector {
    client: Client,
    authority: String,
    uri: Uri,
    head: Fresh<HeaderMap>,
    resource: Resource,
    batch: usize,
    delay: Duration,
    timeout: Duration,
    spans: Receiver<Span>,
    counts: SpanCounts,
    /// What is gathered, or under way.
    gathered: Vec<Span>,
    /// What went wrong last is known, and said.
    in_trouble: bool,
}

/// Why a batch was not taken.
enum NotTaken {
    /// It may be tried again, after the time that was asked for.
    Later(String, Option<Duration>),
    Never(String),
}

impl Collector {
    /// Reads secrets and certificates; connects to nothing yet. Spans are handed to the tracer.
    ///
    /// # Errors
    /// When the way cannot be built from its configuration.
    pub fn open(
        traces: &config::Traces,
        Shared { network, .. }: &Shared,
        metrics: &Metrics,
    ) -> Result<(Arc<Tracer>, Self), DoorError> {
        let address = Address::parse(&traces.url)?;
        let patience = traces.timeout.get();
        let timeouts = Timeouts { connect: patience, write: patience, answer: patience };
        let settings = Settings {
            trust: Trust { ca_file: traces.ca_file.as_deref(), ..Trust::default() },
            allow_addresses: &traces.allow_addresses,
            proxy: traces.proxy.as_ref(),
            ..Settings::plain(timeouts, LONGEST_ANSWER, network)
        };
        let uri = address.path().parse().map_err(|why: http::uri::InvalidUri| DoorError::Setting(why.to_string()))?;
        let authority = address.authority().to_owned();
        let (told, host) = (traces.clone(), authority.clone());
        let head = Fresh::new(traces.secret_headers.values(), move || head(&told, &host))?;
        let (tracer, spans) = Tracer::new(traces.ratio.get(), traces.queue as usize, metrics);
        let collector = Self {
            client: Client::new(&address, &settings)?,
            authority,
            uri,
            head,
            resource: Resource::of(&traces.service),
            batch: traces.batch as usize,
            delay: traces.delay.get(),
            timeout: patience,
            spans,
            counts: metrics.span_counts(),
            gathered: Vec::new(),
            in_trouble: false,
        };
        Ok((Arc::new(tracer), collector))
    }

    /// Tells spans until `stop`, and what is there then, if that can be done at once.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! { () = self.work() => {}, () = stop.cancelled() => {} }
        if !self.in_trouble {
            let _ = timeout(LAST, self.finish()).await;
        }
        let left = self.gathered.len() + self.spans.len();
        self.counts.failed.inc_by(left as u64);
    }

    /// Ends when nobody is left who has any.
    async fn work(&mut self) {
        while self.gather().await {
            self.tell().await;
        }
    }

    /// A batch, which is whole, or has waited for long enough. `false`: there will be none any more.
    async fn gather(&mut self) -> bool {
        if self.spans.recv_many(&mut self.gathered, self.batch).await == 0 {
            return false;
        }
        let until = tokio::time::Instant::now() + self.delay;
        while self.gathered.len() < self.batch {
            let room = self.batch - self.gathered.len();
            tokio::select! {
                more = self.spans.recv_many(&mut self.gathered, room) => if more == 0 { break },
                () = sleep_until(until) => break,
            }
        }
        true
    }

    /// Hands the batch over, in several tries where it has to be, or gives it up.
    async fn tell(&mut self) {
        let body = self.body();
        let mut pause = FIRST_PAUSE;
        for left in (0..TRIES).rev() {
            let again = match self.request(&body).await {
                Ok(refused) => return self.took(refused),
                Err(NotTaken::Later(why, asked)) => {
                    self.troubled(&why);
                    asked.unwrap_or(pause).min(LONGEST_PAUSE)
                }
                Err(NotTaken::Never(why)) => {
                    self.troubled(&why);
                    break;
                }
            };
            if left > 0 {
                sleep(again).await;
                pause *= 2;
            }
        }
        self.counts.failed.inc_by(self.gathered.len() as u64);
        self.gathered.clear();
    }

    /// What waits now.
    async fn finish(&mut self) {
        loop {
            while self.gathered.len() < self.batch
                && let Ok(span) = self.spans.try_recv()
            {
                self.gathered.push(span);
            }
            if self.gathered.is_empty() {
                return;
            }
            match self.request(&self.body()).await {
                Ok(refused) => self.took(refused),
                Err(NotTaken::Later(why, _) | NotTaken::Never(why)) => return self.troubled(&why),
            }
        }
    }

    /// The batch is the collector's, but for so many that it does not want.
    fn took(&mut self, refused: u64) {
        let all = self.gathered.len() as u64;
        let refused = refused.min(all);
        self.counts.exported.inc_by(all - refused);
        self.counts.failed.inc_by(refused);
        self.gathered.clear();
        if std::mem::take(&mut self.in_trouble) {
            tracing::info!(collector = self.authority, "the collector takes traces again");
        }
    }

    fn troubled(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.in_trouble, true) {
            tracing::warn!(collector = self.authority, reason, "the collector does not take traces");
        }
    }

    fn body(&self) -> Bytes {
        export(&self.resource, &self.gathered).into()
    }

    /// One request. Returns how many of its spans the collector did not want.
    async fn request(&self, body: &Bytes) -> Result<u64, NotTaken> {
        let head = self.head.current().await;
        let request = |paced: Paced| {
            let mut request = Request::new(paced);
            *request.method_mut() = Method::POST;
            *request.uri_mut() = self.uri.clone();
            *request.headers_mut() = HeaderMap::clone(&head);
            Ok(request)
        };
        let answer = match timeout(self.timeout, self.client.send(body, request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Failed::NotConnected(why) | Failed::Unknown(why))) => return Err(NotTaken::Later(why, None)),
            Ok(Err(Failed::Impossible(why))) => return Err(NotTaken::Never(why)),
            Err(_) => return Err(NotTaken::Later(format!("no answer within {:?}", self.timeout), None)),
        };
        // OTLP 1, "OTLP/HTTP Response": what an answer holds besides is not repeated, since it may be what it was sent.
        let why = format!("it answers {}", answer.status);
        match answer.status {
            status if status.is_success() => Ok(Answered::refused(&answer.start)),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let asked = match outcome::classify(answer.status, &answer.headers, b"", Timestamp::now()).class {
                    Class::Deferred { retry_after, .. } | Class::Unknown { retry_after } => retry_after,
                    Class::Delivered | Class::Refused | Class::Gone => None,
                };
                Err(NotTaken::Later(why, asked))
            }
            _ => Err(NotTaken::Never(why)),
        }
    }
}

/// What is the same for every request, with the secrets as they are now.
fn head(traces: &config::Traces, host: &str) -> Result<HeaderMap, DoorError> {
    let mut head = HeaderMap::new();
    let named = |name: &str| {
        name.parse::<HeaderName>().map_err(|_| DoorError::Setting(format!("{name:?} is not a header's name")))
    };
    let said = |value: &str| HeaderValue::from_str(value).map_err(|why| DoorError::Setting(why.to_string()));
    for (name, value) in &traces.headers {
        head.insert(named(name)?, said(value)?);
    }
    for (name, secret) in &traces.secret_headers {
        head.insert(named(name)?, credential::header("", &secret.resolve()?)?);
    }
    head.insert(header::HOST, said(host)?);
    head.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    Ok(head)
}
