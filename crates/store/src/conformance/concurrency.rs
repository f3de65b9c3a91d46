//! Conformance: everybody works at once, and neither loses anything nor stands in another's way.

use super::Subject;
use super::defer::deferral;
use super::fixtures::{event, ids, lease_policy, new_endpoint, queued, retry, success};
use crate::accept::{NewEvent, QueueRoom};
use crate::endpoints::{EndpointPatch, EndpointRef};
use crate::feed::FeedLimits;
use crate::work::{Claim, ClaimedDelivery, Claiming, Settled, Settlement};
use futures::future::join_all;
use postrider_common::delivery::DeliveryState;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Batches that a producer sends, and the events in each.
const BATCHES: usize = 12;
const EVENTS: usize = 20;
const ENDPOINTS: usize = 3;

/// Settlers and a reaper are after the same expired leases: whoever comes first, each success is
/// written, once, and no attempt is left as lost.
pub async fn a_success_that_races_the_reaper_is_written(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let queued = subject.queue(&tenant, 120).await;
    let claimed: Vec<ClaimedDelivery> =
        subject.claim(&queued).await.claims.into_iter().filter_map(into_claimed).collect();
    subject.age(1_000).await;
    let reaper = {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move {
            for _ in 0..12 {
                store.deliveries_reap(10).await.expect("reaped");
            }
        })
    };
    let settlers = claimed.chunks(10).map(|batch| {
        let store = Arc::clone(&subject.store);
        let batch: Vec<Settlement> = batch.iter().map(success).collect();
        tokio::spawn(async move { store.deliveries_settle(&batch).await.expect("settled") })
    });
    for settled in join_all(settlers).await {
        let settled = settled.expect("no panic");
        assert!(!settled.contains(&Settled::Superseded), "{settled:?}");
    }
    reaper.await.expect("no panic");
    subject.assert_all(&queued, DeliveryState::Delivered).await;
    for id in queued {
        let attempts = subject.store.attempt_list(&tenant, id).await.expect("attempts");
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].record.failure, None);
    }
}

/// Producers, dispatchers, a feeder and customers who pause and resume and create, all at once.
/// Nothing fails, and in the end everything is delivered.
pub async fn everybody_at_once_loses_nothing(subject: &Subject) {
    let mut customers = Vec::new();
    for _ in 0..2 {
        let tenant = subject.tenant().await;
        let mut endpoints = Vec::new();
        for _ in 0..ENDPOINTS {
            endpoints.push(subject.endpoint(&tenant).await);
        }
        customers.push((tenant, endpoints));
    }
    let broker = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (tenant, endpoints) in customers.clone() {
        tasks.push(tokio::spawn(produce(
            Arc::clone(&subject.store),
            tenant.clone(),
            broker.clone(),
        )));
        tasks.push(tokio::spawn(meddle(Arc::clone(&subject.store), tenant, endpoints)));
    }
    for n in 0..2 {
        tasks.push(tokio::spawn(dispatch(Arc::clone(&subject.store), n, broker.clone())));
    }
    for task in join_all(tasks).await {
        task.expect("nobody fails");
    }
    drain(subject).await;
    subject.feed(1_000).await;
    for (tenant, endpoints) in customers {
        for endpoint in endpoints {
            let backlogged = subject.hooks.is_backlogged(endpoint.id).await.expect("an answer");
            assert!(!backlogged, "no backlog outlasts its reason");
        }
        let deliveries = subject.deliveries(&tenant).await;
        assert_eq!(deliveries.len(), BATCHES * EVENTS * ENDPOINTS);
        for delivery in deliveries {
            assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
        }
    }
}

type Broker = Arc<Mutex<Vec<DeliveryId>>>;

fn publish(broker: &Broker, ids: Vec<DeliveryId>) {
    broker.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
}

fn consume(broker: &Broker, count: usize) -> Vec<DeliveryId> {
    let mut ids = broker.lock().unwrap_or_else(PoisonError::into_inner);
    let left = ids.len().saturating_sub(count);
    ids.split_off(left)
}

