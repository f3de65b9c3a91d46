//! Conformance: deliveries that are lost again and again are claimed alone, and given up if that is lost too.

use super::Subject;
use super::defer::deferral;
use super::fixtures::{dead, ids, lease_policy, retry, success};
use crate::dead_letters::Discarded;
use crate::log::Replayed;
use crate::operations::OperationalKind;
use crate::page::PageRequest;
use crate::selection::Selection;
use crate::work::{Claim, ClaimedDelivery, Claiming, Reaped, Settled, TakenOver};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState, SUSPECT_AFTER_LOSSES};
use postrider_common::id::DeliveryId;
use postrider_common::ordering::OnFailure;
use postrider_common::tenant::TenantScope;
use std::time::Duration;

use DeliveryState::{Dead, Delivered, Held, Queued, Scheduled, Waiting};

/// Longer than any lease of the suite.
const LATER: u64 = 1_000;

impl Subject {
    /// Lets these `queued` deliveries be lost so often that they are suspects, and makes them `queued` again.
    pub async fn make_suspects(&self, ids: &[DeliveryId]) {
        for _ in 0..SUSPECT_AFTER_LOSSES {
            for claim in self.claim(ids).await.claims {
                assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
            }
            self.age(LATER).await;
            assert_eq!(self.reap().await.len(), ids.len());
            self.feed(10_000).await;
        }
        self.assert_all(ids, Queued).await;
    }

    async fn suspect(&self, tenant: &TenantScope) -> DeliveryId {
        let id = self.queue(tenant, 1).await.remove(0);
        self.make_suspects(&[id]).await;
        id
    }

    async fn claim_alone(&self, id: DeliveryId) -> ClaimedDelivery {
        let lease = lease_policy();
        let claimed = self.store.deliveries_claim(&[id], &lease, Claiming::Alone).await;
        let claim = claimed.expect("an answer").claims.remove(0);
        let Claim::Claimed(claimed) = claim else { panic!("not claimed: {claim:?}") };
        claimed
    }

    /// Ends the only lease that there is, and gives what became of it.
    async fn lose(&self) -> Reaped {
        self.age(LATER).await;
        let reaped = self.store.deliveries_reap(10).await.expect("an answer");
        assert_eq!(reaped.len(), 1, "{reaped:?}");
        reaped[0]
    }
}

/// As it is: due when it was, with its attempts as they were. Others of the batch are claimed as ever.
pub async fn a_suspect_is_left_for_who_claims_alone(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let suspect = subject.suspect(&tenant).await;
    let before = subject.delivery(&tenant, suspect).await;
    let others = subject.queue(&tenant, 2).await;
    let claims = subject.claim(&[others[0], suspect, others[1]]).await.claims;
    let found = |n: usize| matches!(claims[n], Claim::Claimed(_));
    assert!(found(0) && found(2) && matches!(claims[1], Claim::Suspect), "{claims:?}");
    let after = subject.delivery(&tenant, suspect).await;
    assert_eq!((after.state, after.attempts), (Queued, before.attempts));
    assert_eq!((subject.raw(suspect).await.losses, after.attempts), (2, 2));

    let claimed = subject.claim_alone(suspect).await;
    assert_eq!((claimed.id, claimed.attempt), (suspect, 3));
    assert!(subject.claim(&[suspect]).await.events.is_empty(), "it is claimed");
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Applied);
    assert_eq!(subject.state(suspect).await, Delivered);
}

