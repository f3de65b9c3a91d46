//! What a replay makes: deliveries that are due again, or new ones. In the step's transaction.

use crate::error::StoreError;
use crate::postgres::error::StoreResultExt as _;
use crate::postgres::statistics;
use crate::replays::step::Taken;
use sqlx::PgConnection;
use uuid::Uuid;

/// The states that can be replayed; a parameter, as `by_id` says.
const FINISHED: [&str; 2] = ["delivered", "dead"];

/// What changed since it was looked at is left as it is. The token goes, so that nothing of an earlier
/// round can settle this one.
pub(in crate::postgres) const AGAIN: &str = concat!(
    "
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS g (id, delay_us)
    ), found AS MATERIALIZED (
        SELECT d.*, given.delay_us
        FROM given
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = given.id AND state = ANY ($3) AND discarded_at IS NULL
            FOR UPDATE
        ) AS d
        CROSS JOIN LATERAL (
            SELECT FROM events WHERE id = d.event_id AND expunged_at IS NULL LIMIT 1
        ) AS ev
        CROSS JOIN LATERAL (
            SELECT FROM endpoints WHERE id = d.endpoint_id AND deleted_at IS NULL LIMIT 1
        ) AS e
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'scheduled',
               now() + delay_us * interval '1 microsecond'
        FROM found
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at,
            dead_reason = NULL, finished_at = NULL, discarded_at = NULL, round = d.round + 1,
            failures = 0, losses = 0, lease_token = NULL
    ), counted AS (
        SELECT endpoint_id, 0 AS attempted, -count(*) AS dead, NULL::timestamptz AS last_attempt_at
        FROM found WHERE state = 'dead' GROUP BY endpoint_id
    ), added AS (",
    statistics::add!(),
    ")
    SELECT count(*) FROM found"
);

/// Whoever makes anything of an event due locks it: so copies are numbered one after the other, and what
/// is expunged or removed meanwhile is seen to be.
pub(in crate::postgres) const LOCK_EVENTS: &str = "
    SELECT FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (SELECT id FROM events WHERE id = given.id FOR UPDATE) AS e";

pub(in crate::postgres) const AS_NEW: &str = "
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, contract_version, copy)
    SELECT given.new, d.tenant_id, d.event_id, d.endpoint_id,
           CASE WHEN e.is_on THEN 'scheduled' ELSE 'held' END,
           now() + given.delay_us * interval '1 microsecond', d.contract_version,
           (SELECT max(c.copy) FROM deliveries c
            WHERE c.event_id = d.event_id AND c.endpoint_id = d.endpoint_id
              AND c.id >= (left(d.id::text, 13) || '-0000-0000-000000000000')::uuid
              AND c.id <= (left(d.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid)
           + row_number() OVER (PARTITION BY d.event_id, d.endpoint_id ORDER BY d.id)
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS given (id, new, delay_us)
    CROSS JOIN LATERAL (
        SELECT * FROM deliveries
        WHERE id = given.id AND state = ANY ($4) AND discarded_at IS NULL LIMIT 1
    ) AS d
    CROSS JOIN LATERAL (
        SELECT FROM events WHERE id = d.event_id AND expunged_at IS NULL LIMIT 1
    ) AS ev
    CROSS JOIN LATERAL (
        SELECT active AND disabled_at IS NULL AS is_on FROM endpoints
        WHERE id = d.endpoint_id AND deleted_at IS NULL LIMIT 1
    ) AS e";

/// Whoever was faster in making a delivery of the same event has made it.
pub(in crate::postgres) const MISSED: &str = "
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, contract_version)
    SELECT given.new, e.tenant_id, given.event_id, e.id,
           CASE WHEN e.active AND e.disabled_at IS NULL THEN 'scheduled' ELSE 'held' END,
           greatest(now() + given.delay_us * interval '1 microsecond',
                    (SELECT ev.deliver_at FROM events ev WHERE ev.id = given.event_id)),
           (SELECT c.version FROM contracts c
            WHERE c.name = coalesce(e.own_contract,
                                    (SELECT t.contract FROM tenants t WHERE t.id = e.tenant_id)))
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS given (event_id, new, delay_us)
    CROSS JOIN LATERAL (
        SELECT * FROM endpoints WHERE id = $4 AND deleted_at IS NULL LIMIT 1
    ) AS e
    CROSS JOIN LATERAL (
        SELECT FROM events
        WHERE id = given.event_id AND expunged_at IS NULL AND cancelled_at IS NULL LIMIT 1
    ) AS ev
    ON CONFLICT DO NOTHING";

/// Gives how many are due again.
pub(super) async fn again(txn: &mut PgConnection, taken: &[Taken]) -> Result<u64, StoreError> {
    lock_events(txn, taken).await?;
    let again = sqlx::query_scalar(AGAIN).bind(ids(taken)).bind(delays(taken));
    let count: i64 = again.bind(FINISHED.as_slice()).fetch_one(txn).await.or_store_error()?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Gives how many were made.
pub(super) async fn as_new(txn: &mut PgConnection, taken: &[Taken]) -> Result<u64, StoreError> {
    lock_events(txn, taken).await?;
    let copy = sqlx::query(AS_NEW).bind(ids(taken)).bind(new_ids(taken)).bind(delays(taken));
    let made = copy.bind(FINISHED.as_slice()).execute(txn).await.or_store_error()?;
    Ok(made.rows_affected())
}

/// Gives how many were made.
pub(super) async fn missed(
    txn: &mut PgConnection,
    taken: &[Taken],
    endpoint: Option<Uuid>,
) -> Result<u64, StoreError> {
    lock_events(txn, taken).await?;
    let insert = sqlx::query(MISSED).bind(ids(taken)).bind(new_ids(taken)).bind(delays(taken));
    let made = insert.bind(endpoint).execute(txn).await.or_store_error()?;
    Ok(made.rows_affected())
}

async fn lock_events(txn: &mut PgConnection, taken: &[Taken]) -> Result<(), StoreError> {
    let mut events: Vec<Uuid> = taken.iter().map(|taken| taken.event).collect();
    events.sort_unstable();
    events.dedup();
    sqlx::query(LOCK_EVENTS).bind(events).execute(txn).await.or_store_error()?;
    Ok(())
}

fn ids(taken: &[Taken]) -> Vec<Uuid> {
    taken.iter().map(|taken| taken.id).collect()
}

fn new_ids(taken: &[Taken]) -> Vec<Uuid> {
    taken.iter().map(|taken| taken.new).collect()
}

fn delays(taken: &[Taken]) -> Vec<i64> {
    taken.iter().map(|taken| taken.delay_us).collect()
}
