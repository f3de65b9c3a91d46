//! Replay: a finished delivery is due again.

use crate::error::StoreError;
use crate::log::Replayed;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

/// The token goes, so that nothing of an earlier round can settle this one.
const REPLAY: &str = "
    WITH found AS MATERIALIZED (
        SELECT d.id, d.state, e.deleted_at IS NOT NULL AS deleted
        FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
        WHERE d.id = $1 AND d.tenant_id = $2
        FOR UPDATE OF d
    ), replayed AS (
        UPDATE deliveries d SET state = 'scheduled', dead_reason = NULL, finished_at = NULL,
               discarded_at = NULL, round = d.round + 1, failures = 0, losses = 0,
               next_attempt_at = now(), lease_token = NULL
        FROM found
        WHERE d.id = $1 AND d.id = found.id AND found.state IN ('delivered', 'dead') AND NOT found.deleted
    )
    SELECT state, deleted FROM found";

pub(super) async fn replay(
    store: &PgStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Replayed, StoreError> {
    let found: Option<(String, bool)> = sqlx::query_as(REPLAY)
        .bind(id.as_uuid())
        .bind(scope.tenant().as_str())
        .fetch_optional(&store.log)
        .await
        .or_store_error()?;
    let Some((state, deleted)) = found else {
        return Ok(Replayed::Unknown);
    };
    let state = DeliveryState::from_name(&state)
        .ok_or(StoreError::Unreadable { what: "delivery state" })?;
    Ok(match (state.is_terminal(), deleted) {
        (_, true) => Replayed::EndpointDeleted,
        (true, false) => Replayed::Replayed,
        (false, false) => Replayed::NotFinished(state),
    })
}
