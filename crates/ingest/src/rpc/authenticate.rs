//! Whose call it is, found from its head: before a byte of its body is read, so that whoever has no key
//! makes nobody buffer anything. Wrapped around the calls alone: health and reflection are open to all.

use super::Keys;
use crate::auth::{Caller, Presented};
use crate::metrics::IngestMetrics;
use crate::refusal::Refusal;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::codegen::http::{Extensions, Request, Response};
use tonic::server::NamedService;
use tower::{Layer, Service};

/// Whoever makes a call.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) caller: Caller,
    /// The key, for calls that may outlive it.
    pub(super) presented: Arc<Presented>,
}

/// Who makes the call. The layer refuses whoever is not known; without it nobody is.
pub(super) fn of(extensions: &Extensions) -> Result<Known, Refusal> {
    extensions.get().cloned().ok_or(Refusal::KeyMissing)
}

/// Lets nobody through whose key was not checked.
#[derive(Clone)]
pub(crate) struct AuthenticateLayer {
    pub(crate) keys: Arc<Keys>,
    pub(crate) metrics: Arc<IngestMetrics>,
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticated { inner, layer: self.clone() }
    }
}

/// A service whose callers are known.
#[derive(Clone)]
pub(crate) struct Authenticated<S> {
    inner: S,
    layer: AuthenticateLayer,
}

impl<S: NamedService> NamedService for Authenticated<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B, R> Service<Request<B>> for Authenticated<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone that was asked whether it is ready is the one that is called.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let AuthenticateLayer { keys, metrics } = self.layer.clone();
        let presented = Presented::from_headers(request.headers());
        Box::pin(async move {
            match known(&keys, presented).await {
                Ok(known) => {
                    request.extensions_mut().insert(known);
                    inner.call(request).await
                }
                Err(refusal) => {
                    metrics.refused(&refusal);
                    Ok(Status::from(refusal).into_http())
                }
            }
        })
    }
}

async fn known(keys: &Keys, presented: Result<Presented, Refusal>) -> Result<Known, Refusal> {
    let presented = presented?;
    let caller = keys.caller(&presented).await?;
    Ok(Known { caller, presented: Arc::new(presented) })
}
