//! Conformance: an endpoint is switched off for one reason, whatever one batch says; and on again, by its
//! owner or because it answered, with what was held before what is new.

use super::Subject;
use super::fixtures::{event, gone, ids, queued, success};
use super::probing::{Off, exhausted};
use crate::work::{ClaimedDelivery, Settlement};
use postrider_common::breaker::RAMP;
use postrider_common::delivery::DeliveryState::{Held, Scheduled};
use postrider_common::delivery::Transition;
use postrider_common::endpoint::DisableReason;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

/// As much as goes on in the transaction that puts its endpoint on again.
const AT_ONCE: usize = 1000;

impl Subject {
    /// Accepts an event for an endpoint that is backlogged, and gives its delivery.
    async fn accept_behind(&self, tenant: &TenantScope) -> DeliveryId {
        let new = event(tenant);
        let id = new.id;
        assert_eq!(queued(&self.accept_one(new).await), [], "it goes by the feeder");
        let deliveries = self.deliveries(tenant).await;
        deliveries.iter().find(|one| one.event == id).expect("a delivery").id
    }
}

/// What a receiver says of itself.
type Word = fn(&ClaimedDelivery) -> Settlement;

/// A success whose receiver wants nothing more.
fn last_of_all(claimed: &ClaimedDelivery) -> Settlement {
    Settlement { transition: Transition::DeliveredLast, ..success(claimed) }
}

/// Wherever in the batch it comes, beside schedules that have ended.
pub async fn a_receivers_word_goes_before_a_schedule_in_one_batch(subject: &Subject) {
    let words: [(Word, DisableReason); 2] =
        [(gone, DisableReason::Gone), (last_of_all, DisableReason::Receiver)];
    for (word, reason) in words {
        for spoken in 0..3 {
            let tenant = subject.tenant().await;
            let endpoint = subject.endpoint_with(&tenant, |new| new.auto_enable = true).await;
            let mut batch = Vec::new();
            for n in 0..3 {
                let claimed = subject.in_flight(&tenant).await;
                batch.push(if n == spoken { word(&claimed) } else { exhausted(&claimed) });
            }
            subject.store.deliveries_settle(&batch).await.expect("settled");
            let off = Off { tenant, endpoint, held: Vec::new() };
            assert_eq!(subject.reason(&off).await, Some(reason), "place {spoken}");
        }
    }
}

/// Not a single one past the feeder, which knows the ramp, while that lasts.
pub async fn one_that_answered_gets_everything_by_the_feeder(subject: &Subject) {
    let off = subject.off_by(exhausted).await;
    let probe = subject.first_probe(&off).await;
    subject.settle(success(&probe)).await;
    subject.assert_all(&off.held[1..], Scheduled).await;
    let new = subject.accept_behind(&off.tenant).await;
    for expected in [off.held[1], off.held[2], new] {
        assert_eq!(ids(&subject.feed(1).await), [expected], "the oldest first");
        let claimed = subject.claim_one(expected).await;
        subject.settle(success(&claimed)).await;
    }
    assert!(subject.feed(10).await.is_empty());
    let alone = subject.accept_behind(&off.tenant).await;
    assert_eq!(ids(&subject.feed(10).await), [alone]);

    subject.age(RAMP.as_secs() + 1).await;
    assert!(subject.feed(10).await.is_empty());
    assert_eq!(subject.queue(&off.tenant, 1).await.len(), 1, "and as ever");
}

/// Where anything is.
pub async fn one_that_is_resumed_gets_what_is_held_first(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.switch(&tenant, &endpoint, false).await;
    let held = subject.owe(&tenant, 3).await;
    subject.switch(&tenant, &endpoint, true).await;
    subject.assert_all(&held, Scheduled).await;
    let new = subject.accept_behind(&tenant).await;
    assert_eq!(ids(&subject.feed(10).await), [&held[..], &[new]].concat());
    assert_eq!(subject.queue(&tenant, 1).await.len(), 1, "nothing waits any more");

    subject.switch(&tenant, &endpoint, false).await;
    subject.switch(&tenant, &endpoint, true).await;
    assert_eq!(subject.queue(&tenant, 1).await.len(), 1, "nothing was held");
}

/// The oldest go first.
pub async fn what_does_not_go_on_at_once_follows(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.switch(&tenant, &endpoint, false).await;
    let mut held = subject.schedule(&tenant, AT_ONCE + 2).await;
    held.sort_unstable();
    subject.switch(&tenant, &endpoint, true).await;
    subject.assert_all(&[held[0], held[AT_ONCE - 1]], Scheduled).await;
    subject.assert_all(&held[AT_ONCE..], Held).await;
    assert_eq!(subject.follow().await, 2);
    subject.assert_all(&held[AT_ONCE..], Scheduled).await;
}
