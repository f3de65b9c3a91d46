//! Retention: what is too old goes, and what somebody wants gone goes before that.
//!
//! *Theory of operation.* An id carries when its event was accepted, so what is too old is a range of
//! ids. Days begin at midnight in UTC, and a day goes as a whole once all of it is older than its
//! tenant's retention. An event goes with all of its deliveries and attempts, in one transaction, and
//! only when none of its deliveries is unfinished. Where there are partitions, one goes as a whole when
//! it is older than the longest retention in force; the rows of tenants with a shorter one, and what lies
//! beside something unfinished, are deleted: a tenant at a time, in bounded steps. How far a tenant's
//! rows have been looked through is stored, so that it does not matter who takes the next step.
//!
//! Statistics of endpoints count what was, and stay.

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::keeping::Days;
use postrider_common::tenant::TenantScope;
use std::collections::HashSet;
use time::Date;
use uuid::Uuid;

/// What became of the partitions that are too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionRemoval {
    /// Those of this day are gone, and there may be more.
    Removed(Date),
    /// There are none that could go.
    Nothing,
    /// There are some, but somebody reads the tables for longer, or removes them just now.
    Busy,
}

/// Rows that a step deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Events.
    pub events: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Attempts of these.
    pub attempts: u64,
    /// Idempotency keys.
    pub keys: u64,
}

/// What became of a wish that an event's payload be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunged {
    /// It is gone, perhaps since before, and so are the bodies that its attempts were answered with.
    /// What was still owed is cancelled.
    Expunged,
    /// So many of its deliveries are being sent. The others are cancelled; once those have ended, it
    /// can be expunged.
    InFlight(u32),
    /// The tenant has no such event.
    Unknown,
}

/// Removing what is too old, and what is not wanted any more.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Gives deliveries up that have been held, since they were due, for longer than their tenant holds
    /// them: dead, as expired. At most `limit`; gives how many.
    async fn held_expire(&self, limit: u32) -> Result<u64, StoreError>;

    /// Removes the oldest partitions of a day that is older than the longest retention in force, unless
    /// something in them is not finished. `usual` holds for tenants that have no number of their own.
    async fn partitions_remove(&self, usual: Days) -> Result<PartitionRemoval, StoreError>;

    /// Takes the next bounded step through the rows of the tenant whose turn it is, deleting what is
    /// too old. Idempotency keys go with the last of their event, but never within 30 days. `None` when
    /// it is nobody's turn. After a step that fails it is other tenants' turn first.
    async fn expired_remove(&self, usual: Days) -> Result<Option<Removed>, StoreError>;

    /// Empties an event's payload, by our id or the one that its producer gave, and the bodies that its
    /// attempts were answered with; cancels what is still owed of it. The log stays.
    async fn event_expunge(&self, scope: &TenantScope, id: &str) -> Result<Expunged, StoreError>;
}

/// How much a step looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSize {
    /// Events, and also idempotency keys.
    pub(crate) rows: u32,
    /// Deliveries after which it takes no further event.
    pub(crate) deliveries: u64,
}

/// Events to be looked at, and where that leaves the tenant's turn.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// In the order of their ids.
    pub(crate) events: Vec<Uuid>,
    /// Everything up to this id has been looked at; `None` when there was nothing.
    pub(crate) position: Option<Uuid>,
    /// There are no more.
    pub(crate) is_last: bool,
}

impl Chosen {
    /// Chooses among events that are too old, in the order of their ids, each with how many deliveries
    /// it has; at least one, however many that one has.
    pub(crate) fn among(found: Vec<(Uuid, i64)>, size: StepSize) -> Self {
        let is_short = found.len() < size.rows as usize;
        let count = found.len();
        let mut deliveries = 0;
        let has_room = |(_, of_event): &(Uuid, i64)| {
            let before = deliveries;
            deliveries += u64::try_from(*of_event).unwrap_or_default();
            before < size.deliveries
        };
        let events: Vec<Uuid> =
            found.into_iter().take_while(has_room).map(|(event, _)| event).collect();
        let is_last = is_short && events.len() == count;
        Self { position: events.last().copied(), events, is_last }
    }
}

/// A delivery of an event that is too old.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct OldDelivery {
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) is_finished: bool,
}

/// What is to be deleted.
#[derive(Debug)]
pub(crate) struct Going {
    pub(crate) events: Vec<Uuid>,
    pub(crate) deliveries: Vec<Uuid>,
}

impl Going {
    /// Of these events those that owe nothing any more, with all of their deliveries.
    pub(crate) fn of(events: Vec<Uuid>, deliveries: &[OldDelivery]) -> Self {
        let unfinished = deliveries.iter().filter(|delivery| !delivery.is_finished);
        let owing: HashSet<Uuid> = unfinished.map(|delivery| delivery.event_id).collect();
        let goes = |event: &Uuid| !owing.contains(event);
        let deliveries = deliveries.iter().filter(|delivery| goes(&delivery.event_id));
        Self {
            deliveries: deliveries.map(|delivery| delivery.id).collect(),
            events: events.into_iter().filter(goes).collect(),
        }
    }
}
