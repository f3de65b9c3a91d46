//! Turns: locks the keys that a batch has ordered deliveries of, and draws their numbers.
//!
//! The locks last until the commit. So the numbers of one key are drawn in the order of the commits,
//! and nobody who finishes its head can miss what is accepted meanwhile.

use crate::accept::turns::{Planned, Turns, count, lines};
use postrider_common::id::DeliveryId;
use sqlx::PgConnection;
use uuid::Uuid;

/// The first delivery of a key that nothing is owed of is its head; else the head stays who it is. In
/// the order that is given, so that two batches cannot deadlock.
pub(in crate::postgres) const LOCK: &str = "
    INSERT INTO ordering_keys AS k (endpoint_id, key, head)
    SELECT endpoint_id, key, first FROM unnest($1::uuid[], $2::text[], $3::uuid[])
        AS line (endpoint_id, key, first)
    ON CONFLICT (endpoint_id, key) DO UPDATE SET head = k.head
    RETURNING head";

const NUMBERS: &str = "SELECT nextval('delivery_sequence') FROM generate_series(1, $1)";

/// Gives the places of the deliveries that have one.
pub(super) async fn take(
    txn: &mut PgConnection,
    planned: &[Planned<'_>],
) -> Result<Turns, sqlx::Error> {
    let lines = lines(planned);
    if lines.is_empty() {
        return Ok(Turns::default());
    }
    let heads: Vec<Uuid> = sqlx::query_scalar(LOCK)
        .bind(lines.keys().map(|(endpoint, _)| *endpoint).collect::<Vec<_>>())
        .bind(lines.keys().map(|(_, key)| *key).collect::<Vec<_>>())
        .bind(lines.values().map(DeliveryId::as_uuid).collect::<Vec<_>>())
        .fetch_all(&mut *txn)
        .await?;
    let numbers =
        sqlx::query_scalar(NUMBERS).bind(i64::try_from(count(planned)).unwrap_or(i64::MAX));
    Ok(Turns::new(heads, numbers.fetch_all(txn).await?))
}
