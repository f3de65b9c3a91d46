//! Settle: writes down how attempts ended, conditional on the lease's token.

mod row;

use super::batch::{Bytes, json};
use super::clock::Micros;
use super::error::StoreResultExt as _;
use super::statistics::{self, Recorded};
use super::writer::WriteTxn;
use super::{SqliteStore, operations, ordering, switch};
use crate::error::StoreError;
use crate::operations::SettledOne;
use crate::ordering::Done;
use crate::switch::Switches;
use crate::work::{Settled, Settlement};
use postrider_common::delivery::DeliveryState;
use row::{AttemptRow, LeaseRow, VerdictRow};
use sqlx::FromRow;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The settlements whose lease stands. A success is also taken under a token that still stands
/// although its lease has ended.
pub(super) const FIND: &str = "
    WITH given AS MATERIALIZED (
        SELECT unhex(value ->> 'id', '-') AS id, unhex(value ->> 'token', '-') AS token,
               value ->> 'succeeded' AS succeeded
        FROM json_each(?1)
    )
    SELECT d.id, d.lease_token AS token, d.endpoint_id, d.state AS state_before,
           d.ordering_key,
           coalesce(given.succeeded AND e.disabled_at IS NOT NULL AND e.probe_delivery = d.id, 0)
               AS answers
    FROM given
    CROSS JOIN deliveries d ON d.id = given.id AND d.lease_token = given.token
    CROSS JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.state = 'in_flight' OR (given.succeeded AND d.state <> 'delivered')";

pub(super) const WRITE: &str = "
    WITH given AS MATERIALIZED (SELECT value AS verdict FROM json_each(?1))
    UPDATE deliveries SET
        state = found.state, failures = found.failures, last_status = found.status,
        last_failure = found.failure, discarded_at = NULL, queued_at = NULL, lease_until = NULL,
        losses = 0,
        dead_reason = iif(found.state = 'dead', coalesce(found.reason, 'endpoint_deleted'), NULL),
        finished_at = iif(found.state IN ('delivered', 'dead'), ?2, NULL),
        next_attempt_at = iif(found.state IN ('scheduled', 'held'), ?2 + found.delay_us, NULL)
    FROM (
        SELECT d.id AS found_id,
               CASE WHEN verdict ->> 'state' <> 'scheduled' THEN verdict ->> 'state'
                    WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state,
               verdict ->> 'reason' AS reason, verdict ->> 'delay_us' AS delay_us,
               verdict ->> 'failures' AS failures, verdict ->> 'status' AS status,
               verdict ->> 'failure' AS failure
        FROM given
        CROSS JOIN deliveries d ON d.id = unhex(verdict ->> 'id', '-')
        CROSS JOIN endpoints e ON e.id = d.endpoint_id
    ) AS found
    WHERE id = found.found_id";

pub(super) const LOG: &str = "
    WITH given AS MATERIALIZED (SELECT value AS attempt FROM json_each(?1))
    INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, failure,
        url, contract, contract_digest, request_headers, status, response_headers, response_body,
        response_end)
    SELECT d.id, attempt ->> 'number', d.round, d.tenant_id, attempt ->> 'started_at',
           attempt ->> 'duration_us', attempt ->> 'failure', attempt ->> 'url',
           attempt ->> 'contract', unhex(attempt ->> 'contract_digest'),
           attempt ->> 'request_headers', attempt ->> 'status', attempt ->> 'response_headers',
           substr(?2, attempt ->> '$.response_body.at', attempt ->> '$.response_body.len'),
           attempt ->> 'response_end'
    FROM given CROSS JOIN deliveries d ON d.id = unhex(attempt ->> 'id', '-')
    WHERE true
    ON CONFLICT (delivery_id, number) DO UPDATE SET
        started_at = excluded.started_at, duration_us = excluded.duration_us,
        failure = excluded.failure, url = excluded.url, contract = excluded.contract,
        contract_digest = excluded.contract_digest,
        request_headers = excluded.request_headers, status = excluded.status,
        response_headers = excluded.response_headers, response_body = excluded.response_body,
        response_end = excluded.response_end";

#[derive(FromRow)]
struct FoundRow {
    id: Uuid,
    token: Uuid,
    endpoint_id: Uuid,
    state_before: String,
    ordering_key: Option<String>,
    /// Whether it is a success of its endpoint's latest probe.
    answers: bool,
}

