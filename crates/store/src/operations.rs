//! Operational events: what operators are told of their customers' endpoints, deliveries and replays.
//!
//! *Theory of operation.* Whatever such an event is about writes a row in its own transaction, so that
//! there is one for each and none for what was undone. The dispatcher makes an ordinary event of the
//! operator's tenant of each row, under an idempotency key that is the row's id, and then removes it. Rows
//! hold facts; how they are put into words is the dispatcher's business. About the operator's own tenant
//! there is none, or each failed delivery of one would be another.

pub(crate) mod settled;

pub(crate) use settled::{AboutDelivery, SettledOne, deaths, deaths_for, last_chances};

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::id::{DeliveryId, EventId, ReplayId};
use postrider_common::tenant::TenantId;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What an operational event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationalKind {
    /// An endpoint was switched off by us.
    EndpointDisabled,
    /// An endpoint will be switched off if nothing changes, or gets nothing for now.
    EndpointFailing,
    /// An endpoint that was switched off by us is on again.
    EndpointEnabled,
    /// A delivery was given up, and nobody had asked for that.
    DeliveryDead,
    /// A replay in bulk is over.
    ReplayFinished,
}

impl OperationalKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EndpointDisabled,
        Self::EndpointFailing,
        Self::EndpointEnabled,
        Self::DeliveryDead,
        Self::ReplayFinished,
    ];

    /// The type of the event, as stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndpointDisabled => "endpoint.disabled",
            Self::EndpointFailing => "endpoint.failing",
            Self::EndpointEnabled => "endpoint.enabled",
            Self::DeliveryDead => "delivery.dead",
            Self::ReplayFinished => "replay.finished",
        }
    }

    /// Reads a type back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Why an endpoint counts as failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailingReason {
    /// If the next attempt of a delivery fails, the endpoint is switched off.
    LastAttemptLeft,
    /// Its breaker opened: it gets probes alone.
    BreakerOpen,
}

impl FailingReason {
    /// The reason's name, as stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastAttemptLeft => "last_attempt_left",
            Self::BreakerOpen => "breaker_open",
        }
    }
}

/// Why an endpoint is on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnabledReason {
    /// Its owner resumed it.
    Resumed,
    /// A probe of it was answered with success.
    Answered,
}

impl EnabledReason {
    /// The reason's name, as stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resumed => "resumed",
            Self::Answered => "answered",
        }
    }
}

/// Names a row, and the event that is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OperationalEventId(pub(crate) Uuid);

impl OperationalEventId {
    /// Its bytes, of which no two are alike.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for OperationalEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// An operational event that waits to become an ordinary one.
#[derive(Clone, Debug)]
pub struct OperationalEvent {
    /// Its id.
    pub id: OperationalEventId,
    /// What it says.
    pub kind: OperationalKind,
    /// The tenant that it is about.
    pub tenant: TenantId,
    /// What is known of it; nothing, should that not be readable.
    pub facts: Facts,
    /// When it happened, on the database's clock.
    pub at: OffsetDateTime,
    /// It has waited for so long that it is of no use to anybody.
    pub is_stale: bool,
}

/// What is known of what an operational event is about, as of when it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Facts {
    /// Why.
    pub reason: Option<String>,
    /// The endpoint.
    pub endpoint: Option<EndpointFacts>,
    /// The delivery.
    pub delivery: Option<DeliveryFacts>,
    /// The replay.
    pub replay: Option<ReplayFacts>,
}

/// What is known of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EndpointFacts {
    /// Its id text.
    pub public_id: String,
    /// Where requests go. The query may be secret.
    pub url: String,
    /// The name of its contract.
    pub contract: String,
}

/// What is known of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeliveryFacts {
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// The id that the producer gave the event.
    pub given_event_id: Option<String>,
    /// The event's type.
    pub event_type: String,
    /// How many attempts were made, across rounds.
    pub attempts: u32,
    /// The status that the last attempt was answered with.
    pub last_status: Option<u16>,
    /// Why the last attempt was no success.
    pub last_failure: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "micros")]
    pub created_at: OffsetDateTime,
}

/// What is known of a replay in bulk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReplayFacts {
    /// Its id.
    pub id: ReplayId,
    /// What it makes.
    pub mode: String,
    /// Whether it finished or was cancelled.
    pub state: String,
    /// How many there were to replay when it was made, if they could be counted.
    pub matched: Option<u64>,
    /// How many it has made due.
    pub replayed: u64,
    /// How many it could not.
    pub skipped: u64,
    /// When it was made.
    #[serde(deserialize_with = "micros")]
    pub created_at: OffsetDateTime,
}

/// Times are kept in microseconds of Unix time, the same in both engines.
fn micros<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let micros = i64::deserialize(deserializer)?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(serde::de::Error::custom)
}

/// What operators are told.
#[async_trait]
pub trait Operations: Send + Sync {
    /// The tenant that is told, if there is one; without one nothing is written. Asks nobody.
    fn operator(&self) -> Option<TenantId>;

    /// The events that have waited longest, in their order. What is older than `stale_after` says so.
    async fn operational_events(
        &self,
        limit: u32,
        stale_after: Duration,
    ) -> Result<Vec<OperationalEvent>, StoreError>;

    /// Removes events that nobody has to be told of any more.
    async fn operational_events_remove(&self, ids: &[OperationalEventId])
    -> Result<(), StoreError>;
}
