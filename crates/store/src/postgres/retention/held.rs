//! Held deliveries that nobody resumed in time.

use crate::error::StoreError;
use crate::ordering::{Done, Finished};
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::waiting::endpoints_with;
use crate::postgres::{PgStore, operations, ordering, statistics};
use postrider_common::delivery::DeadReason;
use sqlx::FromRow;

/// One endpoint after the other that something in this state is kept for, and of it what this holds for.
/// The id bounds what is read; what was replayed and is held again has waited since then.
macro_rules! expire {
    ($state:literal, $of:literal) => {
        concat!(
            endpoints_with!($state),
            ", chosen AS MATERIALIZED (
        SELECT h.*
        FROM waiting
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = waiting.endpoint_id LIMIT 1) AS e
        CROSS JOIN LATERAL (
            SELECT now() - make_interval(days => hold_days) AS since
            FROM tenants WHERE id = e.tenant_id LIMIT 1
        ) AS t
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = '",
            $state,
            "' AND ",
            $of,
            "
              AND d.id < uuid_floor((t.since AT TIME ZONE 'UTC')::date + 1)
              AND coalesce(d.next_attempt_at, d.created_at) < t.since
            ORDER BY d.id LIMIT $1
            FOR UPDATE SKIP LOCKED
        ) AS h
        LIMIT $1
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'dead', 'expired', now() FROM chosen
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, dead_reason = excluded.dead_reason,
            finished_at = excluded.finished_at, next_attempt_at = NULL
    )
    SELECT id, endpoint_id, ordering_key, test FROM chosen"
        )
    };
}

pub(in crate::postgres) const EXPIRE: &str = expire!("held", "true");

/// What waits behind a held one of its key is held as well.
pub(in crate::postgres) const EXPIRE_WAITING: &str =
    expire!("waiting", "NOT (e.active AND e.disabled_at IS NULL) AND e.deleted_at IS NULL");

#[derive(FromRow)]
struct Expired {
    #[sqlx(flatten)]
    delivery: Finished,
    test: bool,
}

/// What waits first, so that no key moves on to one that expires as well. What is counted of both is
/// added together, as `statistics` asks for.
pub(super) async fn expire(store: &PgStore, limit: u32) -> Result<u64, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let expire = sqlx::query_as(EXPIRE_WAITING).bind(i64::from(limit));
    let mut expired: Vec<Expired> = expire.fetch_all(&mut *txn).await.or_store_error()?;
    let left = i64::from(limit) - i64::try_from(expired.len()).unwrap_or(i64::MAX);
    let expire = sqlx::query_as(EXPIRE).bind(left);
    let held: Vec<Expired> = expire.fetch_all(&mut *txn).await.or_store_error()?;
    let places: Vec<Done> = held.iter().filter_map(|one| one.delivery.place()).collect();
    expired.extend(held);
    let counted = expired.iter().filter(|one| !one.test).map(|one| one.delivery.endpoint_id);
    statistics::add_dead(&mut txn, counted).await?;
    ordering::advance(&mut txn, places).await?;
    let (operator, ids) = (store.operator.as_ref(), expired.iter().map(|one| one.delivery.id));
    operations::about_deaths(&mut txn, operator, DeadReason::Expired, ids).await?;
    txn.commit().await.or_store_error()?;
    Ok(expired.len() as u64)
}
