//! Breakers: each move is one conditional statement.

use super::batch::json;
use super::clock::{Micros, micros};
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{SqliteStore, operations, release};
use crate::breaker::{Breaker, BreakerMoved, BreakerTerms, Breakers, Passage};
use crate::error::StoreError;
use crate::operations::{FailingReason, OperationalKind};
use crate::rows::breaker::{BreakerRow, moved};
use async_trait::async_trait;
use postrider_common::breaker::RAMP;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantScope;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

const OPEN: &str = "
    INSERT INTO endpoint_breaker AS b (endpoint_id, state, down_since, changed_at, probe_at,
                                       opened_count, give_up_us, probe_us)
    SELECT id, 'open', ?3, ?3, ?3 + (?4 ->> 0), 1, ?5, ?6
    FROM endpoints WHERE id = ?1 AND version = ?2 AND deleted_at IS NULL
    ON CONFLICT (endpoint_id) DO UPDATE SET
        state = excluded.state, down_since = excluded.down_since, changed_at = excluded.changed_at,
        probe_at = excluded.probe_at, opened_count = excluded.opened_count,
        give_up_us = excluded.give_up_us, probe_us = excluded.probe_us
    WHERE b.state = 'closed'";

const REOPEN: &str = "
    UPDATE endpoint_breaker
    SET state = 'open', changed_at = ?2, opened_count = opened_count + 1, give_up_us = ?4,
        probe_us = ?5, probe_at = ?2 + (?3 ->> min(opened_count, json_array_length(?3) - 1))
    WHERE endpoint_id = ?1 AND state = 'half_open'";

const CLOSE: &str = "
    UPDATE endpoint_breaker SET state = 'closed', changed_at = ?2, probe_at = NULL
    WHERE endpoint_id = ?1 AND state = 'half_open'";

const PROBED: &str = "
    UPDATE endpoint_breaker SET state = 'half_open', changed_at = ?2, probed_at = ?2,
           probe_at = ?2 + probe_us
    WHERE endpoint_id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND state <> 'closed'";

const BACK: &str = "
    INSERT INTO endpoint_breaker (endpoint_id, state, down_since, changed_at, opened_count, give_up_us,
                                  probe_us)
    SELECT unhex(value, '-'), 'closed', ?2, ?2, 1, 0, 0 FROM json_each(?1) WHERE true
    ON CONFLICT (endpoint_id) DO UPDATE SET
        state = excluded.state, changed_at = excluded.changed_at, probe_at = NULL";

const RESET: &str = "
    DELETE FROM endpoint_breaker
    WHERE endpoint_id IN (SELECT unhex(value, '-') FROM json_each(?1))";

pub(super) const IN_EFFECT: &str = "
    SELECT endpoint_id, state, down_since, changed_at, probe_at, ?1 AS now
    FROM endpoint_breaker WHERE state IN ('open', 'half_open')
    UNION ALL
    SELECT endpoint_id, state, down_since, changed_at, probe_at, ?1
    FROM endpoint_breaker WHERE state = 'closed' AND changed_at > ?2";

const OF_TENANT: &str = "
    SELECT b.endpoint_id, b.state, b.down_since, b.changed_at, b.probe_at, ?3 AS now
    FROM endpoints e CROSS JOIN endpoint_breaker b ON b.endpoint_id = e.id
    WHERE e.id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND e.tenant_id = ?2";

/// A probe was queued in the transaction that made its breaker half open.
pub(super) const WITHHELD: &str = "
    SELECT d.id, iif(d.queued_at = b.probed_at, b.down_since, NULL)
    FROM json_each(?1) AS given
    CROSS JOIN deliveries d ON d.id = unhex(given.value, '-')
    CROSS JOIN endpoint_breaker b ON b.endpoint_id = d.endpoint_id
    WHERE d.state = 'queued' AND NOT d.test AND b.state <> 'closed'";

