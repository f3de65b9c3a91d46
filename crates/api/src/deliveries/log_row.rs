//! A delivery or an attempt as a row of a webhook's log, in the words of the products' documents.

use crate::app::App;
use crate::error::ApiError;
use crate::events::shown_id;
use crate::moment::Moment;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::Delivery;
use postrider_store::AttemptSummary;
use serde::Serialize;

/// A row: the documents' keys first, in their order.
#[derive(Serialize)]
pub(super) struct LogRow {
    id: String,
    /// When the attempt started; before the first one, when the delivery was accepted.
    timestamp: Moment,
    event: String,
    status_code: Option<u16>,
    /// Milliseconds, also of an attempt without a response.
    response_time: Option<u64>,
    /// 0 before the first.
    attempt: u32,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    status: &'static str,
    event_id: String,
    test: bool,
}

impl LogRow {
    /// Shows a delivery with one of its attempts, if there is one yet.
    pub(super) fn of(
        app: &App,
        delivery: Delivery,
        attempt: Option<&AttemptSummary>,
    ) -> Result<Self, ApiError> {
        let contract = app.contract(&delivery.contract)?;
        Ok(Self {
            id: contract.ids().delivery(delivery.id.as_uuid()),
            timestamp: Moment(attempt.map_or(delivery.created_at, |attempt| attempt.started_at)),
            event: delivery.event_type.into(),
            status_code: attempt.and_then(|attempt| attempt.status),
            response_time: attempt.map(milliseconds),
            attempt: attempt.map_or(0, |attempt| attempt.number),
            success: attempt.is_some_and(|attempt| attempt.failure.is_none()),
            error: attempt.and_then(|attempt| Some(sentence(attempt.failure?, attempt.status))),
            status: delivery.state.as_str(),
            event_id: shown_id(&contract, delivery.given_event_id, delivery.event),
            test: delivery.test,
        })
    }
}

/// What went wrong, for people.
fn sentence(failure: FailureKind, status: Option<u16>) -> String {
    let words = match failure {
        FailureKind::Status => {
            return status
                .map_or("HTTP status".to_owned(), |status| format!("HTTP status {status}"));
        }
        FailureKind::Timeout => "Connection timeout",
        FailureKind::Dns => "Host name not found",
        FailureKind::Connect => "Connection failed",
        FailureKind::Tls => "TLS handshake failed",
        FailureKind::Protocol => "Invalid HTTP response",
        FailureKind::Closed => "Connection closed without a response",
        FailureKind::Address => "Address not allowed",
        FailureKind::Request => "Request could not be built",
        FailureKind::Lost => "Outcome unknown, sender was interrupted",
        FailureKind::Cancelled => "Cut off by a shutdown of the sender",
    };
    words.to_owned()
}

fn milliseconds(attempt: &AttemptSummary) -> u64 {
    u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX)
}
