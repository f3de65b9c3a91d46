//! Who goes first when there is not room for all: who was due first, whether it asks or waits.

use time::OffsetDateTime;

/// Those that wait and may have to go before those that ask.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// So many wait that were due before the others here; fewer, if there are no others here.
    pub first: u32,
    /// When the others were due, in ascending order.
    pub then: &'a [OffsetDateTime],
}

/// How many of those that wait need not be told apart, as [`Waiting::first`], when so many ask and there is
/// room for so many; and how many after them matter. With just the first of them there is room for all that
/// ask, with all of the others there is room for none.
pub fn telling(room: u32, asking: usize) -> (u32, u32) {
    let asking = u32::try_from(asking).unwrap_or(u32::MAX);
    let first = room.saturating_sub(asking);
    (first, room - first)
}

/// Which of those that ask may start, in their order, when there is room for so many. `asking` are the
/// times at which they were due. One that waits has its place before those that were due after it, so that
/// nobody who comes later takes it.
pub fn in_order(room: u32, asking: &[OffsetDateTime], waiting: Waiting<'_>) -> Vec<bool> {
    let mut by_due: Vec<usize> = (0..asking.len()).collect();
    by_due.sort_by_key(|place| asking[*place]);
    let mut may_start = vec![false; asking.len()];
    for (before, place) in by_due.into_iter().enumerate() {
        let older = waiting.then.partition_point(|due| *due < asking[place]);
        may_start[place] = before + waiting.first as usize + older < room as usize;
    }
    may_start
}
