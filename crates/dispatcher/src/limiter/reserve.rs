//! Reserving in batches: one request per endpoint, however many of its attempts ask.

use super::pace::Pace;
use super::rooms::Rooms;
use postrider_common::id::EndpointId;
use postrider_common::rate::RateLimit;
use postrider_store::{RateGrant, RateRequest, SharedStore, StoreError};
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// An attempt that asks whether it may start.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) endpoint: EndpointId,
    /// When its delivery was due.
    pub(super) due: OffsetDateTime,
    pub(super) limit: RateLimit,
}

/// What an attempt is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Reserved(Start),
    NoRoom,
}

/// A start that is reserved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The database's time of the reservation, and ours when we learnt of it.
    at: OffsetDateTime,
    learnt_at: Instant,
    /// When the store was asked, and how long from then on it may be used.
    asked_at: Instant,
    within: Duration,
}

impl Start {
    /// The database's present time, if the start may still be used.
    pub(super) fn now(&self, pace: &Pace) -> Option<OffsetDateTime> {
        let now = Instant::now();
        let took = now.duration_since(self.asked_at);
        pace.note(took);
        (took <= self.within).then(|| self.at + now.duration_since(self.learnt_at))
    }
}

/// The asks of one endpoint, by their places in the batch.
struct Asking {
    request: RateRequest,
    places: Vec<usize>,
}

pub(super) async fn reserve(
    store: SharedStore,
    rooms: Rooms,
    pace: Pace,
    asks: Vec<Ask>,
) -> Vec<Result<Answer, StoreError>> {
    let count = asks.len();
    let (requests, places): (Vec<_>, Vec<_>) = by_endpoint(asks, &pace)
        .into_values()
        .map(|asking| (asking.request, asking.places))
        .unzip();
    // Taken before the store is asked: it cannot have reserved anything earlier than that.
    let asked_at = Instant::now();
    let grants = match store.rate_reserve(&requests).await {
        Ok(grants) => grants,
        Err(error) => return vec![Err(error); count],
    };
    let learnt_at = Instant::now();
    let mut answers = vec![Ok(Answer::NoRoom); count];
    for ((request, places), grant) in requests.iter().zip(places).zip(grants) {
        rooms.note(request.endpoint, &grant, asked_at, learnt_at);
        let RateGrant { at, may_start, .. } = grant;
        let start = Start { at, learnt_at, asked_at, within: request.within };
        for (place, _) in places.iter().zip(may_start).filter(|(_, may_start)| *may_start) {
            answers[*place] = Ok(Answer::Reserved(start));
        }
    }
    answers
}

fn by_endpoint(asks: Vec<Ask>, pace: &Pace) -> BTreeMap<EndpointId, Asking> {
    let mut asking: BTreeMap<EndpointId, Asking> = BTreeMap::new();
    for (place, Ask { endpoint, due, limit }) in asks.into_iter().enumerate() {
        let of_endpoint = asking.entry(endpoint).or_insert_with(|| Asking {
            request: RateRequest { endpoint, within: pace.within(&limit), limit, due: Vec::new() },
            places: Vec::new(),
        });
        of_endpoint.request.due.push(due);
        of_endpoint.places.push(place);
    }
    asking
}
