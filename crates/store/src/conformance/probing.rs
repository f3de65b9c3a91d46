//! Conformance: an endpoint that was switched off for its failures is probed, in its time and with one
//! delivery, and is on again once a probe is answered; whatever becomes of a probe, nothing is stuck.

use super::Subject;
use super::defer::deferral;
use super::fixtures::{dead, event, gone, named, retry, success};
use crate::accept::NewEvent;
use crate::endpoints::EndpointPatch;
use crate::operations::OperationalKind;
use crate::work::{Claim, ClaimedDelivery, LostRule, Settled, Settlement, WorkQueue};
use futures::future::join_all;
use postrider_common::delivery::DeliveryState::{Dead, Delivered, Held, Queued, Scheduled};
use postrider_common::delivery::{DeadReason, Transition};
use postrider_common::endpoint::{DisableReason, Endpoint};
use postrider_common::id::DeliveryId;
use postrider_common::probing::{NOT_SENT, NOTHING_TO_SEND, rest_after};
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use std::time::Duration;

const LATER: Duration = Duration::from_hours(100);
/// Seconds to spare.
const SPARE: u64 = 20;

/// An endpoint that was switched off, and three deliveries that it is owed, the oldest first.
pub(super) struct Off {
    pub(super) tenant: TenantScope,
    pub(super) endpoint: Endpoint,
    pub(super) held: Vec<DeliveryId>,
}

fn wants_probes() -> EndpointPatch {
    EndpointPatch { auto_enable: Some(true), ..EndpointPatch::default() }
}

/// The last failure of a delivery whose endpoint is switched off by it.
pub(super) fn exhausted(claimed: &ClaimedDelivery) -> Settlement {
    let disable = Some(DisableReason::Exhausted);
    let transition = Transition::Dead { reason: DeadReason::Exhausted, disable };
    Settlement { transition, ..dead(claimed, DeadReason::Exhausted) }
}

impl Subject {
    /// One that is switched off by what an attempt came to.
    pub(super) async fn off_by(&self, settlement: fn(&ClaimedDelivery) -> Settlement) -> Off {
        let tenant = self.tenant().await;
        let endpoint = self.endpoint_with(&tenant, |new| new.auto_enable = true).await;
        let claimed = self.in_flight(&tenant).await;
        self.settle(settlement(&claimed)).await;
        let held = self.owe(&tenant, 3).await;
        Off { tenant, endpoint, held }
    }

    /// Accepts so many events for an endpoint that is off, and gives their deliveries, the oldest first.
    pub(super) async fn owe(&self, tenant: &TenantScope, count: usize) -> Vec<DeliveryId> {
        let mut owed = Vec::new();
        for _ in 0..count {
            let event = event(tenant);
            let id = event.id;
            self.accept_one(event).await;
            let deliveries = self.deliveries(tenant).await;
            owed.extend(deliveries.iter().filter(|one| one.event == id).map(|one| one.id));
        }
        self.assert_all(&owed, Held).await;
        owed
    }

    /// The deliveries that are probes now.
    async fn probe(&self) -> Vec<DeliveryId> {
        let probed = self.store.deliveries_probe(100).await.expect("an answer");
        probed.probes.iter().map(|probe| probe.delivery.id).collect()
    }

    /// Moves time to when an endpoint that was probed so often is to be probed again.
    pub(super) async fn rest(&self, probes: u32) {
        self.age(rest_after(probes).as_secs() + SPARE).await;
    }

    /// The first probe of an endpoint, claimed.
    pub(super) async fn first_probe(&self, off: &Off) -> ClaimedDelivery {
        self.rest(0).await;
        assert_eq!(self.probe().await, off.held[..1]);
        self.claim_one(off.held[0]).await
    }

    async fn now_is(&self, off: &Off) -> Endpoint {
        let found = self.store.endpoint_get(&off.tenant, &named(&off.endpoint)).await;
        found.expect("an answer").expect("an endpoint")
    }

    pub(super) async fn reason(&self, off: &Off) -> Option<DisableReason> {
        self.now_is(off).await.disabled.map(|disabled| disabled.reason)
    }
}

