//! A partner, or one of its destinations: what it got last, what it gets next, what failed, and what was ordered for it.

use serde::Serialize;

use crate::ledger::{DeliveryFilter, DeliveryRecord, FailedAttempt, LedgerError, OrderRecord, SqliteReader, Target};

/// Of each kind.
const RECENT: usize = 50;

/// What the ledger has of a partner; at most fifty of each.
#[derive(Debug, Clone, Serialize)]
pub struct PartnerSeen {
    /// The partner's id, or `partner/destination`.
    pub partner: String,
    /// The partner's name, where it is configured.
    pub name: Option<String>,
    /// The newest versions, whatever became of them.
    pub recent: Vec<DeliveryRecord>,
    /// In the order in which they go.
    pub next: Vec<DeliveryRecord>,
    pub attempting: Vec<DeliveryRecord>,
    pub held: Vec<DeliveryRecord>,
    pub refused: Vec<DeliveryRecord>,
    /// The last first.
    pub failed: Vec<FailedAttempt>,
    pub orders: Vec<OrderRecord>,
}

/// # Errors
/// [`LedgerError`] when the ledger cannot be read.
pub fn seen(reader: &SqliteReader, id: &str, name: Option<String>) -> Result<PartnerSeen, LedgerError> {
    let list = |state: Option<&str>| {
        let partner = Some(id.to_owned());
        let filter = DeliveryFilter { partner, state: state.map(str::to_owned), limit: RECENT, ..Default::default() };
        Ok::<_, LedgerError>(reader.delivery_page(&filter)?.deliveries)
    };
    let orders = reader
        .orders(true)?
        .into_iter()
        .filter(|record| record.order.to().is_some_and(|to| to.covers(id) || Target::new(id).covers(to.as_str())))
        .take(RECENT)
        .collect();
    Ok(PartnerSeen {
        partner: id.to_owned(),
        name,
        recent: list(None)?,
        next: list(Some("waiting"))?,
        attempting: list(Some("attempting"))?,
        held: list(Some("held"))?,
        refused: list(Some("refused"))?,
        failed: reader.failed_at(id, RECENT)?,
        orders,
    })
}
