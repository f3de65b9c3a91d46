//! Probe: a held delivery of each endpoint that is switched off and is to be probed becomes `queued`.
//! Rows that somebody else holds locked are left alone, so that this waits for nobody.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::probing::{Probed, Probing};
use crate::rows::probe::{ProbeRow, probed};
use async_trait::async_trait;
use postrider_common::delivery::DeliveryState;
use postrider_common::probing::NOT_SENT;
use uuid::Uuid;

pub(super) const FIND: &str = "
    SELECT e.id AS endpoint_id, e.tenant_id, e.probes, held.id, held.attempts
    FROM (
        SELECT * FROM endpoints
        WHERE auto_enable AND active AND disabled_reason = 'exhausted' AND deleted_at IS NULL
          AND coalesce(probe_at, disabled_at) <= now()
        ORDER BY coalesce(probe_at, disabled_at) LIMIT $1
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS e
    LEFT JOIN LATERAL (
        SELECT id, attempts FROM deliveries
        WHERE endpoint_id = e.id AND state = 'held'
          AND coalesce(next_attempt_at, created_at) <= now()
        ORDER BY id LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS held ON true";

/// A join would leave the planner a choice.
pub(super) const NOTE: &str = "
    UPDATE endpoints e
    SET probe_at = now() + make_interval(secs => ($3::float8[])[array_position($1::uuid[], e.id)]),
        probes = e.probes + (($2::uuid[])[array_position($1::uuid[], e.id)] IS NOT NULL)::int,
        probe_delivery = coalesce(($2::uuid[])[array_position($1::uuid[], e.id)], e.probe_delivery)
    WHERE e.id = ANY ($1::uuid[])";

pub(super) const QUEUE: &str = "
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, queued_at)
    SELECT h.id, h.tenant_id, h.event_id, h.endpoint_id, 'queued', now()
    FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (
        SELECT * FROM deliveries WHERE id = given.id AND state = $2 FOR UPDATE
    ) AS h
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, queued_at = excluded.queued_at";

/// Whoever holds an endpoint's row changes it: that goes before this.
pub(super) const TAKE_BACK: &str = "
    UPDATE endpoints
    SET probe_at = least(probe_at, now() + make_interval(secs => $3)),
        probes = greatest(probes - 1, 0), probe_delivery = NULL
    WHERE id = ANY (ARRAY(
        SELECT e.id FROM unnest($1::uuid[], $2::uuid[]) AS held (endpoint_id, id)
        CROSS JOIN LATERAL (
            SELECT id FROM endpoints
            WHERE id = held.endpoint_id AND probe_delivery = held.id AND disabled_reason = 'exhausted'
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        ) AS e))";

#[async_trait]
impl Probing for PgStore {
    async fn deliveries_probe(&self, limit: u32) -> Result<Probed, StoreError> {
        let mut txn = self.hot.begin().await.or_store_error()?;
        let find = sqlx::query_as(FIND).bind(i64::from(limit));
        let found: Vec<ProbeRow> = find.fetch_all(&mut *txn).await.or_store_error()?;
        if found.is_empty() {
            return Ok(Probed::default());
        }
        sqlx::query(NOTE)
            .bind(found.iter().map(|row| row.endpoint_id).collect::<Vec<Uuid>>())
            .bind(found.iter().map(|row| row.id).collect::<Vec<Option<Uuid>>>())
            .bind(found.iter().map(|row| row.rest().as_secs_f64()).collect::<Vec<f64>>())
            .execute(&mut *txn)
            .await
            .or_store_error()?;
        let queue = sqlx::query(QUEUE)
            .bind(found.iter().filter_map(|row| row.id).collect::<Vec<Uuid>>())
            .bind(DeliveryState::Held.as_str());
        queue.execute(&mut *txn).await.or_store_error()?;
        txn.commit().await.or_store_error()?;
        probed(found)
    }
}

/// Notes that probes were never sent, of these deliveries by endpoint: they were `scheduled` while their
/// endpoint is off, which one whose attempt is on record never is.
pub(super) async fn take_back(store: &PgStore, held: &[(Uuid, Uuid)]) -> Result<(), StoreError> {
    if held.is_empty() {
        return Ok(());
    }
    let (endpoints, ids): (Vec<Uuid>, Vec<Uuid>) = held.iter().copied().unzip();
    let take_back = sqlx::query(TAKE_BACK).bind(endpoints).bind(ids).bind(NOT_SENT.as_secs_f64());
    take_back.execute(&store.hot).await.or_store_error()?;
    Ok(())
}