/// After five minutes, ten, twenty, and the longest due first.
pub async fn a_probe_is_taken_in_its_time(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    for probes in 0..3 {
        subject.age(rest_after(probes).as_secs() - SPARE).await;
        assert!(subject.probe().await.is_empty(), "{probes}: it is too early");
        let due_at =
            subject.now_is(&off).await.disabled.and_then(|disabled| disabled.next_probe_at);
        let left = due_at.expect("a time") - subject.hooks.now().await.expect("a time");
        assert!(left.is_positive() && left <= Duration::from_secs(SPARE), "{left}");
        subject.age(2 * SPARE).await;

        let probe = off.held[probes as usize];
        let taken = subject.store.deliveries_probe(100).await.expect("an answer").probes.remove(0);
        assert_eq!((taken.delivery.id, taken.queue), (probe, WorkQueue::First));
        assert_eq!(taken.delivery.endpoint, off.endpoint.id);
        assert_eq!(&taken.delivery.tenant, off.tenant.tenant());
        subject.assert_all(&[probe], Queued).await;
        assert!(subject.probe().await.is_empty(), "there is one at a time");
        subject.assert_all(&off.held[probes as usize + 1..], Held).await;
    }
}

/// It alone goes out to an endpoint that is off, and one is forgotten when there is another.
pub async fn only_the_latest_probe_is_claimed(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint = subject.endpoint_with(&tenant, |new| new.auto_enable = true).await;
    let waiting = subject.queue(&tenant, 1).await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(exhausted(&claimed)).await;
    let held = subject.owe(&tenant, 2).await;
    let off = Off { tenant, endpoint, held };
    for probes in 0..2 {
        subject.rest(probes).await;
        assert_eq!(subject.probe().await.len(), 1);
    }
    let claims = subject.claim(&[waiting[0], off.held[0], off.held[1]]).await.claims;
    assert!(matches!(claims[..], [Claim::Held, Claim::Held, Claim::Claimed(_)]), "{claims:?}");
}

/// With all that follows when its owner resumes it, but by a ramp: it is only just back.
pub async fn a_probe_that_succeeds_switches_its_endpoint_on(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let before = subject.now_is(&off).await;
    let claimed = subject.first_probe(&off).await;
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Applied);

    let on = subject.now_is(&off).await;
    assert!(on.disabled.is_none() && on.active && on.version > before.version, "{on:?}");
    subject.assert_all(&off.held[..1], Delivered).await;
    subject.assert_all(&off.held[1..], Scheduled).await;
    let fed = subject.feed(10).await;
    assert_eq!(fed.iter().map(|fed| fed.delivery.id).collect::<Vec<_>>(), off.held[1..2]);
    subject.accept_one(event(&off.tenant)).await;
    let all = subject.deliveries(&off.tenant).await;
    assert!(all.iter().all(|one| one.state != Held), "accepting knows");

    let again = subject.claim_one(off.held[1]).await;
    subject.settle(exhausted(&again)).await;
    let disabled = subject.now_is(&off).await.disabled.expect("off again");
    assert_eq!(disabled.next_probe_at, Some(disabled.at + rest_after(0)), "from the beginning");
}

/// Not that of another delivery, which went out before the endpoint was switched off.
pub async fn another_success_switches_nothing_on(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint = subject.endpoint_with(&tenant, |new| new.auto_enable = true).await;
    let other = subject.in_flight(&tenant).await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(exhausted(&claimed)).await;
    let held = subject.owe(&tenant, 1).await;
    let off = Off { tenant, endpoint, held };
    subject.settle(success(&other)).await;
    assert_eq!(subject.reason(&off).await, Some(DisableReason::Exhausted));
    let probe = subject.first_probe(&off).await;
    subject.settle(success(&probe)).await;
    assert_eq!(subject.reason(&off).await, None);
}

/// It is held again, due when its schedule says; and it ends as after its last attempt.
pub async fn a_probe_that_fails_is_an_attempt_like_any_other(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let disabled_at = subject.now_is(&off).await.disabled.expect("off").at;
    let claimed = subject.first_probe(&off).await;
    subject.settle(retry(&claimed, LATER)).await;
    let delivery = subject.delivery(&off.tenant, off.held[0]).await;
    assert_eq!((delivery.state, delivery.attempts), (Held, 1));
    assert_eq!(subject.raw(off.held[0]).await.failures, 1);

    subject.rest(1).await;
    assert_eq!(subject.probe().await, off.held[1..2], "the other one is not due");
    let last = subject.claim_one(off.held[1]).await;
    subject.settle(exhausted(&last)).await;
    subject.assert_all(&off.held[1..2], Dead).await;
    let disabled = subject.now_is(&off).await.disabled.expect("still off");
    assert_eq!((disabled.at, disabled.reason), (disabled_at, DisableReason::Exhausted));

    subject.rest(2).await;
    let third = subject.probe().await;
    assert_eq!(third, off.held[2..]);
    let claimed = subject.claim_one(third[0]).await;
    subject.settle(success(&claimed)).await;
    assert_eq!(subject.reason(&off).await, None);
}

