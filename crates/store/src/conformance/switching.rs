//! Conformance: an endpoint is switched off for one reason, whatever one batch says.

use super::Subject;
use super::fixtures::{gone, success};
use super::probing::{Off, exhausted};
use crate::work::{ClaimedDelivery, Settlement};
use postrider_common::delivery::Transition;
use postrider_common::endpoint::DisableReason;

/// A success whose receiver wants nothing more.
fn last_of_all(claimed: &ClaimedDelivery) -> Settlement {
    Settlement { transition: Transition::DeliveredLast, ..success(claimed) }
}

/// Wherever in the batch it comes, beside schedules that have ended.
pub async fn a_receivers_word_goes_before_a_schedule_in_one_batch(subject: &Subject) {
    let words: [(fn(&ClaimedDelivery) -> Settlement, DisableReason); 2] =
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
