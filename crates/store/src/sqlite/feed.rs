//! Feed: due deliveries become `queued`, tenants and endpoints in turn.
//!
//! *Theory of operation.* `crate::feed` decides; here is what it decides on. A loose index scan finds
//! endpoints that have `scheduled` deliveries, with one probe each however many they have (`WAITING`);
//! those that have something due are looked at (`look`), and the chosen deliveries are made `queued` by
//! their ids. Two feeders come one after the other, so that they do not each hand out a whole cap.

mod look;

#[cfg(feature = "conformance")]
pub(super) use look::LOOK;

use super::batch::json;
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{SqliteStore, backlogged, breaker};
use crate::circle::{Scan, Stretch};
use crate::error::StoreError;
use crate::feed::{FeedLimits, Feeding, Leftover, Looked, choose, share};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantId;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Whether an endpoint of `waiting` has something due and may be fed: it has a share of the step by that,
/// and those that are down are many at times.
macro_rules! is_fed {
    () => {
        "EXISTS (SELECT 1 FROM deliveries d
                 WHERE d.endpoint_id = waiting.endpoint_id AND d.state = 'scheduled'
                   AND d.next_attempt_at <= ?5)
         AND NOT EXISTS (SELECT 1 FROM endpoint_flow f
                         WHERE f.endpoint_id = waiting.endpoint_id AND f.feed_after > ?5)
         AND (NOT EXISTS (SELECT 1 FROM endpoint_breaker b
                          WHERE b.endpoint_id = waiting.endpoint_id
                            AND b.state <> 'closed' AND b.probe_at > ?5)
              OR EXISTS (SELECT 1 FROM deliveries t INDEXED BY deliveries_due_tests
                         WHERE t.endpoint_id = waiting.endpoint_id AND t.state = 'scheduled'
                           AND t.test AND t.next_attempt_at <= ?5))"
    };
}

/// What a row has found is what is due before it: one endpoint too many may come, which `Scan` leaves out.
pub(super) const WAITING: &str = concat!(
    "
    WITH RECURSIVE waiting (endpoint_id, seen, found) AS (
        SELECT ?1, 0, 0
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d
                WHERE d.state = 'scheduled' AND d.endpoint_id > waiting.endpoint_id
                  AND d.endpoint_id <= ?2
                ORDER BY d.endpoint_id LIMIT 1),
               waiting.seen + 1,
               waiting.found + (waiting.seen > 0 AND ",
    is_fed!(),
    ")
        FROM waiting
        WHERE waiting.endpoint_id IS NOT NULL AND waiting.found < ?3 AND waiting.seen < ?4
    )
    SELECT endpoint_id, ",
    is_fed!(),
    "
    FROM waiting WHERE seen > 0 AND endpoint_id IS NOT NULL"
);

pub(super) const TENANTS: &str = "
    SELECT tenant.value,
           (SELECT count(*) FROM (SELECT 1 FROM deliveries
                                  WHERE tenant_id = tenant.value AND state = 'queued' LIMIT ?2))
    FROM json_each(?1) AS tenant";

pub(super) const WRITE: &str = "
    UPDATE deliveries SET state = 'queued', queued_at = ?2
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND state = 'scheduled'";

pub(super) async fn feed(
    store: &SqliteStore,
    limits: &FeedLimits,
) -> Result<Option<Feeding>, StoreError> {
    let mut txn = store.writer.begin().await?;
    let mut scan = store.feeding.begin(limits.total);
    while let Some(stretch) = scan.next() {
        let rows = waiting(&mut txn, stretch, scan.limits()).await?;
        scan.found(stretch, rows);
    }
    let feeding = hand_out(&mut txn, limits, &scan).await?;
    txn.commit().await?;
    store.feeding.end(&scan);
    Ok(Some(feeding))
}

async fn waiting(
    txn: &mut WriteTxn,
    stretch: Stretch,
    (due, all): (i64, i64),
) -> Result<Vec<(Uuid, bool)>, StoreError> {
    let now: Micros = txn.now();
    let waiting = sqlx::query_as(WAITING).bind(stretch.after).bind(stretch.until).bind(due);
    waiting.bind(all).bind(now).fetch_all(txn.connection()).await.or_store_error()
}

/// Looks at what was found, and does what is chosen.
async fn hand_out(
    txn: &mut WriteTxn,
    limits: &FeedLimits,
    scan: &Scan,
) -> Result<Feeding, StoreError> {
    let share = share(limits.total, scan.meant.len());
    let looked = look::look(txn, limits, share, scan).await?;
    let rooms = rooms(txn, limits.per_tenant, &looked).await?;
    let choice = choose(&looked, limits.total, share, &rooms);

    let ids: Vec<DeliveryId> = choice.fed.iter().map(|one| one.delivery.id).collect();
    let write = sqlx::query(WRITE).bind(json(&ids)?).bind(txn.now());
    write.execute(txn.connection()).await.or_store_error()?;
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
    txn: &mut WriteTxn,
    per_tenant: u32,
    looked: &[Looked],
) -> Result<HashMap<TenantId, usize>, StoreError> {
    let with_due = looked.iter().filter(|one| !one.due.is_empty());
    let tenants: BTreeSet<&TenantId> = with_due.map(|one| &one.tenant).collect();
    let names: Vec<&str> = tenants.iter().map(|tenant| tenant.as_str()).collect();
    let query = sqlx::query_as(TENANTS).bind(json(&names)?).bind(per_tenant);
    let rows: Vec<(String, u32)> = query.fetch_all(txn.connection()).await.or_store_error()?;
    let queued: HashMap<String, u32> = rows.into_iter().collect();
    let room = |tenant: &TenantId| {
        let queued = queued.get(tenant.as_str()).copied().unwrap_or_default();
        per_tenant.saturating_sub(queued) as usize
    };
    Ok(tenants.into_iter().map(|tenant| (tenant.clone(), room(tenant))).collect())
}
