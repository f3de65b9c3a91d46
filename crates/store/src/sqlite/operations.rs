//! What operators are told: written as part of the transactions that it is about, read and removed by
//! the dispatcher.
//!
//! Each of the writers does nothing without an operator's tenant, and says nothing about that tenant.

use super::SqliteStore;
use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
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
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

const ABOUT_ENDPOINTS: &str = "
    INSERT INTO operational_events (event_type, tenant_id, facts, created_at)
    SELECT ?2, e.tenant_id, json_object(
               'reason', coalesce(?3, e.disabled_reason),
               'endpoint', json_object('public_id', e.public_id, 'url', e.url,
                                       'contract', coalesce(e.own_contract, t.contract))),
           ?5
    FROM json_each(?1) AS given
    CROSS JOIN endpoints e ON e.id = unhex(given.value, '-')
    CROSS JOIN tenants t ON t.id = e.tenant_id
    WHERE e.tenant_id <> ?4";

pub(super) const ABOUT_DELIVERIES: &str = "
    WITH given AS MATERIALIZED (SELECT value AS said FROM json_each(?1))
    INSERT INTO operational_events (event_type, tenant_id, facts, created_at)
    SELECT said ->> 'kind', d.tenant_id, json_object(
               'reason', coalesce(said ->> 'reason', d.dead_reason),
               'endpoint', json_object('public_id', e.public_id, 'url', e.url,
                                       'contract', coalesce(e.own_contract, t.contract)),
               'delivery', json_object(
                   'id', lower(hex(d.id)), 'event', lower(hex(d.event_id)),
                   'given_event_id', ev.given_id, 'event_type', ev.event_type,
                   'attempts', d.attempts, 'last_status', d.last_status,
                   'last_failure', d.last_failure, 'created_at', d.created_at)),
           ?3
    FROM given
    CROSS JOIN deliveries d ON d.id = unhex(said ->> 'delivery', '-')
    CROSS JOIN events ev ON ev.id = d.event_id
    CROSS JOIN endpoints e ON e.id = d.endpoint_id
    CROSS JOIN tenants t ON t.id = d.tenant_id
    WHERE NOT d.test AND d.tenant_id <> ?2";

const ABOUT_REPLAY: &str = "
    INSERT INTO operational_events (event_type, tenant_id, facts, created_at)
    SELECT 'replay.finished', j.tenant_id, json_object(
               'endpoint', json(iif(e.id IS NULL, NULL, json_object(
                   'public_id', e.public_id, 'url', e.url,
                   'contract', coalesce(e.own_contract, t.contract)))),
               'replay', json_object(
                   'id', lower(hex(j.id)), 'mode', j.mode, 'state', j.state, 'matched', j.matched,
                   'replayed', j.replayed, 'skipped', j.skipped, 'created_at', j.created_at)),
           ?3
    FROM replay_jobs j JOIN tenants t ON t.id = j.tenant_id
    LEFT JOIN endpoints e ON e.id = j.endpoint_id
    WHERE j.id = ?1 AND j.tenant_id <> ?2";

/// One warning a day for each endpoint is enough.
pub(super) const WARN: &str = "
    UPDATE endpoints SET warned_at = ?3
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND tenant_id <> ?2
      AND disabled_at IS NULL AND deleted_at IS NULL
      AND (warned_at IS NULL OR warned_at < ?3 - 86400000000)
    RETURNING id";

const IS_DISABLED: &str = "SELECT disabled_at IS NOT NULL FROM endpoints WHERE id = ?1";

const WAITING: &str = "
    SELECT id, event_type, tenant_id, facts, created_at, created_at < ?2 AS is_stale
    FROM operational_events ORDER BY position LIMIT ?1";

const REMOVE: &str = "
    DELETE FROM operational_events
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))";

#[async_trait]
impl Operations for SqliteStore {
    fn operator(&self) -> Option<TenantId> {
        self.operator.clone()
    }

