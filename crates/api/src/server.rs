//! Serving HTTP/1.1 connections, bounded in number and in how slow they may be.
//!
//! axum's own `serve` sets no limit on either.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use postrider_common::shutdown::drain;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections at a time; further ones wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 1024;
/// How long a connection may take to send a request's head; also how long it may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How long accepting pauses when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves until `shutdown` is cancelled, then lets requests in flight finish within the grace and
/// cuts off what remains.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    grace: Duration,
) {
    let connections = GracefulShutdown::new();
    let cut = CancellationToken::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some((stream, permit)) = accept(&listener, &room, &shutdown).await {
        let service = TowerToHyperService::new(router.clone());
        let connection = connections.watch(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(MAX_HEAD)
                .serve_connection(TokioIo::new(stream), service),
        );
        let cut = cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => log_end(ended),
                () = cut.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    drain("http", grace, connections.shutdown()).await;
    cut.cancel();
}

/// The next connection, with the permit that was taken before it; `None` when told to stop.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let next = async {
        let permit = Arc::clone(room).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, permit)),
                Err(error) => after_failure(&error).await,
            }
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => None,
        connection = next => connection,
    }
}

/// A client that went away before it was accepted is nobody's concern; everything else is the
/// process's own trouble, which a pause may end.
async fn after_failure(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
