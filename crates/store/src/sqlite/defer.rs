//! Giving back claims: of an endpoint that may get no more requests for now, or that nothing can be sent to
//! for no fault of its own. `queued` deliveries are `release`'s.

use super::batch::json;
use super::clock::micros;
use super::error::StoreResultExt as _;
use super::{SqliteStore, backlogged};
use crate::error::StoreError;
use crate::work::Deferral;
use postrider_common::id::DeliveryId;
use sqlx::FromRow;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// The attempt's number is given back with the claim. While an endpoint is fed nothing, what is accepted for it
/// must not go past the feeder, or what is put off might wait for ever.
pub(super) const DEFER: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = coalesce(next_attempt_at, ?2),
                          lease_until = NULL, lease_token = NULL, attempts = attempts - 1
    WHERE (id, lease_token) IN (SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-')
                                FROM json_each(?1))
      AND state = 'in_flight'
    RETURNING id, endpoint_id, tenant_id";

pub(super) const PAUSE: &str = "
    INSERT INTO endpoint_flow (endpoint_id, feed_after)
    SELECT unhex(value ->> 0, '-'), max(?2 + (value ->> 1)) FROM json_each(?1)
    WHERE true GROUP BY value ->> 0
    ON CONFLICT (endpoint_id) DO UPDATE SET feed_after = max(feed_after, excluded.feed_after)";

#[derive(FromRow)]
struct DeferredRow {
    id: Uuid,
    endpoint_id: Uuid,
    tenant_id: String,
}

/// `in_flight` → `scheduled` at the time it had; its endpoint is fed nothing for a while.
pub(super) async fn defer(store: &SqliteStore, deferrals: &[Deferral]) -> Result<u64, StoreError> {
    let leases: Vec<(DeliveryId, Uuid)> =
        deferrals.iter().map(|deferral| (deferral.delivery, deferral.token.as_uuid())).collect();
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let defer = sqlx::query_as(DEFER).bind(json(&leases)?).bind(now);
    let rows: Vec<DeferredRow> = defer.fetch_all(txn.connection()).await.or_store_error()?;

    let deferred: BTreeMap<Uuid, &DeferredRow> = rows.iter().map(|row| (row.id, row)).collect();
    let found = |deferral: &Deferral| {
        let row = deferred.get(&deferral.delivery.as_uuid())?;
        Some((row.endpoint_id, row.tenant_id.as_str(), deferral.pause))
    };
    let found: Vec<(Uuid, &str, Duration)> = deferrals.iter().filter_map(found).collect();
    let pauses: Vec<(Uuid, i64)> = found.iter().map(|one| (one.0, micros(one.2))).collect();
    let pause = sqlx::query(PAUSE).bind(json(&pauses)?).bind(now);
    pause.execute(txn.connection()).await.or_store_error()?;
    let resting = found.iter().filter(|one| !one.2.is_zero()).map(|one| (one.0, one.1));
    let resting: BTreeMap<Uuid, &str> = resting.collect();
    backlogged::begin_named(&mut txn, &resting.into_iter().collect::<Vec<_>>()).await?;
    txn.commit().await?;
    Ok(deferred.len() as u64)
}
