//! Accepting: group commit of the events of all calls.
//!
//! One batch runs at a time, so events are accepted in the order in which they were enqueued. A
//! second one beside it was measured to gain nothing: what a batch waits for is the database, and
//! what gathers meanwhile makes the next one larger. An event whose caller has gone before its batch
//! begins is left out.

mod commit;

use self::commit::Commit;
pub(crate) use self::commit::Outcome;
use crate::event_ids::EventIds;
use crate::gate::Gate;
use crate::metrics::IngestMetrics;
use crate::publish::Publisher;
use crate::room::Room;
use crate::service::Engines;
use postrider_common::batch::{BatchLost, Batcher, Limits, Pending};
use postrider_store::{NewEvent, Store};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

const BATCH: Limits = Limits { items: 1000, weight: 8 * 1024 * 1024, queue: 2048, workers: 1 };
/// Bytes of events that may wait for their commit; beyond that, callers wait.
const MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// What an event weighs beside its payload and metadata: more than its other fields hold.
const OVERHEAD_BYTES: usize = 1024;

/// An event with its part of the memory, which is free again once its batch is done.
struct Waiting {
    event: NewEvent,
    memory: OwnedSemaphorePermit,
}

/// Accepts events. Clones share the batches; once the last is dropped, what waits is finished.
#[derive(Clone)]
pub(crate) struct Acceptor {
    batcher: Batcher<Waiting, Outcome>,
    memory: Arc<Semaphore>,
    ids: EventIds,
    metrics: Arc<IngestMetrics>,
}

impl Acceptor {
    /// Starts to accept, and to publish what is accepted. Once the acceptor is dropped, waiting on
    /// the tracker is waiting until all of that is done.
    pub(crate) fn start(
        engines: &Engines,
        ids: EventIds,
        gate: Arc<Gate>,
        metrics: Arc<IngestMetrics>,
    ) -> (Self, TaskTracker) {
        let (publisher, tracker) = Publisher::start(engines, Arc::clone(&gate));
        let store = Arc::clone(&engines.store);
        let room = Room::new(Arc::<dyn Store>::clone(&store));
        let counted = Arc::clone(&metrics);
        let commit = Arc::new(Commit { store, room, gate, publisher, metrics: counted });
        let batcher = Batcher::start(BATCH, move |batch: Vec<Waiting>| {
            let commit = Arc::clone(&commit);
            async move {
                let waiting = batch.into_iter().map(|waiting| (waiting.event, waiting.memory));
                let (events, _memory): (Vec<_>, Vec<_>) = waiting.unzip();
                commit.run(&events).await
            }
        });
        let memory = Arc::new(Semaphore::new(MEMORY_BYTES));
        (Self { batcher, memory, ids, metrics }, tracker)
    }

    /// How the ids of accepted events are written.
    pub(crate) fn event_ids(&self) -> &EventIds {
        &self.ids
    }

    /// What is counted of the events that it is given.
    pub(crate) fn metrics(&self) -> &Arc<IngestMetrics> {
        &self.metrics
    }

    /// Puts an event behind those that were put before, waiting for nothing but a place.
    pub(crate) async fn enqueue(&self, event: NewEvent) -> Result<Pending<Outcome>, BatchLost> {
        let weight = weight(&event);
        let permits = u32::try_from(weight.min(MEMORY_BYTES)).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.memory).acquire_many_owned(permits).await;
        let memory = memory.map_err(|_closed| BatchLost)?;
        self.batcher.enqueue(Waiting { event, memory }, weight).await
    }
}

fn weight(event: &NewEvent) -> usize {
    let metadata = event.metadata.iter().map(|(key, value)| key.len() + value.len());
    OVERHEAD_BYTES + event.payload.len() + metadata.sum::<usize>()
}
