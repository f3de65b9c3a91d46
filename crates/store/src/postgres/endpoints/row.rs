//! An endpoint's row in PostgreSQL: what its columns are read as and bound as.

use crate::rows::columns::Value;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

/// An endpoint as it is read.
pub(super) type EndpointRow =
    crate::rows::endpoint::EndpointRow<OffsetDateTime, Vec<String>, Vec<i32>>;

/// Adds a parameter to a statement.
pub(super) fn push(query: &mut QueryBuilder<Postgres>, value: Value) {
    match value {
        Value::Id(id) => query.push_bind(id),
        Value::Text(text) => query.push_bind(text),
        Value::Bytes(bytes) => query.push_bind(bytes),
        Value::Flag(flag) => query.push_bind(flag),
        Value::Number(number) => query.push_bind(number),
        Value::Factor(factor) => query.push_bind(factor),
        Value::Time(time) => query.push_bind(time),
        Value::Names(names) => query.push_bind(names),
        Value::Numbers(numbers) => query.push_bind(numbers),
    };
}
