//! Conformance: the dead-letter queue holds what is dead and was not discarded.

use super::Subject;
use super::fixtures::{dead, event, event_type, named, success};
use super::replays::exhausted;
use crate::dead_letters::{Discarded, DiscardedMany};
use crate::endpoints::EndpointRef;
use crate::log::Replayed;
use crate::page::PageRequest;
use crate::replays::Counted;
use crate::selection::{Selection, StatusClass};
use crate::work::{ClaimedDelivery, Settlement};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::tenant::TenantScope;

fn gone(claimed: &ClaimedDelivery) -> Settlement {
    dead(claimed, DeadReason::Gone)
}

impl Subject {
    /// The queue, after making sure that it is counted as it is listed.
    async fn dead_letters(&self, tenant: &TenantScope, selection: &Selection) -> Vec<DeliveryId> {
        let all = PageRequest { limit: 1000, after: None };
        let listed = self.store.dead_letter_list(tenant, selection, all).await.expect("a page");
        let counted = self.store.dead_letter_count(tenant, selection, 1000).await;
        let expected = Counted { count: listed.rows.len() as u64, is_exact: true };
        assert_eq!(counted.expect("an answer"), expected, "{selection:?}");
        listed.rows.iter().map(|delivery| delivery.id).collect()
    }

    async fn discard(&self, tenant: &TenantScope, id: DeliveryId) -> Discarded {
        self.store.dead_letter_discard(tenant, id).await.expect("an answer")
    }
}

/// Newest first, in pages; those of a deleted endpoint too, but no tests.
pub async fn dead_letters_are_listed_and_counted(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.extend(subject.ended(&tenant, "a", exhausted).await);
        subject.ended(&tenant, "a", success).await;
    }
    subject.queue(&tenant, 1).await;
    let test = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
    subject.feed(10).await;
    let sent = subject.claim_one(test).await;
    subject.settle(exhausted(&sent)).await;
    subject.delete(&tenant, &endpoint).await;
    expected.sort_unstable();
    expected.reverse();
    assert_eq!(subject.dead_letters(&tenant, &Selection::default()).await, expected);

    let list = async |after| {
        let (all, page) = (Selection::default(), PageRequest { limit: 2, after });
        subject.store.dead_letter_list(&tenant, &all, page).await.expect("a page")
    };
    let first = list(None).await;
    let second = list(first.next).await;
    assert!(first.next.is_some() && second.next.is_none());
    let paged: Vec<_> = first.rows.iter().chain(&second.rows).map(|one| one.id).collect();
    assert_eq!(paged, expected);
    let few = subject.store.dead_letter_count(&tenant, &Selection::default(), 2).await;
    assert_eq!(few.expect("an answer"), Counted { count: 2, is_exact: false });
}

/// By endpoint, type, reason, status and time.
pub async fn dead_letters_are_narrowed(subject: &Subject) {
    let (tenant, first) = subject.customer().await;
    let one = subject.ended(&tenant, "a", exhausted).await[0];
    let middle = subject.hooks.now().await.expect("the time");
    let two = subject.ended(&tenant, "b", gone).await[0];
    let second = subject.endpoint(&tenant).await;
    let three = subject.ended(&tenant, "c", exhausted).await;
    let all = Selection::default;
    let of = |endpoint| Selection { endpoint: Some(named(endpoint)), ..all() };
    let mut firsts = vec![one, two];
    let mut seconds = Vec::new();
    for id in &three {
        let delivery = subject.delivery(&tenant, *id).await;
        if delivery.endpoint == first.public_id { &mut firsts } else { &mut seconds }.push(*id);
    }
    let both: Vec<_> = vec![one, three[0], three[1]];
    for (selection, expected) in [
        (of(&first), firsts),
        (of(&second), seconds),
        (Selection { endpoint: Some(EndpointRef::new("wh_nobody")), ..all() }, vec![]),
        (Selection { event_types: vec![event_type("b")], ..all() }, vec![two]),
        (Selection { reason: Some(DeadReason::Gone), ..all() }, vec![two]),
        (Selection { reason: Some(DeadReason::Exhausted), ..all() }, both),
        (Selection { status: StatusClass::from_name("4xx"), ..all() }, vec![]),
        (Selection { until: Some(middle), ..all() }, vec![one]),
        (Selection { since: Some(middle), event_types: vec![event_type("a")], ..all() }, vec![]),
    ] {
        let mut expected = expected;
        expected.sort_unstable();
        expected.reverse();
        assert_eq!(subject.dead_letters(&tenant, &selection).await, expected, "{selection:?}");
    }
}

