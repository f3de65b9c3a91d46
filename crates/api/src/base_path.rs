//! The paths that products' documents have webhooks under, and slashes at the end of a path: both are
//! put right before routing, so that the routes stand in one place, without either.

use crate::app::App;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use std::sync::Arc;

/// Where the router has webhooks.
const WEBHOOKS: &str = "/api/v1/webhooks";
/// What is Postrider's own, whatever a contract says.
const OWN: [&str; 7] =
    ["/api/v1", "/admin", "/docs", "/openapi.json", "/livez", "/readyz", "/metrics"];

/// Brings a request to where the router has what it asks for: webhooks are under the base path of
/// every contract in force, for every tenant, and one slash at the end means nothing.
pub(crate) async fn rewrite(State(app): State<Arc<App>>, mut request: Request) -> Request {
    let contracts = app.contracts.contracts();
    let bases = contracts.iter().map(|contract| contract.api().base_path());
    if let Some(uri) = rewritten(request.uri(), bases) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI to route instead; `None` where it is right as it is.
fn rewritten<'a>(uri: &Uri, bases: impl Iterator<Item = &'a str>) -> Option<Uri> {
    let given = uri.path();
    let path = given.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(given);
    let own = OWN.iter().any(|own| below(path, own).is_some());
    // Of two base paths that begin alike the longer one is meant.
    let rest =
        bases.filter(|_| !own).filter_map(|base| below(path, base)).min_by_key(|rest| rest.len());
    let path = rest.map_or_else(|| path.to_owned(), |rest| format!("{WEBHOOKS}{rest}"));
    if path == given {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path + &query).ok()?);
    Uri::from_parts(parts).ok()
}

/// What follows `base` in a path: nothing, or something that begins with a slash.
fn below<'p>(path: &'p str, base: &str) -> Option<&'p str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
