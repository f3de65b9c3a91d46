//! Which endpoints want an event: cached per tenant, verified inside the accepting transaction.

use crate::accept::matching::{Candidate, MatchingCache, Recipients, TenantEndpoints};
use postrider_common::contract_version::ContractVersion;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use sqlx::{FromRow, PgConnection};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

pub(in crate::postgres) const VERSIONS: &str = "
    SELECT id, endpoints_version,
           ARRAY(SELECT endpoint_id FROM endpoint_backlog b WHERE b.tenant_id = t.id)
    FROM tenants t WHERE id = ANY ($1)";

/// Reads version, endpoints and the contracts' versions in one statement, so that they belong
/// together.
pub(in crate::postgres) const ENDPOINTS: &str = "
    SELECT t.id AS tenant_id, t.endpoints_version AS version, e.id AS endpoint_id, e.events, e.is_on,
           e.ordered, e.contract_version
    FROM tenants t
    LEFT JOIN LATERAL (
        SELECT id, events, active AND disabled_at IS NULL AS is_on, ordering IS NOT NULL AS ordered,
               (SELECT c.version FROM contracts c WHERE c.name = coalesce(own_contract, t.contract))
                   AS contract_version
        FROM endpoints WHERE tenant_id = t.id AND deleted_at IS NULL OFFSET 0
    ) AS e ON true
    WHERE t.id = ANY ($1)
    ORDER BY t.id, e.id";

/// The endpoints of these tenants as of now, and which of them are backlogged.
pub(super) async fn load(
    txn: &mut PgConnection,
    cache: &MatchingCache,
    tenants: &HashSet<&TenantId>,
) -> Result<Recipients, sqlx::Error> {
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let rows: Vec<(String, i64, Vec<Uuid>)> =
        sqlx::query_as(VERSIONS).bind(&names).fetch_all(&mut *txn).await?;
    let mut loaded = Recipients::default();
    let mut versions = HashMap::with_capacity(rows.len());
    for (tenant, version, backlogged) in rows {
        versions.insert(tenant, version);
        loaded.add_backlogged(backlogged.into_iter().map(EndpointId::from_uuid));
    }

    let mut stale = Vec::new();
    for tenant in tenants {
        let Some(version) = versions.get(tenant.as_str()) else {
            continue;
        };
        match cache.get(tenant, *version).await {
            Some(cached) => loaded.add((*tenant).clone(), cached),
            None => stale.push(*tenant),
        }
    }
    for (tenant, endpoints) in read(txn, &stale).await? {
        let endpoints = Arc::new(endpoints);
        cache.put(tenant.clone(), Arc::clone(&endpoints)).await;
        loaded.add(tenant, endpoints);
    }
    Ok(loaded)
}

#[derive(FromRow)]
struct Row {
    tenant_id: String,
    version: i64,
    endpoint_id: Option<Uuid>,
    events: Option<Vec<String>>,
    is_on: Option<bool>,
    ordered: Option<bool>,
    contract_version: Option<i32>,
}

async fn read(
    txn: &mut PgConnection,
    tenants: &[&TenantId],
) -> Result<HashMap<TenantId, TenantEndpoints>, sqlx::Error> {
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let rows: Vec<Row> = sqlx::query_as(ENDPOINTS).bind(&names).fetch_all(&mut *txn).await?;

    let by_name: HashMap<&str, &TenantId> =
        tenants.iter().map(|tenant| (tenant.as_str(), *tenant)).collect();
    let mut read: HashMap<TenantId, TenantEndpoints> = HashMap::new();
    for row in rows {
        let Some(tenant) = by_name.get(row.tenant_id.as_str()) else {
            continue;
        };
        let entry = read
            .entry((*tenant).clone())
            .or_insert_with(|| TenantEndpoints { version: row.version, endpoints: Vec::new() });
        if let (Some(id), Some(events), Some(on)) = (row.endpoint_id, row.events, row.is_on) {
            let id = EndpointId::from_uuid(id);
            let contract_version = row.contract_version.map(ContractVersion::from_number);
            let ordered = row.ordered.unwrap_or_default();
            entry.endpoints.push(Candidate { id, events, on, ordered, contract_version });
        }
    }
    Ok(read)
}
