//! Accepting an event as a test: for one endpoint, whatever that wants and even while it is off.

use crate::accept::{NewEvent, TestAccepted};
use crate::endpoints::EndpointRef;
use crate::postgres::PgStore;
use postrider_common::event::GivenId;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;

const ACCEPT: &str = "
    WITH found AS MATERIALIZED (
        SELECT e.id, c.version
        FROM endpoints e
        JOIN tenants t ON t.id = e.tenant_id
        LEFT JOIN contracts c ON c.name = coalesce(e.own_contract, t.contract)
        WHERE e.tenant_id = $1 AND (e.public_id = $2 OR e.id = $3) AND e.deleted_at IS NULL
        ORDER BY (e.public_id = $2) DESC LIMIT 1
    ), event AS (
        INSERT INTO events (id, tenant_id, given_id, event_type, payload, metadata, occurred_at,
                            traceparent, test)
        SELECT $4, $1, $5, $6, $7, $8, coalesce($9, now()), $10, true FROM found
    )
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, contract_version, test)
    SELECT $11, $1, $4, found.id, 'scheduled', now(), found.version, true FROM found";

pub(super) async fn accept(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    event: &NewEvent,
) -> Result<TestAccepted, sqlx::Error> {
    let metadata = serde_json::to_string(&event.metadata)
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    let delivery = DeliveryId::generate_for(event.id);
    let accepted = sqlx::query(ACCEPT)
        .bind(scope.tenant().as_str())
        .bind(endpoint.text())
        .bind(endpoint.id().map(|id| id.as_uuid()))
        .bind(event.id.as_uuid())
        .bind(event.given_id.as_ref().map(GivenId::as_str))
        .bind(event.event_type.as_str())
        .bind(event.payload.as_ref())
        .bind(metadata)
        .bind(event.occurred_at)
        .bind(event.trace.as_ref().map(ToString::to_string))
        .bind(delivery.as_uuid())
        .execute(&store.log)
        .await?;
    Ok(match accepted.rows_affected() {
        0 => TestAccepted::UnknownEndpoint,
        _ => TestAccepted::Accepted { event: event.id, delivery },
    })
}
