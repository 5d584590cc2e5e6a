//! What reads answers here, for the tests that try it with any.

use std::sync::{Arc, LazyLock};

use http::Uri;

use super::redirect::Redirects;
use super::{remote, token};
use crate::config::{Delivery, RemoteId};
use crate::transport::client::{Address, Answer, Network, Settings};
use crate::transport::{Timeouts, answered::one_line};

/// An id fits where ids are put, a token stands in a header, and nothing leads to a host that nobody named.
pub fn all(answer: &Answer) {
    for place in [RemoteId::Header("location".to_owned()), RemoteId::Header("x-id".to_owned())] {
        id(&place, answer);
    }
    for pointer in ["/id", "/data/0/id", ""] {
        id(&RemoteId::Json(pointer.to_owned()), answer);
    }
    if let Ok(token) = token::granted(answer) {
        assert!(token.is_sensitive() && token.as_bytes().starts_with(b"Bearer "), "a token that may be printed");
    }
    led(answer);
}

fn id(place: &RemoteId, answer: &Answer) {
    if let Some(id) = remote::find(place, answer) {
        assert!((1..=512).contains(&id.len()) && !id.chars().any(char::is_control), "{id:?}");
    }
}

static NETWORK: LazyLock<Arc<Network>> =
    LazyLock::new(|| Arc::new(Network::of_one(&Delivery::default()).expect("the defaults are a network")));

fn led(answer: &Answer) {
    let own = Address::parse("https://paper.example/in").expect("it is an address");
    let second = std::time::Duration::from_secs(1);
    let timeouts = Timeouts { connect: second, write: second, answer: second };
    let settings = Settings::plain(timeouts, 1024, &NETWORK);
    let hosts = ["paper.example".to_owned()].into();
    let redirects = Redirects::new(&hosts, &own, &settings).expect("its own host needs no client");
    let uri = Uri::from_static("/in?x=1");
    match redirects.next(answer.status, &answer.headers, &own, &uri, 0) {
        Ok(Some(next)) => {
            assert_eq!(next.to.address.authority(), "paper.example");
            assert!(next.uri.scheme().is_none() && next.uri.authority().is_none(), "{:?} leads elsewhere", next.uri);
        }
        Ok(None) => {}
        Err(why) => one_line(&why),
    }
}
