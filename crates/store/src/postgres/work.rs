//! The dispatcher's work: which file does what.

use super::{PgStore, backlog, claim, defer, feed, follow, lost, reap, release, settle, take_over};
use crate::error::StoreError;
use crate::feed::{FeedLimits, Feeding};
use crate::follow::Followed;
use crate::work::{
    Backlog, Claimed, Claiming, Deferral, LeasePolicy, LostRule, Reaped, Settled, Settlement,
    TakenOver, Work, WorkQueue,
};
use async_trait::async_trait;
use postrider_common::id::DeliveryId;
use std::time::Duration;

#[async_trait]
impl Work for PgStore {
    async fn deliveries_claim(
        &self,
        ids: &[DeliveryId],
        lease: &LeasePolicy,
        claiming: Claiming,
    ) -> Result<Claimed, StoreError> {
        claim::claim(self, ids, lease, claiming).await
    }

    async fn deliveries_settle(
        &self,
        settlements: &[Settlement],
    ) -> Result<Vec<Settled>, StoreError> {
        settle::settle(self, settlements).await
    }

    async fn deliveries_defer(&self, deferrals: &[Deferral]) -> Result<u64, StoreError> {
        defer::defer(self, deferrals).await
    }

    async fn deliveries_refuse(
        &self,
        ids: &[DeliveryId],
        pause: Duration,
    ) -> Result<u64, StoreError> {
        release::refuse(self, ids, pause).await
    }

    async fn deliveries_postpone(
        &self,
        ids: &[DeliveryId],
        delay: Duration,
    ) -> Result<u64, StoreError> {
        release::postpone(self, ids, delay).await
    }

    async fn deliveries_unqueue(&self, ids: &[DeliveryId]) -> Result<u64, StoreError> {
        release::unqueue(self, ids).await
    }

    async fn deliveries_feed(&self, limits: &FeedLimits) -> Result<Option<Feeding>, StoreError> {
        feed::feed(self, limits).await
    }

    async fn deliveries_reap(&self, limit: u32) -> Result<Vec<Reaped>, StoreError> {
        reap::reap(self, limit).await
    }

    async fn deliveries_take_over(&self) -> Result<TakenOver, StoreError> {
        take_over::take_over(self).await
    }

    async fn deliveries_requeue_lost(&self, rule: LostRule) -> Result<u64, StoreError> {
        lost::requeue(self, rule).await
    }

    async fn deliveries_queued_longer(
        &self,
        queue: WorkQueue,
        older_than: Duration,
    ) -> Result<u64, StoreError> {
        lost::count(self, queue, older_than).await
    }

    async fn deliveries_backlog(&self) -> Result<Backlog, StoreError> {
        backlog::backlog(self).await
    }

    async fn deliveries_follow_endpoints(&self, limit: u32) -> Result<Followed, StoreError> {
        follow::follow(self, limit).await
    }
}
