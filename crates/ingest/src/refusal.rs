//! Why a call or an event is refused, and the one place where that becomes a gRPC status.
//!
//! A caller learns what it can act on; what is our own trouble goes to the log, with its causes.

use postrider_common::batch::BatchLost;
use postrider_common::service::chain;
use postrider_store::StoreError;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "postrider";
/// When to try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What callers and metrics are told of a [`Refusal`].
pub(crate) const REASONS: [&str; 11] = [
    "API_KEY_MISSING",
    "API_KEY_INVALID",
    "SCOPE_MISSING",
    "TENANT_MISMATCH",
    "TENANT_NOT_FOUND",
    "INVALID_ARGUMENT",
    "IDEMPOTENCY_CONFLICT",
    "DEADLINE_EXCEEDED",
    "STOPPING",
    "DATABASE_UNAVAILABLE",
    "INTERNAL",
];

/// Why a call or an event is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The call carries no API key.
    KeyMissing,
    /// The key is unknown or revoked.
    KeyInvalid,
    /// The key may not publish events.
    ScopeMissing,
    /// The key is another tenant's.
    TenantMismatch,
    /// There is no such tenant.
    TenantNotFound,
    /// Fields break rules.
    Invalid(Vec<FieldViolation>),
    /// The field's value was used for another event.
    Conflict(&'static str),
    /// The call's deadline has passed.
    DeadlineExceeded,
    /// The service is stopping.
    Stopping,
    /// The store could not do it.
    Store(StoreError),
}

impl Refusal {
    /// One of [`REASONS`].
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::KeyMissing => "API_KEY_MISSING",
            Self::KeyInvalid => "API_KEY_INVALID",
            Self::ScopeMissing => "SCOPE_MISSING",
            Self::TenantMismatch => "TENANT_MISMATCH",
            Self::TenantNotFound => "TENANT_NOT_FOUND",
            Self::Invalid(_) => "INVALID_ARGUMENT",
            Self::Conflict(_) => "IDEMPOTENCY_CONFLICT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Stopping => "STOPPING",
            Self::Store(error) if error.is_unavailable() => "DATABASE_UNAVAILABLE",
            Self::Store(_) => "INTERNAL",
        }
    }
}

impl From<BatchLost> for Refusal {
    fn from(BatchLost: BatchLost) -> Self {
        Self::Stopping
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.reason();
        match refusal {
            Refusal::KeyMissing => informed(
                Code::Unauthenticated,
                "an API key is needed, in the metadata `authorization` (Bearer) or `x-api-key`",
                reason,
            ),
            Refusal::KeyInvalid => {
                informed(Code::Unauthenticated, "the API key is not valid", reason)
            }
            Refusal::ScopeMissing => informed(
                Code::PermissionDenied,
                "the API key lacks the scope `events:write`",
                reason,
            ),
            Refusal::TenantMismatch => informed(
                Code::PermissionDenied,
                "`tenant_id` is not the tenant of the API key",
                reason,
            ),
            Refusal::TenantNotFound => informed(Code::NotFound, "there is no such tenant", reason),
            Refusal::Invalid(violations) => invalid(violations),
            Refusal::Conflict(field) => conflict(field, reason),
            Refusal::DeadlineExceeded => {
                informed(Code::DeadlineExceeded, "the deadline has passed", reason)
            }
            Refusal::Stopping => unavailable("the service is stopping", reason),
            Refusal::Store(error) if error.is_unavailable() => {
                unavailable("the database is not available", reason)
            }
            Refusal::Store(error) => {
                tracing::error!(error = chain(&error), "the store failed");
                Status::internal("internal error")
            }
        }
    }
}

/// The refusal of one event of a batch or stream.
pub(crate) fn of_item(refusal: Refusal) -> tonic_types::pb::Status {
    use prost::Message as _;
    let status = Status::from(refusal);
    // The details of a status are this very message, in its encoded form, or nothing.
    match tonic_types::pb::Status::decode(status.details()) {
        Ok(details) if details.code != 0 => details,
        _ => tonic_types::pb::Status {
            code: i32::from(status.code()),
            message: status.message().to_owned(),
            details: Vec::new(),
        },
    }
}

fn informed(code: Code, message: &str, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

fn unavailable(message: &str, reason: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(Code::Unavailable, message, details)
}

fn conflict(field: &str, reason: &str) -> Status {
    let metadata = HashMap::from([("field".to_owned(), field.to_owned())]);
    let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    let message = format!("this `{field}` was used for another event");
    Status::with_error_details(Code::AlreadyExists, message, details)
}

fn invalid(violations: Vec<FieldViolation>) -> Status {
    let mut fields: Vec<&str> = violations.iter().map(|broken| broken.field.as_str()).collect();
    fields.dedup();
    let message = format!("not valid: {}", fields.join(", "));
    let details = ErrorDetails::with_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, message, details)
}
