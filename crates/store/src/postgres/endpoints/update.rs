//! Changing some fields of an endpoint.

use super::row::{schedule_column, timeout_column};
use super::{lock, read};
use crate::endpoints::{EndpointPatch, EndpointRef, EndpointUpdated};
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::endpoint::EventFilter;
use postrider_common::tenant::TenantScope;

const UPDATE: &str = "
    UPDATE endpoints SET
        url = coalesce($2, url),
        description = coalesce($3, description),
        events = coalesce($4, events),
        active = coalesce($5, active),
        disabled_at = CASE WHEN $5 THEN NULL ELSE disabled_at END,
        disabled_reason = CASE WHEN $5 THEN NULL ELSE disabled_reason END,
        retry_schedule = CASE WHEN $6 THEN $7 ELSE retry_schedule END,
        timeout_s = CASE WHEN $8 THEN $9 ELSE timeout_s END,
        version = version + 1,
        updated_at = now()
    WHERE id = $1";

pub(super) async fn update(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    patch: EndpointPatch,
) -> Result<EndpointUpdated, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let Some(id) = lock::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointUpdated::Unknown);
    };
    sqlx::query(UPDATE)
        .bind(id)
        .bind(patch.url)
        .bind(patch.description)
        .bind(patch.events.as_ref().map(EventFilter::names))
        .bind(patch.active)
        .bind(patch.retry_schedule.is_some())
        .bind(patch.retry_schedule.flatten().as_ref().map(schedule_column))
        .bind(patch.timeout.is_some())
        .bind(patch.timeout.flatten().map(timeout_column))
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    let endpoint = read::get_with(&mut *txn, scope, endpoint).await?;
    txn.commit().await.or_store_error()?;
    Ok(endpoint
        .map_or(EndpointUpdated::Unknown, |endpoint| EndpointUpdated::Updated(Box::new(endpoint))))
}
