//! Changing some fields of an endpoint.

use super::row::push;
use super::{lock, read};
use crate::endpoints::{EndpointPatch, EndpointRef, EndpointUpdated};
use crate::error::StoreError;
use crate::operations::{EnabledReason, OperationalKind};
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::{PgStore, backlogged, breaker, operations, resume};
use crate::rows::columns;
use postrider_common::tenant::TenantScope;
use sqlx::{Postgres, QueryBuilder};

const UPDATE: &str = "UPDATE endpoints SET version = version + 1, updated_at = now()";

pub(super) async fn update(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    patch: EndpointPatch,
) -> Result<EndpointUpdated, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let resets = patch.url.is_some() || patch.active.is_some();
    let Some(id) = lock::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointUpdated::Unknown);
    };
    let resumes = patch.active == Some(true);
    let is_back = resumes && operations::is_disabled(&mut txn, store.operator.as_ref(), id).await?;
    let mut query = QueryBuilder::<Postgres>::new(UPDATE);
    for (column, value) in columns::of_patch(patch) {
        query.push(", ").push(column).push(" = ");
        push(&mut query, value);
    }
    query.push(" WHERE id = ").push_bind(id);
    query.build().execute(&mut *txn).await.or_store_error()?;
    if resets {
        breaker::reset(&mut txn, &[id]).await?;
    }
    if resumes {
        let with_held = resume::first(&mut txn, &[id]).await?;
        backlogged::begin_of(&mut txn, &with_held).await?;
    }
    if is_back {
        let (kind, why) = (OperationalKind::EndpointEnabled, EnabledReason::Resumed.as_str());
        operations::about_endpoints(&mut txn, store.operator.as_ref(), &[id], kind, Some(why))
            .await?;
    }
    let endpoint = read::get_with(&mut *txn, scope, endpoint).await?;
    txn.commit().await.or_store_error()?;
    Ok(endpoint
        .map_or(EndpointUpdated::Unknown, |endpoint| EndpointUpdated::Updated(Box::new(endpoint))))
}
