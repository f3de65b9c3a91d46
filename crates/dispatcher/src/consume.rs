//! Consuming: each message is split into its deliveries, which take slots and are claimed.
//!
//! A message is acked once every delivery in it has been claimed or refused; from there the leases
//! carry the obligation, and a slow endpoint never holds the broker.

use crate::breakers::Breakers;
use crate::claim::{Claimer, Probe, Unanswered, Work};
use crate::deliver::Courier;
use crate::limiter::Rooms;
use crate::metrics::DispatcherMetrics;
use crate::slots::{OverCap, Slot, Slots};
use futures::future::join_all;
use postrider_broker::{Incoming, Queue, SharedBroker, WorkItem, process_span};
use postrider_common::batch::{Batcher, Limits};
use postrider_common::crash_point::crash_point;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::service::chain;
use postrider_common::trace::TraceContext;
use postrider_store::{Passage, SharedStore, StoreError, WorkQueue};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Messages without a verdict that a consumer may hold.
const PREFETCH: u16 = 128;
/// How long an endpoint that is over its cap is fed nothing, and what is over another share is put off.
const FEED_PAUSE: Duration = Duration::from_secs(1);
/// Between two questions while the database is away.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const REFUSALS: Limits = Limits { items: 512, weight: usize::MAX, queue: 4096, workers: 1 };

/// Turns messages into attempts. Clones share everything.
#[derive(Clone)]
pub(crate) struct Intake {
    slots: Arc<Slots>,
    claimer: Claimer,
    courier: Courier,
    refusals: Batcher<DeliveryId, Result<(), StoreError>>,
    postponements: Batcher<DeliveryId, Result<(), StoreError>>,
    deliveries: TaskTracker,
    stop: CancellationToken,
    metrics: Arc<DispatcherMetrics>,
}

/// What became of a delivery that a message named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Claimed, refused, or nothing of ours to do.
    Given,
    /// We are stopping: the broker keeps the message.
    Left,
}

impl Intake {
    pub(crate) fn new(
        store: SharedStore,
        slots: Arc<Slots>,
        claimer: Claimer,
        courier: Courier,
        stop: CancellationToken,
        metrics: Arc<DispatcherMetrics>,
    ) -> Self {
        let of_refusals = Arc::clone(&store);
        Self {
            slots,
            claimer,
            courier,
            refusals: Batcher::start(REFUSALS, move |ids| refuse(Arc::clone(&of_refusals), ids)),
            postponements: Batcher::start(REFUSALS, move |ids| postpone(Arc::clone(&store), ids)),
            deliveries: TaskTracker::new(),
            stop,
            metrics,
        }
    }

    /// The attempts that are being made; they outlive the messages that named them.
    pub(crate) fn deliveries(&self) -> &TaskTracker {
        &self.deliveries
    }

    /// Consumes a queue until it is told to stop.
    pub(crate) async fn consume(self, broker: SharedBroker, queue: Queue) {
        let mut consumer = broker.consume(queue, PREFETCH).await;
        let messages = TaskTracker::new();
        loop {
            let incoming = tokio::select! {
                () = self.stop.cancelled() => break,
                incoming = consumer.next() => incoming,
            };
            crash_point("dispatcher::received");
            messages.spawn(self.clone().handle(incoming, queue, broker.system()));
        }
        // The consumer stays until the last message has its verdict, so that it can be acked.
        messages.close();
        messages.wait().await;
    }

    async fn handle(self, incoming: Box<dyn Incoming>, queue: Queue, system: &'static str) {
        // Lasts until all have their verdicts and the message is acked.
        let span = process_span(system, queue, incoming.message());
        let (queue, trace) = (work_queue(queue), span.context());
        let items = incoming.message().items();
        let verdicts = join_all(items.iter().map(|item| self.admit(item, queue, trace))).await;
        crash_point("dispatcher::claimed_unacked");
        if verdicts.iter().all(|verdict| *verdict == Verdict::Given) {
            incoming.ack().await;
        }
    }

    async fn admit(
        &self,
        item: &WorkItem,
        queue: WorkQueue,
        trace: Option<TraceContext>,
    ) -> Verdict {
        let ended = self.try_admit(item, queue, trace).await;
        ended.err().unwrap_or(Verdict::Given)
    }

