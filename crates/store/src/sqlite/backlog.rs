//! Backlog: for how long the oldest deliveries have waited.
//!
//! A loose index scan finds the endpoints that have `scheduled` deliveries, as the feeder's does, and
//! probes the first of each whose breaker is closed; one probe more finds the oldest `queued` one.

use super::SqliteStore;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::waiting::endpoints_with;
use crate::error::StoreError;
use crate::work::Backlog;

pub(super) const BACKLOG: &str = concat!(
    endpoints_with!("scheduled"),
    "
    SELECT (SELECT min((SELECT o.next_attempt_at FROM deliveries o
                        WHERE o.endpoint_id = waiting.endpoint_id AND o.state = 'scheduled'
                          AND o.next_attempt_at <= ?1
                          AND (SELECT b.state <> 'closed' FROM endpoint_breaker b
                               WHERE b.endpoint_id = waiting.endpoint_id) IS NOT TRUE
                        ORDER BY o.next_attempt_at LIMIT 1))
            FROM waiting),
           (SELECT queued_at FROM deliveries WHERE state = 'queued' AND queued_at <= ?1
            ORDER BY queued_at LIMIT 1)"
);

pub(super) async fn backlog(store: &SqliteStore) -> Result<Backlog, StoreError> {
    let mut reader = store.readers.acquire().await.or_store_error()?;
    let now = store.clock.now(&mut reader).await?;
    let (due, queued): (Option<Micros>, Option<Micros>) =
        sqlx::query_as(BACKLOG).bind(now).fetch_one(&mut *reader).await.or_store_error()?;
    let age = |since: Micros| now.since(since);
    Ok(Backlog { oldest_due: due.map(age), oldest_queued: queued.map(age) })
}
