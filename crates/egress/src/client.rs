//! Sending one POST through the guard, under one deadline.
//!
//! One HTTP/1.1 client with one connection pool serves all endpoints. It follows no redirects,
//! knows no proxies, decompresses nothing and adds no header of its own but `Host` and
//! `Content-Length`. It is hyper's pooled client rather than a wrapper of it, because wrappers
//! add headers that cannot be taken away (`Accept`), parse the URL again for every request, and
//! hide the error types that the kinds of failure are told apart by.

mod body;
mod connector;
mod failure;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::config::EgressConfig;
use crate::exchange::{Answer, Exchange, Failure, FailureKind, Outcome};
use crate::guard::Guard;
use crate::target::TargetUrl;
use connector::{Connector, DEADLINE};

pub use tls::ClientError;

const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bounds a response's head, and how much of a body is read at once, in bytes.
const READ_BUFFER: usize = 64 * 1024;
/// Stands in for a deadline so far away that the clock cannot express it.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

/// A POST to be sent. Its `Debug` form shows neither header values nor the body.
pub struct Request<'a> {
    /// Where it goes.
    pub url: &'a TargetUrl,
    /// The header fields, sent in this order after `Host`, names in title case. Fields that frame
    /// the message or steer the connection (`Host`, `Content-Length`, `Transfer-Encoding`,
    /// `Connection`, `TE`, `Trailer`, `Upgrade`, `Expect`) are the client's own and are left out.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, sent as it is.
    pub body: Bytes,
    /// The one deadline, from the call on, over resolving, connecting, TLS, head and body.
    pub timeout: Duration,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("url", self.url)
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl Request<'_> {
    /// The header fields as they go over the wire, the client's own among them, to store and show:
    /// names in title case, values that are no UTF-8 shown lossily.
    pub fn header_lines(&self) -> Vec<(String, String)> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (title_case(name.as_str()), value)
        };
        self.fields().iter().map(line).collect()
    }

    fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(self.headers.len() + 2);
        fields.append(header::HOST, self.url.host_header());
        for (name, value) in &self.headers {
            if !is_framing(name) {
                fields.append(name.clone(), value.clone());
            }
        }
        fields.append(header::CONTENT_LENGTH, self.body.len().into());
        fields
    }
}

/// The guarded HTTP client. Cheap to clone; one per process, so that connections are shared.
#[derive(Clone)]
pub struct Client {
    guard: Guard,
    http: legacy::Client<Connector, Full<Bytes>>,
}

impl Client {
    /// Builds the client; fails when the configured root certificates cannot be used.
    pub fn new(guard: Guard, config: &EgressConfig) -> Result<Self, ClientError> {
        let tls = tls::config(config.ca_file.as_deref())?;
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .http1_title_case_headers(true)
            .http1_max_buf_size(READ_BUFFER)
            .set_host(false)
            .build(Connector::new(guard.clone(), tls));
        Ok(Self { guard, http })
    }

    /// Sends the request and reads the answer, within its deadline. Never fails otherwise than in
    /// the exchange that it gives; when dropped, the request is abandoned and its connection closed.
    pub async fn send(&self, request: Request<'_>) -> Exchange {
        let started = Instant::now();
        let outcome = self.exchange(request, started).await.unwrap_or_else(Outcome::Failed);
        Exchange { outcome, duration: started.elapsed() }
    }

    /// Whether a request to this URL would get as far as a name server: not while too many names are being
    /// looked up, which [`send`](Self::send) would answer with [`Outcome::Busy`]. Takes up to two seconds,
    /// and spares the request that follows the lookup.
    pub async fn can_look_up(&self, url: &TargetUrl) -> bool {
        self.guard.can_look_up(url).await
    }

    async fn exchange(&self, request: Request<'_>, started: Instant) -> Result<Outcome, Failure> {
        if !self.guard.permits_literal(request.url) {
            return Err(failure::forbidden());
        }
        let deadline = started + request.timeout.min(LONGEST_TIMEOUT);
        let response = self.http.request(into_http(request));
        let response = timeout_at(deadline, DEADLINE.scope(deadline, response)).await;
        match response.map_err(|_| failure::timed_out())? {
            Ok(response) => Ok(Outcome::Answered(read_answer(response, deadline).await)),
            Err(error) if failure::is_busy(&error) => Ok(Outcome::Busy),
            Err(error) => Err(failure::classify(&error)),
        }
    }
}

async fn read_answer(response: http::Response<Incoming>, deadline: Instant) -> Answer {
    let (head, body) = response.into_parts();
    let (body, body_note) = body::read(body, deadline).await;
    Answer { status: head.status.as_u16(), headers: head.headers, body, body_note }
}

fn into_http(request: Request<'_>) -> http::Request<Full<Bytes>> {
    let fields = request.fields();
    let mut http = http::Request::new(Full::new(request.body));
    *http.method_mut() = Method::POST;
    *http.uri_mut() = request.url.uri();
    *http.headers_mut() = fields;
    http
}

/// A field's name as hyper writes it: the first letter, and each after a hyphen, is a capital.
fn title_case(name: &str) -> String {
    let mut before = '-';
    let cased = name.chars().map(|letter| {
        let starts = std::mem::replace(&mut before, letter) == '-';
        if starts { letter.to_ascii_uppercase() } else { letter }
    });
    cased.collect()
}

fn is_framing(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST
            | header::CONTENT_LENGTH
            | header::TRANSFER_ENCODING
            | header::CONNECTION
            | header::TE
            | header::TRAILER
            | header::UPGRADE
            | header::EXPECT
    )
}
