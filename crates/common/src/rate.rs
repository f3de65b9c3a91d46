//! Sliding windows over the starts of attempts: how many more may start, and when there is room again.
//!
//! *Motivation.* A contract promises that an endpoint gets at most so many requests in any stretch of so
//! long, or its owner wants that, whichever dispatcher sends them. One log of starts per endpoint, which the store keeps, is what
//! all of them ask; here is what it says. Who waits, and who asks, is `dispatcher`'s business.
//!
//! *Theory of operation.* A start is reserved at a time g of the database's clock. The attempt starts at
//! an s with g ≤ s ≤ g + margin, or not under this reservation. It counts in a window of N requests and
//! length L until g + L + margin, and none is given while N count. So of any N + 1 reservations the last
//! came L + margin or more after the first, and its attempt starts no earlier than g + L + margin, which
//! is L or more after the first one's: N + 1 attempts never start within L. To stay short, the log takes
//! reservations together that were made within a 200th of a window, at the last one's time: they count
//! longer than they must, and never shorter.
//!
//! Where reservations take long to come back, the start may be wanted within more than the margin: it is
//! then written down as of a later g, by as much as that is more, and everything above holds of that one.
//!
//! A window's worth can therefore start again after L + margin + L / 200. With the margin at L / 50 that
//! is 97.5 % of what is promised; the rest of the 5 % that may be lost is for the way from the feeder to
//! the receiver.

mod limit;
mod order;
#[cfg(test)]
mod tests;

pub use limit::RateLimit;
pub use order::{Waiting, in_order, telling};

use std::time::Duration;
use time::OffsetDateTime;

/// What is foreseen further ahead than this is asked for again: the limit may be another by then.
pub const FORESIGHT: Duration = Duration::from_secs(10);

/// The longest time after its reservation within which a start may be wanted.
pub const MOST_WITHIN: Duration = Duration::from_secs(10);

/// The starts that were reserved for an endpoint, as far as they still count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartLog {
    /// When, and how many; in the order of time.
    starts: Vec<(OffsetDateTime, u32)>,
}

/// How many more attempts may start, now and next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// So many may start now.
    pub room: u32,
    /// When there is room for more, or now if there is all the room that there can be.
    pub more_at: OffsetDateTime,
    /// How many may start then.
    pub more: u32,
}

impl StartLog {
    /// Reads what [`Self::encode`] gave. Starts that are later than may be reserved by `now` are from before
    /// the clock was set back; they count as if they were made now.
    pub fn decode(
        since: OffsetDateTime,
        starts: &str,
        now: OffsetDateTime,
    ) -> Result<Self, serde_json::Error> {
        let starts: Vec<(u64, u32)> = serde_json::from_str(starts)?;
        let at = |after: u64| {
            let at = since.checked_add(microseconds(after)).unwrap_or(now);
            if at > now + MOST_WITHIN { now } else { at }
        };
        Ok(Self { starts: starts.into_iter().map(|(after, count)| (at(after), count)).collect() })
    }

    /// The log as a text, and the time that it counts microseconds from.
    pub fn encode(&self) -> (Option<OffsetDateTime>, String) {
        let since = self.starts.first().map(|(at, _)| *at);
        let line = |(at, count): &(OffsetDateTime, u32)| {
            let after = since.map_or(0, |since| (*at - since).whole_microseconds());
            format!("[{after},{count}]")
        };
        let lines: Vec<String> = self.starts.iter().map(line).collect();
        (since, format!("[{}]", lines.join(",")))
    }

    /// How many may start at `now`.
    pub fn room(&self, limit: &RateLimit, now: OffsetDateTime) -> u32 {
        let left = limit.windows().map(|window| {
            let counts = |start: &&(OffsetDateTime, u32)| start.0 + limit.counts_for(window) > now;
            let counting = self.starts.iter().rev().take_while(counts);
            let counting = counting.fold(0, |sum: u32, start| sum.saturating_add(start.1));
            window.requests.saturating_sub(counting)
        });
        left.min().unwrap_or_default()
    }

    /// Reserves so many starts, for which there is room. Each starts within this time of `now`, of which
    /// less than the limit's margin counts as the margin, and more than [`MOST_WITHIN`] as that.
    pub fn reserve(
        &mut self,
        limit: &RateLimit,
        now: OffsetDateTime,
        within: Duration,
        count: u32,
    ) {
        if count > 0 {
            let at = now + within.min(MOST_WITHIN).saturating_sub(limit.margin());
            let place = self.starts.partition_point(|start| start.0 <= at);
            self.starts.insert(place, (at, count));
        }
        self.shorten(limit, now);
    }

    /// How many may start at `now`, and what comes next. Room that opens little by little is
    /// foreseen for a moment later, when there is more of it.
    pub fn outlook(&self, limit: &RateLimit, now: OffsetDateTime) -> Outlook {
        let room = self.room(limit, now);
        if room >= limit.at_once() {
            return Outlook { room, more_at: now, more: room };
        }
        let first = self.opens_at(limit, now, room + 1);
        let more = self.room(limit, first + limit.patience());
        let more_at = self.opens_at(limit, now, more);
        if more_at > now + FORESIGHT {
            return Outlook { room, more_at: now + FORESIGHT, more: room.max(1) };
        }
        Outlook { room, more_at, more }
    }

    /// When there is room for so many, not more than fit into a window.
    fn opens_at(&self, limit: &RateLimit, now: OffsetDateTime, target: u32) -> OffsetDateTime {
        let opens_at = limit.windows().map(|window| {
            let may_count = window.requests.saturating_sub(target);
            let mut counting = 0u32;
            let too_many = self.starts.iter().rev().find(|(_, count)| {
                counting = counting.saturating_add(*count);
                counting > may_count
            });
            too_many.map_or(now, |(at, _)| now.max(*at + limit.counts_for(window)))
        });
        opens_at.max().unwrap_or(now)
    }

    /// Forgets what counts in no window, and takes together what is close for the shortest window
    /// that it still counts in.
    fn shorten(&mut self, limit: &RateLimit, now: OffsetDateTime) {
        let mut kept: Vec<(OffsetDateTime, u32)> = Vec::with_capacity(self.starts.len());
        for (at, count) in std::mem::take(&mut self.starts) {
            let counts_in = limit.windows().find(|window| at + limit.counts_for(window) > now);
            let Some(window) = counts_in else { continue };
            match kept.last_mut() {
                Some(last) if RateLimit::are_close(window, last.0, at) => {
                    *last = (at, last.1.saturating_add(count));
                }
                _ => kept.push((at, count)),
            }
        }
        self.starts = kept;
    }
}

fn microseconds(count: u64) -> time::Duration {
    time::Duration::microseconds(i64::try_from(count).unwrap_or(i64::MAX))
}
