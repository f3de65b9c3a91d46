//! Traces: the W3C context that a request carries, and spans that are exported over OTLP.
//!
//! *Theory of operation.* A [`TraceContext`] is passed on, and stored with its event, whether or not
//! this process exports anything. A [`Span`] is one only if [`init`] was told where to export to:
//! without that, starting one is a look at a cell that is empty, and costs no allocation and no lock.
//! Spans that end go to a bounded queue, from which a thread of its own exports them; what does not
//! fit is dropped, so that a collector that is slow or away delays nobody.
//!
//! Nothing is propagated implicitly: whoever starts a span names its parent. What services say in
//! their spans stands with them. Never in a span: payloads, secrets, keys, URLs' paths and queries.

mod config;
mod context;
mod export;
mod span;

pub use config::{TraceConfig, TraceError};
pub use context::{TraceContext, TraceContextError};
pub use export::{init, shutdown};
pub use span::{Kind, MAX_LINKS, Record, Span};
