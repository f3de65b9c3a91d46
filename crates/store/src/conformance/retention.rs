//! Conformance: what is too old goes, and nothing else does. That an endpoint's statistics are those of
//! its deliveries cannot hold once some are gone, so each case removes all of an endpoint's or none.

use super::Subject;
use super::fixtures::{dead, event, event_type, given, ids, queued, retry, success, wants};
use crate::accept::{Accepted, NewEvent, QueueRoom};
use crate::log::EventFilterBy;
use crate::page::PageRequest;
use crate::retention::{PartitionRemoval, Removed};
use crate::tenants::TenantPatch;
use futures::future::join_all;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::keeping::Days;
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);
/// What is older than the suite's tenants keep it: a day is counted from its end.
const OLD: u32 = 32;
/// Not as old as that.
const YOUNG: u32 = 29;

impl Subject {
    /// An event of a tenant that was accepted so many days ago, as its id says.
    pub async fn event_of(&self, tenant: &TenantScope, days: u32) -> NewEvent {
        let now = self.hooks.now().await.expect("the time");
        let at = now - DAY * days;
        self.hooks.make_room_for(at).await.expect("room for that day");
        NewEvent { id: id_of(at), ..event(tenant) }
    }

    /// Accepts such an event, and gives its deliveries, which are queued.
    async fn accept_of(&self, tenant: &TenantScope, days: u32) -> Vec<DeliveryId> {
        let event = self.event_of(tenant, days).await;
        queued(&self.accept_one(event).await)
    }

    /// Accepts such an event and delivers it.
    async fn deliver_of(&self, tenant: &TenantScope, days: u32) -> Vec<DeliveryId> {
        let deliveries = self.accept_of(tenant, days).await;
        for delivery in &deliveries {
            self.settle(success(&self.claim_one(*delivery).await)).await;
        }
        deliveries
    }

    /// Has an event of a tenant that is too old, and delivers it.
    pub(super) async fn deliver_old(&self, tenant: &TenantScope) {
        self.deliver_of(tenant, OLD).await;
    }

    /// Keeps a tenant's things for so many days.
    async fn keep(&self, tenant: &TenantScope, days: u32) {
        let retention = Some(Some(Days::new(days).expect("days")));
        let patch = TenantPatch { retention, ..TenantPatch::default() };
        self.store.tenant_update(tenant.tenant(), patch).await.expect("an answer");
    }

    /// Holds a tenant's deliveries for so many days.
    async fn hold(&self, tenant: &TenantScope, days: u32) {
        let hold = Some(Days::new(days).expect("days"));
        let patch = TenantPatch { hold, ..TenantPatch::default() };
        self.store.tenant_update(tenant.tenant(), patch).await.expect("an answer");
    }

    /// Removes until there is nothing left to remove; gives the rows that were deleted one by one.
    pub async fn retain(&self) -> Removed {
        while let PartitionRemoval::Removed(_) = self.remove_partitions().await {}
        // Whoever has just had a turn rests.
        self.age(3_600).await;
        let mut sum = Removed::default();
        while let Some(removed) = self.remove_some().await {
            sum.events += removed.events;
            sum.deliveries += removed.deliveries;
            sum.attempts += removed.attempts;
            sum.keys += removed.keys;
        }
        sum
    }

    async fn remove_partitions(&self) -> PartitionRemoval {
        self.store.partitions_remove(Days::USUAL).await.expect("an answer")
    }

    async fn remove_some(&self) -> Option<Removed> {
        self.store.expired_remove(Days::USUAL).await.expect("an answer")
    }

    async fn count_events(&self, tenant: &TenantScope) -> usize {
        let all = PageRequest { limit: 10_000, after: None };
        let filter = EventFilterBy::default();
        self.store.event_list(tenant, &filter, all).await.expect("a page").rows.len()
    }

    async fn endpoint_of(&self, tenant: &TenantScope) -> Endpoint {
        let all = PageRequest { limit: 10, after: None };
        self.store.endpoint_list(tenant, all).await.expect("a page").rows.remove(0)
    }

