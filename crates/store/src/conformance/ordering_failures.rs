//! Conformance: what becomes of an ordering key once a delivery has failed for good, and of replays.

use super::Subject;
use super::fixtures::{dead, gone, ids, success};
use super::ordering::keyed;
use crate::accept::NewEvent;
use crate::endpoints::EndpointPatch;
use crate::log::{Cancelled, Replayed};
use crate::retention::Expunged;
use crate::selection::Selection;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::ordering::OnFailure;
use postrider_common::tenant::TenantScope;

use DeliveryState::{Dead, Delivered, Queued, Scheduled, Waiting};

/// In seconds.
const A_DAY: u64 = 86_400;

impl Subject {
    /// Three deliveries of one key, of which the first has failed for good.
    async fn failed(&self, on_failure: OnFailure) -> (TenantScope, Vec<DeliveryId>) {
        let (tenant, _) = self.ordered(on_failure).await;
        let all = self.accept_keys(&tenant, &["a", "a", "a"]).await;
        let claimed = self.claim_one(all[0]).await;
        self.settle(dead(&claimed, DeadReason::Exhausted)).await;
        self.follow().await;
        (tenant, all)
    }

    /// Accepts so many events of one key, as of a day that is too old, one after the other.
    async fn accept_old(&self, tenant: &TenantScope, key: &str, count: usize) -> Vec<DeliveryId> {
        let mut all = Vec::new();
        for _ in 0..count {
            let id = self.event_of(tenant, 32).await.id;
            self.accept_one(NewEvent { id, ..keyed(tenant, key) }).await;
            let deliveries = self.deliveries(tenant).await;
            all.extend(deliveries.iter().filter(|one| one.event == id).map(|one| one.id));
        }
        all
    }

    async fn replay_due(&self, tenant: &TenantScope, id: DeliveryId) {
        let replayed = self.store.delivery_replay(tenant, id).await.expect("an answer");
        assert_eq!(replayed, Replayed::Replayed);
    }

    /// Feeds, claims and settles what is due; gives it.
    async fn deliver_due(&self) -> Vec<DeliveryId> {
        let claimed = self.claim_due().await;
        for claimed in &claimed {
            self.settle(success(claimed)).await;
        }
        claimed.iter().map(|claimed| claimed.id).collect()
    }
}

/// An endpoint that says so gets the next one although one has failed.
pub async fn a_key_goes_on_after_a_failure(subject: &Subject) {
    let (tenant, all) = subject.failed(OnFailure::GoOn).await;
    assert_eq!((subject.state(all[0]).await, subject.state(all[1]).await), (Dead, Scheduled));
    // Replayed, the one that failed has no turn: the others went on.
    subject.replay_due(&tenant, all[0]).await;
    let mut due = subject.deliver_due().await;
    due.sort_unstable();
    let mut expected = vec![all[0], all[1]];
    expected.sort_unstable();
    assert_eq!(due, expected);
    assert_eq!(subject.deliver_due().await, [all[2]]);
    subject.assert_no_key_is_left().await;
}

/// Another one gets nothing more of the key, until the one that failed is replayed and delivered.
pub async fn a_key_waits_for_one_that_failed(subject: &Subject) {
    let (tenant, all) = subject.failed(OnFailure::Wait).await;
    subject.assert_all(&all[1..], Waiting).await;
    assert_eq!(subject.delivery(&tenant, all[2]).await.waits_for, Some(all[0]));
    let other = subject.accept_keys(&tenant, &["a", "b"]).await;
    assert_eq!((subject.state(other[0]).await, subject.state(other[1]).await), (Waiting, Queued));

    subject.replay_due(&tenant, all[0]).await;
    assert_eq!(subject.state(all[1]).await, Waiting);
    for id in [all[0], all[1], all[2], other[0]] {
        assert_eq!(subject.deliver_due().await, [id]);
    }
}

