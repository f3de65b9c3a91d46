//! Settle: writes down how attempts ended, conditional on the lease's token.

use super::error::StoreResultExt as _;
use super::{PgStore, by_id, operations, ordering, statistics, switch};
use crate::error::StoreError;
use crate::operations::SettledOne;
use crate::ordering::Done;
use crate::switch::Switches;
use crate::work::{Settled, Settlement};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState, Transition};
use sqlx::{FromRow, PgConnection};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// A success is also taken under a token that still stands although its lease has ended; its attempt
/// is on record by then, as lost.
pub(super) const SETTLE: &str = concat!(
    "
    WITH verdicts AS MATERIALIZED (
        SELECT * FROM unnest(
            $1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::text[],
            $8::timestamptz[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[],
            $14::smallint[], $15::text[], $16::bytea[], $17::text[], $18::bytea[])
        AS v (id, token, number, verdict, delay_us, failures, reason,
              started_at, duration_us, failure, url, contract, request_headers,
              status, response_headers, response_body, response_end, contract_digest)
    ), locked AS MATERIALIZED (
        SELECT v.*, d.tenant_id, d.event_id, d.endpoint_id, d.round, d.test, d.ordering_key,
               d.state AS state_before,
               CASE WHEN v.verdict <> 'scheduled' THEN v.verdict
                    WHEN e.deleted_at IS NOT NULL THEN 'dead'
                    WHEN d.test OR (e.active AND e.disabled_at IS NULL) THEN 'scheduled'
                    ELSE 'held' END AS state,
               coalesce(v.verdict = 'delivered' AND e.disabled_at IS NOT NULL
                        AND e.probe_delivery = v.id, false) AS answers
        FROM verdicts v
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = v.id AND lease_token = v.token AND id >= $19 AND id <= $20
              AND (state = 'in_flight' OR (v.verdict = 'delivered' AND state <> 'delivered'))
            FOR UPDATE
        ) AS d
        CROSS JOIN LATERAL (SELECT * FROM endpoints WHERE id = d.endpoint_id LIMIT 1) AS e
    ), written AS (
        INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                     finished_at, next_attempt_at, failures, last_status,
                                     last_failure)
        SELECT id, tenant_id, event_id, endpoint_id, state,
               CASE WHEN state = 'dead' THEN coalesce(reason, 'endpoint_deleted') END,
               CASE WHEN state IN ('delivered', 'dead') THEN now() END,
               CASE WHEN state IN ('scheduled', 'held')
                    THEN now() + delay_us * interval '1 microsecond' END,
               failures, status, failure
        FROM locked
        ON CONFLICT (id) DO UPDATE SET
            state = excluded.state, dead_reason = excluded.dead_reason,
            finished_at = excluded.finished_at, next_attempt_at = excluded.next_attempt_at,
            failures = excluded.failures, last_status = excluded.last_status,
            last_failure = excluded.last_failure, discarded_at = NULL, queued_at = NULL,
            lease_until = NULL, losses = 0
    ), logged AS (
        INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us,
            failure, url, contract, contract_digest, request_headers, status, response_headers,
            response_body, response_end)
        SELECT id, number, round, tenant_id, started_at, duration_us, failure, url, contract,
               contract_digest, request_headers, status, response_headers, response_body,
               response_end
        FROM locked
        ON CONFLICT (delivery_id, number) DO UPDATE SET
            started_at = excluded.started_at, duration_us = excluded.duration_us,
            failure = excluded.failure, url = excluded.url, contract = excluded.contract,
            contract_digest = excluded.contract_digest,
            request_headers = excluded.request_headers, status = excluded.status,
            response_headers = excluded.response_headers,
            response_body = excluded.response_body, response_end = excluded.response_end
    ), counted AS (
        SELECT endpoint_id,
               count(*) FILTER (WHERE number = 1 AND state_before = 'in_flight') AS attempted,
               count(*) FILTER (WHERE state = 'dead') - count(*) FILTER (WHERE state_before = 'dead')
                   AS dead,
               max(started_at) AS last_attempt_at
        FROM locked WHERE NOT test GROUP BY endpoint_id
    ), added AS (",
    statistics::add!(),
    ")
    SELECT id, token, endpoint_id, state_before, answers,
           CASE WHEN state IN ('delivered', 'dead') THEN ordering_key END AS done_key
    FROM locked"
);

