//! Looking: what endpoints have room for, and the oldest of what is due to them.
//!
//! Besides those that were found to have something due it looks at those that are backlogged on the same
//! stretches, so that no backlog outlasts its reason.

use crate::circle::Scan;
use crate::error::StoreError;
use crate::feed::{FeedLimits, Looked};
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::window::FeedWindow;
use crate::rows::feed::{LookedRow, looked};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// There is room for what an endpoint's cap leaves beside what is `queued` or `in_flight`, and what its
/// rate leaves beside what is `queued`; for one that is just back, twice as much each second. What is limited goes
/// in order, and has no more under way for being quick. One more than
/// there is room for says that there is more.
pub(in crate::postgres) const LOOK: &str = "
    WITH visited AS MATERIALIZED (
        SELECT endpoint_id, max(cap) AS cap FROM (
            SELECT id AS endpoint_id, cap FROM unnest($1::uuid[], $10::bigint[]) AS found (id, cap)
            UNION ALL
            SELECT b.endpoint_id, $4 FROM unnest($2::uuid[], $3::uuid[]) AS stretch (after, until)
            CROSS JOIN LATERAL (
                SELECT endpoint_id FROM endpoint_backlog
                WHERE endpoint_id > after AND endpoint_id <= until OFFSET 0
            ) AS b
        ) AS each GROUP BY endpoint_id
    )
    SELECT e.id AS endpoint_id, e.tenant_id, e.is_on, e.is_backlogged,
           coalesce(b.is_resting, false) AS is_resting, coalesce(b.is_probed, false) AS is_probed,
           room.room, d.id, d.next_attempt_at, d.attempts, d.test,
           d.test OR d.next_attempt_at <= b.waited_since AS goes_with_probe
    FROM visited
    CROSS JOIN LATERAL (
        SELECT id, tenant_id, deleted_at IS NOT NULL AS is_deleted,
               active AND disabled_at IS NULL AND deleted_at IS NULL AS is_on,
               EXISTS (SELECT FROM endpoint_backlog l WHERE l.endpoint_id = id) AS is_backlogged,
               (SELECT feed_after > now() FROM endpoint_flow f WHERE f.endpoint_id = id)
                   AS is_paused,
               (SELECT CASE WHEN now() < r.more_at THEN r.room ELSE r.more END
                       - (SELECT count(*) FROM (
                              SELECT FROM deliveries q
                              WHERE q.endpoint_id = r.endpoint_id AND q.state = 'queued'
                                AND q.id >= $8 AND q.id < $9 LIMIT visited.cap
                          ) AS asking)
                FROM endpoint_rates r
                WHERE r.endpoint_id = id AND now() < r.more_at + interval '10 s') AS rate_room
        FROM endpoints WHERE id = visited.endpoint_id LIMIT 1
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
            WHERE b.endpoint_id = e.id AND b.state IN ('queued', 'in_flight')
              AND b.id >= $8 AND b.id < $9 LIMIT visited.cap
        ) AS counted
    ) AS taken
    CROSS JOIN LATERAL (
        SELECT greatest(least(least(CASE WHEN e.rate_room IS NULL THEN visited.cap ELSE $4 END, b.ramp)
                              - taken.busy, e.rate_room), 0) AS room
    ) AS room
    LEFT JOIN LATERAL (
        (SELECT o.id, o.next_attempt_at, o.attempts, o.test FROM deliveries o
         WHERE e.is_on AND b.is_resting IS NOT TRUE
           AND o.endpoint_id = e.id AND o.state = 'scheduled' AND o.next_attempt_at <= now()
           AND o.id >= $6 AND o.id < $7
         ORDER BY o.next_attempt_at LIMIT least($5, room.room + 1))
        UNION ALL
        (SELECT o.id, o.next_attempt_at, o.attempts, o.test FROM deliveries o
         WHERE (NOT e.is_on OR b.is_resting) AND NOT e.is_deleted
           AND o.endpoint_id = e.id AND o.state = 'scheduled' AND o.test
           AND o.next_attempt_at <= now() AND o.id >= $6 AND o.id < $7
         ORDER BY o.next_attempt_at LIMIT least($5, room.room + 1))
    ) AS d ON true
    WHERE e.is_paused IS NOT TRUE";

/// Looks at the endpoints that a scan found.
pub(super) async fn look(
    txn: &mut PgConnection,
    limits: &FeedLimits,
    share: u32,
    window: &FeedWindow,
    scan: &Scan,
) -> Result<Vec<Looked>, StoreError> {
    let (after, until): (Vec<Uuid>, Vec<Uuid>) =
        scan.stretches.iter().map(|stretch| (stretch.after, stretch.until)).unzip();
    let caps: Vec<i64> = scan.meant.iter().map(|id| i64::from(limits.cap(*id))).collect();
    let rows: Vec<LookedRow<OffsetDateTime>> = sqlx::query_as(LOOK)
        .bind(&scan.meant)
        .bind(after)
        .bind(until)
        .bind(i64::from(limits.per_endpoint))
        .bind(i64::from(share))
        .bind(window.due.from)
        .bind(window.due.until)
        .bind(window.busy.from)
        .bind(window.busy.until)
        .bind(caps)
        .fetch_all(txn)
        .await
        .or_store_error()?;
    looked(rows)
}
