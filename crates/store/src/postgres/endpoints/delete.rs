//! Deleting an endpoint. Its row stays for the log; its secrets do not.

use super::lock;
use crate::endpoints::{EndpointDeleted, EndpointRef};
use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, breaker};
use postrider_common::tenant::TenantScope;

const DELETE: &str = "
    UPDATE endpoints SET deleted_at = now(), secret = '', previous_secret = NULL,
           previous_until = NULL, second_secret = NULL, version = version + 1, updated_at = now()
    WHERE id = $1";

pub(super) async fn delete(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<EndpointDeleted, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let Some(id) = lock::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointDeleted::Unknown);
    };
    sqlx::query(DELETE).bind(id).execute(&mut *txn).await.or_store_error()?;
    breaker::reset(&mut txn, &[id]).await?;
    txn.commit().await.or_store_error()?;
    Ok(EndpointDeleted::Deleted)
}
