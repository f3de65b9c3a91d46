//! What the conformance suite needs beyond the traits: moving time, reading rows as they are, and
//! watching the states. Besides, the statements whose plans PostgreSQL's own tests look at.

use super::error::StoreResultExt as _;
use super::{PgStore, accept, backlog, claim, feed, follow, lost, reap, release, settle};
use crate::conformance::{RawDelivery, TestHooks};
use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::id::{DeliveryId, EndpointId};
use std::time::Duration;
use time::OffsetDateTime;

const AGE: [&str; 2] = [
    "UPDATE deliveries SET
        next_attempt_at = next_attempt_at - make_interval(secs => $1),
        queued_at = queued_at - make_interval(secs => $1),
        lease_until = lease_until - make_interval(secs => $1),
        claimed_at = claimed_at - make_interval(secs => $1)",
    "UPDATE endpoint_flow SET feed_after = feed_after - make_interval(secs => $1)",
];

const WATCH: &str = "
    CREATE TABLE observed_transitions (was text NOT NULL, became text NOT NULL);
    CREATE FUNCTION observe_transition() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO observed_transitions VALUES (OLD.state, NEW.state);
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER observe_transition AFTER UPDATE ON deliveries FOR EACH ROW
        WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION observe_transition();";

#[async_trait]
impl TestHooks for PgStore {
    async fn age(&self, by: Duration) -> Result<(), StoreError> {
        for statement in AGE {
            sqlx::query(statement)
                .bind(by.as_secs_f64())
                .execute(&self.log)
                .await
                .or_store_error()?;
        }
        Ok(())
    }

    async fn raw_delivery(&self, id: DeliveryId) -> Result<RawDelivery, StoreError> {
        let row: (String, i32, Option<f64>, Option<f64>) = sqlx::query_as(
            "SELECT state, failures, extract(epoch FROM next_attempt_at - now())::float8,
                    extract(epoch FROM lease_until - now())::float8
             FROM deliveries WHERE id = $1",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.log)
        .await
        .or_store_error()?;
        let (state, failures, due_in_s, lease_left_s) = row;
        Ok(RawDelivery { state, failures: failures.cast_unsigned(), due_in_s, lease_left_s })
    }

    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError> {
        sqlx::query_scalar("SELECT secret FROM endpoints WHERE id = $1")
            .bind(id.as_uuid())
            .fetch_one(&self.log)
            .await
            .or_store_error()
    }

    async fn watch_transitions(&self) -> Result<(), StoreError> {
        sqlx::raw_sql(WATCH).execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn transitions(&self) -> Result<Vec<(String, String)>, StoreError> {
        sqlx::query_as("SELECT DISTINCT was, became FROM observed_transitions")
            .fetch_all(&self.log)
            .await
            .or_store_error()
    }

    async fn now(&self) -> Result<OffsetDateTime, StoreError> {
        let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&self.log).await;
        now.or_store_error()
    }

    async fn feed_after(&self, id: EndpointId) -> Result<Option<OffsetDateTime>, StoreError> {
        sqlx::query_scalar("SELECT feed_after FROM endpoint_flow WHERE endpoint_id = $1")
            .bind(id.as_uuid())
            .fetch_optional(&self.log)
            .await
            .or_store_error()
    }

    async fn postpone(&self, id: DeliveryId, by: Duration) -> Result<(), StoreError> {
        let postpone = "
            UPDATE deliveries SET next_attempt_at = now() + make_interval(secs => $2) WHERE id = $1";
        let postpone = sqlx::query(postpone).bind(id.as_uuid()).bind(by.as_secs_f64());
        postpone.execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn fail_all(&self, failures: u32) -> Result<(), StoreError> {
        let set = sqlx::query("UPDATE deliveries SET failures = $1").bind(failures.cast_signed());
        set.execute(&self.log).await.or_store_error()?;
        Ok(())
    }
}

/// A statement that runs per event or per tick, on a hot connection.
#[derive(Clone, Copy, Debug)]
pub struct HotStatement {
    /// What it does.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
}

impl PgStore {
    /// The statements that must have index plans, on empty tables and on full ones.
    pub fn hot_statements() -> Vec<HotStatement> {
        [
            ("accept: versions", accept::matching::VERSIONS),
            ("accept: endpoints", accept::matching::ENDPOINTS),
            ("accept: insert keys", accept::keys::INSERT),
            ("accept: read keys", accept::keys::READ),
            ("accept: write keys", accept::keys::WRITE),
            ("accept: remove keys", accept::keys::REMOVE),
            ("accept: queued", accept::QUEUED),
            ("claim", claim::CLAIM),
            ("claim: unknown", claim::UNKNOWN_AMONG),
            ("claim: events", claim::EVENTS),
            ("settle", settle::SETTLE),
            ("release", release::RELEASE),
            ("refuse", release::REFUSE),
            ("unqueue", release::UNQUEUE),
            ("feed", feed::FEED),
            ("reap", reap::REAP),
            ("lost: requeue", lost::REQUEUE),
            ("lost: count", lost::COUNT),
            ("backlog", backlog::BACKLOG),
            ("follow: resume", follow::RESUME),
            ("follow: hold", follow::HOLD),
        ]
        .map(|(name, sql)| HotStatement { name, sql })
        .to_vec()
    }

    /// What a hot connection tells the planner.
    pub fn hot_settings() -> &'static [(&'static str, &'static str)] {
        &super::HOT_SETTINGS
    }
}