    async fn is_there(&self, tenant: &TenantScope, id: DeliveryId) -> bool {
        self.store.delivery_get(tenant, id).await.expect("an answer").is_some()
    }

    /// Gives up what was held for too long; gives how many those were.
    pub(super) async fn expire(&self) -> u64 {
        self.store.held_expire(1_000).await.expect("an answer")
    }
}

/// An event's id of this time.
fn id_of(at: OffsetDateTime) -> EventId {
    let millis = at.unix_timestamp_nanos() / 1_000_000;
    let millis = u64::try_from(millis).expect("a time since 1970");
    let random = *Uuid::new_v4().as_bytes().first_chunk().expect("10 bytes");
    EventId::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// With everything that belongs to it; what is younger stays.
pub async fn what_is_too_old_goes(subject: &Subject) {
    let tenant = subject.tenant().await;
    subject.endpoint_with(&tenant, |new| new.events = wants(&["old"])).await;
    subject.endpoint_with(&tenant, |new| new.events = wants(&["young"])).await;
    let of = async |days, name: &str| {
        let event = subject.event_of(&tenant, days).await;
        NewEvent { event_type: event_type(name), ..event }
    };
    let (old, young) = (of(OLD, "old").await, of(YOUNG, "young").await);
    let (old_id, young_id) = (old.id, young.id);
    let mut deliveries = Vec::new();
    for event in [old, young] {
        let delivery = queued(&subject.accept_one(event).await).remove(0);
        subject.settle(success(&subject.claim_one(delivery).await)).await;
        deliveries.push(delivery);
    }
    subject.retain().await;
    let found = async |id: EventId| {
        let found = subject.store.event_get(&tenant, &id.to_string()).await;
        found.expect("an answer").is_some()
    };
    assert!(!found(old_id).await);
    assert!(!subject.is_there(&tenant, deliveries[0]).await);
    let attempts = subject.store.attempt_list(&tenant, deliveries[0]).await.expect("attempts");
    assert!(attempts.is_empty(), "{attempts:?}");
    assert!(found(young_id).await && subject.is_there(&tenant, deliveries[1]).await);
}

/// Whole: with the deliveries of it that are finished. Once nothing is owed any more, it goes.
pub async fn what_is_owed_keeps_its_event(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.endpoint(&tenant).await;
    let deliveries = subject.accept_of(&tenant, OLD).await;
    let claimed = subject.claim_one(deliveries[0]).await;
    subject.settle(success(&claimed)).await;
    let waiting = subject.claim_one(deliveries[1]).await;
    subject.settle(retry(&waiting, Duration::ZERO)).await;
    assert_eq!(subject.retain().await, Removed::default());
    for delivery in &deliveries {
        assert!(subject.is_there(&tenant, *delivery).await);
    }
    assert_eq!(ids(&subject.feed(10).await), [deliveries[1]]);
    let again = subject.claim_one(deliveries[1]).await;
    subject.settle(dead(&again, DeadReason::Exhausted)).await;
    subject.retain().await;
    assert_eq!(subject.count_events(&tenant).await, 0);
    let kept = subject.hooks.raw_statistics(endpoint.id).await.expect("statistics");
    assert_eq!(kept.attempted, 1, "statistics count what was");
}

/// Whichever it is: what is scheduled, held, queued or in flight.
pub async fn whatever_is_unfinished_stays(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let full = QueueRoom::for_each(0);
    let scheduled = subject.event_of(&tenant, OLD).await;
    subject.store.events_accept(&[scheduled], &full).await.expect("accepted");
    let claimed = subject.accept_of(&tenant, OLD).await.remove(0);
    subject.claim_one(claimed).await;
    subject.accept_of(&tenant, OLD).await;
    subject.switch(&tenant, &endpoint, false).await;
    let held = subject.event_of(&tenant, OLD).await;
    let accepted = subject.accept_one(held).await;
    assert!(matches!(accepted, Accepted::New { .. }), "{accepted:?}");
    subject.retain().await;
    let mut states: Vec<&str> =
        subject.deliveries(&tenant).await.iter().map(|delivery| delivery.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["held", "in_flight", "queued", "scheduled"]);
}

/// Shorter than others', or longer, which also holds for what others of the same day keep.
pub async fn each_tenant_has_its_own_retention(subject: &Subject) {
    let (short, _) = subject.customer().await;
    let (long, _) = subject.customer().await;
    let (usual, _) = subject.customer().await;
    subject.keep(&short, 2).await;
    subject.keep(&long, 100).await;
    for tenant in [&short, &long, &usual] {
        for days in [4, OLD] {
            subject.deliver_of(tenant, days).await;
        }
    }
    // Of the usual one an endpoint's deliveries may not be removed in part.
    subject.delete(&usual, &subject.endpoint_of(&usual).await).await;
    let removed = subject.retain().await;
    assert_eq!((removed.events, removed.deliveries, removed.attempts), (3, 3, 3));
    assert_eq!(subject.count_events(&short).await, 0);
    assert_eq!(subject.count_events(&long).await, 2);
    assert_eq!(subject.count_events(&usual).await, 1);
}

/// In bounded steps, past what has to stay.
pub async fn many_go_in_steps(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, _) = subject.customer().await;
    subject.keep(&tenant, 2).await;
    subject.keep(&other, 100).await;
    let template = subject.event_of(&tenant, 4).await;
    let events: Vec<NewEvent> =
        (0..1_200).map(|_| NewEvent { id: same_day(template.id), ..template.clone() }).collect();
    // Nothing wants them but the first, so that making them is quick.
    let kept = queued(&subject.accept_one(template).await);
    subject.delete(&tenant, &endpoint).await;
    for batch in events.chunks(400) {
        subject.accept(batch).await;
    }
    subject.age(3_600).await;
    let (mut steps, mut removed) = (0, 0);
    while let Some(step) = subject.remove_some().await {
        assert!(step.events <= 500, "{step:?}");
        (steps, removed) = (steps + 1, removed + step.events);
    }
    assert_eq!(removed, 1_200);
    assert!(steps > 3, "{steps}");
    assert_eq!(subject.count_events(&tenant).await, 1);
    assert!(subject.is_there(&tenant, kept[0]).await);
    assert_eq!(subject.remove_some().await, None, "it rests once all was looked through");
}

