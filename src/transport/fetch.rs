//! A web page, as anybody gets it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use http::{HeaderMap, Request, header};
use url::Url;

use super::client::{Address, Answer, Client, Failed, Network, Settings, USER_AGENT};
use super::{DoorError, Timeouts};
use crate::config::Delivery;

/// The largest page that is read, in bytes.
const LARGEST: usize = 16 << 20;

/// Browsers follow 20; a page that sends its visitors further than this is no page.
const MOST_REDIRECTS: usize = 8;

const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(10), write: Duration::from_secs(10), answer: Duration::from_secs(30) };

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Address(#[from] DoorError),
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} answers {status}")]
    Status { url: String, status: u16 },
    #[error("{0} sends its visitors round and round")]
    Redirects(String),
    #[error("{0} is larger than any page that is read here (16 MiB)")]
    TooLarge(String),
}

/// The page at `url`, wherever it leads to that `defaults` let a destination be.
///
/// # Errors
/// When there is no page, or it does not come within the bounds.
pub async fn page(url: &str, defaults: &Delivery) -> Result<String, FetchError> {
    let network = Arc::new(Network::of_one(defaults).map_err(DoorError::from)?);
    let mut at = url.to_owned();
    for _ in 0..=MOST_REDIRECTS {
        let Answer { status, headers, start, .. } = get(&at, &network).await?;
        let next = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        if let Some(next) = next.filter(|_| status.is_redirection()) {
            at = Url::parse(&at).and_then(|base| base.join(next)).map_or_else(|_| next.to_owned(), Into::into);
            continue;
        }
        if !status.is_success() {
            return Err(FetchError::Status { url: at, status: status.as_u16() });
        }
        if start.len() >= LARGEST {
            return Err(FetchError::TooLarge(at));
        }
        return Ok(text(&headers, &start));
    }
    Err(FetchError::Redirects(url.to_owned()))
}

async fn get(url: &str, network: &Arc<Network>) -> Result<Answer, FetchError> {
    let address = Address::parse(url)?;
    let client = Client::new(&address, &Settings::plain(TIMEOUTS, LARGEST, network))?;
    let request = |body| {
        Request::get(address.path())
            .header(header::HOST, address.authority())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "text/html, application/xhtml+xml")
            .body(body)
            .map_err(|why| why.to_string())
    };
    client.send(&Bytes::new(), request).await.map_err(|failed| {
        let (Failed::NotConnected(why) | Failed::Unknown(why) | Failed::Impossible(why)) = failed;
        FetchError::Unreachable { url: url.to_owned(), why }
    })
}

/// The bytes in the encoding that their header names. A page says it in its own head too, but what is in doubt is UTF-8
/// nearly always.
fn text(headers: &HeaderMap, bytes: &[u8]) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let label = content_type.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let encoding = label.and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8);
    encoding.decode(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Where the network's rules are those of these tests.
    async fn page(url: &str) -> Result<String, FetchError> {
        let allow_addresses = vec!["127.0.0.1".parse().unwrap()];
        super::page(url, &Delivery { allow_addresses, ..Delivery::default() }).await
    }

    /// Answers every request by its path.
    async fn site() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&request[..read]).into_owned();
                let answer: Vec<u8> = match head.split(' ').nth(1).unwrap_or_default() {
                    "/old" => b"HTTP/1.1 301 Moved\r\nlocation: new?a=1\r\ncontent-length: 0\r\n\r\n".into(),
                    "/new?a=1" => [
                        b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=\"iso-8859-1\"\r\ncontent-length: 4\r\n\r\n"
                            .as_slice(),
                        b"caf\xe9",
                    ]
                    .concat(),
                    "/within" => b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:1/\r\ncontent-length: 0\r\n\r\n".into(),
                    "/round" => b"HTTP/1.1 302 Found\r\nlocation: /round\r\ncontent-length: 0\r\n\r\n".into(),
                    _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
                };
                let _ = stream.write_all(&answer).await;
            }
        });
        root
    }

    #[tokio::test]
    async fn a_page_is_followed_to_where_it_is_and_read_in_its_encoding() {
        let root = site().await;
        assert_eq!(page(&format!("{root}/old")).await.unwrap(), "café");
        let error = async |path: &str| page(&format!("{root}{path}")).await.unwrap_err().to_string().replace(&root, "");
        assert_eq!(error("/gone").await, "/gone answers 404");
        assert_eq!(error("/round").await, "/round sends its visitors round and round");
        assert!(page("http://127.0.0.1:1/").await.unwrap_err().to_string().contains("cannot be reached"));
        let within = error("/within").await;
        assert!(within.contains("127.0.0.2 is a loopback address"), "{within}");
        assert!(page("ftp://paper.example/").await.is_err());
    }
}
