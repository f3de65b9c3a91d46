//! Switch: endpoints off because of what a receiver answered, and on again because a probe of one that is
//! off was answered with success; as part of settling.

use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{backlogged, breaker, operations, resume};
use crate::error::StoreError;
use crate::operations::{EnabledReason, OperationalKind};
use crate::switch::Switches;
use postrider_common::endpoint::DisableReason;
use postrider_common::probing::rest_after;
use postrider_common::tenant::TenantId;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const BUMP_TENANTS: &str = "
    UPDATE tenants SET endpoints_version = endpoints_version + 1
    WHERE id IN (SELECT e.tenant_id
                 FROM json_each(?1) AS given
                 CROSS JOIN endpoints e ON e.id = unhex(given.value, '-')
                 WHERE e.deleted_at IS NULL AND (e.disabled_at IS NULL OR e.auto_enable))";

/// What a receiver says of itself is the last word on an endpoint that would be probed.
pub(super) const DISABLE: &str = "
    UPDATE endpoints
    SET disabled_at = coalesce(disabled_at, ?2), disabled_reason = given.reason, probe_at = ?3,
        probes = 0, probe_delivery = NULL, version = version + 1, updated_at = ?2
    FROM (SELECT unhex(value ->> 0, '-') AS endpoint, value ->> 1 AS reason
          FROM json_each(?1)) AS given
    WHERE id = given.endpoint AND deleted_at IS NULL
      AND (disabled_at IS NULL OR (auto_enable AND disabled_reason = 'exhausted'
                                   AND given.reason <> 'exhausted'))
    RETURNING id";

pub(super) const ENABLE: &str = "
    UPDATE endpoints
    SET disabled_at = NULL, disabled_reason = NULL, warned_at = NULL, probe_at = NULL, probes = 0,
        probe_delivery = NULL, version = version + 1, updated_at = ?2
    FROM (SELECT unhex(value ->> 0, '-') AS endpoint, unhex(value ->> 1, '-') AS probe
          FROM json_each(?1)) AS given
    WHERE id = given.endpoint AND probe_delivery = given.probe AND auto_enable AND active
      AND disabled_reason = 'exhausted' AND deleted_at IS NULL
    RETURNING id";

/// Switches.
pub(super) async fn make(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    switches: &Switches,
) -> Result<(), StoreError> {
    let ids = switches.endpoints();
    if ids.is_empty() {
        return Ok(());
    }
    let bump = sqlx::query(BUMP_TENANTS).bind(json(&ids)?);
    bump.execute(txn.connection()).await.or_store_error()?;
    // In this order: of a batch that says both, the receiver's word goes first.
    off_for(txn, operator, &switches.off).await?;
    on_again(txn, operator, &switches.on).await
}

async fn off_for(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    off: &BTreeMap<Uuid, DisableReason>,
) -> Result<(), StoreError> {
    if off.is_empty() {
        return Ok(());
    }
    let given: Vec<(Uuid, &str)> = off.iter().map(|(id, reason)| (*id, reason.as_str())).collect();
    let now = txn.now();
    let first_probe: Micros = now.after(rest_after(0));
    let disable = sqlx::query_scalar(DISABLE).bind(json(&given)?).bind(now).bind(first_probe);
    let disabled: Vec<Uuid> = disable.fetch_all(txn.connection()).await.or_store_error()?;
    let kind = OperationalKind::EndpointDisabled;
    operations::about_endpoints(txn, operator, &disabled, kind, None).await?;
    let ids: Vec<Uuid> = off.keys().copied().collect();
    breaker::reset(txn, &ids).await
}

async fn on_again(
    txn: &mut WriteTxn,
    operator: Option<&TenantId>,
    on: &BTreeMap<Uuid, Uuid>,
) -> Result<(), StoreError> {
    if on.is_empty() {
        return Ok(());
    }
    let given: Vec<(&Uuid, &Uuid)> = on.iter().collect();
    let enable = sqlx::query_scalar(ENABLE).bind(json(&given)?).bind(txn.now());
    let enabled: Vec<Uuid> = enable.fetch_all(txn.connection()).await.or_store_error()?;
    let (kind, why) = (OperationalKind::EndpointEnabled, EnabledReason::Answered.as_str());
    operations::about_endpoints(txn, operator, &enabled, kind, Some(why)).await?;
    breaker::back(txn, &enabled).await?;
    resume::first(txn, &enabled).await?;
    // Last, since others may have added the same rows.
    backlogged::begin_of(txn, &enabled).await
}
