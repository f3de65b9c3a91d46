//! Which endpoints want an event: cached per tenant, verified inside the accepting transaction.

use moka::future::Cache;
use postrider_common::event::EventType;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantId;
use sqlx::{FromRow, PgConnection};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Tenants whose endpoints are kept in memory.
const CACHED_TENANTS: u64 = 10_000;

pub(in crate::postgres) const VERSIONS: &str =
    "SELECT id, endpoints_version FROM tenants WHERE id = ANY ($1)";

/// Reads version and endpoints in one statement, so that they belong together.
pub(in crate::postgres) const ENDPOINTS: &str = "
    SELECT t.id AS tenant_id, t.endpoints_version AS version, e.id AS endpoint_id, e.events, e.is_on
    FROM tenants t
    LEFT JOIN LATERAL (
        SELECT id, events, active AND disabled_at IS NULL AS is_on FROM endpoints
        WHERE tenant_id = t.id AND deleted_at IS NULL OFFSET 0
    ) AS e ON true
    WHERE t.id = ANY ($1)
    ORDER BY t.id, e.id";

/// The endpoints of the tenants that published last.
#[derive(Clone, Debug)]
pub(in crate::postgres) struct MatchingCache(Cache<TenantId, Arc<TenantEndpoints>>);

impl Default for MatchingCache {
    fn default() -> Self {
        Self(Cache::new(CACHED_TENANTS))
    }
}

/// A tenant's endpoints as of one version.
#[derive(Debug)]
pub(super) struct TenantEndpoints {
    version: i64,
    endpoints: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    id: EndpointId,
    events: Vec<String>,
    on: bool,
}

/// An endpoint that wants an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanting {
    pub(super) endpoint: EndpointId,
    /// False while it is paused or switched off: its delivery is held.
    pub(super) on: bool,
}

impl TenantEndpoints {
    /// The endpoints that want an event of this type.
    pub(super) fn wanting(&self, event_type: &EventType) -> Vec<Wanting> {
        let wants = |candidate: &&Candidate| {
            candidate.events.iter().any(|name| name == "*" || name == event_type.as_str())
        };
        let wanting = |candidate: &Candidate| Wanting { endpoint: candidate.id, on: candidate.on };
        self.endpoints.iter().filter(wants).map(wanting).collect()
    }
}

/// The endpoints of these tenants as of now; a tenant that does not exist is absent.
pub(super) async fn load(
    txn: &mut PgConnection,
    cache: &MatchingCache,
    tenants: &HashSet<&TenantId>,
) -> Result<HashMap<TenantId, Arc<TenantEndpoints>>, sqlx::Error> {
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let versions: Vec<(String, i64)> =
        sqlx::query_as(VERSIONS).bind(&names).fetch_all(&mut *txn).await?;
    let versions: HashMap<String, i64> = versions.into_iter().collect();

    let mut loaded = HashMap::with_capacity(tenants.len());
    let mut stale = Vec::new();
    for tenant in tenants {
        let Some(version) = versions.get(tenant.as_str()) else {
            continue;
        };
        match cache.0.get(*tenant).await {
            Some(cached) if cached.version == *version => {
                loaded.insert((*tenant).clone(), cached);
            }
            _ => stale.push(*tenant),
        }
    }
    for (tenant, endpoints) in read(txn, &stale).await? {
        let endpoints = Arc::new(endpoints);
        cache.0.insert(tenant.clone(), Arc::clone(&endpoints)).await;
        loaded.insert(tenant, endpoints);
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
            entry.endpoints.push(Candidate { id: EndpointId::from_uuid(id), events, on });
        }
    }
    Ok(read)
}
