//! The invariants in the schema: each named CHECK refuses the row that it is there for.

use postrider_testkit::{TestDatabase, only_on};
use sqlx::PgPool;
use std::collections::BTreeSet;

/// Rows to start from: a tenant, an endpoint, and one delivery in flight.
const ROWS: &str = "
    INSERT INTO tenants (id, name, contract) VALUES ('acme', 'Acme', 'plain');
    INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash)
        VALUES (gen_random_uuid(), 'acme', 'key', '{*}', 'prk_1', sha256(''));
    INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active)
        VALUES (gen_random_uuid(), 'acme', 'wh_1', 'https://receiver.example', '', '{*}', '', true);
    INSERT INTO contract_versions (name, digest, source) VALUES ('plain', sha256(''), '');
    INSERT INTO endpoint_rates (endpoint_id, since, starts, room, more_at, more)
        SELECT id, now(), '', 0, now(), 0 FROM endpoints;
    INSERT INTO endpoint_breaker (endpoint_id, state, down_since, changed_at, probe_at,
                                  opened_count, give_up_s, probe_s)
        SELECT id, 'open', now(), now(), now(), 1, 0, 0 FROM endpoints;
    INSERT INTO operational_events (event_type, tenant_id, facts)
        VALUES ('delivery.dead', 'acme', '{}');
    INSERT INTO replay_jobs (id, tenant_id, mode, filter, position, paid_until, next_step_at)
        VALUES (gen_random_uuid(), 'acme', 'again', '{}', gen_random_uuid(), now(), now());
    INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries)
        VALUES ('acme', 'k', 'key', gen_random_uuid(), sha256(''), 0);
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, lease_token, lease_until,
                            claimed_at)
        VALUES (uuid_floor((now() AT TIME ZONE 'UTC')::date), 'acme', gen_random_uuid(),
                gen_random_uuid(), 'in_flight', gen_random_uuid(), now(), now());
    INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, url,
                          contract, request_headers, status, response_headers, response_body,
                          response_end)
        SELECT id, 1, 1, tenant_id, now(), 1, '', '', '[]', 200, '[]', '', 'complete'
        FROM deliveries;";

