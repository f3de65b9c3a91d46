//! A delivery whose lease was ended, as both engines give it back.

use crate::ordering::Finished;
use crate::work::Reaped;
use postrider_common::delivery::DeadReason;
use postrider_common::id::DeliveryId;

/// A row that was written. `N` is how the engine gives a count.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ReapedRow<N> {
    #[sqlx(flatten)]
    delivery: Finished,
    attempts: N,
    dead_reason: Option<String>,
}

impl<N: TryInto<u32>> ReapedRow<N> {
    /// The delivery, if it was given up because it was lost once too often.
    pub(crate) fn poisoned(&self) -> Option<&Finished> {
        (self.dead() == Some(DeadReason::Poison)).then_some(&self.delivery)
    }

    pub(crate) fn into_reaped(self) -> Reaped {
        let dead = self.dead();
        let attempt = self.attempts.try_into().unwrap_or_default();
        Reaped { delivery: DeliveryId::from_uuid(self.delivery.id), attempt, dead }
    }

    fn dead(&self) -> Option<DeadReason> {
        DeadReason::from_name(self.dead_reason.as_deref()?)
    }
}
