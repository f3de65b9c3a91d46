//! Which finished deliveries, or which events, are meant: what replays in bulk and dead letters are
//! narrowed by. How it is asked for in SQL is said in `log::lists`, and in the adapters' `replays/scan`.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::rows::unreadable;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::event::EventType;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Ids carry the clock of the ingest that drew them, a selection means the database's: it is looked for
/// among ids of so much before and after.
const CLOCKS_DIFFER_BY: Duration = Duration::hours(2);

/// Which deliveries are meant; what is absent does not narrow it. Tests are never meant, and discarded
/// deliveries neither; a replay means cancelled ones only by their reason.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only of this endpoint.
    pub endpoint: Option<EndpointRef>,
    /// Only of events of these types; all, if there are none.
    pub event_types: Vec<EventType>,
    /// Only of events that were accepted at this time or later, on the database's clock.
    pub since: Option<OffsetDateTime>,
    /// Only of events that were accepted before this time, on the database's clock.
    pub until: Option<OffsetDateTime>,
    /// Only those that ended like this.
    pub ended: Option<Ended>,
    /// Only those that are dead for this reason.
    pub reason: Option<DeadReason>,
    /// Only those whose last attempt was answered like this.
    pub status: Option<StatusClass>,
}

/// What deliveries are looked for for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be sent again.
    Replay,
    /// To be told of, or discarded.
    Look,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A receiver answered with success.
    Delivered,
    /// It was given up.
    Dead,
}

impl Ended {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Delivered, Self::Dead];

    /// The name of its state, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => DeliveryState::Delivered.as_str(),
            Self::Dead => DeliveryState::Dead.as_str(),
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ended| ended.as_str() == name)
    }
}

/// The class of the status that a last attempt was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusClass(u8);

impl StatusClass {
    /// The names of all of them, by their hundreds; the first is that of no answer at all.
    pub const NAMES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        u8::try_from(at).ok().map(Self)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[usize::from(self.0)]
    }

    /// The hundreds of its statuses; 0 without an answer.
    pub(crate) fn hundreds(self) -> i16 {
        self.0.into()
    }
}

impl Selection {
    /// The ids that may carry its time: greater than the first and at most the second. Of events, and
    /// of their deliveries.
    pub(crate) fn ids(&self, now: OffsetDateTime) -> (Uuid, Uuid) {
        let last = last_id(self.until.map_or(now, |until| until.min(now)));
        (self.first_id().unwrap_or_default(), last)
    }

    /// Greater than this are the ids that may carry its time, if it has a beginning.
    pub(crate) fn first_id(&self) -> Option<Uuid> {
        self.since.map(|since| smallest_id(since.saturating_sub(CLOCKS_DIFFER_BY)))
    }

    /// At most this are the ids that may carry its time, if it has an end.
    pub(crate) fn last_id(&self) -> Option<Uuid> {
        self.until.map(last_id)
    }

    /// The reason of the dead that are not meant although nothing else leaves them out: what somebody
    /// cancelled is sent again only when it is asked for by that name.
    pub(crate) fn spared(&self, purpose: Purpose) -> Option<DeadReason> {
        (purpose == Purpose::Replay && self.reason.is_none()).then_some(DeadReason::Cancelled)
    }

    /// The types' names; `None` for all.
    pub(crate) fn type_names(&self) -> Option<Vec<&str>> {
        let names: Vec<&str> = self.event_types.iter().map(EventType::as_str).collect();
        (!names.is_empty()).then_some(names)
    }

    /// All of it but the endpoint, for a column.
    pub(crate) fn to_json(&self) -> Result<String, StoreError> {
        let stored = Stored {
            event_types: self.event_types.clone(),
            since: self.since,
            until: self.until,
            ended: self.ended.map(|ended| ended.as_str().to_owned()),
            reason: self.reason.map(|reason| reason.as_str().to_owned()),
            status: self.status.map(|status| status.as_str().to_owned()),
        };
        serde_json::to_string(&stored).map_err(|error| StoreError::Refused(Arc::new(error)))
    }

    /// Reads it back.
    pub(crate) fn from_json(text: &str, endpoint: Option<EndpointRef>) -> Result<Self, StoreError> {
        const WHAT: &str = "filter of a replay";
        let stored: Stored = serde_json::from_str(text).map_err(|_| unreadable(WHAT))?;
        Ok(Self {
            endpoint,
            event_types: stored.event_types,
            since: stored.since,
            until: stored.until,
            ended: named(stored.ended, Ended::from_name).ok_or(unreadable(WHAT))?,
            reason: named(stored.reason, DeadReason::from_name).ok_or(unreadable(WHAT))?,
            status: named(stored.status, StatusClass::from_name).ok_or(unreadable(WHAT))?,
        })
    }
}

/// A selection as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    event_types: Vec<EventType>,
    #[serde(with = "time::serde::rfc3339::option")]
    since: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    until: Option<OffsetDateTime>,
    ended: Option<String>,
    reason: Option<String>,
    status: Option<String>,
}

/// `None` for a name that is none.
#[expect(clippy::option_option, reason = "absent, known and unknown are three things")]
fn named<T>(name: Option<String>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    name.map_or(Some(None), |name| read(&name).map(Some))
}

/// The largest id of an event that was accepted before this time.
fn last_id(until: OffsetDateTime) -> Uuid {
    smallest_id(until.saturating_add(CLOCKS_DIFFER_BY))
}

/// The smallest UUIDv7 that carries this time.
fn smallest_id(at: OffsetDateTime) -> Uuid {
    let millis = at.unix_timestamp_nanos().div_euclid(1_000_000).clamp(0, (1 << 48) - 1);
    Uuid::from_u128(u128::try_from(millis).unwrap_or_default() << 80)
}
