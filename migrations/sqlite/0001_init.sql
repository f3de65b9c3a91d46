-- The first schema: tenants, keys, endpoints, events, deliveries and attempts, as PostgreSQL has them
-- under the same names. See ../README.md for how migrations are written.
--
-- Ids are the 16 bytes of a UUID, which compare as PostgreSQL's uuid does. Times are microseconds of
-- Unix time, given by the statement that writes them. Lists are JSON arrays.

CREATE TABLE tenants (
    id                TEXT NOT NULL PRIMARY KEY,
    name              TEXT NOT NULL,
    contract          TEXT NOT NULL,
    -- Raised by every change of an endpoint; accepting compares it with what it has cached.
    endpoints_version INTEGER NOT NULL DEFAULT 1,
    created_at        INTEGER NOT NULL,
    CONSTRAINT tenant_id_is_short_plain_text CHECK
        (length(id) BETWEEN 1 AND 64 AND id NOT GLOB '*[^A-Za-z0-9_-]*')
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    tenant_id  TEXT NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    prefix     TEXT NOT NULL,
    hash       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    CONSTRAINT api_key_prefix_is_unique UNIQUE (prefix),
    CONSTRAINT api_key_hash_is_sha256 CHECK (length(hash) = 32),
    CONSTRAINT api_key_has_a_scope CHECK (json_array_length(scopes) > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

CREATE TABLE endpoints (
    id              BLOB NOT NULL PRIMARY KEY,
    tenant_id       TEXT NOT NULL REFERENCES tenants (id),
    -- The id text that its owner knows it by.
    public_id       TEXT NOT NULL,
    -- NULL: the tenant's contract.
    own_contract    TEXT,
    url             TEXT NOT NULL,
    description     TEXT NOT NULL,
    events          TEXT NOT NULL,
    secret          BLOB NOT NULL,
    active          INTEGER NOT NULL,
    disabled_at     INTEGER,
    disabled_reason TEXT,
    -- In seconds; NULL: the contract's.
    retry_schedule  TEXT,
    timeout_s       INTEGER,
    version         INTEGER NOT NULL DEFAULT 1,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    CONSTRAINT endpoint_wants_something CHECK (json_array_length(events) > 0),
    CONSTRAINT active_is_yes_or_no CHECK (active IN (0, 1)),
    CONSTRAINT reason_iff_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT timeout_is_1_to_300_seconds CHECK (timeout_s BETWEEN 1 AND 300)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX endpoint_id_text_is_unique_per_tenant
    ON endpoints (tenant_id, public_id) WHERE deleted_at IS NULL;
-- For the log, which shows those of deleted endpoints as well.
CREATE INDEX endpoints_by_id_text ON endpoints (tenant_id, public_id);
CREATE INDEX endpoints_by_tenant ON endpoints (tenant_id, id) WHERE deleted_at IS NULL;

-- What changes often about an endpoint, kept apart from what its owner set.
CREATE TABLE endpoint_flow (
    endpoint_id BLOB NOT NULL PRIMARY KEY REFERENCES endpoints (id),
    -- The feeder hands out nothing before this time.
    feed_after  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What decides whether a publish is new. Kinds: 'k' idempotency key, 'e' the producer's event id.
CREATE TABLE idempotency_keys (
    tenant_id   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    event_id    BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    deliveries  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, key),
    CONSTRAINT key_kind_is_known CHECK (kind IN ('k', 'e')),
    CONSTRAINT fingerprint_is_sha256 CHECK (length(fingerprint) = 32)
) STRICT, WITHOUT ROWID;

-- Payloads are large, which a table without a rowid is not made for.
CREATE TABLE events (
    id          BLOB NOT NULL PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    given_id    TEXT,
    event_type  TEXT NOT NULL,
    payload     BLOB NOT NULL,
    metadata    TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_tenant ON events (tenant_id, id);

CREATE TABLE deliveries (
    id              BLOB NOT NULL PRIMARY KEY,
    tenant_id       TEXT NOT NULL,
    event_id        BLOB NOT NULL,
    endpoint_id     BLOB NOT NULL,
    state           TEXT NOT NULL,
    dead_reason     TEXT,
    -- Counts replays from 1.
    round           INTEGER NOT NULL DEFAULT 1,
    -- Attempts made, across rounds; failures that cost a step of the schedule, in this round.
    attempts        INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    -- Leases that ended with nobody to settle them.
    losses          INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER,
    queued_at       INTEGER,
    -- The token stays when a lease ends, so that a late success can be told from a stale one.
    lease_token     BLOB,
    lease_until     INTEGER,
    claimed_at      INTEGER,
    last_status     INTEGER,
    last_failure    TEXT,
    created_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    discarded_at    INTEGER,
    CONSTRAINT state_is_known CHECK
        (state IN ('queued', 'scheduled', 'held', 'in_flight', 'delivered', 'dead')),
    CONSTRAINT reason_is_known CHECK (dead_reason IN
        ('exhausted', 'gone', 'aborted', 'poison', 'cancelled', 'endpoint_deleted', 'expired')),
    CONSTRAINT reason_iff_dead CHECK ((state = 'dead') = (dead_reason IS NOT NULL)),
    CONSTRAINT finished_iff_terminal CHECK
        ((state IN ('delivered', 'dead')) = (finished_at IS NOT NULL)),
    CONSTRAINT scheduled_has_a_due_time CHECK (state <> 'scheduled' OR next_attempt_at IS NOT NULL),
    CONSTRAINT queued_since_iff_queued CHECK ((state = 'queued') = (queued_at IS NOT NULL)),
    CONSTRAINT leased_iff_in_flight CHECK ((state = 'in_flight') = (lease_until IS NOT NULL)),
    CONSTRAINT in_flight_has_a_token CHECK
        (state <> 'in_flight' OR (lease_token IS NOT NULL AND claimed_at IS NOT NULL)),
    CONSTRAINT only_dead_is_discarded CHECK (discarded_at IS NULL OR state = 'dead'),
    CONSTRAINT counts_are_natural CHECK
        (round >= 1 AND attempts >= 0 AND failures >= 0 AND losses >= 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deliveries_one_per_event_and_endpoint ON deliveries (event_id, endpoint_id);
CREATE INDEX deliveries_by_tenant ON deliveries (tenant_id, id);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_dead ON deliveries (tenant_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_attempt_at) WHERE state = 'scheduled';
CREATE INDEX deliveries_held ON deliveries (endpoint_id, id) WHERE state = 'held';
CREATE INDEX deliveries_queued ON deliveries (queued_at) WHERE state = 'queued';
CREATE INDEX deliveries_queued_by_tenant ON deliveries (tenant_id) WHERE state = 'queued';
CREATE INDEX deliveries_busy ON deliveries (endpoint_id) WHERE state IN ('queued', 'in_flight');
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE state = 'in_flight';

CREATE TABLE attempts (
    delivery_id      BLOB NOT NULL,
    number           INTEGER NOT NULL,
    round            INTEGER NOT NULL,
    tenant_id        TEXT NOT NULL,
    started_at       INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL,
    -- NULL for a success.
    failure          TEXT,
    url              TEXT NOT NULL,
    contract         TEXT NOT NULL,
    request_headers  TEXT NOT NULL,
    status           INTEGER,
    response_headers TEXT,
    response_body    BLOB,
    response_end     TEXT,
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT response_is_whole_or_absent CHECK
        ((status IS NULL) + (response_headers IS NULL) + (response_body IS NULL)
         + (response_end IS NULL) IN (0, 4)),
    CONSTRAINT success_has_a_status CHECK (failure IS NOT NULL OR status IS NOT NULL)
) STRICT;
