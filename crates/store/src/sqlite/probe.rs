//! Probe: a held delivery of each endpoint that is switched off and is to be probed becomes `queued`.

use super::SqliteStore;
use super::batch::json;
use super::clock::{Micros, micros};
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::error::StoreError;
use crate::probing::{Probed, Probing};
use crate::rows::probe::{ProbeRow, probed};
use async_trait::async_trait;
use postrider_common::probing::NOT_SENT;
use uuid::Uuid;

const FIND: &str = "
    SELECT e.id AS endpoint_id, e.tenant_id, e.probes, d.id, d.attempts
    FROM endpoints e
    LEFT JOIN deliveries d ON d.id = (
        SELECT b.id FROM deliveries b
        WHERE b.endpoint_id = e.id AND b.state = 'held'
          AND coalesce(b.next_attempt_at, b.created_at) <= ?2
        ORDER BY b.id LIMIT 1
    )
    WHERE e.auto_enable AND e.active AND e.disabled_reason = 'exhausted' AND e.deleted_at IS NULL
      AND coalesce(e.probe_at, e.disabled_at) <= ?2
    ORDER BY coalesce(e.probe_at, e.disabled_at) LIMIT ?1";

const NOTE: &str = "
    UPDATE endpoints
    SET probe_at = ?2 + given.rest_us, probes = probes + (given.probe IS NOT NULL),
        probe_delivery = coalesce(given.probe, probe_delivery)
    FROM (SELECT unhex(value ->> 0, '-') AS endpoint, unhex(value ->> 1, '-') AS probe,
                 value ->> 2 AS rest_us
          FROM json_each(?1)) AS given
    WHERE id = given.endpoint";

const QUEUE: &str = "
    UPDATE deliveries SET state = 'queued', queued_at = ?2
    WHERE id IN (SELECT unhex(value ->> 1, '-') FROM json_each(?1)) AND state = 'held'";

const TAKE_BACK: &str = "
    UPDATE endpoints
    SET probe_at = min(coalesce(probe_at, ?2), ?2), probes = max(probes - 1, 0),
        probe_delivery = NULL
    WHERE id IN (SELECT e.id FROM json_each(?1) AS given
                 CROSS JOIN deliveries d ON d.id = unhex(given.value, '-')
                 CROSS JOIN endpoints e ON e.id = d.endpoint_id AND e.probe_delivery = d.id
                 WHERE e.disabled_reason = 'exhausted')";

/// All of them.
#[cfg(feature = "conformance")]
pub(super) const STATEMENTS: [&str; 4] = [FIND, NOTE, QUEUE, TAKE_BACK];

#[async_trait]
impl Probing for SqliteStore {
    async fn deliveries_probe(&self, limit: u32) -> Result<Probed, StoreError> {
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let find = sqlx::query_as(FIND).bind(limit).bind(now);
        let found: Vec<ProbeRow> = find.fetch_all(txn.connection()).await.or_store_error()?;
        if found.is_empty() {
            return Ok(Probed::default());
        }
        let given = |row: &ProbeRow| (row.endpoint_id, row.id, micros(row.rest()));
        let given = json(&found.iter().map(given).collect::<Vec<(Uuid, Option<Uuid>, i64)>>())?;
        for statement in [NOTE, QUEUE] {
            let write = sqlx::query(statement).bind(&given).bind(now);
            write.execute(txn.connection()).await.or_store_error()?;
        }
        txn.commit().await?;
        probed(found)
    }
}

/// Notes that probes were never sent, of these deliveries: they were `scheduled` while their endpoint is
/// off, which one whose attempt is on record never is.
pub(super) async fn take_back(txn: &mut WriteTxn, held: &[Uuid]) -> Result<(), StoreError> {
    if held.is_empty() {
        return Ok(());
    }
    let next: Micros = txn.now().after(NOT_SENT);
    let take_back = sqlx::query(TAKE_BACK).bind(json(held)?).bind(next);
    take_back.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}
