//! What can go wrong in a store. What a caller did wrong is no error but a result of its call.

use std::error::Error;
use std::sync::Arc;

type Source = Arc<dyn Error + Send + Sync>;

/// The store could not do what it was asked. Cheap to clone: one failed batch answers many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, silent, read-only, or out of connections: trying again may help.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// A stored value cannot be read: a row was changed by hand, or written by a newer version.
    #[error("stored {what} cannot be read")]
    Unreadable {
        /// Which value.
        what: &'static str,
    },
    /// The database refused the statement: a defect of ours.
    #[error("the database refused a statement")]
    Refused(#[source] Source),
}

impl StoreError {
    /// Whether trying again may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
