//! Reserving in batches: one request per endpoint, however many of its attempts ask.

use super::pace::Pace;
use super::rooms::Rooms;
use postrider_common::id::EndpointId;
use postrider_common::rate::RateLimit;
use postrider_store::{RateGrant, RatePlace, RateRequest, SharedStore, StoreError};
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// An attempt that asks whether it may start.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) endpoint: EndpointId,
    pub(super) place: RatePlace,
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

/// The asks of one endpoint, and where in the batch they are answered.
struct Asking {
    request: RateRequest,
    answers: Vec<usize>,
}

pub(super) async fn reserve(
    store: SharedStore,
    rooms: Rooms,
    pace: Pace,
    asks: Vec<Ask>,
) -> Vec<Result<Answer, StoreError>> {
    let count = asks.len();
    let (requests, answered_at): (Vec<_>, Vec<_>) = by_endpoint(asks, &pace)
        .into_values()
        .map(|asking| (asking.request, asking.answers))
        .unzip();
    // Taken before the store is asked: it cannot have reserved anything earlier than that.
    let asked_at = Instant::now();
    let grants = match store.rate_reserve(&requests).await {
        Ok(grants) => grants,
        Err(error) => return vec![Err(error); count],
    };
    let learnt_at = Instant::now();
    let mut answers = vec![Ok(Answer::NoRoom); count];
    for ((request, answered_at), grant) in requests.iter().zip(answered_at).zip(grants) {
        rooms.note(request.endpoint, &grant, asked_at, learnt_at);
        let RateGrant { at, may_start, .. } = grant;
        let start = Start { at, learnt_at, asked_at, within: request.within };
        for (n, _) in answered_at.iter().zip(may_start).filter(|(_, may_start)| *may_start) {
            answers[*n] = Ok(Answer::Reserved(start));
        }
    }
    answers
}

fn by_endpoint(asks: Vec<Ask>, pace: &Pace) -> BTreeMap<EndpointId, Asking> {
    let mut asking: BTreeMap<EndpointId, Asking> = BTreeMap::new();
    for (n, Ask { endpoint, place, limit }) in asks.into_iter().enumerate() {
        let of_endpoint = asking.entry(endpoint).or_insert_with(|| {
            let (within, places) = (pace.within(&limit), Vec::new());
            Asking { request: RateRequest { endpoint, within, limit, places }, answers: Vec::new() }
        });
        of_endpoint.request.places.push(place);
        of_endpoint.answers.push(n);
    }
    asking
}
