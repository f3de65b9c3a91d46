//! The Broker seam: carrying work from ingest to dispatchers, as a trait, with an adapter per engine
//! and one conformance suite that every adapter passes.
//!
//! A broker may lose, repeat, delay or refuse any message: the store holds the obligation, and this
//! crate does not know it.

mod broker;
mod config;
mod error;
mod in_process;
mod message;
mod metrics;
mod rabbitmq;
mod trace;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use broker::{Broker, Consumer, Incoming, Published, Queue, SharedBroker};
pub use config::{BrokerConfig, BrokerConfigError, BrokerPrefix, connect};
pub use error::{BrokerError, Cause};
pub use in_process::InProcessBroker;
pub use message::{DecodeError, MAX_DELIVERIES, MAX_MESSAGE_BYTES, WorkItem, WorkMessage};
pub use metrics::{BrokerMetrics, metered};
pub use rabbitmq::RabbitBroker;
pub use trace::{Traces, process_span, publish_traced};
