//! What a call can be refused with, as RFC 9457 problem details with a stable `type` each.
//!
//! The caller reads `Display`; the log gets the chain of causes, which the caller never sees.
//! `observe` writes it, since it knows the request.

use crate::fields::FieldError;
use crate::moment::Moment;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use postrider_common::api_key::Scope;
use postrider_common::delivery::DeliveryState;
use postrider_common::seal::OpenError;
use postrider_common::service::chain;
use postrider_contract::BodyError;
use postrider_store::{ReplayState, StoreError};
use serde::Serialize;
use std::any::Any;
use time::OffsetDateTime;

/// What every problem's `type` starts with.
const TYPE_PREFIX: &str = "urn:postrider:problem:";
/// How long a caller should wait for the database to come back, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    Malformed(String),
    #[error("the query or its parameters break a rule")]
    Parameters(Vec<FieldError>),
    #[error("a valid key is needed, as Authorization: Bearer or X-API-Key")]
    Unauthorised,
    #[error("the key has not the scope {}", .0.as_str())]
    Scope(Scope),
    #[error("only the admin key may do this")]
    AdminOnly,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("there is nothing at this path")]
    NoRoute,
    #[error("the path does not know this method")]
    Method,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("a tenant of this id exists")]
    TenantExists,
    #[error("the tenant has {0} endpoints, which is the limit")]
    EndpointLimit(u32),
    #[error("the delivery is not finished; it is {}", .0.as_str())]
    NotFinished(DeliveryState),
    #[error(
        "the secret before is valid until {}; secret/activate ends that, and so does an overlap of 0",
        Moment(*.0)
    )]
    RotationUnderWay(OffsetDateTime),
    #[error("the event's payload was expunged")]
    PayloadExpunged,
    #[error(
        "deliveries of the event are being sent: {0}; all others are cancelled, and the payload can be \
         expunged as soon as those have ended"
    )]
    PayloadInFlight(u32),
    #[error("the delivery's endpoint is deleted")]
    EndpointDeleted,
    #[error("the delivery cannot be cancelled; it is {}", .0.as_str())]
    NotCancellable(DeliveryState),
    #[error("the delivery is not dead; it is {}", .0.as_str())]
    NotDead(DeliveryState),
    #[error("the tenant has {0} replays that are not over, which is the limit")]
    ReplayLimit(u32),
    #[error("the replay is {}", .0.as_str())]
    ReplayOver(ReplayState),
    #[error("the body is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
    #[error("the body must be JSON, with Content-Type: application/json")]
    MediaType,
    #[error("one or more fields break a rule")]
    Validation(Vec<FieldError>),
    #[error("the request could not be carried out")]
    Store(#[from] StoreError),
    #[error("a secret could not be sealed or opened")]
    Seal(#[from] OpenError),
    #[error("a request's body could not be built")]
    Body(#[from] BodyError),
    #[error("an answer could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("a stored row names a contract that is not known here")]
    UnknownContract,
    #[error("{0}")]
    Defect(&'static str),
}

/// What is the same for all problems of a kind.
struct Kind {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
}

const fn kind(status: StatusCode, slug: &'static str, title: &'static str) -> Kind {
    Kind { status, slug, title }
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// For the log: why an answer is a 5xx.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

impl ApiError {
    fn kind(&self) -> Kind {
        use StatusCode as S;
        match self {
            Self::Malformed(_) => kind(S::BAD_REQUEST, "malformed-body", "Malformed body"),
            Self::Parameters(_) => kind(S::BAD_REQUEST, "invalid-parameters", "Invalid parameters"),
            Self::Unauthorised => kind(S::UNAUTHORIZED, "unauthorised", "Unauthorised"),
            Self::Scope(_) | Self::AdminOnly => kind(S::FORBIDDEN, "forbidden", "Forbidden"),
            Self::NotFound(_) | Self::NoRoute => kind(S::NOT_FOUND, "not-found", "Not found"),
            Self::Method => kind(S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::Slow => kind(S::REQUEST_TIMEOUT, "request-timeout", "Request time-out"),
            Self::TenantExists => kind(S::CONFLICT, "tenant-exists", "Tenant exists"),
            Self::EndpointLimit(_) => kind(S::CONFLICT, "endpoint-limit", "Too many endpoints"),
            Self::NotFinished(_) => kind(S::CONFLICT, "not-finished", "Delivery not finished"),
            Self::EndpointDeleted => kind(S::CONFLICT, "endpoint-deleted", "Endpoint deleted"),
            Self::PayloadExpunged => kind(S::CONFLICT, "payload-expunged", "Payload expunged"),
            Self::PayloadInFlight(_) => kind(S::CONFLICT, "in-flight", "Delivery in flight"),
            Self::NotCancellable(_) => {
                kind(S::CONFLICT, "not-cancellable", "Delivery not cancellable")
            }
            Self::NotDead(_) => kind(S::CONFLICT, "not-dead", "Delivery not dead"),
            Self::ReplayLimit(_) => kind(S::CONFLICT, "replay-limit", "Too many replays"),
            Self::ReplayOver(_) => kind(S::CONFLICT, "replay-over", "Replay is over"),
            Self::RotationUnderWay(_) => {
                kind(S::CONFLICT, "rotation-under-way", "Rotation under way")
            }
            Self::TooLarge(_) => kind(S::PAYLOAD_TOO_LARGE, "too-large", "Body too large"),
            Self::MediaType => {
                kind(S::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type")
            }
            Self::Validation(_) => kind(S::UNPROCESSABLE_ENTITY, "validation", "Validation failed"),
            Self::UnknownContract => {
                kind(S::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable")
            }
            Self::Store(error) if error.is_unavailable() => {
                kind(S::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable")
            }
            Self::Store(_) | Self::Seal(_) | Self::Body(_) | Self::Json(_) | Self::Defect(_) => {
                kind(S::INTERNAL_SERVER_ERROR, "internal", "Internal error")
            }
        }
    }

    /// What the caller is told beside the title.
    fn detail(&self, status: StatusCode) -> String {
        match status {
            StatusCode::SERVICE_UNAVAILABLE if matches!(self, Self::UnknownContract) => {
                "a contract is not known here yet; try again".to_owned()
            }
            StatusCode::SERVICE_UNAVAILABLE => "the database is away; try again".to_owned(),
            StatusCode::INTERNAL_SERVER_ERROR => {
                "the fault is on this side, and on record".to_owned()
            }
            _ => self.to_string(),
        }
    }

    fn field_errors(&self) -> &[FieldError] {
        match self {
            Self::Parameters(errors) | Self::Validation(errors) => errors,
            _ => &[],
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Kind { status, slug, title } = self.kind();
        let problem = Problem {
            kind: format!("{TYPE_PREFIX}{slug}"),
            title,
            status: status.as_u16(),
            detail: self.detail(status),
            errors: self.field_errors(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if status.is_server_error() {
            response.extensions_mut().insert(Cause(chain(&self)));
        }
        response
    }
}

/// The answer when a handler panicked; what the panic said goes to the log alone, by the panic hook.
pub(crate) fn for_panic(_payload: Box<dyn Any + Send>) -> Response<Body> {
    ApiError::Defect("a handler panicked").into_response()
}
