//! Which of SQLite's errors mean that it is away, and which that a statement is wrong.

use crate::error::StoreError;
use sqlx::error::DatabaseError;
use std::sync::Arc;

/// Result codes after which trying again may help, from "Result and Error Codes": PERM, BUSY, LOCKED,
/// NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL.
const TRANSIENT: [u32; 10] = [3, 5, 6, 7, 8, 9, 10, 13, 14, 15];
const BUSY: u32 = 5;

/// The primary result code, which is the lowest byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Sorts a driver's error.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let transient = match &error {
        sqlx::Error::Database(_) => {
            primary_code(&error).is_some_and(|code| TRANSIENT.contains(&code))
        }
        sqlx::Error::Io(_)
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
}

impl<T> StoreResultExt<T> for Result<T, sqlx::Error> {
    fn or_store_error(self) -> Result<T, StoreError> {
        self.map_err(classify)
    }
}

/// Whether somebody else is writing.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(BUSY)
}

/// Whether a row refers to one that is not there.
pub(super) fn is_dangling(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(DatabaseError::is_foreign_key_violation)
}
