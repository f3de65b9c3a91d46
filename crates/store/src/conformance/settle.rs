//! Conformance: settling writes an attempt's end and its log, conditional on the lease's token.

use super::Subject;
use super::fixtures::{EARLIER, dead, event, gone, named, queued, retry, success};
use crate::accept::Accepted;
use crate::work::{Claim, Settled, Settlement};
use futures::future::join_all;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::DisableReason;
use postrider_common::id::LeaseToken;
use postrider_contract::ContractDigest;
use std::sync::Arc;
use std::time::Duration;

const MINUTES: Duration = Duration::from_mins(10);

/// Finished, with the attempt on record as it was made.
pub async fn a_success_is_delivered(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    let settlement = success(&claimed);
    assert_eq!(subject.settle(settlement.clone()).await, Settled::Applied);

    let stored = subject.delivery(&tenant, claimed.id).await;
    assert_eq!((stored.state, stored.dead_reason), (DeliveryState::Delivered, None));
    assert_eq!((stored.last_status, stored.last_failure), (Some(200), None));
    assert_eq!((stored.attempts, stored.next_attempt_at), (1, None));
    assert!(stored.finished_at.expect("a time") >= stored.created_at);

    let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
    assert_eq!(attempts.len(), 1);
    let (attempt, expected) = (&attempts[0], settlement.record);
    assert_eq!((attempt.delivery, attempt.number, attempt.round), (claimed.id, 1, 1));
    assert_eq!(attempt.record.started_at, EARLIER);
    assert_eq!(attempt.record.duration, expected.duration);
    assert_eq!(attempt.record.failure, None);
    assert_eq!(attempt.record.url, expected.url);
    assert_eq!(attempt.record.contract, expected.contract);
    assert_eq!(attempt.record.request_headers, expected.request_headers);
    assert_eq!(attempt.record.response, expected.response);
}

/// The delay counts from the settling, on the database's clock.
pub async fn a_failure_waits_for_its_delay(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    assert_eq!(subject.settle(retry(&claimed, MINUTES)).await, Settled::Applied);
    let raw = subject.raw(claimed.id).await;
    assert_eq!((raw.state.as_str(), raw.lease_left_s), ("scheduled", None));
    let due = raw.due_in_s.expect("a due time");
    assert!(due <= 600.0 && due > 570.0, "due in {due} s");

    let stored = subject.delivery(&tenant, claimed.id).await;
    assert_eq!(stored.last_failure, Some(FailureKind::Status));
    assert_eq!((stored.last_status, stored.finished_at), (Some(503), None));
    assert!(stored.next_attempt_at.is_some());
}

/// 30 days, and fractions of a second.
pub async fn delays_are_exact(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for delay in [Duration::from_hours(720), Duration::from_micros(90_000_001_500)] {
        let claimed = subject.in_flight(&tenant).await;
        subject.settle(retry(&claimed, delay)).await;
        let due = subject.raw(claimed.id).await.due_in_s.expect("a due time");
        let delay = delay.as_secs_f64();
        assert!(due <= delay && due > delay - 30.0, "due in {due} s, not {delay} s");
    }
}

/// With its reason, whichever it is.
pub async fn a_delivery_dies_for_a_reason(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for reason in DeadReason::ALL {
        let claimed = subject.in_flight(&tenant).await;
        assert_eq!(subject.settle(dead(&claimed, reason)).await, Settled::Applied);
        let stored = subject.delivery(&tenant, claimed.id).await;
        assert_eq!((stored.state, stored.dead_reason), (DeliveryState::Dead, Some(reason)));
        assert!(stored.finished_at.is_some() && stored.next_attempt_at.is_none());
    }
}

