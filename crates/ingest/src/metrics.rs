//! What ingest counts and measures. `docs/metrics.md` says what each is good for.

use crate::refusal::{REASONS, Refusal};
use postrider_broker::BrokerMetrics;
use postrider_common::metrics::{
    BatchMetrics, Counter, Counters, Gauge, Histogram, Metrics, request_seconds,
};
use postrider_store::{Accepted, StoreError, StoreMetrics};
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

/// What ingest counts and measures.
#[derive(Debug)]
pub(crate) struct IngestMetrics {
    /// Of the database.
    pub(crate) store: StoreMetrics,
    /// Of the broker.
    pub(crate) broker: BrokerMetrics,
    /// Of the calls.
    pub(crate) calls: Arc<CallMetrics>,
    /// Whether what is accepted is handed to the broker.
    pub(crate) gate_open: Gauge,
    batches: BatchMetrics,
    accepted: Counter,
    duplicates: Counter,
    deliveries: Counter,
    refused: Counters<&'static str>,
}

impl IngestMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            store: StoreMetrics::register(metrics),
            broker: BrokerMetrics::register(metrics),
            calls: Arc::new(CallMetrics::register(metrics)),
            gate_open: metrics.register(
                "broker_gate_open",
                "Whether accepted deliveries are handed to the broker, and not left to the schedule",
                Gauge::default(),
            ),
            batches: BatchMetrics::register(metrics, "accept"),
            accepted: metrics.counter("events_accepted", "Events that were stored"),
            duplicates: metrics
                .counter("events_duplicate", "Events that had been accepted before, by their key"),
            deliveries: metrics
                .counter("deliveries_accepted", "Deliveries that accepted events made"),
            refused: metrics.counters(
                "events_refused",
                "Events, or whole calls, that were refused, by the reason that their caller was given",
                ["reason"],
                REASONS.map(|reason| (reason, [reason])),
            ),
        }
    }

    /// Counts a batch and what became of its events; refused ones are counted when their callers are
    /// answered.
    pub(crate) fn committed(&self, outcomes: &[Result<Accepted, StoreError>], took: Duration) {
        let (mut accepted, mut duplicates, mut made) = (0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Ok(Accepted::New { deliveries, .. }) => {
                    accepted += 1;
                    made += u64::from(*deliveries);
                }
                Ok(Accepted::Duplicate { .. }) => duplicates += 1,
                _ => {}
            }
        }
        self.accepted.inc_by(accepted);
        self.duplicates.inc_by(duplicates);
        self.deliveries.inc_by(made);
        self.batches.observe(outcomes.len(), took);
    }

    /// Counts a refusal that somebody is answered with.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.refused.inc(&refusal.reason());
    }
}

/// A call, as far as it is told apart from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    PublishEvent,
    PublishEvents,
    StreamEvents,
    /// Health, reflection, and what does not exist.
    Other,
}

impl Method {
    const ALL: [Self; 4] =
        [Self::PublishEvent, Self::PublishEvents, Self::StreamEvents, Self::Other];

    /// The call that a request's path names.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/postrider.v1.Ingest/PublishEvent" => Self::PublishEvent,
            "/postrider.v1.Ingest/PublishEvents" => Self::PublishEvents,
            "/postrider.v1.Ingest/StreamEvents" => Self::StreamEvents,
            _ => Self::Other,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::PublishEvent => "PublishEvent",
            Self::PublishEvents => "PublishEvents",
            Self::StreamEvents => "StreamEvents",
            Self::Other => "other",
        }
    }
}

/// The codes of gRPC, under the names that its specification gives them.
const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "CANCELLED"),
    (Code::Unknown, "UNKNOWN"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (Code::NotFound, "NOT_FOUND"),
    (Code::AlreadyExists, "ALREADY_EXISTS"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::Aborted, "ABORTED"),
    (Code::OutOfRange, "OUT_OF_RANGE"),
    (Code::Unimplemented, "UNIMPLEMENTED"),
    (Code::Internal, "INTERNAL"),
    (Code::Unavailable, "UNAVAILABLE"),
    (Code::DataLoss, "DATA_LOSS"),
    (Code::Unauthenticated, "UNAUTHENTICATED"),
];

/// The name that gRPC gives a code.
pub(crate) fn code_name(code: Code) -> &'static str {
    CODES[code as usize].1
}

/// What is counted and measured of calls.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    ended: Counters<(Method, i32)>,
    durations: [Histogram; 4],
}

impl CallMetrics {
    fn register(metrics: &Metrics) -> Self {
        let values = Method::ALL.into_iter().flat_map(|method| {
            CODES.map(|(code, name)| ((method, code as i32), [method.as_str(), name]))
        });
        let durations = metrics.histograms(
            "grpc_call_duration_seconds",
            "How long calls took, to the end of their answer, by method",
            request_seconds,
        );
        Self {
            ended: metrics.counters(
                "grpc_calls",
                "Calls that ended, by method and status code",
                ["method", "code"],
                values,
            ),
            durations: Method::ALL
                .map(|method| durations.get_or_create_owned(&[("method", method.as_str())])),
        }
    }

    /// Counts a call that ended.
    pub(crate) fn ended(&self, method: Method, code: Code, took: Duration) {
        self.ended.inc(&(method, code as i32));
        self.durations[method as usize].observe(took.as_secs_f64());
    }
}
