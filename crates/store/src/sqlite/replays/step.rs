//! A step of a replay: one transaction, beside which nobody writes.

use super::scan::Scan;
use super::write;
use crate::error::StoreError;
use crate::replays::step::{Account, Chosen};
use crate::replays::{ReplayMode, ReplayStepped, StepLimits};
use crate::rows::replay::TurnRow;
use crate::selection::Purpose;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use crate::sqlite::{SqliteStore, operations};
use postrider_common::crash_point::crash_point;
use postrider_common::id::ReplayId;
use std::time::Duration;
use time::OffsetDateTime;

pub(in crate::sqlite) const TURN: &str = "
    SELECT id, tenant_id, endpoint_id, position, mode, filter, rate, created_at, paid_until
    FROM replay_jobs
    WHERE state = 'running' AND next_step_at <= ?1
    ORDER BY next_step_at LIMIT 1";

pub(in crate::sqlite) const MOVE: &str = "
    UPDATE replay_jobs SET
        position = coalesce(?2, position), replayed = replayed + ?3, skipped = skipped + ?4,
        paid_until = ?5, next_step_at = ?6, updated_at = ?8,
        state = iif(?7, 'finished', state), finished_at = iif(?7, ?8, NULL)
    WHERE id = ?1";

/// A step that fails must not keep its job at the head of the queue.
const POSTPONE: &str = "UPDATE replay_jobs SET next_step_at = ?2 WHERE id = ?1";
const AFTER_FAILURE: Duration = Duration::from_secs(10);

pub(super) async fn step(
    store: &SqliteStore,
    limits: StepLimits,
) -> Result<Option<ReplayStepped>, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let turn = sqlx::query_as(TURN).bind(now).fetch_optional(txn.connection());
    let turn: Option<TurnRow<Micros>> = turn.await.or_store_error()?;
    let Some(job) = turn else {
        return Ok(None);
    };
    let stepped = advance(&mut txn, &job, limits).await;
    if stepped.is_err() {
        drop(txn);
        postpone(store, &job).await?;
        return stepped.map(Some);
    }
    if let Ok(ReplayStepped { job, is_finished: true, .. }) = &stepped {
        operations::about_replay(&mut txn, store.operator.as_ref(), *job).await?;
    }
    crash_point("replay::written");
    txn.commit().await?;
    stepped.map(Some)
}

async fn postpone(store: &SqliteStore, job: &TurnRow<Micros>) -> Result<(), StoreError> {
    let mut txn = store.writer.begin().await?;
    let later = txn.now().after(AFTER_FAILURE);
    let postpone = sqlx::query(POSTPONE).bind(job.id).bind(later);
    postpone.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await
}

async fn advance(
    txn: &mut WriteTxn,
    job: &TurnRow<Micros>,
    limits: StepLimits,
) -> Result<ReplayStepped, StoreError> {
    let now = txn.now();
    let account = Account::open(job.rate()?, job.paid_until.try_into()?, now.try_into()?);
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
        .bind(Micros::from(account.paid_until(chosen.taken.len())))
        .bind(now.after(rest))
        .bind(chosen.is_last)
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    let (job, is_finished) = (ReplayId::from_uuid(job.id), chosen.is_last);
    Ok(ReplayStepped { job, replayed, is_finished })
}

async fn choose(
    txn: &mut WriteTxn,
    job: &TurnRow<Micros>,
    account: Account,
    limits: StepLimits,
) -> Result<Chosen, StoreError> {
    let selection = job.selection()?;
    let created_at: OffsetDateTime = job.created_at.try_into()?;
    let (_, last) = selection.ids(created_at);
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
    let candidates = scan.run(txn.connection()).await?;
    Ok(account.choose(&candidates, limits))
}

async fn make(
    txn: &mut WriteTxn,
    job: &TurnRow<Micros>,
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
