//! Reap: leases that ended with nobody to settle them.
//!
//! The token stays, so that a late success can still be written; the attempt is on record as lost,
//! which costs no step of the schedule.

use super::SqliteStore;
use super::batch::json;
use super::error::StoreResultExt as _;
use super::statistics::{self, Recorded};
use crate::error::StoreError;
use crate::work::Reaped;
use postrider_common::id::DeliveryId;
use sqlx::FromRow;
use uuid::Uuid;

pub(super) const FIND: &str = "
    SELECT id, attempts, claimed_at FROM deliveries WHERE state = 'in_flight' AND lease_until < ?1
    ORDER BY lease_until LIMIT ?2";

pub(super) const LOG: &str = "
    INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, failure,
                          url, contract, request_headers)
    SELECT d.id, d.attempts, d.round, d.tenant_id, d.claimed_at, max(?2 - d.claimed_at, 0), 'lost',
           e.url, coalesce(e.own_contract, t.contract), '[]'
    FROM json_each(?1) AS expired
    CROSS JOIN deliveries d ON d.id = unhex(expired.value, '-')
    CROSS JOIN endpoints e ON e.id = d.endpoint_id
    CROSS JOIN tenants t ON t.id = d.tenant_id
    WHERE true
    ON CONFLICT (delivery_id, number) DO NOTHING";

pub(super) const WRITE: &str = "
    UPDATE deliveries SET
        state = found.state, lease_until = NULL, losses = losses + 1, last_status = NULL,
        last_failure = 'lost',
        dead_reason = iif(found.state = 'dead', 'endpoint_deleted', NULL),
        finished_at = iif(found.state = 'dead', ?2, NULL),
        next_attempt_at = iif(found.state <> 'dead', ?2, NULL)
    FROM (
        SELECT d.id AS found_id,
               CASE WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state
        FROM json_each(?1) AS expired
        CROSS JOIN deliveries d ON d.id = unhex(expired.value, '-')
        CROSS JOIN endpoints e ON e.id = d.endpoint_id
    ) AS found
    WHERE id = found.found_id";

#[derive(FromRow)]
struct ExpiredRow {
    id: Uuid,
    attempts: u32,
    claimed_at: i64,
}

pub(super) async fn reap(store: &SqliteStore, limit: u32) -> Result<Vec<Reaped>, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let find = sqlx::query_as(FIND).bind(now).bind(limit);
    let expired: Vec<ExpiredRow> = find.fetch_all(txn.connection()).await.or_store_error()?;
    let ids = json(&expired.iter().map(|row| row.id).collect::<Vec<_>>())?;
    for statement in [LOG, WRITE] {
        let write = sqlx::query(statement).bind(&ids).bind(now);
        write.execute(txn.connection()).await.or_store_error()?;
    }
    statistics::add(&mut txn, expired.iter().map(ExpiredRow::recorded)).await?;
    txn.commit().await?;
    let reaped = |row: ExpiredRow| {
        let delivery = DeliveryId::from_uuid(row.id);
        Reaped { delivery, attempt: row.attempts }
    };
    Ok(expired.into_iter().map(reaped).collect())
}

impl ExpiredRow {
    fn recorded(&self) -> Recorded {
        Recorded {
            delivery: self.id,
            is_first: self.attempts == 1,
            was_dead: false,
            started_at: Some(self.claimed_at),
        }
    }
}
