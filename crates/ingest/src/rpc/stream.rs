//! `StreamEvents`: events for as long as the caller sends some, answered in their order.
//!
//! *Theory of operation.* Events are put in line one after the other, and their answers
//! awaited in that order, at most [`MAX_UNANSWERED`] at a time; what is beyond that is not read, so
//! that HTTP/2's flow control slows the caller down. When the service stops, nothing more is read,
//! what was read is answered, and the stream ends with a status that says so. At the caller's
//! deadline everything is dropped at once.

use super::{Keys, event};
use crate::accept::Acceptor;
use crate::auth::Presented;
use crate::metrics::IngestMetrics;
use crate::proto::stream_events_response::Result as Item;
use crate::proto::{StreamEventsRequest, StreamEventsResponse};
use crate::refusal::{self, Refusal};
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use postrider_common::trace::TraceContext;
use std::future::ready;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tonic_types::FieldViolation;

/// Events of one stream that may wait for their answers.
const MAX_UNANSWERED: usize = 1024;

type Answer = Result<StreamEventsResponse, Status>;

/// What was read: an event by its place in the stream, or why nothing more will be read.
type Read = Result<(u64, Result<event::Begun, Refusal>), Status>;

/// One call of `StreamEvents`. Its key is checked for every event: a stream may outlive it.
pub(super) struct Call {
    pub(super) keys: Arc<Keys>,
    pub(super) presented: Arc<Presented>,
    pub(super) acceptor: Acceptor,
    /// What every event of the call is part of.
    pub(super) trace: Option<TraceContext>,
    pub(super) stopping: CancellationToken,
}

impl Call {
    /// The answers to what the caller sends.
    pub(super) fn answers(
        self,
        sent: Streaming<StreamEventsRequest>,
        deadline: Option<Instant>,
    ) -> BoxStream<'static, Answer> {
        let metrics = Arc::clone(self.acceptor.metrics());
        let counted = Arc::clone(&metrics);
        let answers = self.read(sent).map(move |read| answer(read, Arc::clone(&counted)));
        let answers = answers.buffered(MAX_UNANSWERED);
        let Some(deadline) = deadline else {
            return answers.boxed();
        };
        let late = stream::once(ready(())).filter_map(move |()| {
            let passed = Instant::now() >= deadline;
            ready(passed.then(|| {
                metrics.refused(&Refusal::DeadlineExceeded);
                Err(Refusal::DeadlineExceeded.into())
            }))
        });
        answers.take_until(sleep_until(deadline)).chain(late).boxed()
    }

    /// Reads events and puts each in line before it reads the next.
    fn read(self, sent: Streaming<StreamEventsRequest>) -> impl Stream<Item = Read> + Send {
        stream::unfold(Some((self, sent, 0)), async |state| {
            let (call, mut sent, index) = state?;
            let message = tokio::select! {
                biased;
                () = call.stopping.cancelled() => Err(Refusal::Stopping.into()),
                message = sent.message() => message,
            };
            match message {
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
                Ok(Some(request)) => {
                    let begun = call.begin(request).await;
                    Some((Ok((index, begun)), Some((call, sent, index + 1))))
                }
            }
        })
    }

    async fn begin(&self, request: StreamEventsRequest) -> Result<event::Begun, Refusal> {
        let caller = self.keys.caller(&self.presented).await?;
        let Some(event) = request.event else {
            return Err(Refusal::Invalid(vec![FieldViolation::new("event", "must be given")]));
        };
        event::begin(&self.acceptor, &caller, event, self.trace).await
    }
}

async fn answer(read: Read, metrics: Arc<IngestMetrics>) -> Answer {
    let (index, begun) = read?;
    let answer = match begun {
        Ok(begun) => begun.answer().await,
        Err(refusal) => Err(refusal),
    };
    let item = match answer.inspect_err(|refusal| metrics.refused(refusal)) {
        Ok(response) => Item::Response(response),
        Err(refusal) => Item::Error(refusal::of_item(refusal)),
    };
    Ok(StreamEventsResponse { index, result: Some(item) })
}
