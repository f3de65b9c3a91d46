//! `GET /tenants/{tenant_id}/api-keys`: all keys of a tenant, revoked ones too, newest first.

use super::ApiKeyView;
use crate::app::App;
use crate::auth::AdminProof;
use crate::error::ApiError;
use crate::json::Json;
use crate::list::List;
use crate::path::PathTenant;
use crate::query::NoQuery;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    admin: AdminProof,
    PathTenant(tenant): PathTenant,
    _query: NoQuery,
) -> Result<Json<List<ApiKeyView>>, ApiError> {
    let found = app.store.tenant_get(&tenant).await?;
    let tenant = found.ok_or(ApiError::NotFound("tenant"))?.id;
    let keys = app.store.api_key_list(&admin.scope(tenant)).await?;
    Ok(Json(List::whole(keys.into_iter().map(ApiKeyView::from).collect())))
}