/// Nothing is changed, and nothing goes on record.
pub async fn a_wrong_token_changes_nothing(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    for settlement in [success(&claimed), retry(&claimed, MINUTES), gone(&claimed)] {
        let stale = Settlement { token: LeaseToken::generate(), ..settlement };
        assert_eq!(subject.settle(stale).await, Settled::Superseded);
    }
    assert_eq!(subject.state(claimed.id).await, DeliveryState::InFlight);
    assert!(subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts").is_empty());
    assert_eq!(subject.settle(success(&claimed)).await, Settled::Applied);
}

/// In a second call, and twice in one; a failure after a success neither.
pub async fn settling_again_changes_nothing(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let one = subject.in_flight(&tenant).await;
    let other = subject.in_flight(&tenant).await;
    let batch = [success(&one), retry(&other, MINUTES), success(&one), retry(&other, MINUTES)];
    let settled = subject.store.deliveries_settle(&batch).await.expect("an answer");
    let (applied, superseded) = (Settled::Applied, Settled::Superseded);
    assert_eq!(settled, [applied, applied, superseded, superseded]);
    assert_eq!(subject.settle(success(&one)).await, Settled::Superseded);
    assert_eq!(subject.settle(dead(&one, DeadReason::Exhausted)).await, Settled::Superseded);
    assert_eq!(subject.settle(retry(&other, Duration::ZERO)).await, Settled::Superseded);
    assert_eq!(subject.state(one.id).await, DeliveryState::Delivered);
    assert!(subject.raw(other.id).await.due_in_s.expect("a due time") > 500.0);
}

/// What one lease of a delivery says is not taken for what another says in the same batch.
pub async fn an_older_lease_in_the_same_batch_is_superseded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let old = subject.in_flight(&tenant).await;
    subject.age(1_000).await;
    subject.store.deliveries_reap(10).await.expect("reaped");
    subject.feed(10).await;
    let new = subject.claim_one(old.id).await;
    for batch in [[success(&old), retry(&new, MINUTES)]] {
        let settled = subject.store.deliveries_settle(&batch).await.expect("an answer");
        assert_eq!(settled, [Settled::Superseded, Settled::Applied]);
    }
    assert_eq!(subject.state(old.id).await, DeliveryState::Scheduled);
}

/// Of an endpoint that is paused by now.
pub async fn a_retry_of_an_endpoint_that_is_off_is_held(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (failed, succeeded) = (subject.in_flight(&tenant).await, subject.in_flight(&tenant).await);
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(subject.settle(retry(&failed, MINUTES)).await, Settled::Applied);
    let raw = subject.raw(failed.id).await;
    assert_eq!(raw.state, "held");
    assert!(raw.due_in_s.expect("it keeps its due time") > 500.0);
    assert_eq!(subject.settle(success(&succeeded)).await, Settled::Applied);
    assert_eq!(subject.state(succeeded.id).await, DeliveryState::Delivered);
}

/// What was sent is on record as it went; what failed is not tried again.
pub async fn a_retry_of_a_deleted_endpoint_is_dead(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = [0, 1, 2].map(|_| subject.in_flight(&tenant));
    let [failed, exhausted, succeeded]: [_; 3] = join_all(claimed).await.try_into().expect("three");
    subject.delete(&tenant, &endpoint).await;
    let batch =
        [retry(&failed, MINUTES), dead(&exhausted, DeadReason::Exhausted), success(&succeeded)];
    let settled = subject.store.deliveries_settle(&batch).await.expect("an answer");
    assert_eq!(settled, [Settled::Applied; 3]);
    let mut found = Vec::new();
    for id in [failed.id, exhausted.id, succeeded.id] {
        let stored = subject.delivery(&tenant, id).await;
        found.push((stored.state, stored.dead_reason));
    }
    let dead = |reason| (DeliveryState::Dead, Some(reason));
    let expected = [dead(DeadReason::EndpointDeleted), dead(DeadReason::Exhausted)];
    assert_eq!(found[..2], expected);
    assert_eq!(found[2], (DeliveryState::Delivered, None));
}

/// In the same breath: the next event for it is held.
pub async fn gone_switches_the_endpoint_off(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    let batch = claimed.each_ref().map(gone);
    let settled = subject.store.deliveries_settle(&batch).await.expect("an answer");
    assert_eq!(settled, [Settled::Applied; 2]);
    let stored = subject.delivery(&tenant, claimed[0].id).await;
    assert_eq!((stored.dead_reason, stored.last_status), (Some(DeadReason::Gone), Some(410)));

    let off = subject.store.endpoint_get(&tenant, &named(&endpoint)).await.expect("an answer");
    let off = off.expect("the endpoint");
    assert_eq!(off.disabled.map(|disabled| disabled.reason), Some(DisableReason::Gone));
    assert!(off.active && off.version > endpoint.version);
    let next = subject.accept_one(event(&tenant)).await;
    assert!(matches!(next, Accepted::New { deliveries: 1, .. }) && queued(&next).is_empty());
}

