//! `/tenants`: made and read with the admin key.

mod create;
mod get;
mod list;

use crate::app::App;
use axum::Router;
use axum::routing::get;
use postrider_common::tenant::Tenant;
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/tenants", get(list::list).post(create::create))
        .route("/tenants/{tenant_id}", get(get::get))
}

/// A tenant, as answered.
#[derive(Serialize)]
struct TenantView {
    id: String,
    name: String,
    contract: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        let Tenant { id, name, contract, created_at } = tenant;
        Self { id: id.into(), name, contract, created_at }
    }
}
