//! Conformance: what operators are told, in the transaction of what it is about, and of which tenants.

use super::Subject;
use super::fixtures::{dead, event, given, gone, named, queued, retry, success};
use super::replays::replay_of;
use crate::accept::NewEvent;
use crate::operations::{Facts, OperationalEvent, OperationalEventId, OperationalKind};
use crate::replays::{ReplayMode, ReplayState};
use crate::selection::Selection;
use crate::work::{Claim, ClaimedDelivery, Settled, Settlement};
use futures::future::join_all;
use postrider_common::delivery::{DeadReason, Delivery, Transition};
use postrider_common::endpoint::{DisableReason, Endpoint};
use postrider_common::id::LeaseToken;
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// In seconds, with some to spare.
const A_DAY: u64 = 86_400 + 60;

impl Subject {
    /// A store that tells an operator's tenant, and that tenant.
    async fn operated(&self) -> (Self, TenantScope) {
        let operator = self.tenant().await;
        (self.telling(&operator), operator)
    }

    async fn told(&self) -> Vec<OperationalEvent> {
        self.store.operational_events(1_000, DAY).await.expect("an answer")
    }

    async fn told_kinds(&self) -> Vec<OperationalKind> {
        self.told().await.iter().map(|one| one.kind).collect()
    }

    /// The only thing that was told since the last time, which is removed.
    async fn told_once(&self) -> OperationalEvent {
        let told = self.told().await;
        assert_eq!(told.len(), 1, "{told:?}");
        self.remove_told(&[told[0].id]).await;
        told.into_iter().next().expect("one")
    }

    async fn remove_told(&self, ids: &[OperationalEventId]) {
        self.store.operational_events_remove(ids).await.expect("an answer");
    }
}

/// A failure after which the next one switches the endpoint off.
fn last_chance(claimed: &ClaimedDelivery) -> Settlement {
    Settlement { is_last_chance: true, ..retry(claimed, Duration::ZERO) }
}

/// The last failure of a delivery whose endpoint is switched off by it.
fn exhausted(claimed: &ClaimedDelivery) -> Settlement {
    let disable = Some(DisableReason::Exhausted);
    let transition = Transition::Dead { reason: DeadReason::Exhausted, disable };
    Settlement { transition, ..dead(claimed, DeadReason::Exhausted) }
}

fn is_about(told: &OperationalEvent, tenant: &TenantScope, endpoint: &Endpoint) {
    assert_eq!(told.tenant, *tenant.tenant());
    let facts = told.facts.endpoint.as_ref().expect("an endpoint");
    assert_eq!((&facts.public_id, &facts.url), (&endpoint.public_id, &endpoint.url));
    assert_eq!(facts.contract, endpoint.contract);
}

/// Once, however many of a batch ask for it, beside what is dead; for its reason.
pub async fn an_endpoint_that_is_switched_off_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    let claimed = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    let before = subject.hooks.now().await.expect("a time");
    let batch = claimed.each_ref().map(gone);
    subject.store.deliveries_settle(&batch).await.expect("an answer");

    let told = subject.told().await;
    let kinds: Vec<_> = told.iter().map(|one| one.kind).collect();
    let dead = OperationalKind::DeliveryDead;
    assert_eq!(kinds, [OperationalKind::EndpointDisabled, dead, dead]);
    is_about(&told[0], &tenant, &endpoint);
    assert_eq!(told[0].facts.reason.as_deref(), Some("gone"));
    assert_eq!(told[0].facts.delivery, None);
    let after = subject.hooks.now().await.expect("a time");
    for one in &told {
        assert!(one.at >= before && one.at <= after && !one.is_stale, "{one:?}");
    }
}

