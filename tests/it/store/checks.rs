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
const BAD: [(&str, &str); 30] = [
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = 'a b'"),
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = ''"),
    ("api_key_hash_is_sha256", "UPDATE api_keys SET hash = 'short'"),
    ("api_key_has_a_scope", "UPDATE api_keys SET scopes = '{}'"),
    ("endpoint_wants_something", "UPDATE endpoints SET events = '{}'"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_at = now()"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_reason = 'gone'"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 0"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 301"),
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
    assert!(index.ends_with("_one_per_event_and_endpoint"), "{index}");
}
