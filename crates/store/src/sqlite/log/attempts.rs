//! Attempts, as their tenant sees them.

use crate::error::StoreError;
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::attempt::{Attempt, AttemptRecord, FailureKind, HeaderList, Response};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use sqlx::FromRow;
use std::time::Duration;
use uuid::Uuid;

#[derive(FromRow)]
struct AttemptRow {
    delivery_id: Uuid,
    number: u32,
    round: u32,
    started_at: Micros,
    duration_us: i64,
    failure: Option<String>,
    url: String,
    contract: String,
    request_headers: String,
    status: Option<u16>,
    response_headers: Option<String>,
    response_body: Option<Vec<u8>>,
    response_end: Option<String>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        let kind = |name: &String| FailureKind::from_name(name).ok_or(unreadable("failure kind"));
        let record = AttemptRecord {
            started_at: row.started_at.try_into()?,
            duration: Duration::from_micros(u64::try_from(row.duration_us).unwrap_or_default()),
            failure: row.failure.as_ref().map(kind).transpose()?,
            request_headers: headers(&row.request_headers)?,
            response: response(&row)?,
            url: row.url,
            contract: row.contract,
        };
        Ok(Self {
            delivery: DeliveryId::from_uuid(row.delivery_id),
            number: row.number,
            round: row.round,
            record,
        })
    }
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { what }
}

fn headers(text: &str) -> Result<HeaderList, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable("headers"))
}

fn response(row: &AttemptRow) -> Result<Option<Response>, StoreError> {
    let AttemptRow { status, response_headers, response_body, response_end, .. } = row;
    let (Some(status), Some(text), Some(body), Some(end)) =
        (status, response_headers, response_body, response_end)
    else {
        return Ok(None);
    };
    Ok(Some(Response {
        status: *status,
        headers: headers(text)?,
        body: body.clone().into(),
        body_end: end.clone(),
    }))
}

pub(super) async fn list(
    store: &SqliteStore,
    scope: &TenantScope,
    delivery: DeliveryId,
) -> Result<Vec<Attempt>, StoreError> {
    sqlx::query_as::<_, AttemptRow>(
        "SELECT * FROM attempts WHERE delivery_id = ?1 AND tenant_id = ?2 ORDER BY number",
    )
    .bind(delivery.as_uuid())
    .bind(scope.tenant().as_str())
    .fetch_all(&store.readers)
    .await
    .or_store_error()?
    .into_iter()
    .map(Attempt::try_from)
    .collect()
}
