//! Follow: waiting deliveries take the state that their endpoint's state asks for.
//!
//! Pausing, resuming or deleting an endpoint changes one row; what waits for it, however much that
//! is, follows here in bounded steps. An accept that raced a resume is caught up with as well. A test
//! is held by nothing.

use super::error::StoreResultExt as _;
use super::{PgStore, ordering, probe};
use crate::error::StoreError;
use uuid::Uuid;

/// Some deliveries of a state become what their endpoint asks for by now, or dead if it is deleted: of each
/// endpoint `e` that `$when` holds for the first `$1`, as far as they are meant; over all no more than so
/// many. What is not dead is due at `$due`.
macro_rules! follow_endpoint {
    ($from:literal to $to:literal, when $when:literal, meant $meant:literal, first $order:literal,
     due $due:literal) => {
        concat!(
            crate::postgres::waiting::endpoints_with!($from),
            ", chosen AS MATERIALIZED (
        SELECT w.*, e.deleted_at IS NOT NULL AS deleted
        FROM waiting
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = waiting.endpoint_id LIMIT 1) AS e
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = '",
            $from,
            "' AND (e.deleted_at IS NOT NULL OR ",
            $meant,
            ")
            ORDER BY ",
            $order,
            " LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS w
        WHERE e.deleted_at IS NOT NULL OR ",
            $when,
            "
        LIMIT $1
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                 finished_at, next_attempt_at)
    SELECT id, tenant_id, event_id, endpoint_id,
           CASE WHEN deleted THEN 'dead' ELSE '",
            $to,
            "' END,
           CASE WHEN deleted THEN 'endpoint_deleted' END,
           CASE WHEN deleted THEN now() END,
           CASE WHEN NOT deleted THEN ",
            $due,
            " END
    FROM chosen
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, dead_reason = excluded.dead_reason,
        finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at"
        )
    };
}

pub(super) use follow_endpoint;

/// Due times of deliveries that are resumed keep the order in which they were accepted.
pub(super) const RESUME: &str = follow_endpoint!(
    "held" to "scheduled", when "(e.active AND e.disabled_at IS NULL)", meant "true", first "d.id",
    due "greatest(next_attempt_at, created_at)"
);

pub(super) const HOLD: &str = concat!(
    follow_endpoint!(
        "scheduled" to "held", when "NOT e.active OR e.disabled_at IS NOT NULL", meant "NOT d.test",
        first "d.next_attempt_at", due "next_attempt_at"
    ),
    " RETURNING endpoint_id, id"
);

pub(super) async fn follow(store: &PgStore, limit: u32) -> Result<u64, StoreError> {
    let resume = sqlx::query(RESUME).bind(i64::from(limit));
    let resumed = resume.execute(&store.hot).await.or_store_error()?.rows_affected();
    let follow = sqlx::query_as(HOLD).bind(i64::from(limit));
    let held: Vec<(Uuid, Uuid)> = follow.fetch_all(&store.hot).await.or_store_error()?;
    probe::take_back(store, &held).await?;
    Ok(resumed + held.len() as u64 + ordering::follow(store, limit).await?)
}
