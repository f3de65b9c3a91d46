//! Accepting events: one transaction for a batch.
//!
//! *Theory of operation.* (1) Compare each tenant's `endpoints_version` with the cache and read
//! anew what changed, so that matching is fresh; with them comes which endpoints are backlogged. Leave
//! out what is refused whatever its keys say. (2) Read who has the idempotency keys, judge the
//! events in their order, and insert the keys that are new. (3) Insert the events that are new and
//! their deliveries.

mod insert;
mod keys;
mod matching;
mod namesakes;
mod test;
mod turns;

#[cfg(feature = "conformance")]
pub(super) use {
    insert::STATEMENTS as INSERT, keys::STATEMENTS as KEYS, matching::STATEMENTS as MATCHING,
    namesakes::FIND as NAMESAKES, turns::STATEMENTS as TURNS,
};

use super::SqliteStore;
use super::error::StoreResultExt as _;
use crate::accept::verdict::Verdict;
use crate::accept::{Acceptance, Accepted, NewEvent, QueueRoom, TestAccepted, refusal};
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::tenant::{TenantId, TenantScope};
use std::collections::{HashMap, HashSet};

pub(super) const QUEUED: &str = "
    SELECT count(*) FROM (SELECT 1 FROM deliveries
                          WHERE tenant_id = ?1 AND state = 'queued' LIMIT ?2)";

#[async_trait]
impl Acceptance for SqliteStore {
    async fn events_accept(
        &self,
        events: &[NewEvent],
        room: &QueueRoom,
    ) -> Result<Vec<Accepted>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut txn = self.writer.begin().await?;
        let tenants: HashSet<&TenantId> = events.iter().map(|event| &event.tenant).collect();
        let recipients = matching::load(&mut txn, &self.matching, &tenants).await?;

        let now = Some(txn.now().try_into()?);
        let namesakes = namesakes::find(&mut txn, events).await?;
        let refusal =
            |event: &NewEvent| refusal(event, recipients.knows(&event.tenant), &namesakes, now);
        let known: Vec<&NewEvent> =
            events.iter().filter(|event| refusal(event).is_none()).collect();
        let wanting = |event: &&NewEvent| recipients.wanting(&event.tenant, &event.event_type);
        let plans: Vec<_> = known.iter().map(wanting).collect();
        let counts: Vec<u32> =
            plans.iter().map(|wanting| u32::try_from(wanting.len()).unwrap_or(u32::MAX)).collect();

        let verdicts = keys::claim(&mut txn, &known, &counts).await?;
        let new =
            known.iter().zip(plans).zip(&verdicts).filter_map(|((event, wanting), verdict)| {
                matches!(verdict, Verdict::New).then_some((*event, wanting))
            });
        let mut queued = insert::events(&mut txn, new.collect(), room.clone()).await?;
        txn.commit().await?;

        let mut by_event: HashMap<_, _> = known
            .iter()
            .zip(verdicts)
            .zip(counts)
            .map(|((event, verdict), deliveries)| {
                let queued = queued.remove(&event.id).unwrap_or_default();
                (event.id, verdict.into_accepted(deliveries, queued))
            })
            .collect();
        let mut result = |event: &NewEvent| by_event.remove(&event.id).or_else(|| refusal(event));
        Ok(events.iter().map(|event| result(event).unwrap_or(Accepted::UnknownTenant)).collect())
    }

    async fn test_accept(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        event: &NewEvent,
    ) -> Result<TestAccepted, StoreError> {
        test::accept(self, scope, endpoint, event).await
    }

    async fn deliveries_queued(&self, tenant: &TenantId, limit: u32) -> Result<u32, StoreError> {
        sqlx::query_scalar(QUEUED)
            .bind(tenant.as_str())
            .bind(limit)
            .fetch_one(&self.readers)
            .await
            .or_store_error()
    }
}
