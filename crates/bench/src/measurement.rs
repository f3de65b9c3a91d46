//! What the throughput scenario measures. How is in `load`, `ceiling` and `throughput`.

use std::fmt;
use std::time::Duration;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measurement {
    /// Building and signing requests on one core, without sending them.
    Sign,
    /// Signing and sending through the same client, without a stack.
    Send,
    /// `PublishEvent`, always as many calls in flight.
    Unary { endpoints: usize },
    /// `StreamEvents`.
    Stream { endpoints: usize },
    /// `PublishEvent` at a steady rate, whatever becomes of the calls before.
    Steady { per_second: u32 },
}

impl Measurement {
    /// All of them, in their order within a round.
    pub(crate) const ALL: [Self; 8] = [
        Self::Sign,
        Self::Send,
        Self::Unary { endpoints: 1 },
        Self::Unary { endpoints: 10 },
        Self::Stream { endpoints: 1 },
        Self::Stream { endpoints: 10 },
        Self::Steady { per_second: 500 },
        Self::Steady { per_second: 1000 },
    ];

    /// How long load is put on, of what the others take: percentiles need many events.
    pub(crate) fn load_for(self, others: Duration) -> Duration {
        if self.is_steady() { others * 2 } else { others }
    }

    /// Whether it asks for latency, and not for throughput.
    pub(crate) fn is_steady(self) -> bool {
        matches!(self, Self::Steady { .. })
    }

    /// Whether it is about the ceiling.
    pub(crate) fn is_ceiling(self) -> bool {
        matches!(self, Self::Sign | Self::Send)
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign => f.write_str("sign alone, one core"),
            Self::Send => f.write_str("sign and send alone"),
            Self::Unary { endpoints } => write!(f, "unary, {}", Endpoints(*endpoints)),
            Self::Stream { endpoints } => write!(f, "stream, {}", Endpoints(*endpoints)),
            Self::Steady { per_second } => write!(f, "steady {per_second}/s"),
        }
    }
}

struct Endpoints(usize);

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0;
        write!(f, "{count} endpoint{}", if count == 1 { "" } else { "s" })
    }
}
