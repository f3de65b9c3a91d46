//! Batches as parameters: the rows as one JSON array, their bytes as one BLOB.
//!
//! JSON holds ids as text, which statements turn back with `unhex(…, '-')`. It holds no bytes: these
//! lie one after the other in a BLOB, and a row says where, for `substr`.

use crate::error::StoreError;
use serde::Serialize;
use std::sync::Arc;

/// The rows of a batch, for `json_each`.
pub(super) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Refused(Arc::new(error)))
}

/// The bytes of all rows of a batch.
#[derive(Debug)]
pub(super) struct Bytes(Vec<u8>);

/// Where a row's bytes are, as `substr` counts: from 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Slice {
    at: usize,
    len: usize,
}

impl Default for Bytes {
    /// It is never empty: of an empty BLOB `substr` makes NULL.
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Bytes {
    /// Adds the bytes of a row.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Slice {
        let slice = Slice { at: self.0.len() + 1, len: bytes.len() };
        self.0.extend_from_slice(bytes);
        slice
    }

    /// The parameter.
    pub(super) fn into_blob(self) -> Vec<u8> {
        self.0
    }
}
