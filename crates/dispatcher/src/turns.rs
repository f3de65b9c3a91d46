//! Turns: tells the feeder that a delivery is done with that others may have waited for, so that the
//! next one does not wait for the feeder's tick as well.
//!
//! Only a hint: which delivery is next is the store's business, and the tick finds it in any case.

use postrider_common::delivery::Transition;
use postrider_store::ClaimedDelivery;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long what is done with gathers, so that the feeder is not asked for every single one.
const GATHER: Duration = Duration::from_millis(5);

/// Who tells, and who is told. Clones share the bell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Notify>);

impl Turns {
    /// A delivery was settled.
    pub(crate) fn settled(&self, delivery: &ClaimedDelivery, transition: Transition) {
        if delivery.ordered && !matches!(transition, Transition::Retry { .. }) {
            self.0.notify_one();
        }
    }

    /// Waits until something ordered is done with.
    pub(crate) async fn pass(&self) {
        self.0.notified().await;
        tokio::time::sleep(GATHER).await;
    }
}
