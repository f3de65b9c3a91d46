//! `GET /webhooks`: newest first.

use super::view::View;
use crate::account::Account;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::{Json, Ordered};
use crate::list::{self, List};
use crate::query::ListQuery;
use axum::extract::State;
use postrider_common::endpoint::Endpoint;
use std::sync::Arc;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<List<Ordered>>, ApiError> {
    let (mut fields, cursors) = query.open(&app, "webhooks", Some(caller.tenant()));
    let page = list::page(&mut fields, &cursors);
    fields.finish(|| Some(()))?;
    let account = Account::of(&app, &caller).await?;
    let page = app.store.endpoint_list(caller.scope(), page).await?;
    let ids: Vec<_> = page.rows.iter().map(|endpoint| endpoint.id).collect();
    let statistics = app.store.endpoint_statistics(caller.scope(), &ids).await?;
    let breakers = app.store.endpoint_breakers(caller.scope(), &ids).await?;
    let show = |endpoint: Endpoint| {
        let contract = app.contract(&endpoint.contract)?;
        let statistics = statistics.get(&endpoint.id).copied().unwrap_or_default();
        let breaker = breakers.get(&endpoint.id).copied();
        let (words, contract, endpoint) = (&account.words, &*contract, &endpoint);
        let view = View { words, contract, endpoint, statistics, breaker };
        Ok::<_, ApiError>(view.show(None))
    };
    List::try_of(page, &cursors, show).map(Json)
}
