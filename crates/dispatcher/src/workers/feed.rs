//! The feeder: hands due deliveries to the broker.

use super::Pace;
use crate::limiter::Rooms;
use crate::metrics::{BreakerMetrics, WorkerMetrics};
use postrider_broker::{Published, Queue, SharedBroker, WorkItem, WorkMessage};
use postrider_common::breaker::BreakerState;
use postrider_common::crash_point::crash_point;
use postrider_common::id::DeliveryId;
use postrider_store::{FeedLimits, SharedStore, StoreError, WorkQueue};
use std::collections::HashSet;

/// Deliveries that one step hands out.
const BATCH: u32 = 2048;

/// Hands due deliveries to the broker.
pub struct Feeder {
    store: SharedStore,
    broker: SharedBroker,
    limits: FeedLimits,
    metrics: WorkerMetrics,
    rooms: Rooms,
    breakers: Option<BreakerMetrics>,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// Deliveries that the broker has now.
    pub handed_out: usize,
    /// Deliveries that went back to the schedule because the broker did not take them.
    pub taken_back: usize,
}

impl Feeder {
    /// A feeder that keeps each endpoint within `per_endpoint` deliveries `queued` or in flight.
    pub fn new(store: SharedStore, broker: SharedBroker, per_endpoint: u32) -> Self {
        let limits = FeedLimits { total: BATCH, per_endpoint };
        let (metrics, rooms) = (WorkerMetrics::default(), Rooms::default());
        Self { store, broker, limits, metrics, rooms, breakers: None }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics, breakers: &BreakerMetrics) -> Self {
        Self { metrics: metrics.clone(), breakers: Some(breakers.clone()), ..self }
    }

    /// Looks again when an endpoint has room that had none.
    pub(crate) fn minding(self, rooms: &Rooms) -> Self {
        Self { rooms: rooms.clone(), ..self }
    }

    /// Hands out what is due now. Does nothing while the broker is away or another feeder works.
    pub async fn run_once(&self) -> Result<Fed, StoreError> {
        Ok(self.try_once().await?.unwrap_or_default())
    }

    /// `None` while another feeder works.
    async fn try_once(&self) -> Result<Option<Fed>, StoreError> {
        if self.broker.ping().await.is_err() {
            return Ok(Some(Fed::default()));
        }
        let Some(fed) = self.store.deliveries_feed(self.limits).await? else {
            return Ok(None);
        };
        if fed.is_empty() {
            return Ok(Some(Fed::default()));
        }
        crash_point("feeder::marked");
        self.count_probes(&fed);
        let mut total = Fed::default();
        for (queue, name) in [(WorkQueue::First, Queue::First), (WorkQueue::Retry, Queue::Retry)] {
            let items = fed.iter().filter(|one| one.queue == queue).map(|one| WorkItem {
                delivery: one.delivery.id,
                endpoint: one.delivery.endpoint,
                tenant: one.delivery.tenant.clone(),
            });
            self.hand_out(name, items.collect(), &mut total).await?;
        }
        Ok(Some(total))
    }

    /// Hands out what is due now, and says when to look again.
    pub async fn step(&self) -> Result<Pace, StoreError> {
        let Some(fed) = self.try_once().await? else {
            // What became due a moment ago, the other one may not have seen.
            return Ok(Pace::Shortly);
        };
        Ok(match fed {
            Fed { handed_out: 0, .. } | Fed { taken_back: 1.., .. } => {
                self.rooms.next_room_in().map_or(Pace::NextTick, Pace::After)
            }
            Fed { handed_out, .. } if handed_out == BATCH as usize => Pace::AtOnce,
            // Endpoints got what their caps left; a backlog must not drain by one cap a tick.
            Fed { .. } => Pace::Shortly,
        })
    }

    /// Counts the breakers that are half open by what was fed.
    fn count_probes(&self, fed: &[postrider_store::Fed]) {
        let probes = fed.iter().filter(|one| one.probe);
        let endpoints: HashSet<_> = probes.map(|one| one.delivery.endpoint).collect();
        if let Some(breakers) = &self.breakers {
            breakers.moved(BreakerState::HalfOpen, endpoints.len() as u64);
        }
    }

    /// Publishes until the broker takes no more, and takes back the rest.
    async fn hand_out(
        &self,
        queue: Queue,
        items: Vec<WorkItem>,
        total: &mut Fed,
    ) -> Result<(), StoreError> {
        let mut refused: Vec<DeliveryId> = Vec::new();
        for message in WorkMessage::split(items) {
            let items = message.items();
            // An error leaves open whether the broker has it; a message too many claims nothing.
            let taken = refused.is_empty()
                && matches!(self.broker.publish(queue, &message).await, Ok(Published::Confirmed));
            if taken {
                total.handed_out += items.len();
                self.metrics.fed.inc_by(items.len() as u64);
            } else {
                refused.extend(items.iter().map(|item| item.delivery));
            }
        }
        if !refused.is_empty() {
            self.store.deliveries_unqueue(&refused).await?;
            total.taken_back += refused.len();
            self.metrics.taken_back.inc_by(refused.len() as u64);
        }
        Ok(())
    }
}
