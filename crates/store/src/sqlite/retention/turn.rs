//! A tenant's turn: the next step through its events and its keys, in one short transaction.

use super::rows;
use crate::error::StoreError;
use crate::retention::{Removed, StepSize};
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::keeping::Days;
use sqlx::FromRow;
use std::time::Duration;
use uuid::Uuid;

/// Whoever else writes waits for some milliseconds.
const SIZE: StepSize = StepSize { rows: 100, deliveries: 200 };
/// How long after a tenant's rows were all looked through they are looked through again.
const REST: Duration = Duration::from_hours(1);
/// How long after a step that failed a tenant has its next turn.
const AFTER_FAILURE: Duration = Duration::from_mins(10);

/// The smallest UUIDv7 of the day that was so many days ago, in UTC. `?1` is now in microseconds.
macro_rules! floor {
    ($days:literal) => {
        concat!(
            "unhex(printf('%012x', (?1 / 86400000000 - ",
            $days,
            ") * 86400000) || '00000000000000000000')"
        )
    };
}

/// Whatever is not older than a day that is kept as a whole is kept.
pub(in crate::sqlite) const TURN: &str = concat!(
    "
    SELECT r.tenant_id, r.events_after, r.keys_after, ",
    floor!("coalesce(t.retention_days, ?2)"),
    " AS events_before, ",
    floor!("max(coalesce(t.retention_days, ?2), ?3)"),
    " AS keys_before,
           ?1 - max(coalesce(t.retention_days, ?2), ?3) * 86400000000 AS keys_since
    FROM retention_turns r CROSS JOIN tenants t ON t.id = r.tenant_id
    WHERE r.next_at <= ?1 ORDER BY r.next_at LIMIT 1"
);

const MOVE: &str = "
    UPDATE retention_turns SET events_after = ?2, keys_after = ?3, next_at = ?4
    WHERE tenant_id = ?1";

/// A step that fails must not keep its tenant before the others.
const POSTPONE: &str = "UPDATE retention_turns SET next_at = ?2 WHERE tenant_id = ?1";

/// Tenants that never had a turn.
const ENROL: &str = "
    INSERT INTO retention_turns (tenant_id, events_after, keys_after, next_at)
    SELECT id, ?1, ?1, ?2 FROM tenants
    WHERE id NOT IN (SELECT tenant_id FROM retention_turns)";

/// Whose turn it is, where it goes on, and where it ends.
#[derive(Debug, FromRow)]
pub(super) struct Turn {
    pub(super) tenant_id: String,
    pub(super) events_after: Uuid,
    pub(super) events_before: Uuid,
    pub(super) keys_after: Uuid,
    pub(super) keys_before: Uuid,
    /// Keys that were made later stay.
    pub(super) keys_since: Micros,
}

pub(super) async fn take(store: &SqliteStore, usual: Days) -> Result<Option<Removed>, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let turn = sqlx::query_as(TURN)
        .bind(now)
        .bind(usual.get())
        .bind(Days::USUAL.get())
        .fetch_optional(txn.connection())
        .await
        .or_store_error()?;
    let Some(turn): Option<Turn> = turn else {
        return enrol(txn).await;
    };
    let removed = step(&mut txn, &turn).await;
    if removed.is_err() {
        drop(txn);
        postpone(store, &turn.tenant_id).await?;
        return removed.map(Some);
    }
    txn.commit().await?;
    removed.map(Some)
}

async fn postpone(store: &SqliteStore, tenant: &str) -> Result<(), StoreError> {
    let mut txn = store.writer.begin().await?;
    let later = txn.now().after(AFTER_FAILURE);
    let postpone = sqlx::query(POSTPONE).bind(tenant).bind(later);
    postpone.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await
}

async fn step(txn: &mut WriteTxn, turn: &Turn) -> Result<Removed, StoreError> {
    let (rows, events) = rows::remove_events(txn, turn, SIZE).await?;
    let (keys, key_position) = rows::remove_keys(txn, turn, SIZE).await?;
    let now = txn.now();
    let is_over = events.is_last && key_position.is_last;
    let events_after = events.position.unwrap_or(turn.events_after);
    let keys_after = key_position.position.unwrap_or(turn.keys_after);
    sqlx::query(MOVE)
        .bind(&turn.tenant_id)
        .bind(if is_over { Uuid::nil() } else { events_after })
        .bind(if is_over { Uuid::nil() } else { keys_after })
        .bind(if is_over { now.after(REST) } else { now })
        .execute(txn.connection())
        .await
        .or_store_error()?;
    Ok(Removed { keys, ..rows })
}

/// Gives a step that removed nothing if there is a new tenant, whose turn it is now.
async fn enrol(mut txn: WriteTxn) -> Result<Option<Removed>, StoreError> {
    let enrol = sqlx::query(ENROL).bind(Uuid::nil()).bind(txn.now());
    let enrolled = enrol.execute(txn.connection()).await.or_store_error()?.rows_affected();
    txn.commit().await?;
    Ok((enrolled > 0).then(Removed::default))
}