/// And of what: its event under either id, how often it was attempted, and what came of the last time.
pub async fn a_dead_delivery_is_told_with_what_became_of_it(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    let plain = subject.in_flight(&tenant).await;
    let named = NewEvent { given_id: given("order-7"), ..event(&tenant) };
    let named = subject.accept_one(named).await;
    let named = subject.claim_one(queued(&named)[0]).await;
    subject.settle(retry(&plain, Duration::ZERO)).await;
    subject.feed(10).await;
    let plain = subject.claim_one(plain.id).await;
    for (claimed, reason, attempts, given_id) in [
        (plain, DeadReason::Exhausted, 2, None),
        (named, DeadReason::Aborted, 1, Some("order-7".to_owned())),
    ] {
        subject.settle(dead(&claimed, reason)).await;
        let told = subject.told_once().await;
        assert_eq!(told.kind, OperationalKind::DeliveryDead);
        is_about(&told, &tenant, &endpoint);
        assert_eq!(told.facts.reason.as_deref(), Some(reason.as_str()));
        let facts = told.facts.delivery.expect("a delivery");
        assert_eq!((facts.id, facts.event), (claimed.id, claimed.event));
        assert_eq!((facts.given_event_id, facts.attempts), (given_id, attempts));
        assert_eq!(facts.event_type, "thought.created");
        assert_eq!((facts.last_status, facts.last_failure.as_deref()), (Some(500), Some("status")));
        let stored = subject.delivery(&tenant, claimed.id).await;
        assert_eq!(facts.created_at, stored.created_at);
    }
}

/// Although there was no attempt after which it was given up. What its owner ends is no news.
pub async fn a_delivery_that_was_held_for_too_long_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    subject.switch(&tenant, &endpoint, false).await;
    for _ in 0..3 {
        let event = subject.event_of(&tenant, 32).await;
        subject.accept_one(event).await;
    }
    let held: Vec<Delivery> = subject.deliveries(&tenant).await;
    let event = held[0].event.to_string();
    subject.store.event_expunge(&tenant, &event).await.expect("an answer");
    subject.store.delivery_cancel(&tenant, held[1].id).await.expect("an answer");
    subject.age(31 * A_DAY).await;
    assert_eq!(subject.told().await.len(), 0);
    assert_eq!(subject.expire().await, 1);
    let told = subject.told_once().await;
    assert_eq!(told.kind, OperationalKind::DeliveryDead);
    is_about(&told, &tenant, &endpoint);
    assert_eq!(told.facts.reason.as_deref(), Some("expired"));
    let facts = told.facts.delivery.expect("a delivery");
    assert_eq!((facts.id, facts.attempts, facts.last_failure), (held[2].id, 0, None));
}

/// Once for an endpoint, however many deliveries come to it.
pub async fn a_deliverys_last_chance_is_told_once_a_day(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    let other = subject.customer().await;
    let first = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    let batch = [
        last_chance(&first[0]),
        last_chance(&first[1]),
        last_chance(&subject.in_flight(&other.0).await),
    ];
    subject.store.deliveries_settle(&batch).await.expect("an answer");
    let mut told = subject.told().await;
    told.sort_by_key(|one| one.tenant != *tenant.tenant());
    assert_eq!(told.len(), 2, "one for each endpoint: {told:?}");
    is_about(&told[0], &tenant, &endpoint);
    is_about(&told[1], &other.0, &other.1);
    for one in &told {
        assert_eq!(one.kind, OperationalKind::EndpointFailing);
        assert_eq!(one.facts.reason.as_deref(), Some("last_attempt_left"));
        assert_eq!(one.facts.delivery.as_ref().map(|facts| facts.attempts), Some(1));
    }
    subject.remove_told(&[told[0].id, told[1].id]).await;

    subject.settle(last_chance(&subject.in_flight(&tenant).await)).await;
    assert_eq!(subject.told().await.len(), 0, "of the same endpoint it is known");
    subject.age(A_DAY).await;
    subject.settle(last_chance(&subject.in_flight(&tenant).await)).await;
    is_about(&subject.told_once().await, &tenant, &endpoint);
}

