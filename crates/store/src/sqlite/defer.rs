//! Giving back claims: of an endpoint that may get no more requests for now, or that nothing can be sent to
//! for no fault of its own. `queued` deliveries are `release`'s.

use super::SqliteStore;
use super::batch::json;
use super::clock::micros;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::Deferral;
use postrider_common::id::DeliveryId;
use sqlx::FromRow;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The attempt's number is given back with the claim.
pub(super) const DEFER: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = coalesce(next_attempt_at, ?2),
                          lease_until = NULL, lease_token = NULL, attempts = attempts - 1
    WHERE (id, lease_token) IN (SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-')
                                FROM json_each(?1))
      AND state = 'in_flight'
    RETURNING id, endpoint_id";

pub(super) const PAUSE: &str = "
    INSERT INTO endpoint_flow (endpoint_id, feed_after)
    SELECT unhex(value ->> 0, '-'), max(?2 + (value ->> 1)) FROM json_each(?1)
    WHERE true GROUP BY value ->> 0
    ON CONFLICT (endpoint_id) DO UPDATE SET feed_after = max(feed_after, excluded.feed_after)";

#[derive(FromRow)]
struct DeferredRow {
    id: Uuid,
    endpoint_id: Uuid,
}

/// `in_flight` → `scheduled` at the time it had; its endpoint is fed nothing for a while.
pub(super) async fn defer(store: &SqliteStore, deferrals: &[Deferral]) -> Result<u64, StoreError> {
    let leases: Vec<(DeliveryId, Uuid)> =
        deferrals.iter().map(|deferral| (deferral.delivery, deferral.token.as_uuid())).collect();
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let defer = sqlx::query_as(DEFER).bind(json(&leases)?).bind(now);
    let rows: Vec<DeferredRow> = defer.fetch_all(txn.connection()).await.or_store_error()?;

    let deferred: BTreeMap<Uuid, Uuid> =
        rows.into_iter().map(|row| (row.id, row.endpoint_id)).collect();
    let pause = |deferral: &Deferral| {
        let endpoint = deferred.get(&deferral.delivery.as_uuid())?;
        Some((*endpoint, micros(deferral.pause)))
    };
    let pauses: Vec<(Uuid, i64)> = deferrals.iter().filter_map(pause).collect();
    let pause = sqlx::query(PAUSE).bind(json(&pauses)?).bind(now);
    pause.execute(txn.connection()).await.or_store_error()?;
    txn.commit().await?;
    Ok(deferred.len() as u64)
}
