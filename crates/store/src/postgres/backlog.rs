//! Backlog: for how long the oldest deliveries have waited.
//!
//! A loose index scan finds the endpoints that have `scheduled` deliveries, as the feeder's does, and
//! probes the first of each whose breaker is closed; one probe more finds the oldest `queued` one.

use super::PgStore;
use super::error::StoreResultExt as _;
use super::waiting::endpoints_with;
use crate::error::StoreError;
use crate::work::Backlog;
use std::time::Duration;

pub(super) const BACKLOG: &str = concat!(
    endpoints_with!("scheduled"),
    ", due AS (
        SELECT min(first.next_attempt_at) AS since
        FROM waiting CROSS JOIN LATERAL (
            SELECT o.next_attempt_at FROM deliveries o
            WHERE o.endpoint_id = waiting.endpoint_id AND o.state = 'scheduled'
              AND o.next_attempt_at <= now()
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
    let (due, queued): (Option<f64>, Option<f64>) =
        sqlx::query_as(BACKLOG).fetch_one(&store.hot).await.or_store_error()?;
    let age = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(Backlog { oldest_due: due.map(age), oldest_queued: queued.map(age) })
}