/// Although it is the same day.
pub async fn the_last_chance_is_told_anew_once_the_endpoint_is_back(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    let [one, other] = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    subject.settle(last_chance(&one)).await;
    subject.settle(exhausted(&other)).await;
    subject.switch(&tenant, &endpoint, true).await;
    subject.settle(last_chance(&subject.in_flight(&tenant).await)).await;
    let failing = OperationalKind::EndpointFailing;
    let (disabled, enabled) = (OperationalKind::EndpointDisabled, OperationalKind::EndpointEnabled);
    let expected = [failing, disabled, OperationalKind::DeliveryDead, enabled, failing];
    assert_eq!(subject.told_kinds().await, expected);
}

/// Only of one that was switched off by us: what its owner paused, its owner resumes.
pub async fn an_endpoint_that_is_back_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    subject.switch(&tenant, &endpoint, false).await;
    subject.switch(&tenant, &endpoint, true).await;
    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!(subject.told().await.len(), 0);

    subject.settle(exhausted(&subject.in_flight(&tenant).await)).await;
    let before: Vec<_> = subject.told().await.iter().map(|one| one.id).collect();
    subject.remove_told(&before).await;
    subject.switch(&tenant, &endpoint, false).await;
    assert_eq!(subject.told().await.len(), 0);
    subject.switch(&tenant, &endpoint, true).await;
    let told = subject.told_once().await;
    assert_eq!(told.kind, OperationalKind::EndpointEnabled);
    assert_eq!(told.facts.reason.as_deref(), Some("resumed"));
    is_about(&told, &tenant, &endpoint);
}

/// Whether it came to its end or was cancelled, with its counts; once.
pub async fn a_replay_that_is_over_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    subject.settle(success(&subject.in_flight(&tenant).await)).await;
    let selection = Selection { endpoint: Some(named(&endpoint)), ..Selection::default() };
    let mut new = replay_of(ReplayMode::Again, selection);
    new.matched = Some(1);
    let job = subject.replay(&tenant, new).await;
    subject.step_to_the_end().await;
    let told = subject.told_once().await;
    assert_eq!((told.kind, told.facts.reason.as_deref()), (OperationalKind::ReplayFinished, None));
    is_about(&told, &tenant, &endpoint);
    let facts = told.facts.replay.expect("a replay");
    assert_eq!((facts.id, facts.mode.as_str()), (job.id, "again"));
    assert_eq!((facts.state.as_str(), facts.created_at), ("finished", job.created_at));
    assert_eq!((facts.matched, facts.replayed, facts.skipped), (Some(1), 1, 0));

    let all = replay_of(ReplayMode::AsNew, Selection::default());
    let job = subject.replay(&tenant, all).await;
    for to in [ReplayState::Paused, ReplayState::Running, ReplayState::Cancelled] {
        assert_eq!(subject.told().await.len(), 0, "before it is {to:?}");
        subject.store.replay_change(&tenant, job.id, to).await.expect("an answer");
    }
    subject.store.replay_change(&tenant, job.id, ReplayState::Cancelled).await.expect("an answer");
    let told = subject.told_once().await;
    assert_eq!((told.tenant, told.facts.endpoint), (tenant.tenant().clone(), None));
    let facts = told.facts.replay.expect("a replay");
    assert_eq!((facts.state.as_str(), facts.matched), ("cancelled", None));
}

/// Once, until it has been closed.
pub async fn a_breaker_that_opens_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    subject.open(&endpoint).await;
    let again = super::breakers::terms();
    subject.store.breaker_open(endpoint.id, endpoint.version, &again).await.expect("an answer");
    let told = subject.told_once().await;
    assert_eq!(told.kind, OperationalKind::EndpointFailing);
    assert_eq!(told.facts.reason.as_deref(), Some("breaker_open"));
    is_about(&told, &tenant, &endpoint);
}

