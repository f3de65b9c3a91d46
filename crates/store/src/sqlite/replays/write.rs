//! What a replay makes: deliveries that are due again, or new ones. In the step's transaction, in which
//! nothing changes between looking and writing.

use crate::error::StoreError;
use crate::replays::step::Taken;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::statistics::{self, Recorded};
use crate::sqlite::writer::WriteTxn;
use uuid::Uuid;

/// The token goes, so that nothing of an earlier round can settle this one.
pub(in crate::sqlite) const AGAIN: &str = "
    WITH given AS MATERIALIZED (
        SELECT unhex(value ->> 'id', '-') AS given_id, ?2 + (value ->> 'delay_us') AS due
        FROM json_each(?1)
    )
    UPDATE deliveries SET
        state = 'scheduled', dead_reason = NULL, finished_at = NULL, discarded_at = NULL,
        round = round + 1, failures = 0, losses = 0, lease_token = NULL, next_attempt_at = found.due
    FROM (
        SELECT d.id AS found_id, given.due
        FROM given
        CROSS JOIN deliveries d ON d.id = given.given_id
        CROSS JOIN events ev ON ev.id = d.event_id AND ev.expunged_at IS NULL
        WHERE d.state IN ('delivered', 'dead')
    ) AS found
    WHERE id = found.found_id";

pub(in crate::sqlite) const AS_NEW: &str = "
    WITH given AS MATERIALIZED (SELECT value AS taken FROM json_each(?1))
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at,
                            contract_version, copy, created_at)
    SELECT unhex(taken ->> 'new', '-'), d.tenant_id, d.event_id, d.endpoint_id,
           iif(e.active AND e.disabled_at IS NULL, 'scheduled', 'held'),
           ?2 + (taken ->> 'delay_us'), d.contract_version,
           (SELECT max(o.copy) FROM deliveries o
            WHERE o.event_id = d.event_id AND o.endpoint_id = d.endpoint_id)
           + row_number() OVER (PARTITION BY d.event_id, d.endpoint_id ORDER BY d.id), ?2
    FROM given
    CROSS JOIN deliveries d ON d.id = unhex(taken ->> 'id', '-')
    CROSS JOIN events ev ON ev.id = d.event_id AND ev.expunged_at IS NULL
    CROSS JOIN endpoints e ON e.id = d.endpoint_id";

pub(in crate::sqlite) const MISSED: &str = "
    WITH given AS MATERIALIZED (SELECT value AS taken FROM json_each(?1))
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at,
                            contract_version, created_at)
    SELECT unhex(taken ->> 'new', '-'), e.tenant_id, unhex(taken ->> 'event', '-'), e.id,
           iif(e.active AND e.disabled_at IS NULL, 'scheduled', 'held'),
           max(?2 + (taken ->> 'delay_us'),
               coalesce((SELECT ev.deliver_at FROM events ev
                         WHERE ev.id = unhex(taken ->> 'event', '-')), 0)),
           (SELECT c.version FROM contracts c
            WHERE c.name = coalesce(e.own_contract,
                                    (SELECT t.contract FROM tenants t WHERE t.id = e.tenant_id))),
           ?2
    FROM given
    CROSS JOIN events ev ON ev.id = unhex(taken ->> 'event', '-')
        AND ev.expunged_at IS NULL AND ev.cancelled_at IS NULL
    CROSS JOIN endpoints e ON e.id = ?3";

/// Gives how many are due again.
pub(super) async fn again(txn: &mut WriteTxn, taken: &[Taken]) -> Result<u64, StoreError> {
    let again = sqlx::query(AGAIN).bind(json(taken)?).bind(txn.now());
    let done = again.execute(txn.connection()).await.or_store_error()?;
    let recorded = taken.iter().filter(|taken| taken.was_dead).map(|taken| Recorded {
        delivery: taken.id,
        is_first: false,
        was_dead: true,
        started_at: None,
    });
    statistics::add(txn, recorded).await?;
    Ok(done.rows_affected())
}

/// Gives how many were made.
pub(super) async fn as_new(txn: &mut WriteTxn, taken: &[Taken]) -> Result<u64, StoreError> {
    let copy = sqlx::query(AS_NEW).bind(json(taken)?).bind(txn.now());
    let made = copy.execute(txn.connection()).await.or_store_error()?;
    Ok(made.rows_affected())
}

/// Gives how many were made.
pub(super) async fn missed(
    txn: &mut WriteTxn,
    taken: &[Taken],
    endpoint: Option<Uuid>,
) -> Result<u64, StoreError> {
    let insert = sqlx::query(MISSED).bind(json(taken)?).bind(txn.now()).bind(endpoint);
    let made = insert.execute(txn.connection()).await.or_store_error()?;
    Ok(made.rows_affected())
}
