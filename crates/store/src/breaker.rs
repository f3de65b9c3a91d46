//! Breakers: which endpoints are down, for all dispatchers together.
//!
//! When a breaker moves is decided by `common::breaker`, by whoever made the attempts; a store moves
//! each once, and withholds what is due to an endpoint that is down. The feeder takes probes
//! (`Work::deliveries_feed`).

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::breaker::BreakerState;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

/// An endpoint's breaker as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Whose it is.
    pub endpoint: EndpointId,
    /// Where it stands.
    pub state: BreakerState,
    /// Since when the endpoint has been down or, if closed, back; on the database's clock.
    pub since: OffsetDateTime,
    /// How long ago that was, on the same clock.
    pub age: Duration,
    /// When it is probed, if open; later if nothing is due by then.
    pub next_probe_at: Option<OffsetDateTime>,
}

/// What an endpoint's breaker opens with.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerTerms {
    /// How long it rests when it opens for the first time in a row, the second, …; the last holds from
    /// then on.
    pub rests: Vec<Duration>,
    /// A delivery that has waited for so long goes out with the next probe.
    pub give_up_after: Duration,
    /// A probe that says nothing for so long counts as lost.
    pub probe_within: Duration,
}

/// What became of moving a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerMoved {
    /// It is moved.
    Moved,
    /// It was not in the state to be moved from (any more), or the endpoint has changed: nothing is
    /// moved.
    Elsewhere,
}

/// Whether a delivery that a message names may be sent, as far as breakers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// No breaker is in its way.
    Free,
    /// It is a probe: how it ends says whether its endpoint is back.
    Probe {
        /// Since when the endpoint has been down.
        down_since: OffsetDateTime,
    },
    /// It is put back: `scheduled`, at the time that it had.
    Withheld,
}

/// The endpoints' breakers.
#[async_trait]
pub trait Breakers: Send + Sync {
    /// Opens the closed breaker of an endpoint that has not changed since this version of it.
    async fn breaker_open(
        &self,
        endpoint: EndpointId,
        version: i64,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError>;

    /// Opens a half-open breaker again, for longer: its probe has failed.
    async fn breaker_reopen(
        &self,
        endpoint: EndpointId,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError>;

    /// Closes a half-open breaker: its probe has found the endpoint alive.
    async fn breaker_close(&self, endpoint: EndpointId) -> Result<BreakerMoved, StoreError>;

    /// The breakers that withhold something: all but those that have been closed for the whole ramp.
    async fn breakers_in_effect(&self) -> Result<Vec<Breaker>, StoreError>;

    /// The breakers of a tenant's endpoints, as far as they have any.
    async fn endpoint_breakers(
        &self,
        scope: &TenantScope,
        endpoints: &[EndpointId],
    ) -> Result<HashMap<EndpointId, Breaker>, StoreError>;

    /// Puts `queued` deliveries back whose endpoint's breaker is not closed, except for probes and
    /// tests; what became of each, in their order.
    async fn deliveries_withhold(&self, ids: &[DeliveryId]) -> Result<Vec<Passage>, StoreError>;
}
