//! Following: what waits for an endpoint takes the state that the endpoint's state asks for.
//!
//! *Theory of operation.* Pausing, resuming or deleting an endpoint changes one row; what waits for it, however
//! much that is, follows in bounded steps. A step goes round the endpoints that something waits for
//! (`circle`), visits a bounded number of them, and moves no more than its share of each that is meant: so one
//! that a million deliveries wait for keeps nobody else waiting, and a step costs what it moves. An adapter
//! finds the endpoints and moves the deliveries. What waits for its turn in an order is `ordering`'s.

use crate::circle::Circle;
use std::collections::HashMap;
use std::ops::AddAssign;
use uuid::Uuid;

/// What a step of following came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Deliveries, and keys of an order, that changed.
    pub moved: u64,
    /// Whether another step may move more at once.
    pub has_more: bool,
}

/// What a kind of step moved.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Deliveries, each after its endpoint.
    pub(crate) rows: Vec<(Uuid, Uuid)>,
    /// How many of each endpoint it moved at most.
    pub(crate) share: u32,
}

/// How far round each kind of step is.
#[derive(Debug, Default)]
pub(crate) struct Circles {
    /// `held` ones of endpoints that are on.
    pub(crate) resume: Circle,
    /// `scheduled` ones of endpoints that are off.
    pub(crate) hold: Circle,
    /// `waiting` ones of endpoints that ask for no order.
    pub(crate) let_go: Circle,
}

/// How many deliveries of each endpoint a step moves, of which there are no more than its limit: together
/// they are within that.
pub(crate) fn share(limit: u32, endpoints: usize) -> u32 {
    let endpoints = u32::try_from(endpoints).unwrap_or(u32::MAX);
    (limit / endpoints.max(1)).max(1)
}

impl Moved {
    /// What it came to.
    pub(crate) fn followed(&self) -> Followed {
        let mut of_each: HashMap<Uuid, u32> = HashMap::new();
        for (endpoint, _) in &self.rows {
            *of_each.entry(*endpoint).or_default() += 1;
        }
        let has_more = of_each.into_values().any(|count| count >= self.share);
        Followed { moved: self.rows.len() as u64, has_more }
    }
}

impl AddAssign for Followed {
    fn add_assign(&mut self, other: Self) {
        self.moved += other.moved;
        self.has_more |= other.has_more;
    }
}
