//! What the conformance suite needs beyond the traits: moving time, reading rows as they are, and
//! watching the states. Besides, the statements whose plans SQLite's own tests look at.

use super::clock::{Micros, micros};
use super::error::StoreResultExt as _;
use super::{
    SqliteStore, accept, backlog, backlogged, breaker, claim, dead_letters, defer, endpoints, feed,
    follow, lost, operations, ordering, probe, rate, reap, release, replays, resume, retention,
    settle, statistics, switch,
};
use crate::SharedStore;
use crate::conformance::{RawDelivery, RawStatistics, TestHooks};
use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::id::{DeliveryId, EndpointId, ReplayId};
use postrider_common::tenant::TenantId;
use sqlx::AssertSqlSafe;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const AGE: [&str; 11] = [
    "UPDATE deliveries SET next_attempt_at = next_attempt_at - ?1, queued_at = queued_at - ?1,
                           lease_until = lease_until - ?1, claimed_at = claimed_at - ?1,
                           created_at = created_at - ?1",
    "UPDATE events SET deliver_at = deliver_at - ?1",
    "UPDATE endpoint_flow SET feed_after = feed_after - ?1",
    "UPDATE endpoints SET previous_until = previous_until - ?1",
    "UPDATE endpoint_rates SET since = since - ?1, more_at = more_at - ?1",
    "UPDATE endpoint_breaker SET down_since = down_since - ?1, changed_at = changed_at - ?1,
                                 probe_at = probe_at - ?1, probed_at = probed_at - ?1",
    "UPDATE replay_jobs SET paid_until = paid_until - ?1, next_step_at = next_step_at - ?1",
    "UPDATE idempotency_keys SET created_at = created_at - ?1",
    "UPDATE retention_turns SET next_at = next_at - ?1",
    "UPDATE operational_events SET created_at = created_at - ?1",
    "UPDATE endpoints SET warned_at = warned_at - ?1, probe_at = probe_at - ?1",
];

const WATCH: &str = "
    CREATE TABLE observed_transitions (was TEXT NOT NULL, became TEXT NOT NULL) STRICT;
    CREATE TRIGGER observe_transition AFTER UPDATE ON deliveries FOR EACH ROW
        WHEN OLD.state IS NOT NEW.state
    BEGIN
        INSERT INTO observed_transitions VALUES (OLD.state, NEW.state);
    END;";

