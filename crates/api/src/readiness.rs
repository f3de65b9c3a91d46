//! Whether the API can do its work now: its database answers.

use crate::app::App;
use moka::future::Cache;
use postrider_common::health::{Check, Readiness};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long an answer of the database is good for: probes, however many, ask once in this time.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Ready while the database answers, until `stopping` is cancelled.
pub(crate) fn of(app: Arc<App>, stopping: CancellationToken) -> Readiness {
    let last = Cache::builder().max_capacity(1).time_to_live(PING_EVERY).build();
    let check: Check = Arc::new(move || {
        let (app, last) = (Arc::clone(&app), last.clone());
        Box::pin(async move { last.get_with((), ping(app)).await })
    });
    Readiness::new(stopping).with("database", check)
}

async fn ping(app: Arc<App>) -> Result<(), String> {
    // The causes name hosts and users, and anybody may ask for readiness.
    app.store.ping().await.map_err(|error| error.to_string())
}
