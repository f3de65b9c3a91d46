//! What an endpoint's owner is told was sent to it, as part of the transactions that change it.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use serde::Serialize;
use uuid::Uuid;

/// What became of the deliveries is read from their rows, which are written before.
pub(super) const ADD: &str = "
    WITH given AS MATERIALIZED (SELECT value AS recorded FROM json_each(?1))
    INSERT INTO endpoint_stats (endpoint_id, shard, attempted, dead, last_attempt_at)
    SELECT d.endpoint_id, 0, sum(recorded ->> 'is_first'),
           sum((d.state = 'dead') - (recorded ->> 'was_dead')), max(recorded ->> 'started_at')
    FROM given CROSS JOIN deliveries d ON d.id = unhex(recorded ->> 'delivery', '-')
    WHERE NOT d.test
    GROUP BY d.endpoint_id
    ON CONFLICT (endpoint_id, shard) DO UPDATE SET
        attempted = attempted + excluded.attempted, dead = dead + excluded.dead,
        last_attempt_at = max(coalesce(last_attempt_at, excluded.last_attempt_at),
                              coalesce(excluded.last_attempt_at, last_attempt_at))";

/// What was put on record of a delivery.
#[derive(Serialize)]
pub(super) struct Recorded {
    pub(super) delivery: Uuid,
    /// It is its first attempt, which was not on record before.
    pub(super) is_first: bool,
    /// The delivery was dead before.
    pub(super) was_dead: bool,
    /// When the attempt started, if it is about one, as it is stored.
    pub(super) started_at: Option<i64>,
}

impl Recorded {
    /// Of a delivery that is dead now without an attempt.
    pub(super) fn of_an_end(delivery: Uuid) -> Self {
        Self { delivery, is_first: false, was_dead: false, started_at: None }
    }
}

/// Adds to the statistics of the deliveries' endpoints; tests do not count.
pub(super) async fn add(
    txn: &mut WriteTxn,
    recorded: impl Iterator<Item = Recorded>,
) -> Result<(), StoreError> {
    let rows: Vec<Recorded> = recorded.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let add = sqlx::query(ADD).bind(json(&rows)?);
    add.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}