    async fn try_admit(
        &self,
        item: &WorkItem,
        queue: WorkQueue,
        trace: Option<TraceContext>,
    ) -> Result<(), Verdict> {
        let (id, endpoint) = (item.delivery, item.endpoint);
        if self.courier.limiter.is_full(endpoint) {
            return self.put_back(id).await;
        }
        if self.passage(item).await? == Passage::Withheld {
            return Ok(());
        }
        if self.is_over_ramp(endpoint) {
            self.metrics.over_ramp.inc();
            return self.answer(id, || self.courier.limiter.put_back(id)).await;
        }
        let slot = tokio::select! {
            () = self.stop.cancelled() => return Err(Verdict::Left),
            slot = self.slots.take(item, queue) => slot,
        };
        let slot = match slot {
            Ok(slot) => slot,
            Err(over) => return self.refuse(id, over).await,
        };
        // Others may have taken the room while it waited, or found the endpoint to be down.
        if self.courier.limiter.is_full(endpoint) {
            return self.put_back(id).await;
        }
        let probe = match self.passage(item).await? {
            Passage::Withheld => return Ok(()),
            Passage::Probe { down_since } => Some(Probe { down_since }),
            Passage::Free => None,
        };
        if let Some(work) = self.answer(id, || self.claimer.claim(id)).await? {
            self.start(Work { probe, ..work }, slot, trace);
        }
        Ok(())
    }

    /// Whether an endpoint's breaker lets a delivery through; puts it back, if not.
    async fn passage(&self, item: &WorkItem) -> Result<Passage, Verdict> {
        let (id, endpoint) = (item.delivery, item.endpoint);
        self.answer(id, || self.courier.breakers.passage(endpoint, id)).await
    }

    /// Whether an endpoint that is just back has as much in flight as it may have by now.
    fn is_over_ramp(&self, endpoint: EndpointId) -> bool {
        let allowed = self.courier.breakers.ramp(endpoint);
        allowed.is_some_and(|allowed| self.slots.taken(endpoint) >= allowed as usize)
    }

    /// Asks the store about a delivery, again and again while it is away: were the message acked
    /// without an answer, the delivery would have to be found as lost.
    async fn answer<T, Fut>(&self, id: DeliveryId, ask: impl Fn() -> Fut) -> Result<T, Verdict>
    where
        Fut: Future<Output = Result<T, Unanswered>>,
    {
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_passing() => {
                    tracing::debug!(delivery = %id, error = chain(&error), "no answer yet");
                }
                Err(error) => {
                    tracing::error!(delivery = %id, error = chain(&error), "left to be found as lost");
                    return Err(Verdict::Given);
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(Verdict::Left),
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }

    /// Sends a delivery back to the schedule. What is over a share that is not its endpoint's says nothing
    /// about the endpoint, whose other deliveries go on.
    async fn refuse(&self, id: DeliveryId, over: OverCap) -> Result<(), Verdict> {
        self.metrics.over_cap.inc();
        let batches = match over {
            OverCap::Endpoint => &self.refusals,
            OverCap::Share => &self.postponements,
        };
        self.answer(id, async || Ok(batches.submit(id, 0).await??)).await
    }

    /// Puts back what its endpoint's rate limit leaves no room for.
    async fn put_back(&self, id: DeliveryId) -> Result<(), Verdict> {
        self.metrics.over_rate.inc();
        self.answer(id, || self.courier.limiter.put_back(id)).await
    }

    /// What is known of the endpoints that have no room.
    pub(crate) fn rooms(&self) -> &Rooms {
        self.courier.limiter.rooms()
    }

    /// What endpoints have taken, and give back.
    pub(crate) fn slots(&self) -> &Arc<Slots> {
        &self.slots
    }

    /// What is known of the endpoints that are down.
    pub(crate) fn breakers(&self) -> &Breakers {
        &self.courier.breakers
    }

    fn start(&self, work: Work, slot: Slot, trace: Option<TraceContext>) {
        let courier = self.courier.clone();
        let in_flight = self.metrics.fly();
        self.deliveries.spawn(async move {
            let _in_flight = in_flight;
            courier.deliver(work, slot, trace).await;
        });
    }
}

fn work_queue(queue: Queue) -> WorkQueue {
    match queue {
        Queue::First => WorkQueue::First,
        Queue::Retry => WorkQueue::Retry,
    }
}

async fn refuse(store: SharedStore, ids: Vec<DeliveryId>) -> Vec<Result<(), StoreError>> {
    let refused = store.deliveries_refuse(&ids, FEED_PAUSE).await.map(drop);
    vec![refused; ids.len()]
}

async fn postpone(store: SharedStore, ids: Vec<DeliveryId>) -> Vec<Result<(), StoreError>> {
    let postponed = store.deliveries_postpone(&ids, FEED_PAUSE).await.map(drop);
    vec![postponed; ids.len()]
}
