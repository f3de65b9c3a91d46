//! What operators are told: written as part of the transactions that it is about, read and removed by
//! the dispatcher.
//!
//! Each of the writers does nothing without an operator's tenant, and says nothing about that tenant.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::operations::{
    AboutDelivery, OperationalEvent, OperationalEventId, OperationalKind, Operations, SettledOne,
    deaths, deaths_for, last_chances,
};
use crate::rows::operational::OperationalRow;
use async_trait::async_trait;
use postrider_common::delivery::DeadReason;
use postrider_common::id::ReplayId;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const ABOUT_ENDPOINTS: &str = "
    INSERT INTO operational_events (event_type, tenant_id, facts)
    SELECT $2, e.tenant_id, json_build_object(
        'reason', coalesce($3, e.disabled_reason),
        'endpoint', json_build_object('public_id', e.public_id, 'url', e.url,
                                      'contract', coalesce(e.own_contract, t.contract)))
    FROM endpoints e JOIN tenants t ON t.id = e.tenant_id
    WHERE e.id = ANY ($1) AND e.tenant_id <> $4";

pub(super) const ABOUT_DELIVERIES: &str = "
    INSERT INTO operational_events (event_type, tenant_id, facts)
    SELECT given.event_type, d.tenant_id, json_build_object(
        'reason', coalesce(given.reason, d.dead_reason),
        'endpoint', json_build_object('public_id', e.public_id, 'url', e.url,
                                      'contract', coalesce(e.own_contract, t.contract)),
        'delivery', json_build_object(
            'id', d.id, 'event', d.event_id, 'given_event_id', ev.given_id,
            'event_type', ev.event_type, 'attempts', d.attempts, 'last_status', d.last_status,
            'last_failure', d.last_failure,
            'created_at', (extract(epoch FROM d.created_at) * 1000000)::bigint))
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS given (id, event_type, reason)
    CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE id = given.id LIMIT 1) AS d
    CROSS JOIN LATERAL (SELECT given_id, event_type FROM events WHERE id = d.event_id LIMIT 1) AS ev
    CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = d.endpoint_id LIMIT 1) AS e
    CROSS JOIN LATERAL (SELECT contract FROM tenants WHERE id = d.tenant_id LIMIT 1) AS t
    WHERE NOT d.test AND d.tenant_id <> $4";

const ABOUT_REPLAY: &str = "
    INSERT INTO operational_events (event_type, tenant_id, facts)
    SELECT 'replay.finished', j.tenant_id, json_build_object(
        'endpoint', CASE WHEN e.id IS NOT NULL THEN json_build_object(
            'public_id', e.public_id, 'url', e.url,
            'contract', coalesce(e.own_contract, t.contract)) END,
        'replay', json_build_object(
            'id', j.id, 'mode', j.mode, 'state', j.state, 'matched', j.matched,
            'replayed', j.replayed, 'skipped', j.skipped,
            'created_at', (extract(epoch FROM j.created_at) * 1000000)::bigint))
    FROM replay_jobs j JOIN tenants t ON t.id = j.tenant_id
    LEFT JOIN endpoints e ON e.id = j.endpoint_id
    WHERE j.id = $1 AND j.tenant_id <> $2";

/// One warning a day for each endpoint is enough. Rows that somebody else holds locked are left alone,
/// since settling locks endpoints in no order; whoever it is switches the endpoint off, or warns.
pub(super) const WARN: &str = "
    UPDATE endpoints SET warned_at = now()
    WHERE id = ANY (ARRAY(
        SELECT e.id FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM endpoints WHERE id = given.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        ) AS e
        WHERE e.tenant_id <> $2 AND e.disabled_at IS NULL AND e.deleted_at IS NULL
          AND (e.warned_at IS NULL OR e.warned_at < now() - interval '1 day')))
    RETURNING id";

const IS_DISABLED: &str = "SELECT disabled_at IS NOT NULL FROM endpoints WHERE id = $1";

const WAITING: &str = "
    SELECT id, event_type, tenant_id, facts, created_at,
           created_at < now() - make_interval(secs => $2) AS is_stale
    FROM operational_events ORDER BY position LIMIT $1";

