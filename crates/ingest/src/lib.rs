//! The gRPC service that accepts events, and the generated client for it.
//!
//! A call is authenticated (`auth`), each event validated (`validate`) and accepted together with
//! what gathered (`accept`). What was committed as `queued` is then published (`publish`), which
//! no answer waits for. Nobody else publishes events; what happens to deliveries
//! is the dispatcher's business.

mod accept;
mod auth;
mod config;
mod event_ids;
mod fingerprint;
mod gate;
mod metrics;
pub mod proto;
mod publish;
mod refusal;
mod room;
mod rpc;
mod service;
mod upkeep;
mod validate;

pub use config::{Config, GrpcConfig};
pub use fingerprint::fingerprint;
pub use room::{ROOM_PER_TENANT, Room};
pub use service::{BuildError, Engines, ServeError, Service};
pub use validate::{MAX_PAYLOAD_BYTES, validate};
