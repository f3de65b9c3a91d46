//! A replay's row, and what it stands for.

use super::{StoredTime, natural, time, unreadable};
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
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

/// What a step reads of such a row.
#[derive(FromRow)]
pub(crate) struct TurnRow<Time> {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: String,
    pub(crate) endpoint_id: Option<Uuid>,
    pub(crate) position: Uuid,
    mode: String,
    filter: String,
    rate: Option<i32>,
    pub(crate) created_at: Time,
    pub(crate) paid_until: Time,
}

impl<Time> TurnRow<Time> {
    pub(crate) fn mode(&self) -> Result<ReplayMode, StoreError> {
        mode(&self.mode)
    }

    /// The endpoint aside, which is known by its id.
    pub(crate) fn selection(&self) -> Result<Selection, StoreError> {
        Selection::from_json(&self.filter, None)
    }

    pub(crate) fn rate(&self) -> Result<Option<u32>, StoreError> {
        self.rate.map(natural).transpose()
    }
}

fn mode(name: &str) -> Result<ReplayMode, StoreError> {
    ReplayMode::from_name(name).ok_or(unreadable("replay mode"))
}

fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| unreadable("count"))
}
