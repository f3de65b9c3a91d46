//! The states of a delivery and the moves between them, as `docs/delivery-semantics.md` draws them.

/// Losses in a row, each a lease that ended with nobody to settle it, from which on a delivery is a suspect:
/// it may be what its processes died of, and is claimed by one that has nothing else in flight. If that is
/// lost as well, it is [`DeadReason::Poison`].
pub const SUSPECT_AFTER_LOSSES: u32 = 2;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Handed to the broker; a message names it.
    Queued,
    /// Waits until its next attempt is due.
    Scheduled,
    /// Its endpoint is off; waits for it to be on again, or goes out as its probe.
    Held,
    /// Has its turn after another delivery of its endpoint and ordering key.
    Waiting,
    /// A dispatcher has claimed it and holds its lease.
    InFlight,
    /// A receiver answered with success.
    Delivered,
    /// Given up, for a [`DeadReason`].
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Scheduled,
        Self::Held,
        Self::Waiting,
        Self::InFlight,
        Self::Delivered,
        Self::Dead,
    ];

    /// The state's name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more happens to it but by a replay.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::Dead)
    }

    /// Whether its next attempt, or its first, is still to come, so that it can be cancelled.
    pub fn is_unsent(self) -> bool {
        !self.is_terminal() && self != Self::InFlight
    }

    /// Whether a delivery may go from this state to `to`. The stores' statements follow it, and the
    /// conformance suite holds them to it.
    pub fn may_become(self, to: Self) -> bool {
        use DeliveryState::{Dead, Delivered, Held, InFlight, Queued, Scheduled, Waiting};
        match self {
            Scheduled => matches!(to, Queued | Held | Dead | Delivered),
            Queued => matches!(to, InFlight | Scheduled | Held | Dead | Delivered),
            InFlight => matches!(to, Delivered | Scheduled | Held | Dead),
            // A probe of its endpoint is queued.
            Held => matches!(to, Queued | Scheduled | Dead | Delivered),
            Waiting => matches!(to, Scheduled | Dead),
            Delivered => matches!(to, Scheduled),
            // A success that comes late always wins over a cancellation.
            Dead => matches!(to, Scheduled | Delivered),
        }
    }
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadReason {
    /// The last attempt of its schedule failed.
    Exhausted,
    /// The receiver answered 410.
    Gone,
    /// The receiver asked not to be sent this message again.
    Aborted,
    /// It was lost once too often in a row, the last time with nothing else in flight in its process.
    Poison,
    /// Somebody cancelled it.
    Cancelled,
    /// Its endpoint was deleted.
    EndpointDeleted,
    /// It was held for longer than its tenant keeps held deliveries.
    Expired,
}

impl DeadReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Exhausted,
        Self::Gone,
        Self::Aborted,
        Self::Poison,
        Self::Cancelled,
        Self::EndpointDeleted,
        Self::Expired,
    ];

    /// The reason's name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Gone => "gone",
            Self::Aborted => "aborted",
            Self::Poison => "poison",
            Self::Cancelled => "cancelled",
            Self::EndpointDeleted => "endpoint_deleted",
            Self::Expired => "expired",
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for state in DeliveryState::ALL {
            assert_eq!(DeliveryState::from_name(state.as_str()), Some(state));
        }
        for reason in DeadReason::ALL {
            assert_eq!(DeadReason::from_name(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn a_delivery_waits_for_its_turn_from_the_beginning_or_never() {
        for from in DeliveryState::ALL {
            assert!(!from.may_become(DeliveryState::Waiting), "{from:?}");
        }
    }

    #[test]
    fn only_a_claim_puts_a_delivery_in_flight() {
        for from in DeliveryState::ALL {
            assert_eq!(from.may_become(DeliveryState::InFlight), from == DeliveryState::Queued);
        }
    }
}
