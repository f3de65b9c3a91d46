//! Deleting an endpoint. Its row stays for the log; its secrets do not.

use super::bump;
use crate::endpoints::{EndpointDeleted, EndpointRef};
use crate::error::StoreError;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::{SqliteStore, breaker};
use postrider_common::tenant::TenantScope;

const DELETE: &str = "
    UPDATE endpoints SET deleted_at = ?2, secret = x'', previous_secret = NULL,
           previous_until = NULL, second_secret = NULL, version = version + 1, updated_at = ?2
    WHERE id = ?1";

pub(super) async fn delete(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<EndpointDeleted, StoreError> {
    let mut txn = store.writer.begin().await?;
    let Some(id) = bump::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointDeleted::Unknown);
    };
    let now = txn.now();
    let delete = sqlx::query(DELETE).bind(id).bind(now);
    delete.execute(txn.connection()).await.or_store_error()?;
    breaker::reset(&mut txn, &[id]).await?;
    txn.commit().await?;
    Ok(EndpointDeleted::Deleted)
}
