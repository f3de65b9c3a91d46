//! `GET /dead-letters/count`: how many the list would show on all of its pages.

use crate::app::App;
use crate::auth::{Caller, ToRead};
use crate::error::ApiError;
use crate::json::Json;
use crate::query::ListQuery;
use crate::replays::CountView;
use crate::selection;
use axum::extract::State;
use std::sync::Arc;

/// Dead deliveries that are looked at.
const COUNTED: u32 = 1_000_000;

pub(super) async fn count(
    State(app): State<Arc<App>>,
    caller: Caller<ToRead>,
    query: ListQuery,
) -> Result<Json<CountView>, ApiError> {
    let mut fields = query.fields();
    let selection = selection::of_query(&mut fields);
    fields.finish(|| Some(()))?;
    let counted = app.store.dead_letter_count(caller.scope(), &selection, COUNTED).await?;
    Ok(Json(counted.into()))
}
