//! Conformance: claiming is a compare-and-set, one winner per delivery.

use super::Subject;
use super::fixtures::{
    CONTRACT, EARLIER, MARGIN, event, given, lease_policy, named, queued, retry,
};
use crate::accept::{Accepted, NewEvent};
use crate::work::{Claim, Claiming, LeasePolicy};
use bytes::Bytes;
use futures::future::join_all;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::trace::TraceContext;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// `in_flight`, with everything that sending takes.
pub async fn a_queued_delivery_is_claimed(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let new = NewEvent {
        payload: Bytes::from_static(br#"{"z":"\u0000","a":1}"#),
        occurred_at: Some(EARLIER),
        ..event(&tenant)
    };
    let id = queued(&subject.accept_one(new.clone()).await)[0];
    let mut claimed = subject.claim(&[id]).await;
    assert!(claimed.now >= endpoint.created_at, "the database's time");
    let content = &claimed.events[&new.id];
    assert_eq!((&content.event_type, &content.payload), (&new.event_type, &new.payload));
    assert_eq!(content.occurred_at, EARLIER);
    let accepted = subject.store.event_get(&tenant, &new.id.to_string()).await.expect("an answer");
    assert_eq!(content.accepted_at, accepted.expect("the event").accepted_at);

    let Claim::Claimed(claimed) = claimed.claims.remove(0) else {
        panic!("not claimed");
    };
    assert_eq!((claimed.id, claimed.event, claimed.endpoint), (id, new.id, endpoint.id));
    assert_eq!(&claimed.tenant, tenant.tenant());
    assert_eq!((claimed.attempt, claimed.progress.failures), (1, 0));
    assert_eq!(claimed.endpoint_version, endpoint.version);
    let stored = subject.delivery(&tenant, id).await;
    assert_eq!((stored.state, stored.attempts), (DeliveryState::InFlight, 1));
    assert_eq!(stored.next_attempt_at, None);
}

/// The one that it was accepted in, after a retry too; another one of a repeat changes nothing.
pub async fn a_claim_tells_the_trace_that_the_event_is_part_of(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let trace = |span: &str| {
        let text = format!("00-0af7651916cd43dd8448eb211c80319c-{span}-01");
        Some(TraceContext::parse(&text).expect("a traceparent"))
    };
    let (first, second) = (trace("b7ad6b7169203331"), trace("00f067aa0ba902b7"));
    let traced = NewEvent { given_id: given("e"), trace: first, ..event(&tenant) };
    let repeat = NewEvent { id: EventId::generate(), trace: second, ..traced.clone() };
    let untraced = event(&tenant);
    let accepted = subject.accept(&[traced.clone(), untraced.clone()]).await;
    let Accepted::New { queued: handed, .. } = &accepted[0] else { panic!("{accepted:?}") };
    assert_eq!(handed[0].trace, first);
    let again = subject.accept_one(repeat).await;
    assert!(matches!(again, Accepted::Duplicate { event, .. } if event == traced.id), "{again:?}");

    let ids = [queued(&accepted[0])[0], queued(&accepted[1])[0]];
    let claimed = subject.claim(&ids).await;
    assert_eq!(claimed.events[&traced.id].trace, first);
    assert_eq!(claimed.events[&untraced.id].trace, None);
    let Claim::Claimed(attempt) = &claimed.claims[0] else { panic!("{claimed:?}") };
    subject.settle(retry(attempt, Duration::ZERO)).await;
    subject.feed(10).await;
    assert_eq!(subject.claim(&ids[..1]).await.events[&traced.id].trace, first);
}

/// Results are in the order of the ids, and events that several deliveries share are given once.
pub async fn a_batch_is_claimed_in_order(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    subject.endpoint(&tenant).await;
    let mut ids = subject.queue(&tenant, 100).await;
    assert_eq!(ids.len(), 200);
    ids.reverse();
    ids.insert(50, DeliveryId::generate_for(EventId::generate()));
    let claimed = subject.claim(&ids).await;
    assert_eq!(claimed.events.len(), 100);
    for (n, (id, claim)) in ids.iter().zip(&claimed.claims).enumerate() {
        match claim {
            Claim::Claimed(claimed) => assert_eq!(claimed.id, *id),
            Claim::Unknown => assert_eq!(n, 50),
            other => panic!("{other:?}"),
        }
    }
}

/// Its own time-out, else its contract's, and the margin.
pub async fn a_lease_lasts_for_the_time_out_and_a_margin(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let own = Duration::from_mins(2);
    let slow_tenant = subject.tenant().await;
    subject.endpoint_with(&slow_tenant, |new| new.timeout = Some(own)).await;
    for (tenant, timeout) in [(&tenant, CONTRACT.1), (&slow_tenant, own)] {
        let claimed = subject.in_flight(tenant).await;
        assert_eq!(claimed.lease, timeout + MARGIN);
        let left = subject.raw(claimed.id).await.lease_left_s.expect("a lease");
        let lease = claimed.lease.as_secs_f64();
        assert!(left <= lease && left > lease - 10.0, "{left} s of {lease} s are left");
    }
}

/// It is sent all the same, by a lease that some time-out bounds.
pub async fn a_contract_that_nobody_knows_has_a_lease_too(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    let unknown = LeasePolicy { timeouts: Vec::new(), ..lease_policy() };
    let claimed = subject.store.deliveries_claim(&[id], &unknown, Claiming::Together).await;
    let claimed = claimed.expect("an answer");
    let Claim::Claimed(claimed) = &claimed.claims[0] else {
        panic!("not claimed");
    };
    assert!(claimed.lease > MARGIN);
}

/// Messages come twice and late.
pub async fn a_delivery_is_claimed_once(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    let waiting = subject.schedule(&tenant, 1).await[0];
    let twice = subject.claim(&[id, id, waiting]).await;
    let kinds: Vec<_> =
        twice.claims.iter().map(|claim| matches!(claim, Claim::Claimed(_))).collect();
    assert_eq!(kinds, [true, false, false]);
    let again = subject.claim(&[id]).await;
    assert!(matches!(again.claims[0], Claim::NotQueued), "{:?}", again.claims[0]);
    assert!(again.events.is_empty());
}

/// An id that no delivery has.
pub async fn an_unknown_delivery_is_unknown(subject: &Subject) {
    let id = DeliveryId::generate_for(EventId::generate());
    let claimed = subject.claim(&[id]).await;
    assert!(matches!(claimed.claims[..], [Claim::Unknown]), "{:?}", claimed.claims);
    assert!(subject.claim(&[]).await.claims.is_empty());
}

/// Held while it is off, dead once it is deleted; neither counts as an attempt.
pub async fn a_claim_follows_the_endpoints_state(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let ids = subject.queue(&tenant, 2).await;
    subject.switch(&tenant, &endpoint, false).await;
    let held = subject.claim(&ids[..1]).await;
    assert!(matches!(held.claims[..], [Claim::Held]), "{:?}", held.claims);
    let stored = subject.delivery(&tenant, ids[0]).await;
    assert_eq!((stored.state, stored.attempts), (DeliveryState::Held, 0));

    subject.delete(&tenant, &endpoint).await;
    let dead = subject.claim(&ids).await;
    assert!(matches!(dead.claims[..], [Claim::NotQueued, Claim::EndpointDeleted]), "{dead:?}");
    let stored = subject.delivery(&tenant, ids[1]).await;
    assert_eq!((stored.state, stored.attempts), (DeliveryState::Dead, 0));
    assert_eq!(stored.dead_reason, Some(DeadReason::EndpointDeleted));
    assert!(stored.finished_at.is_some());
}

/// So that a dispatcher which holds an older one reads it anew.
pub async fn a_claim_tells_the_endpoints_version(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let ids = subject.queue(&tenant, 2).await;
    let before = subject.claim_one(ids[0]).await;
    subject.switch(&tenant, &endpoint, true).await;
    let after = subject.claim_one(ids[1]).await;
    assert!(after.endpoint_version > before.endpoint_version);
    let read = subject.store.endpoint_get(&tenant, &named(&endpoint)).await.expect("an answer");
    assert_eq!(read.expect("the endpoint").version, after.endpoint_version);
}

/// Attempts are counted on, the schedule is where it was, and the token is another.
pub async fn the_next_claim_goes_on_from_the_last(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let first = subject.in_flight(&tenant).await;
    subject.settle(retry(&first, Duration::ZERO)).await;
    subject.feed(10).await;
    let second = subject.claim_one(first.id).await;
    assert_eq!((second.attempt, second.progress.failures), (2, 1));
    assert_ne!(second.token, first.token);
}

/// Each delivery to one of them, and all are claimed.
pub async fn concurrent_claimers_share_without_overlap(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, 200).await;
    let claimers = (0..4).map(|n| {
        let store = Arc::clone(&subject.store);
        let mut ids = ids.clone();
        ids.rotate_left(n * 50);
        tokio::spawn(async move {
            let mut won = Vec::new();
            // Rows that another claimer holds locked are skipped, and are his.
            for batch in ids.chunks(20) {
                let lease = lease_policy();
                let claim = store.deliveries_claim(batch, &lease, Claiming::Together);
                let claimed = claim.await.expect("claims");
                won.extend(claimed.claims.into_iter().filter_map(|claim| match claim {
                    Claim::Claimed(claimed) => Some(claimed.id),
                    _ => None,
                }));
            }
            won
        })
    });
    let won: Vec<DeliveryId> =
        join_all(claimers).await.into_iter().flat_map(|won| won.expect("no panic")).collect();
    let distinct: HashSet<_> = won.iter().copied().collect();
    assert_eq!((won.len(), distinct.len()), (200, 200));
}
