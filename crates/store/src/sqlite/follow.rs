//! Follow: waiting deliveries take the state that their endpoint's state asks for.
//!
//! Pausing, resuming or deleting an endpoint changes one row; what waits for it, however much that
//! is, follows here in bounded steps. A test is held by nothing.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{SqliteStore, ordering, probe};
use crate::error::StoreError;
use uuid::Uuid;

/// Deliveries of a state, and the one that their endpoint asks for by now, or dead if it is deleted.
macro_rules! follow_endpoint {
    ($from:literal to $to:literal, when $when:literal) => {
        concat!(
            crate::sqlite::waiting::endpoints_with!($from),
            "
    SELECT d.id, iif(e.deleted_at IS NOT NULL, 'dead', '",
            $to,
            "')
    FROM waiting
    CROSS JOIN endpoints e ON e.id = waiting.endpoint_id
    CROSS JOIN deliveries d ON d.endpoint_id = e.id AND d.state = '",
            $from,
            "'
    WHERE e.deleted_at IS NOT NULL OR ",
            $when,
            "
    LIMIT ?1"
        )
    };
}

pub(super) use follow_endpoint;

pub(super) const RESUME: &str =
    follow_endpoint!("held" to "scheduled", when "(e.active AND e.disabled_at IS NULL)");

pub(super) const HOLD: &str = follow_endpoint!(
    "scheduled" to "held", when "(NOT d.test AND (NOT e.active OR e.disabled_at IS NOT NULL))"
);

/// Due times of deliveries that are resumed keep the order in which they were accepted.
pub(super) const WRITE: &str = "
    UPDATE deliveries SET
        state = found.state,
        dead_reason = iif(found.state = 'dead', 'endpoint_deleted', NULL),
        finished_at = iif(found.state = 'dead', ?2, NULL),
        next_attempt_at = CASE found.state
            WHEN 'held' THEN next_attempt_at
            WHEN 'scheduled' THEN max(coalesce(next_attempt_at, created_at), created_at)
        END
    FROM (SELECT unhex(value ->> 0, '-') AS found_id, value ->> 1 AS state FROM json_each(?1))
        AS found
    WHERE id = found.found_id";

pub(super) async fn follow(store: &SqliteStore, limit: u32) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let mut moved = change(&mut txn, RESUME, limit).await?;
    let held = changed(&mut txn, HOLD, limit).await?;
    probe::take_back(&mut txn, &held).await?;
    moved += held.len() as u64;
    moved += ordering::follow(store, &mut txn, limit).await?;
    txn.commit().await?;
    Ok(moved)
}

/// Gives the deliveries that a statement chooses the state that it says. Gives how many.
pub(super) async fn change(
    txn: &mut WriteTxn,
    choose: &'static str,
    limit: u32,
) -> Result<u64, StoreError> {
    Ok(changed(txn, choose, limit).await?.len() as u64)
}

/// The same; gives which.
async fn changed(
    txn: &mut WriteTxn,
    choose: &'static str,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    let choose = sqlx::query_as(choose).bind(limit);
    let chosen: Vec<(Uuid, String)> = choose.fetch_all(txn.connection()).await.or_store_error()?;
    let write = sqlx::query(WRITE).bind(json(&chosen)?).bind(txn.now());
    write.execute(txn.connection()).await.or_store_error()?;
    Ok(chosen.into_iter().map(|(id, _)| id).collect())
}
