//! Why a dispatcher could not be built.

use postrider_broker::BrokerError;
use postrider_egress::ClientError;
use postrider_store::StoreError;

/// A dispatcher could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database's URL is not usable.
    #[error("the store could not be set up")]
    Store(#[from] StoreError),
    /// The broker's URL is not usable.
    #[error("the broker could not be set up")]
    Broker(#[from] BrokerError),
    /// The client for customers' endpoints could not be set up.
    #[error("the HTTP client could not be set up")]
    Client(#[from] ClientError),
}
