//! What an endpoint's owner is told was sent to it, as part of the statements that change it.
//!
//! *Theory of operation.* One row per endpoint and shard, added to once per batch: batches that end at
//! the same time mostly come from connections of different shards, and do not wait for each other.
//! Rows are locked after the deliveries of a batch, and in the order of the endpoints, so that two
//! batches cannot deadlock: once in a transaction.

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Adds the rows of a CTE `counted` (`endpoint_id`, `attempted`, `dead`, `last_attempt_at`), one per
/// endpoint, to the statistics.
macro_rules! add {
    () => {
        "
        INSERT INTO endpoint_stats AS s (endpoint_id, shard, attempted, dead, last_attempt_at)
        SELECT endpoint_id, (pg_backend_pid() % 8)::smallint, attempted, dead, last_attempt_at
        FROM counted ORDER BY endpoint_id
        ON CONFLICT (endpoint_id, shard) DO UPDATE SET
            attempted = s.attempted + excluded.attempted, dead = s.dead + excluded.dead,
            last_attempt_at = greatest(s.last_attempt_at, excluded.last_attempt_at)"
    };
}

pub(super) use add;

const ADD_DEAD: &str = concat!(
    "
    WITH counted AS (
        SELECT endpoint_id, 0 AS attempted, dead, NULL::timestamptz AS last_attempt_at
        FROM unnest($1::uuid[], $2::bigint[]) AS given (endpoint_id, dead)
    )",
    add!()
);

/// Adds deliveries that died without an attempt, each given by its endpoint.
pub(super) async fn add_dead(
    txn: &mut PgConnection,
    endpoints: impl Iterator<Item = Uuid>,
) -> Result<(), StoreError> {
    let mut dead: BTreeMap<Uuid, i64> = BTreeMap::new();
    for endpoint in endpoints {
        *dead.entry(endpoint).or_default() += 1;
    }
    if dead.is_empty() {
        return Ok(());
    }
    let (ids, counts): (Vec<Uuid>, Vec<i64>) = dead.into_iter().unzip();
    sqlx::query(ADD_DEAD).bind(ids).bind(counts).execute(txn).await.or_store_error()?;
    Ok(())
}
