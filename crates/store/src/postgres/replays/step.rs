//! A step of a replay: one transaction, for as long as which the job's row is locked.

use super::scan::Scan;
use super::write;
use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, operations};
use crate::replays::step::{Account, Chosen};
use crate::replays::{ReplayMode, ReplayStepped, StepLimits};
use crate::rows::replay::TurnRow;
use crate::selection::Purpose;
use postrider_common::crash_point::crash_point;
use postrider_common::id::ReplayId;
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
struct Turn {
    #[sqlx(flatten)]
    job: TurnRow<OffsetDateTime>,
    now: OffsetDateTime,
}

pub(super) async fn step(
    store: &PgStore,
    limits: StepLimits,
) -> Result<Option<ReplayStepped>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let turn: Option<Turn> =
        sqlx::query_as(TURN).fetch_optional(&mut *txn).await.or_store_error()?;
    let Some(Turn { job, now }) = turn else {
        return Ok(None);
    };
    let stepped = advance(&mut txn, &job, now, limits).await;
    if stepped.is_err() {
        txn.rollback().await.or_store_error()?;
        sqlx::query(POSTPONE).bind(job.id).execute(&store.hot).await.or_store_error()?;
        return stepped.map(Some);
    }
    if let Ok(ReplayStepped { job, is_finished: true, .. }) = &stepped {
        operations::about_replay(&mut txn, store.operator.as_ref(), *job).await?;
    }
    crash_point("replay::written");
    txn.commit().await.or_store_error()?;
    stepped.map(Some)
}

async fn advance(
    txn: &mut PgConnection,
    job: &TurnRow<OffsetDateTime>,
    now: OffsetDateTime,
    limits: StepLimits,
) -> Result<ReplayStepped, StoreError> {
    let account = Account::open(job.rate()?, job.paid_until, now);
    let chosen = choose(txn, job, account, limits).await?;
    let replayed = make(txn, job, &chosen).await?;

    let rest = account.rest(chosen.taken.len(), limits);
    let changed_meanwhile = (chosen.taken.len() as u64).saturating_sub(replayed);
    let skipped = chosen.skipped + changed_meanwhile;
    sqlx::query(MOVE)
        .bind(job.id)
        .bind(chosen.position)
        .bind(i64::try_from(replayed).unwrap_or(i64::MAX))
        .bind(i64::try_from(skipped).unwrap_or(i64::MAX))
        .bind(account.paid_until(chosen.taken.len()))
        .bind(micros(rest))
        .bind(chosen.is_last)
        .execute(txn)
        .await
        .or_store_error()?;
    let (job, is_finished) = (ReplayId::from_uuid(job.id), chosen.is_last);
    Ok(ReplayStepped { job, replayed, is_finished })
}

async fn choose(
    txn: &mut PgConnection,
    job: &TurnRow<OffsetDateTime>,
    account: Account,
    limits: StepLimits,
) -> Result<Chosen, StoreError> {
    let selection = job.selection()?;
    let (_, last) = selection.ids(job.created_at);
    let scan = Scan {
        mode: job.mode()?,
        purpose: Purpose::Replay,
        tenant: &job.tenant_id,
        endpoint: job.endpoint_id,
        selection: &selection,
        ids: (job.position, last),
        by: job.created_at,
        limit: limits.scan,
    };
    let candidates = scan.run(txn).await?;
    Ok(account.choose(&candidates, limits))
}

async fn make(
    txn: &mut PgConnection,
    job: &TurnRow<OffsetDateTime>,
    chosen: &Chosen,
) -> Result<u64, StoreError> {
    if chosen.taken.is_empty() {
        return Ok(0);
    }
    match job.mode()? {
        ReplayMode::Again => write::again(txn, &chosen.taken).await,
        ReplayMode::AsNew => write::as_new(txn, &chosen.taken).await,
        ReplayMode::Missed => write::missed(txn, &chosen.taken, job.endpoint_id).await,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
