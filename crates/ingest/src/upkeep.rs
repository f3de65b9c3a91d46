//! Tasks beside the calls: watching the database for readiness, and making partitions.

use postrider_common::service::chain;
use postrider_store::{SharedStore, StoreMetrics};
use std::time::Duration;
use tokio::sync::watch;

/// How often the database is asked whether it answers.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How often partitions are made ahead.
const PARTITIONS_INTERVAL: Duration = Duration::from_hours(1);
/// How soon that is tried again after it failed.
const PARTITIONS_RETRY: Duration = Duration::from_secs(30);

/// What is wrong with the database; `None` when it answers.
pub(crate) type Trouble = Option<String>;

/// Asks the database again and again, and tells `trouble` and the metrics. Never ends.
pub(crate) async fn watch_store(
    store: SharedStore,
    trouble: watch::Sender<Trouble>,
    metrics: StoreMetrics,
) {
    loop {
        let found = store.ping().await.err().map(|error| chain(&error));
        metrics.record(&*store, found.is_none());
        trouble.send_if_modified(|known| {
            let turned = known.is_some() != found.is_some();
            match &found {
                Some(problem) if turned => tracing::warn!(problem, "not ready: the database"),
                None if turned => tracing::info!("ready: the database answers"),
                _ => {}
            }
            *known = found;
            turned
        });
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// Makes the partitions of the coming days, now and again. Never ends.
pub(crate) async fn keep_partitions(store: SharedStore) {
    loop {
        let wait = match store.partitions_ensure().await {
            Ok(()) => PARTITIONS_INTERVAL,
            Err(error) => {
                tracing::warn!(error = chain(&error), "the coming days' partitions are not made");
                PARTITIONS_RETRY
            }
        };
        tokio::time::sleep(wait).await;
    }
}
