//! Messages in traces: publishing one as part of the traces of its events, and working on it.
//!
//! A message that is part of no trace has no spans either: it would begin a trace of its own, which
//! nobody could find from an event.

use crate::broker::{Broker, Published, Queue};
use crate::error::BrokerError;
use crate::message::WorkMessage;
use crate::metrics::result;
use postrider_common::trace::{Kind, MAX_LINKS, Span, TraceContext};

/// The traces that the events of one message are part of, each once, as many as a span tells.
#[derive(Clone, Debug, Default)]
pub struct Traces(Vec<TraceContext>);

impl Traces {
    fn add(&mut self, trace: TraceContext) {
        // The first is the parent, the others are links.
        if self.0.len() <= MAX_LINKS && !self.0.contains(&trace) {
            self.0.push(trace);
        }
    }
}

impl FromIterator<TraceContext> for Traces {
    fn from_iter<I: IntoIterator<Item = TraceContext>>(traces: I) -> Self {
        let mut all = Self::default();
        traces.into_iter().for_each(|trace| all.add(trace));
        all
    }
}

/// Publishes a message as [`Broker::publish`] does, in a span whose parent is in the first of the
/// traces and which is linked to the others. The message gets that span's context, or without an
/// exporter the first trace's.
pub async fn publish_traced(
    broker: &dyn Broker,
    queue: Queue,
    message: WorkMessage,
    traces: &Traces,
) -> (WorkMessage, Result<Published, BrokerError>) {
    let mut span = match traces.0.split_first() {
        Some((first, others)) => {
            let (name, others) = (queue.name(), others.iter().copied());
            Span::start(Kind::Producer, format_args!("publish {name}"), Some(*first), others)
        }
        None => Span::none(),
    };
    describe(&mut span, broker.system(), queue, &message, ("send", "publish"));
    let message = message.with_trace(span.context().or(traces.0.first().copied()));
    let published = broker.publish(queue, &message).await;
    if !matches!(published, Ok(Published::Confirmed)) {
        span.record(|span| span.fail(result(&published)));
    }
    (message, published)
}

/// The span of working on a message that was received from a broker of this system.
pub fn process_span(system: &'static str, queue: Queue, message: &WorkMessage) -> Span {
    let Some(parent) = message.trace() else {
        return Span::none();
    };
    let name = queue.name();
    let mut span = Span::start(Kind::Consumer, format_args!("process {name}"), Some(parent), []);
    describe(&mut span, system, queue, message, ("process", "process"));
    span
}

/// As the conventions for messaging say; `operation` is its type and its name.
fn describe(
    span: &mut Span,
    system: &'static str,
    queue: Queue,
    message: &WorkMessage,
    operation: (&'static str, &'static str),
) {
    span.record(|span| {
        span.set("messaging.system", system);
        span.set("messaging.destination.name", queue.name());
        span.set("messaging.operation.type", operation.0);
        span.set("messaging.operation.name", operation.1);
        span.set("postrider.deliveries", i64::try_from(message.items().len()).unwrap_or(i64::MAX));
    });
}