#[async_trait]
impl Breakers for SqliteStore {
    async fn breaker_open(
        &self,
        endpoint: EndpointId,
        version: i64,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError> {
        let rests = rests(terms)?;
        let mut txn = self.writer.begin().await?;
        let open = sqlx::query(OPEN).bind(endpoint.as_uuid()).bind(version).bind(txn.now());
        let open =
            open.bind(rests).bind(micros(terms.give_up_after)).bind(micros(terms.probe_within));
        let opened = open.execute(txn.connection()).await.or_store_error()?.rows_affected();
        if opened > 0 {
            let (kind, id) = (OperationalKind::EndpointFailing, [endpoint.as_uuid()]);
            let why = Some(FailingReason::BreakerOpen.as_str());
            operations::about_endpoints(&mut txn, self.operator.as_ref(), &id, kind, why).await?;
        }
        txn.commit().await?;
        Ok(moved(opened))
    }

    async fn breaker_reopen(
        &self,
        endpoint: EndpointId,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError> {
        let rests = rests(terms)?;
        self.move_breaker(|now| {
            let reopen = sqlx::query(REOPEN).bind(endpoint.as_uuid()).bind(now).bind(rests);
            reopen.bind(micros(terms.give_up_after)).bind(micros(terms.probe_within))
        })
        .await
    }

    async fn breaker_close(&self, endpoint: EndpointId) -> Result<BreakerMoved, StoreError> {
        self.move_breaker(|now| sqlx::query(CLOSE).bind(endpoint.as_uuid()).bind(now)).await
    }

    async fn breakers_in_effect(&self) -> Result<Vec<Breaker>, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        let now = self.clock.now(&mut reader).await?;
        let query = sqlx::query_as(IN_EFFECT).bind(now).bind(now.before(RAMP));
        let rows: Vec<BreakerRow<Micros>> = query.fetch_all(&mut *reader).await.or_store_error()?;
        rows.into_iter().map(BreakerRow::into_breaker).collect()
    }

    async fn endpoint_breakers(
        &self,
        scope: &TenantScope,
        endpoints: &[EndpointId],
    ) -> Result<HashMap<EndpointId, Breaker>, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        let now = self.clock.now(&mut reader).await?;
        let rows: Vec<BreakerRow<Micros>> = sqlx::query_as(OF_TENANT)
            .bind(json(endpoints)?)
            .bind(scope.tenant().as_str())
            .bind(now)
            .fetch_all(&mut *reader)
            .await
            .or_store_error()?;
        let entry = |row: BreakerRow<_>| row.into_breaker().map(|one| (one.endpoint, one));
        rows.into_iter().map(entry).collect()
    }

    async fn deliveries_withhold(&self, ids: &[DeliveryId]) -> Result<Vec<Passage>, StoreError> {
        let mut txn = self.writer.begin().await?;
        let query = sqlx::query_as(WITHHELD).bind(json(ids)?);
        let rows: Vec<(Uuid, Option<Micros>)> =
            query.fetch_all(txn.connection()).await.or_store_error()?;
        let withheld: Vec<DeliveryId> = rows
            .iter()
            .filter(|(_, down_since)| down_since.is_none())
            .map(|(id, _)| DeliveryId::from_uuid(*id))
            .collect();
        release::unqueue_in(&mut txn, &withheld).await?;
        txn.commit().await?;
        let found: HashMap<Uuid, Option<Micros>> = rows.into_iter().collect();
        let passage = |id: &DeliveryId| {
            Ok(match found.get(&id.as_uuid()) {
                None => Passage::Free,
                Some(Some(down_since)) => {
                    Passage::Probe { down_since: OffsetDateTime::try_from(*down_since)? }
                }
                Some(None) => Passage::Withheld,
            })
        };
        ids.iter().map(passage).collect()
    }
}

impl SqliteStore {
    async fn move_breaker<'q>(
        &self,
        statement: impl FnOnce(Micros) -> Query<'q, Sqlite, SqliteArguments> + Send,
    ) -> Result<BreakerMoved, StoreError> {
        let mut txn = self.writer.begin().await?;
        let statement = statement(txn.now());
        let done = statement.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await?;
        Ok(moved(done.rows_affected()))
    }
}

/// Makes breakers half open that are not closed, as part of feeding their probes.
pub(super) async fn probed(txn: &mut WriteTxn, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let probed = sqlx::query(PROBED).bind(json(endpoints)?).bind(txn.now());
    probed.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Forgets the breakers of endpoints that are not what they were, as part of changing them.
pub(super) async fn reset(txn: &mut WriteTxn, endpoints: &[Uuid]) -> Result<(), StoreError> {
    let reset = sqlx::query(RESET).bind(json(endpoints)?);
    reset.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Lets endpoints that are on again have what waits for them by a ramp, as part of switching them on.
pub(super) async fn back(txn: &mut WriteTxn, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let back = sqlx::query(BACK).bind(json(endpoints)?).bind(txn.now());
    back.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

fn rests(terms: &BreakerTerms) -> Result<String, StoreError> {
    json(&terms.rests.iter().copied().map(micros).collect::<Vec<i64>>())
}
