//! An operational event's row, and what it stands for.

use super::{StoredTime, tenant, unreadable};
use crate::error::StoreError;
use crate::operations::{OperationalEvent, OperationalEventId, OperationalKind};
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `operational_events`, and whether it has waited for too long.
#[derive(FromRow)]
pub(crate) struct OperationalRow<Time> {
    id: Uuid,
    event_type: String,
    tenant_id: String,
    facts: String,
    created_at: Time,
    is_stale: bool,
}

impl<Time: StoredTime> TryFrom<OperationalRow<Time>> for OperationalEvent {
    type Error = StoreError;

    fn try_from(row: OperationalRow<Time>) -> Result<Self, StoreError> {
        let kind = OperationalKind::from_name(&row.event_type);
        Ok(Self {
            id: OperationalEventId(row.id),
            kind: kind.ok_or(unreadable("operational event"))?,
            tenant: tenant(row.tenant_id)?,
            // One that is short of words must not hold up the others.
            facts: serde_json::from_str(&row.facts).unwrap_or_default(),
            at: row.created_at.read()?,
            is_stale: row.is_stale,
        })
    }
}
