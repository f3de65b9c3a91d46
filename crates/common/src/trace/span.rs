//! Spans, as far as services need them: started with a parent and links, told what they are about,
//! ended by being dropped. What they are over is the `opentelemetry` API, which no other crate sees.

use super::context::TraceContext;
use super::export;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace as sdk;
use std::borrow::Cow;
use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// Links that one span has at most.
pub const MAX_LINKS: usize = 32;

/// The side of an exchange that a span is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Makes one.
    Client,
    /// Sends a message.
    Producer,
    /// Works on one.
    Consumer,
}

/// Something that is being done; it ends when it is dropped. Without an exporter it is nothing.
#[derive(Debug)]
#[must_use = "a span lasts until it is dropped"]
pub struct Span(Option<Box<sdk::Span>>);

impl Span {
    /// No span.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Starts a span. Without a parent it begins a trace, if the sampler says so. Of the links, which
    /// say what else it is for, the first [`MAX_LINKS`] are kept.
    pub fn start(
        kind: Kind,
        name: fmt::Arguments<'_>,
        parent: Option<TraceContext>,
        links: impl IntoIterator<Item = TraceContext>,
    ) -> Self {
        let Some(tracer) = export::tracer() else {
            return Self::none();
        };
        let name = name.as_str().map_or_else(|| Cow::Owned(name.to_string()), Cow::Borrowed);
        let links = links.into_iter().take(MAX_LINKS);
        let builder = tracer
            .span_builder(name)
            .with_kind(kind.into())
            .with_links(links.map(|link| Link::with_context(link.into())).collect());
        // The thread has no context of its own, or spans of one task would be another's parents.
        let parent = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent.into()),
            None => Context::new(),
        };
        Self(Some(Box::new(tracer.build_with_context(builder, &parent))))
    }

    /// The context that is passed on to whatever is done for this span.
    pub fn context(&self) -> Option<TraceContext> {
        let context = self.0.as_ref()?.span_context();
        Some(TraceContext {
            trace_id: NonZeroU128::new(u128::from_be_bytes(context.trace_id().to_bytes()))?,
            span_id: NonZeroU64::new(u64::from_be_bytes(context.span_id().to_bytes()))?,
            sampled: context.is_sampled(),
        })
    }

    /// Says what the span is about; `say` is called only if the span will be exported.
    pub fn record(&mut self, say: impl FnOnce(&mut Record<'_>)) {
        if let Some(span) = self.0.as_deref_mut().filter(|span| span.is_recording()) {
            say(&mut Record(span));
        }
    }
}

/// What is said of a span, under the names of OpenTelemetry's semantic conventions.
#[derive(Debug)]
pub struct Record<'a>(&'a mut sdk::Span);

impl Record<'_> {
    /// An attribute of the span.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// That what the span stands for has failed, and by which kind of error (`error.type`), which is
    /// one of few.
    pub fn fail(&mut self, kind: impl Into<Value>) {
        self.set("error.type", kind);
        self.0.set_status(Status::error(""));
    }
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Server => Self::Server,
            Kind::Client => Self::Client,
            Kind::Producer => Self::Producer,
            Kind::Consumer => Self::Consumer,
        }
    }
}

impl From<TraceContext> for SpanContext {
    fn from(context: TraceContext) -> Self {
        let flags = TraceFlags::default().with_sampled(context.sampled);
        Self::new(
            TraceId::from(context.trace_id.get()),
            SpanId::from(context.span_id.get()),
            flags,
            true,
            TraceState::default(),
        )
    }
}
