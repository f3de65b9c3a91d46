//! What a batch of settlements has to say to operators, the same for both adapters.

use super::{FailingReason, OperationalKind};
use crate::work::Settlement;
use postrider_common::delivery::Transition;
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
    let is_dead =
        |one: &&SettledOne<'_>| matches!(one.settlement.transition, Transition::Dead { .. });
    let about = |one: &SettledOne<'_>| about(one, OperationalKind::DeliveryDead);
    settled.iter().filter(is_dead).map(about).collect()
}

/// Endpoints that the next failure of a delivery switches off, each with one such delivery.
pub(crate) fn last_chances(settled: &[SettledOne<'_>]) -> BTreeMap<Uuid, AboutDelivery> {
    let failing = settled.iter().filter(|one| one.settlement.is_last_chance);
    failing.map(|one| (one.endpoint, about(one, OperationalKind::EndpointFailing))).collect()
}

fn about(one: &SettledOne<'_>, kind: OperationalKind) -> AboutDelivery {
    AboutDelivery { delivery: one.settlement.delivery.as_uuid(), kind }
}
