//! The breakers: spare endpoints that are down, and what waits for them.
//!
//! *Theory of operation.* How attempts end is watched here, by each dispatcher for itself; the rules are
//! `common::breaker`, and what one has found out the store tells all. Each second they are asked which
//! breakers are not closed: what a message names of their endpoints takes no slot and no claim until the
//! store, which never errs about it, has said that it is a probe. How a probe ends moves the breaker.
//! While an endpoint is just back, what comes past the feeder keeps to the ramp as well.

mod known;
mod watch;

use crate::claim::{Unanswered, Work};
use crate::endpoints::Recipient;
use crate::metrics::{BreakerMetrics, DispatcherMetrics};
use known::Known;
use postrider_common::batch::{Batcher, Limits};
use postrider_common::breaker::{BreakerState, Sign, rests};
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::service::chain;
use postrider_store::{BreakerMoved, BreakerTerms, Passage, SharedStore, StoreError};
use std::sync::Arc;
use std::time::Duration;
use watch::Watch;

const BATCH: Limits = Limits { items: 512, weight: usize::MAX, queue: 16_384, workers: 2 };
/// What a probe may take beyond its time-out, on its way to a dispatcher and back.
const PROBE_MARGIN: Duration = Duration::from_secs(30);
/// How often the store is asked again because a breaker moved while it was asked.
const TRIES: u32 = 3;

/// Spares endpoints that are down. Clones share everything.
#[derive(Clone)]
pub(crate) struct Breakers {
    store: SharedStore,
    known: Known,
    watch: Watch,
    passages: Batcher<DeliveryId, Result<Passage, StoreError>>,
    metrics: BreakerMetrics,
}

impl Breakers {
    pub(crate) fn start(store: &SharedStore, metrics: &DispatcherMetrics) -> Self {
        let asked = Arc::clone(store);
        Self {
            store: Arc::clone(store),
            known: Known::default(),
            watch: Watch::default(),
            passages: Batcher::start(BATCH, move |ids| withhold(Arc::clone(&asked), ids)),
            metrics: metrics.breakers.clone(),
        }
    }

    /// Learns which breakers are not closed.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let before = self.known.moves();
            let breakers = self.store.breakers_in_effect().await?;
            if self.known.learn(before, &breakers) {
                break;
            }
        }
        self.metrics.show_open(self.known.open());
        self.watch.forget_what_is_quiet();
        Ok(())
    }

    /// The same before anything is sent, so that what waits for endpoints that are down is spared. If the
    /// store does not answer, it is asked again soon.
    pub(crate) async fn refresh_at_start(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = chain(&error), "it is not known which endpoints are down");
        }
    }

    /// Whether a delivery of this endpoint may be sent; put back by this, if not.
    pub(crate) async fn passage(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
    ) -> Result<Passage, Unanswered> {
        if !self.known.is_open(endpoint) {
            return Ok(Passage::Free);
        }
        let passage = self.passages.submit(id, 0).await??;
        if passage == Passage::Withheld {
            self.metrics.withheld.inc();
        }
        Ok(passage)
    }

    /// How many deliveries of this endpoint may be in flight, if it is just back.
    pub(crate) fn ramp(&self, endpoint: EndpointId) -> Option<u32> {
        self.known.ramp(endpoint)
    }

    /// Notes what the end of an attempt says about its endpoint.
    pub(crate) async fn ended(&self, work: &Work, recipient: &Recipient, sign: Sign) {
        let delivery = &work.delivery;
        let endpoint = delivery.endpoint;
        if delivery.test {
            return;
        }
        if work.probe.is_some() {
            return self.probed(endpoint, recipient, sign).await;
        }
        let (version, failed) = (delivery.endpoint_version, sign == Sign::Down);
        // Of one that is open, what was in flight before says nothing new.
        if self.known.is_open(endpoint) || !self.watch.note(endpoint, version, delivery.id, failed)
        {
            return;
        }
        let opened = self.store.breaker_open(endpoint, version, &terms(recipient)).await;
        if self.moved(recipient, BreakerState::Open, &opened) {
            self.known.opened(endpoint);
        }
        if opened.is_ok() {
            self.watch.forget(endpoint);
        }
    }

    async fn probed(&self, endpoint: EndpointId, recipient: &Recipient, sign: Sign) {
        match sign {
            Sign::Alive => {
                let closed = self.store.breaker_close(endpoint).await;
                if self.moved(recipient, BreakerState::Closed, &closed) {
                    self.known.closed(endpoint);
                }
            }
            Sign::Down => {
                let opened = self.store.breaker_reopen(endpoint, &terms(recipient)).await;
                self.moved(recipient, BreakerState::Open, &opened);
            }
        }
    }

    /// Tells that a breaker has moved, if it has. If the store has not said so, the breaker moves by the
    /// next attempts.
    fn moved(
        &self,
        recipient: &Recipient,
        to: BreakerState,
        moved: &Result<BreakerMoved, StoreError>,
    ) -> bool {
        let (endpoint, to_state) = (&recipient.endpoint_id, to.as_str());
        match moved {
            Ok(BreakerMoved::Moved) => {
                tracing::info!(endpoint, breaker = to_state, "an endpoint's breaker has moved");
                self.metrics.moved(to, 1);
                true
            }
            Ok(BreakerMoved::Elsewhere) => false,
            Err(error) => {
                let error = chain(error);
                tracing::warn!(endpoint, breaker = to_state, error, "a breaker was not moved");
                false
            }
        }
    }
}

fn terms(recipient: &Recipient) -> BreakerTerms {
    BreakerTerms {
        rests: rests(rand::random()),
        give_up_after: recipient.schedule.length(),
        probe_within: recipient.timeout + PROBE_MARGIN,
    }
}

async fn withhold(store: SharedStore, ids: Vec<DeliveryId>) -> Vec<Result<Passage, StoreError>> {
    match store.deliveries_withhold(&ids).await {
        Ok(passages) => passages.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error); ids.len()],
    }
}
