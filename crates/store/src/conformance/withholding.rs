//! Conformance: of what is due to an endpoint that is down, probes alone go out, and by and by the rest
//! once it is back.

use super::Subject;
use super::breakers::{GIVE_UP_AFTER, PROBE_WITHIN, RESTS};
use super::fixtures::{ids, retry, success};
use crate::breaker::{BreakerMoved, Passage};
use crate::feed::Fed;
use postrider_common::breaker::{BreakerState, ramp};
use postrider_common::delivery::DeliveryState::{Queued, Scheduled};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use std::time::Duration;

const LATER: Duration = Duration::from_hours(10);

impl Subject {
    /// So many deliveries that become due a second after one another.
    async fn one_by_one(&self, tenant: &TenantScope, count: usize) -> Vec<DeliveryId> {
        let mut due = Vec::new();
        for _ in 0..count {
            due.extend(self.schedule(tenant, 1).await);
            self.age(1).await;
        }
        due
    }

    async fn state_of(&self, tenant: &TenantScope, endpoint: &Endpoint) -> Option<BreakerState> {
        self.breaker(tenant, endpoint.id).await.map(|breaker| breaker.state)
    }

    /// Makes the attempt of a probe, which fails, and tells so.
    async fn fail_probe(&self, endpoint: &Endpoint, probe: DeliveryId) {
        let claimed = self.claim_one(probe).await;
        assert_eq!(self.reopen(endpoint).await, BreakerMoved::Moved);
        self.settle(retry(&claimed, LATER)).await;
    }

    async fn withhold(&self, ids: &[DeliveryId]) -> Vec<Passage> {
        self.store.deliveries_withhold(ids).await.expect("an answer")
    }
}

fn probes(fed: &[Fed]) -> Vec<DeliveryId> {
    fed.iter().filter(|fed| fed.probe).map(|fed| fed.delivery.id).collect()
}

/// Others are, and what waits keeps its time.
pub async fn an_endpoint_that_is_down_is_not_fed(subject: &Subject) {
    let (tenant, down) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let waiting = subject.one_by_one(&tenant, 3).await;
    let others = subject.schedule(&other, 1).await;
    subject.open(&down).await;
    subject.age(RESTS[0] - 20).await;
    assert_eq!(ids(&subject.feed(10).await), others);
    assert!(subject.feed(10).await.is_empty());
    subject.assert_all(&waiting, Scheduled).await;
}

/// However many they are: what a step may hand out is for those that may be fed.
pub async fn those_that_are_not_fed_take_no_share(subject: &Subject) {
    for _ in 0..3 {
        let (tenant, down) = subject.customer().await;
        subject.schedule(&tenant, 1).await;
        subject.open(&down).await;
    }
    let (paused, _) = subject.customer().await;
    let refused = subject.queue(&paused, 1).await;
    let minute = Duration::from_mins(1);
    subject.store.deliveries_refuse(&refused, minute).await.expect("an answer");
    let (tenant, _) = subject.customer().await;
    subject.schedule(&tenant, 20).await;
    let fed = subject.feed(10).await;
    assert_eq!(fed.len(), 10);
    assert!(fed.iter().all(|fed| fed.delivery.tenant == *tenant.tenant()));
}

/// Once it has rested. Until it is known how that ends, nothing else goes.
pub async fn what_is_due_first_is_the_probe(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let waiting = subject.one_by_one(&tenant, 3).await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    let due = subject.delivery(&tenant, waiting[1]).await.next_attempt_at;
    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), probes(&fed)), (waiting[..1].to_vec(), waiting[..1].to_vec()));
    assert_eq!(subject.state_of(&tenant, &endpoint).await, Some(BreakerState::HalfOpen));
    assert!(subject.feed(10).await.is_empty());

    subject.fail_probe(&endpoint, waiting[0]).await;
    assert!(subject.feed(10).await.is_empty());
    let second = subject.delivery(&tenant, waiting[1]).await;
    assert_eq!((second.attempts, second.next_attempt_at), (0, due));
    subject.age(RESTS[1] + 1).await;
    assert_eq!(probes(&subject.feed(10).await), waiting[1..2]);
}

/// Nothing is due by then: whatever comes due first, whenever that is.
pub async fn a_probe_waits_for_what_is_due(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    assert!(subject.feed(10).await.is_empty());
    assert_eq!(subject.state_of(&tenant, &endpoint).await, Some(BreakerState::Open));
    let due = subject.schedule(&tenant, 1).await;
    assert_eq!(probes(&subject.feed(10).await), due);
}

/// When nobody says how it ended.
pub async fn a_probe_that_is_lost_is_followed_by_another(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let waiting = subject.one_by_one(&tenant, 2).await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    assert_eq!(probes(&subject.feed(10).await), waiting[..1]);
    subject.age(PROBE_WITHIN - 30).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(31).await;
    assert_eq!(probes(&subject.feed(10).await), waiting[1..]);
    assert_eq!(subject.state_of(&tenant, &endpoint).await, Some(BreakerState::HalfOpen));
    assert_eq!(subject.close(&endpoint).await, BreakerMoved::Moved);
}

