//! Load: what producers do. Each submodule is one way of producing; all tell what they published.

pub(crate) mod steady;
pub(crate) mod stream;
pub(crate) mod unary;

use std::time::Duration;

/// What was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// Events, numbered from the first that may be.
    pub(crate) events: u64,
    /// From the start to the last answer.
    pub(crate) within: Duration,
    /// From when each call was to start to its answer; only at a steady rate.
    pub(crate) answered: Vec<Duration>,
}
