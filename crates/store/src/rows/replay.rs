//! A replay's row, and what it stands for.

use super::{StoredTime, natural, tenant, time, unreadable};
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::lookup::Meant;
use crate::replays::step::Turn;
use crate::replays::{ReplayJob, ReplayMode, ReplayState};
use crate::selection::Selection;
use postrider_common::id::ReplayId;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `replay_jobs` with what its endpoint is called.
#[derive(FromRow)]
pub(crate) struct ReplayRow<Time> {
    id: Uuid,
    public_id: Option<String>,
    mode: String,
    filter: String,
    rate: Option<i32>,
    state: String,
    matched: Option<i64>,
    replayed: i64,
    skipped: i64,
    created_at: Time,
    updated_at: Time,
    finished_at: Option<Time>,
}

impl<Time: StoredTime> TryFrom<ReplayRow<Time>> for ReplayJob {
    type Error = StoreError;

    fn try_from(row: ReplayRow<Time>) -> Result<Self, StoreError> {
        let endpoint = row.public_id.map(EndpointRef::new);
        Ok(Self {
            id: ReplayId::from_uuid(row.id),
            mode: mode(&row.mode)?,
            selection: Selection::from_json(&row.filter, endpoint)?,
            rate: row.rate.map(natural).transpose()?,
            state: ReplayState::from_name(&row.state).ok_or(unreadable("replay state"))?,
            matched: row.matched.map(count).transpose()?,
            replayed: count(row.replayed)?,
            skipped: count(row.skipped)?,
            created_at: row.created_at.read()?,
            updated_at: row.updated_at.read()?,
            finished_at: time(row.finished_at)?,
        })
    }
}

/// Replays with what their endpoints are called; a tenant follows.
pub(crate) const SELECT: &str = "
    SELECT j.*, e.public_id FROM replay_jobs j LEFT JOIN endpoints e ON e.id = j.endpoint_id
    WHERE j.tenant_id = ";

/// What a step reads of such a row.
#[derive(FromRow)]
pub(crate) struct TurnRow<Time> {
    pub(crate) id: Uuid,
    tenant_id: String,
    endpoint_id: Option<Uuid>,
    position: Uuid,
    mode: String,
    filter: String,
    rate: Option<i32>,
    created_at: Time,
    paid_until: Time,
}

impl<Time: StoredTime> TryFrom<TurnRow<Time>> for Turn {
    type Error = StoreError;

    fn try_from(row: TurnRow<Time>) -> Result<Self, StoreError> {
        Ok(Self {
            id: ReplayId::from_uuid(row.id),
            tenant: tenant(row.tenant_id)?,
            endpoint: row.endpoint_id.map_or(Meant::All, Meant::One),
            position: row.position,
            mode: mode(&row.mode)?,
            selection: Selection::from_json(&row.filter, None)?,
            rate: row.rate.map(natural).transpose()?,
            created_at: row.created_at.read()?,
            paid_until: row.paid_until.read()?,
        })
    }
}

fn mode(name: &str) -> Result<ReplayMode, StoreError> {
    ReplayMode::from_name(name).ok_or(unreadable("replay mode"))
}

fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| unreadable("count"))
}