/// Endpoints of many tenants at once, in different orders, by several dispatchers.
pub async fn concurrent_settlers_that_switch_off_do_not_block_each_other(subject: &Subject) {
    let mut batches = vec![Vec::new(); 4];
    for _ in 0..6 {
        let (tenant, _) = subject.customer().await;
        let ids = subject.queue(&tenant, batches.len()).await;
        for (batch, claim) in batches.iter_mut().zip(subject.claim(&ids).await.claims) {
            let Claim::Claimed(claimed) = claim else {
                panic!("{claim:?}");
            };
            batch.push(gone(&claimed));
        }
    }
    let settlers = batches.into_iter().enumerate().map(|(n, mut batch)| {
        let store = Arc::clone(&subject.store);
        batch.rotate_left(n);
        tokio::spawn(async move { store.deliveries_settle(&batch).await })
    });
    for settled in join_all(settlers).await {
        let settled = settled.expect("no panic").expect("an answer");
        assert_eq!(settled, [Settled::Applied; 6]);
    }
}

/// Each with its own result, in their order.
pub async fn a_batch_of_five_hundred_is_settled(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 500).await;
    let claimed = subject.claim(&ids).await;
    let mut batch = Vec::new();
    for (n, claim) in claimed.claims.iter().enumerate() {
        let Claim::Claimed(claimed) = claim else {
            panic!("{claim:?}");
        };
        batch.push(match n % 3 {
            0 => success(claimed),
            1 => retry(claimed, MINUTES),
            _ => Settlement { token: LeaseToken::generate(), ..success(claimed) },
        });
    }
    batch.reverse();
    let settled = subject.store.deliveries_settle(&batch).await.expect("an answer");
    for (n, settled) in settled.iter().rev().enumerate() {
        let expected = if n % 3 == 2 { Settled::Superseded } else { Settled::Applied };
        assert_eq!(*settled, expected, "{n}");
    }
    let states = [DeliveryState::Delivered, DeliveryState::Scheduled, DeliveryState::InFlight];
    for (n, id) in ids.iter().enumerate().take(30) {
        assert_eq!(subject.state(*id).await, states[n % 3]);
    }
    assert!(subject.store.deliveries_settle(&[]).await.expect("an answer").is_empty());
}

/// Numbered 1..n, the last one agreeing with the delivery.
pub async fn attempts_are_numbered(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut claimed = subject.in_flight(&tenant).await;
    for failures in 1..=4 {
        assert_eq!(claimed.attempt, failures);
        subject.settle(retry(&claimed, Duration::ZERO)).await;
        subject.feed(10).await;
        claimed = subject.claim_one(claimed.id).await;
        assert_eq!(claimed.progress.failures, failures);
    }
    subject.settle(success(&claimed)).await;
    let attempts = subject.store.attempt_list(&tenant, claimed.id).await.expect("attempts");
    let seen: Vec<_> = attempts.iter().map(|one| (one.number, one.record.failure)).collect();
    let failed = Some(FailureKind::Status);
    assert_eq!(seen, [(1, failed), (2, failed), (3, failed), (4, failed), (5, None)]);
    let stored = subject.delivery(&tenant, claimed.id).await;
    assert_eq!((stored.attempts, stored.last_status), (5, Some(200)));
}

/// That its request was made by; a lost one was made by none that anybody knows.
pub async fn an_attempt_names_the_version_of_its_contract(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let digest = |n: u8| Some(ContractDigest::from_bytes([n; 32]));
    let mut first = retry(&subject.in_flight(&tenant).await, Duration::ZERO);
    first.record.contract_digest = digest(1);
    subject.settle(first.clone()).await;
    subject.feed(10).await;
    let mut second = success(&subject.claim_one(first.delivery).await);
    second.record.contract_digest = digest(2);
    subject.age(1_000).await;
    subject.reap().await;
    let digests = async || {
        let attempts = subject.store.attempt_list(&tenant, first.delivery).await.expect("attempts");
        attempts.iter().map(|attempt| attempt.record.contract_digest).collect::<Vec<_>>()
    };
    assert_eq!(digests().await, [digest(1), None]);
    assert_eq!(subject.settle(second).await, Settled::AppliedLate);
    assert_eq!(digests().await, [digest(1), digest(2)]);
}
