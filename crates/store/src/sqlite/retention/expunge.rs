//! Expunge: an event's payload and what its attempts were answered with are gone at once.

use crate::error::StoreError;
use crate::ordering::Finished;
use crate::retention::Expunged;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::statistics::{self, Recorded};
use crate::sqlite::writer::WriteTxn;
use crate::sqlite::{SqliteStore, log, ordering};
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use sqlx::FromRow;

const FIND: &str = "SELECT EXISTS (SELECT 1 FROM events WHERE id = ?1 AND tenant_id = ?2)";

const DELIVERIES: &str = "
    SELECT id, endpoint_id, ordering_key, state = 'in_flight' AS is_in_flight,
           state NOT IN ('in_flight', 'delivered', 'dead') AS is_owed
    FROM deliveries WHERE event_id = ?1";

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    delivery: Finished,
    is_in_flight: bool,
    /// It is finished by being cancelled.
    is_owed: bool,
}

/// No token stays, lest a late success bring back what was answered.
const CANCEL: &str = "
    UPDATE deliveries SET state = 'dead', dead_reason = 'cancelled', finished_at = ?2,
                          next_attempt_at = NULL, queued_at = NULL, lease_token = NULL
    WHERE event_id = ?1 AND state NOT IN ('in_flight', 'delivered', 'dead')";

const FORGET_TOKENS: &str =
    "UPDATE deliveries SET lease_token = NULL WHERE event_id = ?1 AND lease_token IS NOT NULL";

const EMPTY_ANSWERS: &str = "
    UPDATE attempts SET response_body = x''
    WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = ?1)
      AND response_body IS NOT NULL";

const EMPTY: &str = "
    UPDATE events SET payload = x'', expunged_at = coalesce(expunged_at, ?2) WHERE id = ?1";

pub(super) async fn expunge(
    store: &SqliteStore,
    scope: &TenantScope,
    id: &str,
) -> Result<Expunged, StoreError> {
    let Some(event) = log::resolve_event(store, scope, id).await? else {
        return Ok(Expunged::Unknown);
    };
    let mut txn = store.writer.begin().await?;
    let find = sqlx::query_scalar(FIND).bind(event.as_uuid()).bind(scope.tenant().as_str());
    if !find.fetch_one(txn.connection()).await.or_store_error()? {
        return Ok(Expunged::Unknown);
    }
    let in_flight = cancel(&mut txn, event).await?;
    if in_flight == 0 {
        empty(&mut txn, event).await?;
    }
    txn.commit().await?;
    Ok(if in_flight == 0 { Expunged::Expunged } else { Expunged::InFlight(in_flight) })
}

/// Gives how many are being sent.
async fn cancel(txn: &mut WriteTxn, event: EventId) -> Result<u32, StoreError> {
    let (event, now) = (event.as_uuid(), txn.now());
    let found = sqlx::query_as(DELIVERIES).bind(event).fetch_all(txn.connection());
    let found: Vec<Found> = found.await.or_store_error()?;
    let cancel = sqlx::query(CANCEL).bind(event).bind(now);
    cancel.execute(txn.connection()).await.or_store_error()?;
    let cancelled = || found.iter().filter(|found| found.is_owed).map(|found| &found.delivery);
    statistics::add(txn, cancelled().map(|one| Recorded::of_an_end(one.id))).await?;
    ordering::advance(txn, cancelled().filter_map(Finished::place)).await?;
    let in_flight = found.iter().filter(|found| found.is_in_flight).count();
    Ok(u32::try_from(in_flight).unwrap_or(u32::MAX))
}

async fn empty(txn: &mut WriteTxn, event: EventId) -> Result<(), StoreError> {
    let (event, now) = (event.as_uuid(), txn.now());
    for statement in [FORGET_TOKENS, EMPTY_ANSWERS] {
        sqlx::query(statement).bind(event).execute(txn.connection()).await.or_store_error()?;
    }
    sqlx::query(EMPTY).bind(event).bind(now).execute(txn.connection()).await.or_store_error()?;
    Ok(())
}
