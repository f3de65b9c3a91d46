//! What the conformance suite needs beyond the traits: moving time, reading rows as they are, and
//! watching the states. Besides, the statements whose plans PostgreSQL's own tests look at.

use super::error::StoreResultExt as _;
use super::{
    PgStore, accept, backlog, backlogged, breaker, claim, dead_letters, defer, feed, follow, lost,
    operations, ordering, probe, rate, reap, release, replays, resume, retention, settle, window,
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
    "UPDATE deliveries SET
        next_attempt_at = next_attempt_at - make_interval(secs => $1),
        queued_at = queued_at - make_interval(secs => $1),
        lease_until = lease_until - make_interval(secs => $1),
        claimed_at = claimed_at - make_interval(secs => $1),
        created_at = created_at - make_interval(secs => $1)",
    "UPDATE events SET deliver_at = deliver_at - make_interval(secs => $1)
     WHERE deliver_at IS NOT NULL",
    "UPDATE endpoint_flow SET feed_after = feed_after - make_interval(secs => $1)",
    "UPDATE endpoints SET previous_until = previous_until - make_interval(secs => $1)",
    "UPDATE endpoint_rates SET since = since - make_interval(secs => $1),
                               more_at = more_at - make_interval(secs => $1)",
    "UPDATE endpoint_breaker SET down_since = down_since - make_interval(secs => $1),
                                 changed_at = changed_at - make_interval(secs => $1),
                                 probe_at = probe_at - make_interval(secs => $1),
                                 probed_at = probed_at - make_interval(secs => $1)",
    "UPDATE replay_jobs SET paid_until = paid_until - make_interval(secs => $1),
                            next_step_at = next_step_at - make_interval(secs => $1)",
    "UPDATE idempotency_keys SET created_at = created_at - make_interval(secs => $1)",
    "UPDATE retention_turns SET next_at = next_at - make_interval(secs => $1)",
    "UPDATE operational_events SET created_at = created_at - make_interval(secs => $1)",
    "UPDATE endpoints SET warned_at = warned_at - make_interval(secs => $1),
                          probe_at = probe_at - make_interval(secs => $1)",
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
        let row: (String, i32, i32, Option<f64>, Option<f64>) = sqlx::query_as(
            "SELECT state, failures, losses, extract(epoch FROM next_attempt_at - now())::float8,
                    extract(epoch FROM lease_until - now())::float8
             FROM deliveries WHERE id = $1",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.log)
        .await
        .or_store_error()?;
        let (state, failures, losses, due_in_s, lease_left_s) = row;
        let (failures, losses) = (failures.cast_unsigned(), losses.cast_unsigned());
        Ok(RawDelivery { state, failures, losses, due_in_s, lease_left_s })
    }

    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError> {
        sqlx::query_scalar(
            "SELECT secret || coalesce(previous_secret, '') || coalesce(second_secret, '')
             FROM endpoints WHERE id = $1",
        )
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

    async fn is_backlogged(&self, id: EndpointId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM endpoint_backlog WHERE endpoint_id = $1)")
            .bind(id.as_uuid())
            .fetch_one(&self.log)
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

    fn telling(&self, operator: &TenantId) -> SharedStore {
        Arc::new(self.clone().operated_by(Some(operator.clone())))
    }

    async fn ordering_keys(&self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM ordering_keys");
        let count: i64 = count.fetch_one(&self.log).await.or_store_error()?;
        Ok(count.cast_unsigned())
    }

    async fn make_test(&self, id: DeliveryId) -> Result<(), StoreError> {
        let set = sqlx::query("UPDATE deliveries SET test = true WHERE id = $1").bind(id.as_uuid());
        set.execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn spoil_replay(&self, id: ReplayId) -> Result<(), StoreError> {
        let spoil = sqlx::query("UPDATE replay_jobs SET filter = '' WHERE id = $1");
        spoil.bind(id.as_uuid()).execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn hinder_removal(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let hinder = format!(
            "CREATE FUNCTION hinder_removal() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'hindered'; END $$;
             CREATE TRIGGER hinder_removal BEFORE DELETE ON events FOR EACH ROW
             WHEN (OLD.tenant_id = '{tenant}') EXECUTE FUNCTION hinder_removal();"
        );
        sqlx::raw_sql(AssertSqlSafe(hinder)).execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn spoil_endpoint(&self, id: EndpointId, back: bool) -> Result<(), StoreError> {
        let spoil = sqlx::query("UPDATE endpoints SET retry_schedule = $2 WHERE id = $1");
        let spoil = spoil.bind(id.as_uuid()).bind((!back).then_some([-1]));
        spoil.execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn make_room_for(&self, at: OffsetDateTime) -> Result<(), StoreError> {
        let make = sqlx::query("SELECT partitions_ensure($1, 1)").bind(at.date());
        make.execute(&self.log).await.or_store_error()?;
        Ok(())
    }

    async fn miscounted(&self) -> Result<Vec<EndpointId>, StoreError> {
        let ids: Vec<Uuid> =
            sqlx::query_scalar(MISCOUNTED).fetch_all(&self.log).await.or_store_error()?;
        Ok(ids.into_iter().map(EndpointId::from_uuid).collect())
    }

    async fn add_statistics(
        &self,
        id: EndpointId,
        statistics: RawStatistics,
    ) -> Result<(), StoreError> {
        let RawStatistics { attempted, dead, last_attempt_at } = statistics;
        sqlx::query(
            "INSERT INTO endpoint_stats (endpoint_id, shard, attempted, dead, last_attempt_at)
             SELECT $1, count(*), $2, $3, $4 FROM endpoint_stats WHERE endpoint_id = $1",
        )
        .bind(id.as_uuid())
        .bind(attempted)
        .bind(dead)
        .bind(last_attempt_at)
        .execute(&self.log)
        .await
        .or_store_error()?;
        Ok(())
    }

    async fn raw_statistics(&self, id: EndpointId) -> Result<RawStatistics, StoreError> {
        let sums: (i64, i64, Option<OffsetDateTime>) = sqlx::query_as(
            "SELECT coalesce(sum(attempted), 0)::bigint, coalesce(sum(dead), 0)::bigint,
                    max(last_attempt_at)
             FROM endpoint_stats WHERE endpoint_id = $1",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.log)
        .await
        .or_store_error()?;
        let (attempted, dead, last_attempt_at) = sums;
        Ok(RawStatistics { attempted, dead, last_attempt_at })
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
            ("accept: namesakes", accept::namesakes::FIND),
            ("accept: insert keys", accept::keys::INSERT),
            ("accept: read keys", accept::keys::READ),
            ("accept: write keys", accept::keys::WRITE),
            ("accept: remove keys", accept::keys::REMOVE),
            ("accept: queued", accept::QUEUED),
            ("claim", claim::CLAIM),
            ("claim: unknown", claim::UNKNOWN_AMONG),
            ("claim: events", claim::EVENTS),
            ("settle", settle::SETTLE),
            ("defer", defer::DEFER),
            ("refuse", release::REFUSE),
            ("unqueue", release::UNQUEUE),
            ("feed: window", window::FEEDING),
            ("feed: waiting", feed::WAITING),
            ("feed: look", feed::LOOK),
            ("feed: tenants", feed::TENANTS),
            ("feed: take", feed::TAKE),
            ("backlog: begin", backlogged::BEGIN),
            ("backlog: begin of", backlogged::BEGIN_OF),
            ("backlog: end", backlogged::END),
            ("resume: first", resume::FIRST),
            ("probe: find", probe::FIND),
            ("probe: note", probe::NOTE),
            ("probe: queue", probe::QUEUE),
            ("probe: take back", probe::TAKE_BACK),
            ("withhold", breaker::WITHHOLD),
            ("breakers", breaker::IN_EFFECT),
            ("rate: lock", rate::LOCK),
            ("rate: add", rate::ADD),
            ("rate: elders", rate::ELDERS),
            ("rate: write", rate::WRITE),
            ("reap", reap::REAP),
            ("lost: requeue", lost::REQUEUE),
            ("lost: count", lost::COUNT),
            ("backlog", backlog::BACKLOG),
            ("follow: window", window::FOLLOWING),
            ("follow: find held", follow::RESUME.find),
            ("follow: find scheduled", follow::HOLD.find),
            ("follow: find waiting", follow::LET_GO.find),
            ("follow: resume", follow::RESUME.change),
            ("follow: hold", follow::HOLD.change),
            ("follow: let go", follow::LET_GO.change),
            ("operations: about deliveries", operations::ABOUT_DELIVERIES),
            ("operations: warn", operations::WARN),
            ("accept: turns", accept::turns::LOCK),
            ("order: lock", ordering::LOCK),
            ("order: advance", ordering::ADVANCE),
            ("order: places", ordering::PLACES),
            ("order: look", ordering::LOOK),
        ]
        .map(|(name, sql)| HotStatement { name, sql })
        .to_vec()
    }

    /// The statements of a replay's step, which must read a bounded part of an index.
    pub fn replay_statements() -> Vec<HotStatement> {
        [
            ("turn", replays::step::TURN),
            ("move", replays::step::MOVE),
            ("scan by tenant", replays::scan::BY_TENANT),
            ("scan by endpoint", replays::scan::BY_ENDPOINT),
            ("scan the dead", replays::scan::DEAD),
            ("scan events", replays::scan::EVENTS),
            ("again", replays::write::AGAIN),
            ("lock events", replays::write::LOCK_EVENTS),
            ("as new", replays::write::AS_NEW),
            ("missed", replays::write::MISSED),
            ("discard", dead_letters::DISCARD_MANY),
        ]
        .map(|(name, sql)| HotStatement { name, sql })
        .to_vec()
    }

    /// The statements of a step of retention, which must read a bounded part of an index.
    pub fn retention_statements() -> Vec<HotStatement> {
        [
            ("turn", retention::turn::TURN),
            ("expire", retention::held::EXPIRE),
            ("expire: waiting", retention::held::EXPIRE_WAITING),
            ("choose", retention::rows::CHOOSE),
            ("lock", retention::rows::LOCK),
            ("deliveries", retention::rows::DELIVERIES),
            ("remove attempts", retention::rows::REMOVE_ATTEMPTS),
            ("remove deliveries", retention::rows::REMOVE_DELIVERIES),
            ("remove events", retention::rows::REMOVE_EVENTS),
            ("remove keys", retention::rows::REMOVE_KEYS),
        ]
        .map(|(name, sql)| HotStatement { name, sql })
        .to_vec()
    }

    /// What a hot connection tells the planner.
    pub fn hot_settings() -> &'static [(&'static str, &'static str)] {
        &super::HOT_SETTINGS
    }
}
