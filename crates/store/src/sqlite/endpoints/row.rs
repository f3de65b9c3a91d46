//! An endpoint's row in SQLite: what its columns are read as and bound as.

use crate::error::StoreError;
use crate::rows::columns::Value;
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use sqlx::{QueryBuilder, Sqlite};

/// An endpoint as it is read; lists are JSON.
pub(super) type EndpointRow = crate::rows::endpoint::EndpointRow<Micros, String, String>;

/// Adds a parameter to a statement.
pub(super) fn push(query: &mut QueryBuilder<Sqlite>, value: Value) -> Result<(), StoreError> {
    match value {
        Value::Id(id) => query.push_bind(id),
        Value::Text(text) => query.push_bind(text),
        Value::Bytes(bytes) => query.push_bind(bytes),
        Value::Flag(flag) => query.push_bind(flag),
        Value::Number(number) => query.push_bind(number),
        Value::Factor(factor) => query.push_bind(factor),
        Value::Time(time) => query.push_bind(time.map(Micros::from)),
        Value::Names(names) => query.push_bind(json(&names)?),
        Value::Numbers(numbers) => query.push_bind(numbers.as_ref().map(json).transpose()?),
    };
    Ok(())
}
