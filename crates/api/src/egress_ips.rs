//! `GET /egress-ips`: where requests leave from, for receivers that let nothing else in. The operator
//! says it; nobody here can know how a process's packets look from outside.

use crate::app::App;
use crate::auth::AnyKey;
use crate::json::Json;
use crate::list::List;
use crate::query::NoQuery;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use std::sync::Arc;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/egress-ips", get(list))
}

async fn list(State(app): State<Arc<App>>, _key: AnyKey, _query: NoQuery) -> Json<List<String>> {
    Json(List::whole(app.egress_ips.networks().collect()))
}
