//! The messenger: makes ordinary events of the operator's tenant of what operators are told.
//!
//! Their deliveries are due at once, and the feeder hands them out. An event has the id of its row as its
//! idempotency key, so that a process that dies before the row is removed repeats nothing, and several
//! dispatchers make one event.

mod payload;

use super::Pace;
use crate::metrics::WorkerMetrics;
use postrider_common::crash_point::crash_point;
use postrider_common::event::{EventType, GivenId, Metadata};
use postrider_common::id::EventId;
use postrider_common::tenant::TenantId;
use postrider_store::{
    Accepted, ContractBook, Fingerprint, NewEvent, OperationalEvent, OperationalEventId, QueueRoom,
    SharedStore, StoreError,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Events that one step makes.
const BATCH: u32 = 200;
/// For how long it is tried. By then an event is of no use to anybody.
const STALE_AFTER: Duration = Duration::from_hours(24);

/// Tells the operator's tenant.
pub struct Messenger {
    store: SharedStore,
    contracts: ContractBook,
    /// Whether it is in the log that there is nobody to be told.
    complained: AtomicBool,
    metrics: WorkerMetrics,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Events that were made, now or by a step before that died.
    pub sent: usize,
    /// Events that nobody was told of for a day.
    pub dropped: usize,
}

impl Messenger {
    /// A messenger that names things as their contracts do.
    pub fn new(store: SharedStore, contracts: ContractBook) -> Self {
        let (complained, metrics) = (AtomicBool::new(false), WorkerMetrics::default());
        Self { store, contracts, complained, metrics }
    }

    /// Counts what it does.
    pub(crate) fn measured(self, metrics: &WorkerMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Tells what waits, the oldest first. While there is nobody to be told, what is older than a day is
    /// dropped.
    pub async fn run_once(&self) -> Result<Told, StoreError> {
        let waiting = self.store.operational_events(BATCH, STALE_AFTER).await?;
        if waiting.is_empty() {
            return Ok(Told::default());
        }
        let Some(operator) = self.store.operator() else {
            return self.drop_stale(&waiting).await;
        };
        match self.accept(&operator, &waiting).await {
            Ok(true) => {
                crash_point("operations::accepted");
                self.complained.store(false, Ordering::Relaxed);
                self.remove(waiting.iter()).await?;
                self.metrics.told.inc_by(waiting.len() as u64);
                Ok(Told { sent: waiting.len(), dropped: 0 })
            }
            Ok(false) => {
                if !self.complained.swap(true, Ordering::Relaxed) {
                    tracing::error!(tenant = %operator, "the operator's tenant does not exist");
                }
                self.drop_stale(&waiting).await
            }
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => {
                // One that can never be sent must not be in the way of the others for ever.
                self.drop_stale(&waiting).await?;
                Err(error)
            }
        }
    }

    pub(crate) async fn step(&self) -> Result<Pace, StoreError> {
        let told = self.run_once().await?;
        let is_full = told.sent.max(told.dropped) == BATCH as usize;
        Ok(if is_full { Pace::AtOnce } else { Pace::NextTick })
    }

    /// False if the operator's tenant does not exist.
    async fn accept(
        &self,
        operator: &TenantId,
        waiting: &[OperationalEvent],
    ) -> Result<bool, StoreError> {
        let mut events = Vec::with_capacity(waiting.len());
        for one in waiting {
            events.extend(self.event(operator, one).await);
        }
        let accepted = self.store.events_accept(&events, &QueueRoom::for_each(0)).await?;
        for (accepted, one) in accepted.iter().zip(&events) {
            if let Accepted::Conflict { .. } = accepted {
                let key = one.idempotency_key.as_ref().map(GivenId::as_str);
                tracing::error!(key, "the operator's tenant has another event under this key");
            }
        }
        Ok(!accepted.contains(&Accepted::UnknownTenant))
    }

    /// `None` if there are no words for it, which is a defect.
    async fn event(&self, operator: &TenantId, one: &OperationalEvent) -> Option<NewEvent> {
        let contract = match &one.facts.endpoint {
            Some(endpoint) => self.contracts.find(&endpoint.contract).await,
            None => None,
        };
        let words = (
            EventType::parse(one.kind.as_str()).ok(),
            GivenId::parse(one.id.to_string()).ok(),
            payload::payload(one, contract.as_deref()),
        );
        let (Some(event_type), Some(key), Some(payload)) = words else {
            tracing::error!(id = %one.id, "an operational event cannot be put into words");
            return None;
        };
        Some(NewEvent {
            id: EventId::generate(),
            tenant: operator.clone(),
            given_id: None,
            idempotency_key: Some(key),
            fingerprint: fingerprint(one.id),
            event_type,
            payload,
            metadata: Metadata::new(),
            occurred_at: Some(one.at),
            deliver_at: None,
            ordering_key: None,
            trace: None,
        })
    }

    async fn drop_stale(&self, waiting: &[OperationalEvent]) -> Result<Told, StoreError> {
        let stale = waiting.iter().filter(|one| one.is_stale);
        let dropped = stale.clone().count();
        if dropped > 0 {
            self.remove(stale).await?;
            self.metrics.dropped.inc_by(dropped as u64);
        }
        Ok(Told { sent: 0, dropped })
    }

    async fn remove<'a>(
        &self,
        events: impl Iterator<Item = &'a OperationalEvent>,
    ) -> Result<(), StoreError> {
        let ids: Vec<OperationalEventId> = events.map(|one| one.id).collect();
        self.store.operational_events_remove(&ids).await
    }
}

/// What is said of a row may be put in other words when it is tried again: it is the same event.
fn fingerprint(id: OperationalEventId) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(id.as_bytes());
    Fingerprint(bytes)
}
