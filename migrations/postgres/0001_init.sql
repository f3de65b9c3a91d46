-- The first schema: tenants, keys, endpoints; events, deliveries and attempts in daily partitions.
-- See ../README.md for how migrations are written and docs/delivery-semantics.md for the states.
SET LOCAL lock_timeout = '5s';

CREATE TABLE tenants (
    id                text PRIMARY KEY,
    name              text NOT NULL,
    contract          text NOT NULL,
    -- Raised by every change of an endpoint; accepting compares it with what it has cached.
    endpoints_version bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_id_is_short_plain_text CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$')
);

CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants (id),
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    prefix     text NOT NULL,
    hash       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT api_key_prefix_is_unique UNIQUE (prefix),
    CONSTRAINT api_key_hash_is_sha256 CHECK (octet_length(hash) = 32),
    CONSTRAINT api_key_has_a_scope CHECK (cardinality(scopes) > 0)
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, id);

CREATE TABLE endpoints (
    id              uuid PRIMARY KEY,
    tenant_id       text NOT NULL REFERENCES tenants (id),
    -- The id text that its owner knows it by.
    public_id       text NOT NULL,
    -- NULL: the tenant's contract.
    own_contract    text,
    url             text NOT NULL,
    description     text NOT NULL,
    events          text[] NOT NULL,
    secret          bytea NOT NULL,
    active          boolean NOT NULL,
    disabled_at     timestamptz,
    disabled_reason text,
    -- In seconds; NULL: the contract's.
    retry_schedule  integer[],
    timeout_s       integer,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    CONSTRAINT endpoint_wants_something CHECK (cardinality(events) > 0),
    CONSTRAINT reason_iff_disabled CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CONSTRAINT timeout_is_1_to_300_seconds CHECK (timeout_s BETWEEN 1 AND 300)
);
CREATE UNIQUE INDEX endpoint_id_text_is_unique_per_tenant
    ON endpoints (tenant_id, public_id) WHERE deleted_at IS NULL;
CREATE INDEX endpoints_by_tenant ON endpoints (tenant_id, id) WHERE deleted_at IS NULL;

-- What changes often about an endpoint, kept apart from what its owner set.
CREATE TABLE endpoint_flow (
    endpoint_id uuid PRIMARY KEY REFERENCES endpoints (id),
    -- The feeder hands out nothing before this time.
    feed_after  timestamptz NOT NULL
);

-- What decides whether a publish is new. Kinds: 'k' idempotency key, 'e' the producer's event id.
CREATE TABLE idempotency_keys (
    tenant_id   text NOT NULL,
    kind        "char" NOT NULL,
    key         text NOT NULL,
    event_id    uuid NOT NULL,
    fingerprint bytea NOT NULL,
    deliveries  integer NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, key),
    CONSTRAINT key_kind_is_known CHECK (kind IN ('k', 'e')),
    CONSTRAINT fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32)
);

-- The three tables that grow are partitioned by the event's accept day, which the UUIDv7 ids carry:
-- a delivery's id carries its event's time, and an attempt belongs to its delivery.
CREATE TABLE events (
    id          uuid NOT NULL PRIMARY KEY,
    tenant_id   text NOT NULL,
    given_id    text,
    event_type  text NOT NULL,
    -- Bytes, never jsonb, which would reorder keys and refuse \u0000.
    payload     bytea NOT NULL,
    metadata    text NOT NULL,
    occurred_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);
-- The condition holds for every row. It keeps the index out of statements that know an id alone, for
-- which the planner finds it as cheap as the primary key while the table is small.
CREATE INDEX events_by_tenant ON events (tenant_id, id) WHERE tenant_id IS NOT NULL;

CREATE TABLE deliveries (
    id              uuid NOT NULL PRIMARY KEY,
    tenant_id       text NOT NULL,
    event_id        uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    state           text NOT NULL,
    dead_reason     text,
    -- Counts replays from 1.
    round           integer NOT NULL DEFAULT 1,
    -- Attempts made, across rounds; failures that cost a step of the schedule, in this round.
    attempts        integer NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    -- Leases that ended with nobody to settle them.
    losses          integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    queued_at       timestamptz,
    -- The token stays when a lease ends, so that a late success can be told from a stale one.
    lease_token     uuid,
    lease_until     timestamptz,
    claimed_at      timestamptz,
    last_status     smallint,
    last_failure    text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    discarded_at    timestamptz,
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
) PARTITION BY RANGE (id);
-- These two are for the log, which states the condition although it holds for every row. It keeps
-- them out of the work's statements: each of those has its own index or the primary key, and the
-- planner finds these as cheap while the table is small.
CREATE INDEX deliveries_by_tenant ON deliveries (tenant_id, id) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, id) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (tenant_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_attempt_at) WHERE state = 'scheduled';
CREATE INDEX deliveries_held ON deliveries (endpoint_id, id) WHERE state = 'held';
CREATE INDEX deliveries_queued ON deliveries (queued_at) WHERE state = 'queued';
CREATE INDEX deliveries_queued_by_tenant ON deliveries (tenant_id) WHERE state = 'queued';
CREATE INDEX deliveries_busy ON deliveries (endpoint_id) WHERE state IN ('queued', 'in_flight');
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE state = 'in_flight';

CREATE TABLE attempts (
    delivery_id      uuid NOT NULL,
    number           integer NOT NULL,
    round            integer NOT NULL,
    tenant_id        text NOT NULL,
    started_at       timestamptz NOT NULL,
    duration_us      bigint NOT NULL,
    -- NULL for a success.
    failure          text,
    url              text NOT NULL,
    contract         text NOT NULL,
    request_headers  text NOT NULL,
    status           smallint,
    response_headers text,
    response_body    bytea,
    response_end     text,
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT response_is_whole_or_absent CHECK
        (num_nulls(status, response_headers, response_body, response_end) IN (0, 4)),
    CONSTRAINT success_has_a_status CHECK (failure IS NOT NULL OR status IS NOT NULL)
) PARTITION BY RANGE (delivery_id);

-- The smallest UUIDv7 of a day, in UTC.
CREATE FUNCTION uuid_floor(day date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM day::timestamp) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;

-- Makes the partitions of `days` days from `first` on that are missing. They are made apart and then
-- attached, which does not wait for running statements as CREATE … PARTITION OF would.
CREATE FUNCTION partitions_ensure(first date, days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    child  text;
    day    date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('postrider.partitions'));
    FOR day IN SELECT first + n FROM generate_series(0, days - 1) AS n LOOP
        FOREACH parent IN ARRAY ARRAY['events', 'deliveries', 'attempts'] LOOP
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                           child, parent);
            IF parent = 'deliveries' THEN
                EXECUTE format('CREATE UNIQUE INDEX %I ON %I (event_id, endpoint_id)',
                               child || '_one_per_event_and_endpoint', child);
            END IF;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, uuid_floor(day), uuid_floor(day + 1));
        END LOOP;
    END LOOP;
END
$$;

-- The database's clock decides; ids come from other clocks, so the day before is there as well.
SELECT partitions_ensure((now() AT TIME ZONE 'UTC')::date - 1, 9);
