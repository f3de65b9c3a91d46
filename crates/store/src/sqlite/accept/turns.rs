//! Turns: which ordered deliveries of a batch come after others, and their numbers.

use crate::accept::turns::{Planned, Turns, count, lines};
use crate::error::StoreError;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use uuid::Uuid;

/// The first delivery of a key that nothing is owed of is its head.
const LEAD: &str = "
    INSERT INTO ordering_keys (endpoint_id, key, head)
    SELECT unhex(value ->> 0, '-'), value ->> 1, unhex(value ->> 2, '-') FROM json_each(?1)
    WHERE true
    ON CONFLICT DO NOTHING
    RETURNING head";

const NUMBERS: &str = "UPDATE delivery_sequence SET last = last + ?1 RETURNING last";

#[cfg(feature = "conformance")]
pub(in crate::sqlite) const STATEMENTS: [&str; 1] = [LEAD];

/// Gives the places of the deliveries that have one.
pub(super) async fn take(txn: &mut WriteTxn, planned: &[Planned<'_>]) -> Result<Turns, StoreError> {
    let lines = lines(planned);
    if lines.is_empty() {
        return Ok(Turns::default());
    }
    let rows: Vec<(Uuid, &str, Uuid)> =
        lines.iter().map(|((endpoint, key), first)| (*endpoint, *key, first.as_uuid())).collect();
    let lead = sqlx::query_scalar(LEAD).bind(json(&rows)?);
    let heads: Vec<Uuid> = lead.fetch_all(txn.connection()).await.or_store_error()?;
    let count = i64::try_from(count(planned)).unwrap_or(i64::MAX);
    let numbers = sqlx::query_scalar(NUMBERS).bind(count);
    let last: i64 = numbers.fetch_one(txn.connection()).await.or_store_error()?;
    Ok(Turns::new(heads, (last - count + 1..=last).collect()))
}