/// Its lease ends: it is held, and the next one comes in its time, unless it was answered all the same.
pub async fn a_probe_that_is_lost_leaves_nothing_behind(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let probe = &off.held[..1];
    let claimed = subject.first_probe(&off).await;
    subject.age(claimed.lease.as_secs() + SPARE).await;
    assert_eq!(subject.reap().await, probe);
    subject.assert_all(probe, Held).await;
    assert_eq!(subject.follow().await, 0);
    subject.age(2 * NOT_SENT.as_secs()).await;
    assert!(subject.probe().await.is_empty(), "it may have been sent");
    assert_eq!(subject.reason(&off).await, Some(DisableReason::Exhausted));
    assert_eq!(subject.settle(success(&claimed)).await, Settled::AppliedLate);
    assert_eq!(subject.reason(&off).await, None);
}

/// The broker does not take it, its message is lost, a dispatcher refuses it or gives its claim back: it is
/// held, there is another a minute later, and the rests do not grow by it.
pub async fn a_probe_that_was_never_sent_is_taken_back(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let probe = &off.held[..1];
    let store = &subject.store;
    subject.rest(0).await;
    for way in 0..4 {
        assert_eq!(subject.probe().await, probe, "{way}");
        match way {
            0 => drop(store.deliveries_unqueue(probe).await.expect("an answer")),
            1 => drop(store.deliveries_refuse(probe, Duration::ZERO).await.expect("an answer")),
            2 => {
                let claimed = subject.claim_one(probe[0]).await;
                store.deliveries_defer(&[deferral(&claimed, 0)]).await.expect("an answer");
            }
            _ => {
                subject.age(60).await;
                let older_than = Duration::from_secs(30);
                let rule = LostRule { queue: WorkQueue::First, older_than, limit: 10 };
                assert_eq!(store.deliveries_requeue_lost(rule).await.expect("an answer"), 1);
            }
        }
        subject.follow().await;
        subject.assert_all(probe, Held).await;
        subject.age(NOT_SENT.as_secs() - SPARE).await;
        assert!(subject.probe().await.is_empty(), "{way}: it is too early");
        subject.age(2 * SPARE).await;
    }
    let claimed = subject.probe().await;
    let claimed = subject.claim_one(claimed[0]).await;
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    assert_eq!(subject.follow().await, 0);
    subject.age(rest_after(1).as_secs() - SPARE).await;
    assert!(subject.probe().await.is_empty(), "that one counts");
    subject.age(2 * SPARE).await;
    assert_eq!(subject.probe().await, probe);
}

/// Nor one that wants none, is paused or deleted, or where it is the receiver that wants nothing.
pub async fn only_an_endpoint_that_wants_it_is_probed(subject: &Subject) {
    let told = |claimed: &ClaimedDelivery| {
        let transition = Transition::DeliveredLast;
        Settlement { transition, ..success(claimed) }
    };
    for settlement in [gone, told] {
        let off = subject.off_by(settlement).await;
        let disabled = subject.now_is(&off).await.disabled.expect("off");
        assert_eq!(disabled.next_probe_at, None, "{:?}", disabled.reason);
    }
    let paused = subject.off_by(exhausted).await;
    subject.switch(&paused.tenant, &paused.endpoint, false).await;
    let deleted = subject.off_by(exhausted).await;
    subject.delete(&deleted.tenant, &deleted.endpoint).await;
    let off = subject.off_by(exhausted).await;
    let none = EndpointPatch { auto_enable: Some(false), ..EndpointPatch::default() };
    let patched = subject.patch(&off.tenant, &off.endpoint, none).await;
    assert!(!patched.auto_enable && patched.disabled.expect("off").next_probe_at.is_none());
    subject.rest(0).await;
    assert!(subject.probe().await.is_empty());

    let patched = subject.patch(&off.tenant, &off.endpoint, wants_probes()).await;
    assert!(patched.auto_enable && patched.disabled.expect("off").next_probe_at.is_some());
    assert_eq!(subject.probe().await, off.held[..1], "it has rested");
}

