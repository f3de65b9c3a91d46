//! Rows as both engines keep them, and what of the domain they stand for.
//!
//! The statements are the engines' own; what a column means is said here, once. Types of columns that
//! the engines have in different forms are parameters.

pub(crate) mod api_key;
pub(crate) mod attempt;
pub(crate) mod breaker;
pub(crate) mod columns;
pub(crate) mod contract;
pub(crate) mod delivery;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod operational;
pub(crate) mod probe;
pub(crate) mod reaped;
pub(crate) mod replay;
pub(crate) mod statistics;
pub(crate) mod tenant;

use crate::error::StoreError;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::DeliveryState;
use postrider_common::tenant::TenantId;
use serde::de::DeserializeOwned;
use std::time::Duration;
use time::OffsetDateTime;

/// A time as an engine keeps it.
pub(crate) trait StoredTime {
    /// The time that it stands for.
    fn read(self) -> Result<OffsetDateTime, StoreError>;
}

impl StoredTime for OffsetDateTime {
    fn read(self) -> Result<Self, StoreError> {
        Ok(self)
    }
}

/// A list as an engine keeps it: as an array, or as the text of a JSON array.
pub(crate) trait StoredList<T> {
    /// The list that it stands for; `None` when it is none.
    fn read(self) -> Option<Vec<T>>;
}

impl<T> StoredList<T> for Vec<T> {
    fn read(self) -> Option<Self> {
        Some(self)
    }
}

impl<T: DeserializeOwned> StoredList<T> for String {
    fn read(self) -> Option<Vec<T>> {
        serde_json::from_str(&self).ok()
    }
}

pub(crate) fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { what }
}

/// Reads a delivery's state.
pub(crate) fn state(name: &str) -> Result<DeliveryState, StoreError> {
    DeliveryState::from_name(name).ok_or(unreadable("delivery state"))
}

fn time<T: StoredTime>(time: Option<T>) -> Result<Option<OffsetDateTime>, StoreError> {
    time.map(StoredTime::read).transpose()
}

fn natural(number: i32) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| unreadable("count"))
}

fn status(number: i16) -> Result<u16, StoreError> {
    u16::try_from(number).map_err(|_| unreadable("status"))
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

fn tenant(id: String) -> Result<TenantId, StoreError> {
    TenantId::parse(id).map_err(|_| unreadable("tenant id"))
}

fn failure(name: Option<String>) -> Result<Option<FailureKind>, StoreError> {
    let kind = |name: String| FailureKind::from_name(&name).ok_or(unreadable("failure kind"));
    name.map(kind).transpose()
}
