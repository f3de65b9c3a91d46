//! Giving back claims: of an endpoint that may get no more requests for now, or that nothing can be sent to
//! for no fault of its own. `queued` deliveries are `release`'s.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::work::Deferral;
use postrider_common::delivery::DeliveryState;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// The attempt's number is given back with the claim. While an endpoint is fed nothing, what is accepted for it
/// must not go past the feeder, or what is put off might wait for ever.
pub(super) const DEFER: &str = "
    WITH locked AS MATERIALIZED (
        SELECT d.*, given.pause_s
        FROM unnest($1::uuid[], $2::uuid[], $3::float8[]) AS given (id, token, pause_s)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = given.id AND lease_token = given.token AND state = $4 FOR UPDATE
        ) AS d
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, next_attempt_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'scheduled', coalesce(next_attempt_at, now())
        FROM locked
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, next_attempt_at = excluded.next_attempt_at, lease_until = NULL,
            lease_token = NULL, attempts = d.attempts - 1
    ), paused AS (
        INSERT INTO endpoint_flow AS f (endpoint_id, feed_after)
        SELECT endpoint_id, now() + make_interval(secs => max(pause_s)) FROM locked
        GROUP BY endpoint_id ORDER BY endpoint_id
        ON CONFLICT (endpoint_id) DO UPDATE SET
            feed_after = greatest(f.feed_after, excluded.feed_after)
    ), backlogged AS (
        INSERT INTO endpoint_backlog (endpoint_id, tenant_id)
        SELECT DISTINCT endpoint_id, tenant_id FROM locked WHERE pause_s > 0 ORDER BY endpoint_id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM locked";

/// `in_flight` → `scheduled` at the time it had; its endpoint is fed nothing for a while.
pub(super) async fn defer(store: &PgStore, deferrals: &[Deferral]) -> Result<u64, StoreError> {
    let mut leases: BTreeMap<(Uuid, Uuid), Duration> = BTreeMap::new();
    for deferral in deferrals {
        let lease = (deferral.delivery.as_uuid(), deferral.token.as_uuid());
        let pause = leases.entry(lease).or_default();
        *pause = deferral.pause.max(*pause);
    }
    let (ids, tokens): (Vec<Uuid>, Vec<Uuid>) = leases.keys().copied().unzip();
    let pauses: Vec<f64> = leases.values().map(Duration::as_secs_f64).collect();
    let deferred: i64 = sqlx::query_scalar(DEFER)
        .bind(ids)
        .bind(tokens)
        .bind(pauses)
        .bind(DeliveryState::InFlight.as_str())
        .fetch_one(&store.hot)
        .await
        .or_store_error()?;
    Ok(u64::try_from(deferred).unwrap_or_default())
}
