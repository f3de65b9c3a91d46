//! Accepting events: one transaction for a batch.
//!
//! *Theory of operation.* (1) Compare each tenant's `endpoints_version` with the cache and read
//! anew what changed, so that matching is fresh; with them comes which endpoints are backlogged. Leave
//! out what is refused whatever its keys say. (2) Insert the idempotency keys, sorted, so that
//! two batches with the same keys cannot deadlock; what was not inserted belongs to an earlier
//! event and is read in a second statement. (3) Insert the events that are new and their
//! deliveries.

mod insert;
pub(super) mod keys;
pub(super) mod matching;
pub(super) mod namesakes;
mod test;
pub(super) mod turns;

use super::PgStore;
use super::error::{classify, is_missing_partition};
use crate::accept::verdict::Verdict;
use crate::accept::{Acceptance, Accepted, NewEvent, QueueRoom, TestAccepted, refusal};
use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use crate::upkeep::Upkeep as _;
use async_trait::async_trait;
use postrider_common::tenant::{TenantId, TenantScope};
use sqlx::PgConnection;
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

pub(super) const QUEUED: &str = "
    SELECT count(*) FROM (SELECT FROM deliveries
                          WHERE tenant_id = $1 AND state = 'queued' LIMIT $2) AS queued";

#[async_trait]
impl Acceptance for PgStore {
    async fn events_accept(
        &self,
        events: &[NewEvent],
        room: &QueueRoom,
    ) -> Result<Vec<Accepted>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let accepted = match self.accept_in_txn(events, room.clone()).await {
            Err(error) if is_missing_partition(&error) => {
                self.partitions_ensure().await?;
                self.accept_in_txn(events, room.clone()).await
            }
            accepted => accepted,
        };
        accepted.map_err(classify)
    }

    async fn test_accept(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        event: &NewEvent,
    ) -> Result<TestAccepted, StoreError> {
        let accepted = match test::accept(self, scope, endpoint, event).await {
            Err(error) if is_missing_partition(&error) => {
                self.partitions_ensure().await?;
                test::accept(self, scope, endpoint, event).await
            }
            accepted => accepted,
        };
        accepted.map_err(classify)
    }

    async fn deliveries_queued(&self, tenant: &TenantId, limit: u32) -> Result<u32, StoreError> {
        let count: i64 = sqlx::query_scalar(QUEUED)
            .bind(tenant.as_str())
            .bind(i64::from(limit))
            .fetch_one(&self.hot)
            .await
            .map_err(classify)?;
        Ok(u32::try_from(count).unwrap_or(limit))
    }
}

impl PgStore {
    async fn accept_in_txn(
        &self,
        events: &[NewEvent],
        room: QueueRoom,
    ) -> Result<Vec<Accepted>, sqlx::Error> {
        let mut txn = self.hot.begin().await?;
        let tenants: HashSet<&TenantId> = events.iter().map(|event| &event.tenant).collect();
        let recipients = matching::load(&mut txn, &self.matching, &tenants).await?;

        let now = now_if_needed(&mut txn, events).await?;
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
        let mut queued = insert::events(&mut txn, new.collect(), room).await?;
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
}

/// The transaction's time, if an event is to be delivered at a certain one.
async fn now_if_needed(
    txn: &mut PgConnection,
    events: &[NewEvent],
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    if events.iter().all(|event| event.deliver_at.is_none()) {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT now()").fetch_one(txn).await.map(Some)
}
