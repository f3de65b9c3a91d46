//! The dispatcher's work: claim, settle, give back, feed, reap, find what was lost.
//!
//! Each is a conditional change that says what it found. Every comparison of times is made on the
//! database's clock.

use crate::error::StoreError;
use crate::feed::{FeedLimits, Feeding};
use crate::follow::Followed;
use async_trait::async_trait;
use bytes::Bytes;
use postrider_common::attempt::AttemptRecord;
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::{DeadReason, Progress, Transition};
use postrider_common::event::EventType;
use postrider_common::id::{DeliveryId, EndpointId, EventId, LeaseToken};
use postrider_common::tenant::TenantId;
use postrider_common::trace::TraceContext;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// How long a lease lasts: the endpoint's time-out, or else its contract's, and a margin.
#[derive(Clone, Debug)]
pub struct LeasePolicy {
    /// The time-outs of the contracts, by name.
    pub timeouts: Vec<(String, Duration)>,
    /// What is added to the time-out.
    pub margin: Duration,
}

/// In whose company deliveries are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claiming {
    /// With others in flight in this process.
    Together,
    /// With nothing else in flight in this process, from before the claim until it is settled or given back.
    Alone,
}

/// A delivery that this dispatcher holds now.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub id: DeliveryId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The endpoint's version; one that is held at another version must be read anew.
    pub endpoint_version: i64,
    /// The event that is owed.
    pub event: EventId,
    /// Fences what is written about this attempt.
    pub token: LeaseToken,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// When it was due.
    pub due_at: OffsetDateTime,
    /// How far the delivery is in its schedule.
    pub progress: Progress,
    /// What its body is made by; `None` is the present version of its endpoint's contract.
    pub contract_version: Option<ContractVersion>,
    /// Whether it is a test: sent once, and of no consequence.
    pub test: bool,
    /// Whether others may wait for it to be done with.
    pub ordered: bool,
    /// How long the lease lasts, from the claim on.
    pub lease: Duration,
}

/// What a claim found.
#[derive(Clone, Debug)]
pub enum Claim {
    /// It is ours until the lease ends.
    Claimed(ClaimedDelivery),
    /// It is not `queued` (any more): somebody else has it, or the message came twice or late.
    NotQueued,
    /// It was lost [so often](postrider_common::delivery::SUSPECT_AFTER_LOSSES) in a row that it is to be
    /// claimed alone: it is left `queued`.
    Suspect,
    /// Its endpoint is off: it is held now.
    Held,
    /// Its endpoint is deleted: it is dead now.
    EndpointDeleted,
    /// There is no such delivery.
    Unknown,
}

/// What is sent of an event.
#[derive(Clone, Debug)]
pub struct EventContent {
    /// The id that the producer gave it.
    pub given_id: Option<String>,
    /// Its type.
    pub event_type: EventType,
    /// The normalised payload.
    pub payload: Bytes,
    /// When it happened.
    pub occurred_at: OffsetDateTime,
    /// When it was accepted, on the database's clock.
    pub accepted_at: OffsetDateTime,
    /// When it was to be delivered, as its producer said; `None` is at once.
    pub deliver_at: Option<OffsetDateTime>,
    /// The trace that it was accepted in.
    pub trace: Option<TraceContext>,
}

impl EventContent {
    /// Since when it is owed, on the database's clock.
    pub fn owed_since(&self) -> OffsetDateTime {
        self.deliver_at.map_or(self.accepted_at, |at| at.max(self.accepted_at))
    }
}

/// What a batch of claims came to.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// One result per delivery, in their order.
    pub claims: Vec<Claim>,
    /// The events of the claimed deliveries.
    pub events: HashMap<EventId, Arc<EventContent>>,
    /// The database's time of the claim.
    pub now: OffsetDateTime,
}

/// How an attempt ended, to be written down.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The token of the lease that the attempt was made under.
    pub token: LeaseToken,
    /// The attempt's number.
    pub attempt: u32,
    /// What becomes of the delivery. A retry of an endpoint that is off by now is held.
    pub transition: Transition,
    /// Whether the next failure of it switches its endpoint off.
    pub is_last_chance: bool,
    /// What the log shows of the attempt.
    pub record: AttemptRecord,
}

/// What settling found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is written as asked.
    Applied,
    /// The lease had ended, but nobody had claimed the delivery since: the success is written.
    AppliedLate,
    /// Another claim was made since, or it is finished: nothing is changed.
    Superseded,
}

/// A claim that is given back without an attempt on record: its endpoint may get no more requests for now,
/// or nothing can be sent to it for no fault of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The token of the lease that is given back.
    pub token: LeaseToken,
    /// For how long its endpoint is fed nothing.
    pub pause: Duration,
}

/// The queue that a delivery's messages go through: retries must not starve first attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkQueue {
    /// Deliveries that were never attempted.
    First,
    /// Deliveries that were.
    Retry,
}