const REMOVE: &str = "DELETE FROM operational_events WHERE id = ANY ($1)";

#[async_trait]
impl Operations for PgStore {
    fn operator(&self) -> Option<TenantId> {
        self.operator.clone()
    }

    async fn operational_events(
        &self,
        limit: u32,
        stale_after: Duration,
    ) -> Result<Vec<OperationalEvent>, StoreError> {
        let waiting =
            sqlx::query_as(WAITING).bind(i64::from(limit)).bind(stale_after.as_secs_f64());
        let rows: Vec<OperationalRow<OffsetDateTime>> =
            waiting.fetch_all(&self.hot).await.or_store_error()?;
        rows.into_iter().map(OperationalEvent::try_from).collect()
    }

    async fn operational_events_remove(
        &self,
        ids: &[OperationalEventId],
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        sqlx::query(REMOVE).bind(ids).execute(&self.hot).await.or_store_error()?;
        Ok(())
    }
}

impl PgStore {
    /// The same store, whose changes are told to this tenant; to nobody without one.
    #[must_use]
    pub fn operated_by(self, operator: Option<TenantId>) -> Self {
        Self { operator, ..self }
    }
}

/// Tells of what settling gave up, and warns of endpoints that it will give up. To be called after all
/// that locks endpoints.
pub(super) async fn about_settled(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    settled: &[SettledOne<'_>],
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    let mut about = deaths(settled);
    let chances = last_chances(settled);
    if !chances.is_empty() {
        let endpoints: Vec<Uuid> = chances.keys().copied().collect();
        let warn = sqlx::query_scalar(WARN).bind(endpoints).bind(operator.as_str());
        let warned: Vec<Uuid> = warn.fetch_all(&mut *txn).await.or_store_error()?;
        about.extend(warned.iter().filter_map(|endpoint| chances.get(endpoint).copied()));
    }
    about_deliveries(txn, operator, &about).await
}

/// Tells of deliveries that died for this reason without a settlement.
pub(super) async fn about_deaths(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    reason: DeadReason,
    deliveries: impl Iterator<Item = Uuid>,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    about_deliveries(txn, operator, &deaths_for(reason, deliveries)).await
}

async fn about_deliveries(
    txn: &mut PgConnection,
    operator: &TenantId,
    about: &[AboutDelivery],
) -> Result<(), StoreError> {
    if about.is_empty() {
        return Ok(());
    }
    sqlx::query(ABOUT_DELIVERIES)
        .bind(about.iter().map(|one| one.delivery).collect::<Vec<Uuid>>())
        .bind(about.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>())
        .bind(about.iter().map(AboutDelivery::reason).collect::<Vec<_>>())
        .bind(operator.as_str())
        .execute(txn)
        .await
        .or_store_error()?;
    Ok(())
}

/// Whether an endpoint is switched off by us, and somebody wants to know when it no longer is.
pub(super) async fn is_disabled(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    endpoint: Uuid,
) -> Result<bool, StoreError> {
    if operator.is_none() {
        return Ok(false);
    }
    let is_disabled = sqlx::query_scalar(IS_DISABLED).bind(endpoint);
    is_disabled.fetch_one(txn).await.or_store_error()
}

/// Tells the same of some endpoints, as they are by now; without a reason, why they are disabled.
pub(super) async fn about_endpoints(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    endpoints: &[Uuid],
    kind: OperationalKind,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    if endpoints.is_empty() {
        return Ok(());
    }
    let tell = sqlx::query(ABOUT_ENDPOINTS).bind(endpoints).bind(kind.as_str());
    let tell = tell.bind(reason).bind(operator.as_str());
    tell.execute(txn).await.or_store_error()?;
    Ok(())
}

/// Tells of a replay that is over by now.
pub(super) async fn about_replay(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    replay: ReplayId,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    let tell = sqlx::query(ABOUT_REPLAY).bind(replay.as_uuid()).bind(operator.as_str());
    tell.execute(txn).await.or_store_error()?;
    Ok(())
}
