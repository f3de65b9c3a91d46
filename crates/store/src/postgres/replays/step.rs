//! A step of a replay: one transaction, for as long as which the job's row is locked.

use super::{scan, write};
use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, operations};
use crate::replays::step::{Chosen, Turn};
use crate::replays::{ReplayMode, ReplayStepped, StepLimits};
use crate::rows::replay::TurnRow;
use postrider_common::crash_point::crash_point;
use postrider_common::tenant::TenantId;
use sqlx::{FromRow, PgConnection};
use std::time::Duration;
use time::OffsetDateTime;

pub(in crate::postgres) const TURN: &str = "
    SELECT id, tenant_id, endpoint_id, position, mode, filter, rate, created_at, paid_until,
           now() AS now
    FROM replay_jobs
    WHERE state = 'running' AND next_step_at <= now()
    ORDER BY next_step_at LIMIT 1
    FOR UPDATE SKIP LOCKED";

pub(in crate::postgres) const MOVE: &str = "
    UPDATE replay_jobs SET
        position = coalesce($2, position), replayed = replayed + $3, skipped = skipped + $4,
        paid_until = $5, next_step_at = now() + $6 * interval '1 microsecond', updated_at = now(),
        state = CASE WHEN $7 THEN 'finished' ELSE state END,
        finished_at = CASE WHEN $7 THEN now() END
    WHERE id = $1";

/// A step that fails must not keep its job at the head of the queue.
const POSTPONE: &str =
    "UPDATE replay_jobs SET next_step_at = now() + interval '10 s' WHERE id = $1";

#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    turn: TurnRow<OffsetDateTime>,
    now: OffsetDateTime,
}

pub(super) async fn step(
    store: &PgStore,
    limits: StepLimits,
) -> Result<Option<ReplayStepped>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let found: Option<FoundRow> =
        sqlx::query_as(TURN).fetch_optional(&mut *txn).await.or_store_error()?;
    let Some(FoundRow { turn, now }) = found else {
        return Ok(None);
    };
    let id = turn.id;
    let stepped = advance(&mut txn, store.operator.as_ref(), turn, now, limits).await;
    if stepped.is_err() {
        txn.rollback().await.or_store_error()?;
        sqlx::query(POSTPONE).bind(id).execute(&store.hot).await.or_store_error()?;
        return stepped.map(Some);
    }
    crash_point("replay::written");
    txn.commit().await.or_store_error()?;
    stepped.map(Some)
}

async fn advance(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    turn: TurnRow<OffsetDateTime>,
    now: OffsetDateTime,
    limits: StepLimits,
) -> Result<ReplayStepped, StoreError> {
    let turn = Turn::try_from(turn)?;
    let account = turn.account(now);
    let candidates = scan::run(txn, &turn.scan(limits)).await?;
    let chosen = account.choose(&candidates, limits);
    let replayed = make(txn, &turn, &chosen).await?;
    let progress = account.close(&chosen, replayed, limits);
    sqlx::query(MOVE)
        .bind(turn.id.as_uuid())
        .bind(chosen.position)
        .bind(progress.replayed)
        .bind(progress.skipped)
        .bind(progress.paid_until)
        .bind(micros(progress.rest))
        .bind(chosen.is_last)
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    if chosen.is_last {
        operations::about_replay(txn, operator, turn.id).await?;
    }
    Ok(ReplayStepped { job: turn.id, replayed, is_finished: chosen.is_last })
}

async fn make(txn: &mut PgConnection, turn: &Turn, chosen: &Chosen) -> Result<u64, StoreError> {
    if chosen.taken.is_empty() {
        return Ok(0);
    }
    match turn.mode {
        ReplayMode::Again => write::again(txn, &chosen.taken).await,
        ReplayMode::AsNew => write::as_new(txn, &chosen.taken).await,
        ReplayMode::Missed => write::missed(txn, &chosen.taken, turn.endpoint.id()).await,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
