//! The dead-letter queue: deliveries that were given up, until they are replayed or discarded.
//!
//! It is no queue of its own but the deliveries that are dead and not discarded. Replaying one of them is
//! the log's, replaying many the replays'.

use crate::endpoints::Endpoints;
use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::page::{Page, PageRequest};
use crate::replays::scan::Scan;
use crate::replays::{Counted, ReplayMode};
use crate::selection::{Ended, Purpose, Selection};
use async_trait::async_trait;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

/// Deliveries that one call discards at most.
pub(crate) const MOST_DISCARDED: u64 = 100_000;
/// Deliveries that are looked at, and locked, at a time.
pub(crate) const DISCARD_BATCH: u32 = 1000;

/// What became of a request to discard one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is discarded, perhaps since before.
    Discarded,
    /// It is not dead.
    NotDead(DeliveryState),
    /// The tenant has no such delivery.
    Unknown,
}

/// What became of a request to discard many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscardedMany {
    /// How many were discarded.
    pub count: u64,
    /// Whether it stopped before the end, so that there may be more.
    pub may_be_more: bool,
}

impl Discarded {
    /// What the state says that the delivery was found in.
    pub(crate) fn of(found: Option<DeliveryState>) -> Self {
        match found {
            None => Self::Unknown,
            Some(DeliveryState::Dead) => Self::Discarded,
            Some(state) => Self::NotDead(state),
        }
    }
}

/// The rows that a call about many looks at, so many at a time.
pub(crate) async fn scan(
    store: &(impl Lookup + Endpoints),
    scope: &TenantScope,
    selection: &Selection,
    limit: u32,
) -> Result<Option<Scan>, StoreError> {
    let dead = Selection { ended: Some(Ended::Dead), ..selection.clone() };
    Scan::of(store, scope, (ReplayMode::Again, Purpose::Look), dead, limit).await
}

/// The dead-letter queue of a tenant. Of a selection it does not matter how deliveries ended.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Dead letters, newest first.
    async fn dead_letter_list(
        &self,
        scope: &TenantScope,
        selection: &Selection,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// How many there are, having looked at no more than `most` dead deliveries.
    async fn dead_letter_count(
        &self,
        scope: &TenantScope,
        selection: &Selection,
        most: u32,
    ) -> Result<Counted, StoreError>;

    /// Takes one off the queue without sending it.
    async fn dead_letter_discard(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Discarded, StoreError>;

    /// Takes all off the queue that are dead by now, in the order of their ids, a bounded number at a
    /// time and by call.
    async fn dead_letters_discard(
        &self,
        scope: &TenantScope,
        selection: &Selection,
    ) -> Result<DiscardedMany, StoreError>;
}