/// With all of its attempts on record, each of which was lost.
pub async fn a_suspect_that_is_lost_alone_is_poison(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let neighbour = subject.in_flight(&tenant).await;
    subject.settle(success(&neighbour)).await;
    let id = subject.suspect(&tenant).await;
    subject.claim_alone(id).await;
    let poison = Some(DeadReason::Poison);
    assert_eq!(subject.lose().await, Reaped { delivery: id, attempt: 3, dead: poison });

    let stored = subject.delivery(&tenant, id).await;
    assert_eq!((stored.state, stored.dead_reason), (Dead, poison));
    assert_eq!((stored.attempts, stored.last_failure), (3, Some(FailureKind::Lost)));
    assert!(stored.finished_at.is_some() && stored.next_attempt_at.is_none());
    let attempts = subject.store.attempt_list(&tenant, id).await.expect("attempts");
    let failures: Vec<_> = attempts.iter().map(|attempt| attempt.record.failure).collect();
    assert_eq!(failures, [Some(FailureKind::Lost); 3]);
    assert_eq!(subject.state(neighbour.id).await, Delivered);
    subject.age(LATER).await;
    assert!(subject.reap().await.is_empty() && subject.feed(10).await.is_empty());
}

/// Like what was exhausted. Replayed, it begins anew, with others in flight.
pub async fn what_was_lost_once_too_often_is_told_and_listed_and_can_be_replayed(
    subject: &Subject,
) {
    let operator = subject.tenant().await;
    let subject = subject.telling(&operator);
    let (tenant, _) = subject.customer().await;
    let id = subject.suspect(&tenant).await;
    subject.claim_alone(id).await;
    subject.lose().await;

    let told = subject.store.operational_events(10, Duration::from_hours(24)).await;
    let told = told.expect("an answer");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, OperationalKind::DeliveryDead);
    assert_eq!(told[0].facts.reason.as_deref(), Some("poison"));
    let facts = told[0].facts.delivery.as_ref().expect("a delivery");
    assert_eq!((facts.id, facts.attempts, facts.last_failure.as_deref()), (id, 3, Some("lost")));

    let poison = Selection { reason: Some(DeadReason::Poison), ..Selection::default() };
    let page = PageRequest { limit: 10, after: None };
    let listed = subject.store.dead_letter_list(&tenant, &poison, page).await.expect("a page");
    assert_eq!(listed.rows.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    let discarded = subject.store.dead_letter_discard(&tenant, id).await.expect("an answer");
    assert_eq!(discarded, Discarded::Discarded);
    let replayed = subject.store.delivery_replay(&tenant, id).await.expect("an answer");
    assert_eq!(replayed, Replayed::Replayed);
    assert_eq!(subject.raw(id).await.losses, 0);
    assert_eq!(ids(&subject.feed(10).await), [id]);
    assert_eq!(subject.claim_one(id).await.attempt, 4);
}

/// Whatever is settled in between, it begins anew.
pub async fn losses_count_in_a_row(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    assert_eq!(subject.lose().await.dead, None);
    assert_eq!(subject.raw(first.id).await.losses, 1);
    subject.feed(10).await;
    let second = subject.claim_one(first.id).await;
    subject.settle(retry(&second, Duration::ZERO)).await;
    assert_eq!(subject.raw(first.id).await.losses, 0);
    subject.feed(10).await;
    subject.claim_one(first.id).await;
    subject.lose().await;
    subject.feed(10).await;
    subject.claim_one(first.id).await;

    // A suspect that has failed is none.
    subject.lose().await;
    subject.feed(10).await;
    let alone = subject.claim_alone(first.id).await;
    subject.settle(retry(&alone, Duration::ZERO)).await;
    subject.feed(10).await;
    let together = subject.claim_one(first.id).await;
    subject.settle(dead(&together, DeadReason::Exhausted)).await;
    assert_eq!(subject.delivery(&tenant, first.id).await.attempts, 6);
}

