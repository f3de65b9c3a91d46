//! Giving back: `queued` deliveries that nobody takes now. Claims are `defer`'s.

use super::error::StoreResultExt as _;
use super::{PgStore, by_id};
use crate::error::StoreError;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use std::time::Duration;

pub(super) const REFUSE: &str = "
    WITH locked AS MATERIALIZED (
        SELECT d.* FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries WHERE id = given.id AND state = $3 FOR UPDATE SKIP LOCKED
        ) AS d
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'scheduled', coalesce(next_attempt_at, now())
        FROM locked
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at, queued_at = NULL
    ), paused AS (
        INSERT INTO endpoint_flow (endpoint_id, feed_after)
        SELECT DISTINCT endpoint_id, now() + make_interval(secs => $2) FROM locked
        ORDER BY endpoint_id
        ON CONFLICT (endpoint_id) DO UPDATE SET feed_after = excluded.feed_after
    ), backlogged AS (
        INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
        SELECT DISTINCT endpoint_id, tenant_id FROM locked ORDER BY endpoint_id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM locked";

/// Due after `$3` seconds, or else when it was.
pub(super) const UNQUEUE: &str = "
    WITH locked AS MATERIALIZED (
        SELECT d.* FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries WHERE id = given.id AND state = $2 FOR UPDATE SKIP LOCKED
        ) AS d
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id, 'scheduled',
           coalesce(now() + make_interval(secs => $3), next_attempt_at, now())
    FROM locked
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, next_attempt_at = excluded.next_attempt_at, queued_at = NULL";

/// `queued` → `scheduled` at the time it had; its endpoint is backlogged, and fed nothing for a while.
pub(super) async fn refuse(
    store: &PgStore,
    ids: &[DeliveryId],
    pause: Duration,
) -> Result<u64, StoreError> {
    let refused: i64 = sqlx::query_scalar(REFUSE)
        .bind(by_id::sorted(ids))
        .bind(pause.as_secs_f64())
        .bind(DeliveryState::Queued.as_str())
        .fetch_one(&store.hot)
        .await
        .or_store_error()?;
    Ok(u64::try_from(refused).unwrap_or_default())
}

/// `queued` → `scheduled` for after `delay`.
pub(super) async fn postpone(
    store: &PgStore,
    ids: &[DeliveryId],
    delay: Duration,
) -> Result<u64, StoreError> {
    take_back(store, ids, Some(delay)).await
}

/// `queued` → `scheduled` for at once: at the time it had, which has passed, so that it keeps its place.
pub(super) async fn unqueue(store: &PgStore, ids: &[DeliveryId]) -> Result<u64, StoreError> {
    take_back(store, ids, None).await
}

async fn take_back(
    store: &PgStore,
    ids: &[DeliveryId],
    delay: Option<Duration>,
) -> Result<u64, StoreError> {
    let done = sqlx::query(UNQUEUE)
        .bind(by_id::sorted(ids))
        .bind(DeliveryState::Queued.as_str())
        .bind(delay.map(|delay| delay.as_secs_f64()))
        .execute(&store.hot)
        .await
        .or_store_error()?;
    Ok(done.rows_affected())
}
