//! Feed: due deliveries become `queued`, tenants and endpoints in turn.
//!
//! *Theory of operation.* A loose index scan finds the endpoints that have `scheduled` deliveries,
//! with one probe each however many they have. Of each endpoint that is on, the oldest due ones are
//! taken, and of each that is off the oldest due tests; at most what its cap leaves beside what is
//! `queued` or `in_flight`, and what its rate leaves beside what is `queued`. Of an endpoint whose breaker
//! is open nothing but tests is taken until it is to be probed; then the first, and what has waited as
//! long as its whole schedule. One that is just back gets twice as many each second. Over all, the first of
//! every tenant go before the second of any, and among these the longest due. An advisory lock lets
//! one feeder work at a time, since two would each hand out a whole cap.

use super::error::StoreResultExt as _;
use super::waiting::endpoints_with;
use super::{PgStore, breaker};
use crate::accept::QueuedDelivery;
use crate::error::StoreError;
use crate::work::{Fed, FeedLimits, WorkQueue};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantId;
use sqlx::FromRow;
use uuid::Uuid;

pub(super) const FEED: &str = concat!(
    endpoints_with!("scheduled"),
    ", due AS MATERIALIZED (
        SELECT d.id, d.next_attempt_at,
               row_number() OVER (PARTITION BY e.tenant_id ORDER BY d.place, d.id) AS turn,
               b.is_probed
        FROM waiting
        CROSS JOIN LATERAL (
            SELECT id, tenant_id, deleted_at, active AND disabled_at IS NULL AS is_on,
                   (SELECT feed_after > now() FROM endpoint_flow f WHERE f.endpoint_id = id)
                       AS is_paused,
                   (SELECT CASE WHEN now() < r.more_at THEN r.room ELSE r.more END
                           - (SELECT count(*) FROM (
                                  SELECT FROM deliveries q
                                  WHERE q.endpoint_id = r.endpoint_id AND q.state = 'queued' LIMIT $2
                              ) AS asking)
                    FROM endpoint_rates r
                    WHERE r.endpoint_id = id AND now() < r.more_at + interval '10 s') AS rate_room
            FROM endpoints WHERE id = waiting.endpoint_id LIMIT 1
        ) AS e
        LEFT JOIN LATERAL (
            SELECT state <> 'closed' AND probe_at > now() AS is_resting,
                   state <> 'closed' AND probe_at <= now() AS is_probed,
                   CASE WHEN down_since <= now() - make_interval(secs => give_up_s)
                        THEN now() - make_interval(secs => give_up_s) END AS waited_since,
                   CASE WHEN state = 'closed'
                        THEN 1::bigint << least(greatest(floor(extract(epoch FROM now() - changed_at)),
                                                         0), 31)::int
                   END AS ramp
            FROM endpoint_breaker WHERE endpoint_id = e.id LIMIT 1
        ) AS b ON true
        CROSS JOIN LATERAL (
            SELECT count(*) AS busy FROM (
                SELECT FROM deliveries b
                WHERE b.endpoint_id = e.id AND b.state IN ('queued', 'in_flight') LIMIT $2
            ) AS counted
        ) AS taken
        CROSS JOIN LATERAL (
            SELECT first.id, first.next_attempt_at, first.test,
                   row_number() OVER (ORDER BY first.next_attempt_at) AS place
            FROM (
                (SELECT o.id, o.next_attempt_at, o.test FROM deliveries o
                 WHERE e.is_on AND b.is_resting IS NOT TRUE
                   AND o.endpoint_id = e.id AND o.state = 'scheduled'
                   AND o.next_attempt_at <= now()
                 ORDER BY o.next_attempt_at LIMIT $2)
                UNION ALL
                (SELECT o.id, o.next_attempt_at, o.test FROM deliveries o
                 WHERE (NOT e.is_on OR b.is_resting)
                   AND o.endpoint_id = e.id AND o.state = 'scheduled' AND o.test
                   AND o.next_attempt_at <= now()
                 ORDER BY o.next_attempt_at LIMIT $2)
            ) AS first
        ) AS d
        WHERE e.deleted_at IS NULL AND e.is_paused IS NOT TRUE
          AND d.place <= least(least($2, b.ramp) - taken.busy, e.rate_room)
          AND (b.is_probed IS NOT TRUE OR d.place = 1 OR d.next_attempt_at <= b.waited_since OR d.test)
    ), chosen AS MATERIALIZED (
        SELECT id, is_probed FROM due ORDER BY turn, next_attempt_at LIMIT $1
    ), fed AS MATERIALIZED (
        SELECT d.*, chosen.is_probed FROM chosen
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries WHERE id = chosen.id AND state = $3 FOR UPDATE SKIP LOCKED
        ) AS d
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, queued_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'queued', now() FROM fed
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, queued_at = excluded.queued_at
    )
    SELECT id, endpoint_id, tenant_id, attempts, coalesce(is_probed, false) AND NOT test AS is_probe
    FROM fed"
);

#[derive(FromRow)]
struct FedRow {
    id: Uuid,
    endpoint_id: Uuid,
    tenant_id: String,
    attempts: i32,
    is_probe: bool,
}

pub(super) async fn feed(
    store: &PgStore,
    limits: FeedLimits,
) -> Result<Option<Vec<Fed>>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let alone: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtext('postrider.feeder'))")
            .fetch_one(&mut *txn)
            .await
            .or_store_error()?;
    if !alone {
        return Ok(None);
    }
    let rows: Vec<FedRow> = sqlx::query_as(FEED)
        .bind(i64::from(limits.total))
        .bind(i64::from(limits.per_endpoint))
        .bind(DeliveryState::Scheduled.as_str())
        .fetch_all(&mut *txn)
        .await
        .or_store_error()?;
    let probes = rows.iter().filter(|row| row.is_probe);
    let endpoints: Vec<Uuid> = probes.map(|row| row.endpoint_id).collect();
    breaker::probed(&mut txn, &endpoints).await?;
    txn.commit().await.or_store_error()?;
    rows.into_iter().map(FedRow::into_fed).collect::<Result<_, _>>().map(Some)
}

impl FedRow {
    fn into_fed(self) -> Result<Fed, StoreError> {
        let tenant = TenantId::parse(self.tenant_id)
            .map_err(|_| StoreError::Unreadable { what: "tenant id" })?;
        let id = DeliveryId::from_uuid(self.id);
        let endpoint = EndpointId::from_uuid(self.endpoint_id);
        let queue = if self.attempts == 0 { WorkQueue::First } else { WorkQueue::Retry };
        let delivery = QueuedDelivery { id, endpoint, tenant, trace: None };
        Ok(Fed { delivery, queue, probe: self.is_probe })
    }
}
