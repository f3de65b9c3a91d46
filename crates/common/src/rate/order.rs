//! Who goes first when there is not room for all: who was due first, whether it asks or waits.

use time::OffsetDateTime;

/// Which of those that ask may start, in their order, when there is room for so many. `asking` and
/// `waiting` are the times at which they were due, `waiting` in ascending order. One that waits has its
/// place before those that were due after it, so that nobody who comes later takes it.
pub fn in_order(room: u32, asking: &[OffsetDateTime], waiting: &[OffsetDateTime]) -> Vec<bool> {
    let mut by_due: Vec<usize> = (0..asking.len()).collect();
    by_due.sort_by_key(|place| asking[*place]);
    let mut may_start = vec![false; asking.len()];
    for (before, place) in by_due.into_iter().enumerate() {
        let older = waiting.partition_point(|due| *due < asking[place]);
        may_start[place] = before + older < room as usize;
    }
    may_start
}
