//! How often each delivery was seen, for as many deliveries as are worth remembering.

use std::collections::{HashMap, VecDeque};

/// Deliveries that are remembered; beyond that the oldest is forgotten.
const MAX_REMEMBERED: usize = 100_000;

/// How often each delivery was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    times: HashMap<String, u32>,
    /// The ids from the oldest on.
    order: VecDeque<String>,
}

impl Seen {
    /// Counts a request of this delivery. Gives how often the delivery was seen, this time included.
    pub(super) fn count(&mut self, id: &str) -> u32 {
        if let Some(times) = self.times.get_mut(id) {
            *times = times.saturating_add(1);
            return *times;
        }
        if self.order.len() == MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
        self.order.push_back(id.to_owned());
        self.times.insert(id.to_owned(), 1);
        1
    }
}