/// A delivery whose lease ended with nobody to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The number of the attempt that is on record as lost.
    pub attempt: u32,
    /// Why it is dead now, if it is.
    pub dead: Option<DeadReason>,
}

/// What an earlier process had left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// Leases that were ended.
    pub leases: u64,
    /// Deliveries that were `queued`.
    pub queued: u64,
}

/// How long what waits has waited, on the database's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// For how long the oldest due `scheduled` delivery has been due; `None` when none is due.
    pub oldest_due: Option<Duration>,
    /// For how long the oldest `queued` delivery has been `queued`; `None` when none is.
    pub oldest_queued: Option<Duration>,
}

/// Which `queued` deliveries count as lost.
#[derive(Clone, Copy, Debug)]
pub struct LostRule {
    /// The queue that their messages would be in.
    pub queue: WorkQueue,
    /// How long they must have been `queued`.
    pub older_than: Duration,
    /// At most so many, the oldest first.
    pub limit: u32,
}

/// The dispatcher's work.
#[async_trait]
pub trait Work: Send + Sync {
    /// Claims deliveries: `queued` becomes `in_flight` under a fresh token. What is a suspect is claimed by
    /// whoever claims alone.
    async fn deliveries_claim(
        &self,
        ids: &[DeliveryId],
        lease: &LeasePolicy,
        claiming: Claiming,
    ) -> Result<Claimed, StoreError>;

    /// Writes down how attempts ended, with their log; one result per settlement, in their order. However it
    /// ended, nothing was lost in a row by then.
    async fn deliveries_settle(
        &self,
        settlements: &[Settlement],
    ) -> Result<Vec<Settled>, StoreError>;

    /// Gives claims back before anything was sent: `in_flight` becomes `scheduled` at the time it had,
    /// the attempt does not count, and the endpoints are fed nothing for the longest pause of theirs;
    /// unless that is none they are backlogged.
    /// Gives how many were still held under their token.
    async fn deliveries_defer(&self, deferrals: &[Deferral]) -> Result<u64, StoreError>;

    /// Refuses `queued` deliveries that are over their endpoint's cap: they become `scheduled` at
    /// the time they had; their endpoints are backlogged, and fed nothing for `pause`.
    async fn deliveries_refuse(
        &self,
        ids: &[DeliveryId],
        pause: Duration,
    ) -> Result<u64, StoreError>;

    /// Puts `queued` deliveries off that there is no room for, whatever their endpoints have: they become
    /// `scheduled` for after `delay`, and nothing else of their endpoints is touched.
    async fn deliveries_postpone(
        &self,
        ids: &[DeliveryId],
        delay: Duration,
    ) -> Result<u64, StoreError>;

    /// Takes `queued` deliveries back that the broker did not take: `scheduled` for at once.
    async fn deliveries_unqueue(&self, ids: &[DeliveryId]) -> Result<u64, StoreError>;

    /// Makes due deliveries `queued`, tenants and endpoints in turn, of endpoints whose breaker is open
    /// only probes. An endpoint that more is due for than may go is backlogged until that is otherwise:
    /// what is accepted for it is `scheduled`. `None` when another feeder is at it.
    async fn deliveries_feed(&self, limits: &FeedLimits) -> Result<Option<Feeding>, StoreError>;

    /// Ends leases that are past their end: `scheduled` for at once, the attempt on record as lost. A suspect
    /// that was claimed alone is dead.
    async fn deliveries_reap(&self, limit: u32) -> Result<Vec<Reaped>, StoreError>;

    /// Takes over what an earlier process left: ends every lease, for the reaper to find, and makes
    /// every `queued` delivery `scheduled` for at once. Only for a process that knows that no other
    /// works on this database and that no message is left.
    async fn deliveries_take_over(&self) -> Result<TakenOver, StoreError>;

    /// Makes lost deliveries `scheduled` for at once. Gives how many.
    async fn deliveries_requeue_lost(&self, rule: LostRule) -> Result<u64, StoreError>;

    /// How many deliveries of a queue have been `queued` for longer than `older_than`.
    async fn deliveries_queued_longer(
        &self,
        queue: WorkQueue,
        older_than: Duration,
    ) -> Result<u64, StoreError>;

    /// How long the oldest deliveries have waited, those aside that a breaker withholds, at the cost of a
    /// probe for each endpoint that something waits for.
    async fn deliveries_backlog(&self) -> Result<Backlog, StoreError>;

    /// Lets waiting deliveries follow their endpoints' state, at most `limit` of each kind, and of those no
    /// more than each endpoint's share: those of an endpoint that is off are held, held ones of an endpoint
    /// that is on are `scheduled` for when they were due, those of a deleted endpoint are dead. Besides, what
    /// waits for its turn without a reason any more is `scheduled`. A step visits four endpoints for each
    /// delivery that it may move, and goes on where the last one ended.
    async fn deliveries_follow_endpoints(&self, limit: u32) -> Result<Followed, StoreError>;
}
