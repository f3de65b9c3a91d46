//! Conformance: a breaker moves once, whoever sees the reason, and is forgotten when its endpoint is not
//! what it was.

use super::Subject;
use super::fixtures::gone;
use crate::breaker::{Breaker, BreakerMoved, BreakerTerms};
use crate::endpoints::EndpointPatch;
use futures::future::join_all;
use postrider_common::breaker::{BreakerState, RAMP};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// In seconds.
pub const RESTS: [u64; 3] = [100, 200, 400];
/// In seconds.
pub const GIVE_UP_AFTER: u64 = 1_000;
/// In seconds.
pub const PROBE_WITHIN: u64 = 60;

/// What the suite's breakers open with.
pub fn terms() -> BreakerTerms {
    BreakerTerms {
        rests: RESTS.map(Duration::from_secs).to_vec(),
        give_up_after: Duration::from_secs(GIVE_UP_AFTER),
        probe_within: Duration::from_secs(PROBE_WITHIN),
    }
}

impl Subject {
    /// Opens the breaker of an endpoint.
    pub async fn open(&self, endpoint: &Endpoint) {
        let opened = self.store.breaker_open(endpoint.id, endpoint.version, &terms()).await;
        assert_eq!(opened.expect("an answer"), BreakerMoved::Moved);
    }

    /// Says that a probe has failed.
    pub async fn reopen(&self, endpoint: &Endpoint) -> BreakerMoved {
        self.store.breaker_reopen(endpoint.id, &terms()).await.expect("an answer")
    }

    /// Says that a probe has found the endpoint alive.
    pub async fn close(&self, endpoint: &Endpoint) -> BreakerMoved {
        self.store.breaker_close(endpoint.id).await.expect("an answer")
    }

    /// An endpoint's breaker, if it has one.
    pub async fn breaker(&self, tenant: &TenantScope, endpoint: EndpointId) -> Option<Breaker> {
        let found = self.store.endpoint_breakers(tenant, &[endpoint]).await.expect("an answer");
        found.get(&endpoint).copied()
    }

    async fn in_effect(&self) -> Vec<EndpointId> {
        let breakers = self.store.breakers_in_effect().await.expect("an answer");
        breakers.iter().map(|breaker| breaker.endpoint).collect()
    }

    async fn time(&self) -> OffsetDateTime {
        self.hooks.now().await.expect("a time")
    }
}

/// Whether a time lies between what the clock said before and after, and so many seconds.
fn is_after(time: OffsetDateTime, [before, after]: [OffsetDateTime; 2], seconds: u64) -> bool {
    // SQLite's clock counts milliseconds.
    let (slack, after_so_long) = (Duration::from_millis(2), Duration::from_secs(seconds));
    before + after_so_long <= time + slack && time <= after + after_so_long + slack
}

/// It is there for its tenant and for dispatchers, and for nobody else.
pub async fn a_breaker_is_read_back_as_opened(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (other, whole) = subject.customer().await;
    assert_eq!(subject.breaker(&tenant, endpoint.id).await, None);
    let before = subject.time().await;
    subject.open(&endpoint).await;
    let around = [before, subject.time().await];

    let breaker = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
    assert_eq!((breaker.endpoint, breaker.state), (endpoint.id, BreakerState::Open));
    assert!(is_after(breaker.since, around, 0), "{breaker:?}");
    assert!(is_after(breaker.next_probe_at.expect("a time"), around, RESTS[0]), "{breaker:?}");
    assert_eq!(subject.in_effect().await, [endpoint.id]);
    assert_eq!(subject.breaker(&other, endpoint.id).await, None);
    assert_eq!(subject.breaker(&other, whole.id).await, None);

    subject.age(40).await;
    let aged = subject.store.breakers_in_effect().await.expect("an answer").remove(0);
    assert!((40..60).contains(&aged.age.as_secs()), "{aged:?}");
}

/// Dispatchers that find out at the same time.
pub async fn many_at_once_open_a_breaker_once(subject: &Subject) {
    let (_, endpoint) = subject.customer().await;
    let openers = (0..10).map(|_| {
        let (store, id, version) = (Arc::clone(&subject.store), endpoint.id, endpoint.version);
        tokio::spawn(async move { store.breaker_open(id, version, &terms()).await })
    });
    let opened = join_all(openers).await.into_iter();
    let opened = opened.filter(|one| {
        let one = one.as_ref().expect("no panic").as_ref().expect("an answer");
        *one == BreakerMoved::Moved
    });
    assert_eq!(opened.count(), 1);
}

/// What was sent to an endpoint as it was says nothing about what it is now.
pub async fn a_breaker_of_an_endpoint_that_has_changed_does_not_open(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let open = async |version| {
        let opened = subject.store.breaker_open(endpoint.id, version, &terms()).await;
        opened.expect("an answer")
    };
    let patch = EndpointPatch { description: Some("x".to_owned()), ..EndpointPatch::default() };
    let changed = subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(open(endpoint.version).await, BreakerMoved::Elsewhere);
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(open(changed.version + 1).await, BreakerMoved::Elsewhere);
    assert!(subject.in_effect().await.is_empty());
}

