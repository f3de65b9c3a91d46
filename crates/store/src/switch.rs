//! Switch: what settled attempts say of their endpoints, which adapters write down in the same transaction
//! (their own `switch`): off because of what a receiver answered, or on again because a probe of one that is
//! off was answered with success. And how an endpoint that is on again begins.
//!
//! *Theory of operation.* What is held of it follows by and by, and dispatchers learn of its ramp within a
//! tick; what is new must not reach it past both. So the first of what is held is `scheduled` in the same
//! transaction (`resume`), and the endpoint is backlogged from then on, which makes the feeder hand out all
//! that it gets: what is held first, and by the ramp.

use postrider_common::delivery::Transition;
use postrider_common::endpoint::DisableReason;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How much of what is held goes on at once: as much as in a step of the follower, over all endpoints.
const AT_ONCE: usize = 1000;

/// How many held deliveries go on at once of each endpoint of so many.
pub(crate) fn first_of_each(endpoints: usize) -> u32 {
    u32::try_from(AT_ONCE.div_ceil(endpoints.max(1))).unwrap_or(u32::MAX)
}

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
