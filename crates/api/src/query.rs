//! The query of a list: its parameters as fields, and the cursors that belong to them. Calls that take
//! none refuse one: who asks for a dry run where there is none must not get the real one.

use crate::app::App;
use crate::cursor::ListCursors;
use crate::error::ApiError;
use crate::fields::{Fields, read};
use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use postrider_common::tenant::TenantId;
use std::convert::Infallible;
use url::form_urlencoded;

/// Names the tenant of an admin's call; authentication reads it, no list does.
pub(crate) const TENANT_PARAMETER: &str = "tenant_id";
/// These say which page is asked for, and narrow nothing.
const PAGE_PARAMETERS: [&str; 2] = ["limit", "cursor"];

/// The parameters of a list.
pub(crate) struct ListQuery(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut parameters = pairs(&parts.uri);
        parameters.retain(|(name, _)| name != TENANT_PARAMETER);
        Ok(Self(parameters))
    }
}

impl ListQuery {
    /// The parameters to read, of a call without cursors.
    pub(crate) fn fields(self) -> Fields {
        Fields::from_query(self.0)
    }

    /// The parameters to read, and the cursors of the list of this kind that they narrow.
    pub(crate) fn open(
        self,
        app: &App,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> (Fields, ListCursors) {
        let narrows = |(name, _): &&(String, String)| !PAGE_PARAMETERS.contains(&name.as_str());
        let mut filters: Vec<_> = self.0.iter().filter(narrows).cloned().collect();
        filters.sort();
        let cursors = app.cursors.of_list(kind, tenant, &filters);
        (Fields::from_query(self.0), cursors)
    }
}

/// A call without parameters; but for a body's, which refuses them as well.
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        refuse(&parts.uri).map(|()| Self)
    }
}

/// Refuses every parameter but the one that authentication reads.
pub(crate) fn refuse(uri: &Uri) -> Result<(), ApiError> {
    let mut parameters = pairs(uri);
    parameters.retain(|(name, _)| name != TENANT_PARAMETER);
    Fields::from_query(parameters).finish(|| Some(()))
}

/// The tenant that the query names.
pub(crate) fn tenant(parts: &Parts) -> Result<Option<TenantId>, ApiError> {
    let named = pairs(&parts.uri).into_iter().filter(|(name, _)| name == TENANT_PARAMETER);
    let mut fields = Fields::from_query(named.collect());
    let tenant = fields.optional(TENANT_PARAMETER, read::tenant_id);
    fields.finish(|| Some(tenant))
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
