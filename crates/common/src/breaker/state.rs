//! A breaker's states. Which attempts move it between them is in `sign`, when it opens in the module
//! above; that it moves once, whoever sees the reason, is the store's business.

/// Where a breaker stands. The names are stable: they are stored, and the API and metrics show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Its endpoint is down and gets nothing until it is probed.
    Open,
    /// A probe is under way.
    HalfOpen,
    /// Its endpoint is back.
    Closed,
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::HalfOpen, Self::Closed];

    /// The state's name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Closed => "closed",
        }
    }

    /// Reads a stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
