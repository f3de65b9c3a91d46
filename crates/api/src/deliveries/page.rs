//! `GET /webhooks/{id}/deliveries`: newest first, each with its last attempt; by offset, as the
//! document that asks for it has it.

use super::log_row::LogRow;
use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::fields::read;
use crate::json::Json;
use crate::path::PathId;
use crate::query::ListQuery;
use axum::extract::State;
use postrider_store::{DeliveryPage, EndpointRef};
use serde::Serialize;
use std::sync::Arc;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// How far back an offset goes; a cursor has no such end.
const MAX_OFFSET: u32 = DeliveryPage::COUNTED;

#[derive(Serialize)]
pub(super) struct DeliveryPageView {
    deliveries: Vec<LogRow>,
    pagination: Pagination,
}

#[derive(Serialize)]
struct Pagination {
    total: u64,
    limit: u32,
    offset: u32,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    PathId(id): PathId,
    query: ListQuery,
) -> Result<Json<DeliveryPageView>, ApiError> {
    let mut fields = query.fields();
    let limit = fields.optional("limit", read::number_text(1..=MAX_LIMIT));
    let offset = fields.optional("offset", read::number_text(0..=MAX_OFFSET));
    fields.finish(|| Some(()))?;
    let (limit, offset) = (limit.unwrap_or(DEFAULT_LIMIT), offset.unwrap_or(0));

    let endpoint = EndpointRef::new(id);
    let page = app.store.delivery_page(caller.scope(), &endpoint, limit, offset.into()).await?;
    let page = page.ok_or(ApiError::NotFound("webhook"))?;
    let rows =
        page.rows.into_iter().map(|(delivery, last)| LogRow::of(&app, delivery, last.as_ref()));
    Ok(Json(DeliveryPageView {
        deliveries: rows.collect::<Result<_, _>>()?,
        pagination: Pagination { total: page.total, limit, offset },
    }))
}