/// Or until it is discarded, alone or with others.
pub async fn a_key_waits_for_no_discarded_one(subject: &Subject) {
    let (tenant, all) = subject.failed(OnFailure::Wait).await;
    subject.store.dead_letter_discard(&tenant, all[0]).await.expect("discarded");
    subject.assert_all(&[all[1]], Scheduled).await;
    subject.assert_all(&[all[2]], Waiting).await;

    let (tenant, all) = subject.failed(OnFailure::Wait).await;
    let everything = Selection::default();
    subject.store.dead_letters_discard(&tenant, &everything).await.expect("discarded");
    subject.assert_all(&[all[1]], Scheduled).await;
    subject.assert_all(&[all[2]], Waiting).await;
}

/// Or until the endpoint says otherwise.
pub async fn an_endpoint_may_change_its_mind(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.settle(dead(&claimed, DeadReason::Exhausted)).await;
    assert_eq!(subject.follow().await, 0);
    let on_failure = Some(OnFailure::GoOn);
    let patch = EndpointPatch { ordering_on_failure: on_failure, ..EndpointPatch::default() };
    subject.patch(&tenant, &endpoint, patch).await;
    assert_eq!(subject.follow().await, 1);
    assert_eq!(subject.deliver_due().await, [all[1]]);
    subject.assert_no_key_is_left().await;
}

