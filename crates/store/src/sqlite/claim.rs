//! Claim: `queued` becomes `in_flight` under a fresh token, or what the endpoint's state asks for. A
//! test asks only that there is an endpoint, and a probe that its endpoint still waits for one.

use super::SqliteStore;
use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::{Claim, Claimed, ClaimedDelivery, Claiming, EventContent, LeasePolicy};
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::{DeliveryState, Progress, SUSPECT_AFTER_LOSSES};
use postrider_common::event::EventType;
use postrider_common::id::{DeliveryId, EndpointId, EventId, LeaseToken};
use postrider_common::tenant::TenantId;
use postrider_common::trace::TraceContext;
use serde::Serialize;
use sqlx::FromRow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The token of an earlier lease stands until there is a new lease, for a success that comes late. A suspect
/// that is not claimed alone is written as it was.
pub(super) const CLAIM: &str = "
    WITH wanted AS MATERIALIZED (
        SELECT unhex(value ->> 'id', '-') AS id, unhex(value ->> 'token', '-') AS token
        FROM json_each(?1)
    )
    UPDATE deliveries SET
        state = found.state, queued_at = iif(found.state = 'queued', queued_at, NULL),
        dead_reason = iif(found.state = 'dead', 'endpoint_deleted', NULL),
        finished_at = iif(found.state = 'dead', ?5, NULL),
        lease_token = iif(found.state = 'in_flight', found.token, lease_token),
        lease_until = iif(found.state = 'in_flight', ?5 + found.lease_s * 1000000, NULL),
        claimed_at = iif(found.state = 'in_flight', ?5, claimed_at),
        alone_token = iif(found.state = 'in_flight' AND found.is_suspect, found.token, NULL),
        attempts = attempts + (found.state = 'in_flight')
    FROM (
        SELECT d.id AS found_id, wanted.token,
               CASE WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL)
                         OR (e.active AND e.auto_enable AND e.disabled_reason = 'exhausted'
                             AND e.probe_delivery = d.id)
                    THEN iif(d.losses < ?6 OR ?7, 'in_flight', 'queued')
                    ELSE 'held' END AS state,
               d.losses >= ?6 AS is_suspect,
               coalesce(e.timeout_s,
                        (SELECT c.value ->> 1 FROM json_each(?2) AS c
                         WHERE c.value ->> 0 = coalesce(e.own_contract, t.contract)),
                        ?3) + ?4 AS lease_s
        FROM wanted
        CROSS JOIN deliveries d ON d.id = wanted.id AND d.state = 'queued'
        CROSS JOIN endpoints e ON e.id = d.endpoint_id
        CROSS JOIN tenants t ON t.id = e.tenant_id
    ) AS found
    WHERE id = found.found_id
    RETURNING id, state, tenant_id, endpoint_id,
              (SELECT version FROM endpoints WHERE endpoints.id = endpoint_id) AS version,
              event_id, lease_token AS token, attempts AS attempt, failures, contract_version, test,
              ordering_key IS NOT NULL AS ordered,
              coalesce(next_attempt_at, ?5) AS due_at,
              (lease_until - claimed_at) / 1000000 AS lease_s";

pub(super) const UNKNOWN_AMONG: &str = "
    SELECT unhex(wanted.value, '-') FROM json_each(?1) AS wanted
    WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE id = unhex(wanted.value, '-'))";

pub(super) const EVENTS: &str = "
    SELECT e.id, e.given_id, e.event_type, e.payload, e.occurred_at, e.accepted_at, e.traceparent,
           e.deliver_at
    FROM json_each(?1) AS wanted CROSS JOIN events e ON e.id = unhex(wanted.value, '-')";

/// A lease never outlasts what the schema lets an endpoint ask for, should its contract be unknown.
const UNKNOWN_CONTRACT_TIMEOUT_S: u64 = 30;

#[derive(Serialize)]
struct WantedRow {
    id: DeliveryId,
    token: Uuid,
}

#[derive(FromRow)]
struct ClaimRow {
    id: Uuid,
    state: String,
    tenant_id: String,
    endpoint_id: Uuid,
    version: i64,
    event_id: Uuid,
    token: Option<Uuid>,
    attempt: u32,
    failures: u32,
    contract_version: Option<i32>,
    test: bool,
    ordered: bool,
    due_at: Micros,
    lease_s: Option<u32>,
}

#[derive(FromRow)]
struct EventRow {
    id: Uuid,
    given_id: Option<String>,
    event_type: String,
    payload: Vec<u8>,
    occurred_at: Micros,
    accepted_at: Micros,
    traceparent: Option<String>,
    deliver_at: Option<Micros>,
}

pub(super) async fn claim(
    store: &SqliteStore,
    ids: &[DeliveryId],
    lease: &LeasePolicy,
    claiming: Claiming,
) -> Result<Claimed, StoreError> {
    let (rows, now) = claim_rows(store, ids, lease, claiming).await?;
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
            events.insert(claimed.event);
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
    Ok(Claimed { claims, events: load_events(store, &events).await?, now })
}

