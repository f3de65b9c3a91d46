//! Claim: `queued` becomes `in_flight` under a fresh token, or what the endpoint's state asks for. A
//! test asks only that there is an endpoint, and a probe that its endpoint still waits for one.

use super::error::StoreResultExt as _;
use super::{PgStore, by_id};
use crate::error::StoreError;
use crate::work::{Claim, Claimed, ClaimedDelivery, Claiming, EventContent, LeasePolicy};
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::{DeliveryState, Progress, SUSPECT_AFTER_LOSSES};
use postrider_common::event::EventType;
use postrider_common::id::{DeliveryId, EndpointId, EventId, LeaseToken};
use postrider_common::tenant::TenantId;
use postrider_common::trace::TraceContext;
use sqlx::FromRow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Rows that somebody else holds locked are left alone: whoever it is changes their state. The token
/// of an earlier lease stands until there is a new lease, for a success that comes late. A suspect that is
/// not claimed alone stays as it is.
pub(super) const CLAIM: &str = "
    WITH found AS MATERIALIZED (
        SELECT d.id, d.tenant_id, d.event_id, d.endpoint_id, d.failures, d.contract_version, d.test,
               d.ordering_key IS NOT NULL AS ordered,
               coalesce(d.next_attempt_at, now()) AS due_at, wanted.token, e.version,
               CASE WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL)
                         OR (e.active AND e.auto_enable AND e.disabled_reason = 'exhausted'
                             AND e.probe_delivery = d.id)
                    THEN CASE WHEN d.losses < $10 OR $11 THEN 'in_flight' ELSE 'queued' END
                    ELSE 'held' END AS state,
               d.losses >= $10 AS is_suspect, d.attempts + 1 AS attempt,
               coalesce(e.timeout_s, c.timeout_s, $5) + $6 AS lease_s
        FROM unnest($1::uuid[], $2::uuid[]) AS wanted (id, token)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = wanted.id AND state = $7 AND id >= $8 AND id <= $9 FOR UPDATE SKIP LOCKED
        ) AS d
        CROSS JOIN LATERAL (
            SELECT *, coalesce(own_contract, (SELECT contract FROM tenants t WHERE t.id = tenant_id))
                      AS contract
            FROM endpoints WHERE id = d.endpoint_id LIMIT 1
        ) AS e
        LEFT JOIN unnest($3::text[], $4::int[]) AS c (name, timeout_s) ON c.name = e.contract
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at, lease_token, lease_until, claimed_at, attempts,
                                     alone_token)
        SELECT id, tenant_id, event_id, endpoint_id, state,
               CASE WHEN state = 'dead' THEN 'endpoint_deleted' END,
               CASE WHEN state = 'dead' THEN now() END,
               CASE WHEN state = 'in_flight' THEN token END,
               CASE WHEN state = 'in_flight' THEN now() + make_interval(secs => lease_s) END,
               CASE WHEN state = 'in_flight' THEN now() END,
               CASE WHEN state = 'in_flight' THEN attempt ELSE attempt - 1 END,
               CASE WHEN state = 'in_flight' AND is_suspect THEN token END
        FROM found WHERE state <> 'queued'
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, queued_at = NULL, dead_reason = excluded.dead_reason,
            finished_at = excluded.finished_at, attempts = excluded.attempts,
            lease_token = coalesce(excluded.lease_token, d.lease_token),
            lease_until = excluded.lease_until,
            claimed_at = coalesce(excluded.claimed_at, d.claimed_at),
            alone_token = excluded.alone_token
    )
    SELECT id, state, tenant_id, endpoint_id, version, event_id, token, attempt, failures,
           contract_version, test, ordered, due_at, lease_s, now() AS now
    FROM found";

pub(super) const UNKNOWN_AMONG: &str = "
    SELECT wanted.id FROM unnest($1::uuid[]) AS wanted (id)
    WHERE (SELECT true FROM deliveries d WHERE d.id = wanted.id) IS NULL";

pub(super) const EVENTS: &str = "
    SELECT e.* FROM unnest($1::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT id, given_id, event_type, payload, occurred_at, accepted_at, traceparent,
               deliver_at
        FROM events WHERE id = wanted.id AND id >= $2 AND id <= $3 LIMIT 1
    ) AS e";

/// A lease never outlasts what the schema lets an endpoint ask for, should its contract be unknown.
const UNKNOWN_CONTRACT_TIMEOUT_S: i32 = 30;

#[derive(FromRow)]
struct ClaimRow {
    id: Uuid,
    state: String,
    tenant_id: String,
    endpoint_id: Uuid,
    version: i64,
    event_id: Uuid,
    token: Uuid,
    attempt: i32,
    failures: i32,
    contract_version: Option<i32>,
    test: bool,
    ordered: bool,
    due_at: OffsetDateTime,
    lease_s: i32,
    now: OffsetDateTime,
}

#[derive(FromRow)]
struct EventRow {
    id: Uuid,
    given_id: Option<String>,
    event_type: String,
    payload: Vec<u8>,
    occurred_at: OffsetDateTime,
    accepted_at: OffsetDateTime,
    traceparent: Option<String>,
    deliver_at: Option<OffsetDateTime>,
}

