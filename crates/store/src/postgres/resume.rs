//! Resume: the first of what is held goes on in the transaction that puts its endpoint on again, so that
//! nothing that is accepted from then on is due before it. The rest follows (`follow`).

use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::switch::first_of_each;
use sqlx::PgConnection;
use uuid::Uuid;

/// Those that somebody else holds locked follow: this waits for nobody.
pub(super) const FIRST: &str = "
    WITH chosen AS MATERIALIZED (
        SELECT held.* FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries WHERE endpoint_id = given.id AND state = 'held'
            ORDER BY id LIMIT $2
            FOR UPDATE SKIP LOCKED
        ) AS held
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'scheduled',
               greatest(next_attempt_at, created_at)
        FROM chosen
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at
    )
    SELECT DISTINCT endpoint_id FROM chosen";

/// Gives those of these endpoints that something was held for.
pub(super) async fn first(
    txn: &mut PgConnection,
    endpoints: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let first = sqlx::query_scalar(FIRST).bind(endpoints);
    let first = first.bind(i64::from(first_of_each(endpoints.len())));
    first.fetch_all(txn).await.or_store_error()
}