async fn claim_rows(
    store: &SqliteStore,
    ids: &[DeliveryId],
    lease: &LeasePolicy,
    claiming: Claiming,
) -> Result<(Vec<ClaimRow>, OffsetDateTime), StoreError> {
    let ids: BTreeSet<DeliveryId> = ids.iter().copied().collect();
    let fresh = |id| WantedRow { id, token: LeaseToken::generate().as_uuid() };
    let wanted: Vec<WantedRow> = ids.into_iter().map(fresh).collect();
    let timeouts: Vec<(&str, u64)> =
        lease.timeouts.iter().map(|(name, timeout)| (name.as_str(), timeout.as_secs())).collect();

    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let rows = sqlx::query_as(CLAIM)
        .bind(json(&wanted)?)
        .bind(json(&timeouts)?)
        .bind(seconds(UNKNOWN_CONTRACT_TIMEOUT_S))
        .bind(seconds(lease.margin.as_secs()))
        .bind(now)
        .bind(SUSPECT_AFTER_LOSSES)
        .bind(claiming == Claiming::Alone)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    txn.commit().await?;
    Ok((rows, now.try_into()?))
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

impl ClaimRow {
    fn into_claim(self) -> Result<Claim, StoreError> {
        let unreadable = |what| StoreError::Unreadable { what };
        Ok(match DeliveryState::from_name(&self.state) {
            Some(DeliveryState::Queued) => Claim::Suspect,
            Some(DeliveryState::Held) => Claim::Held,
            Some(DeliveryState::Dead) => Claim::EndpointDeleted,
            Some(DeliveryState::InFlight) => Claim::Claimed(ClaimedDelivery {
                id: DeliveryId::from_uuid(self.id),
                tenant: TenantId::parse(self.tenant_id).map_err(|_| unreadable("tenant id"))?,
                endpoint: EndpointId::from_uuid(self.endpoint_id),
                endpoint_version: self.version,
                event: EventId::from_uuid(self.event_id),
                token: self.token.map(LeaseToken::from_uuid).ok_or(unreadable("token"))?,
                attempt: self.attempt,
                due_at: self.due_at.try_into()?,
                progress: Progress { failures: self.failures },
                contract_version: self.contract_version.map(ContractVersion::from_number),
                test: self.test,
                ordered: self.ordered,
                lease: Duration::from_secs(self.lease_s.ok_or(unreadable("lease"))?.into()),
            }),
            _ => return Err(unreadable("delivery state")),
        })
    }
}

/// Those of the ids that were not found and that no delivery has.
async fn unknown_among(
    store: &SqliteStore,
    ids: &[DeliveryId],
    found: &HashMap<DeliveryId, Claim>,
) -> Result<HashSet<DeliveryId>, StoreError> {
    let missing: Vec<&DeliveryId> = ids.iter().filter(|id| !found.contains_key(id)).collect();
    if missing.is_empty() {
        return Ok(HashSet::new());
    }
    let unknown: Vec<Uuid> = sqlx::query_scalar(UNKNOWN_AMONG)
        .bind(json(&missing)?)
        .fetch_all(&store.readers)
        .await
        .or_store_error()?;
    Ok(unknown.into_iter().map(DeliveryId::from_uuid).collect())
}

async fn load_events(
    store: &SqliteStore,
    ids: &HashSet<EventId>,
) -> Result<HashMap<EventId, Arc<EventContent>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<EventRow> =
        sqlx::query_as(EVENTS).bind(json(ids)?).fetch_all(&store.readers).await.or_store_error()?;
    Ok(rows.into_iter().filter_map(EventRow::into_content).collect())
}

impl EventRow {
    /// An event whose row cannot be read is left out, so that it does not stop the others.
    fn into_content(self) -> Option<(EventId, Arc<EventContent>)> {
        let id = EventId::from_uuid(self.id);
        let content = self
            .content()
            .inspect_err(|error| tracing::error!(event = %id, %error, "it cannot be sent"))
            .ok()?;
        Some((id, Arc::new(content)))
    }

    fn content(self) -> Result<EventContent, StoreError> {
        let event_type = EventType::parse(self.event_type)
            .map_err(|_| StoreError::Unreadable { what: "event type" })?;
        let occurred_at = self.occurred_at.try_into()?;
        let accepted_at = self.accepted_at.try_into()?;
        let deliver_at = self.deliver_at.map(TryInto::try_into).transpose()?;
        // What cannot be read is no reason not to send.
        let trace = self.traceparent.and_then(|text| TraceContext::parse(&text).ok());
        let (given_id, payload) = (self.given_id, self.payload.into());
        Ok(EventContent {
            given_id,
            event_type,
            payload,
            occurred_at,
            accepted_at,
            deliver_at,
            trace,
        })
    }
}