pub(super) async fn claim(
    store: &PgStore,
    ids: &[DeliveryId],
    lease: &LeasePolicy,
    claiming: Claiming,
) -> Result<Claimed, StoreError> {
    let rows = claim_rows(store, ids, lease, claiming).await?;
    let now = rows.first().map_or(OffsetDateTime::UNIX_EPOCH, |row| row.now);
    let mut found = HashMap::with_capacity(rows.len());
    let mut events = HashSet::new();
    for row in rows {
        let id = DeliveryId::from_uuid(row.id);
        // One that cannot be read is not to stop the others; its lease ends by itself.
        let claim = row.into_claim().unwrap_or_else(|error| {
            tracing::error!(delivery = %id, %error, "claimed, but not to be sent");
            Claim::NotQueued
        });
        if let Claim::Claimed(claimed) = &claim {
            events.insert(claimed.event.as_uuid());
        }
        found.insert(id, claim);
    }
    let unknown = unknown_among(store, ids, &found).await?;
    let claims = ids.iter().map(|id| match found.remove(id) {
        Some(claim) => claim,
        None if unknown.contains(id) => Claim::Unknown,
        None => Claim::NotQueued,
    });
    let claims = claims.collect();
    Ok(Claimed { claims, events: load_events(store, events).await?, now })
}

async fn claim_rows(
    store: &PgStore,
    ids: &[DeliveryId],
    lease: &LeasePolicy,
    claiming: Claiming,
) -> Result<Vec<ClaimRow>, StoreError> {
    let ids = by_id::sorted(ids);
    let tokens: Vec<Uuid> = ids.iter().map(|_| LeaseToken::generate().as_uuid()).collect();
    let seconds = |time: Duration| i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    let (names, timeouts): (Vec<&str>, Vec<i32>) =
        lease.timeouts.iter().map(|(name, timeout)| (name.as_str(), seconds(*timeout))).unzip();
    let (first, last) = by_id::ends(&ids);
    sqlx::query_as(CLAIM)
        .bind(ids)
        .bind(tokens)
        .bind(names)
        .bind(timeouts)
        .bind(UNKNOWN_CONTRACT_TIMEOUT_S)
        .bind(seconds(lease.margin))
        .bind(DeliveryState::Queued.as_str())
        .bind(first)
        .bind(last)
        .bind(SUSPECT_AFTER_LOSSES.cast_signed())
        .bind(claiming == Claiming::Alone)
        .fetch_all(&store.hot)
        .await
        .or_store_error()
}

impl ClaimRow {
    fn into_claim(self) -> Result<Claim, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        let natural = |number: i32| u32::try_from(number).map_err(|_| unreadable("count"));
        let id = DeliveryId::from_uuid(self.id);
        let claim = match DeliveryState::from_name(&self.state) {
            Some(DeliveryState::Queued) => Claim::Suspect,
            Some(DeliveryState::Held) => Claim::Held,
            Some(DeliveryState::Dead) => Claim::EndpointDeleted,
            Some(DeliveryState::InFlight) => Claim::Claimed(ClaimedDelivery {
                id,
                tenant: TenantId::parse(self.tenant_id).map_err(|_| unreadable("tenant id"))?,
                endpoint: EndpointId::from_uuid(self.endpoint_id),
                endpoint_version: self.version,
                event: EventId::from_uuid(self.event_id),
                token: LeaseToken::from_uuid(self.token),
                attempt: natural(self.attempt)?,
                due_at: self.due_at,
                progress: Progress { failures: natural(self.failures)? },
                contract_version: self.contract_version.map(ContractVersion::from_number),
                test: self.test,
                ordered: self.ordered,
                lease: Duration::from_secs(u64::from(natural(self.lease_s)?)),
            }),
            _ => return Err(unreadable("delivery state")),
        };
        Ok(claim)
    }
}

/// Those of the ids that were not found and that no delivery has.
async fn unknown_among(
    store: &PgStore,
    ids: &[DeliveryId],
    found: &HashMap<DeliveryId, Claim>,
) -> Result<HashSet<DeliveryId>, StoreError> {
    let missing: Vec<Uuid> =
        ids.iter().filter(|id| !found.contains_key(id)).map(DeliveryId::as_uuid).collect();
    if missing.is_empty() {
        return Ok(HashSet::new());
    }
    let unknown: Vec<Uuid> = sqlx::query_scalar(UNKNOWN_AMONG)
        .bind(missing)
        .fetch_all(&store.hot)
        .await
        .or_store_error()?;
    Ok(unknown.into_iter().map(DeliveryId::from_uuid).collect())
}

async fn load_events(
    store: &PgStore,
    ids: HashSet<Uuid>,
) -> Result<HashMap<EventId, Arc<EventContent>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    ids.sort_unstable();
    let (first, last) = by_id::ends(&ids);
    let rows: Vec<EventRow> = sqlx::query_as(EVENTS)
        .bind(ids)
        .bind(first)
        .bind(last)
        .fetch_all(&store.hot)
        .await
        .or_store_error()?;
    Ok(rows.into_iter().filter_map(EventRow::into_content).collect())
}

impl EventRow {
    /// An event whose row cannot be read is left out, so that it does not stop the others.
    fn into_content(self) -> Option<(EventId, Arc<EventContent>)> {
        let id = EventId::from_uuid(self.id);
        let event_type = EventType::parse(self.event_type)
            .inspect_err(|error| tracing::error!(event = %id, %error, "its type cannot be read"))
            .ok()?;
        let Self { given_id, payload, occurred_at, accepted_at, deliver_at, traceparent, .. } =
            self;
        let payload = payload.into();
        // What cannot be read is no reason not to send.
        let trace = traceparent.and_then(|text| TraceContext::parse(&text).ok());
        let content = EventContent {
            given_id,
            event_type,
            payload,
            occurred_at,
            accepted_at,
            deliver_at,
            trace,
        };
        Some((id, Arc::new(content)))
    }
}
