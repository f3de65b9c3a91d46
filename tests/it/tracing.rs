//! Traces through real processes, as a collector and a receiver see them.

mod away;
mod flow;
mod many;
mod passed_on;
mod refused;
mod retrying;
mod secrecy;

use postrider_ingest::proto::{PublishEventRequest, PublishEventResponse};
use postrider_testkit::{
    Behaviour, CollectedSpan, Collector, Customer, Receiver, Service, Stack, StackOptions,
};
use serde_json::{Value, json};
use std::time::Duration;
use tonic::Request;

/// Long enough for anything that should happen at once, on a busy machine.
const SOON: Duration = Duration::from_secs(30);
const PUBLISH_EVENT: &str = "postrider.v1.Ingest/PublishEvent";
const ATTEMPT: &str = "POST";

/// A stack with one tenant that has one endpoint.
struct Scene {
    stack: Stack,
    customer: Customer,
    receiver: Receiver,
}

impl Scene {
    async fn start(options: StackOptions, behaviour: Behaviour, hook: Value) -> Self {
        let stack = Stack::start(options).await;
        let customer = stack.customer("acme").await;
        let receiver = Receiver::start(behaviour).await;
        customer.hook(&receiver, hook).await;
        Self { stack, customer, receiver }
    }

    /// The same, with traces that go to this collector.
    async fn traced(collector: &Collector, behaviour: Behaviour, hook: Value) -> Self {
        Self::start(exporting_to(&collector.url()), behaviour, hook).await
    }

    /// A request with the tenant's key, in the trace that `traceparent` names.
    fn request<T>(&self, message: T, traceparent: &str) -> Request<T> {
        let mut request = self.customer.producer().request(message);
        request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
        request
    }

    async fn publish(&self, event: PublishEventRequest, traceparent: &str) -> PublishEventResponse {
        let request = self.request(event, traceparent);
        let answer = self.customer.producer().client().publish_event(request).await;
        answer.unwrap().into_inner()
    }

    /// Publishes until an event goes the usual way: right after a start the broker may not be there
    /// yet, and events then come by way of the schedule. Gives the spans of that event's trace.
    async fn through_the_broker(&self, collector: &Collector) -> (Parent, Vec<CollectedSpan>) {
        for _ in 0..20 {
            let parent = Parent::random();
            self.publish(event(), &parent.text()).await;
            let spans = collector
                .wait_for(|spans| parent.spans(spans).any(|span| span.name == ATTEMPT), SOON);
            spans.await.unwrap();
            let published = collector
                .wait_for(|spans| parent.spans(spans).any(is_publish), Duration::from_secs(2));
            if published.await.is_ok() {
                let of_trace = |spans: &[CollectedSpan]| parent.spans(spans).count() >= 4;
                let spans = collector.wait_for(of_trace, SOON).await.unwrap();
                let spans = parent.spans(&spans).cloned().collect();
                return (parent, spans);
            }
        }
        panic!("no event went through the broker");
    }
}

/// Options of a stack that exports to this URL, often.
fn exporting_to(url: &str) -> StackOptions {
    everywhere(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_BSP_SCHEDULE_DELAY", "50")])
}

/// Options of a stack with these variables in every process.
fn everywhere(variables: &[(&str, &str)]) -> StackOptions {
    let each = |service| variables.iter().map(move |(name, value)| (service, *name, *value));
    let all = Service::ALL.into_iter().flat_map(each);
    all.fold(StackOptions::default(), |options, (service, name, value)| {
        options.env(service, name, value)
    })
}

/// A producer's span.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parent {
    trace_id: String,
    span_id: String,
}

impl Parent {
    fn random() -> Self {
        let (trace, span) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let span = span.as_simple().to_string();
        Self { trace_id: trace.as_simple().to_string(), span_id: span[..16].to_owned() }
    }

    fn text(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }

    /// The spans of its trace.
    fn spans<'a>(&self, spans: &'a [CollectedSpan]) -> impl Iterator<Item = &'a CollectedSpan> {
        spans.iter().filter(|span| span.trace_id == self.trace_id)
    }
}

fn event() -> PublishEventRequest {
    PublishEventRequest {
        event_type: "user.created".to_owned(),
        payload: json!({ "id": 7 }).to_string().into(),
        ..PublishEventRequest::default()
    }
}

fn is_publish(span: &CollectedSpan) -> bool {
    span.name == "publish deliveries.first.v1" && !span.failed
}

/// The only span of this name.
fn only<'a>(spans: &'a [CollectedSpan], name: &str) -> &'a CollectedSpan {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "one {name} among {spans:#?}");
    found[0]
}