/// For each CHECK, changes that it alone refuses.
const BAD: [(&str, &str); 65] = [
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = 'a b'"),
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = ''"),
    ("retention_is_1_to_3650_days", "UPDATE tenants SET retention_days = 0"),
    ("retention_is_1_to_3650_days", "UPDATE tenants SET retention_days = 3651"),
    ("hold_is_1_to_3650_days", "UPDATE tenants SET hold_days = 0"),
    ("hold_is_1_to_3650_days", "UPDATE tenants SET hold_days = 3651"),
    ("api_key_hash_is_sha256", "UPDATE api_keys SET hash = 'short'"),
    ("api_key_has_a_scope", "UPDATE api_keys SET scopes = '{}'"),
    ("endpoint_wants_something", "UPDATE endpoints SET events = '{}'"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_at = now()"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_reason = 'gone'"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 0"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 301"),
    ("probes_are_natural", "UPDATE endpoints SET probes = -1"),
    ("rate_limit_is_one_or_two_windows", "UPDATE endpoints SET rate_limit = '{}'"),
    ("rate_limit_is_one_or_two_windows", "UPDATE endpoints SET rate_limit = '{1,2,3}'"),
    ("previous_secret_has_an_end", "UPDATE endpoints SET previous_secret = ''"),
    ("previous_secret_has_an_end", "UPDATE endpoints SET previous_until = now()"),
    ("max_retries_is_0_to_50", "UPDATE endpoints SET max_retries = -1"),
    ("max_retries_is_0_to_50", "UPDATE endpoints SET max_retries = 51"),
    ("first_delay_is_0_to_30_days", "UPDATE endpoints SET first_delay_s = -1"),
    ("first_delay_is_0_to_30_days", "UPDATE endpoints SET first_delay_s = 2592001"),
    ("retry_factor_is_1_to_100", "UPDATE endpoints SET retry_factor = 0.99"),
    ("retry_factor_is_1_to_100", "UPDATE endpoints SET retry_factor = 100.01"),
    ("contract_digest_is_sha256", "UPDATE contract_versions SET digest = 'short'"),
    ("room_is_natural", "UPDATE endpoint_rates SET room = -1"),
    ("room_is_natural", "UPDATE endpoint_rates SET more = -1"),
    ("breaker_state_is_known", "UPDATE endpoint_breaker SET state = 'ajar'"),
    ("probed_iff_not_closed", "UPDATE endpoint_breaker SET state = 'closed'"),
    ("probed_iff_not_closed", "UPDATE endpoint_breaker SET probe_at = NULL"),
    ("opened_once_or_more", "UPDATE endpoint_breaker SET opened_count = 0"),
    ("replay_mode_is_known", "UPDATE replay_jobs SET mode = 'twice'"),
    ("replay_state_is_known", "UPDATE replay_jobs SET state = 'lost'"),
    ("replay_is_over_iff_it_has_an_end", "UPDATE replay_jobs SET state = 'finished'"),
    ("replay_is_over_iff_it_has_an_end", "UPDATE replay_jobs SET finished_at = now()"),
    ("missed_is_of_an_endpoint", "UPDATE replay_jobs SET mode = 'missed'"),
    ("replay_rate_is_positive", "UPDATE replay_jobs SET rate = 0"),
    ("replay_counts_are_natural", "UPDATE replay_jobs SET matched = -1"),
    ("replay_counts_are_natural", "UPDATE replay_jobs SET replayed = -1"),
    ("replay_counts_are_natural", "UPDATE replay_jobs SET skipped = -1"),
    ("ordering_is_known", "UPDATE endpoints SET ordering = 'by_luck'"),
    ("ordering_on_failure_is_known", "UPDATE endpoints SET ordering_on_failure = 'panic'"),
    ("operational_event_is_known", "UPDATE operational_events SET event_type = 'tea.ready'"),
    ("waiting_has_a_place", "UPDATE deliveries SET state = 'waiting', lease_until = NULL"),
    ("key_kind_is_known", "UPDATE idempotency_keys SET kind = 'x'"),
    ("fingerprint_is_sha256", "UPDATE idempotency_keys SET fingerprint = 'short'"),
    ("state_is_known", "UPDATE deliveries SET state = 'lost', lease_until = NULL"),
    (
        "reason_is_known",
        "UPDATE deliveries SET state = 'dead', dead_reason = 'bored', finished_at = now(),
                lease_until = NULL",
    ),
    (
        "reason_iff_dead",
        "UPDATE deliveries SET state = 'dead', finished_at = now(), lease_until = NULL",
    ),
    ("reason_iff_dead", "UPDATE deliveries SET dead_reason = 'gone'"),
    ("finished_iff_terminal", "UPDATE deliveries SET state = 'delivered', lease_until = NULL"),
    ("finished_iff_terminal", "UPDATE deliveries SET finished_at = now()"),
    ("scheduled_has_a_due_time", "UPDATE deliveries SET state = 'scheduled', lease_until = NULL"),
    ("queued_since_iff_queued", "UPDATE deliveries SET state = 'queued', lease_until = NULL"),
    ("queued_since_iff_queued", "UPDATE deliveries SET queued_at = now()"),
    ("leased_iff_in_flight", "UPDATE deliveries SET lease_until = NULL"),
    ("leased_iff_in_flight", "UPDATE deliveries SET state = 'held'"),
    ("in_flight_has_a_token", "UPDATE deliveries SET lease_token = NULL"),
    ("in_flight_has_a_token", "UPDATE deliveries SET claimed_at = NULL"),
    ("only_dead_is_discarded", "UPDATE deliveries SET discarded_at = now()"),
    ("counts_are_natural", "UPDATE deliveries SET round = 0"),
    ("counts_are_natural", "UPDATE deliveries SET attempts = -1"),
    ("counts_are_natural", "UPDATE deliveries SET failures = -1"),
    ("response_is_whole_or_absent", "UPDATE attempts SET response_body = NULL"),
    (
        "success_has_a_status",
        "UPDATE attempts SET status = NULL, response_headers = NULL, response_body = NULL,
                response_end = NULL",
    ),
];

async fn checks(pool: &PgPool) -> BTreeSet<String> {
    let names = sqlx::query_scalar::<_, String>(
        "SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
         WHERE contype = 'c' AND relnamespace = 'public'::regnamespace AND NOT relispartition
           AND relname <> '_sqlx_migrations'",
    );
    names.fetch_all(pool).await.expect("constraints").into_iter().collect()
}

#[tokio::test]
async fn each_check_refuses_what_it_is_there_for() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    sqlx::raw_sql(ROWS).execute(&pool).await.expect("good rows are taken");
    for (check, change) in BAD {
        let error = sqlx::query(change).execute(&pool).await.expect_err(change);
        let error = error.into_database_error().expect("an error of the database's");
        assert_eq!(error.constraint(), Some(check), "{change}");
    }
    let tried = BAD.map(|(check, _)| check.to_owned());
    assert_eq!(checks(&pool).await, BTreeSet::from(tried), "every CHECK is tried");
}

#[tokio::test]
async fn an_endpoint_has_one_delivery_of_an_event() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let pool = database.pool();
    sqlx::raw_sql(ROWS).execute(&pool).await.expect("good rows are taken");
    let twice = "INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state)
                 SELECT overlay(id::text placing 'f' from 36)::uuid, tenant_id, event_id,
                        endpoint_id, 'held' FROM deliveries";
    let error = sqlx::query(twice).execute(&pool).await.expect_err("another id");
    let error = error.into_database_error().expect("an error of the database's");
    let index = error.constraint().expect("a name");
    assert!(index.ends_with("_one_per_copy"), "{index}");
}
