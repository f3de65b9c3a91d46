//! An endpoint's log: its deliveries with the last attempt of each, or all of its attempts.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::{DeliveryPage, LoggedAttempt};
use crate::lookup::Lookup as _;
use crate::rows::delivery::DeliveryAttemptRow;
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::tenant::TenantScope;

const TOTAL: &str =
    "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE endpoint_id = ?1 LIMIT ?2)";

const DELIVERIES: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract,
           a.number, a.started_at, a.duration_us, a.status, a.failure
    FROM (SELECT * FROM deliveries WHERE endpoint_id = ?1
          ORDER BY id DESC LIMIT ?2 OFFSET ?3) AS d
    CROSS JOIN events ev ON ev.id = d.event_id
    CROSS JOIN endpoints e ON e.id = d.endpoint_id
    CROSS JOIN tenants t ON t.id = d.tenant_id
    LEFT JOIN attempts a ON a.delivery_id = d.id
        AND a.number = (SELECT max(number) FROM attempts WHERE delivery_id = d.id)
    ORDER BY d.id DESC";

/// The order of the joins is the order of the rows, so that no more are read than are asked for.
const ATTEMPTS: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract,
           a.number, a.started_at, a.duration_us, a.status, a.failure
    FROM deliveries d
    CROSS JOIN attempts a ON a.delivery_id = d.id
    CROSS JOIN events ev ON ev.id = d.event_id
    CROSS JOIN endpoints e ON e.id = d.endpoint_id
    CROSS JOIN tenants t ON t.id = d.tenant_id
    WHERE d.endpoint_id = ?1
    ORDER BY d.id DESC, a.number DESC LIMIT ?2";

type Row = DeliveryAttemptRow<Micros>;

pub(super) async fn deliveries(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    limit: u32,
    offset: u64,
) -> Result<Option<DeliveryPage>, StoreError> {
    let Some(id) = store.endpoint_id(scope, endpoint).await? else {
        return Ok(None);
    };
    let total = sqlx::query_scalar(TOTAL).bind(id).bind(i64::from(DeliveryPage::COUNTED));
    let total: i64 = total.fetch_one(&store.readers).await.or_store_error()?;
    let rows: Vec<Row> = sqlx::query_as(DELIVERIES)
        .bind(id)
        .bind(i64::from(limit))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX))
        .fetch_all(&store.readers)
        .await
        .or_store_error()?;
    DeliveryPage::read(rows, total).map(Some)
}

pub(super) async fn attempts(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    limit: u32,
) -> Result<Option<Vec<LoggedAttempt>>, StoreError> {
    let Some(id) = store.endpoint_id(scope, endpoint).await? else {
        return Ok(None);
    };
    let rows: Vec<Row> = sqlx::query_as(ATTEMPTS)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(&store.readers)
        .await
        .or_store_error()?;
    rows.into_iter().map(LoggedAttempt::try_from).collect::<Result<_, _>>().map(Some)
}
