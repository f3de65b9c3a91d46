//! Lost messages: `queued` deliveries that no message names any more.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::{LostRule, WorkQueue};
use std::time::Duration;

pub(super) const REQUEUE: &str = "
    WITH lost AS MATERIALIZED (
        SELECT * FROM deliveries
        WHERE state = 'queued' AND queued_at < now() - make_interval(secs => $1)
          AND (attempts = 0) = $2
        ORDER BY queued_at LIMIT $3
        FOR UPDATE SKIP LOCKED
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id, 'scheduled', now() FROM lost
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, next_attempt_at = excluded.next_attempt_at, queued_at = NULL";

pub(super) const COUNT: &str = "
    SELECT count(*) FROM deliveries
    WHERE state = 'queued' AND queued_at < now() - make_interval(secs => $1)
      AND (attempts = 0) = $2";

/// `queued` → `scheduled` for at once, the oldest first.
pub(super) async fn requeue(store: &PgStore, rule: LostRule) -> Result<u64, StoreError> {
    let done = sqlx::query(REQUEUE)
        .bind(rule.older_than.as_secs_f64())
        .bind(rule.queue == WorkQueue::First)
        .bind(i64::from(rule.limit))
        .execute(&store.hot)
        .await
        .or_store_error()?;
    Ok(done.rows_affected())
}

/// How many deliveries of a queue have been `queued` for longer.
pub(super) async fn count(
    store: &PgStore,
    queue: WorkQueue,
    older_than: Duration,
) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(COUNT)
        .bind(older_than.as_secs_f64())
        .bind(queue == WorkQueue::First)
        .fetch_one(&store.hot)
        .await
        .or_store_error()?;
    Ok(u64::try_from(count).unwrap_or_default())
}
