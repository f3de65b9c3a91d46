//! Which endpoints want an event: cached per tenant, verified inside the accepting transaction.

use crate::accept::matching::{Candidate, MatchingCache, Recipients, TenantEndpoints};
use crate::error::StoreError;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::contract_version::ContractVersion;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use sqlx::FromRow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

const VERSIONS: &str = "
    SELECT t.id, t.endpoints_version,
           (SELECT json_group_array(hex(l.endpoint_id)) FROM endpoint_backlog l
            WHERE l.tenant_id = t.id)
    FROM json_each(?1) AS wanted CROSS JOIN tenants t ON t.id = wanted.value";

const ENDPOINTS: &str = "
    SELECT t.id AS tenant_id, t.endpoints_version AS version, e.id AS endpoint_id, e.events,
           e.active AND e.disabled_at IS NULL AS is_on, e.ordering IS NOT NULL AS ordered,
           (SELECT contracts.version FROM contracts
            WHERE contracts.name = coalesce(e.own_contract, t.contract)) AS contract_version
    FROM json_each(?1) AS wanted
    CROSS JOIN tenants t ON t.id = wanted.value
    LEFT JOIN endpoints e ON e.tenant_id = t.id AND e.deleted_at IS NULL
    ORDER BY t.id, e.id";

#[cfg(feature = "conformance")]
pub(in crate::sqlite) const STATEMENTS: [&str; 2] = [VERSIONS, ENDPOINTS];

/// The endpoints of these tenants as of now, and which of them are backlogged.
pub(super) async fn load(
    txn: &mut WriteTxn,
    cache: &MatchingCache,
    tenants: &HashSet<&TenantId>,
) -> Result<Recipients, StoreError> {
    let rows: Vec<(String, i64, String)> = sqlx::query_as(VERSIONS)
        .bind(names(tenants.iter().copied())?)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    let mut loaded = Recipients::default();
    let mut versions = HashMap::with_capacity(rows.len());
    for (tenant, version, backlogged) in rows {
        versions.insert(tenant, version);
        let ids: Vec<Uuid> = serde_json::from_str(&backlogged)
            .map_err(|_| StoreError::Unreadable { what: "endpoint id" })?;
        loaded.add_backlogged(ids.into_iter().map(EndpointId::from_uuid));
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

fn names<'a>(tenants: impl Iterator<Item = &'a TenantId>) -> Result<String, StoreError> {
    json(&tenants.map(TenantId::as_str).collect::<Vec<_>>())
}

#[derive(FromRow)]
struct Row {
    tenant_id: String,
    version: i64,
    endpoint_id: Option<Uuid>,
    events: Option<String>,
    is_on: Option<bool>,
    ordered: bool,
    contract_version: Option<i32>,
}

async fn read(
    txn: &mut WriteTxn,
    tenants: &[&TenantId],
) -> Result<HashMap<TenantId, TenantEndpoints>, StoreError> {
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sqlx::query_as(ENDPOINTS)
        .bind(names(tenants.iter().copied())?)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;

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
        entry.endpoints.extend(row.into_candidate()?);
    }
    Ok(read)
}

impl Row {
    /// None of a tenant that has no endpoints.
    fn into_candidate(self) -> Result<Option<Candidate>, StoreError> {
        let (Some(id), Some(events), Some(on)) = (self.endpoint_id, self.events, self.is_on) else {
            return Ok(None);
        };
        let events = serde_json::from_str(&events)
            .map_err(|_| StoreError::Unreadable { what: "event filter" })?;
        let id = EndpointId::from_uuid(id);
        let contract_version = self.contract_version.map(ContractVersion::from_number);
        let ordered = self.ordered;
        Ok(Some(Candidate { id, events, on, ordered, contract_version }))
    }
}
