//! Taking over: what an earlier process left `in_flight` and `queued`.

use super::SqliteStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::TakenOver;

/// The reaper ends what is past its end, and writes the attempts down.
const END_LEASES: &str = "UPDATE deliveries SET lease_until = ?1 - 1 WHERE state = 'in_flight'";

const UNQUEUE: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = ?1, queued_at = NULL
    WHERE state = 'queued'";

pub(super) async fn take_over(store: &SqliteStore) -> Result<TakenOver, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let mut changed = [0; 2];
    for (statement, changed) in [END_LEASES, UNQUEUE].into_iter().zip(&mut changed) {
        let done = sqlx::query(statement).bind(now).execute(txn.connection()).await;
        *changed = done.or_store_error()?.rows_affected();
    }
    txn.commit().await?;
    let [leases, queued] = changed;
    Ok(TakenOver { leases, queued })
}
