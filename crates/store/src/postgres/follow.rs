//! Follow: waiting deliveries take the state that their endpoint's state asks for.
//!
//! Pausing, resuming or deleting an endpoint changes one row; what waits for it, however much that
//! is, follows here in bounded steps. An accept that raced a resume is caught up with as well. A test
//! is held by nothing.

use super::error::StoreResultExt as _;
use super::{PgStore, ordering};
use crate::error::StoreError;

/// Due times of deliveries that are resumed keep the order in which they were accepted.
pub(super) const RESUME: &str = "
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id FROM deliveries WHERE state = 'held' ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d
                WHERE d.state = 'held' AND d.endpoint_id > waiting.endpoint_id
                ORDER BY d.endpoint_id LIMIT 1)
        FROM waiting WHERE waiting.endpoint_id IS NOT NULL
    ), chosen AS MATERIALIZED (
        SELECT h.*, e.deleted_at IS NOT NULL AS deleted
        FROM waiting
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = waiting.endpoint_id LIMIT 1) AS e
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = 'held' ORDER BY d.id LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS h
        WHERE e.deleted_at IS NOT NULL OR (e.active AND e.disabled_at IS NULL)
        LIMIT $1
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                 finished_at, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id,
           CASE WHEN deleted THEN 'dead' ELSE 'scheduled' END,
           CASE WHEN deleted THEN 'endpoint_deleted' END,
           CASE WHEN deleted THEN now() END,
           CASE WHEN NOT deleted THEN greatest(next_attempt_at, created_at) END
    FROM chosen
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, dead_reason = excluded.dead_reason,
        finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at";

pub(super) const HOLD: &str = "
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id FROM deliveries WHERE state = 'scheduled' ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d
                WHERE d.state = 'scheduled' AND d.endpoint_id > waiting.endpoint_id
                ORDER BY d.endpoint_id LIMIT 1)
        FROM waiting WHERE waiting.endpoint_id IS NOT NULL
    ), chosen AS MATERIALIZED (
        SELECT s.*, e.deleted_at IS NOT NULL AS deleted
        FROM waiting
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = waiting.endpoint_id LIMIT 1) AS e
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = 'scheduled'
              AND (e.deleted_at IS NOT NULL OR NOT d.test)
            ORDER BY d.next_attempt_at LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS s
        WHERE e.deleted_at IS NOT NULL OR NOT e.active OR e.disabled_at IS NOT NULL
        LIMIT $1
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                 finished_at, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id,
           CASE WHEN deleted THEN 'dead' ELSE 'held' END,
           CASE WHEN deleted THEN 'endpoint_deleted' END,
           CASE WHEN deleted THEN now() END,
           CASE WHEN NOT deleted THEN next_attempt_at END
    FROM chosen
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, dead_reason = excluded.dead_reason,
        finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at";

pub(super) async fn follow(store: &PgStore, limit: u32) -> Result<u64, StoreError> {
    let mut moved = 0;
    for statement in [RESUME, HOLD] {
        let done = sqlx::query(statement)
            .bind(i64::from(limit))
            .execute(&store.hot)
            .await
            .or_store_error()?;
        moved += done.rows_affected();
    }
    Ok(moved + ordering::follow(store, limit).await?)
}
