//! Breakers: each move is one conditional statement. Where a delivery is locked as well, its row comes
//! before the breaker's.

use super::error::StoreResultExt as _;
use super::{PgStore, by_id, operations};
use crate::breaker::{Breaker, BreakerMoved, BreakerTerms, Breakers, Passage};
use crate::error::StoreError;
use crate::operations::{FailingReason, OperationalKind};
use crate::rows::breaker::{BreakerRow, moved};
use async_trait::async_trait;
use postrider_common::breaker::RAMP;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantScope;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const OPEN: &str = "
    INSERT INTO endpoint_breaker AS b (endpoint_id, state, down_since, changed_at, probe_at,
                                       opened_count, give_up_s, probe_s)
    SELECT id, 'open', now(), now(), now() + make_interval(secs => ($3::float8[])[1]), 1, $4, $5
    FROM (SELECT id FROM endpoints WHERE id = $1 AND version = $2 AND deleted_at IS NULL
          FOR SHARE) AS unchanged
    ON CONFLICT (endpoint_id) DO UPDATE SET
        state = excluded.state, down_since = excluded.down_since, changed_at = excluded.changed_at,
        probe_at = excluded.probe_at, opened_count = excluded.opened_count,
        give_up_s = excluded.give_up_s, probe_s = excluded.probe_s
    WHERE b.state = 'closed'";

const REOPEN: &str = "
    UPDATE endpoint_breaker
    SET state = 'open', changed_at = now(), opened_count = opened_count + 1, give_up_s = $3,
        probe_s = $4,
        probe_at = now() + make_interval(secs => ($2::float8[])[least(opened_count + 1, cardinality($2::float8[]))])
    WHERE endpoint_id = $1 AND state = 'half_open'";

const CLOSE: &str = "
    UPDATE endpoint_breaker SET state = 'closed', changed_at = now(), probe_at = NULL
    WHERE endpoint_id = $1 AND state = 'half_open'";

const PROBED: &str = "
    UPDATE endpoint_breaker
    SET state = 'half_open', changed_at = now(), probed_at = now(),
        probe_at = now() + make_interval(secs => probe_s)
    WHERE endpoint_id = ANY ($1) AND state <> 'closed'";

const BACK: &str = "
    INSERT INTO endpoint_breaker (endpoint_id, state, down_since, changed_at, opened_count, give_up_s,
                                  probe_s)
    SELECT id, 'closed', now(), now(), 1, 0, 0 FROM unnest($1::uuid[]) AS given (id) ORDER BY id
    ON CONFLICT (endpoint_id) DO UPDATE SET
        state = excluded.state, changed_at = excluded.changed_at, probe_at = NULL";

const RESET: &str = "DELETE FROM endpoint_breaker WHERE endpoint_id = ANY ($1)";

pub(super) const IN_EFFECT: &str = "
    SELECT endpoint_id, state, down_since, changed_at, probe_at, now() AS now
    FROM endpoint_breaker WHERE state IN ('open', 'half_open')
    UNION ALL
    SELECT endpoint_id, state, down_since, changed_at, probe_at, now()
    FROM endpoint_breaker WHERE state = 'closed' AND changed_at > now() - make_interval(secs => $1)";

const OF_TENANT: &str = "
    SELECT b.endpoint_id, b.state, b.down_since, b.changed_at, b.probe_at, now() AS now
    FROM endpoint_breaker b JOIN endpoints e ON e.id = b.endpoint_id
    WHERE b.endpoint_id = ANY ($1) AND e.tenant_id = $2";

/// A probe was queued in the transaction that made its breaker half open.
pub(super) const WITHHOLD: &str = "
    WITH found AS MATERIALIZED (
        SELECT d.id, d.tenant_id, d.event_id, d.endpoint_id, d.next_attempt_at, b.down_since,
               coalesce(d.queued_at = b.probed_at, false) AS is_probe
        FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries WHERE id = given.id AND state = $2 FOR UPDATE SKIP LOCKED
        ) AS d
        CROSS JOIN LATERAL (
            SELECT state, probed_at, down_since FROM endpoint_breaker
            WHERE endpoint_id = d.endpoint_id LIMIT 1
        ) AS b
        WHERE b.state <> 'closed' AND NOT d.test
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'scheduled', coalesce(next_attempt_at, now())
        FROM found WHERE NOT is_probe
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at, queued_at = NULL
    )
    SELECT id, CASE WHEN is_probe THEN down_since END FROM found";