fn same_day(id: EventId) -> EventId {
    let (first, _) = DeliveryId::range_for(id);
    let random = Uuid::new_v4().as_u128() & ((1 << 62) - 1);
    EventId::from_uuid(Uuid::from_u128(first.as_uuid().as_u128() | 7 << 76 | 2 << 62 | random))
}

/// A tenant that keeps things for less than 30 days is told of a repetition for 30 days all the same.
pub async fn keys_live_as_long_as_events_and_30_days_at_least(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, _) = subject.customer().await;
    subject.keep(&tenant, 2).await;
    subject.keep(&other, 100).await;
    let named = async |days, name: &str| {
        let event = subject.event_of(&tenant, days).await;
        NewEvent { given_id: given(name), idempotency_key: given(name), ..event }
    };
    let young = named(YOUNG, "young").await;
    let old = named(OLD, "old").await;
    for event in [&young, &old] {
        for delivery in queued(&subject.accept_one(event.clone()).await) {
            subject.settle(success(&subject.claim_one(delivery).await)).await;
        }
    }
    let removed = subject.retain().await;
    assert_eq!((removed.events, removed.keys), (2, 0), "they were made a moment ago");
    subject.age(31 * DAY.as_secs()).await;
    let removed = subject.retain().await;
    assert_eq!((removed.events, removed.keys), (0, 2));
    let again = async |event: &NewEvent| {
        let event = NewEvent { id: EventId::generate(), ..event.clone() };
        matches!(subject.accept_one(event).await, Accepted::New { .. })
    };
    assert!(!again(&young).await, "its event is gone and its key is there");
    assert!(again(&old).await);
    subject.delete(&tenant, &endpoint).await;
}

