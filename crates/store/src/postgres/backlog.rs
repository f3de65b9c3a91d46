//! Backlog: for how long the oldest deliveries have waited.
//!
//! A loose index scan finds the endpoints that have `scheduled` deliveries, as the feeder's does and in the
//! same partitions, and probes the first of each whose breaker is closed; one probe more of each partition
//! finds the oldest `queued` one.

use super::PgStore;
use super::error::StoreResultExt as _;
use super::waiting::endpoints_with;
use super::window::{self, Ids};
use crate::error::StoreError;
use crate::work::Backlog;
use std::time::Duration;

pub(super) const BACKLOG: &str = concat!(
    endpoints_with!("scheduled", "id >= $1 AND id < $2"),
    ", due AS (
        SELECT min(first.next_attempt_at) AS since
        FROM waiting CROSS JOIN LATERAL (
            SELECT o.next_attempt_at FROM deliveries o
            WHERE o.endpoint_id = waiting.endpoint_id AND o.state = 'scheduled'
              AND o.next_attempt_at <= now() AND o.id >= $1 AND o.id < $2
              AND (SELECT b.state <> 'closed' FROM endpoint_breaker b
                   WHERE b.endpoint_id = waiting.endpoint_id) IS NOT TRUE
            ORDER BY o.next_attempt_at LIMIT 1
        ) AS first
    )
    SELECT extract(epoch FROM now() - (SELECT since FROM due))::float8,
           extract(epoch FROM now() - (SELECT queued_at FROM deliveries
                                       WHERE state = 'queued' AND queued_at <= now()
                                       ORDER BY queued_at LIMIT 1))::float8"
);

pub(super) async fn backlog(store: &PgStore) -> Result<Backlog, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    window::by_indexes(&mut txn).await?;
    let Ids { from, until } = window::feeding(&mut txn).await?.due;
    let backlog = sqlx::query_as(BACKLOG).bind(from).bind(until);
    let (due, queued): (Option<f64>, Option<f64>) =
        backlog.fetch_one(&mut *txn).await.or_store_error()?;
    txn.commit().await.or_store_error()?;
    let age = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(Backlog { oldest_due: due.map(age), oldest_queued: queued.map(age) })
}
