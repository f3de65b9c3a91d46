//! Switch: what settled attempts say of their endpoints, which adapters write down in the same transaction
//! (their own `switch`): off because of what a receiver answered, or on again because a probe of one that is
//! off was answered with success.

use postrider_common::delivery::Transition;
use postrider_common::endpoint::DisableReason;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a batch of attempts says of their endpoints.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    /// Those that are to be off; one that is off or deleted stays as it is, unless the receiver has spoken.
    pub(crate) off: BTreeMap<Uuid, DisableReason>,
    /// Those that are to be on again, each with the delivery that was its probe; one that is not off for
    /// its failures any more stays as it is.
    pub(crate) on: BTreeMap<Uuid, Uuid>,
}

impl Switches {
    /// Notes what an attempt came to. A receiver's own word goes before a schedule that has ended, whichever
    /// of a batch says it.
    pub(crate) fn ended(&mut self, endpoint: Uuid, transition: Transition) {
        let Some(reason) = transition.disables() else { return };
        let noted = self.off.entry(endpoint).or_insert(reason);
        if weight(reason) > weight(*noted) {
            *noted = reason;
        }
    }

    /// Notes that an endpoint's latest probe was answered with success.
    pub(crate) fn answered(&mut self, endpoint: Uuid, probe: Uuid) {
        self.on.insert(endpoint, probe);
    }

    /// All endpoints that something is said of.
    pub(crate) fn endpoints(&self) -> Vec<Uuid> {
        self.off.keys().chain(self.on.keys()).copied().collect()
    }
}

fn weight(reason: DisableReason) -> u8 {
    match reason {
        DisableReason::Exhausted => 0,
        DisableReason::Receiver => 1,
        DisableReason::Gone => 2,
    }
}
