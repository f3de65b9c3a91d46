//! The feeder: hands due deliveries to the broker.
//!
//! How soon it looks again follows from what it found: an endpoint that more is due for than it has room
//! for gets its next deliveries from here alone, and must not wait for a tick each time that some are done
//! with; nor is one that answers nothing to be looked at all the time.

use super::{Pace, SHORTLY};
use crate::limiter::Rooms;
use crate::metrics::{BreakerMetrics, WorkerMetrics};
use crate::slots::Slots;
use postrider_broker::{Published, Queue, SharedBroker, WorkItem, WorkMessage};
use postrider_common::breaker::BreakerState;
use postrider_common::crash_point::crash_point;
use postrider_common::id::DeliveryId;
use postrider_store::{FeedLimits, Leftover, SharedStore, StoreError, WorkQueue};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Deliveries that one step hands out.
const BATCH: u32 = 2048;
/// Deliveries of one tenant that it leaves unclaimed: twice as many as an ingest does, so that it has room
/// while ingests use theirs.
const PER_TENANT: u32 = 2000;
/// When it looks again if an endpoint has got half of its cap since it looked last, or more.
const SOON: Duration = Duration::from_millis(5);

/// Hands due deliveries to the broker.
pub struct Feeder {
    store: SharedStore,
    broker: SharedBroker,
    limits: FeedLimits,
    metrics: WorkerMetrics,
    rooms: Rooms,
    slots: Option<Arc<Slots>>,
    breakers: Option<BreakerMetrics>,
    /// Steps in a row in which something waited for room and found none.
    in_vain: AtomicU32,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// Deliveries that the broker has now.
    pub handed_out: usize,
    /// Deliveries that went back to the schedule because the broker did not take them.
    pub taken_back: usize,
}

/// What a step came to, and what the next one is to know.
#[derive(Default)]
struct Step {
    fed: Fed,
    left: Leftover,
    /// The most that one endpoint was handed.
    most: u32,
}

impl Feeder {
    /// A feeder that keeps each endpoint within `per_endpoint` deliveries `queued` or in flight, those aside
    /// that are known to be quick.
    pub fn new(store: SharedStore, broker: SharedBroker, per_endpoint: u32) -> Self {
        let limits = FeedLimits {
            total: BATCH,
            per_endpoint,
            quick: HashMap::new(),
            per_tenant: PER_TENANT,
        };
        let (metrics, rooms) = (WorkerMetrics::default(), Rooms::default());
        let in_vain = AtomicU32::default();
        Self { store, broker, limits, metrics, rooms, slots: None, breakers: None, in_vain }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics, breakers: &BreakerMetrics) -> Self {
        Self { metrics: metrics.clone(), breakers: Some(breakers.clone()), ..self }
    }

    /// Looks again when an endpoint has room that had none.
    pub(crate) fn minding(self, rooms: &Rooms) -> Self {
        Self { rooms: rooms.clone(), ..self }
    }

    /// Keeps those endpoints busy that give the slots of this process back quickly.
    pub(crate) fn beside(self, slots: &Arc<Slots>) -> Self {
        Self { slots: Some(Arc::clone(slots)), ..self }
    }

    /// Hands out what is due now. Does nothing while the broker is away or another feeder works.
    pub async fn run_once(&self) -> Result<Fed, StoreError> {
        Ok(self.try_once().await?.unwrap_or_default().fed)
    }

    /// `None` while another feeder works.
    async fn try_once(&self) -> Result<Option<Step>, StoreError> {
        if self.broker.ping().await.is_err() {
            return Ok(Some(Step::default()));
        }
        let quick = self.slots.as_ref().map(|slots| slots.quick()).unwrap_or_default();
        let limits = FeedLimits { quick, ..self.limits };
        let Some(feeding) = self.store.deliveries_feed(&limits).await? else {
            return Ok(None);
        };
        let (fed, left) = (feeding.fed, feeding.left);
        if fed.is_empty() {
            return Ok(Some(Step { left, ..Step::default() }));
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
        Ok(Some(Step { fed: total, left, most: most_of_one(&fed) }))
    }

    /// Hands out what is due now, and says when to look again.
    pub async fn step(&self) -> Result<Pace, StoreError> {
        let Some(step) = self.try_once().await? else {
            // What became due a moment ago, the other one may not have seen.
            return Ok(Pace::Shortly);
        };
        let in_vain = step.fed == Fed::default() && step.left == Leftover::AwaitsRoom;
        let before = self.in_vain.load(Ordering::Relaxed);
        self.in_vain.store(if in_vain { before.saturating_add(1) } else { 0 }, Ordering::Relaxed);
        Ok(match step.fed {
            Fed { taken_back: 1.., .. } => self.when_there_is_room(None),
            Fed { handed_out: 0, .. } => self.when_there_is_room(match step.left {
                Leftover::Nothing => None,
                Leftover::AwaitsRoom => Some(SHORTLY.saturating_mul(1 << before.min(8))),
                // It is round the circle of endpoints by and by.
                Leftover::AwaitsStep => Some(SHORTLY),
            }),
            _ if step.left == Leftover::AwaitsStep => Pace::AtOnce,
            _ if step.most >= self.limits.per_endpoint.div_ceil(2) => Pace::After(SOON),
            // Endpoints got what their caps left; a backlog must not drain by one cap a tick.
            _ => Pace::Shortly,
        })
    }

    /// When an endpoint's rate leaves room again, and after so long at the latest, if it is said.
    fn when_there_is_room(&self, latest: Option<Duration>) -> Pace {
        let earliest = self.rooms.next_room_in().into_iter().chain(latest).min();
        earliest.map_or(Pace::NextTick, Pace::After)
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

fn most_of_one(fed: &[postrider_store::Fed]) -> u32 {
    let mut counts: HashMap<_, u32> = HashMap::new();
    for one in fed {
        *counts.entry(one.delivery.endpoint).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}
