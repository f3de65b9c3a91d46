//! An endpoint's log: its deliveries with the last attempt of each, or all of its attempts.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::log::{DeliveryPage, LoggedAttempt};
use crate::lookup::Lookup as _;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::rows::delivery::DeliveryAttemptRow;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;

const TOTAL: &str = "
    SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE event_id IS NOT NULL AND endpoint_id = $1
                          LIMIT $2) AS counted";

/// What is said of `event_id` holds for every row; the log's indexes ask for it.
const DELIVERIES: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract,
           a.number, a.started_at, a.duration_us, a.status, a.failure
    FROM (SELECT * FROM deliveries WHERE event_id IS NOT NULL AND endpoint_id = $1
          ORDER BY id DESC LIMIT $2 OFFSET $3) AS d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    LEFT JOIN LATERAL (SELECT * FROM attempts WHERE delivery_id = d.id
                       ORDER BY number DESC LIMIT 1) AS a ON true
    ORDER BY d.id DESC";

/// What is asked for is found first: joining it with all deliveries again would read them all.
const ATTEMPTS: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract
    FROM (SELECT d.*, a.number, a.started_at, a.duration_us, a.status, a.failure
          FROM deliveries d
          CROSS JOIN LATERAL (SELECT * FROM attempts WHERE delivery_id = d.id
                              ORDER BY number DESC LIMIT $2) AS a
          WHERE d.event_id IS NOT NULL AND d.endpoint_id = $1
          ORDER BY d.id DESC, a.number DESC LIMIT $2) AS d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    ORDER BY d.id DESC, d.number DESC";

type Row = DeliveryAttemptRow<OffsetDateTime>;

pub(super) async fn deliveries(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    limit: u32,
    offset: u64,
) -> Result<Option<DeliveryPage>, StoreError> {
    let Some(id) = store.endpoint_id(scope, endpoint).await? else {
        return Ok(None);
    };
    let total = sqlx::query_scalar(TOTAL).bind(id).bind(i64::from(DeliveryPage::COUNTED));
    let total: i64 = total.fetch_one(&store.log).await.or_store_error()?;
    let rows: Vec<Row> = sqlx::query_as(DELIVERIES)
        .bind(id)
        .bind(i64::from(limit))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX))
        .fetch_all(&store.log)
        .await
        .or_store_error()?;
    DeliveryPage::read(rows, total).map(Some)
}

pub(super) async fn attempts(
    store: &PgStore,
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
        .fetch_all(&store.log)
        .await
        .or_store_error()?;
    rows.into_iter().map(LoggedAttempt::try_from).collect::<Result<_, _>>().map(Some)
}