fn into_claimed(claim: Claim) -> Option<ClaimedDelivery> {
    match claim {
        Claim::Claimed(claimed) => Some(claimed),
        _ => None,
    }
}

/// Half of what is accepted finds room in the queue.
async fn produce(store: crate::SharedStore, tenant: TenantScope, broker: Broker) {
    for _ in 0..BATCHES {
        let events: Vec<NewEvent> = (0..EVENTS).map(|_| event(&tenant)).collect();
        let room = QueueRoom::for_each(EVENTS * ENDPOINTS / 2);
        let accepted = store.events_accept(&events, &room).await.expect("accepted");
        publish(&broker, accepted.iter().flat_map(queued).collect());
    }
}

/// Pauses and resumes each endpoint, and adds one that is deleted again before it is sent anything.
async fn meddle(store: crate::SharedStore, tenant: TenantScope, endpoints: Vec<Endpoint>) {
    for n in 0..BATCHES {
        let endpoint = EndpointRef::new(endpoints[n % ENDPOINTS].public_id.as_str());
        for active in [false, true] {
            let patch = EndpointPatch { active: Some(active), ..EndpointPatch::default() };
            store.endpoint_update(&tenant, &endpoint, patch).await.expect("changed");
            store.deliveries_follow_endpoints(50).await.expect("followed");
        }
        let mut new = new_endpoint();
        new.events = super::fixtures::wants(&["nothing.of.this"]);
        let name = EndpointRef::new(new.public_id.as_str());
        store.endpoint_create(&tenant, new, 100).await.expect("created");
        store.endpoint_delete(&tenant, &name).await.expect("deleted");
    }
}

/// Claims what comes, and in turn succeeds, fails, gives back, or dies with it.
async fn dispatch(store: crate::SharedStore, number: usize, broker: Broker) {
    for round in 0..60 {
        let limits =
            FeedLimits { total: 30, per_endpoint: 40, per_tenant: 10_000, ..FeedLimits::default() };
        if let Some(feeding) = store.deliveries_feed(&limits).await.expect("fed") {
            publish(&broker, ids(&feeding.fed));
        }
        let taken = consume(&broker, 25);
        let lease = lease_policy();
        let claimed =
            store.deliveries_claim(&taken, &lease, Claiming::Together).await.expect("claimed");
        let mut settlements = Vec::new();
        let mut deferrals = Vec::new();
        for (n, claimed) in claimed.claims.into_iter().filter_map(into_claimed).enumerate() {
            match (n + round + number) % 8 {
                0 => deferrals.push(deferral(&claimed, 0)),
                1 => settlements.push(retry(&claimed, Duration::ZERO)),
                2 => {}
                _ => settlements.push(success(&claimed)),
            }
        }
        settlements.reverse();
        deferrals.reverse();
        let (settled, given_back) =
            tokio::join!(store.deliveries_settle(&settlements), store.deliveries_defer(&deferrals));
        assert_eq!(given_back.expect("given back"), deferrals.len() as u64);
        for settled in settled.expect("settled") {
            assert_eq!(settled, Settled::Applied);
        }
    }
}

/// What an hour of ticks does: leases end, messages that nobody has are made up for.
async fn drain(subject: &Subject) {
    for queue in [crate::WorkQueue::First, crate::WorkQueue::Retry].repeat(5) {
        subject.age(1_000).await;
        subject.store.deliveries_reap(10_000).await.expect("reaped");
        let older_than = Duration::from_secs(30);
        let rule = crate::LostRule { queue, older_than, limit: 10_000 };
        subject.store.deliveries_requeue_lost(rule).await.expect("made up for");
        while subject.follow().await > 0 {}
        let fed = ids(&subject.feed_capped(10_000, 10_000).await);
        let claimed = subject.claim(&fed).await.claims.into_iter().filter_map(into_claimed);
        let settlements: Vec<Settlement> = claimed.map(|claimed| success(&claimed)).collect();
        subject.store.deliveries_settle(&settlements).await.expect("settled");
    }
}
