//! Feed: due deliveries become `queued`, tenants and endpoints in turn.
//!
//! *Theory of operation.* A loose index scan finds the endpoints that have `scheduled` deliveries,
//! with one probe each however many they have. Of each endpoint that is on, the oldest due ones are
//! taken, and of each that is off the oldest due tests; at most what its cap leaves beside what is
//! `queued` or `in_flight`, and what its rate leaves beside what is `queued`. Of an endpoint whose breaker
//! is open nothing but tests is taken until it is to be probed; then the first, and what has waited as
//! long as its whole schedule. One that is just back gets twice as many each second. Over all, the first of
//! every tenant go before the second of any, and among these the longest due. Two feeders come one
//! after the other, so that they do not each hand out a whole cap.
//!
//! SQLite has no LATERAL, but the arguments of `json_each` may refer to the tables before it: the due
//! deliveries of an endpoint come as an array.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::waiting::endpoints_with;
use super::{SqliteStore, breaker};
use crate::accept::QueuedDelivery;
use crate::error::StoreError;
use crate::work::{Fed, FeedLimits, WorkQueue};
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantId;
use sqlx::FromRow;
use uuid::Uuid;

pub(super) const CHOOSE: &str = concat!(
    endpoints_with!("scheduled"),
    ", open AS MATERIALIZED (
        SELECT e.id, e.tenant_id,
               e.active AND e.disabled_at IS NULL
                   AND (coalesce(b.state, 'closed') = 'closed' OR b.probe_at <= ?3) AS is_on,
               coalesce(b.state <> 'closed' AND b.probe_at <= ?3, 0) AS is_probed,
               iif(b.down_since <= ?3 - b.give_up_us, ?3 - b.give_up_us, NULL) AS waited_since,
               min(iif(b.state = 'closed',
                       min(?2, 1 << min(max((?3 - b.changed_at) / 1000000, 0), 31)), ?2)
                       - (SELECT count(*) FROM (
                             SELECT 1 FROM deliveries b
                             WHERE b.endpoint_id = e.id AND b.state IN ('queued', 'in_flight')
                             LIMIT ?2
                         )),
                   coalesce((SELECT iif(?3 < r.more_at, r.room, r.more)
                                    - (SELECT count(*) FROM (
                                           SELECT 1 FROM deliveries q
                                           WHERE q.endpoint_id = e.id AND q.state = 'queued' LIMIT ?2
                                       ))
                             FROM endpoint_rates r
                             WHERE r.endpoint_id = e.id AND ?3 < r.more_at + 10000000), ?2)) AS room
        FROM waiting CROSS JOIN endpoints e ON e.id = waiting.endpoint_id
             LEFT JOIN endpoint_breaker b ON b.endpoint_id = e.id
        WHERE e.deleted_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM endpoint_flow f
                          WHERE f.endpoint_id = e.id AND f.feed_after > ?3)
    ), due AS MATERIALIZED (
        SELECT unhex(place.value ->> 0) AS id, place.value ->> 1 AS next_attempt_at,
               row_number() OVER (PARTITION BY open.tenant_id ORDER BY place.key, place.value ->> 0)
                   AS turn,
               open.is_probed
        FROM open CROSS JOIN json_each((
            SELECT json_group_array(json_array(hex(first.id), first.next_attempt_at, first.test)
                                    ORDER BY first.next_attempt_at)
            FROM (
                SELECT * FROM (
                    SELECT o.id, o.next_attempt_at, o.test FROM deliveries o
                    WHERE open.is_on AND o.endpoint_id = open.id AND o.state = 'scheduled'
                      AND o.next_attempt_at <= ?3
                    ORDER BY o.next_attempt_at LIMIT ?2
                )
                UNION ALL
                SELECT * FROM (
                    SELECT o.id, o.next_attempt_at, o.test
                    FROM deliveries o INDEXED BY deliveries_due_tests
                    WHERE NOT open.is_on AND o.endpoint_id = open.id AND o.state = 'scheduled'
                      AND o.test AND o.next_attempt_at <= ?3
                    ORDER BY o.next_attempt_at LIMIT ?2
                )
            ) AS first
        )) AS place
        WHERE place.key < open.room
          AND (NOT open.is_probed OR place.key = 0 OR place.value ->> 1 <= open.waited_since
               OR place.value ->> 2)
    ), chosen AS MATERIALIZED (
        SELECT id, turn, next_attempt_at, is_probed FROM due ORDER BY turn, next_attempt_at LIMIT ?1
    )
    SELECT d.id, d.endpoint_id, d.tenant_id, d.attempts, chosen.is_probed AND NOT d.test AS is_probe
    FROM chosen CROSS JOIN deliveries d ON d.id = chosen.id
    ORDER BY chosen.turn, chosen.next_attempt_at"
);

pub(super) const WRITE: &str = "
    UPDATE deliveries SET state = 'queued', queued_at = ?2
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND state = 'scheduled'";

#[derive(FromRow)]
struct FedRow {
    id: Uuid,
    endpoint_id: Uuid,
    tenant_id: String,
    attempts: u32,
    is_probe: bool,
}

pub(super) async fn feed(
    store: &SqliteStore,
    limits: FeedLimits,
) -> Result<Option<Vec<Fed>>, StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let rows: Vec<FedRow> = sqlx::query_as(CHOOSE)
        .bind(limits.total)
        .bind(limits.per_endpoint)
        .bind(now)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    let ids: Vec<&Uuid> = rows.iter().map(|row| &row.id).collect();
    let write = sqlx::query(WRITE).bind(json(&ids)?).bind(now);
    write.execute(txn.connection()).await.or_store_error()?;
    let probes = rows.iter().filter(|row| row.is_probe);
    let endpoints: Vec<Uuid> = probes.map(|row| row.endpoint_id).collect();
    breaker::probed(&mut txn, &endpoints).await?;
    txn.commit().await?;
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
