//! What can go wrong between a service and its broker.
//!
//! None of it loses an event: whoever publishes leaves the delivery to the store's schedule.

use crate::config::BrokerConfigError;
use std::error::Error;
use std::sync::Arc;

/// The engine's own account of a failure, for logs. Nothing decides on it.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A call to the broker failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// The configuration cannot be understood.
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    /// There is no connection now. Answered at once: nothing waits for the broker to come back.
    #[error("no connection to the broker")]
    Unavailable(#[source] Option<Cause>),
    /// The broker is short of memory or disk and takes no messages now. Answered at once.
    #[error("the broker is short of memory or disk and takes no messages")]
    Blocked,
    /// The connection broke while the broker was to answer.
    #[error("the connection to the broker broke")]
    Lost(#[source] Cause),
    /// The broker did not answer in time.
    #[error("the broker did not answer in time")]
    TimedOut,
    /// [`crate::Broker::close`] was called.
    #[error("the connections to the broker were closed")]
    Closed,
    /// The message could not be written.
    #[error("the message cannot be encoded")]
    Encode(#[source] Arc<serde_json::Error>),
}