#[derive(FromRow)]
struct SettledRow {
    id: Uuid,
    token: Uuid,
    endpoint_id: Uuid,
    state_before: String,
    /// Whether it is a success of its endpoint's latest probe.
    answers: bool,
    /// Its ordering key, if it has one and is finished.
    done_key: Option<String>,
}

pub(super) async fn settle(
    store: &PgStore,
    settlements: &[Settlement],
) -> Result<Vec<Settled>, StoreError> {
    let chosen = one_per_lease(settlements);
    let statement = Columns::of(chosen.values().copied())?;

    let mut txn = store.hot.begin().await.or_store_error()?;
    let rows = statement.execute(&mut txn).await?;
    ordering::advance(&mut txn, rows.iter().filter_map(SettledRow::done)).await?;
    switch::make(&mut txn, store.operator.as_ref(), &switches(&rows, &chosen)).await?;
    let settled: Vec<SettledOne<'_>> = rows.iter().filter_map(|row| row.with(&chosen)).collect();
    operations::about_settled(&mut txn, store.operator.as_ref(), &settled).await?;
    txn.commit().await.or_store_error()?;

    let mut found: HashMap<Lease, Settled> =
        rows.iter().map(|row| (row.lease(), row.settled())).collect();
    let result = |settlement: &Settlement| found.remove(&lease_of(settlement));
    Ok(settlements.iter().map(result).map(|found| found.unwrap_or(Settled::Superseded)).collect())
}

fn switches(rows: &[SettledRow], chosen: &BTreeMap<Lease, &Settlement>) -> Switches {
    let mut switches = Switches::default();
    for row in rows {
        if let Some(settlement) = chosen.get(&row.lease()) {
            switches.ended(row.endpoint_id, settlement.transition);
        }
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

/// The first settlement of each lease, since a second one changes nothing. They are in the order of
/// ids, in which locks are taken, so that two batches cannot deadlock.
fn one_per_lease(settlements: &[Settlement]) -> BTreeMap<Lease, &Settlement> {
    let mut chosen = BTreeMap::new();
    for settlement in settlements {
        chosen.entry(lease_of(settlement)).or_insert(settlement);
    }
    chosen
}

impl SettledRow {
    fn lease(&self) -> Lease {
        (self.id, self.token)
    }

    fn with<'a>(&self, chosen: &BTreeMap<Lease, &'a Settlement>) -> Option<SettledOne<'a>> {
        let settlement = chosen.get(&self.lease())?;
        Some(SettledOne { endpoint: self.endpoint_id, settlement })
    }

    fn done(&self) -> Option<Done> {
        let key = self.done_key.clone()?;
        Some(Done { endpoint_id: self.endpoint_id, key, id: self.id })
    }

    fn settled(&self) -> Settled {
        if self.state_before == DeliveryState::InFlight.as_str() {
            Settled::Applied
        } else {
            Settled::AppliedLate
        }
    }
}

#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    tokens: Vec<Uuid>,
    numbers: Vec<i32>,
    verdicts: Vec<&'static str>,
    delays_us: Vec<i64>,
    failures: Vec<i32>,
    reasons: Vec<Option<&'static str>>,
    log: LogColumns<'a>,
}

#[derive(Default)]
struct LogColumns<'a> {
    started_at: Vec<time::OffsetDateTime>,
    durations_us: Vec<i64>,
    failures: Vec<Option<&'static str>>,
    urls: Vec<&'a str>,
    contracts: Vec<&'a str>,
    request_headers: Vec<String>,
    statuses: Vec<Option<i16>>,
    response_headers: Vec<Option<String>>,
    response_bodies: Vec<Option<&'a [u8]>>,
    response_ends: Vec<Option<&'a str>>,
    contract_digests: Vec<Option<&'a [u8]>>,
}

