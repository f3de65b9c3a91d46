//! Which of PostgreSQL's errors mean that it is away, and which that a statement is wrong.

use crate::error::StoreError;
use std::sync::Arc;

/// SQLSTATE classes and codes after which trying again may help, from "Appendix A. PostgreSQL Error
/// Codes": connection exceptions, insufficient resources, operator intervention (shutdown, cancel),
/// serialisation failure, deadlock, lock not available, read-only transaction.
const TRANSIENT: [&str; 7] = ["08", "53", "57", "40001", "40P01", "55P03", "25006"];

/// Sorts a driver's error.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let transient = match &error {
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| TRANSIENT.iter().any(|start| code.starts_with(start)))
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    };
    let source = Arc::new(error);
    if transient { StoreError::Unavailable(source) } else { StoreError::Refused(source) }
}

/// Sorts the errors of a result.
pub(super) trait StoreResultExt<T> {
    /// Away or refused, as the error's code says.
    fn or_store_error(self) -> Result<T, StoreError>;
    /// Refused, whatever it is.
    fn or_refused(self) -> Result<T, StoreError>;
}

impl<T> StoreResultExt<T> for Result<T, sqlx::Error> {
    fn or_store_error(self) -> Result<T, StoreError> {
        self.map_err(classify)
    }

    fn or_refused(self) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Refused(Arc::new(error)))
    }
}

/// Whether the error is PostgreSQL's "no partition of relation found for row".
pub(super) fn is_missing_partition(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    // 23514 is also a failed CHECK, which names its constraint.
    error.code().as_deref() == Some("23514") && error.constraint().is_none()
}

/// Whether the error is PostgreSQL's "undefined table".
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("42P01"))
}

/// Whether the error is PostgreSQL's "lock not available".
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("55P03"))
}

/// Whether the error is a violation of this constraint or unique index.
pub(super) fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    error.constraint() == Some(constraint)
}
