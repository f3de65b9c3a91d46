//! An attempt's row, and the attempt that it stands for.

use super::{StoredTime, duration, failure, natural, status, unreadable};
use crate::error::StoreError;
use postrider_common::attempt::{Attempt, AttemptRecord, HeaderList, Response};
use postrider_common::id::DeliveryId;
use postrider_contract::ContractDigest;
use sqlx::FromRow;
use uuid::Uuid;

/// A row of `attempts`.
#[derive(FromRow)]
pub(crate) struct AttemptRow<Time> {
    delivery_id: Uuid,
    number: i32,
    round: i32,
    started_at: Time,
    duration_us: i64,
    failure: Option<String>,
    url: String,
    contract: String,
    contract_digest: Option<Vec<u8>>,
    request_headers: String,
    #[sqlx(flatten)]
    response: ResponseRow,
}

#[derive(FromRow)]
struct ResponseRow {
    status: Option<i16>,
    response_headers: Option<String>,
    response_body: Option<Vec<u8>>,
    response_end: Option<String>,
}

impl<Time: StoredTime> TryFrom<AttemptRow<Time>> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow<Time>) -> Result<Self, StoreError> {
        let record = AttemptRecord {
            started_at: row.started_at.read()?,
            duration: duration(row.duration_us),
            failure: failure(row.failure)?,
            url: row.url,
            request_headers: headers(&row.request_headers)?,
            response: response(row.response)?,
            contract: row.contract,
            contract_digest: row.contract_digest.map(digest).transpose()?,
        };
        Ok(Self {
            delivery: DeliveryId::from_uuid(row.delivery_id),
            number: natural(row.number)?,
            round: natural(row.round)?,
            record,
        })
    }
}

fn headers(text: &str) -> Result<HeaderList, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable("headers"))
}

fn digest(bytes: Vec<u8>) -> Result<ContractDigest, StoreError> {
    let bytes = bytes.try_into().map_err(|_| unreadable("contract digest"))?;
    Ok(ContractDigest::from_bytes(bytes))
}

fn response(row: ResponseRow) -> Result<Option<Response>, StoreError> {
    let (Some(number), Some(text), Some(body), Some(body_end)) =
        (row.status, row.response_headers, row.response_body, row.response_end)
    else {
        return Ok(None);
    };
    let (status, headers) = (status(number)?, headers(&text)?);
    Ok(Some(Response { status, headers, body: body.into(), body_end }))
}