/// It stays a suspect, with its losses as they were.
pub async fn a_claim_alone_that_is_given_back_changes_nothing(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.suspect(&tenant).await;
    for _ in 0..3 {
        let claimed = subject.claim_alone(id).await;
        let given_back = subject.store.deliveries_defer(&[deferral(&claimed, 0)]).await;
        assert_eq!(given_back.expect("an answer"), 1);
        assert_eq!((subject.state(id).await, subject.raw(id).await.losses), (Scheduled, 2));
        subject.age(LATER).await;
        assert!(subject.reap().await.is_empty());
        assert_eq!(ids(&subject.feed(10).await), [id]);
        let claims = subject.claim(&[id]).await.claims;
        assert!(matches!(claims[..], [Claim::Suspect]), "{claims:?}");
    }
    assert_eq!(subject.claim_alone(id).await.attempt, 3);
}

/// Although it was claimed alone, as what another process has settled since may be; and it is no matter what
/// was alone before.
pub async fn what_is_no_suspect_is_not_given_up(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    subject.claim_alone(id).await;
    assert_eq!(subject.lose().await.dead, None);
    assert_eq!((subject.state(id).await, subject.raw(id).await.losses), (Scheduled, 1));

    let suspect = subject.suspect(&tenant).await;
    let alone = subject.claim_alone(suspect).await;
    subject.settle(retry(&alone, Duration::ZERO)).await;
    subject.feed(10).await;
    subject.claim_one(suspect).await;
    assert_eq!(subject.lose().await.dead, None);
}

/// Held while it is off, dead once it is deleted, whoever claims it or loses it.
pub async fn a_suspect_follows_its_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let id = subject.suspect(&tenant).await;
    subject.switch(&tenant, &endpoint, false).await;
    let claims = subject.claim(&[id]).await.claims;
    assert!(matches!(claims[..], [Claim::Held]), "{claims:?}");
    assert_eq!(subject.state(id).await, Held);
    subject.switch(&tenant, &endpoint, true).await;
    subject.follow().await;
    subject.feed(10).await;
    let claims = subject.claim(&[id]).await.claims;
    assert!(matches!(claims[..], [Claim::Suspect]), "{claims:?}");

    subject.claim_alone(id).await;
    subject.delete(&tenant, &endpoint).await;
    assert_eq!(subject.lose().await.dead, Some(DeadReason::EndpointDeleted));
}

/// At once, as the endpoint says.
pub async fn a_key_goes_on_or_waits_after_poison(subject: &Subject) {
    for (on_failure, next) in [(OnFailure::GoOn, Scheduled), (OnFailure::Wait, Waiting)] {
        let (tenant, _) = subject.ordered(on_failure).await;
        let all = subject.accept_keys(&tenant, &["a", "a"]).await;
        subject.make_suspects(&all[..1]).await;
        subject.assert_all(&all[1..], Waiting).await;
        subject.claim_alone(all[0]).await;
        assert_eq!(subject.lose().await.dead, Some(DeadReason::Poison));
        subject.assert_all(&all[1..], next).await;
        subject.follow().await;
        subject.assert_all(&all[1..], next).await;
    }
}

/// Its lease is ended at once, and it was alone.
pub async fn an_earlier_process_that_was_alone_is_taken_over(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.suspect(&tenant).await;
    subject.claim_alone(id).await;
    let taken = subject.store.deliveries_take_over().await.expect("an answer");
    assert_eq!(taken, TakenOver { leases: 1, queued: 0 });
    let reaped = subject.store.deliveries_reap(10).await.expect("an answer");
    assert_eq!(reaped, [Reaped { delivery: id, attempt: 3, dead: Some(DeadReason::Poison) }]);
}

/// Its process lives after all.
pub async fn a_late_success_wins_over_poison(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.suspect(&tenant).await;
    let claimed = subject.claim_alone(id).await;
    assert_eq!(subject.lose().await.dead, Some(DeadReason::Poison));
    assert_eq!(subject.settle(success(&claimed)).await, Settled::AppliedLate);
    let stored = subject.delivery(&tenant, id).await;
    assert_eq!((stored.state, stored.dead_reason, stored.attempts), (Delivered, None, 3));
    assert_eq!(subject.raw(id).await.losses, 0);
}
