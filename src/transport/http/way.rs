//! Which request a parcel becomes: by which method, to which address, and which answers say that it was taken.
//!
//! A story's first version, its later ones and its kills may each go another way, as partners' interfaces want it. A later
//! version is one of a story for which the partner's own id is known; a kill is whatever withdraws.

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::{Method, StatusCode, Uri};

use super::remote;
use crate::article::Action;
use crate::config::{HttpPush, PushMethod, PushUrl, PushVariant, UrlField, UrlFields};
use crate::transport::client::Address;
use crate::transport::knock::TEST_GUID;
use crate::transport::{Class, DoorError, Parcel};

/// The ways of a door.
pub struct Ways {
    first: Way,
    // Boxed, since few doors have them and there may be ten thousand doors.
    update: Option<Box<Way>>,
    kill: Option<Box<Way>>,
}

/// One way.
pub struct Way {
    pub method: &'static Method,
    place: Place,
    /// Empty: 200 to 299.
    success: Box<[u16]>,
}

static POST: Method = Method::POST;
static PUT: Method = Method::PUT;
static PATCH: Method = Method::PATCH;
static DELETE: Method = Method::DELETE;

enum Place {
    /// The same for every parcel.
    Fixed(Uri),
    /// With the parcel's fields in it.
    Filled(PushUrl),
}

impl Ways {
    /// `own` is the address of `push`.
    pub fn new(push: &HttpPush, own: &Address) -> Result<Self, DoorError> {
        let of = |variant: &PushVariant| {
            let success = if variant.success.is_empty() { &push.success } else { &variant.success };
            let url = variant.url.as_ref().unwrap_or(&push.url);
            let own = variant.url.is_none().then_some(own);
            Way::new(variant.method.unwrap_or(push.method), url, own, success).map(Box::new)
        };
        Ok(Self {
            first: Way::new(push.method, &push.url, Some(own), &push.success)?,
            update: push.update.as_deref().map(of).transpose()?,
            kill: push.kill.as_deref().map(of).transpose()?,
        })
    }

    /// The way of a story's first version.
    pub fn first(&self) -> &Way {
        &self.first
    }

    pub fn of(&self, parcel: &Parcel) -> &Way {
        let own = if parcel.action.withdraws() {
            self.kill.as_deref()
        } else {
            self.update.as_deref().filter(|_| remote::known(parcel).is_some())
        };
        own.unwrap_or(&self.first)
    }
}

impl Way {
    /// `known` is the address of `url`, where it was taken apart before.
    fn new(
        method: PushMethod,
        url: &PushUrl,
        known: Option<&Address>,
        success: &BTreeSet<u16>,
    ) -> Result<Self, DoorError> {
        let method = match method {
            PushMethod::Post => &POST,
            PushMethod::Put => &PUT,
            PushMethod::Patch => &PATCH,
            PushMethod::Delete => &DELETE,
        };
        let place = if url.has_fields() {
            Place::Filled(url.clone())
        } else {
            let address =
                known.map_or_else(|| Address::parse(url.as_str()).map(Cow::Owned), |own| Ok(Cow::Borrowed(own)))?;
            let uri =
                address.path().parse().map_err(|why: http::uri::InvalidUri| DoorError::Setting(why.to_string()))?;
            Place::Fixed(uri)
        };
        Ok(Self { method, place, success: success.iter().copied().collect() })
    }

    /// Whether the document goes with the request. The content of a `DELETE` means nothing, and makes some servers refuse it
    /// (RFC 9110 §9.3.5).
    pub fn has_body(&self) -> bool {
        *self.method != Method::DELETE
    }

    /// The path and the query for a parcel.
    ///
    /// # Errors
    /// In a sentence: the address cannot be made of it.
    pub fn uri(&self, parcel: &Parcel) -> Result<Cow<'_, Uri>, String> {
        match &self.place {
            Place::Fixed(uri) => Ok(Cow::Borrowed(uri)),
            Place::Filled(url) => filled(url, &fields(parcel)).map(Cow::Owned),
        }
    }

    /// The path and the query of a question about no story. Where an address is a story's own, it is one that there is not.
    ///
    /// # Errors
    /// In a sentence: the address cannot be made.
    pub fn uri_of_no_story(&self) -> Result<Cow<'_, Uri>, String> {
        match &self.place {
            Place::Fixed(uri) => Ok(Cow::Borrowed(uri)),
            Place::Filled(url) => {
                let fields = UrlFields::from([
                    (UrlField::Guid, format!("{TEST_GUID}none").into()),
                    (UrlField::Version, "1".into()),
                    (UrlField::Action, Action::Publish.as_str().into()),
                    (UrlField::Urgency, "8".into()),
                    (UrlField::Sequence, "0".into()),
                    (UrlField::MessageId, "msg_none".into()),
                ]);
                filled(url, &fields).map(Cow::Owned)
            }
        }
    }

    /// What an answer means to this way, after what it means to all. Where the address is a story's own, its absence is
    /// that story's affair: others may be well.
    pub fn class(&self, status: StatusCode, class: Class) -> Class {
        let is_named = self.success.contains(&status.as_u16());
        let is_story = matches!(self.place, Place::Filled(_));
        match class {
            _ if is_named => Class::Delivered,
            // It said that all is well, and not as it does when it is: something that stands before it may have answered.
            Class::Delivered if !self.success.is_empty() => Class::Unknown { retry_after: None },
            Class::Gone if is_story => Class::Refused,
            Class::Deferred { retry_after, .. } if is_story && status == StatusCode::NOT_FOUND => {
                Class::Deferred { retry_after, maybe_document: true }
            }
            class @ (Class::Delivered
            | Class::Refused
            | Class::Deferred { .. }
            | Class::Unknown { .. }
            | Class::Gone) => class,
        }
    }
}

fn filled(url: &PushUrl, fields: &UrlFields<'_>) -> Result<Uri, String> {
    url.fill(fields)?.parse().map_err(|why| format!("the address cannot be made: {why}"))
}

fn fields(parcel: &Parcel) -> UrlFields<'_> {
    let mut fields = UrlFields::from([
        (UrlField::Guid, Cow::Borrowed(parcel.story.as_str())),
        (UrlField::Version, parcel.version.to_string().into()),
        (UrlField::Action, parcel.action.as_str().into()),
        (UrlField::Urgency, parcel.urgency.to_string().into()),
        (UrlField::Sequence, parcel.sequence.to_string().into()),
        (UrlField::MessageId, parcel.message_id.as_str().into()),
    ]);
    fields.extend(remote::known(parcel).map(|id| (UrlField::RemoteId, Cow::Borrowed(id))));
    fields
}
