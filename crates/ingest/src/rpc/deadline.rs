//! The deadline of a call: the caller's `grpc-timeout`, or the service's own if that is shorter.
//!
//! At the deadline the call's future is dropped, which takes events that no batch has begun with
//! it. The server that is underneath would do the same for the caller's time-out, but answer CANCELLED,
//! which callers do not try again, and nothing for streams, whose first answer ends its clock.

use crate::metrics::IngestMetrics;
use crate::refusal::Refusal;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;
use tonic::codegen::http::{Extensions, HeaderValue, Request, Response};
use tower::{Layer, Service};

const SECONDS_PER_MINUTE: u64 = 60;
const SECONDS_PER_HOUR: u64 = 3600;

/// The instant at which the caller stops waiting.
#[derive(Clone, Copy)]
struct CallerDeadline(Instant);

/// The caller's deadline, if it set one.
pub(super) fn of(extensions: &Extensions) -> Option<Instant> {
    extensions.get::<CallerDeadline>().map(|deadline| deadline.0)
}

/// Bounds each call by its deadline, and by `longest` until its first answer.
#[derive(Clone, Debug)]
pub(crate) struct DeadlineLayer {
    pub(crate) longest: Duration,
    pub(crate) metrics: Arc<IngestMetrics>,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadlined<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadlined { inner, longest: self.longest, metrics: Arc::clone(&self.metrics) }
    }
}

/// A service whose calls have deadlines.
#[derive(Clone, Debug)]
pub(crate) struct Deadlined<S> {
    inner: S,
    longest: Duration,
    metrics: Arc<IngestMetrics>,
}

impl<S, B, R> Service<Request<B>> for Deadlined<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let given = request.headers().get("grpc-timeout").and_then(parse);
        if let Some(deadline) = given.and_then(|given| Instant::now().checked_add(given)) {
            request.extensions_mut().insert(CallerDeadline(deadline));
        }
        let limit = given.map_or(self.longest, |given| given.min(self.longest));
        let call = tokio::time::timeout(limit, self.inner.call(request));
        let metrics = Arc::clone(&self.metrics);
        Box::pin(async move {
            call.await.unwrap_or_else(|_| {
                metrics.refused(&Refusal::DeadlineExceeded);
                Ok(Status::from(Refusal::DeadlineExceeded).into_http())
            })
        })
    }
}

/// At most eight digits and a unit, as the gRPC protocol over HTTP/2 defines `Timeout`.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(amount * SECONDS_PER_HOUR)),
        b'M' => Some(Duration::from_secs(amount * SECONDS_PER_MINUTE)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}
