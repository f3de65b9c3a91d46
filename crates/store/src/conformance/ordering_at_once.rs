//! Conformance: many accept and settle deliveries of the same ordering keys at once. None is left
//! asleep, none overtakes, and nobody stands in another's way for good.

use super::Subject;
use super::fixtures::{dead, ids, lease_policy, retry, success};
use super::ordering::keyed;
use crate::SharedStore;
use crate::accept::{NewEvent, QueueRoom};
use crate::feed::FeedLimits;
use crate::work::{Claim, Settlement};
use futures::future::join_all;
use postrider_common::delivery::DeadReason;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::ordering::OnFailure;
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const PRODUCERS: usize = 4;
const DISPATCHERS: usize = 3;
const BATCHES: usize = 25;
const KEYS: usize = 5;
/// Far beyond what it takes.
const DEADLINE: Duration = Duration::from_mins(2);

/// What was sent, in the order in which it was: by event.
type Sent = Arc<Mutex<Vec<EventId>>>;

/// Producers bring the keys in different orders, dispatchers finish them in whatever order. Each producer
/// has keys of its own beside those that all of them share, and of each of these the order in which it
/// accepted them is the order in which they are sent.
pub async fn nobody_is_left_asleep_or_overtaken(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::GoOn).await;
    let (sent, produced) = (Sent::default(), Arc::new(AtomicBool::new(false)));
    let dispatchers: Vec<_> = (0..DISPATCHERS)
        .map(|_| {
            let store = Arc::clone(&subject.store);
            tokio::spawn(dispatch(store, Arc::clone(&sent), Arc::clone(&produced)))
        })
        .collect();
    let producers = (0..PRODUCERS)
        .map(|number| tokio::spawn(produce(Arc::clone(&subject.store), tenant.clone(), number)));
    let mut accepted: HashMap<String, Vec<EventId>> = HashMap::new();
    for produced in join_all(producers).await {
        for (key, event) in produced.expect("no producer fails") {
            accepted.entry(key).or_default().push(event);
        }
    }
    produced.store(true, Ordering::Relaxed);
    for dispatcher in dispatchers {
        dispatcher.await.expect("no dispatcher fails");
    }

    let deliveries = subject.deliveries(&tenant).await;
    assert_eq!(deliveries.len(), PRODUCERS * BATCHES * KEYS * 2);
    for delivery in deliveries {
        assert!(delivery.state.is_terminal(), "{delivery:?}");
    }
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (key, events) in accepted.iter().filter(|(key, _)| key.starts_with("own")) {
        let order: Vec<EventId> =
            sent.iter().filter(|event| events.contains(event)).copied().collect();
        let mut firsts = order.clone();
        firsts.dedup();
        assert_eq!(&firsts, events, "{key}");
    }
    subject.assert_no_key_is_left().await;
}

async fn produce(store: SharedStore, tenant: TenantScope, number: usize) -> Vec<(String, EventId)> {
    let mut accepted = Vec::new();
    for batch in 0..BATCHES {
        let mut keys: Vec<String> = (0..KEYS)
            .flat_map(|key| [format!("own-{number}-{key}"), format!("all-{key}")])
            .collect();
        let places = keys.len();
        keys.rotate_left((batch + number) % places);
        if number.is_multiple_of(2) {
            keys.reverse();
        }
        let events: Vec<NewEvent> = keys.iter().map(|key| keyed(&tenant, key)).collect();
        accepted.extend(keys.into_iter().zip(events.iter().map(|event| event.id)));
        let full = QueueRoom::for_each(0);
        store.events_accept(&events, &full).await.expect("accepted");
    }
    accepted
}

/// Feeds, claims and settles until nothing is due any more. Some attempts fail, some for good.
async fn dispatch(store: SharedStore, sent: Sent, produced: Arc<AtomicBool>) {
    let began = Instant::now();
    let mut attempts = 0;
    loop {
        assert!(began.elapsed() < DEADLINE, "it takes too long");
        let all_are_there = produced.load(Ordering::Relaxed);
        let limits = FeedLimits {
            total: 7,
            per_endpoint: 1_000,
            per_tenant: 10_000,
            ..FeedLimits::default()
        };
        let fed: Vec<DeliveryId> = match store.deliveries_feed(&limits).await.expect("fed") {
            Some(feeding) => ids(&feeding.fed),
            None => Vec::new(),
        };
        if fed.is_empty() {
            let backlog = store.deliveries_backlog().await.expect("a backlog");
            if all_are_there && backlog.oldest_due.is_none() {
                return;
            }
            tokio::task::yield_now().await;
            continue;
        }
        let claimed = store.deliveries_claim(&fed, &lease_policy()).await.expect("claimed");
        let mut settlements: Vec<Settlement> = Vec::new();
        for claim in claimed.claims {
            let Claim::Claimed(claimed) = claim else { panic!("not claimed: {claim:?}") };
            sent.lock().unwrap_or_else(PoisonError::into_inner).push(claimed.event);
            attempts += 1;
            settlements.push(match attempts % 11 {
                0 => dead(&claimed, DeadReason::Exhausted),
                1 | 2 => retry(&claimed, Duration::ZERO),
                _ => success(&claimed),
            });
        }
        settlements.reverse();
        store.deliveries_settle(&settlements).await.expect("settled");
    }
}
