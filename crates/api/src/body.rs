//! The body of a request: one JSON object, no larger than its call allows, in time. Where there is a
//! body, the query has no parameters.

use crate::error::ApiError;
use crate::fields::Fields;
use crate::query;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use std::time::Duration;

/// The largest body of most calls, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// How long such a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of the body's object. Extracted last, so that only who may call sends one.
pub(crate) struct Body(pub(crate) Fields);

/// The same of a body that need not be there; without one there are no fields.
pub(crate) struct OptionalBody(pub(crate) Fields);

/// The text of a body that is to be JSON.
pub(crate) struct JsonText(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonText(text) = JsonText::from_request(request, state).await?;
        Fields::from_json(&text).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        query::refuse(request.uri())?;
        let is_json = is_json(request.headers());
        let text = read(request, MAX_BODY, BODY_TIMEOUT).await?;
        match (text.is_empty(), is_json) {
            (true, _) => Ok(Self(Fields::of_no_body())),
            (false, false) => Err(ApiError::MediaType),
            (false, true) => Fields::from_json(&text).map(Self),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        query::refuse(request.uri())?;
        Self::read(request, MAX_BODY, BODY_TIMEOUT).await
    }
}

impl JsonText {
    /// Reads a body with bounds of its own, of a call that may take parameters. `most` is what the route's layer lets through, in bytes.
    pub(crate) async fn read(
        request: Request,
        most: usize,
        within: Duration,
    ) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::MediaType);
        }
        read(request, most, within).await.map(Self)
    }
}

async fn read(request: Request, most: usize, within: Duration) -> Result<Bytes, ApiError> {
    let bytes = tokio::time::timeout(within, Bytes::from_request(request, &()));
    bytes.await.map_err(|_| ApiError::Slow)?.map_err(|error| refusal(&error, most))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn refusal(rejection: &BytesRejection, most: usize) -> ApiError {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::TooLarge(most)
        }
        _ => ApiError::Malformed("the body broke off".to_owned()),
    }
}
