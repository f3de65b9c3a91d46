//! Partitions that are older than the longest retention in force.
//!
//! *Theory of operation.* A partition can only go while nobody uses its parent, and whoever waits for
//! that makes everybody who comes later wait, too. So the wait is cut off after some milliseconds and
//! tried again later. That nothing is unfinished is looked at before, without a lock, and again under it.

use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::{StoreResultExt as _, classify, is_lock_timeout};
use crate::retention::PartitionRemoval;
use postrider_common::keeping::Days;
use sqlx::PgConnection;
use time::Date;

/// Whoever comes meanwhile waits for no longer than this, for each of three tables.
const PATIENCE: &str = "SET LOCAL lock_timeout = '50ms'";

/// `partitions_ensure` takes the same lock.
const TURN: &str = "SELECT pg_try_advisory_xact_lock(hashtext('postrider.partitions'))";

const OLD: &str = "
    SELECT DISTINCT day
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.relname ~ '_[0-9]{8}$'
                    THEN to_date(right(c.relname, 8), 'YYYYMMDD') END AS day
    ) AS named
    WHERE i.inhparent IN ('events'::regclass, 'deliveries'::regclass, 'attempts'::regclass)
      AND day < (now() AT TIME ZONE 'UTC')::date
                - (SELECT coalesce(max(coalesce(retention_days, $1)), $1) FROM tenants)
    ORDER BY day";

const FINISHED: &str = "
    SELECT day FROM unnest($1::date[]) AS given (day)
    WHERE NOT partition_is_pending(day) ORDER BY day LIMIT 1";

pub(super) async fn remove(store: &PgStore, usual: Days) -> Result<PartitionRemoval, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    if !sqlx::query_scalar::<_, bool>(TURN).fetch_one(&mut *txn).await.or_store_error()? {
        return Ok(PartitionRemoval::Busy);
    }
    // Looked for in our turn: what another remover took is not among them.
    let old = sqlx::query_scalar(OLD).bind(i32::from(usual.get()));
    let old: Vec<Date> = old.fetch_all(&mut *txn).await.or_store_error()?;
    if old.is_empty() {
        return Ok(PartitionRemoval::Nothing);
    }
    let finished = sqlx::query_scalar(FINISHED).bind(old);
    let Some(day) = finished.fetch_optional(&mut *txn).await.or_store_error()? else {
        return Ok(PartitionRemoval::Nothing);
    };
    match remove_day(&mut txn, day).await {
        Ok(true) => {
            txn.commit().await.or_store_error()?;
            Ok(PartitionRemoval::Removed(day))
        }
        Ok(false) => Ok(PartitionRemoval::Busy),
        Err(error) if is_lock_timeout(&error) => Ok(PartitionRemoval::Busy),
        Err(error) => Err(classify(error)),
    }
}

/// Gives whether they are gone once the transaction commits.
async fn remove_day(txn: &mut PgConnection, day: Date) -> Result<bool, sqlx::Error> {
    sqlx::query(PATIENCE).execute(&mut *txn).await?;
    sqlx::query_scalar("SELECT partitions_remove($1)").bind(day).fetch_one(txn).await
}
