//! Looking: what endpoints have room for, and the oldest of what is due to them.
//!
//! Besides those that were found to have something due it looks at those that are backlogged on the same
//! stretches, so that no backlog outlasts its reason.
//!
//! SQLite has no LATERAL, but the arguments of `json_each` may refer to the tables before it: the due
//! deliveries of an endpoint come as an array. Its LIMIT can refer to nothing, so that the array of one
//! without room has one and that of any other has the whole share, or what the largest cap lets through,
//! and is cut afterwards.

use crate::circle::Scan;
use crate::error::StoreError;
use crate::feed::{FeedLimits, Looked};
use crate::rows::feed::{LookedRow, looked};
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use uuid::Uuid;

/// There is room for what an endpoint's cap leaves beside what is `queued` or `in_flight`, and what its
/// rate leaves beside what is `queued`; for one that is just back, twice as much each second. What is limited goes
/// in order, and has no more under way for being quick. One more than
/// there is room for says that there is more.
pub(in crate::sqlite) const LOOK: &str = "
    WITH visited (endpoint_id, cap) AS MATERIALIZED (
        SELECT endpoint_id,
               iif(EXISTS (SELECT 1 FROM endpoint_rates r
                           WHERE r.endpoint_id = each.endpoint_id AND ?5 < r.more_at + 10000000),
                   ?3, max(cap))
        FROM (
            SELECT unhex(value ->> 0, '-') AS endpoint_id, value ->> 1 AS cap FROM json_each(?1)
            UNION ALL
            SELECT l.endpoint_id, ?3
            FROM json_each(?2) AS stretch
            CROSS JOIN endpoint_backlog l
            ON l.endpoint_id > unhex(stretch.value ->> 'after', '-')
               AND l.endpoint_id <= unhex(stretch.value ->> 'until', '-')
        ) AS each GROUP BY endpoint_id
    ), open AS MATERIALIZED (
        SELECT e.id, e.tenant_id, e.deleted_at IS NOT NULL AS is_deleted,
               e.active AND e.disabled_at IS NULL AND e.deleted_at IS NULL AS is_on,
               EXISTS (SELECT 1 FROM endpoint_backlog l WHERE l.endpoint_id = e.id)
                   AS is_backlogged,
               coalesce(b.state <> 'closed' AND b.probe_at > ?5, 0) AS is_resting,
               coalesce(b.state <> 'closed' AND b.probe_at <= ?5, 0) AS is_probed,
               iif(b.down_since <= ?5 - b.give_up_us, ?5 - b.give_up_us, NULL) AS waited_since,
               max(0, min(iif(b.state = 'closed',
                       min(visited.cap, 1 << min(max((?5 - b.changed_at) / 1000000, 0), 31)),
                       visited.cap)
                       - (SELECT count(*) FROM (
                             SELECT 1 FROM deliveries b
                             WHERE b.endpoint_id = e.id AND b.state IN ('queued', 'in_flight')
                             LIMIT ?6
                         )),
                   coalesce((SELECT iif(?5 < r.more_at, r.room, r.more)
                                    - (SELECT count(*) FROM (
                                           SELECT 1 FROM deliveries q
                                           WHERE q.endpoint_id = e.id AND q.state = 'queued' LIMIT ?6
                                       ))
                             FROM endpoint_rates r
                             WHERE r.endpoint_id = e.id AND ?5 < r.more_at + 10000000), visited.cap)))
                   AS room
        FROM visited CROSS JOIN endpoints e ON e.id = visited.endpoint_id
             LEFT JOIN endpoint_breaker b ON b.endpoint_id = e.id
        WHERE NOT EXISTS (SELECT 1 FROM endpoint_flow f
                          WHERE f.endpoint_id = e.id AND f.feed_after > ?5)
    )
    SELECT open.id AS endpoint_id, open.tenant_id, open.is_on, open.is_backlogged, open.is_resting,
           open.is_probed, open.room, unhex(place.value ->> 0) AS id,
           place.value ->> 1 AS next_attempt_at, place.value ->> 2 AS attempts,
           place.value ->> 3 AS test,
           place.value ->> 3 OR place.value ->> 1 <= open.waited_since AS goes_with_probe
    FROM open LEFT JOIN json_each((
        SELECT json_group_array(
                   json_array(hex(first.id), first.next_attempt_at, first.attempts, first.test)
                   ORDER BY first.next_attempt_at)
        FROM (
            SELECT * FROM (
                SELECT o.id, o.next_attempt_at, o.attempts, o.test FROM deliveries o
                WHERE open.is_on AND NOT open.is_resting AND open.room > 0
                  AND o.endpoint_id = open.id AND o.state = 'scheduled'
                  AND o.next_attempt_at <= ?5
                ORDER BY o.next_attempt_at LIMIT ?4
            )
            UNION ALL
            SELECT * FROM (
                SELECT o.id, o.next_attempt_at, o.attempts, o.test FROM deliveries o
                WHERE open.is_on AND NOT open.is_resting AND open.room = 0
                  AND o.endpoint_id = open.id AND o.state = 'scheduled'
                  AND o.next_attempt_at <= ?5
                ORDER BY o.next_attempt_at LIMIT min(?4, 1)
            )
            UNION ALL
            SELECT * FROM (
                SELECT o.id, o.next_attempt_at, o.attempts, o.test
                FROM deliveries o INDEXED BY deliveries_due_tests
                WHERE (NOT open.is_on OR open.is_resting) AND NOT open.is_deleted
                  AND o.endpoint_id = open.id AND o.state = 'scheduled' AND o.test
                  AND o.next_attempt_at <= ?5
                ORDER BY o.next_attempt_at LIMIT ?4
            )
        ) AS first
    )) AS place ON place.key <= open.room";

/// Looks at the endpoints that a scan found.
pub(super) async fn look(
    txn: &mut WriteTxn,
    limits: &FeedLimits,
    share: u32,
    scan: &Scan,
) -> Result<Vec<Looked>, StoreError> {
    let now = txn.now();
    let caps: Vec<(Uuid, u32)> = scan.meant.iter().map(|id| (*id, limits.cap(*id))).collect();
    let largest = caps.iter().map(|(_, cap)| *cap).fold(limits.per_endpoint, u32::max);
    let rows: Vec<LookedRow<Micros>> = sqlx::query_as(LOOK)
        .bind(json(&caps)?)
        .bind(json(&scan.stretches)?)
        .bind(limits.per_endpoint)
        .bind(share.min(largest.saturating_add(1)))
        .bind(now)
        .bind(largest)
        .fetch_all(txn.connection())
        .await
        .or_store_error()?;
    looked(rows)
}
