//! Accepting an event as a test: for one endpoint, whatever that wants and even while it is off.

use crate::accept::{NewEvent, TestAccepted};
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::sqlite::SqliteStore;
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::event::GivenId;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use uuid::Uuid;

const FIND: &str = "
    SELECT e.id, c.version
    FROM endpoints e
    JOIN tenants t ON t.id = e.tenant_id
    LEFT JOIN contracts c ON c.name = coalesce(e.own_contract, t.contract)
    WHERE e.tenant_id = ?1 AND (e.public_id = ?2 OR e.id = ?3) AND e.deleted_at IS NULL
    ORDER BY e.public_id = ?2 DESC LIMIT 1";

const EVENT: &str = "
    INSERT INTO events (id, tenant_id, given_id, event_type, payload, metadata, occurred_at,
                        accepted_at, traceparent, test)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)";

const DELIVERY: &str = "
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at,
                            contract_version, test, created_at)
    VALUES (?1, ?2, ?3, ?4, 'scheduled', ?6, ?5, 1, ?6)";

pub(super) async fn accept(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    event: &NewEvent,
) -> Result<TestAccepted, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let found: Option<(Uuid, Option<i32>)> = sqlx::query_as(FIND)
        .bind(scope.tenant().as_str())
        .bind(endpoint.text())
        .bind(endpoint.id().map(|id| id.as_uuid()))
        .fetch_optional(txn.connection())
        .await
        .or_store_error()?;
    let Some((endpoint, contract_version)) = found else {
        return Ok(TestAccepted::UnknownEndpoint);
    };
    insert_event(&mut txn, scope, event).await?;
    let delivery = DeliveryId::generate_for(event.id);
    sqlx::query(DELIVERY)
        .bind(delivery.as_uuid())
        .bind(scope.tenant().as_str())
        .bind(event.id.as_uuid())
        .bind(endpoint)
        .bind(contract_version)
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    txn.commit().await?;
    Ok(TestAccepted::Accepted { event: event.id, delivery })
}

async fn insert_event(
    txn: &mut WriteTxn,
    scope: &TenantScope,
    event: &NewEvent,
) -> Result<(), StoreError> {
    let now = txn.now();
    sqlx::query(EVENT)
        .bind(event.id.as_uuid())
        .bind(scope.tenant().as_str())
        .bind(event.given_id.as_ref().map(GivenId::as_str))
        .bind(event.event_type.as_str())
        .bind(event.payload.as_ref())
        .bind(json(&event.metadata)?)
        .bind(event.occurred_at.map_or(now, Micros::from))
        .bind(now)
        .bind(event.trace.as_ref().map(ToString::to_string))
        .execute(txn.connection())
        .await
        .or_store_error()?;
    Ok(())
}
