//! The limiter: keeps endpoints within their rate limits, their own or their contracts'.
//!
//! *Theory of operation.* What is about to be sent to an endpoint with a limit reserves its start in the
//! store, which counts for all dispatchers; what gathered while the last reservation ran is reserved
//! together. Without room the claim is put off: the delivery is scheduled as it was, no attempt counts,
//! and the feeder hands it out again, the longest due first, once there is room. While an endpoint is
//! known to have none, its deliveries are put back before they take a slot and are claimed. The windows
//! themselves are `common::rate`.

mod pace;
mod reserve;
mod rooms;

pub(crate) use rooms::Rooms;

use crate::claim::{Unanswered, Work};
use crate::metrics::DispatcherMetrics;
use crate::request::database_now;
use pace::Pace;
use postrider_common::batch::{Batcher, Limits};
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::rate::RateLimit;
use postrider_common::service::chain;
use postrider_store::{Deferral, RatePlace, SharedStore, StoreError};
use reserve::{Answer, Ask};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

const BATCH: Limits = Limits { items: 512, weight: usize::MAX, queue: 16_384, workers: 2 };
/// How often a start is reserved that comes too late to be used.
const TRIES: u32 = 3;
/// How long an endpoint is fed nothing after the store has not said whether there is room.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Keeps endpoints within their limits. Clones share everything.
#[derive(Clone)]
pub(crate) struct Limiter {
    reservations: Batcher<Ask, Result<Answer, StoreError>>,
    deferrals: Batcher<Deferral, Result<(), StoreError>>,
    returns: Batcher<DeliveryId, Result<(), StoreError>>,
    rooms: Rooms,
    pace: Pace,
    metrics: Arc<DispatcherMetrics>,
}

/// An attempt may not start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PutOff {
    /// For how long its endpoint is to be fed nothing, beside what its limit says.
    pause: Duration,
}

impl Limiter {
    pub(crate) fn start(store: &SharedStore, metrics: Arc<DispatcherMetrics>) -> Self {
        let (rooms, pace) = (Rooms::default(), Pace::default());
        let (of_reservations, noted, kept) = (Arc::clone(store), rooms.clone(), pace.clone());
        let (of_deferrals, of_returns) = (Arc::clone(store), Arc::clone(store));
        Self {
            reservations: Batcher::start(BATCH, move |asks| {
                reserve::reserve(Arc::clone(&of_reservations), noted.clone(), kept.clone(), asks)
            }),
            deferrals: Batcher::start(BATCH, move |deferrals| {
                defer(Arc::clone(&of_deferrals), deferrals)
            }),
            returns: Batcher::start(BATCH, move |ids| put_back(Arc::clone(&of_returns), ids)),
            rooms,
            pace,
            metrics,
        }
    }

    /// What is known of the endpoints that have no room.
    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Puts a `queued` delivery back whose endpoint has no room, at the time that it had.
    pub(crate) async fn put_back(&self, id: DeliveryId) -> Result<(), Unanswered> {
        Ok(self.returns.submit(id, 0).await??)
    }

    /// Whether an endpoint is known to have no room.
    pub(crate) fn is_full(&self, endpoint: EndpointId) -> bool {
        self.rooms.is_full(endpoint)
    }

    /// When an attempt starts, on the database's clock: now, if it may. Without a limit nobody is asked.
    pub(crate) async fn admit(
        &self,
        work: &Work,
        limit: Option<&RateLimit>,
    ) -> Result<OffsetDateTime, PutOff> {
        let Some(limit) = limit.cloned() else {
            return Ok(database_now(work));
        };
        let delivery = &work.delivery;
        // What is withheld while its endpoint is down is due before a test, and must not hold it back.
        let in_line = RatePlace::InLine { due: delivery.due_at };
        let place = if delivery.test { RatePlace::First } else { in_line };
        let ask = Ask { endpoint: delivery.endpoint, place, limit };
        for _ in 0..TRIES {
            match self.ask(ask.clone()).await {
                Ok(Answer::Reserved(start)) => {
                    if let Some(now) = start.now(&self.pace) {
                        return Ok(now);
                    }
                }
                Ok(Answer::NoRoom) => return Err(PutOff { pause: Duration::ZERO }),
                Err(error) => {
                    let id = delivery.id;
                    tracing::warn!(delivery = %id, error = chain(&error), "no start was reserved");
                    return Err(PutOff { pause: AFTER_FAILURE });
                }
            }
        }
        tracing::warn!(delivery = %delivery.id, "reservations come too late to be used");
        Err(PutOff { pause: AFTER_FAILURE })
    }

    /// Gives a claim back whose attempt may not start. Should that fail, the lease ends by itself.
    pub(crate) async fn put_off(&self, work: &Work, PutOff { pause }: PutOff) {
        self.metrics.over_rate.inc();
        self.defer(work, pause).await;
    }

    /// Gives a claim back as due as it was; its endpoint is fed nothing for `pause`. Should that fail, the
    /// lease ends by itself.
    pub(crate) async fn defer(&self, work: &Work, pause: Duration) {
        let (delivery, token) = (work.delivery.id, work.delivery.token);
        let deferred = self.deferrals.submit(Deferral { delivery, token, pause }, 0).await;
        if let Err(error) = deferred.map_err(Unanswered::from).and_then(|done| Ok(done?)) {
            tracing::warn!(%delivery, error = chain(&error), "a claim was not put off");
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, Unanswered> {
        Ok(self.reservations.submit(ask, 0).await??)
    }
}

async fn defer(store: SharedStore, deferrals: Vec<Deferral>) -> Vec<Result<(), StoreError>> {
    let deferred = store.deliveries_defer(&deferrals).await.map(drop);
    vec![deferred; deferrals.len()]
}

async fn put_back(store: SharedStore, ids: Vec<DeliveryId>) -> Vec<Result<(), StoreError>> {
    let put_back = store.deliveries_unqueue(&ids).await.map(drop);
    vec![put_back; ids.len()]
}
