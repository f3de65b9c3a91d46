//! The invariants in the schema: each named CHECK refuses the row that it is there for.

use super::{pool, store};
use sqlx::SqlitePool;
use std::collections::BTreeSet;

/// Rows to start from: a tenant, an endpoint, and one delivery in flight.
const ROWS: &str = "
    INSERT INTO tenants (id, name, contract, created_at) VALUES ('acme', 'Acme', 'plain', 1);
    INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, created_at)
        VALUES (randomblob(16), 'acme', 'key', '[\"*\"]', 'prk_1', zeroblob(32), 1);
    INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active,
                           created_at, updated_at)
        VALUES (randomblob(16), 'acme', 'wh_1', 'https://receiver.example', '', '[\"*\"]', x'', 1,
                1, 1);
    INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries,
                                  created_at)
        VALUES ('acme', 'k', 'key', randomblob(16), zeroblob(32), 0, 1);
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, lease_token, lease_until,
                            claimed_at, created_at)
        VALUES (randomblob(16), 'acme', randomblob(16), randomblob(16), 'in_flight',
                randomblob(16), 2, 1, 1);
    INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, url,
                          contract, request_headers, status, response_headers, response_body,
                          response_end)
        SELECT id, 1, 1, tenant_id, 1, 1, '', '', '[]', 200, '[]', x'', 'complete'
        FROM deliveries;";

/// For each CHECK, changes that it alone refuses.
const BAD: [(&str, &str); 31] = [
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = 'a b'"),
    ("tenant_id_is_short_plain_text", "UPDATE tenants SET id = ''"),
    ("api_key_hash_is_sha256", "UPDATE api_keys SET hash = x'00'"),
    ("api_key_has_a_scope", "UPDATE api_keys SET scopes = '[]'"),
    ("endpoint_wants_something", "UPDATE endpoints SET events = '[]'"),
    ("active_is_yes_or_no", "UPDATE endpoints SET active = 2"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_at = 1"),
    ("reason_iff_disabled", "UPDATE endpoints SET disabled_reason = 'gone'"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 0"),
    ("timeout_is_1_to_300_seconds", "UPDATE endpoints SET timeout_s = 301"),
    ("key_kind_is_known", "UPDATE idempotency_keys SET kind = 'x'"),
    ("fingerprint_is_sha256", "UPDATE idempotency_keys SET fingerprint = x'00'"),
    ("state_is_known", "UPDATE deliveries SET state = 'lost', lease_until = NULL"),
    (
        "reason_is_known",
        "UPDATE deliveries SET state = 'dead', dead_reason = 'bored', finished_at = 1,
                lease_until = NULL",
    ),
    (
        "reason_iff_dead",
        "UPDATE deliveries SET state = 'dead', finished_at = 1, lease_until = NULL",
    ),
    ("reason_iff_dead", "UPDATE deliveries SET dead_reason = 'gone'"),
    ("finished_iff_terminal", "UPDATE deliveries SET state = 'delivered', lease_until = NULL"),
    ("finished_iff_terminal", "UPDATE deliveries SET finished_at = 1"),
    ("scheduled_has_a_due_time", "UPDATE deliveries SET state = 'scheduled', lease_until = NULL"),
    ("queued_since_iff_queued", "UPDATE deliveries SET state = 'queued', lease_until = NULL"),
    ("queued_since_iff_queued", "UPDATE deliveries SET queued_at = 1"),
    ("leased_iff_in_flight", "UPDATE deliveries SET lease_until = NULL"),
    ("leased_iff_in_flight", "UPDATE deliveries SET state = 'held'"),
    ("in_flight_has_a_token", "UPDATE deliveries SET lease_token = NULL"),
    ("in_flight_has_a_token", "UPDATE deliveries SET claimed_at = NULL"),
    ("only_dead_is_discarded", "UPDATE deliveries SET discarded_at = 1"),
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

/// The names of all CHECKs.
async fn checks(pool: &SqlitePool) -> BTreeSet<String> {
    let tables = sqlx::query_scalar::<_, String>("SELECT sql FROM sqlite_schema WHERE sql NOTNULL");
    let tables = tables.fetch_all(pool).await.expect("tables").join(" ");
    let words: Vec<&str> = tables.split_whitespace().collect();
    let named = |words: &[&str]| words[0] == "CONSTRAINT" && words[2] == "CHECK";
    words.windows(3).filter(|words| named(words)).map(|words| words[1].to_owned()).collect()
}

#[tokio::test]
async fn each_check_refuses_what_it_is_there_for() {
    let (_store, folder) = store().await;
    let pool = pool(&folder);
    sqlx::raw_sql(ROWS).execute(&pool).await.expect("good rows are taken");
    for (check, change) in BAD {
        let error = sqlx::query(change).execute(&pool).await.expect_err(change);
        let error = error.into_database_error().expect("an error of the database's");
        assert!(error.message().ends_with(&format!(": {check}")), "{change}: {error}");
    }
    let tried = BAD.map(|(check, _)| check.to_owned());
    assert_eq!(checks(&pool).await, BTreeSet::from(tried), "every CHECK is tried");
}

#[tokio::test]
async fn an_endpoint_has_one_delivery_of_an_event() {
    let (_store, folder) = store().await;
    let pool = pool(&folder);
    sqlx::raw_sql(ROWS).execute(&pool).await.expect("good rows are taken");
    let twice = "INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, created_at)
                 SELECT randomblob(16), tenant_id, event_id, endpoint_id, 'held', 1 FROM deliveries";
    let error = sqlx::query(twice).execute(&pool).await.expect_err("another id");
    let error = error.into_database_error().expect("an error of the database's");
    assert!(error.is_unique_violation(), "{error}");
}