/// The last rest holds from then on; once it was closed, it begins with the first. All the while the
/// endpoint has been down since it opened.
pub async fn a_rest_is_longer_each_time(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.schedule(&tenant, 1).await;
    for rests in [&[RESTS[0], RESTS[1], RESTS[2], RESTS[2]][..], &RESTS[..2]] {
        let mut down_since = None;
        for (times, rest) in rests.iter().enumerate() {
            let before = subject.time().await;
            if times == 0 {
                subject.open(&endpoint).await;
            } else {
                assert_eq!(subject.reopen(&endpoint).await, BreakerMoved::Moved);
                assert_eq!(subject.reopen(&endpoint).await, BreakerMoved::Elsewhere);
            }
            let around = [before, subject.time().await];
            let breaker = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
            let probe_at = breaker.next_probe_at.expect("a time");
            assert!(is_after(probe_at, around, *rest), "{rest} s: {breaker:?}");
            assert_eq!(*down_since.get_or_insert(breaker.since), breaker.since);
            subject.age(rest + 1).await;
            down_since = down_since.map(|since| since - Duration::from_secs(rest + 1));
            subject.probe_and_give_back().await;
        }
        assert_eq!(subject.close(&endpoint).await, BreakerMoved::Moved);
        subject.age(RAMP.as_secs()).await;
    }
}

impl Subject {
    /// Makes the one delivery that there is a probe, and puts it back.
    async fn probe_and_give_back(&self) {
        let fed = self.feed(10).await;
        assert!(fed.len() == 1 && fed[0].probe, "{fed:?}");
        self.store.deliveries_unqueue(&[fed[0].delivery.id]).await.expect("an answer");
    }
}

/// What ends while it is open, or after it was forgotten, is not the probe's end.
pub async fn only_a_probe_moves_a_breaker_that_is_open(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    assert_eq!(subject.reopen(&endpoint).await, BreakerMoved::Elsewhere);
    assert_eq!(subject.close(&endpoint).await, BreakerMoved::Elsewhere);
    subject.open(&endpoint).await;
    assert_eq!(subject.reopen(&endpoint).await, BreakerMoved::Elsewhere);
    assert_eq!(subject.close(&endpoint).await, BreakerMoved::Elsewhere);
    let again = subject.store.breaker_open(endpoint.id, endpoint.version, &terms()).await;
    assert_eq!(again.expect("an answer"), BreakerMoved::Elsewhere);
    let breaker = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
    assert_eq!(breaker.state, BreakerState::Open);
}

/// Dispatchers need not know for longer than the ramp lasts; its tenant is told.
pub async fn a_closed_breaker_is_in_effect_for_the_ramp(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.schedule(&tenant, 1).await;
    subject.open(&endpoint).await;
    subject.age(RESTS[0] + 1).await;
    subject.probe_and_give_back().await;
    let half_open = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
    assert_eq!((half_open.state, half_open.next_probe_at), (BreakerState::HalfOpen, None));
    assert_eq!(subject.in_effect().await, [endpoint.id]);

    let before = subject.time().await;
    assert_eq!(subject.close(&endpoint).await, BreakerMoved::Moved);
    let around = [before, subject.time().await];
    let closed = subject.breaker(&tenant, endpoint.id).await.expect("a breaker");
    assert_eq!((closed.state, closed.next_probe_at), (BreakerState::Closed, None));
    assert!(is_after(closed.since, around, 0), "{closed:?}");
    assert_eq!(subject.in_effect().await, [endpoint.id]);
    subject.age(RAMP.as_secs()).await;
    assert!(subject.in_effect().await.is_empty());
}

/// Moved to another URL, paused, resumed, deleted, or switched off by what its receiver said.
pub async fn an_endpoint_that_is_not_what_it_was_begins_anew(subject: &Subject) {
    let patch = EndpointPatch::default;
    let url = || Some("https://other.example/hook".to_owned());
    let changes = [
        (EndpointPatch { url: url(), ..patch() }, true),
        (EndpointPatch { active: Some(false), ..patch() }, true),
        (EndpointPatch { active: Some(true), ..patch() }, true),
        (EndpointPatch { description: Some("x".to_owned()), ..patch() }, false),
    ];
    for (change, resets) in changes {
        let (tenant, endpoint) = subject.customer().await;
        subject.open(&endpoint).await;
        let what = format!("{change:?}");
        subject.patch(&tenant, &endpoint, change).await;
        assert_eq!(subject.breaker(&tenant, endpoint.id).await.is_none(), resets, "{what}");
    }
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.open(&endpoint).await;
    subject.settle(gone(&claimed)).await;
    assert_eq!(subject.breaker(&tenant, endpoint.id).await, None);

    let (tenant, endpoint) = subject.customer().await;
    subject.open(&endpoint).await;
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(subject.breaker(&tenant, endpoint.id).await, None);
}
