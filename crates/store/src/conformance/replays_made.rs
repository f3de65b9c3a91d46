//! Conformance: replays that make new deliveries, of what was delivered and of what was missed.

use super::Subject;
use super::fixtures::{event, event_type, ids, named, success, wants};
use super::replays::{exhausted, replay_of};
use crate::endpoints::EndpointPatch;
use crate::log::ReplayedAsNew;
use crate::replays::{NewReplay, ReplayMode, ReplayState};
use crate::selection::Selection;
use postrider_common::delivery::DeliveryState;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use std::collections::BTreeSet;

fn as_new() -> NewReplay {
    replay_of(ReplayMode::AsNew, Selection::default())
}

fn missed(endpoint: &Endpoint) -> NewReplay {
    let selection = Selection { endpoint: Some(named(endpoint)), ..Selection::default() };
    replay_of(ReplayMode::Missed, selection)
}

impl Subject {
    /// The events that an endpoint has deliveries of, as often as it has.
    async fn owed(&self, tenant: &TenantScope, endpoint: &Endpoint) -> Vec<EventId> {
        let all = self.deliveries(tenant).await;
        let of_endpoint = all.iter().filter(|one| one.endpoint == endpoint.public_id);
        let mut events: Vec<EventId> = of_endpoint.map(|one| one.event).collect();
        events.sort_unstable();
        events
    }

    async fn publish(&self, tenant: &TenantScope, name: &str) -> EventId {
        let mut event = event(tenant);
        event.event_type = event_type(name);
        let id = event.id;
        self.accept_one(event).await;
        id
    }
}

/// The old ones stay as they are, and a replay makes no copies of its own copies.
pub async fn a_copy_is_made_of_each(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let mut old = subject.ended(&tenant, "a", success).await;
    old.extend(subject.ended(&tenant, "a", exhausted).await);
    let before = subject.owed(&tenant, &endpoint).await;
    let job = subject.replay_all(&tenant, as_new()).await;
    assert_eq!((job.state, job.replayed), (ReplayState::Finished, 2));
    let owed = subject.owed(&tenant, &endpoint).await;
    assert_eq!(owed, before.iter().flat_map(|id| [*id, *id]).collect::<Vec<_>>());
    for delivery in subject.deliveries(&tenant).await {
        assert_eq!(delivery.round, 1);
        assert_eq!(delivery.state.is_terminal(), old.contains(&delivery.id));
        assert_eq!(delivery.id.as_uuid().get_timestamp(), {
            delivery.event.as_uuid().get_timestamp()
        });
    }
    let fed = subject.feed(10).await;
    assert_eq!(fed.len(), 2);
    for id in ids(&fed) {
        let claimed = subject.claim_one(id).await;
        assert_eq!(claimed.attempt, 1);
        subject.settle(success(&claimed)).await;
    }
}

/// By whoever makes them.
pub async fn copies_of_one_event_are_numbered(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let old = subject.ended(&tenant, "a", success).await[0];
    let made = subject.store.delivery_replay_as_new(&tenant, old).await.expect("an answer");
    let ReplayedAsNew::Made(copy) = made else { panic!("no copy: {made:?}") };
    subject.feed(10).await;
    let claimed = subject.claim_one(copy).await;
    subject.settle(success(&claimed)).await;
    for (deliveries, replayed) in [(4, 2), (6, 2)] {
        let job = subject.replay_all(&tenant, as_new()).await;
        assert_eq!(job.replayed, replayed, "copies that are not finished are not meant");
        assert_eq!(subject.deliveries(&tenant).await.len(), deliveries);
    }
    let made = subject.store.delivery_replay_as_new(&tenant, old).await.expect("an answer");
    assert!(matches!(made, ReplayedAsNew::Made(_)), "{made:?}");
}

/// As new deliveries do.
pub async fn copies_wait_for_an_endpoint_that_is_off(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let old = subject.ended(&tenant, "a", success).await[0];
    subject.switch(&tenant, &endpoint, false).await;
    subject.replay_all(&tenant, as_new()).await;
    let again = replay_of(ReplayMode::Again, Selection::default());
    assert_eq!(subject.replay_all(&tenant, again).await.replayed, 1);
    assert!(subject.feed(10).await.is_empty());
    subject.follow().await;
    let all = subject.deliveries(&tenant).await;
    assert_eq!(all.len(), 2);
    assert!(all.iter().any(|one| one.id == old && one.round == 2));
    assert!(all.iter().all(|one| one.state == DeliveryState::Held), "{all:?}");
}

