//! The gRPC server around the calls: limits, keepalive, health, reflection.

use super::ServeError;
use crate::config::GrpcConfig;
use crate::metrics::IngestMetrics;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::ingest_server::IngestServer;
use crate::rpc::{AuthenticateLayer, DeadlineLayer, ObserveLayer, Rpc};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::Builder;
use tower::Layer as _;

/// The largest request: the largest batch, with room to say that one is too large.
const MAX_REQUEST_BYTES: usize = 5 * 1024 * 1024;
/// How long a connection may be silent before it is asked whether it is still there, and how long
/// it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Prepares the server. What it gives ends once `shutdown` is cancelled and all calls are done.
pub(super) fn serve(
    config: GrpcConfig,
    rpc: Rpc,
    health: HealthServer<impl Health>,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<impl Future<Output = Result<(), tonic::transport::Error>>, ServeError> {
    let metrics: &Arc<IngestMetrics> = rpc.acceptor.metrics();
    let calls = ObserveLayer(Arc::clone(&metrics.calls));
    let deadlines = DeadlineLayer { longest: config.timeout(), metrics: Arc::clone(metrics) };
    let callers = AuthenticateLayer { keys: Arc::clone(&rpc.keys), metrics: Arc::clone(metrics) };
    let ingest = IngestServer::new(rpc).max_decoding_message_size(MAX_REQUEST_BYTES);
    let router = Server::builder()
        .max_concurrent_streams(config.grpc_max_calls)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .layer(calls)
        .layer(deadlines)
        .add_service(callers.layer(ingest))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let incoming = incoming.with_keepalive(Some(KEEPALIVE));
    Ok(router.serve_with_incoming_shutdown(incoming, shutdown.cancelled_owned()))
}

fn reflection() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