/// One that its owner pauses, or that is to be probed no more, while the probe is on its way stays off.
pub async fn a_change_meanwhile_goes_before_the_probe(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let claimed = subject.first_probe(&off).await;
    subject.switch(&off.tenant, &off.endpoint, false).await;
    subject.settle(success(&claimed)).await;
    let paused = subject.now_is(&off).await;
    assert!(!paused.active && paused.disabled.is_some(), "{paused:?}");

    let off = subject.off_by(exhausted).await;
    subject.rest(0).await;
    let probe = subject.probe().await;
    let none = EndpointPatch { auto_enable: Some(false), ..EndpointPatch::default() };
    subject.patch(&off.tenant, &off.endpoint, none).await;
    let claims = subject.claim(&probe).await.claims;
    assert!(matches!(claims[..], [Claim::Held]), "{claims:?}");
}

/// And it is not probed any more.
pub async fn what_a_probed_receiver_says_is_the_last_word(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let disabled_at = subject.now_is(&off).await.disabled.expect("off").at;
    let claimed = subject.first_probe(&off).await;
    subject.settle(gone(&claimed)).await;
    let disabled = subject.now_is(&off).await.disabled.expect("off");
    assert_eq!((disabled.at, disabled.reason), (disabled_at, DisableReason::Gone));
    subject.rest(1).await;
    assert!(subject.probe().await.is_empty());

    let off = subject.off_by(exhausted).await;
    let claimed = subject.first_probe(&off).await;
    let last = Settlement { transition: Transition::DeliveredLast, ..success(&claimed) };
    subject.settle(last).await;
    assert_eq!(subject.reason(&off).await, Some(DisableReason::Receiver));
}

/// Nothing is held, or nothing that is due.
pub async fn without_a_due_delivery_it_is_looked_for_again(subject: &Subject) {
    let tenant = subject.tenant().await;
    subject.endpoint_with(&tenant, |new| new.auto_enable = true).await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(exhausted(&claimed)).await;
    let now = subject.hooks.now().await.expect("a time");
    let later = NewEvent { deliver_at: Some(now + LATER), ..event(&tenant) };
    subject.accept_one(later).await;
    subject.rest(0).await;
    let probed = subject.store.deliveries_probe(100).await.expect("an answer");
    assert_eq!((probed.endpoints, probed.probes), (1, vec![]), "it counts");
    let held = subject.owe(&tenant, 1).await;
    assert!(subject.probe().await.is_empty(), "it was looked for a moment ago");
    subject.age(NOTHING_TO_SEND.as_secs() + 1).await;
    assert_eq!(subject.probe().await, held);
    let claimed = subject.claim_one(held[0]).await;
    subject.settle(success(&claimed)).await;
}

/// Dispatchers that look at the same time; no more endpoints than are asked for.
pub async fn many_probers_take_each_endpoint_once(subject: &Subject) {
    let mut owed = Vec::new();
    for _ in 0..6 {
        owed.extend(subject.off_by(exhausted).await.held.into_iter().take(1));
    }
    subject.rest(0).await;
    let first = subject.store.deliveries_probe(2).await.expect("an answer");
    assert_eq!((first.endpoints, first.probes.len()), (2, 2));
    let askers = (0..8).map(|_| {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move { store.deliveries_probe(100).await.expect("an answer") })
    });
    let taken =
        join_all(askers).await.into_iter().flat_map(|asked| asked.expect("no panic").probes);
    let mut probes: Vec<_> =
        first.probes.into_iter().chain(taken).map(|one| one.delivery.id).collect();
    probes.sort_unstable();
    owed.sort_unstable();
    assert_eq!(probes, owed);
}

/// Once, for its reason, and the receiver's word on one that is off is news, too.
pub async fn an_endpoint_that_answers_again_is_told(subject: &Subject) {
    let operator = subject.tenant().await;
    let subject = subject.telling(&operator);
    let off = subject.off_by(exhausted).await;
    let claimed = subject.first_probe(&off).await;
    subject.settle(success(&claimed)).await;
    let other = subject.off_by(exhausted).await;
    let claimed = subject.first_probe(&other).await;
    subject.settle(gone(&claimed)).await;

    let told = subject.store.operational_events(1_000, LATER).await.expect("an answer");
    let of_endpoints = told.iter().filter(|one| one.kind != OperationalKind::DeliveryDead);
    let of_endpoints: Vec<_> = of_endpoints
        .map(|one| (one.kind, one.facts.reason.as_deref().expect("a reason")))
        .collect();
    let (disabled, enabled) = (OperationalKind::EndpointDisabled, OperationalKind::EndpointEnabled);
    let expected = [
        (disabled, "exhausted"),
        (enabled, "answered"),
        (disabled, "exhausted"),
        (disabled, "gone"),
    ];
    assert_eq!(of_endpoints, expected);
}
