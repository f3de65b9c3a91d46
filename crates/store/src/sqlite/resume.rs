//! Resume: the first of what is held goes on in the transaction that puts its endpoint on again, so that
//! nothing that is accepted from then on is due before it. The rest follows (`follow`).

use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use crate::switch::first_of_each;
use uuid::Uuid;

pub(super) const FIRST: &str = "
    UPDATE deliveries SET
        state = 'scheduled', next_attempt_at = max(coalesce(next_attempt_at, created_at), created_at)
    WHERE id IN (SELECT id FROM deliveries WHERE endpoint_id = ?1 AND state = 'held'
                 ORDER BY id LIMIT ?2)";

/// Gives those of these endpoints that something was held for.
pub(super) async fn first(txn: &mut WriteTxn, endpoints: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let most = first_of_each(endpoints.len());
    let mut with_held = Vec::new();
    for endpoint in endpoints {
        let first = sqlx::query(FIRST).bind(endpoint).bind(most);
        let moved = first.execute(txn.connection()).await.or_store_error()?.rows_affected();
        if moved > 0 {
            with_held.push(*endpoint);
        }
    }
    Ok(with_held)
}
