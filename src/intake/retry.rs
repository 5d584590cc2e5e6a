//! Another try for what was set aside, when an operator asks for it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::traced::{Received, Source};
use super::{Arrival, Inbox, Taken};
use crate::ledger::QuarantineKind;

/// How soon an operator's word takes effect.
const LOOK: Duration = Duration::from_secs(1);

/// Entries tried at a time.
const STEP: usize = 16;

/// Looks for entries that an operator asked to have tried again, until `stop`.
pub async fn retry_quarantined(inbox: Arc<Inbox>, stop: CancellationToken) {
    let ledger = Arc::clone(&inbox.ledger);
    while !stop.is_cancelled() {
        tokio::select! { () = tokio::time::sleep(LOOK) => {}, () = stop.cancelled() => return }
        let Ok(entries) = ledger.retries(STEP).await else { continue };
        for (id, entry) in entries {
            let refused = if entry.kind == QuarantineKind::Rendition {
                Some(
                    "a rendition is made again by publishing a new version of its story; discard this entry then"
                        .to_owned(),
                )
            } else {
                let received = inbox.received(|| None);
                let arrival = Arrival {
                    intake: "quarantine",
                    source: entry.source,
                    content_type: entry.content_type,
                    bytes: entry.bytes.into(),
                    trace: received.as_ref().map(Received::context),
                };
                let taken = inbox.take(arrival).await;
                inbox.settled(received.map(|received| (received, Source::own("try again"))), &taken);
                match taken {
                    Ok(Taken::Accepted { .. } | Taken::Repeated { .. }) => None,
                    Ok(Taken::Quarantined { why, .. }) => Some(why.to_string()),
                    Err(_) => continue,
                }
            };
            if let Err(why) = ledger.retried(id, refused).await {
                tracing::error!(quarantine = id, reason = %why, "retry not recorded");
            }
        }
    }
}