/// Until it is replayed and dies again. To discard it again changes nothing.
pub async fn a_discarded_one_is_off_the_queue(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let kept = subject.ended(&tenant, "a", exhausted).await;
    let id = subject.ended(&tenant, "a", exhausted).await[0];
    let all = Selection::default();
    assert_eq!(subject.delivery(&tenant, id).await.discarded_at, None);
    assert_eq!(subject.discard(&tenant, id).await, Discarded::Discarded);
    let discarded = subject.delivery(&tenant, id).await;
    assert_eq!(discarded.state, DeliveryState::Dead);
    assert!(discarded.discarded_at.is_some());
    assert_eq!(subject.dead_letters(&tenant, &all).await, kept);
    assert_eq!(subject.discard(&tenant, id).await, Discarded::Discarded);
    assert_eq!(subject.delivery(&tenant, id).await.discarded_at, discarded.discarded_at);

    let replayed = subject.store.delivery_replay(&tenant, id).await.expect("an answer");
    assert_eq!(replayed, Replayed::Replayed);
    assert_eq!(subject.delivery(&tenant, id).await.discarded_at, None);
    subject.feed(10).await;
    let claimed = subject.claim_one(id).await;
    subject.settle(exhausted(&claimed)).await;
    assert_eq!(subject.dead_letters(&tenant, &all).await, [id, kept[0]]);
}

/// Although no replay means it that does not ask for it.
pub async fn a_cancelled_one_is_listed_and_discarded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let id = subject.queue(&tenant, 1).await[0];
    subject.store.delivery_cancel(&tenant, id).await.expect("an answer");
    let all = Selection::default();
    assert_eq!(subject.dead_letters(&tenant, &all).await, [id]);
    let done = subject.store.dead_letters_discard(&tenant, &all).await.expect("an answer");
    assert_eq!(done, DiscardedMany { count: 1, may_be_more: false });
    assert!(subject.dead_letters(&tenant, &all).await.is_empty());
}

/// It says where the delivery stands.
pub async fn only_the_dead_are_discarded(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let delivered = subject.ended(&tenant, "a", success).await[0];
    let state = DeliveryState::Delivered;
    assert_eq!(subject.discard(&tenant, delivered).await, Discarded::NotDead(state));
    let queued = subject.queue(&tenant, 1).await[0];
    let state = DeliveryState::Queued;
    assert_eq!(subject.discard(&tenant, queued).await, Discarded::NotDead(state));
    let unknown = DeliveryId::generate_for(EventId::generate());
    assert_eq!(subject.discard(&tenant, unknown).await, Discarded::Unknown);
}

/// Those that are meant, and no others.
pub async fn many_are_discarded_at_once(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (stranger, _) = subject.customer().await;
    let foreign = subject.ended(&stranger, "a", exhausted).await;
    for _ in 0..4 {
        subject.ended(&tenant, "a", exhausted).await;
    }
    let kept = subject.ended(&tenant, "a", gone).await;
    let reason = Some(DeadReason::Exhausted);
    let selection = Selection { endpoint: Some(named(&endpoint)), reason, ..Selection::default() };
    for count in [4, 0] {
        let done = subject.store.dead_letters_discard(&tenant, &selection).await;
        assert_eq!(done.expect("an answer"), DiscardedMany { count, may_be_more: false });
    }
    assert_eq!(subject.dead_letters(&tenant, &Selection::default()).await, kept);
    assert_eq!(subject.dead_letters(&stranger, &Selection::default()).await, foreign);
}

/// Neither listed nor discarded, one by one or all.
pub async fn another_tenants_dead_letters_are_not_there(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let stranger = subject.tenant().await;
    let id = subject.ended(&tenant, "a", exhausted).await[0];
    assert_eq!(subject.discard(&stranger, id).await, Discarded::Unknown);
    let named = Selection { endpoint: Some(named(&endpoint)), ..Selection::default() };
    for selection in [Selection::default(), named] {
        assert!(subject.dead_letters(&stranger, &selection).await.is_empty());
        let done = subject.store.dead_letters_discard(&stranger, &selection).await;
        assert_eq!(done.expect("an answer").count, 0);
    }
    assert_eq!(subject.dead_letters(&tenant, &Selection::default()).await, [id]);
}
