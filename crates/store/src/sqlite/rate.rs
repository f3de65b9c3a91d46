//! Rate: reserving starts. Nobody else writes meanwhile, so nothing is locked.

use super::SqliteStore;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use crate::rate::{Account, RateGrant, RateRequest, RateRow, Rates};
use async_trait::async_trait;
use postrider_common::id::EndpointId;
use time::OffsetDateTime;

pub(super) const READ: &str = "SELECT since, starts FROM endpoint_rates WHERE endpoint_id = ?1";

pub(super) const ELDERS: &str = "
    SELECT next_attempt_at FROM deliveries
    WHERE endpoint_id = ?1 AND state = 'scheduled' AND next_attempt_at < ?2
    ORDER BY next_attempt_at LIMIT ?4 OFFSET ?3";

pub(super) const WRITE: &str = "
    INSERT INTO endpoint_rates (endpoint_id, since, starts, room, more_at, more)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (endpoint_id) DO UPDATE SET
        since = excluded.since, starts = excluded.starts, room = excluded.room,
        more_at = excluded.more_at, more = excluded.more";

#[async_trait]
impl Rates for SqliteStore {
    async fn rate_reserve(&self, requests: &[RateRequest]) -> Result<Vec<RateGrant>, StoreError> {
        let mut txn = self.writer.begin().await?;
        let mut grants = Vec::with_capacity(requests.len());
        for request in requests {
            grants.push(reserve(&mut txn, request).await?);
        }
        txn.commit().await?;
        Ok(grants)
    }
}

async fn reserve(txn: &mut WriteTxn, request: &RateRequest) -> Result<RateGrant, StoreError> {
    let now = OffsetDateTime::try_from(txn.now())?;
    let id = request.endpoint.as_uuid();
    let read = sqlx::query_as(READ).bind(id);
    let row: Option<(Micros, String)> =
        read.fetch_optional(txn.connection()).await.or_store_error()?;
    let account = match row {
        Some((since, starts)) => Account::open(request, since.try_into()?, &starts, now)?,
        None => Account::open(request, now, "[]", now)?,
    };
    let elders = account.elders();
    let query = sqlx::query_scalar(ELDERS).bind(id).bind(Micros::from(elders.before));
    let due: Vec<Micros> = query
        .bind(elders.first)
        .bind(elders.most)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    let due: Vec<OffsetDateTime> =
        due.into_iter().map(OffsetDateTime::try_from).collect::<Result<_, _>>()?;
    let (grant, row) = account.grant(&due);
    write(txn, request.endpoint, row).await?;
    Ok(grant)
}

async fn write(txn: &mut WriteTxn, endpoint: EndpointId, row: RateRow) -> Result<(), StoreError> {
    sqlx::query(WRITE)
        .bind(endpoint.as_uuid())
        .bind(Micros::from(row.since))
        .bind(row.starts)
        .bind(row.room)
        .bind(Micros::from(row.more_at))
        .bind(row.more)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    Ok(())
}