/// However old it is.
pub async fn a_key_stays_as_long_as_its_event(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let event = NewEvent { given_id: given("kept"), ..subject.event_of(&tenant, OLD).await };
    subject.accept_one(event.clone()).await;
    subject.age(31 * DAY.as_secs()).await;
    assert_eq!(subject.retain().await, Removed::default());
    let found = subject.store.event_get(&tenant, "kept").await.expect("an answer");
    assert_eq!(found.map(|found| found.id), Some(event.id));
}

/// Counted from when they were due: by acceptance, by a retry or by a replay.
pub async fn held_deliveries_expire(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let replayed = subject.accept_of(&tenant, OLD).await.remove(0);
    subject.settle(dead(&subject.claim_one(replayed).await, DeadReason::Exhausted)).await;
    let retried = subject.accept_of(&tenant, OLD).await.remove(0);
    let retried = subject.claim_one(retried).await;
    subject.switch(&tenant, &endpoint, false).await;
    subject.settle(retry(&retried, 40 * DAY)).await;
    let event = subject.event_of(&tenant, OLD).await;
    subject.accept_one(event).await;
    let held = subject.deliveries(&tenant).await;
    let is_held = |one: &&Delivery| one.state == DeliveryState::Held && one.id != retried.id;
    let held = held.iter().find(is_held).expect("a held one").id;

    assert_eq!(subject.expire().await, 0, "it was accepted a moment ago");
    subject.age(31 * DAY.as_secs()).await;
    subject.store.delivery_replay(&tenant, replayed).await.expect("an answer");
    subject.follow().await;
    subject.hold(&tenant, 32).await;
    assert_eq!(subject.expire().await, 0);
    subject.hold(&tenant, 30).await;
    assert_eq!(subject.expire().await, 1);
    assert_eq!(subject.expire().await, 0);
    let expired = subject.delivery(&tenant, held).await;
    assert_eq!(expired.dead_reason, Some(DeadReason::Expired));
    assert_eq!(expired.next_attempt_at, None);
    subject.assert_all(&[replayed, retried.id], DeliveryState::Held).await;
}

/// Nor is anything of an endpoint that is on.
pub async fn no_more_expire_than_are_asked_for(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, _) = subject.customer().await;
    subject.accept_of(&other, OLD).await;
    subject.switch(&tenant, &endpoint, false).await;
    for _ in 0..5 {
        let event = subject.event_of(&tenant, OLD).await;
        subject.accept_one(event).await;
    }
    subject.age(31 * DAY.as_secs()).await;
    let at_once = (0..3).map(|_| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { store.held_expire(1).await.expect("an answer") })
    });
    let at_once = join_all(at_once.collect::<Vec<_>>()).await;
    let at_once: u64 = at_once.into_iter().map(|done| done.expect("no panic")).sum();
    assert!((1..=3).contains(&at_once), "{at_once}");
    assert_eq!(at_once + subject.expire().await, 5);
    for delivery in subject.deliveries(&other).await {
        assert_eq!(delivery.state, DeliveryState::Queued);
    }
}

/// By several at once, nothing twice and nothing that is replayed meanwhile.
pub async fn what_is_replayed_meanwhile_stays(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, _) = subject.customer().await;
    subject.keep(&tenant, 2).await;
    subject.keep(&other, 100).await;
    let mut deliveries = Vec::new();
    for _ in 0..40 {
        deliveries.extend(subject.deliver_of(&tenant, 4).await);
    }
    let removers = (0..2).map(|_| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move {
            while store.expired_remove(Days::USUAL).await.expect("an answer").is_some() {}
        })
    });
    let replayers = deliveries.iter().map(|delivery| {
        let (store, tenant, delivery) = (Arc::clone(&subject.store), tenant.clone(), *delivery);
        tokio::spawn(async move {
            store.delivery_replay(&tenant, delivery).await.expect("an answer");
        })
    });
    for done in join_all(removers.chain(replayers).collect::<Vec<_>>()).await {
        done.expect("no panic");
    }
    subject.retain().await;
    let left = subject.deliveries(&tenant).await;
    assert!(left.iter().all(|delivery| delivery.state == DeliveryState::Scheduled), "{left:?}");
    assert_eq!(subject.count_events(&tenant).await, left.len());
    subject.delete(&tenant, &endpoint).await;
}
