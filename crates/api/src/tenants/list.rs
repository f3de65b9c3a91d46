//! `GET /tenants`: in order of their ids.

use super::TenantView;
use crate::app::App;
use crate::auth::AdminProof;
use crate::error::ApiError;
use crate::json::Json;
use crate::list::{self, List};
use crate::query::ListQuery;
use axum::extract::State;
use postrider_common::tenant::TenantId;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    _admin: AdminProof,
    query: ListQuery,
) -> Result<Json<List<TenantView>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "tenants", None);
    let limit = list::limit(&mut fields);
    let id = |position| TenantId::parse(String::from_utf8(position).ok()?).ok();
    let after = list::after(&mut fields, &cursors, id);
    fields.finish(|| Some(()))?;

    // One row more than was asked for tells whether there is a next page.
    let mut tenants = app.store.tenant_list(after.as_ref(), limit + 1).await?;
    let more = tenants.len() > limit as usize;
    tenants.truncate(limit as usize);
    let last = tenants.last().filter(|_| more).map(|tenant| tenant.id.clone());
    let next = last.as_ref().map(|id| id.as_str().as_bytes());
    let data = tenants.into_iter().map(TenantView::from).collect();
    Ok(Json(List::from_parts(data, next, &cursors)))
}