impl<'a> Columns<'a> {
    fn of(settlements: impl Iterator<Item = &'a Settlement>) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for settlement in settlements {
            columns.push(settlement)?;
        }
        Ok(columns)
    }

    fn push(&mut self, settlement: &'a Settlement) -> Result<(), StoreError> {
        let verdict = Verdict::of(settlement.transition);
        self.ids.push(settlement.delivery.as_uuid());
        self.tokens.push(settlement.token.as_uuid());
        self.numbers.push(i32::try_from(settlement.attempt).unwrap_or(i32::MAX));
        self.verdicts.push(verdict.state.as_str());
        self.delays_us.push(verdict.delay_us);
        self.failures.push(verdict.failures);
        self.reasons.push(verdict.reason.map(DeadReason::as_str));
        self.log.push(settlement)
    }

    async fn execute(self, txn: &mut PgConnection) -> Result<Vec<SettledRow>, StoreError> {
        let (first, last) = by_id::ends(&self.ids);
        sqlx::query_as(SETTLE)
            .bind(self.ids)
            .bind(self.tokens)
            .bind(self.numbers)
            .bind(self.verdicts)
            .bind(self.delays_us)
            .bind(self.failures)
            .bind(self.reasons)
            .bind(self.log.started_at)
            .bind(self.log.durations_us)
            .bind(self.log.failures)
            .bind(self.log.urls)
            .bind(self.log.contracts)
            .bind(self.log.request_headers)
            .bind(self.log.statuses)
            .bind(self.log.response_headers)
            .bind(self.log.response_bodies)
            .bind(self.log.response_ends)
            .bind(self.log.contract_digests)
            .bind(first)
            .bind(last)
            .fetch_all(&mut *txn)
            .await
            .or_store_error()
    }
}

impl<'a> LogColumns<'a> {
    fn push(&mut self, settlement: &'a Settlement) -> Result<(), StoreError> {
        let record = &settlement.record;
        let response = record.response.as_ref();
        let headers_text = |headers| {
            serde_json::to_string(headers)
                .map_err(|error| StoreError::Refused(std::sync::Arc::new(error)))
        };
        self.started_at.push(record.started_at);
        self.durations_us.push(i64::try_from(record.duration.as_micros()).unwrap_or(i64::MAX));
        self.failures.push(record.failure.map(FailureKind::as_str));
        self.urls.push(&record.url);
        self.contracts.push(&record.contract);
        self.request_headers.push(headers_text(&record.request_headers)?);
        self.statuses.push(response.and_then(|response| i16::try_from(response.status).ok()));
        self.response_headers
            .push(response.map(|response| headers_text(&response.headers)).transpose()?);
        self.response_bodies.push(response.map(|response| response.body.as_ref()));
        self.response_ends.push(response.map(|response| response.body_end.as_str()));
        let digest = record.contract_digest.as_ref();
        self.contract_digests.push(digest.map(|digest| digest.as_bytes().as_slice()));
        Ok(())
    }
}

/// A transition as columns.
struct Verdict {
    state: DeliveryState,
    delay_us: i64,
    failures: i32,
    reason: Option<DeadReason>,
}

impl Verdict {
    fn of(transition: Transition) -> Self {
        let nothing = |state, reason| Self { state, delay_us: 0, failures: 0, reason };
        match transition {
            Transition::Delivered | Transition::DeliveredLast => {
                nothing(DeliveryState::Delivered, None)
            }
            Transition::Dead { reason, .. } => nothing(DeliveryState::Dead, Some(reason)),
            Transition::Retry { delay, progress } => Self {
                state: DeliveryState::Scheduled,
                delay_us: i64::try_from(delay.as_micros()).unwrap_or(i64::MAX),
                failures: i32::try_from(progress.failures).unwrap_or(i32::MAX),
                reason: None,
            },
        }
    }
}
