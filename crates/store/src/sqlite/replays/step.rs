//! A step of a replay: one transaction, beside which nobody writes.

use super::{scan, write};
use crate::error::StoreError;
use crate::replays::step::{Chosen, Turn};
use crate::replays::{ReplayMode, ReplayStepped, StepLimits};
use crate::rows::replay::TurnRow;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use crate::sqlite::{SqliteStore, operations};
use postrider_common::crash_point::crash_point;
use postrider_common::tenant::TenantId;
use std::time::Duration;
use uuid::Uuid;

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
    let Some(turn) = turn else {
        return Ok(None);
    };
    let id = turn.id;
    let stepped = advance(&mut txn, store.operator.as_ref(), turn, limits).await;
    if stepped.is_err() {
        drop(txn);
        postpone(store, id).await?;
        return stepped.map(Some);
    }
    crash_point("replay::written");
    txn.commit().await?;
    stepped.map(Some)
}

async fn postpone(store: &SqliteStore, job: Uuid) -> Result<(), StoreError> {
    let mut txn = store.writer.begin().await?;
    let later = txn.now().after(AFTER_FAILURE);
    let postpone = sqlx::query(POSTPONE).bind(job).bind(later);
    postpone.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await
}

async fn advance(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    turn: TurnRow<Micros>,
    limits: StepLimits,
) -> Result<ReplayStepped, StoreError> {
    let (turn, now) = (Turn::try_from(turn)?, txn.now());
    let account = turn.account(now.try_into()?);
    let candidates = scan::run(txn.connection(), &turn.scan(limits)).await?;
    let chosen = account.choose(&candidates, limits);
    let replayed = make(txn, &turn, &chosen).await?;
    let progress = account.close(&chosen, replayed, limits);
    sqlx::query(MOVE)
        .bind(turn.id.as_uuid())
        .bind(chosen.position)
        .bind(progress.replayed)
        .bind(progress.skipped)
        .bind(Micros::from(progress.paid_until))
        .bind(now.after(progress.rest))
        .bind(chosen.is_last)
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    if chosen.is_last {
        operations::about_replay(txn, operator, turn.id).await?;
    }
    Ok(ReplayStepped { job: turn.id, replayed, is_finished: chosen.is_last })
}

async fn make(txn: &mut WriteTxn, turn: &Turn, chosen: &Chosen) -> Result<u64, StoreError> {
    if chosen.taken.is_empty() {
        return Ok(0);
    }
    match turn.mode {
        ReplayMode::Again => write::again(txn, &chosen.taken).await,
        ReplayMode::AsNew => write::as_new(txn, &chosen.taken).await,
        ReplayMode::Missed => write::missed(txn, &chosen.taken, turn.endpoint.id()).await,
    }
}