const MISCOUNTED: &str = "
    SELECT e.id FROM endpoints e
    WHERE e.deleted_at IS NULL AND EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = e.id)
      AND ((SELECT count(*) FROM deliveries d JOIN attempts a ON a.delivery_id = d.id
            WHERE d.endpoint_id = e.id AND NOT d.test AND a.number = 1),
           (SELECT count(*) FROM deliveries d
            WHERE d.endpoint_id = e.id AND NOT d.test AND d.state = 'dead'))
       <> (SELECT coalesce(sum(s.attempted), 0), coalesce(sum(s.dead), 0)
           FROM endpoint_stats s WHERE s.endpoint_id = e.id)";

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
        let row: (String, u32, u32, Option<f64>, Option<f64>) = sqlx::query_as(
            "SELECT state, failures, losses, (next_attempt_at - ?2) / 1e6, (lease_until - ?2) / 1e6
             FROM deliveries WHERE id = ?1",
        )
        .bind(id.as_uuid())
        .bind(now)
        .fetch_one(&mut *reader)
        .await
        .or_store_error()?;
        let (state, failures, losses, due_in_s, lease_left_s) = row;
        Ok(RawDelivery { state, failures, losses, due_in_s, lease_left_s })
    }

    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError> {
        let kept: (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>) = sqlx::query_as(
            "SELECT secret, previous_secret, second_secret FROM endpoints WHERE id = ?1",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.readers)
        .await
        .or_store_error()?;
        let (secret, previous, second) = kept;
        Ok([secret, previous.unwrap_or_default(), second.unwrap_or_default()].concat())
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

    async fn is_backlogged(&self, id: EndpointId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM endpoint_backlog WHERE endpoint_id = ?1)")
            .bind(id.as_uuid())
            .fetch_one(&self.readers)
            .await
            .or_store_error()
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

    fn telling(&self, operator: &TenantId) -> SharedStore {
        Arc::new(self.clone().operated_by(Some(operator.clone())))
    }

    async fn ordering_keys(&self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM ordering_keys");
        let count: i64 = count.fetch_one(&self.readers).await.or_store_error()?;
        Ok(count.cast_unsigned())
    }

    async fn make_test(&self, id: DeliveryId) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let set = sqlx::query("UPDATE deliveries SET test = 1 WHERE id = ?1").bind(id.as_uuid());
        set.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn spoil_replay(&self, id: ReplayId) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let spoil = sqlx::query("UPDATE replay_jobs SET filter = '' WHERE id = ?1");
        spoil.bind(id.as_uuid()).execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn hinder_removal(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let hinder = format!(
            "CREATE TRIGGER hinder_removal BEFORE DELETE ON events WHEN OLD.tenant_id = '{tenant}'
             BEGIN SELECT RAISE(ABORT, 'hindered'); END"
        );
        let hinder = sqlx::raw_sql(AssertSqlSafe(hinder));
        hinder.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn spoil_endpoint(&self, id: EndpointId, back: bool) -> Result<(), StoreError> {
        let mut txn = self.writer.begin().await?;
        let spoil = sqlx::query("UPDATE endpoints SET retry_schedule = ?2 WHERE id = ?1");
        let spoil = spoil.bind(id.as_uuid()).bind((!back).then_some("[-1]"));
        spoil.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await
    }

    async fn make_room_for(&self, _at: OffsetDateTime) -> Result<(), StoreError> {
        Ok(())
    }

    async fn miscounted(&self) -> Result<Vec<EndpointId>, StoreError> {
        let ids: Vec<Uuid> =
            sqlx::query_scalar(MISCOUNTED).fetch_all(&self.readers).await.or_store_error()?;
        Ok(ids.into_iter().map(EndpointId::from_uuid).collect())
    }

    async fn add_statistics(
        &self,
        id: EndpointId,
        statistics: RawStatistics,
    ) -> Result<(), StoreError> {
        let RawStatistics { attempted, dead, last_attempt_at } = statistics;
        let mut txn = self.writer.begin().await?;
        sqlx::query(
            "INSERT INTO endpoint_stats (endpoint_id, shard, attempted, dead, last_attempt_at)
             SELECT ?1, count(*), ?2, ?3, ?4 FROM endpoint_stats WHERE endpoint_id = ?1",
        )
        .bind(id.as_uuid())
        .bind(attempted)
        .bind(dead)
        .bind(last_attempt_at.map(Micros::from))
        .execute(txn.connection())
        .await
        .or_store_error()?;
        txn.commit().await
    }

    async fn raw_statistics(&self, id: EndpointId) -> Result<RawStatistics, StoreError> {
        let sums: (i64, i64, Option<Micros>) = sqlx::query_as(
            "SELECT coalesce(sum(attempted), 0), coalesce(sum(dead), 0), max(last_attempt_at)
             FROM endpoint_stats WHERE endpoint_id = ?1",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.readers)
        .await
        .or_store_error()?;
        let (attempted, dead, last) = sums;
        let last_attempt_at = last.map(OffsetDateTime::try_from).transpose()?;
        Ok(RawStatistics { attempted, dead, last_attempt_at })
    }
}

impl SqliteStore {
    /// The statements that run per event or per tick, whose plans must use indexes.
    pub fn hot_statements() -> Vec<&'static str> {
        let mut statements = vec![
            accept::QUEUED,
            accept::NAMESAKES,
            claim::CLAIM,
            claim::UNKNOWN_AMONG,
            claim::EVENTS,
            settle::FIND,
            settle::WRITE,
            settle::LOG,
            statistics::ADD,
            switch::BUMP_TENANTS,
            switch::DISABLE,
            switch::ENABLE,
            operations::ABOUT_DELIVERIES,
            operations::WARN,
            defer::DEFER,
            defer::PAUSE,
            release::REFUSE,
            release::PAUSE,
            release::UNQUEUE,
            feed::WAITING,
            feed::LOOK,
            feed::TENANTS,
            backlogged::BEGIN,
            backlogged::BEGIN_OF,
            backlogged::END,
            resume::FIRST,
            breaker::WITHHELD,
            breaker::IN_EFFECT,
            feed::WRITE,
            rate::READ,
            rate::ELDERS,
            rate::WRITE,
            reap::FIND,
            reap::LOG,
            reap::WRITE,
            lost::REQUEUE,
            lost::COUNT,
            backlog::BACKLOG,
            ordering::NEXT,
            ordering::DUE,
            ordering::MOVE,
            ordering::EMPTY,
            ordering::PLACES,
            ordering::LOOK,
            endpoints::FOR_SENDING,
            replays::step::TURN,
            replays::step::MOVE,
            replays::scan::BY_TENANT,
            replays::scan::BY_ENDPOINT,
            replays::scan::DEAD,
            replays::scan::EVENTS,
            replays::write::AGAIN,
            replays::write::AS_NEW,
            replays::write::MISSED,
            dead_letters::DISCARD,
            retention::held::FIND,
            retention::held::EXPIRE,
            retention::held::FIND_WAITING,
            retention::turn::TURN,
            retention::rows::CHOOSE,
            retention::rows::DELIVERIES,
            retention::rows::REMOVE_ATTEMPTS,
            retention::rows::REMOVE_DELIVERIES,
            retention::rows::REMOVE_EVENTS,
            retention::rows::KEYS,
            retention::rows::REMOVE_KEYS,
        ];
        statements.extend(follow::STATEMENTS);
        statements.extend(accept::MATCHING);
        statements.extend(accept::KEYS);
        statements.extend(accept::TURNS);
        statements.extend(accept::INSERT);
        statements.extend(probe::STATEMENTS);
        statements
    }
}
