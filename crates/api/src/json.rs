//! An answer as JSON. What cannot be written is a problem like any other, unlike with axum's own.

use crate::error::ApiError;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// An answer's value.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, json)], body).into_response(),
            Err(error) => ApiError::from(error).into_response(),
        }
    }
}

/// An object whose members stand in an order that is not known before; each name stands once.
#[derive(Default)]
pub(crate) struct Ordered(Vec<(&'static str, Value)>);

impl Ordered {
    /// Adds a member at the end; one that is there already stays as it is.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value.into()));
        }
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
