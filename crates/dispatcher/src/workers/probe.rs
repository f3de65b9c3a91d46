//! The prober: hands out single deliveries to endpoints that were switched off for their failures and want
//! to be tried again. When each is tried is `common::probing`; what follows from how it goes, the store's
//! business. Breakers, of endpoints that are on, are probed by the feeder.

use super::Pace;
use crate::metrics::WorkerMetrics;
use postrider_broker::{Published, Queue, SharedBroker, WorkItem, WorkMessage};
use postrider_common::id::DeliveryId;
use postrider_store::{Probe, Probed, SharedStore, StoreError, WorkQueue};

/// Endpoints that one step looks at.
const BATCH: u32 = 256;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// Endpoints whose time had come.
    endpoints: usize,
    /// Probes that the broker took.
    taken: usize,
}

/// Hands out probes.
pub struct Prober {
    store: SharedStore,
    broker: SharedBroker,
    metrics: WorkerMetrics,
}

impl Prober {
    /// A prober of all tenants' endpoints.
    pub fn new(store: SharedStore, broker: SharedBroker) -> Self {
        Self { store, broker, metrics: WorkerMetrics::default() }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Hands out the probes whose time has come; gives how many the broker took. Does nothing while that
    /// is away. A probe that it does not take is held again, and the next one comes in its time.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        Ok(self.try_once().await?.taken)
    }

    async fn try_once(&self) -> Result<Step, StoreError> {
        if self.broker.ping().await.is_err() {
            return Ok(Step { endpoints: 0, taken: 0 });
        }
        let Probed { endpoints, probes } = self.store.deliveries_probe(BATCH).await?;
        let mut taken = 0;
        for (queue, name) in [(WorkQueue::First, Queue::First), (WorkQueue::Retry, Queue::Retry)] {
            let of_queue = probes.iter().filter(|probe| probe.queue == queue);
            taken += self.hand_out(name, of_queue.map(item).collect()).await?;
        }
        self.metrics.probed.inc_by(taken as u64);
        Ok(Step { endpoints, taken })
    }

    /// Hands out the probes whose time has come, and says when to look again. What counts is how many
    /// endpoints there were: one with nothing to send is due again soon, and must not hide the next.
    pub async fn step(&self) -> Result<Pace, StoreError> {
        let step = self.try_once().await?;
        Ok(if step.endpoints >= BATCH as usize { Pace::AtOnce } else { Pace::NextTick })
    }

    async fn hand_out(&self, queue: Queue, items: Vec<WorkItem>) -> Result<usize, StoreError> {
        let mut taken = 0;
        for message in WorkMessage::split(items) {
            let ids: Vec<DeliveryId> = message.items().iter().map(|item| item.delivery).collect();
            match self.broker.publish(queue, &message).await {
                Ok(Published::Confirmed) => taken += ids.len(),
                // An error leaves open whether the broker has it; a message too many claims nothing.
                _ => drop(self.store.deliveries_unqueue(&ids).await?),
            }
        }
        Ok(taken)
    }
}

fn item(Probe { delivery, .. }: &Probe) -> WorkItem {
    WorkItem { delivery: delivery.id, endpoint: delivery.endpoint, tenant: delivery.tenant.clone() }
}
