//! A tenant's turn: the next step through its events and its keys, in one transaction, for as long as
//! which the turn is locked.

use super::rows;
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::retention::{Removed, StepSize};
use postrider_common::keeping::Days;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

/// A step holds its rows for some ten milliseconds.
const SIZE: StepSize = StepSize { rows: 500, deliveries: 1000 };
/// How long after a tenant's rows were all looked through they are looked through again.
const REST_SECONDS: f64 = 3600.0;
/// How long after a step that failed a tenant has its next turn.
const AFTER_FAILURE_SECONDS: f64 = 600.0;

/// Whatever is not older than a day that is kept as a whole is kept.
pub(in crate::postgres) const TURN: &str = "
    SELECT r.tenant_id, r.events_after, r.keys_after,
           uuid_floor((now() AT TIME ZONE 'UTC')::date - t.days) AS events_before,
           uuid_floor((now() AT TIME ZONE 'UTC')::date - greatest(t.days, $2)) AS keys_before,
           now() - make_interval(days => greatest(t.days, $2)) AS keys_since
    FROM (
        SELECT * FROM retention_turns WHERE next_at <= now() ORDER BY next_at LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS r
    CROSS JOIN LATERAL (
        SELECT coalesce(retention_days, $1) AS days FROM tenants WHERE id = r.tenant_id LIMIT 1
    ) AS t";

const MOVE: &str = "
    UPDATE retention_turns SET events_after = $2, keys_after = $3,
                               next_at = now() + make_interval(secs => $4)
    WHERE tenant_id = $1";

/// A step that fails must not keep its tenant before the others.
const POSTPONE: &str = "
    UPDATE retention_turns SET next_at = now() + make_interval(secs => $2) WHERE tenant_id = $1";

/// Tenants that never had a turn.
const ENROL: &str = "
    INSERT INTO retention_turns (tenant_id, events_after, keys_after, next_at)
    SELECT id, $1, $1, now() FROM tenants t
    WHERE NOT EXISTS (SELECT FROM retention_turns r WHERE r.tenant_id = t.id)
    ON CONFLICT DO NOTHING";

/// Whose turn it is, where it goes on, and where it ends.
#[derive(Debug, FromRow)]
pub(super) struct Turn {
    pub(super) tenant_id: String,
    pub(super) events_after: Uuid,
    pub(super) events_before: Uuid,
    pub(super) keys_after: Uuid,
    pub(super) keys_before: Uuid,
    /// Keys that were made later stay.
    pub(super) keys_since: OffsetDateTime,
}

pub(super) async fn take(store: &PgStore, usual: Days) -> Result<Option<Removed>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let turn = sqlx::query_as(TURN)
        .bind(i32::from(usual.get()))
        .bind(i32::from(Days::USUAL.get()))
        .fetch_optional(&mut *txn)
        .await
        .or_store_error()?;
    let Some(turn): Option<Turn> = turn else {
        return enrol(store).await;
    };
    let removed = step(&mut txn, &turn).await;
    if removed.is_err() {
        txn.rollback().await.or_store_error()?;
        let postpone = sqlx::query(POSTPONE).bind(&turn.tenant_id).bind(AFTER_FAILURE_SECONDS);
        postpone.execute(&store.hot).await.or_store_error()?;
        return removed.map(Some);
    }
    txn.commit().await.or_store_error()?;
    removed.map(Some)
}

async fn step(txn: &mut PgConnection, turn: &Turn) -> Result<Removed, StoreError> {
    let (rows, events) = rows::remove_events(txn, turn, SIZE).await?;
    let (keys, key_position) = rows::remove_keys(txn, turn, SIZE).await?;
    let is_over = events.is_last && key_position.is_last;
    let events_after = events.position.unwrap_or(turn.events_after);
    let keys_after = key_position.position.unwrap_or(turn.keys_after);
    sqlx::query(MOVE)
        .bind(&turn.tenant_id)
        .bind(if is_over { Uuid::nil() } else { events_after })
        .bind(if is_over { Uuid::nil() } else { keys_after })
        .bind(if is_over { REST_SECONDS } else { 0.0 })
        .execute(txn)
        .await
        .or_store_error()?;
    Ok(Removed { keys, ..rows })
}

/// Gives a step that removed nothing if there is a new tenant, whose turn it is now.
async fn enrol(store: &PgStore) -> Result<Option<Removed>, StoreError> {
    let enrol = sqlx::query(ENROL).bind(Uuid::nil());
    let enrolled = enrol.execute(&store.log).await.or_store_error()?.rows_affected();
    Ok((enrolled > 0).then(Removed::default))
}