    async fn operational_events(
        &self,
        limit: u32,
        stale_after: Duration,
    ) -> Result<Vec<OperationalEvent>, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        let stale = self.clock.now(&mut reader).await?.before(stale_after);
        let waiting = sqlx::query_as(WAITING).bind(limit).bind(stale);
        let rows: Vec<OperationalRow<Micros>> =
            waiting.fetch_all(&mut *reader).await.or_store_error()?;
        rows.into_iter().map(OperationalEvent::try_from).collect()
    }

    async fn operational_events_remove(
        &self,
        ids: &[OperationalEventId],
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let mut txn = self.writer.begin().await?;
        let remove = sqlx::query(REMOVE).bind(json(&ids)?);
        remove.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }
}

impl SqliteStore {
    /// The same store, whose changes are told to this tenant; to nobody without one.
    #[must_use]
    pub fn operated_by(self, operator: Option<TenantId>) -> Self {
        Self { operator, ..self }
    }
}

#[derive(Serialize)]
struct Said {
    delivery: Uuid,
    kind: &'static str,
    reason: Option<&'static str>,
}

/// Tells of what settling gave up, and warns of endpoints that it will give up.
pub(super) async fn about_settled(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    settled: &[SettledOne<'_>],
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    let mut about = deaths(settled);
    let chances = last_chances(settled);
    if !chances.is_empty() {
        let endpoints: Vec<&Uuid> = chances.keys().collect();
        let warn = sqlx::query_scalar(WARN).bind(json(&endpoints)?).bind(operator.as_str());
        let now = txn.now();
        let warned: Vec<Uuid> =
            warn.bind(now).fetch_all(txn.connection()).await.or_store_error()?;
        about.extend(warned.iter().filter_map(|endpoint| chances.get(endpoint).copied()));
    }
    about_deliveries(txn, operator, &about).await
}

/// Tells of deliveries that died for this reason without a settlement.
pub(super) async fn about_deaths(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    reason: DeadReason,
    deliveries: impl Iterator<Item = Uuid>,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    about_deliveries(txn, operator, &deaths_for(reason, deliveries)).await
}

async fn about_deliveries(
    txn: &mut WriteTxn,
    operator: &TenantId,
    about: &[AboutDelivery],
) -> Result<(), StoreError> {
    if about.is_empty() {
        return Ok(());
    }
    let now = txn.now();
    let said = |one: &AboutDelivery| Said {
        delivery: one.delivery,
        kind: one.kind.as_str(),
        reason: one.reason(),
    };
    let rows: Vec<Said> = about.iter().map(said).collect();
    let tell = sqlx::query(ABOUT_DELIVERIES).bind(json(&rows)?).bind(operator.as_str()).bind(now);
    tell.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Whether an endpoint is switched off by us, and somebody wants to know when it no longer is.
pub(super) async fn is_disabled(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    endpoint: Uuid,
) -> Result<bool, StoreError> {
    if operator.is_none() {
        return Ok(false);
    }
    let is_disabled = sqlx::query_scalar(IS_DISABLED).bind(endpoint);
    is_disabled.fetch_one(txn.connection()).await.or_store_error()
}

/// Tells the same of some endpoints, as they are by now; without a reason, why they are disabled.
pub(super) async fn about_endpoints(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    endpoints: &[Uuid],
    kind: OperationalKind,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    if endpoints.is_empty() {
        return Ok(());
    }
    let now = txn.now();
    let tell = sqlx::query(ABOUT_ENDPOINTS).bind(json(endpoints)?).bind(kind.as_str());
    let tell = tell.bind(reason).bind(operator.as_str()).bind(now);
    tell.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

/// Tells of a replay that is over by now.
pub(super) async fn about_replay(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    replay: ReplayId,
) -> Result<(), StoreError> {
    let Some(operator) = operator else { return Ok(()) };
    let now = txn.now();
    let tell = sqlx::query(ABOUT_REPLAY).bind(replay.as_uuid()).bind(operator.as_str()).bind(now);
    tell.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}
