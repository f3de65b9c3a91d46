//! Reap: leases that ended with nobody to settle them.
//!
//! The token stays, so that a late success can still be written; the attempt is on record as lost,
//! which costs no step of the schedule. What was claimed alone is given up.

use super::error::StoreResultExt as _;
use super::{PgStore, operations, ordering, statistics};
use crate::error::StoreError;
use crate::ordering::Finished;
use crate::rows::reaped::ReapedRow;
use crate::work::Reaped;
use postrider_common::delivery::DeadReason;

pub(super) const REAP: &str = concat!(
    "
    WITH expired AS MATERIALIZED (
        SELECT * FROM deliveries
        WHERE state = 'in_flight' AND lease_until < now()
        ORDER BY lease_until LIMIT $1
        FOR UPDATE SKIP LOCKED
    ), found AS MATERIALIZED (
        SELECT d.*, e.url,
               coalesce(e.own_contract, (SELECT contract FROM tenants t WHERE t.id = d.tenant_id))
                   AS contract,
               CASE WHEN e.deleted_at IS NOT NULL THEN 'endpoint_deleted' ELSE 'poison' END AS reason,
               CASE WHEN e.deleted_at IS NOT NULL OR d.alone_token = d.lease_token THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state_after
        FROM expired d
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = d.endpoint_id LIMIT 1) AS e
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, state_after,
               CASE WHEN state_after = 'dead' THEN reason END,
               CASE WHEN state_after = 'dead' THEN now() END,
               CASE WHEN state_after <> 'dead' THEN now() END
        FROM found
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, dead_reason = excluded.dead_reason,
            finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at,
            lease_until = NULL, losses = d.losses + 1, last_status = NULL, last_failure = 'lost'
    ), logged AS (
        INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us,
                              failure, url, contract, request_headers)
        SELECT id, attempts, round, tenant_id, claimed_at,
               greatest(extract(epoch FROM now() - claimed_at) * 1000000, 0)::bigint,
               'lost', url, contract, '[]'
        FROM found
        ON CONFLICT (delivery_id, number) DO NOTHING
    ), counted AS (
        SELECT endpoint_id, count(*) FILTER (WHERE attempts = 1) AS attempted,
               count(*) FILTER (WHERE state_after = 'dead') AS dead,
               max(claimed_at) AS last_attempt_at
        FROM found WHERE NOT test GROUP BY endpoint_id
    ), added AS (",
    statistics::add!(),
    ")
    SELECT id, endpoint_id, ordering_key, attempts,
           CASE WHEN state_after = 'dead' THEN reason END AS dead_reason
    FROM found"
);

pub(super) async fn reap(store: &PgStore, limit: u32) -> Result<Vec<Reaped>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let reap = sqlx::query_as(REAP).bind(i64::from(limit));
    let rows: Vec<ReapedRow<i32>> = reap.fetch_all(&mut *txn).await.or_store_error()?;
    let poison: Vec<&Finished> = rows.iter().filter_map(ReapedRow::poisoned).collect();
    ordering::advance(&mut txn, poison.iter().filter_map(|one| one.place())).await?;
    let (operator, ids) = (store.operator.as_ref(), poison.iter().map(|one| one.id));
    operations::about_deaths(&mut txn, operator, DeadReason::Poison, ids).await?;
    txn.commit().await.or_store_error()?;
    Ok(rows.into_iter().map(ReapedRow::into_reaped).collect())
}
