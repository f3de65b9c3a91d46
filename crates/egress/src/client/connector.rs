//! Making a connection: vetted addresses, TCP, TLS, each failing with a type of its own.
//!
//! hyper's pool calls it when no idle connection is left. It looks names up through the guard and
//! connects to what the guard gave; literal addresses were judged before.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use futures::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::guard::Guard;
use crate::lookup::LookupError;
use crate::resolver::ResolveError;

/// Shared by the addresses of one host, so that one that does not answer leaves time for the next.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
/// How much sooner than the request a step gives up, so that the step is what gets the blame.
const MARGIN: Duration = Duration::from_millis(5);
/// For steps outside of any request.
const FALLBACK: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// When the request that a connection is made for must be over.
    pub(super) static DEADLINE: Instant;
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Resolve(ResolveError),
    #[error("no TCP connection")]
    Tcp(#[source] Box<dyn Error + Send + Sync>),
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("the TLS handshake did not end in time")]
    TlsTimeout,
    #[error("the host cannot be named in a TLS handshake")]
    TlsName(#[source] InvalidDnsNameError),
}

type Tcp = TokioIo<TcpStream>;

/// Connects to http and https URIs.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Names>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(guard: Guard, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names(guard));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(TCP_TIMEOUT));
        Self { tcp, tls: Arc::new(tls).into() }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tcp>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(tcp_error)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let give_up = give_up();
        let connecting = self.tcp.call(uri.clone());
        let tls = self.tls.clone();
        Box::pin(async move {
            let stream = connecting.await.map_err(tcp_error)?;
            if uri.scheme() != Some(&Scheme::HTTPS) {
                return Ok(MaybeHttpsStream::Http(stream));
            }
            let handshake = tls.connect(server_name(&uri)?, TokioIo::new(stream));
            let stream = timeout_at(give_up, handshake)
                .await
                .map_err(|_| ConnectError::TlsTimeout)?
                .map_err(ConnectError::Tls)?;
            Ok(MaybeHttpsStream::Https(TokioIo::new(stream)))
        })
    }
}

/// The guard as hyper's name resolver.
#[derive(Clone)]
pub(super) struct Names(Guard);

impl Service<Name> for Names {
    type Response = vec::IntoIter<std::net::SocketAddr>;
    type Error = ResolveError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let give_up = give_up();
        let guard = self.0.clone();
        Box::pin(async move {
            let vetted = timeout_at(give_up, guard.resolve(name.as_str()))
                .await
                .map_err(|_| ResolveError::Lookup(Arc::new(LookupError::TimedOut)))??;
            Ok(vetted.into_iter())
        })
    }
}

/// When a step of connecting must be over.
fn give_up() -> Instant {
    let deadline = DEADLINE.try_with(|deadline| *deadline - MARGIN);
    deadline.unwrap_or_else(|_| Instant::now() + FALLBACK)
}

/// Finds the guard's own error among the causes of the TCP connector's.
fn tcp_error(error: impl Error + Send + Sync + 'static) -> ConnectError {
    let resolve = super::failure::causes(&error)
        .find_map(|cause| cause.downcast_ref::<ResolveError>())
        .cloned();
    match resolve {
        Some(resolve) => ConnectError::Resolve(resolve),
        None => ConnectError::Tcp(Box::new(error)),
    }
}

fn server_name(uri: &Uri) -> Result<ServerName<'static>, ConnectError> {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(ConnectError::TlsName)
}
