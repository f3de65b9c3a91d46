//! Changing some fields of an endpoint.

use super::row::{list_column, schedule_column, timeout_column};
use super::{bump, read};
use crate::endpoints::{EndpointPatch, EndpointRef, EndpointUpdated};
use crate::error::StoreError;
use crate::sqlite::SqliteStore;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::tenant::TenantScope;

const UPDATE: &str = "
    UPDATE endpoints SET
        url = coalesce(?2, url),
        description = coalesce(?3, description),
        events = coalesce(?4, events),
        active = coalesce(?5, active),
        disabled_at = iif(?5, NULL, disabled_at),
        disabled_reason = iif(?5, NULL, disabled_reason),
        retry_schedule = iif(?6, ?7, retry_schedule),
        timeout_s = iif(?8, ?9, timeout_s),
        version = version + 1,
        updated_at = ?10
    WHERE id = ?1";

pub(super) async fn update(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    patch: EndpointPatch,
) -> Result<EndpointUpdated, StoreError> {
    let mut txn = store.writer.begin().await?;
    let Some(id) = bump::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointUpdated::Unknown);
    };
    let now = txn.now();
    sqlx::query(UPDATE)
        .bind(id)
        .bind(patch.url)
        .bind(patch.description)
        .bind(patch.events.as_ref().map(list_column).transpose()?)
        .bind(patch.active)
        .bind(patch.retry_schedule.is_some())
        .bind(patch.retry_schedule.flatten().as_ref().map(schedule_column).transpose()?)
        .bind(patch.timeout.is_some())
        .bind(patch.timeout.flatten().map(timeout_column))
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    let endpoint = read::get_with(txn.connection(), scope, endpoint).await?;
    txn.commit().await?;
    Ok(endpoint
        .map_or(EndpointUpdated::Unknown, |endpoint| EndpointUpdated::Updated(Box::new(endpoint))))
}