/// What is due since less, and what was due before the endpoint went down, waits.
pub async fn what_has_waited_for_its_whole_schedule_goes_with_the_probe(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let early = subject.one_by_one(&tenant, 5).await;
    subject.age(GIVE_UP_AFTER).await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    let fed = subject.feed(10).await;
    assert_eq!(probes(&fed), early[..1], "they waited for another reason");
    subject.fail_probe(&endpoint, early[0]).await;

    let late = subject.one_by_one(&tenant, 2).await;
    subject.age(GIVE_UP_AFTER - 50).await;
    let fed = subject.feed_capped(10, 3).await;
    assert_eq!((ids(&fed), probes(&fed)), (early[1..4].to_vec(), early[1..4].to_vec()));
    for probe in &early[2..4] {
        subject.store.deliveries_unqueue(&[*probe]).await.expect("an answer");
    }
    subject.fail_probe(&endpoint, early[1]).await;

    subject.age(RESTS[2] + 1).await;
    let fed = subject.feed(10).await;
    assert_eq!(probes(&fed), [&early[2..], &late[..]].concat());
}

/// Twice as many each second.
pub async fn an_endpoint_that_is_back_is_fed_by_the_ramp(subject: &Subject) {
    const CAP: u32 = 64;
    let (tenant, endpoint) = subject.customer().await;
    let waiting = subject.one_by_one(&tenant, 1).await;
    subject.open(&endpoint).await;
    subject.schedule(&tenant, 99).await;
    subject.age(RESTS[0] + 1).await;
    assert_eq!(ids(&subject.feed(10).await), waiting);
    let claimed = subject.claim_one(waiting[0]).await;
    assert_eq!(subject.close(&endpoint).await, BreakerMoved::Moved);
    subject.settle(success(&claimed)).await;

    let mut busy = 0;
    for pause in [0, 0, 1, 2, 1, 2, 60] {
        subject.age(pause).await;
        let closed_for = async || {
            let breaker = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
            breaker.age
        };
        let least = ramp(closed_for().await, CAP);
        let fed = subject.feed_capped(1_000, CAP).await;
        let most = ramp(closed_for().await, CAP);
        busy += u32::try_from(fed.len()).expect("a count");
        assert!((least..=most).contains(&busy), "{busy} of {least} to {most}");
        assert!(probes(&fed).is_empty());
    }
    assert_eq!(busy, CAP);
}

/// It is neither withheld nor a probe.
pub async fn a_test_goes_out_while_its_endpoint_is_down(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let due = subject.one_by_one(&tenant, 3).await;
    for id in &due[..2] {
        subject.hooks.make_test(*id).await.expect("it is a test");
    }
    subject.open(&endpoint).await;
    let fed = subject.feed_capped(1, 10).await;
    assert_eq!((ids(&fed), probes(&fed)), (due[..1].to_vec(), vec![]));
    assert_eq!(subject.withhold(&due[..1]).await, [Passage::Free]);
    assert_eq!(subject.state(due[0]).await, Queued);

    subject.age(RESTS[0] + 1).await;
    let fed = [subject.feed(10).await, subject.feed(10).await].concat();
    assert_eq!((ids(&fed), probes(&fed)), (due[1..].to_vec(), due[2..].to_vec()));
}

/// Fresh ones are due from now on, and others since they were. Nothing of theirs counts.
pub async fn what_a_message_names_is_withheld(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, _) = subject.customer().await;
    let fed = subject.schedule(&tenant, 1).await;
    subject.feed(10).await;
    subject.age(20).await;
    let (fresh, others) = (subject.queue(&tenant, 2).await, subject.queue(&other, 1).await);
    let all = [&fed[..], &fresh, &others].concat();
    assert_eq!(subject.withhold(&all).await, [Passage::Free; 4]);

    subject.open(&endpoint).await;
    let due = subject.delivery(&tenant, fed[0]).await.next_attempt_at.expect("a time");
    let (free, withheld) = (Passage::Free, Passage::Withheld);
    assert_eq!(subject.withhold(&all).await, [withheld, withheld, withheld, free]);
    assert_eq!(subject.withhold(&all).await, [free; 4], "none is queued any more");
    subject.assert_all(&all[..3], Scheduled).await;
    subject.assert_all(&others, Queued).await;
    for id in &all[..3] {
        let delivery = subject.delivery(&tenant, *id).await;
        assert_eq!(delivery.attempts, 0);
        assert_eq!(delivery.next_attempt_at == Some(due), *id == fed[0]);
        assert!(subject.raw(*id).await.due_in_s.expect("a time") <= 0.1);
    }
    assert!(subject.withhold(&[]).await.is_empty());
}

/// And what a message names beside it is not.
pub async fn a_probe_is_let_through(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let waiting = subject.one_by_one(&tenant, 1).await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    assert_eq!(probes(&subject.feed(10).await), waiting);
    let fresh = subject.queue(&tenant, 1).await;
    let down_since = subject.breaker(&tenant, endpoint.id).await.expect("a breaker").since;
    let both = [fresh[0], waiting[0]];
    let passages = [Passage::Withheld, Passage::Probe { down_since }];
    assert_eq!(subject.withhold(&both).await, passages);
    subject.age(5).await;
    let aged = down_since - Duration::from_secs(5);
    assert_eq!(subject.withhold(&waiting).await, [Passage::Probe { down_since: aged }]);

    assert_eq!(subject.reopen(&endpoint).await, BreakerMoved::Moved);
    let passage = subject.withhold(&waiting).await;
    assert_eq!(passage, [Passage::Probe { down_since: aged }], "although another has failed");
}

/// Whoever looks whether the feeder keeps up is not alarmed by what is meant to wait.
pub async fn what_is_withheld_is_no_backlog(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.schedule(&tenant, 1).await;
    subject.age(50).await;
    let oldest = async || subject.store.deliveries_backlog().await.expect("an answer").oldest_due;
    assert!(oldest().await.is_some());
    subject.open(&endpoint).await;
    assert_eq!(oldest().await, None);
}
