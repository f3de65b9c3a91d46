//! `/dead-letters`: deliveries that were given up, until they are replayed or discarded.

mod count;
mod discard;
mod list;
mod replay;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/dead-letters", get(list::list))
        .route("/dead-letters/count", get(count::count))
        .route("/dead-letters/replay", post(replay::all))
        .route("/dead-letters/discard", post(discard::all))
        .route("/dead-letters/{id}/replay", post(replay::one))
        .route("/dead-letters/{id}/discard", post(discard::one))
}
