//! Probing: which held deliveries go out to see whether an endpoint that was switched off for its failures
//! answers again.
//!
//! *Theory of operation.* An endpoint's row says which delivery is its latest probe: that one alone is
//! claimed although the endpoint is off, and if it is settled as a success, the endpoint is on again (the
//! adapters' `switch`). When the next probe is due is written when this one is taken. So nothing has to be
//! put right when a probe fails, is lost, or dies with its process: the delivery is held again by the ways
//! that there are for all, and then is no more than a held one. One that was never sent is `scheduled` for a
//! moment; the follower, which holds it, takes it back, so that a shortage of ours costs no rest. How long it
//! is between two probes is `common::probing`. Endpoints that are down and not off are probed by their breakers.

use crate::accept::QueuedDelivery;
use crate::error::StoreError;
use crate::work::WorkQueue;
use async_trait::async_trait;

/// A held delivery that was made `queued`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The delivery, for its message.
    pub delivery: QueuedDelivery,
    /// The queue that the message goes to.
    pub queue: WorkQueue,
}

/// What a step came to.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    /// How many endpoints were to be probed, with or without a delivery for it.
    pub endpoints: usize,
    /// What is to be handed out to them.
    pub probes: Vec<Probe>,
}

/// Probing endpoints that are off.
#[async_trait]
pub trait Probing: Send + Sync {
    /// Makes a held delivery that is due `queued`, the oldest, of each endpoint that is switched off for
    /// its failures, wants to be probed and is to be by now; of at most `limit` endpoints. Where nothing
    /// is held that is due, it is looked for again by and by.
    async fn deliveries_probe(&self, limit: u32) -> Result<Probed, StoreError>;
}
