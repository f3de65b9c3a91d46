//! `/tenants/{tenant_id}/api-keys`: made, listed and revoked with the admin key.

mod create;
mod list;
mod revoke;

use crate::app::App;
use axum::Router;
use axum::routing::{delete, get};
use postrider_common::api_key::{ApiKey, Scope};
use postrider_common::id::ApiKeyId;
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/tenants/{tenant_id}/api-keys", get(list::list).post(create::create))
        .route("/tenants/{tenant_id}/api-keys/{key_id}", delete(revoke::revoke))
}

/// An API key, as answered; the key itself only by the call that makes it.
#[derive(Serialize)]
struct ApiKeyView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    name: String,
    scopes: Vec<&'static str>,
    prefix: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: shown(key.id),
            key: None,
            name: key.name,
            scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
            prefix: key.prefix,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// An API key's id as people see it, the same with every contract.
fn shown(id: ApiKeyId) -> String {
    format!("key_{id}")
}
