//! Reap: leases that ended with nobody to settle them.
//!
//! The token stays, so that a late success can still be written; the attempt is on record as lost,
//! which costs no step of the schedule.

use super::error::StoreResultExt as _;
use super::{PgStore, statistics};
use crate::error::StoreError;
use crate::work::Reaped;
use postrider_common::id::DeliveryId;
use sqlx::FromRow;
use uuid::Uuid;

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
               CASE WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state_after
        FROM expired d
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = d.endpoint_id LIMIT 1) AS e
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, state_after,
               CASE WHEN state_after = 'dead' THEN 'endpoint_deleted' END,
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
    SELECT id, attempts FROM found"
);

#[derive(FromRow)]
struct ReapedRow {
    id: Uuid,
    attempts: i32,
}

pub(super) async fn reap(store: &PgStore, limit: u32) -> Result<Vec<Reaped>, StoreError> {
    let rows: Vec<ReapedRow> =
        sqlx::query_as(REAP).bind(i64::from(limit)).fetch_all(&store.hot).await.or_store_error()?;
    let reaped = |row: ReapedRow| Reaped {
        delivery: DeliveryId::from_uuid(row.id),
        attempt: u32::try_from(row.attempts).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(reaped).collect())
}