#[async_trait]
impl Breakers for PgStore {
    async fn breaker_open(
        &self,
        endpoint: EndpointId,
        version: i64,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError> {
        let open = sqlx::query(OPEN)
            .bind(endpoint.as_uuid())
            .bind(version)
            .bind(rests(terms))
            .bind(terms.give_up_after.as_secs_f64())
            .bind(terms.probe_within.as_secs_f64());
        let mut txn = self.hot.begin().await.or_store_error()?;
        let opened = open.execute(&mut *txn).await.or_store_error()?.rows_affected();
        if opened > 0 {
            let (kind, id) = (OperationalKind::EndpointFailing, [endpoint.as_uuid()]);
            let why = Some(FailingReason::BreakerOpen.as_str());
            operations::about_endpoints(&mut txn, self.operator.as_ref(), &id, kind, why).await?;
        }
        txn.commit().await.or_store_error()?;
        Ok(moved(opened))
    }

    async fn breaker_reopen(
        &self,
        endpoint: EndpointId,
        terms: &BreakerTerms,
    ) -> Result<BreakerMoved, StoreError> {
        let reopen = sqlx::query(REOPEN)
            .bind(endpoint.as_uuid())
            .bind(rests(terms))
            .bind(terms.give_up_after.as_secs_f64())
            .bind(terms.probe_within.as_secs_f64());
        Ok(moved(reopen.execute(&self.hot).await.or_store_error()?.rows_affected()))
    }

    async fn breaker_close(&self, endpoint: EndpointId) -> Result<BreakerMoved, StoreError> {
        let close = sqlx::query(CLOSE).bind(endpoint.as_uuid());
        Ok(moved(close.execute(&self.hot).await.or_store_error()?.rows_affected()))
    }

    async fn breakers_in_effect(&self) -> Result<Vec<Breaker>, StoreError> {
        let query = sqlx::query_as(IN_EFFECT).bind(RAMP.as_secs_f64());
        let rows: Vec<BreakerRow<OffsetDateTime>> =
            query.fetch_all(&self.hot).await.or_store_error()?;
        rows.into_iter().map(BreakerRow::into_breaker).collect()
    }

    async fn endpoint_breakers(
        &self,
        scope: &TenantScope,
        endpoints: &[EndpointId],
    ) -> Result<HashMap<EndpointId, Breaker>, StoreError> {
        let rows: Vec<BreakerRow<OffsetDateTime>> = sqlx::query_as(OF_TENANT)
            .bind(endpoints.iter().map(EndpointId::as_uuid).collect::<Vec<Uuid>>())
            .bind(scope.tenant().as_str())
            .fetch_all(&self.log)
            .await
            .or_store_error()?;
        let entry = |row: BreakerRow<_>| row.into_breaker().map(|one| (one.endpoint, one));
        rows.into_iter().map(entry).collect()
    }

    async fn deliveries_withhold(&self, ids: &[DeliveryId]) -> Result<Vec<Passage>, StoreError> {
        let rows: Vec<(Uuid, Option<OffsetDateTime>)> = sqlx::query_as(WITHHOLD)
            .bind(by_id::sorted(ids))
            .bind(DeliveryState::Queued.as_str())
            .fetch_all(&self.hot)
            .await
            .or_store_error()?;
        let found: HashMap<Uuid, Option<OffsetDateTime>> = rows.into_iter().collect();
        let passage = |id: &DeliveryId| match found.get(&id.as_uuid()) {
            None => Passage::Free,
            Some(Some(down_since)) => Passage::Probe { down_since: *down_since },
            Some(None) => Passage::Withheld,
        };
        Ok(ids.iter().map(passage).collect())
    }
}

/// Makes breakers half open that are not closed, as part of feeding their probes.
pub(super) async fn probed(txn: &mut PgConnection, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if !endpoints.is_empty() {
        sqlx::query(PROBED).bind(endpoints).execute(txn).await.or_store_error()?;
    }
    Ok(())
}

/// Forgets the breakers of endpoints that are not what they were, as part of changing them.
pub(super) async fn reset(txn: &mut PgConnection, endpoints: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query(RESET).bind(endpoints).execute(txn).await.or_store_error()?;
    Ok(())
}

/// Lets endpoints that are on again have what waits for them by a ramp, as part of switching them on.
pub(super) async fn back(txn: &mut PgConnection, endpoints: &[Uuid]) -> Result<(), StoreError> {
    if !endpoints.is_empty() {
        sqlx::query(BACK).bind(endpoints).execute(txn).await.or_store_error()?;
    }
    Ok(())
}

fn rests(terms: &BreakerTerms) -> Vec<f64> {
    terms.rests.iter().map(Duration::as_secs_f64).collect()
}
