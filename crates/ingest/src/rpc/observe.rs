//! Counts each call with the code that it ended with, however it ended: the code comes in the head of
//! an answer without messages, else after the last message. A call's span ends with it as well.

use super::trace;
use crate::metrics::{CallMetrics, Method};
use http_body::{Body, Frame, SizeHint};
use postrider_common::trace::Span;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

/// Counts the calls of whatever is underneath.
#[derive(Clone, Debug)]
pub(crate) struct ObserveLayer(pub(crate) Arc<CallMetrics>);

impl<S> Layer<S> for ObserveLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed { inner, metrics: Arc::clone(&self.0) }
    }
}

/// A service whose calls are counted.
#[derive(Clone, Debug)]
pub(crate) struct Observed<S> {
    inner: S,
    metrics: Arc<CallMetrics>,
}

impl<S, B, R> Service<Request<B>> for Observed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let method = Method::of(request.uri().path());
        let mut call = Call {
            metrics: Arc::clone(&self.metrics),
            method,
            span: trace::begin(method, &mut request),
            began: Instant::now(),
            code: None,
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            call.learn(answer.headers());
            Ok(answer.map(|inner| ObservedBody { inner, call }))
        })
    }
}

/// A call that is being answered; dropped, it is counted.
#[derive(Debug)]
struct Call {
    metrics: Arc<CallMetrics>,
    method: Method,
    span: Span,
    began: Instant,
    code: Option<Code>,
}

impl Call {
    fn learn(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Without a code the caller went away before the end.
        let code = self.code.unwrap_or(Code::Cancelled);
        self.metrics.ended(self.method, code, self.began.elapsed());
        trace::end(&mut self.span, code);
    }
}

/// The messages of an answer, and the code after them.
#[derive(Debug)]
pub(crate) struct ObservedBody<R> {
    inner: R,
    call: Call,
}

impl<R: Body + Unpin> Body for ObservedBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.learn(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