/// Nor of what is delivered, or tried again.
pub async fn of_tests_and_what_changes_nothing_nothing_is_told(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, endpoint) = subject.customer().await;
    let test = subject.in_flight(&tenant).await;
    subject.hooks.make_test(test.id).await.expect("a test");
    subject.settle(dead(&test, DeadReason::Exhausted)).await;
    let claimed = subject.in_flight(&tenant).await;
    let token = LeaseToken::generate();
    for wrong in [exhausted(&claimed), last_chance(&claimed)] {
        assert_eq!(subject.settle(Settlement { token, ..wrong }).await, Settled::Superseded);
    }
    subject.settle(retry(&claimed, Duration::ZERO)).await;
    subject.settle(success(&subject.in_flight(&tenant).await)).await;
    let late = subject.in_flight(&tenant).await;
    subject.delete(&tenant, &endpoint).await;
    subject.settle(last_chance(&late)).await;
    let told = subject.told().await;
    assert_eq!(told.len(), 0, "what its owner ends is no news: {told:?}");
}

/// Whatever becomes of its endpoints, deliveries and replays.
pub async fn of_the_operators_own_tenant_nothing_is_told(subject: &Subject) {
    let (subject, operator) = subject.operated().await;
    let endpoint = subject.endpoint(&operator).await;
    let [one, other] = [subject.in_flight(&operator).await, subject.in_flight(&operator).await];
    subject.settle(last_chance(&one)).await;
    subject.open(&endpoint).await;
    subject.settle(exhausted(&other)).await;
    subject.switch(&operator, &endpoint, true).await;
    subject.replay(&operator, replay_of(ReplayMode::Again, Selection::default())).await;
    subject.step_to_the_end().await;
    assert_eq!(subject.told().await.len(), 0);
}

/// And there is nobody to be told.
pub async fn without_an_operator_nothing_is_told(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let [one, other] = [subject.in_flight(&tenant).await, subject.in_flight(&tenant).await];
    subject.settle(last_chance(&one)).await;
    subject.open(&endpoint).await;
    subject.settle(exhausted(&other)).await;
    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!((subject.store.operator(), subject.told().await.len()), (None, 0));
    let (operated, operator) = subject.operated().await;
    assert_eq!(operated.store.operator().as_ref(), Some(operator.tenant()));
}

/// And nothing else; in the order in which it was written, as many as are wanted.
pub async fn what_was_told_is_removed(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let (tenant, _) = subject.customer().await;
    for _ in 0..3 {
        subject.settle(dead(&subject.in_flight(&tenant).await, DeadReason::Exhausted)).await;
    }
    let all: Vec<_> = subject.told().await.iter().map(|one| one.id).collect();
    let first = subject.store.operational_events(2, DAY).await.expect("an answer");
    assert_eq!(first.iter().map(|one| one.id).collect::<Vec<_>>(), all[..2]);
    subject.remove_told(&[all[1], all[1]]).await;
    subject.age(A_DAY).await;
    subject.settle(dead(&subject.in_flight(&tenant).await, DeadReason::Exhausted)).await;
    let left = subject.told().await;
    assert_eq!(left.iter().map(|one| one.id).collect::<Vec<_>>()[..2], [all[0], all[2]]);
    assert_eq!(left.iter().map(|one| one.is_stale).collect::<Vec<_>>(), [true, true, false]);
    assert_ne!(left[2].facts, Facts::default());
}

/// Of the same endpoints, in different orders.
pub async fn settlers_that_warn_and_switch_off_at_once_do_not_block_each_other(subject: &Subject) {
    let (subject, _) = subject.operated().await;
    let mut batches = vec![Vec::new(); 4];
    for n in 0..6 {
        let (tenant, _) = subject.customer().await;
        let ids = subject.queue(&tenant, batches.len()).await;
        for (m, claim) in subject.claim(&ids).await.claims.into_iter().enumerate() {
            let Claim::Claimed(claimed) = claim else {
                panic!("{claim:?}");
            };
            let settlement =
                if (n + m) % 2 == 0 { last_chance(&claimed) } else { exhausted(&claimed) };
            batches[m].push(settlement);
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
    let kinds = subject.told_kinds().await;
    let count = |kind| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!(count(OperationalKind::EndpointDisabled), 6, "{kinds:?}");
    assert_eq!(count(OperationalKind::DeliveryDead), 12, "{kinds:?}");
}
