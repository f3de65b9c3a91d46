//! Replays in bulk: made, read, counted and changed. What a step does is in `replays/step.rs`.

pub(super) mod scan;
pub(super) mod step;
pub(super) mod write;

use super::error::StoreResultExt as _;
use super::{PgStore, operations};
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
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

/// An accept that began before a replay was made may commit after it; when the replay looks for what was
/// missed, it has.
const ACCEPTS_TAKE: &str = "5 s";

const CREATE: &str = "
    INSERT INTO replay_jobs (id, tenant_id, endpoint_id, mode, filter, rate, position, matched,
                             paid_until, next_step_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, now(),
           now() + CASE WHEN $4 = 'missed' THEN $10::interval ELSE interval '0' END
    WHERE (SELECT count(*) FROM replay_jobs
           WHERE tenant_id = $2 AND state IN ('running', 'paused')) < $9";

/// Those that make one come one after the other, so that they do not each find room for the last.
const ONE_AT_A_TIME: &str = "SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE";

const CHANGE: &str = "
    UPDATE replay_jobs SET
        state = $3, updated_at = now(), next_step_at = greatest(next_step_at, now()),
        finished_at = CASE WHEN $3 = 'cancelled' THEN now() END
    WHERE tenant_id = $1 AND id = $2 AND state = ANY ($4)";

#[async_trait]
impl Replays for PgStore {
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
        let mut connection = self.log.acquire().await.or_store_error()?;
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
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        query.push_bind(scope.tenant().as_str()).push(" AND j.id = ").push_bind(id.as_uuid());
        let row: Option<ReplayRow<OffsetDateTime>> =
            query.build_query_as().fetch_optional(&self.log).await.or_store_error()?;
        row.map(ReplayJob::try_from).transpose()
    }

    async fn replay_list(
        &self,
        scope: &TenantScope,
        page: PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        query.push_bind(scope.tenant().as_str());
        page.end(&mut query, "j.id");
        let rows: Vec<ReplayRow<OffsetDateTime>> =
            query.build_query_as().fetch_all(&self.log).await.or_store_error()?;
        Page::read(rows, page.limit, |job: &ReplayJob| job.id.as_uuid())
    }

    async fn replay_change(
        &self,
        scope: &TenantScope,
        id: ReplayId,
        to: ReplayState,
    ) -> Result<ReplayChanged, StoreError> {
        let from: Vec<&str> = to.reached_from().iter().map(|state| state.as_str()).collect();
        let change = sqlx::query(CHANGE).bind(scope.tenant().as_str()).bind(id.as_uuid());
        let change = change.bind(to.as_str()).bind(from);
        let mut txn = self.log.begin().await.or_store_error()?;
        let changed = change.execute(&mut *txn).await.or_store_error()?;
        if changed.rows_affected() > 0 && to == ReplayState::Cancelled {
            operations::about_replay(&mut txn, self.operator.as_ref(), id).await?;
        }
        txn.commit().await.or_store_error()?;
        let found = self.replay_get(scope, id).await?;
        Ok(found.map_or(ReplayChanged::Unknown, |job| ReplayChanged::of(job, to)))
    }

    async fn replay_step(&self, limits: StepLimits) -> Result<Option<ReplayStepped>, StoreError> {
        step::step(self, limits).await
    }
}

/// False if there are too many.
async fn create(
    store: &PgStore,
    scope: &TenantScope,
    new: &NewReplay,
    endpoint: Meant,
    limit: u32,
) -> Result<bool, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let tenant = scope.tenant().as_str();
    sqlx::query(ONE_AT_A_TIME).bind(tenant).execute(&mut *txn).await.or_store_error()?;
    let now: OffsetDateTime =
        sqlx::query_scalar("SELECT now()").fetch_one(&mut *txn).await.or_store_error()?;
    let made = sqlx::query(CREATE)
        .bind(new.id.as_uuid())
        .bind(tenant)
        .bind(endpoint.id())
        .bind(new.mode.as_str())
        .bind(new.selection.to_json()?)
        .bind(new.rate.map(|rate| i32::try_from(rate).unwrap_or(i32::MAX)))
        .bind(new.selection.ids(now).0)
        .bind(new.matched.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
        .bind(i64::from(limit))
        .bind(ACCEPTS_TAKE)
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    txn.commit().await.or_store_error()?;
    Ok(made.rows_affected() > 0)
}
