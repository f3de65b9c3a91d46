//! Feeding: what of all that is due goes out now, decided from what a step of the feeder looked at.
//!
//! Pure: an adapter finds the endpoints that have something due (`circle`), looks at them, lets
//! [`choose`] decide, and does what was decided.
//!
//! *Theory of operation.* The endpoints that have something `scheduled` are a circle, in the order of their
//! ids. A step goes on where the last one stopped, visits no more endpoints with something due than it
//! may hand out deliveries, and looks at each one's share of these: so it costs what it hands out, however
//! much is due. Of each endpoint the oldest due go, as many as it has room for; over all, the first of
//! every tenant go before the second of any. An endpoint that more is due for than it has room for is
//! *backlogged* until that is otherwise: what is accepted for it meanwhile is `scheduled`, so that nothing
//! overtakes what waits.

mod choice;

pub(crate) use choice::{Due, Looked, Standing, choose};

use crate::accept::QueuedDelivery;
use crate::work::WorkQueue;
use postrider_common::id::EndpointId;
use std::collections::HashMap;
use uuid::Uuid;

/// How much the feeder may hand out.
#[derive(Clone, Debug, Default)]
pub struct FeedLimits {
    /// Deliveries in one step.
    pub total: u32,
    /// Deliveries of one endpoint that may be `queued` or `in_flight`.
    pub per_endpoint: u32,
    /// Endpoints of which more may be, and how many, since they are done with them quickly.
    pub quick: HashMap<EndpointId, u32>,
    /// Deliveries of one tenant that may be `queued`.
    pub per_tenant: u32,
}

impl FeedLimits {
    /// How many deliveries of an endpoint may be `queued` or `in_flight`.
    pub(crate) fn cap(&self, endpoint: Uuid) -> u32 {
        let quick = self.quick.get(&EndpointId::from_uuid(endpoint));
        quick.map_or(self.per_endpoint, |cap| self.per_endpoint.max(*cap))
    }
}

/// A delivery that the feeder made `queued`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// The delivery, for its message.
    pub delivery: QueuedDelivery,
    /// The queue that the message goes to.
    pub queue: WorkQueue,
    /// Whether it is a probe: its endpoint's breaker is half open by that.
    pub probe: bool,
}

/// What a step of the feeder came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feeding {
    /// What it made `queued`, the first of every tenant before the second of any.
    pub fed: Vec<Fed>,
    /// What it left.
    pub left: Leftover,
}

/// What is due and was not handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leftover {
    /// Nothing that could go.
    #[default]
    Nothing,
    /// What its endpoint or its tenant has no room for until something of theirs is done with.
    AwaitsRoom,
    /// What another step may hand out at once.
    AwaitsStep,
}

/// How many of each endpoint's due deliveries a step looks at, that each may have its part.
pub(crate) fn share(total: u32, endpoints: usize) -> u32 {
    let endpoints = u32::try_from(endpoints).unwrap_or(u32::MAX);
    total.div_ceil(endpoints.max(1))
}
