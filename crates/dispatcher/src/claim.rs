//! Claiming in batches: what gathered while the last claim ran is claimed together. What is to be alone is
//! claimed by itself.

use crate::metrics::DispatcherMetrics;
use postrider_common::batch::{BatchLost, Batcher, Limits};
use postrider_common::breaker::withheld;
use postrider_common::id::DeliveryId;
use postrider_store::{
    Claim, ClaimedDelivery, Claiming, ContractBook, EventContent, LeasePolicy, SharedStore,
    StoreError,
};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// What a lease lasts beyond the time-out.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
const BATCH: Limits = Limits { items: 512, weight: usize::MAX, queue: 16_384, workers: 2 };

/// A delivery that is ours, with what it takes to send it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) delivery: ClaimedDelivery,
    pub(crate) event: Arc<EventContent>,
    /// The database's time of the claim, and ours when we learnt of it.
    pub(crate) claimed_at: OffsetDateTime,
    pub(crate) learnt_at: Instant,
    /// When the lease ends at the earliest, on our monotonic clock.
    pub(crate) lease_end: Instant,
    /// Set if it is a probe of an endpoint that is down.
    pub(crate) probe: Option<Probe>,
}

/// A delivery whose end says whether its endpoint is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Since when the endpoint has been down, on the database's clock.
    pub(crate) down_since: OffsetDateTime,
}

impl Work {
    /// For how long the attempt was withheld although it was due.
    pub(crate) fn withheld(&self) -> Duration {
        self.probe.map_or(Duration::ZERO, |probe| {
            withheld(self.delivery.due_at, probe.down_since, self.claimed_at)
        })
    }
}

/// What became of a claim.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It is ours to be sent.
    Work(Box<Work>),
    /// It is to be claimed alone.
    Suspect,
    /// It is not to be sent now.
    Nothing,
}

/// Claims deliveries. Clones share the batches.
#[derive(Clone)]
pub(crate) struct Claimer {
    together: Claims,
    alone: Claims,
}

type Claims = Batcher<DeliveryId, Result<Found, StoreError>>;

impl Claimer {
    pub(crate) fn start(
        store: &SharedStore,
        contracts: &ContractBook,
        metrics: &Arc<DispatcherMetrics>,
    ) -> Self {
        let start = |claiming, limits| {
            let (store, metrics) = (Arc::clone(store), Arc::clone(metrics));
            let contracts = contracts.clone();
            Batcher::start(limits, move |ids: Vec<DeliveryId>| {
                let (store, lease) = (Arc::clone(&store), lease(&contracts));
                let metrics = Arc::clone(&metrics);
                async move {
                    match claim(&store, &ids, &lease, claiming, &metrics).await {
                        Ok(found) => found.into_iter().map(Ok).collect(),
                        Err(error) => ids.iter().map(|_| Err(error.clone())).collect(),
                    }
                }
            })
        };
        let by_itself = Limits { items: 1, workers: 1, ..BATCH };
        Self {
            together: start(Claiming::Together, BATCH),
            alone: start(Claiming::Alone, by_itself),
        }
    }

    /// Claims one delivery.
    pub(crate) async fn claim(
        &self,
        id: DeliveryId,
        claiming: Claiming,
    ) -> Result<Found, Unanswered> {
        let claims = match claiming {
            Claiming::Together => &self.together,
            Claiming::Alone => &self.alone,
        };
        Ok(claims.submit(id, 0).await??)
    }
}

/// The store did not say what became of a delivery.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the batch was lost")]
    Batch(#[from] BatchLost),
}

impl Unanswered {
    /// Whether asking again may help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Batch(_) => true,
        }
    }
}

/// By the contracts in force now.
fn lease(contracts: &ContractBook) -> LeasePolicy {
    let contracts = contracts.contracts();
    let timeouts = contracts.iter().map(|one| (one.name().to_owned(), one.timeout()));
    LeasePolicy { timeouts: timeouts.collect(), margin: LEASE_MARGIN }
}

async fn claim(
    store: &SharedStore,
    ids: &[DeliveryId],
    lease: &LeasePolicy,
    claiming: Claiming,
    metrics: &DispatcherMetrics,
) -> Result<Vec<Found>, StoreError> {
    // Taken before the database is asked: the lease cannot begin earlier than that.
    let asked_at = Instant::now();
    let claimed = store.deliveries_claim(ids, lease, claiming).await;
    let learnt_at = Instant::now();
    metrics.claim_took(ids.len(), learnt_at - asked_at);
    let claimed = claimed?;
    metrics.claimed(&claimed.claims);
    let found = |(claim, id): (Claim, &DeliveryId)| match claim {
        Claim::Claimed(delivery) => {
            let Some(event) = claimed.events.get(&delivery.event).map(Arc::clone) else {
                tracing::error!(delivery = %id, "its event is missing; its lease will end unused");
                return Found::Nothing;
            };
            let lease_end = asked_at + delivery.lease;
            let claimed_at = claimed.now;
            let work = Work { delivery, event, claimed_at, learnt_at, lease_end, probe: None };
            Found::Work(Box::new(work))
        }
        Claim::Unknown => {
            tracing::warn!(delivery = %id, "a message named a delivery that does not exist");
            Found::Nothing
        }
        Claim::Suspect => Found::Suspect,
        Claim::NotQueued | Claim::Held | Claim::EndpointDeleted => Found::Nothing,
    };
    Ok(claimed.claims.into_iter().zip(ids).map(found).collect())
}
