//! Replay: a finished delivery is due again.

use crate::error::StoreError;
use crate::log::Replayed;
use crate::log::again::{Found, FoundRow};
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, statistics};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

/// The token goes, so that nothing of an earlier round can settle this one. The event is locked first, as
/// whoever removes or expunges it does: in a step of its own, since one statement's locks on two
/// partitioned tables are taken in no order that it could say.
const REPLAY: &str = concat!(
    "
    WITH event AS MATERIALIZED (
        SELECT id, expunged_at IS NOT NULL AS expunged FROM events
        WHERE id = (SELECT event_id FROM deliveries WHERE id = $1 AND tenant_id = $2)
        FOR SHARE
    ), found AS MATERIALIZED (
        SELECT d.id, d.event_id, d.endpoint_id, d.state, d.test, e.deleted_at IS NOT NULL AS deleted,
               event.expunged
        FROM event
        CROSS JOIN LATERAL (SELECT * FROM deliveries
                            WHERE id = $1 AND event_id = event.id FOR UPDATE) AS d
        JOIN endpoints e ON e.id = d.endpoint_id
    ), replayed AS (
        UPDATE deliveries d SET state = 'scheduled', dead_reason = NULL, finished_at = NULL,
               discarded_at = NULL, round = d.round + 1, failures = 0, losses = 0,
               next_attempt_at = now(), lease_token = NULL
        FROM found
        WHERE d.id = $1 AND d.id = found.id AND found.state IN ('delivered', 'dead') AND NOT found.deleted
          AND NOT found.expunged
    ), counted AS (
        SELECT endpoint_id, 0 AS attempted, -1 AS dead, NULL::timestamptz AS last_attempt_at
        FROM found WHERE state = 'dead' AND NOT deleted AND NOT expunged AND NOT test
    ), added AS (",
    statistics::add!(),
    ")
    SELECT event_id, state, deleted, expunged FROM found"
);

pub(super) async fn replay(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Replayed, StoreError> {
    let found: Option<FoundRow> = sqlx::query_as(REPLAY)
        .bind(id.as_uuid())
        .bind(scope.tenant().as_str())
        .fetch_optional(&store.log)
        .await
        .or_store_error()?;
    let Some(found) = found else {
        return Ok(Replayed::Unknown);
    };
    Ok(match found.read()? {
        Found::Finished(_) => Replayed::Replayed,
        Found::Hindered(hindrance) => hindrance.into(),
    })
}
