//! What an endpoint's owner is told was sent to it, as part of the statements that change it.
//!
//! *Theory of operation.* One row per endpoint and shard, added to once per batch: batches that end at
//! the same time mostly come from connections of different shards, and do not wait for each other.
//! Rows are locked after the deliveries of a batch, and in the order of the endpoints, so that two
//! batches cannot deadlock.

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
