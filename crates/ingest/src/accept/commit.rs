//! The commit of one batch, and what follows from it.

use crate::gate::Gate;
use crate::metrics::IngestMetrics;
use crate::publish::Publisher;
use crate::room::Room;
use postrider_common::crash_point::crash_point;
use postrider_common::service::chain;
use postrider_store::{Accepted, NewEvent, QueueRoom, QueuedDelivery, SharedStore, StoreError};
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a batch may take before the database counts as away: a connection that has gone silent
/// must not hold up everybody.
const WITHIN: Duration = Duration::from_secs(10);

/// What became of one event.
pub(crate) type Outcome = Result<Accepted, StoreError>;

/// What it takes to commit a batch.
pub(super) struct Commit {
    pub(super) store: SharedStore,
    pub(super) room: Room,
    pub(super) gate: Arc<Gate>,
    pub(super) publisher: Publisher,
    pub(super) metrics: Arc<IngestMetrics>,
}

impl Commit {
    /// Commits a batch, hands over what it queued, and gives one outcome per event.
    pub(super) async fn run(&self, events: &[NewEvent]) -> Vec<Outcome> {
        let began = Instant::now();
        let mut outcomes = match timeout(WITHIN, self.accept(events)).await {
            Ok(outcomes) => outcomes,
            Err(elapsed) => vec![Err(StoreError::Unavailable(Arc::new(elapsed))); events.len()],
        };
        self.metrics.committed(&outcomes, began.elapsed());
        let queued: Vec<QueuedDelivery> = outcomes.iter_mut().flat_map(take_queued).collect();
        self.room.took(&queued);
        crash_point("ingest::accepted");
        self.publisher.hand_over(queued);
        outcomes
    }

    async fn accept(&self, events: &[NewEvent]) -> Vec<Outcome> {
        let room = if self.gate.is_open() {
            self.room.for_batch(events, Instant::now()).await
        } else {
            QueueRoom::for_each(0)
        };
        match self.store.events_accept(events, &room).await {
            Ok(accepted) => accepted.into_iter().map(Ok).collect(),
            Err(error) if error.is_unavailable() || events.len() == 1 => {
                vec![Err(error); events.len()]
            }
            Err(error) => {
                let count = events.len();
                tracing::error!(error = chain(&error), count, "a batch was refused; one by one");
                self.accept_one_by_one(events).await
            }
        }
    }

    /// After a batch that the database refuses as a whole, which only a defect can cause: whatever
    /// is wrong with one event, its neighbours are accepted.
    async fn accept_one_by_one(&self, events: &[NewEvent]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let room = QueueRoom::for_each(0);
            let accepted = self.store.events_accept(slice::from_ref(event), &room).await;
            outcomes.push(accepted.and_then(|mut one| {
                one.pop().ok_or(StoreError::Unreadable { what: "answer to an accept" })
            }));
        }
        outcomes
    }
}

fn take_queued(outcome: &mut Outcome) -> Vec<QueuedDelivery> {
    match outcome {
        Ok(Accepted::New { queued, .. }) => std::mem::take(queued),
        _ => Vec::new(),
    }
}
