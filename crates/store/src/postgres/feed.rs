//! Feed: due deliveries become `queued`, tenants and endpoints in turn.
//!
//! *Theory of operation.* `crate::feed` decides; here is what it decides on. Most partitions have nothing
//! that is due or under way, so the step first finds out which have (`window`): no other is opened
//! after that, however many days are kept. A loose index scan finds endpoints that have `scheduled`
//! deliveries, with one probe each however many they have (`WAITING`); those that have something due
//! are looked at (`look`), and the chosen deliveries are made `queued` by their ids. An advisory lock
//! lets one feeder work at a time, since two would each hand out a whole cap.

mod look;

#[cfg(feature = "conformance")]
pub(super) use look::LOOK;

use super::error::StoreResultExt as _;
use super::window::{self, FeedWindow};
use super::{PgStore, backlogged, breaker, by_id};
use crate::circle::Scan;
use crate::error::StoreError;
use crate::feed::{FeedLimits, Feeding, Leftover, Looked, choose, share};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantId;
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// One at a time; and what `window::by_indexes` does, without asking twice.
const ALONE: &str = "
    SELECT pg_try_advisory_xact_lock(hashtext('postrider.feeder'))
    FROM set_config('enable_bitmapscan', 'off', true)";

/// The first of the deliveries of each endpoint says whether any is due, which counts only if the endpoint may
/// be fed: it has a share of the step by that, and those that are down are many at times. Where the stretch ends is looked at
/// afterwards: a second bound on what the probe looks for makes it seem to find so little that sorting what
/// a partition holds looks cheaper than its index.
pub(super) const WAITING: &str = "
    WITH RECURSIVE waiting AS (
        SELECT $1::uuid AS endpoint_id, false AS is_due, 0::bigint AS seen, 0::bigint AS found
        UNION ALL
        SELECT next.endpoint_id, fed.is_due, w.seen + 1, w.found + fed.is_due::int
        FROM waiting w
        CROSS JOIN LATERAL (
            SELECT endpoint_id, next_attempt_at <= now() AS is_due FROM deliveries
            WHERE state = 'scheduled' AND endpoint_id > w.endpoint_id
              AND id >= $5 AND id < $6
            ORDER BY endpoint_id, next_attempt_at LIMIT 1
        ) AS next
        CROSS JOIN LATERAL (
            SELECT next.is_due
                   AND NOT EXISTS (SELECT FROM endpoint_flow f
                                   WHERE f.endpoint_id = next.endpoint_id AND f.feed_after > now())
                   AND (NOT EXISTS (SELECT FROM endpoint_breaker b
                                    WHERE b.endpoint_id = next.endpoint_id
                                      AND b.state <> 'closed' AND b.probe_at > now())
                        OR EXISTS (SELECT FROM deliveries t
                                   WHERE t.endpoint_id = next.endpoint_id AND t.state = 'scheduled'
                                     AND t.test AND t.next_attempt_at <= now()
                                     AND t.id >= $5 AND t.id < $6)) AS is_due
        ) AS fed
        WHERE w.found < $3 AND w.seen < $4 AND next.endpoint_id <= $2
    )
    SELECT endpoint_id, is_due FROM waiting WHERE seen > 0 ORDER BY seen";

pub(super) const TENANTS: &str = "
    SELECT tenant.id, taken.queued
    FROM unnest($1::text[]) AS tenant (id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS queued FROM (
            SELECT FROM deliveries
            WHERE tenant_id = tenant.id AND state = 'queued' AND id >= $3 AND id < $4 LIMIT $2
        ) AS counted
    ) AS taken";

pub(super) const TAKE: &str = "
    WITH fed AS MATERIALIZED (
        SELECT d.* FROM unnest($1::uuid[]) AS chosen (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = chosen.id AND state = $2 AND id >= $3 AND id <= $4 FOR UPDATE SKIP LOCKED
        ) AS d
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, queued_at)
        SELECT id, tenant_id, event_id, endpoint_id, 'queued', now() FROM fed
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, queued_at = excluded.queued_at
    )
    SELECT id FROM fed";

