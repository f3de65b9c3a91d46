//! Bytes come back as they went in. Those of a batch lie one after the other beside its JSON: here each
//! row of a batch has others.

use super::subject;
use postrider_common::id::EventId;
use postrider_store::conformance::fixtures::{event, queued, success};
use postrider_store::{Claim, NewEvent};

/// Nothing, one NUL, every byte, and more than a page.
fn samples() -> [Vec<u8>; 4] {
    let every: Vec<u8> = (0..=255).collect();
    [Vec::new(), vec![0], every.clone(), every.repeat(300)]
}

#[tokio::test]
async fn payloads_are_kept_byte_for_byte() {
    let subject = subject().await;
    let (tenant, _) = subject.customer().await;
    let with = |payload: Vec<u8>| NewEvent { payload: payload.into(), ..event(&tenant) };
    let events: Vec<NewEvent> = samples().map(with).into();
    let accepted = subject.accept(&events).await;
    let ids: Vec<_> = accepted.iter().flat_map(queued).collect();
    let claimed = subject.claim(&ids).await;
    for event in &events {
        assert_eq!(claimed.events[&event.id].payload, event.payload);
        let id = event.id.to_string();
        let stored = subject.store.event_get(&tenant, &id).await.expect("an answer");
        assert_eq!(stored.expect("the event").payload, event.payload);
    }
}

#[tokio::test]
async fn answers_are_kept_byte_for_byte() {
    let subject = subject().await;
    let (tenant, _) = subject.customer().await;
    let ids = subject.queue(&tenant, samples().len()).await;
    let mut settlements = Vec::new();
    for (claim, body) in subject.claim(&ids).await.claims.iter().zip(samples()) {
        let Claim::Claimed(claimed) = claim else { panic!("{claim:?}") };
        let mut settlement = success(claimed);
        let response = settlement.record.response.as_mut().expect("an answer");
        response.body = body.into();
        settlements.push(settlement);
    }
    subject.store.deliveries_settle(&settlements).await.expect("settled");
    for settlement in settlements {
        let attempts = subject.store.attempt_list(&tenant, settlement.delivery).await;
        let attempts = attempts.expect("attempts");
        assert_eq!(attempts[0].record.response, settlement.record.response);
    }
}

#[tokio::test]
async fn text_is_kept_as_it_is() {
    let subject = subject().await;
    let (tenant, _) = subject.customer().await;
    let odd = "\u{0}\"\\'[{\u{1f4a9}\u{2028}";
    let mut new = event(&tenant);
    new.metadata = [(odd.to_owned(), odd.to_owned())].into();
    let (id, expected): (EventId, _) = (new.id, new.metadata.clone());
    subject.accept_one(new).await;
    let stored = subject.store.event_get(&tenant, &id.to_string()).await.expect("an answer");
    assert_eq!(stored.expect("the event").metadata, expected);
}
