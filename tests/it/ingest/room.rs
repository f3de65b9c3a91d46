//! How many deliveries of a tenant are handed to the broker, with a store that counts questions.

use super::harness::event;
use async_trait::async_trait;
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_ingest::{ROOM_PER_TENANT, Room, validate};
use postrider_store::{
    Acceptance, Accepted, EndpointRef, NewEvent, QueueRoom, QueuedDelivery, StoreError,
    TestAccepted,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Counting {
    queued: AtomicU32,
    asked: AtomicU32,
}

#[async_trait]
impl Acceptance for Counting {
    async fn events_accept(
        &self,
        _: &[NewEvent],
        _: &QueueRoom,
    ) -> Result<Vec<Accepted>, StoreError> {
        panic!("a room accepts nothing")
    }

    async fn test_accept(
        &self,
        _: &TenantScope,
        _: &EndpointRef,
        _: &NewEvent,
    ) -> Result<TestAccepted, StoreError> {
        panic!("a room accepts no test")
    }

    async fn deliveries_queued(&self, _: &TenantId, limit: u32) -> Result<u32, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.queued.load(Ordering::SeqCst).min(limit))
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn events(tenant_name: &str, count: usize) -> Vec<NewEvent> {
    let one = validate(EventId::generate(), Ok(tenant(tenant_name)), event()).unwrap();
    vec![one; count]
}

fn queued(tenant_name: &str, count: usize) -> Vec<QueuedDelivery> {
    let one = || QueuedDelivery {
        id: DeliveryId::generate_for(EventId::generate()),
        endpoint: EndpointId::generate(),
        tenant: tenant(tenant_name),
        trace: None,
    };
    std::iter::repeat_with(one).take(count).collect()
}

#[tokio::test]
async fn the_store_is_asked_only_when_a_tenant_would_pass_what_is_left() {
    let store = Arc::new(Counting::default());
    let room = Room::new(store.clone());
    let now = Instant::now();
    for _ in 0..9 {
        let left = room.for_batch(&events("a", 100), now).await.of(&tenant("a"));
        assert!(left >= 100, "{left}");
        room.took(&queued("a", 100));
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 0);
    room.took(&queued("a", 50));
    assert_eq!(room.for_batch(&events("a", 100), now).await.of(&tenant("a")), 1000);
    assert_eq!(store.asked.load(Ordering::SeqCst), 1, "nothing is queued any more");
}

#[tokio::test]
async fn a_tenant_whose_deliveries_nobody_claims_gets_no_room_and_few_questions() {
    let store = Arc::new(Counting::default());
    let room = Room::new(store.clone());
    room.took(&queued("slow", 1000));
    store.queued.store(1000, Ordering::SeqCst);
    let now = Instant::now();
    for _ in 0..50 {
        assert_eq!(room.for_batch(&events("slow", 1), now).await.of(&tenant("slow")), 0);
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 1, "the answer holds for a moment");
    assert_eq!(room.for_batch(&events("other", 1), now).await.of(&tenant("other")), 1000);

    store.queued.store(400, Ordering::SeqCst);
    let later = now + Duration::from_millis(20);
    assert_eq!(room.for_batch(&events("slow", 1), later).await.of(&tenant("slow")), 600);
}

#[tokio::test]
async fn whatever_is_claimed_when_the_bound_is_never_passed() {
    let store = Arc::new(Counting::default());
    let room = Room::new(store.clone());
    let (mut unclaimed, mut now) = (0, Instant::now());
    for round in 0..200 {
        let left = room.for_batch(&events("a", 300), now).await.of(&tenant("a"));
        room.took(&queued("a", left.min(300)));
        unclaimed += u32::try_from(left.min(300)).unwrap();
        assert!(unclaimed <= ROOM_PER_TENANT, "{unclaimed} in round {round}");
        if round % 7 == 0 {
            unclaimed -= unclaimed.min(450);
        }
        store.queued.store(unclaimed, Ordering::SeqCst);
        now += Duration::from_millis(5);
    }
    assert!(store.asked.load(Ordering::SeqCst) > 1);
}
