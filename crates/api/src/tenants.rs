//! `/tenants`: made, read and changed with the admin key.

mod create;
mod get;
mod keeping;
mod list;
mod update;

use crate::app::App;
use axum::Router;
use axum::routing::get;
use postrider_common::keeping::Days;
use postrider_common::tenant::Tenant;
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/tenants", get(list::list).post(create::create))
        .route("/tenants/{tenant_id}", get(get::get).patch(update::update))
}

/// A tenant, as answered.
#[derive(Serialize)]
struct TenantView {
    id: String,
    name: String,
    contract: String,
    /// Null: as long as the installation keeps things.
    retention_days: Option<u16>,
    hold_days: u16,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        let Tenant { id, name, contract, keeping, created_at } = tenant;
        let retention_days = keeping.retention.map(Days::get);
        let hold_days = keeping.hold.get();
        Self { id: id.into(), name, contract, retention_days, hold_days, created_at }
    }
}
