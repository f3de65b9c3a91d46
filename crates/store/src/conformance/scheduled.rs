//! Conformance: an event that is to be delivered later is owed at once and due then, not before.

use super::Subject;
use super::fixtures::{event, given, ids};
use crate::accept::{Accepted, NewEvent};
use crate::replays::{NewReplay, ReplayCreated, ReplayMode, StepLimits};
use crate::selection::Selection;
use crate::work::WorkQueue;
use postrider_common::delivery::DeliveryState;
use postrider_common::event::MAX_DELIVER_AHEAD;
use postrider_common::id::{DeliveryId, EventId, ReplayId};
use postrider_common::tenant::{TenantId, TenantScope};
use std::time::Duration;
use time::OffsetDateTime;

const HOUR: Duration = Duration::from_hours(1);
/// What passes while a case runs, at most.
const SLACK: Duration = Duration::from_mins(1);
/// 30 days, in seconds.
const LONGEST_S: u64 = MAX_DELIVER_AHEAD.as_secs();

async fn ahead(subject: &Subject, by: Duration) -> OffsetDateTime {
    subject.hooks.now().await.expect("the time") + by
}

/// Accepts an event for a time, and gives its one delivery.
async fn accept_for(
    subject: &Subject,
    tenant: &TenantScope,
    deliver_at: OffsetDateTime,
) -> DeliveryId {
    let new = NewEvent { deliver_at: Some(deliver_at), ..event(tenant) };
    let id = new.id;
    let accepted = subject.accept_one(new).await;
    assert_eq!(accepted, Accepted::New { deliveries: 1, queued: vec![] });
    delivery_of(subject, tenant, id).await
}

async fn delivery_of(subject: &Subject, tenant: &TenantScope, event: EventId) -> DeliveryId {
    let deliveries = subject.deliveries(tenant).await;
    deliveries.iter().find(|delivery| delivery.event == event).expect("a delivery").id
}

/// Neither a message nor the feeder has it before its time; the event shows the time as it was given.
pub async fn an_event_is_due_when_it_is_to_be_delivered(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let deliver_at = ahead(subject, HOUR).await;
    let id = accept_for(subject, &tenant, deliver_at).await;
    let stored = subject.delivery(&tenant, id).await;
    assert_eq!(stored.state, DeliveryState::Scheduled);
    let due = stored.next_attempt_at.expect("a due time");
    assert!((due - deliver_at).abs() < Duration::from_millis(1), "{due} is not {deliver_at}");
    let shown = subject.store.event_get(&tenant, &stored.event.to_string()).await;
    let shown = shown.expect("an answer").expect("the event").deliver_at.expect("a time");
    assert!((shown - deliver_at).abs() < Duration::from_millis(1), "{shown} is not {deliver_at}");

    assert!(subject.feed(10).await.is_empty());
    subject.age(HOUR.saturating_sub(SLACK).as_secs()).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(SLACK.as_secs()).await;
    let fed = subject.feed(10).await;
    assert_eq!((ids(&fed), fed[0].queue), (vec![id], WorkQueue::First));
    let claimed = subject.claim_one(id).await;
    assert_eq!(claimed.attempt, 1);
}

/// It is due at once, since it was accepted.
pub async fn a_time_of_delivery_that_is_past_is_now(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = accept_for(subject, &tenant, OffsetDateTime::UNIX_EPOCH).await;
    let stored = subject.delivery(&tenant, id).await;
    assert_eq!(stored.next_attempt_at, Some(stored.created_at));
    assert_eq!(ids(&subject.feed(10).await), [id]);
}

/// From a second to 30 days, each when it is due and in the order of the times.
pub async fn every_time_up_to_30_days_ahead_is_kept(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let start = ahead(subject, Duration::ZERO).await;
    let mut made = Vec::new();
    for seconds in [LONGEST_S, 1, 86_400, 60] {
        let id = accept_for(subject, &tenant, start + Duration::from_secs(seconds)).await;
        made.push((seconds, id));
    }
    made.sort_unstable();
    let mut passed = 0;
    for (seconds, id) in made {
        subject.age(seconds - passed).await;
        passed = seconds;
        assert_eq!(ids(&subject.feed(10).await), [id], "after {seconds} s");
    }
}

/// On the database's clock; its neighbours are accepted and its key stays free.
pub async fn what_is_too_far_ahead_is_refused(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let longest = ahead(subject, MAX_DELIVER_AHEAD).await;
    let far = |deliver_at| NewEvent {
        deliver_at: Some(deliver_at),
        idempotency_key: given("far"),
        ..event(&tenant)
    };
    let nobodys = NewEvent {
        tenant: TenantId::parse("nobody").expect("a tenant id"),
        ..far(longest + SLACK)
    };
    let accepted = subject.accept(&[far(longest + SLACK), event(&tenant), nobodys]).await;
    assert_eq!((&accepted[0], &accepted[2]), (&Accepted::TooFarAhead, &Accepted::UnknownTenant));
    assert!(matches!(accepted[1], Accepted::New { deliveries: 1, .. }), "{accepted:?}");
    assert_eq!(subject.deliveries(&tenant).await.len(), 1);
    let accepted = subject.accept_one(far(longest)).await;
    assert_eq!(accepted, Accepted::New { deliveries: 1, queued: vec![] });
}

/// Resumed before its time, it still waits for that.
pub async fn what_was_held_is_not_sent_before_its_time(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let scheduled = accept_for(subject, &tenant, ahead(subject, HOUR).await).await;
    subject.switch(&tenant, &endpoint, false).await;
    let held = accept_for(subject, &tenant, ahead(subject, HOUR).await).await;
    assert_eq!(subject.follow().await, 1);
    subject.assert_all(&[scheduled, held], DeliveryState::Held).await;

    subject.switch(&tenant, &endpoint, true).await;
    subject.assert_all(&[scheduled, held], DeliveryState::Scheduled).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(HOUR.as_secs()).await;
    assert_eq!(ids(&subject.feed(10).await), [scheduled, held]);
}

/// An endpoint that is there too late for an event gets it no earlier than the others.
pub async fn what_an_endpoint_missed_waits_for_its_time_too(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = NewEvent { deliver_at: Some(ahead(subject, HOUR).await), ..event(&tenant) };
    let id = new.id;
    subject.accept_one(new).await;
    let endpoint = super::fixtures::named(&subject.endpoint(&tenant).await);
    let replay = NewReplay {
        id: ReplayId::generate(),
        mode: ReplayMode::Missed,
        selection: Selection { endpoint: Some(endpoint), ..Selection::default() },
        rate: None,
        matched: None,
    };
    let created = subject.store.replay_create(&tenant, replay, 10).await.expect("an answer");
    assert!(matches!(created, ReplayCreated::Created(_)), "{created:?}");
    subject.age(SLACK.as_secs()).await;
    let limits = StepLimits { scan: 100, replay: 100 };
    subject.store.replay_step(limits).await.expect("an answer").expect("a step");

    let missed = delivery_of(subject, &tenant, id).await;
    assert!(subject.feed(10).await.is_empty());
    subject.age(HOUR.as_secs()).await;
    assert_eq!(ids(&subject.feed(10).await), [missed]);
}
