//! A database as it is after nine busy days, most of whose deliveries are finished.

use sqlx::PgPool;

/// Rows of each growing table on each of the nine days that there are partitions for.
pub(super) const EVERY_DAY: i64 = 11_500;

/// One delivery for each event, of 20 tenants with 10 endpoints each; one in a hundred waits.
const FILL: [&str; 7] = [
    "INSERT INTO tenants (id, name, contract)
     SELECT 't' || n, 'A tenant', 'plain' FROM generate_series(0, 19) AS n",
    "INSERT INTO endpoints (id, tenant_id, public_id, url, description, events, secret, active)
     SELECT lpad(to_hex(n), 32, '0')::uuid, 't' || n % 20, 'wh_' || n, 'https://receiver.example',
            '', '{*}', '', true
     FROM generate_series(0, 199) AS n",
    "INSERT INTO events (id, tenant_id, event_type, payload, metadata, occurred_at)
     SELECT (left(uuid_floor(day)::text, 13) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            't' || n % 20, 'thought.created', '{}', '{}', now()
     FROM generate_series(-1, 7) AS d,
          LATERAL (SELECT (now() AT TIME ZONE 'UTC')::date + d AS day) AS days,
          generate_series(1, $1) AS n",
    "INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at,
                             queued_at, attempts, lease_token, lease_until, claimed_at, finished_at)
     SELECT id, tenant_id, id, lpad(to_hex(n % 200), 32, '0')::uuid, state, now(),
            CASE WHEN state = 'queued' THEN now() END, 1, gen_random_uuid(),
            CASE WHEN state = 'in_flight' THEN now() END, now(),
            CASE WHEN state = 'delivered' THEN now() END
     FROM (SELECT *, row_number() OVER () AS n FROM events) AS e,
          LATERAL (SELECT CASE n % 400 WHEN 0 THEN 'queued' WHEN 100 THEN 'scheduled'
                                       WHEN 200 THEN 'in_flight' WHEN 300 THEN 'held'
                                       ELSE 'delivered' END AS state) AS s",
    "INSERT INTO attempts (delivery_id, number, round, tenant_id, started_at, duration_us, failure,
                           url, contract, request_headers)
     SELECT id, 1, 1, tenant_id, now(), 1, 'timeout', '', 'plain', '[]' FROM deliveries",
    "INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries)
     SELECT tenant_id, 'k', id::text, id, sha256(''), 1 FROM events",
    "ANALYZE",
];

pub(super) async fn fill(pool: &PgPool) {
    for statement in FILL {
        let query = sqlx::query(statement);
        let query = if statement.contains("$1") { query.bind(EVERY_DAY) } else { query };
        query.execute(pool).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Deliveries of today in a full database.
pub(super) struct Today {
    /// How the names of today's partitions end.
    pub(super) day: String,
    queued: String,
    in_flight: String,
    token: String,
}

pub(super) async fn today(pool: &PgPool) -> Today {
    let one = async |state: &str| -> (String, String) {
        sqlx::query_as(
            "SELECT id::text, lease_token::text FROM deliveries
             WHERE state = $1 AND id >= uuid_floor((now() AT TIME ZONE 'UTC')::date) LIMIT 1",
        )
        .bind(state)
        .fetch_one(pool)
        .await
        .expect("a delivery of today")
    };
    let day = sqlx::query_scalar("SELECT to_char(now() AT TIME ZONE 'UTC', '_YYYYMMDD')");
    let (in_flight, token) = one("in_flight").await;
    Today {
        day: day.fetch_one(pool).await.expect("a day"),
        queued: one("queued").await.0,
        in_flight,
        token,
    }
}

impl Today {
    /// For each statement that names deliveries by their ids, arguments that name today's.
    pub(super) fn arguments(&self) -> [(&'static str, String); 7] {
        let Self { queued, in_flight, token, .. } = self;
        [
            (
                "claim",
                format!(
                    "'{{{queued}}}', '{{{token}}}', '{{plain}}', '{{20}}', 30, 10, 'queued',
                     '{queued}', '{queued}', 2, false"
                ),
            ),
            ("claim: unknown", format!("'{{{queued}}}'")),
            ("claim: events", format!("'{{{queued}}}', '{queued}', '{queued}'")),
            (
                "settle",
                format!(
                    "'{{{in_flight}}}', '{{{token}}}', '{{1}}', '{{delivered}}', '{{0}}', '{{0}}',
                     '{{NULL}}', ARRAY[now()], '{{1}}', '{{NULL}}', '{{url}}', '{{plain}}',
                     '{{headers}}', '{{200}}', '{{headers}}', '{{body}}', '{{complete}}',
                     '{{NULL}}', '{in_flight}', '{in_flight}'"
                ),
            ),
            ("defer", format!("'{{{in_flight}}}', '{{{token}}}', '{{1}}', 'in_flight'")),
            ("refuse", format!("'{{{queued}}}', 1, 'queued'")),
            ("unqueue", format!("'{{{queued}}}', 'queued', NULL")),
        ]
    }
}
