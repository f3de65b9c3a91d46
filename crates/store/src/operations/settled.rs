//! What deliveries that were settled, or that ended without an attempt, have to say to operators, the
//! same for both adapters.

use super::{FailingReason, OperationalKind};
use crate::work::Settlement;
use postrider_common::delivery::{DeadReason, Transition};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A settlement that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettledOne<'a> {
    /// The delivery's endpoint.
    pub(crate) endpoint: Uuid,
    pub(crate) settlement: &'a Settlement,
}

/// Something to say of a delivery, unless it is a test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AboutDelivery {
    pub(crate) delivery: Uuid,
    pub(crate) kind: OperationalKind,
}

impl AboutDelivery {
    /// Why; `None` is why the delivery is dead.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        let fails = self.kind == OperationalKind::EndpointFailing;
        fails.then(|| FailingReason::LastAttemptLeft.as_str())
    }
}

/// The deliveries that were given up.
pub(crate) fn deaths(settled: &[SettledOne<'_>]) -> Vec<AboutDelivery> {
    let is_news = |one: &&SettledOne<'_>| match one.settlement.transition {
        Transition::Dead { reason, .. } => is_news(reason),
        _ => false,
    };
    let about = |one: &SettledOne<'_>| about(one, OperationalKind::DeliveryDead);
    settled.iter().filter(is_news).map(about).collect()
}

/// The same of deliveries that all died for one reason.
pub(crate) fn deaths_for(
    reason: DeadReason,
    deliveries: impl Iterator<Item = Uuid>,
) -> Vec<AboutDelivery> {
    let kind = OperationalKind::DeliveryDead;
    let told = deliveries.filter(|_| is_news(reason));
    told.map(|delivery| AboutDelivery { delivery, kind }).collect()
}

/// Whether operators are told of a delivery that died for this reason: of what somebody ended on purpose
/// they are not, whoever writes it.
fn is_news(reason: DeadReason) -> bool {
    match reason {
        DeadReason::Exhausted
        | DeadReason::Gone
        | DeadReason::Aborted
        | DeadReason::Poison
        | DeadReason::Expired => true,
        DeadReason::Cancelled | DeadReason::EndpointDeleted => false,
    }
}

/// Endpoints that the next failure of a delivery switches off, each with one such delivery.
pub(crate) fn last_chances(settled: &[SettledOne<'_>]) -> BTreeMap<Uuid, AboutDelivery> {
    let failing = settled.iter().filter(|one| one.settlement.is_last_chance);
    failing.map(|one| (one.endpoint, about(one, OperationalKind::EndpointFailing))).collect()
}

fn about(one: &SettledOne<'_>, kind: OperationalKind) -> AboutDelivery {
    AboutDelivery { delivery: one.settlement.delivery.as_uuid(), kind }
}
