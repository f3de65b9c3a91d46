//! Switch: endpoints off because of what a receiver answered, and on again because a probe of one that is
//! off was answered with success; as part of settling.

use super::error::StoreResultExt as _;
use super::{backlogged, breaker, operations, resume};
use crate::error::StoreError;
use crate::operations::{EnabledReason, OperationalKind};
use crate::switch::Switches;
use postrider_common::endpoint::DisableReason;
use postrider_common::probing::rest_after;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Tenants are locked before their endpoints, as by every change of an endpoint, and in the order of
/// their ids, so that two of these cannot deadlock.
const BUMP_TENANTS: &str = "
    WITH owners AS MATERIALIZED (
        SELECT t.id FROM tenants t
        WHERE t.id IN (SELECT e.tenant_id FROM endpoints e
                       WHERE e.id = ANY ($1) AND e.deleted_at IS NULL
                         AND (e.disabled_at IS NULL OR e.auto_enable))
        ORDER BY t.id FOR UPDATE
    )
    UPDATE tenants t SET endpoints_version = t.endpoints_version + 1
    FROM owners WHERE t.id = owners.id";

/// What a receiver says of itself is the last word on an endpoint that would be probed.
const DISABLE: &str = "
    UPDATE endpoints e
    SET disabled_at = coalesce(e.disabled_at, now()), disabled_reason = given.reason,
        probe_at = now() + make_interval(secs => $3), probes = 0, probe_delivery = NULL,
        version = e.version + 1, updated_at = now()
    FROM unnest($1::uuid[], $2::text[]) AS given (id, reason)
    WHERE e.id = given.id AND e.deleted_at IS NULL
      AND (e.disabled_at IS NULL OR (e.auto_enable AND e.disabled_reason = 'exhausted'
                                     AND given.reason <> 'exhausted'))
    RETURNING e.id";

const ENABLE: &str = "
    UPDATE endpoints e
    SET disabled_at = NULL, disabled_reason = NULL, warned_at = NULL, probe_at = NULL, probes = 0,
        probe_delivery = NULL, version = e.version + 1, updated_at = now()
    FROM unnest($1::uuid[], $2::uuid[]) AS given (id, probe)
    WHERE e.id = given.id AND e.probe_delivery = given.probe AND e.auto_enable AND e.active
      AND e.disabled_reason = 'exhausted' AND e.deleted_at IS NULL
    RETURNING e.id";

/// Switches.
pub(super) async fn make(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    switches: &Switches,
) -> Result<(), StoreError> {
    let ids = switches.endpoints();
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(BUMP_TENANTS).bind(ids).execute(&mut *txn).await.or_store_error()?;
    // In this order: of a batch that says both, the receiver's word goes first.
    off_for(txn, operator, &switches.off).await?;
    on_again(txn, operator, &switches.on).await
}

async fn off_for(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    off: &BTreeMap<Uuid, DisableReason>,
) -> Result<(), StoreError> {
    if off.is_empty() {
        return Ok(());
    }
    let (ids, reasons): (Vec<Uuid>, Vec<&str>) =
        off.iter().map(|(id, reason)| (*id, reason.as_str())).unzip();
    let disable = sqlx::query_scalar(DISABLE).bind(&ids).bind(reasons);
    let disable = disable.bind(rest_after(0).as_secs_f64());
    let disabled: Vec<Uuid> = disable.fetch_all(&mut *txn).await.or_store_error()?;
    let kind = OperationalKind::EndpointDisabled;
    operations::about_endpoints(txn, operator, &disabled, kind, None).await?;
    breaker::reset(txn, &ids).await
}

async fn on_again(
    txn: &mut PgConnection,
    operator: Option<&TenantId>,
    on: &BTreeMap<Uuid, Uuid>,
) -> Result<(), StoreError> {
    if on.is_empty() {
        return Ok(());
    }
    let (ids, probes): (Vec<Uuid>, Vec<Uuid>) = on.iter().unzip();
    let enable = sqlx::query_scalar(ENABLE).bind(ids).bind(probes);
    let enabled: Vec<Uuid> = enable.fetch_all(&mut *txn).await.or_store_error()?;
    let (kind, why) = (OperationalKind::EndpointEnabled, EnabledReason::Answered.as_str());
    operations::about_endpoints(txn, operator, &enabled, kind, Some(why)).await?;
    breaker::back(txn, &enabled).await?;
    resume::first(txn, &enabled).await?;
    // Last, since others may have added the same rows.
    backlogged::begin_of(txn, &enabled).await
}
