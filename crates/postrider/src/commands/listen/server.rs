//! Receiving: reads a request, judges it, reports it, and answers as was asked for.

use super::answers::{Answer, Policy, Reply};
use super::report::{BodyProblem, Event, Report, Request};
use super::seen::Seen;
use crate::clock;
use crate::verifier::{Verdict, Verifier};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use postrider_contract::Received;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// What all requests share.
pub(super) struct Receiver {
    verifier: Verifier,
    answers: Policy,
    seen: Mutex<Seen>,
    received: AtomicU64,
    reports: mpsc::Sender<Report>,
}

/// Receives until `closing` is cancelled, and then until what was begun is answered.
pub(super) async fn serve(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    closing: CancellationToken,
) -> io::Result<()> {
    let app = Router::new().fallback(receive).with_state(receiver);
    axum::serve(listener, app).with_graceful_shutdown(closing.cancelled_owned()).await
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = read(body).await;
    let (number, request) = receiver.judge(&head, body);
    let answer = request.answer;
    // Nobody takes reports any more once this is about to stop.
    let event = Event::Received(Box::new(request));
    let _ = receiver.reports.send(Report { number, event }).await;
    let began = Instant::now();
    let waiting = Waiting { receiver: &receiver, number, answer, began, is_over: false };
    let status = waiting.wait().await;
    let said = if answer.fails_on_purpose() { "failed on purpose\n" } else { "" };
    (status, said).into_response()
}

async fn read(body: Body) -> Result<Bytes, BodyProblem> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyProblem::TooLarge),
        Err(_) => Err(BodyProblem::BrokeOff),
    }
}

impl Receiver {
    pub(super) fn new(verifier: Verifier, answers: Policy, reports: mpsc::Sender<Report>) -> Self {
        let (seen, received) = (Mutex::default(), AtomicU64::new(0));
        Self { verifier, answers, seen, received, reports }
    }

    /// The request's number, and all that there is to say about it.
    fn judge(&self, head: &request::Parts, body: Result<Bytes, BodyProblem>) -> (u64, Request) {
        let headers = pairs(&head.headers);
        let received = Received { headers: &headers, body: body.as_deref().unwrap_or_default() };
        let contract = &self.verifier.contract;
        let delivery_id = contract.delivery_id(&received);
        // Requests without an id fail together, but are no repeats of one another.
        let id = delivery_id.as_deref().unwrap_or_default();
        let times = self.seen.lock().unwrap_or_else(PoisonError::into_inner).count(id);
        let verdict = match body {
            Ok(_) => self.verifier.judge(&received),
            Err(_) => Verdict::Unread,
        };
        let request = Request {
            at: clock::now(),
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: head.headers.clone(),
            event_type: contract.event_type(&received),
            seen: if delivery_id.is_some() { times } else { 1 },
            answer: self.answer(&body, &verdict, times),
            body,
            delivery_id,
            verdict,
        };
        (self.received.fetch_add(1, Ordering::Relaxed) + 1, request)
    }

    fn answer(&self, body: &Result<Bytes, BodyProblem>, verdict: &Verdict, seen: u32) -> Answer {
        match body {
            Ok(_) => self.answers.answer(verdict.is_verified(), seen, rand::random()),
            Err(BodyProblem::TooLarge) => Answer::fault(StatusCode::PAYLOAD_TOO_LARGE),
            Err(BodyProblem::BrokeOff) => Answer::fault(StatusCode::BAD_REQUEST),
        }
    }
}

/// The headers as the contract takes them.
fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// An answer that is not given yet. When the sender goes, the server drops it.
struct Waiting<'a> {
    receiver: &'a Receiver,
    number: u64,
    answer: Answer,
    began: Instant,
    is_over: bool,
}

impl Waiting<'_> {
    /// Waits until the answer is due, if it ever is, and gives its status.
    async fn wait(mut self) -> StatusCode {
        let Reply::Status(status) = self.answer.reply else {
            return std::future::pending().await;
        };
        if self.answer.follows() {
            tokio::time::sleep(self.answer.delay).await;
        }
        self.is_over = true;
        if self.answer.follows() {
            let event = Event::Answered { status, after: self.began.elapsed() };
            let _ = self.receiver.reports.send(Report { number: self.number, event }).await;
        }
        status
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let after = self.began.elapsed();
        let event =
            if self.answer.follows() { Event::Left { after } } else { Event::GaveUp { after } };
        // Nothing can wait here; that it is missing from a busy screen does no harm.
        let _ = self.receiver.reports.try_send(Report { number: self.number, event });
    }
}
