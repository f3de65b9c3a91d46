//! Attempts, as their tenant sees them.

use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::attempt::{Attempt, AttemptRecord, FailureKind, HeaderList, Response};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use sqlx::FromRow;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(FromRow)]
struct AttemptRow {
    delivery_id: Uuid,
    number: i32,
    round: i32,
    started_at: OffsetDateTime,
    duration_us: i64,
    failure: Option<String>,
    url: String,
    contract: String,
    request_headers: String,
    status: Option<i16>,
    response_headers: Option<String>,
    response_body: Option<Vec<u8>>,
    response_end: Option<String>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        let natural = |number: i32| u32::try_from(number).map_err(|_| unreadable("count"));
        let kind = |name: &String| FailureKind::from_name(name).ok_or(unreadable("failure kind"));
        let record = AttemptRecord {
            started_at: row.started_at,
            duration: Duration::from_micros(u64::try_from(row.duration_us).unwrap_or_default()),
            failure: row.failure.as_ref().map(kind).transpose()?,
            request_headers: headers(&row.request_headers)?,
            response: response(&row)?,
            url: row.url,
            contract: row.contract,
        };
        Ok(Self {
            delivery: DeliveryId::from_uuid(row.delivery_id),
            number: natural(row.number)?,
            round: natural(row.round)?,
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
        status: u16::try_from(*status).map_err(|_| unreadable("status"))?,
        headers: headers(text)?,
        body: body.clone().into(),
        body_end: end.clone(),
    }))
}

pub(super) async fn list(
    store: &PgStore,
    scope: &TenantScope,
    delivery: DeliveryId,
) -> Result<Vec<Attempt>, StoreError> {
    sqlx::query_as::<_, AttemptRow>(
        "SELECT * FROM attempts WHERE delivery_id = $1 AND tenant_id = $2 ORDER BY number",
    )
    .bind(delivery.as_uuid())
    .bind(scope.tenant().as_str())
    .fetch_all(&store.log)
    .await
    .or_store_error()?
    .into_iter()
    .map(Attempt::try_from)
    .collect()
}
