//! How much a step of a replay takes: what its rate allows, and which of the rows that it looked at.
//!
//! *The rate.* A job's account says until when its rate is used up. A step may take what the time since
//! then is worth, but never more than a second's worth, and pays for what it took. What it takes is due a
//! second after the moment that it was paid for: so the moments are evenly spaced, from step to step too.

use super::scan::Scan;
use super::{ReplayMode, StepLimits};
use crate::lookup::Meant;
use crate::selection::{Purpose, Selection};
use postrider_common::id::{DeliveryId, EventId, ReplayId};
use postrider_common::tenant::TenantId;
use serde::Serialize;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a step may take at most, in time.
const A_SECOND: Duration = Duration::from_secs(1);
/// A job that used up its rate is left alone for this long, so that its steps are worth something.
const REST: Duration = Duration::from_millis(200);

/// A job whose turn it is.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) id: ReplayId,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: Meant,
    /// Up to where everything has been dealt with.
    pub(crate) position: Uuid,
    pub(crate) mode: ReplayMode,
    /// The endpoint aside, which is known by its id.
    pub(crate) selection: Selection,
    pub(crate) rate: Option<u32>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) paid_until: OffsetDateTime,
}

impl Turn {
    /// What its rate allows now.
    pub(crate) fn account(&self, now: OffsetDateTime) -> Account {
        Account::open(self.rate, self.paid_until, now)
    }

    /// The rows that a step looks at.
    pub(crate) fn scan(&self, limits: StepLimits) -> Scan {
        let (_, last) = self.selection.ids(self.created_at);
        Scan {
            mode: self.mode,
            purpose: Purpose::Replay,
            tenant: self.tenant.clone(),
            endpoint: self.endpoint,
            selection: self.selection.clone(),
            ids: (self.position, last),
            by: self.created_at,
            limit: limits.scan,
        }
    }
}

/// A row that a step looked at.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Candidate {
    /// A delivery's id, or an event's.
    pub(crate) id: Uuid,
    /// The event's id.
    pub(crate) event_id: Uuid,
    /// The job means it.
    pub(crate) matches: bool,
    /// Nothing can be sent to its endpoint any more.
    pub(crate) is_deleted: bool,
    /// The delivery is dead.
    pub(crate) is_dead: bool,
}

/// A candidate that is replayed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Taken {
    /// A delivery's id, or an event's.
    pub(crate) id: Uuid,
    /// The event's id.
    pub(crate) event: Uuid,
    /// The id of a delivery that may be made of it.
    pub(crate) new: Uuid,
    /// How long after now it is due, in microseconds.
    pub(crate) delay_us: i64,
    /// It was a dead delivery.
    pub(crate) was_dead: bool,
}

/// What a step takes.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// What is replayed, in the order of ids.
    pub(crate) taken: Vec<Taken>,
    /// What matches and cannot be.
    pub(crate) skipped: u64,
    /// Up to where everything has been dealt with; `None` if nothing has.
    pub(crate) position: Option<Uuid>,
    /// There is nothing beyond it.
    pub(crate) is_last: bool,
}

/// What a step leaves in its job's row, beside the position that it chose.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How many it replayed.
    pub(crate) replayed: i64,
    /// How many it could not, or had changed since they were looked at.
    pub(crate) skipped: i64,
    /// Until when the rate is used up.
    pub(crate) paid_until: OffsetDateTime,
    /// How long after now the job's next turn is.
    pub(crate) rest: Duration,
}

/// What a job's rate allows now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    rate: Option<u32>,
    from: OffsetDateTime,
    now: OffsetDateTime,
}

impl Account {
    /// The account of a job whose rate is used up until `paid_until`.
    fn open(rate: Option<u32>, paid_until: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self { rate, from: paid_until.clamp(now - A_SECOND, now), now }
    }

    /// How many may be taken now.
    fn room(self) -> u32 {
        let Some(rate) = self.rate else { return u32::MAX };
        let worth = self.elapsed().as_micros() * u128::from(rate) / A_SECOND.as_micros();
        u32::try_from(worth).unwrap_or(u32::MAX)
    }

    /// How long after now what is taken after so many others is due, in microseconds.
    fn delay_us(self, others: usize) -> i64 {
        let paid_after = self.price(others + 1);
        let due_in = (paid_after + A_SECOND).saturating_sub(self.elapsed());
        let due_in = if self.rate.is_some() { due_in } else { Duration::ZERO };
        i64::try_from(due_in.as_micros()).unwrap_or(i64::MAX)
    }

    /// What a step came to that took what it had chosen, and could replay so many of that.
    pub(crate) fn close(self, chosen: &Chosen, replayed: u64, limits: StepLimits) -> Progress {
        let taken = chosen.taken.len();
        let changed_meanwhile = (taken as u64).saturating_sub(replayed);
        Progress {
            replayed: i64::try_from(replayed).unwrap_or(i64::MAX),
            skipped: i64::try_from(chosen.skipped + changed_meanwhile).unwrap_or(i64::MAX),
            paid_until: self.from + self.price(taken),
            rest: self.rest(taken, limits),
        }
    }

    /// How long after now the job's next turn is, once so many are taken.
    fn rest(self, taken: usize, limits: StepLimits) -> Duration {
        let has_more = taken >= limits.replay as usize || taken < self.room() as usize;
        if has_more {
            return Duration::ZERO;
        }
        self.price(taken + 1).saturating_sub(self.elapsed()).max(REST)
    }

    /// Chooses among the rows that were looked at, which are in the order of ids.
    pub(crate) fn choose(self, candidates: &[Candidate], limits: StepLimits) -> Chosen {
        let most = self.room().min(limits.replay) as usize;
        let is_short = candidates.len() < limits.scan as usize;
        let mut chosen =
            Chosen { taken: Vec::new(), skipped: 0, position: None, is_last: is_short };
        for candidate in candidates {
            match (candidate.matches, candidate.is_deleted) {
                (false, _) => {}
                (true, true) => chosen.skipped += 1,
                (true, false) if chosen.taken.len() == most => {
                    return Chosen { is_last: false, ..chosen };
                }
                (true, false) => {
                    let delay_us = self.delay_us(chosen.taken.len());
                    chosen.taken.push(Taken::of(candidate, delay_us));
                }
            }
            chosen.position = Some(candidate.id);
        }
        chosen
    }

    fn elapsed(self) -> Duration {
        (self.now - self.from).try_into().unwrap_or_default()
    }

    fn price(self, count: usize) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        A_SECOND.saturating_mul(count) / rate.max(1)
    }
}

impl Taken {
    fn of(candidate: &Candidate, delay_us: i64) -> Self {
        let event = EventId::from_uuid(candidate.event_id);
        Self {
            id: candidate.id,
            event: candidate.event_id,
            new: DeliveryId::generate_for(event).as_uuid(),
            delay_us,
            was_dead: candidate.is_dead,
        }
    }
}