pub(super) async fn feed(
    store: &PgStore,
    limits: &FeedLimits,
) -> Result<Option<Feeding>, StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let alone: bool = sqlx::query_scalar(ALONE).fetch_one(&mut *txn).await.or_store_error()?;
    if !alone {
        return Ok(None);
    }
    // A statement of its own: it sees what the feeder before this one did.
    let window = window::feeding(&mut txn).await?;
    let mut scan = store.feeding.begin(limits.total);
    while let Some(stretch) = scan.next() {
        let (due, all) = scan.limits();
        let query = sqlx::query_as(WAITING).bind(stretch.after).bind(stretch.until).bind(due);
        let query = query.bind(all).bind(window.due.from).bind(window.due.until);
        scan.found(stretch, query.fetch_all(&mut *txn).await.or_store_error()?);
    }
    let feeding = hand_out(&mut txn, limits, &window, &scan).await?;
    txn.commit().await.or_store_error()?;
    store.feeding.end(&scan);
    Ok(Some(feeding))
}

/// Looks at what was found, and does what is chosen.
async fn hand_out(
    txn: &mut PgConnection,
    limits: &FeedLimits,
    window: &FeedWindow,
    scan: &Scan,
) -> Result<Feeding, StoreError> {
    let share = share(limits.total, scan.meant.len());
    let looked = look::look(txn, limits, share, window, scan).await?;
    let rooms = rooms(txn, limits.per_tenant, window, &looked).await?;
    let mut choice = choose(&looked, limits.total, share, &rooms);

    let ids: Vec<DeliveryId> = choice.fed.iter().map(|one| one.delivery.id).collect();
    let taken = take(txn, &ids).await?;
    choice.fed.retain(|one| taken.contains(&one.delivery.id));
    let probes = choice.fed.iter().filter(|one| one.probe);
    let endpoints: Vec<Uuid> = probes.map(|one| one.delivery.endpoint.as_uuid()).collect();
    breaker::probed(txn, &endpoints).await?;
    backlogged::begin(txn, &choice.begun).await?;
    backlogged::end(txn, &choice.ended).await?;
    let cut = if scan.is_cut { Leftover::AwaitsStep } else { Leftover::Nothing };
    Ok(Feeding { fed: choice.fed, left: choice.left.max(cut) })
}

/// How many more of each tenant may be `queued`.
async fn rooms(
    txn: &mut PgConnection,
    per_tenant: u32,
    window: &FeedWindow,
    looked: &[Looked],
) -> Result<HashMap<TenantId, usize>, StoreError> {
    let with_due = looked.iter().filter(|one| !one.due.is_empty());
    let tenants: BTreeSet<&TenantId> = with_due.map(|one| &one.tenant).collect();
    if tenants.is_empty() {
        return Ok(HashMap::new());
    }
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let query = sqlx::query_as(TENANTS).bind(&names).bind(i64::from(per_tenant));
    let query = query.bind(window.busy.from).bind(window.busy.until);
    let rows: Vec<(String, i64)> = query.fetch_all(txn).await.or_store_error()?;
    let queued: HashMap<String, i64> = rows.into_iter().collect();
    let room = |tenant: &TenantId| {
        let queued = queued.get(tenant.as_str()).copied().unwrap_or_default();
        usize::try_from(i64::from(per_tenant) - queued).unwrap_or_default()
    };
    Ok(tenants.into_iter().map(|tenant| (tenant.clone(), room(tenant))).collect())
}

/// `scheduled` → `queued`, but for those that somebody else holds. Gives those that are.
async fn take(
    txn: &mut PgConnection,
    ids: &[DeliveryId],
) -> Result<HashSet<DeliveryId>, StoreError> {
    let ids = by_id::sorted(ids);
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let (first, last) = by_id::ends(&ids);
    let take = sqlx::query_scalar(TAKE).bind(ids).bind(DeliveryState::Scheduled.as_str());
    let take = take.bind(first).bind(last);
    let taken: Vec<Uuid> = take.fetch_all(txn).await.or_store_error()?;
    Ok(taken.into_iter().map(DeliveryId::from_uuid).collect())
}