/// Because it did not exist, or was not subscribed, when they were published.
pub async fn what_an_endpoint_missed_is_made_up_for(subject: &Subject) {
    let (tenant, other) = subject.customer().await;
    let before = [subject.publish(&tenant, "a").await, subject.publish(&tenant, "b").await];
    let endpoint = subject.endpoint_with(&tenant, |new| new.events = wants(&["a"])).await;
    let got = subject.publish(&tenant, "a").await;
    let unsubscribed = subject.publish(&tenant, "c").await;
    let events = Some(wants(&["a", "c"]));
    subject.patch(&tenant, &endpoint, EndpointPatch { events, ..EndpointPatch::default() }).await;

    let mode = ReplayMode::Missed;
    let selection = missed(&endpoint).selection;
    let count = subject.store.replay_count(&tenant, mode, &selection, 10).await;
    assert_eq!(count.expect("an answer").map(|counted| counted.count), Some(2));
    let others = subject.owed(&tenant, &other).await;
    let job = subject.replay_all(&tenant, missed(&endpoint)).await;
    assert_eq!((job.state, job.replayed, job.skipped), (ReplayState::Finished, 2, 0));
    let owed = BTreeSet::from_iter(subject.owed(&tenant, &endpoint).await);
    assert_eq!(owed, BTreeSet::from([before[0], got, unsubscribed]));
    assert_eq!(subject.owed(&tenant, &other).await, others, "the others have what they had");
    let all = subject.deliveries(&tenant).await;
    for delivery in all.iter().filter(|one| one.state == DeliveryState::Scheduled) {
        assert_eq!((delivery.round, delivery.attempts, delivery.test), (1, 0, false));
    }
    assert_eq!(subject.feed(10).await.len(), 2);
}

/// An event that was cancelled is owed to nobody new, whether anybody had wanted it or not, and whenever
/// the replay was made.
pub async fn what_was_cancelled_is_missed_by_nobody(subject: &Subject) {
    let tenant = subject.tenant().await;
    let mut events = vec![subject.publish(&tenant, "a").await];
    subject.endpoint(&tenant).await;
    for _ in 0..2 {
        events.push(subject.publish(&tenant, "a").await);
    }
    let endpoint = subject.endpoint(&tenant).await;
    let made_before = subject.replay(&tenant, missed(&endpoint)).await.id;
    for event in &events[..2] {
        subject.store.event_cancel(&tenant, &event.to_string()).await.expect("an answer");
    }
    let selection = missed(&endpoint).selection;
    let count = subject.store.replay_count(&tenant, ReplayMode::Missed, &selection, 10).await;
    assert_eq!(count.expect("an answer").map(|counted| counted.count), Some(1));
    subject.step_to_the_end().await;
    assert_eq!(subject.job(&tenant, made_before).await.replayed, 1);
    assert_eq!(subject.replay_all(&tenant, missed(&endpoint)).await.replayed, 0);
    assert_eq!(subject.owed(&tenant, &endpoint).await, events[2..]);
}

/// By time and by type; tests and other tenants' events are never meant.
pub async fn what_was_missed_is_narrowed(subject: &Subject) {
    let tenant = subject.tenant().await;
    let (stranger, foreign) = subject.customer().await;
    subject.ended(&stranger, "a", success).await;
    subject.publish(&tenant, "a").await;
    let middle = subject.hooks.now().await.expect("the time");
    let later = subject.publish(&tenant, "a").await;
    subject.publish(&tenant, "b").await;
    let endpoint = subject.endpoint(&tenant).await;
    let sink = subject.endpoint_with(&tenant, |new| new.events = wants(&["x"])).await;
    subject.test(&tenant, &named(&sink), &event(&tenant)).await;
    let mut new = missed(&endpoint);
    new.selection.event_types = vec![event_type("a"), event_type("c")];
    new.selection.since = Some(middle);
    let job = subject.replay_all(&tenant, new).await;
    assert_eq!((job.replayed, job.skipped), (1, 0));
    assert_eq!(subject.owed(&tenant, &endpoint).await, [later]);
    let rest = subject.replay_all(&tenant, missed(&endpoint)).await;
    assert_eq!(rest.replayed, 2);
    assert_eq!(subject.owed(&stranger, &foreign).await.len(), 1);
}

/// However often it is asked for; held while the endpoint is off.
pub async fn what_was_missed_is_made_once(subject: &Subject) {
    let tenant = subject.tenant().await;
    for _ in 0..5 {
        subject.publish(&tenant, "a").await;
    }
    let endpoint = subject.endpoint_with(&tenant, |new| new.active = false).await;
    let first = subject.replay(&tenant, missed(&endpoint)).await.id;
    let second = subject.replay(&tenant, missed(&endpoint)).await.id;
    subject.step_to_the_end().await;
    let replayed =
        subject.job(&tenant, first).await.replayed + subject.job(&tenant, second).await.replayed;
    assert_eq!(replayed, 5);
    let all = subject.deliveries(&tenant).await;
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|one| one.state == DeliveryState::Held), "{all:?}");
    let third = subject.replay_all(&tenant, missed(&endpoint)).await;
    assert_eq!((third.state, third.replayed, third.skipped), (ReplayState::Finished, 0, 0));
}

/// What is left to do when it goes is skipped.
pub async fn a_deleted_endpoint_misses_nothing(subject: &Subject) {
    let tenant = subject.tenant().await;
    subject.publish(&tenant, "a").await;
    let endpoint = subject.endpoint(&tenant).await;
    let id = subject.replay(&tenant, missed(&endpoint)).await.id;
    subject.delete(&tenant, &endpoint).await;
    subject.step_to_the_end().await;
    let job = subject.job(&tenant, id).await;
    assert_eq!((job.state, job.replayed, job.skipped), (ReplayState::Finished, 0, 1));
    assert!(subject.deliveries(&tenant).await.is_empty());
}
