//! Whether a delivery can be sent again, which replaying it and replaying it as new decide alike.

use super::{Replayed, ReplayedAsNew};
use crate::error::StoreError;
use crate::rows;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::EventId;
use sqlx::FromRow;
use uuid::Uuid;

/// What a delivery is found as by whoever wants to send it again.
#[derive(FromRow)]
pub(crate) struct FoundRow {
    event_id: Uuid,
    state: String,
    /// Its endpoint is deleted.
    deleted: bool,
    /// Its event's payload was expunged.
    expunged: bool,
}

/// What a delivery is found as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is finished, and can be sent again.
    Finished(DeliveryState),
    /// It cannot.
    Hindered(Hindrance),
}

/// Why a delivery cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    EndpointDeleted,
    NotFinished(DeliveryState),
    PayloadExpunged,
}

impl FoundRow {
    /// Its event.
    pub(crate) fn event(&self) -> EventId {
        EventId::from_uuid(self.event_id)
    }

    /// Whether it can be.
    pub(crate) fn read(&self) -> Result<Found, StoreError> {
        let state = rows::state(&self.state)?;
        Ok(match (self.deleted, state.is_terminal(), self.expunged) {
            (true, ..) => Found::Hindered(Hindrance::EndpointDeleted),
            (false, false, _) => Found::Hindered(Hindrance::NotFinished(state)),
            (false, true, true) => Found::Hindered(Hindrance::PayloadExpunged),
            (false, true, false) => Found::Finished(state),
        })
    }
}

impl From<Hindrance> for Replayed {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::EndpointDeleted => Self::EndpointDeleted,
            Hindrance::NotFinished(state) => Self::NotFinished(state),
            Hindrance::PayloadExpunged => Self::PayloadExpunged,
        }
    }
}

impl From<Hindrance> for ReplayedAsNew {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::EndpointDeleted => Self::EndpointDeleted,
            Hindrance::NotFinished(state) => Self::NotFinished(state),
            Hindrance::PayloadExpunged => Self::PayloadExpunged,
        }
    }
}
