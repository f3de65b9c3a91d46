//! Lost messages: `queued` deliveries that no message names any more.

use super::SqliteStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::{LostRule, WorkQueue};
use std::time::Duration;

pub(super) const REQUEUE: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = ?1, queued_at = NULL
    WHERE id IN (SELECT id FROM deliveries
                 WHERE state = 'queued' AND queued_at < ?2 AND (attempts = 0) = ?3
                 ORDER BY queued_at LIMIT ?4)";

pub(super) const COUNT: &str = "
    SELECT count(*) FROM deliveries
    WHERE state = 'queued' AND queued_at < ?1 AND (attempts = 0) = ?2";

/// `queued` → `scheduled` for at once, the oldest first.
pub(super) async fn requeue(store: &SqliteStore, rule: LostRule) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let done = sqlx::query(REQUEUE)
        .bind(now)
        .bind(now.before(rule.older_than))
        .bind(rule.queue == WorkQueue::First)
        .bind(rule.limit)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    txn.commit().await?;
    Ok(done.rows_affected())
}

/// How many deliveries of a queue have been `queued` for longer.
pub(super) async fn count(
    store: &SqliteStore,
    queue: WorkQueue,
    older_than: Duration,
) -> Result<u64, StoreError> {
    let mut reader = store.readers.acquire().await.or_store_error()?;
    let now = store.clock.now(&mut reader).await?;
    let count: i64 = sqlx::query_scalar(COUNT)
        .bind(now.before(older_than))
        .bind(queue == WorkQueue::First)
        .fetch_one(&mut *reader)
        .await
        .or_store_error()?;
    Ok(u64::try_from(count).unwrap_or_default())
}