/// The follower looks at a part of the keys at a time, and so at all of them.
pub async fn all_keys_are_followed_in_time(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let keys: Vec<String> = (0..7).map(|n| format!("key-{n}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let heads = subject.accept_keys(&tenant, &keys).await;
    let others = subject.accept_keys(&tenant, &keys).await;
    for id in heads {
        let claimed = subject.claim_one(id).await;
        subject.settle(dead(&claimed, DeadReason::Exhausted)).await;
    }
    let on_failure = Some(OnFailure::GoOn);
    let patch = EndpointPatch { ordering_on_failure: on_failure, ..EndpointPatch::default() };
    subject.patch(&tenant, &endpoint, patch).await;
    for _ in 0..4 {
        subject.store.deliveries_follow_endpoints(2).await.expect("followed");
    }
    subject.assert_all(&others, Scheduled).await;
}

/// A receiver that wants one message no more has decided about it: nobody waits.
pub async fn a_key_waits_for_no_aborted_one(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.settle(dead(&claimed, DeadReason::Aborted)).await;
    assert_eq!(subject.state(all[1]).await, Scheduled);
}

/// Who cancels the head lets the next one go; who cancels one that waits takes it out of the line.
pub async fn a_key_waits_for_no_cancelled_one(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a"]).await;
    for id in &all[..2] {
        let cancelled = subject.store.delivery_cancel(&tenant, *id).await.expect("an answer");
        assert_eq!(cancelled, Cancelled::Cancelled);
    }
    assert_eq!(subject.deliver_due().await, [all[2]]);

    let all = subject.accept_keys(&tenant, &["b", "b", "b"]).await;
    for id in [all[1], all[0]] {
        let event = subject.delivery(&tenant, id).await.event.to_string();
        let cancelled = subject.store.event_cancel(&tenant, &event).await.expect("an answer");
        assert_eq!(cancelled.expect("an event").cancelled, 1);
    }
    assert_eq!(subject.deliver_due().await, [all[2]]);
    subject.assert_no_key_is_left().await;
}

/// Nor for those that were held for too long, or waited for one of these: the next one is held.
pub async fn a_key_waits_for_no_expired_one(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    subject.switch(&tenant, &endpoint, false).await;
    let all = subject.accept_old(&tenant, "a", 3).await;
    subject.age(31 * A_DAY).await;
    let young = subject.accept_old(&tenant, "a", 1).await.remove(0);
    assert_eq!(subject.expire().await, 3);
    subject.assert_all(&all, DeliveryState::Dead).await;
    assert_eq!(subject.state(young).await, Scheduled);
    subject.follow().await;
    subject.assert_all(&[young], DeliveryState::Held).await;
    assert_eq!(subject.expire().await, 0);
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    assert_eq!(subject.deliver_due().await, [young]);
    subject.assert_no_key_is_left().await;
}

/// Nor for one whose payload is gone before it was sent, whether it is the head or not.
pub async fn a_key_waits_for_no_expunged_one(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a"]).await;
    for (id, next) in [(all[1], Waiting), (all[0], Scheduled)] {
        let event = subject.delivery(&tenant, id).await.event.to_string();
        let expunged = subject.store.event_expunge(&tenant, &event).await.expect("an answer");
        assert_eq!(expunged, Expunged::Expunged);
        assert_eq!(subject.state(all[2]).await, next);
    }
    assert_eq!(subject.deliver_due().await, [all[2]]);
    subject.assert_no_key_is_left().await;
}

/// Nor for one that failed and is off the record: nobody can replay it any more.
pub async fn a_key_waits_for_no_removed_one(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::Wait).await;
    let old = subject.accept_old(&tenant, "a", 1).await[0];
    let young = subject.accept_keys(&tenant, &["a", "a"]).await;
    let claimed = subject.claim_one(old).await;
    subject.settle(dead(&claimed, DeadReason::Exhausted)).await;
    subject.follow().await;
    subject.assert_all(&young, Waiting).await;
    subject.retain().await;
    assert!(subject.store.delivery_get(&tenant, old).await.expect("an answer").is_none());
    subject.follow().await;
    for id in &young {
        assert_eq!(subject.deliver_due().await, [*id]);
    }
    subject.assert_no_key_is_left().await;
    // Its statistics count what was.
    subject.delete(&tenant, &endpoint).await;
}

/// One whose payload was expunged is on record, and can be discarded.
pub async fn a_key_waits_for_one_that_failed_and_was_expunged(subject: &Subject) {
    let (tenant, all) = subject.failed(OnFailure::Wait).await;
    let event = subject.delivery(&tenant, all[0]).await.event.to_string();
    subject.store.event_expunge(&tenant, &event).await.expect("an answer");
    subject.follow().await;
    subject.assert_all(&all[1..], Waiting).await;
    subject.store.dead_letter_discard(&tenant, all[0]).await.expect("discarded");
    assert_eq!(subject.deliver_due().await, [all[1]]);
}

/// A receiver that is gone switches the endpoint off, and the next one with it.
pub async fn a_receiver_that_is_gone_gets_no_next_one(subject: &Subject) {
    let (tenant, endpoint) = subject.ordered(OnFailure::GoOn).await;
    let all = subject.accept_keys(&tenant, &["a", "a"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.settle(gone(&claimed)).await;
    assert_eq!(ids(&subject.feed(10).await), []);
    subject.follow().await;
    subject.assert_all(&[all[1]], DeliveryState::Held).await;
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    assert_eq!(subject.deliver_due().await, [all[1]]);
}

/// What was delivered goes again when somebody asks for it, whoever's turn it is, and nobody's turn
/// comes sooner by that.
pub async fn a_replay_of_a_delivered_one_takes_no_turn(subject: &Subject) {
    let (tenant, _) = subject.ordered(OnFailure::Wait).await;
    let all = subject.accept_keys(&tenant, &["a", "a", "a"]).await;
    let claimed = subject.claim_one(all[0]).await;
    subject.settle(success(&claimed)).await;
    assert_eq!(ids(&subject.feed(10).await), [all[1]]);
    subject.replay_due(&tenant, all[0]).await;
    assert_eq!(subject.deliver_due().await, [all[0]]);
    assert_eq!((subject.state(all[1]).await, subject.state(all[2]).await), (Queued, Waiting));

    subject.replay_due(&tenant, all[0]).await;
    let claimed = subject.claim_due().await.remove(0);
    subject.settle(dead(&claimed, DeadReason::Exhausted)).await;
    let second = subject.claim_one(all[1]).await;
    subject.settle(success(&second)).await;
    assert_eq!(subject.deliver_due().await, [all[2]]);
    subject.assert_all(&all[1..], Delivered).await;
    subject.assert_no_key_is_left().await;
}
