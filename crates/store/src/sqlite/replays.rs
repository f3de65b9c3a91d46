//! Replays in bulk: made, read, counted and changed. What a step does is in `replays/step.rs`.

pub(super) mod scan;
pub(super) mod step;
pub(super) mod write;

use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::{SqliteStore, operations};
use crate::error::StoreError;
use crate::lookup::Meant;
use crate::page::{Page, PageRequest};
use crate::replays::scan::{Scan, meant};
use crate::replays::{
    Counted, NewReplay, ReplayChanged, ReplayCreated, ReplayJob, ReplayMode, ReplayState,
    ReplayStepped, Replays, StepLimits,
};
use crate::rows::replay::{ReplayRow, SELECT};
use crate::selection::{Purpose, Selection};
use async_trait::async_trait;
use postrider_common::id::ReplayId;
use postrider_common::tenant::TenantScope;
use sqlx::{QueryBuilder, Sqlite};

const CREATE: &str = "
    INSERT INTO replay_jobs (id, tenant_id, endpoint_id, mode, filter, rate, position, matched,
                             paid_until, next_step_at, created_at, updated_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?10, ?10, ?10
    WHERE (SELECT count(*) FROM replay_jobs
           WHERE tenant_id = ?2 AND state IN ('running', 'paused')) < ?9";

const CHANGE: &str = "
    UPDATE replay_jobs SET state = ?3, updated_at = ?5, next_step_at = max(next_step_at, ?5),
           finished_at = iif(?3 = 'cancelled', ?5, NULL)
    WHERE tenant_id = ?1 AND id = ?2 AND state IN (SELECT value FROM json_each(?4))";

#[async_trait]
impl Replays for SqliteStore {
    async fn replay_count(
        &self,
        scope: &TenantScope,
        mode: ReplayMode,
        selection: &Selection,
        most: u32,
    ) -> Result<Option<Counted>, StoreError> {
        let how = (mode, Purpose::Replay);
        let Some(scan) = Scan::of(self, scope, how, selection.clone(), most).await? else {
            return Ok(None);
        };
        let mut connection = self.readers.acquire().await.or_store_error()?;
        Ok(Some(scan::count(&mut connection, &scan).await?.replayable(most)))
    }

    async fn replay_create(
        &self,
        scope: &TenantScope,
        new: NewReplay,
        limit: u32,
    ) -> Result<ReplayCreated, StoreError> {
        let named = new.selection.endpoint.as_ref();
        let Some(endpoint) = meant(self, scope, new.mode, named).await? else {
            return Ok(ReplayCreated::UnknownEndpoint);
        };
        if !create(self, scope, &new, endpoint, limit).await? {
            return Ok(ReplayCreated::TooMany { limit });
        }
        let made = self.replay_get(scope, new.id).await?;
        let made = made.ok_or(StoreError::Unreadable { what: "replay" })?;
        Ok(ReplayCreated::Created(Box::new(made)))
    }

    async fn replay_get(
        &self,
        scope: &TenantScope,
        id: ReplayId,
    ) -> Result<Option<ReplayJob>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(scope.tenant().as_str()).push(" AND j.id = ").push_bind(id.as_uuid());
        let row: Option<ReplayRow<Micros>> =
            query.build_query_as().fetch_optional(&self.readers).await.or_store_error()?;
        row.map(ReplayJob::try_from).transpose()
    }

    async fn replay_list(
        &self,
        scope: &TenantScope,
        page: PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push_bind(scope.tenant().as_str());
        page.end(&mut query, "j.id");
        let rows: Vec<ReplayRow<Micros>> =
            query.build_query_as().fetch_all(&self.readers).await.or_store_error()?;
        Page::read(rows, page.limit, |job: &ReplayJob| job.id.as_uuid())
    }

    async fn replay_change(
        &self,
        scope: &TenantScope,
        id: ReplayId,
        to: ReplayState,
    ) -> Result<ReplayChanged, StoreError> {
        let from: Vec<&str> = to.reached_from().iter().map(|state| state.as_str()).collect();
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let change = sqlx::query(CHANGE).bind(scope.tenant().as_str()).bind(id.as_uuid());
        let change = change.bind(to.as_str()).bind(json(&from)?).bind(now);
        let changed = change.execute(txn.connection()).await.or_store_error()?;
        if changed.rows_affected() > 0 && to == ReplayState::Cancelled {
            operations::about_replay(&mut txn, self.operator.as_ref(), id).await?;
        }
        txn.commit().await?;
        let found = self.replay_get(scope, id).await?;
        Ok(found.map_or(ReplayChanged::Unknown, |job| ReplayChanged::of(job, to)))
    }

    async fn replay_step(&self, limits: StepLimits) -> Result<Option<ReplayStepped>, StoreError> {
        step::step(self, limits).await
    }
}

/// False if there are too many.
async fn create(
    store: &SqliteStore,
    scope: &TenantScope,
    new: &NewReplay,
    endpoint: Meant,
    limit: u32,
) -> Result<bool, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let made = sqlx::query(CREATE)
        .bind(new.id.as_uuid())
        .bind(scope.tenant().as_str())
        .bind(endpoint.id())
        .bind(new.mode.as_str())
        .bind(new.selection.to_json()?)
        .bind(new.rate)
        .bind(new.selection.ids(now.try_into()?).0)
        .bind(new.matched.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
        .bind(limit)
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    txn.commit().await?;
    Ok(made.rows_affected() > 0)
}
