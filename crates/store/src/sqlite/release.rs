//! Giving back: `queued` deliveries that nobody takes now. Claims are `defer`'s.

use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{SqliteStore, backlogged};
use crate::error::StoreError;
use postrider_common::id::DeliveryId;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

pub(super) const REFUSE: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = coalesce(next_attempt_at, ?2),
                          queued_at = NULL
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND state = 'queued'
    RETURNING endpoint_id, tenant_id";

pub(super) const PAUSE: &str = "
    INSERT INTO endpoint_flow (endpoint_id, feed_after)
    SELECT unhex(value, '-'), ?2 FROM json_each(?1) WHERE true
    ON CONFLICT (endpoint_id) DO UPDATE SET feed_after = excluded.feed_after";

/// Due at `?3`, or else when it was.
pub(super) const UNQUEUE: &str = "
    UPDATE deliveries SET state = 'scheduled', next_attempt_at = coalesce(?3, next_attempt_at, ?2),
           queued_at = NULL
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND state = 'queued'";

/// `queued` → `scheduled` at the time it had; its endpoint is backlogged, and fed nothing for a while.
pub(super) async fn refuse(
    store: &SqliteStore,
    ids: &[DeliveryId],
    pause: Duration,
) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let refuse = sqlx::query_as(REFUSE).bind(json(ids)?).bind(now);
    let refused: Vec<(Uuid, String)> = refuse.fetch_all(txn.connection()).await.or_store_error()?;
    let endpoints: BTreeMap<Uuid, &str> =
        refused.iter().map(|(endpoint, tenant)| (*endpoint, tenant.as_str())).collect();
    let ids: Vec<&Uuid> = endpoints.keys().collect();
    let pause = sqlx::query(PAUSE).bind(json(&ids)?).bind(now.after(pause));
    pause.execute(txn.connection()).await.or_store_error()?;
    backlogged::begin_named(&mut txn, &endpoints.into_iter().collect::<Vec<_>>()).await?;
    txn.commit().await?;
    Ok(refused.len() as u64)
}

/// `queued` → `scheduled` for after `delay`.
pub(super) async fn postpone(
    store: &SqliteStore,
    ids: &[DeliveryId],
    delay: Duration,
) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let due = txn.now().after(delay);
    let done = take_back(&mut txn, ids, Some(due)).await?;
    txn.commit().await?;
    Ok(done)
}

/// `queued` → `scheduled` for at once: at the time it had, which has passed, so that it keeps its
/// place.
pub(super) async fn unqueue(store: &SqliteStore, ids: &[DeliveryId]) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let done = unqueue_in(&mut txn, ids).await?;
    txn.commit().await?;
    Ok(done)
}

/// The same, as part of something else.
pub(super) async fn unqueue_in(txn: &mut WriteTxn, ids: &[DeliveryId]) -> Result<u64, StoreError> {
    take_back(txn, ids, None).await
}

async fn take_back(
    txn: &mut WriteTxn,
    ids: &[DeliveryId],
    due: Option<Micros>,
) -> Result<u64, StoreError> {
    let unqueue = sqlx::query(UNQUEUE).bind(json(ids)?).bind(txn.now()).bind(due);
    let done = unqueue.execute(txn.connection()).await.or_store_error()?;
    Ok(done.rows_affected())
}
