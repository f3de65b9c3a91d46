//! Held deliveries that nobody resumed in time.

use crate::error::StoreError;
use crate::ordering::Finished;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::statistics::{self, Recorded};
use crate::sqlite::waiting::endpoints_with;
use crate::sqlite::{SqliteStore, operations, ordering};
use postrider_common::delivery::DeadReason;
use uuid::Uuid;

/// Microseconds of a day.
macro_rules! a_day {
    () => {
        "86400000000"
    };
}

/// One endpoint after the other that something in this state is kept for, and of it what this holds for.
/// The id bounds what is read: it begins with the milliseconds of its event's acceptance. What was
/// replayed and is held again has waited since then.
macro_rules! find {
    ($state:literal, $of:literal) => {
        concat!(
            endpoints_with!($state),
            "
    SELECT d.id, d.endpoint_id, d.ordering_key
    FROM waiting
    CROSS JOIN endpoints e ON e.id = waiting.endpoint_id
    CROSS JOIN tenants t ON t.id = e.tenant_id
    CROSS JOIN deliveries d ON d.endpoint_id = e.id AND d.state = '",
            $state,
            "'
    WHERE d.id < unhex(printf('%012x', (?1 - (t.hold_days - 1) * ",
            a_day!(),
            ") / 1000) || '00000000000000000000')
      AND coalesce(d.next_attempt_at, d.created_at) < ?1 - t.hold_days * ",
            a_day!(),
            "
      AND ",
            $of,
            "
    LIMIT ?2"
        )
    };
}

pub(in crate::sqlite) const FIND: &str = find!("held", "true");

/// What waits behind a held one of its key is held as well.
pub(in crate::sqlite) const FIND_WAITING: &str =
    find!("waiting", "NOT (e.active AND e.disabled_at IS NULL) AND e.deleted_at IS NULL");

pub(in crate::sqlite) const EXPIRE: &str = "
    UPDATE deliveries SET state = 'dead', dead_reason = 'expired', finished_at = ?2,
                          next_attempt_at = NULL
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))";

/// What waits first, so that no key moves on to one that expires as well.
pub(super) async fn expire(store: &SqliteStore, limit: u32) -> Result<u64, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let waiting: Vec<Finished> = sqlx::query_as(FIND_WAITING)
        .bind(now)
        .bind(limit)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    let left = i64::from(limit) - i64::try_from(waiting.len()).unwrap_or(i64::MAX);
    let held = sqlx::query_as(FIND).bind(now).bind(left).fetch_all(txn.connection());
    let held: Vec<Finished> = held.await.or_store_error()?;
    let ids: Vec<Uuid> = waiting.iter().chain(&held).map(|one| one.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let expire = sqlx::query(EXPIRE).bind(json(&ids)?).bind(now);
    let expired = expire.execute(txn.connection()).await.or_store_error()?.rows_affected();
    statistics::add(&mut txn, ids.iter().copied().map(Recorded::of_an_end)).await?;
    ordering::advance(&mut txn, held.iter().filter_map(Finished::place)).await?;
    let operator = store.operator.as_ref();
    operations::about_deaths(&mut txn, operator, DeadReason::Expired, ids.into_iter()).await?;
    txn.commit().await?;
    Ok(expired)
}
