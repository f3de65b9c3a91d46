//! An attempt, as answered.

use postrider_common::attempt::{Attempt, FailureKind, HeaderList, Response};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;

/// One request and what came of it.
#[derive(Serialize)]
pub(super) struct AttemptView {
    number: u32,
    round: u32,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    duration_ms: u64,
    failure: Option<&'static str>,
    contract: ContractView,
    request: RequestView,
    response: Option<ResponseView>,
}

/// What made headers and signature. The body is made by the version that the delivery keeps.
#[derive(Serialize)]
struct ContractView {
    name: String,
    digest: Option<String>,
}

#[derive(Serialize)]
struct RequestView {
    url: String,
    headers: Vec<HeaderView>,
    body: Option<Arc<str>>,
}

#[derive(Serialize)]
struct ResponseView {
    status: u16,
    headers: Vec<HeaderView>,
    body: String,
    body_end: String,
}

#[derive(Serialize)]
struct HeaderView {
    name: String,
    value: String,
}

impl AttemptView {
    /// Shows an attempt; `body` is what its delivery sends each time.
    pub(super) fn of(attempt: Attempt, body: Option<Arc<str>>) -> Self {
        let record = attempt.record;
        Self {
            number: attempt.number,
            round: attempt.round,
            started_at: record.started_at,
            duration_ms: u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX),
            failure: record.failure.map(FailureKind::as_str),
            contract: ContractView {
                name: record.contract,
                digest: record.contract_digest.map(|digest| digest.to_string()),
            },
            request: RequestView {
                url: record.url,
                headers: headers(record.request_headers),
                body,
            },
            response: record.response.map(ResponseView::from),
        }
    }
}

impl From<Response> for ResponseView {
    fn from(response: Response) -> Self {
        Self {
            status: response.status,
            headers: headers(response.headers),
            body: String::from_utf8_lossy(&response.body).into_owned(),
            body_end: response.body_end,
        }
    }
}

fn headers(list: HeaderList) -> Vec<HeaderView> {
    list.into_iter().map(|(name, value)| HeaderView { name, value }).collect()
}
