//! Rate limits: reserving the starts of attempts, across all dispatchers.
//!
//! The windows themselves are `common::rate`; here is what is asked of a store, and what both adapters
//! do between locking an endpoint's row and writing it.

use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::id::EndpointId;
use postrider_common::rate::{RateLimit, StartLog, Waiting, in_order, telling};
use std::time::Duration;
use time::OffsetDateTime;

/// Attempts of one endpoint that ask whether they may start.
#[derive(Clone, Debug)]
pub struct RateRequest {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Its own limit, or else its contract's.
    pub limit: RateLimit,
    /// The place of each attempt that asks.
    pub places: Vec<RatePlace>,
    /// Within which time of its reservation each will start, or not under this reservation; less than the
    /// limit's margin is the margin.
    pub within: Duration,
}

/// Where an attempt stands among those of its endpoint that want to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePlace {
    /// Behind what was due before this time and waits, whatever it waits for.
    InLine {
        /// When its delivery was due.
        due: OffsetDateTime,
    },
    /// Before everybody: it needs room, and waits for nobody. For tests, which go out while what is due is
    /// withheld.
    First,
}

/// What the attempts of an endpoint were answered.
#[derive(Clone, Debug)]
pub struct RateGrant {
    /// Whether each of them may start, in the request's order.
    pub may_start: Vec<bool>,
    /// When their starts are reserved for, on the database's clock. They must start within the request's
    /// time of it.
    pub at: OffsetDateTime,
    /// How many more could start now.
    pub room: u32,
    /// How long after `at` there is more room; nothing if there is all that there can be.
    pub more_in: Duration,
}

/// Reserving starts.
#[async_trait]
pub trait Rates: Send + Sync {
    /// Reserves as many of the starts as there is room for; a grant per request, in their order. What
    /// was due first goes first, and deliveries that are due and `scheduled` keep their place before
    /// those in line that were due after them. An endpoint is named once.
    async fn rate_reserve(&self, requests: &[RateRequest]) -> Result<Vec<RateGrant>, StoreError>;
}

impl RatePlace {
    /// The time that it has its place by: whoever is first was due before everybody.
    fn in_order(&self) -> OffsetDateTime {
        match self {
            Self::InLine { due } => *due,
            Self::First => OffsetDateTime::UNIX_EPOCH,
        }
    }
}

/// An endpoint's row while it is locked.
pub(crate) struct Account<'a> {
    request: &'a RateRequest,
    log: StartLog,
    now: OffsetDateTime,
    room: u32,
}

/// Which `scheduled` deliveries may have to go before those that ask.
pub(crate) struct Elders {
    /// Those that were due before this time.
    pub(crate) before: OffsetDateTime,
    /// When the first of them were due does not matter, the longest due first.
    pub(crate) first: u32,
    /// Nor do more than this, after them: no more than ask, however wide the limit is.
    pub(crate) most: u32,
}

/// An endpoint's row as it is to be written.
pub(crate) struct RateRow {
    pub(crate) since: OffsetDateTime,
    pub(crate) starts: String,
    pub(crate) room: u32,
    pub(crate) more_at: OffsetDateTime,
    pub(crate) more: u32,
}

impl<'a> Account<'a> {
    /// Reads a row, whose lock was got by `now`.
    pub(crate) fn open(
        request: &'a RateRequest,
        since: OffsetDateTime,
        starts: &str,
        now: OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let log = StartLog::decode(since, starts, now)
            .map_err(|_| StoreError::Unreadable { what: "log of starts" })?;
        let room = log.room(&request.limit, now);
        Ok(Self { request, log, now, room })
    }

    /// Whom to look for before granting.
    pub(crate) fn elders(&self) -> Elders {
        let in_line = self.request.places.iter().filter_map(|place| match place {
            RatePlace::InLine { due } => Some(*due),
            RatePlace::First => None,
        });
        let (first, most) = telling(self.room, self.request.places.len());
        in_line.max().map_or(Elders { before: self.now, first, most: 0 }, |before| Elders {
            before,
            first,
            most,
        })
    }

    /// Reserves starts, given when the elders that matter were due, in ascending order.
    pub(crate) fn grant(mut self, elders: &[OffsetDateTime]) -> (RateGrant, RateRow) {
        let limit = &self.request.limit;
        let waiting = Waiting { first: self.elders().first, then: elders };
        let due: Vec<_> = self.request.places.iter().map(RatePlace::in_order).collect();
        let may_start = in_order(self.room, &due, waiting);
        let granted = may_start.iter().filter(|may_start| **may_start).count();
        let granted = u32::try_from(granted).unwrap_or(u32::MAX);
        self.log.reserve(limit, self.now, self.request.within, granted);
        let outlook = self.log.outlook(limit, self.now);
        let (since, starts) = self.log.encode();
        let row = RateRow {
            since: since.unwrap_or(self.now),
            starts,
            room: outlook.room,
            more_at: outlook.more_at,
            more: outlook.more,
        };
        let more_in = (outlook.more_at - self.now).try_into().unwrap_or_default();
        (RateGrant { may_start, at: self.now, room: outlook.room, more_in }, row)
    }
}
