//! Replay: a finished delivery is due again.

use crate::error::StoreError;
use crate::log::Replayed;
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::statistics::{self, Recorded};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

const FIND: &str = "
    SELECT d.state, e.deleted_at IS NOT NULL, ev.expunged_at IS NOT NULL
    FROM deliveries d
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN events ev ON ev.id = d.event_id
    WHERE d.id = ?1 AND d.tenant_id = ?2";

/// The token goes, so that nothing of an earlier round can settle this one.
const REPLAY: &str = "
    UPDATE deliveries SET state = 'scheduled', dead_reason = NULL, finished_at = NULL,
           discarded_at = NULL, round = round + 1, failures = 0, losses = 0, next_attempt_at = ?2,
           lease_token = NULL
    WHERE id = ?1 AND state IN ('delivered', 'dead')";

pub(super) async fn replay(
    store: &SqliteStore,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Replayed, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let find = sqlx::query_as(FIND).bind(id.as_uuid()).bind(scope.tenant().as_str());
    let found: Option<(String, bool, bool)> =
        find.fetch_optional(txn.connection()).await.or_store_error()?;
    let Some((state, deleted, expunged)) = found else {
        return Ok(Replayed::Unknown);
    };
    if deleted {
        return Ok(Replayed::EndpointDeleted);
    }
    let state = DeliveryState::from_name(&state)
        .ok_or(StoreError::Unreadable { what: "delivery state" })?;
    if !state.is_terminal() {
        return Ok(Replayed::NotFinished(state));
    }
    if expunged {
        return Ok(Replayed::PayloadExpunged);
    }
    let replay = sqlx::query(REPLAY).bind(id.as_uuid()).bind(now);
    replay.execute(txn.connection()).await.or_store_error()?;
    if state == DeliveryState::Dead {
        let (delivery, is_first, started_at) = (id.as_uuid(), false, None);
        let recorded = Recorded { delivery, is_first, was_dead: true, started_at };
        statistics::add(&mut txn, std::iter::once(recorded)).await?;
    }
    txn.commit().await?;
    Ok(Replayed::Replayed)
}
