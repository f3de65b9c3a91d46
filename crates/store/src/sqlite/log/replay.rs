//! Replay: a finished delivery is due again.

use crate::error::StoreError;
use crate::log::Replayed;
use crate::log::again::{Found, FoundRow};
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::statistics::{self, Recorded};
use crate::sqlite::writer::WriteTxn;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

const FIND: &str = "
    SELECT d.event_id, d.state, e.deleted_at IS NOT NULL AS deleted,
           ev.expunged_at IS NOT NULL AS expunged
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
    let Some(found) = find(&mut txn, scope, id).await? else {
        return Ok(Replayed::Unknown);
    };
    let state = match found.read()? {
        Found::Finished(state) => state,
        Found::Hindered(hindrance) => return Ok(hindrance.into()),
    };
    let replay = sqlx::query(REPLAY).bind(id.as_uuid()).bind(txn.now());
    replay.execute(txn.connection()).await.or_store_error()?;
    if state == DeliveryState::Dead {
        let (delivery, is_first, started_at) = (id.as_uuid(), false, None);
        let recorded = Recorded { delivery, is_first, was_dead: true, started_at };
        statistics::add(&mut txn, std::iter::once(recorded)).await?;
    }
    txn.commit().await?;
    Ok(Replayed::Replayed)
}

/// The delivery, if the tenant has it.
pub(super) async fn find(
    txn: &mut WriteTxn,
    scope: &TenantScope,
    id: DeliveryId,
) -> Result<Option<FoundRow>, StoreError> {
    let find = sqlx::query_as(FIND).bind(id.as_uuid()).bind(scope.tenant().as_str());
    find.fetch_optional(txn.connection()).await.or_store_error()
}
