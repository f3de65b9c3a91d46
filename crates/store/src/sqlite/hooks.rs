//! What the conformance suite needs beyond the traits: moving time, reading rows as they are, and
//! watching the states. Besides, the statements whose plans SQLite's own tests look at.

use super::clock::{Micros, micros};
use super::error::StoreResultExt as _;
use super::{
    SqliteStore, accept, backlog, claim, disable, endpoints, feed, follow, lost, reap, release,
    settle,
};
use crate::conformance::{RawDelivery, TestHooks};
use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::id::{DeliveryId, EndpointId};
use std::time::Duration;
use time::OffsetDateTime;

const AGE: [&str; 2] = [
    "UPDATE deliveries SET next_attempt_at = next_attempt_at - ?1, queued_at = queued_at - ?1,
                           lease_until = lease_until - ?1, claimed_at = claimed_at - ?1",
    "UPDATE endpoint_flow SET feed_after = feed_after - ?1",
];

const WATCH: &str = "
    CREATE TABLE observed_transitions (was TEXT NOT NULL, became TEXT NOT NULL) STRICT;
    CREATE TRIGGER observe_transition AFTER UPDATE ON deliveries FOR EACH ROW
        WHEN OLD.state IS NOT NEW.state
    BEGIN
        INSERT INTO observed_transitions VALUES (OLD.state, NEW.state);
    END;";

#[async_trait]
impl TestHooks for SqliteStore {
    async fn age(&self, by: Duration) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        for statement in AGE {
            let age = sqlx::query(statement).bind(micros(by));
            age.execute(txn.connection()).await.or_store_error()?;
        }
        txn.commit().await
    }

    async fn raw_delivery(&self, id: DeliveryId) -> Result<RawDelivery, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        let now = self.clock.now(&mut reader).await?;
        let row: (String, u32, Option<f64>, Option<f64>) = sqlx::query_as(
            "SELECT state, failures, (next_attempt_at - ?2) / 1e6, (lease_until - ?2) / 1e6
             FROM deliveries WHERE id = ?1",
        )
        .bind(id.as_uuid())
        .bind(now)
        .fetch_one(&mut *reader)
        .await
        .or_store_error()?;
        let (state, failures, due_in_s, lease_left_s) = row;
        Ok(RawDelivery { state, failures, due_in_s, lease_left_s })
    }

    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError> {
        sqlx::query_scalar("SELECT secret FROM endpoints WHERE id = ?1")
            .bind(id.as_uuid())
            .fetch_one(&self.readers)
            .await
            .or_store_error()
    }

    async fn watch_transitions(&self) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        sqlx::raw_sql(WATCH).execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn transitions(&self) -> Result<Vec<(String, String)>, StoreError> {
        sqlx::query_as("SELECT DISTINCT was, became FROM observed_transitions")
            .fetch_all(&self.readers)
            .await
            .or_store_error()
    }

    async fn now(&self) -> Result<OffsetDateTime, StoreError> {
        let mut reader = self.readers.acquire().await.or_store_error()?;
        self.clock.now(&mut reader).await?.try_into()
    }

    async fn feed_after(&self, id: EndpointId) -> Result<Option<OffsetDateTime>, StoreError> {
        let found: Option<Micros> =
            sqlx::query_scalar("SELECT feed_after FROM endpoint_flow WHERE endpoint_id = ?1")
                .bind(id.as_uuid())
                .fetch_optional(&self.readers)
                .await
                .or_store_error()?;
        found.map(OffsetDateTime::try_from).transpose()
    }

    async fn postpone(&self, id: DeliveryId, by: Duration) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let due = txn.now().after(by);
        let postpone = "UPDATE deliveries SET next_attempt_at = ?2 WHERE id = ?1";
        let postpone = sqlx::query(postpone).bind(id.as_uuid()).bind(due);
        postpone.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn fail_all(&self, failures: u32) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let set = sqlx::query("UPDATE deliveries SET failures = ?1").bind(failures);
        set.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }
}

impl SqliteStore {
    /// The statements that run per event or per tick, whose plans must use indexes.
    pub fn hot_statements() -> Vec<&'static str> {
        let mut statements = vec![
            accept::QUEUED,
            claim::CLAIM,
            claim::UNKNOWN_AMONG,
            claim::EVENTS,
            settle::FIND,
            settle::WRITE,
            settle::LOG,
            disable::BUMP_TENANTS,
            disable::DISABLE,
            release::RELEASE,
            release::REFUSE,
            release::PAUSE,
            release::UNQUEUE,
            feed::CHOOSE,
            feed::WRITE,
            reap::FIND,
            reap::LOG,
            reap::WRITE,
            lost::REQUEUE,
            lost::COUNT,
            backlog::BACKLOG,
            follow::RESUME,
            follow::HOLD,
            follow::WRITE,
            endpoints::FOR_SENDING,
        ];
        statements.extend(accept::MATCHING);
        statements.extend(accept::KEYS);
        statements.extend(accept::INSERT);
        statements
    }
}
