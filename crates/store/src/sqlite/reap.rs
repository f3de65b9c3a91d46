//! Reap: leases that ended with nobody to settle them.
//!
//! The token stays, so that a late success can still be written; the attempt is on record as lost,
//! which costs no step of the schedule. What was claimed alone is given up.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::statistics::{self, Recorded};
use super::{SqliteStore, operations, ordering};
use crate::error::StoreError;
use crate::ordering::Finished;
use crate::rows::reaped::ReapedRow;
use crate::work::Reaped;
use postrider_common::delivery::DeadReason;
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
        dead_reason = iif(found.state = 'dead', found.reason, NULL),
        finished_at = iif(found.state = 'dead', ?2, NULL),
        next_attempt_at = iif(found.state <> 'dead', ?2, NULL)
    FROM (
        SELECT d.id AS found_id,
               iif(e.deleted_at IS NOT NULL, 'endpoint_deleted', 'poison') AS reason,
               CASE WHEN e.deleted_at IS NOT NULL OR d.alone_token = d.lease_token THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state
        FROM json_each(?1) AS expired
        CROSS JOIN deliveries d ON d.id = unhex(expired.value, '-')
        CROSS JOIN endpoints e ON e.id = d.endpoint_id
    ) AS found
    WHERE id = found.found_id
    RETURNING id, endpoint_id, ordering_key, attempts, dead_reason";

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
    if expired.is_empty() {
        return Ok(Vec::new());
    }
    let ids = json(&expired.iter().map(|row| row.id).collect::<Vec<_>>())?;
    let log = sqlx::query(LOG).bind(&ids).bind(now);
    log.execute(txn.connection()).await.or_store_error()?;
    let write = sqlx::query_as(WRITE).bind(&ids).bind(now);
    let rows: Vec<ReapedRow<u32>> = write.fetch_all(txn.connection()).await.or_store_error()?;
    statistics::add(&mut txn, expired.iter().map(ExpiredRow::recorded)).await?;

    let poison: Vec<&Finished> = rows.iter().filter_map(ReapedRow::poisoned).collect();
    ordering::advance(&mut txn, poison.iter().filter_map(|one| one.place())).await?;
    let (operator, ids) = (store.operator.as_ref(), poison.iter().map(|one| one.id));
    operations::about_deaths(&mut txn, operator, DeadReason::Poison, ids).await?;
    txn.commit().await?;
    Ok(rows.into_iter().map(ReapedRow::into_reaped).collect())
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