pub(super) async fn settle(
    store: &SqliteStore,
    settlements: &[Settlement],
) -> Result<Vec<Settled>, StoreError> {
    let chosen = one_per_lease(settlements);
    let mut txn = store.writer.begin().await?;
    let found = find(&mut txn, &chosen).await?;
    let standing: Vec<(&FoundRow, &Settlement)> =
        found.iter().filter_map(|row| Some((row, *chosen.get(&row.lease())?))).collect();
    if !standing.is_empty() {
        let settlements: Vec<&Settlement> = standing.iter().map(|(_, one)| *one).collect();
        write(&mut txn, &settlements).await?;
        log(&mut txn, &settlements).await?;
        statistics::add(&mut txn, standing.iter().map(|(row, one)| row.recorded(one))).await?;
        ordering::advance(&mut txn, found.iter().filter_map(FoundRow::done)).await?;
        switch::make(&mut txn, store.operator.as_ref(), &switches(&standing)).await?;
        let settled: Vec<SettledOne<'_>> = standing
            .iter()
            .map(|(row, settlement)| SettledOne { endpoint: row.endpoint_id, settlement })
            .collect();
        operations::about_settled(&mut txn, store.operator.as_ref(), &settled).await?;
    }
    txn.commit().await?;

    let mut found: HashMap<Lease, Settled> =
        found.iter().map(|row| (row.lease(), row.settled())).collect();
    let result = |settlement: &Settlement| found.remove(&lease_of(settlement));
    Ok(settlements.iter().map(result).map(|found| found.unwrap_or(Settled::Superseded)).collect())
}

fn switches(standing: &[(&FoundRow, &Settlement)]) -> Switches {
    let mut switches = Switches::default();
    for (row, settlement) in standing {
        switches.ended(row.endpoint_id, settlement.transition);
        if row.answers {
            switches.answered(row.endpoint_id, row.id);
        }
    }
    switches
}

/// What a settlement is conditional on.
type Lease = (Uuid, Uuid);

fn lease_of(settlement: &Settlement) -> Lease {
    (settlement.delivery.as_uuid(), settlement.token.as_uuid())
}

/// The first settlement of each lease, since a second one changes nothing.
fn one_per_lease(settlements: &[Settlement]) -> BTreeMap<Lease, &Settlement> {
    let mut chosen = BTreeMap::new();
    for settlement in settlements {
        chosen.entry(lease_of(settlement)).or_insert(settlement);
    }
    chosen
}

impl FoundRow {
    fn lease(&self) -> Lease {
        (self.id, self.token)
    }

    fn done(&self) -> Option<Done> {
        let key = self.ordering_key.clone()?;
        Some(Done { endpoint_id: self.endpoint_id, key, id: self.id })
    }

    fn settled(&self) -> Settled {
        if self.state_before == DeliveryState::InFlight.as_str() {
            Settled::Applied
        } else {
            Settled::AppliedLate
        }
    }

    fn recorded(&self, settlement: &Settlement) -> Recorded {
        Recorded {
            delivery: self.id,
            // Otherwise it is on record as lost.
            is_first: settlement.attempt == 1
                && self.state_before == DeliveryState::InFlight.as_str(),
            was_dead: self.state_before == DeliveryState::Dead.as_str(),
            started_at: Some(Micros::from(settlement.record.started_at).as_i64()),
        }
    }
}

async fn find(
    txn: &mut WriteTxn,
    chosen: &BTreeMap<Lease, &Settlement>,
) -> Result<Vec<FoundRow>, StoreError> {
    let rows: Vec<LeaseRow> = chosen.values().map(|one| LeaseRow::of(one)).collect();
    let find = sqlx::query_as(FIND).bind(json(&rows)?);
    find.fetch_all(txn.connection()).await.or_store_error()
}

async fn write(txn: &mut WriteTxn, settlements: &[&Settlement]) -> Result<(), StoreError> {
    let rows: Vec<VerdictRow> = settlements.iter().map(|one| VerdictRow::of(one)).collect();
    let now = txn.now();
    let write = sqlx::query(WRITE).bind(json(&rows)?).bind(now);
    write.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}

async fn log(txn: &mut WriteTxn, settlements: &[&Settlement]) -> Result<(), StoreError> {
    let mut bodies = Bytes::default();
    let rows = settlements.iter().map(|one| AttemptRow::of(one, &mut bodies));
    let rows: Vec<AttemptRow<'_>> = rows.collect::<Result<_, _>>()?;
    let log = sqlx::query(LOG).bind(json(&rows)?).bind(bodies.into_blob());
    log.execute(txn.connection()).await.or_store_error()?;
    Ok(())
}
