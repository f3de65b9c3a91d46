//! The health service of gRPC (`grpc.health.v1`): serving as long as the service is ready.

use crate::proto::ingest_server::SERVICE_NAME;
use crate::upkeep::Trouble;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;

/// The empty name stands for the server as a whole.
const NAMES: [&str; 2] = ["", SERVICE_NAME];

/// A health service that says "not serving" until more is known.
pub(super) async fn start() -> (HealthReporter, HealthServer<impl Health>) {
    let (reporter, server) = tonic_health::server::health_reporter();
    set(&reporter, ServingStatus::NotServing).await;
    (reporter, server)
}

/// Reports what is known of the database until the service stops.
pub(super) async fn report(
    mut reporter: HealthReporter,
    mut trouble: watch::Receiver<Trouble>,
    stopping: CancellationToken,
) {
    loop {
        let status = match *trouble.borrow_and_update() {
            None => ServingStatus::Serving,
            Some(_) => ServingStatus::NotServing,
        };
        set(&reporter, status).await;
        tokio::select! {
            () = stopping.cancelled() => break,
            changed = trouble.changed() => if changed.is_err() { break },
        }
    }
    set(&reporter, ServingStatus::NotServing).await;
    // Those who watch would otherwise keep their connections open until the end of the grace.
    for name in NAMES {
        reporter.clear_service_status(name).await;
    }
}

async fn set(reporter: &HealthReporter, status: ServingStatus) {
    for name in NAMES {
        reporter.set_service_status(name, status).await;
    }
}
