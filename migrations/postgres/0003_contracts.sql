-- Contracts in force and every version of them; test events; replays as new; an endpoint's own numbers
-- in a schedule, rotation of its secret, a second secret, and what its owner is told was sent to it.
SET LOCAL lock_timeout = '5s';

-- Every text of a contract that was ever in force. Deliveries refer to the one that makes their body, so
-- none is ever removed.
CREATE TABLE contract_versions (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    digest     bytea NOT NULL,
    source     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contract_version_is_kept_once UNIQUE (name, digest),
    CONSTRAINT contract_digest_is_sha256 CHECK (octet_length(digest) = 32)
);

-- The version of each contract that is in force.
CREATE TABLE contracts (
    name     text PRIMARY KEY,
    version  integer NOT NULL REFERENCES contract_versions (id),
    -- Drawn anew by every change: a process that knows the highest one knows all.
    revision bigint NOT NULL
);
CREATE SEQUENCE contract_revisions;

-- NULL: the present version of the endpoint's contract, in rows from before there were versions.
ALTER TABLE deliveries ADD COLUMN contract_version integer;
-- A test goes to its endpoint even while that is off, is attempted once, and counts for nothing.
ALTER TABLE deliveries ADD COLUMN test boolean NOT NULL DEFAULT false;
-- The feeder looks for those of an endpoint that is off, beside whatever else waits for it.
CREATE INDEX deliveries_due_tests ON deliveries (endpoint_id, next_attempt_at)
    WHERE state = 'scheduled' AND test;
-- 0 for what an event owes an endpoint; replays as new count from 1.
ALTER TABLE deliveries ADD COLUMN copy integer NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN test boolean NOT NULL DEFAULT false;
-- NULL where no request was made.
ALTER TABLE attempts ADD COLUMN contract_digest bytea;

-- What a rotation leaves valid, and until when.
ALTER TABLE endpoints ADD COLUMN previous_secret bytea;
ALTER TABLE endpoints ADD COLUMN previous_until timestamptz;
ALTER TABLE endpoints ADD COLUMN second_secret bytea;
-- Its own numbers in an exponential schedule; NULL: the contract's.
ALTER TABLE endpoints ADD COLUMN max_retries integer;
ALTER TABLE endpoints ADD COLUMN first_delay_s integer;
ALTER TABLE endpoints ADD COLUMN retry_factor double precision;
ALTER TABLE endpoints ADD CONSTRAINT previous_secret_has_an_end
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
ALTER TABLE endpoints ADD CONSTRAINT max_retries_is_0_to_50 CHECK (max_retries BETWEEN 0 AND 50);
ALTER TABLE endpoints ADD CONSTRAINT first_delay_is_0_to_30_days
    CHECK (first_delay_s BETWEEN 0 AND 2592000);
ALTER TABLE endpoints ADD CONSTRAINT retry_factor_is_1_to_100 CHECK (retry_factor BETWEEN 1 AND 100);

-- What was sent to an endpoint, for its owner. Each row is written once per batch and endpoint, by the
-- connections that share its shard, so that no row is hot; the shards are added up when somebody asks.
CREATE TABLE endpoint_stats (
    endpoint_id     uuid NOT NULL REFERENCES endpoints (id),
    shard           smallint NOT NULL,
    -- Deliveries that were attempted, and those that are dead; one shard alone may be below 0.
    attempted       bigint NOT NULL,
    dead            bigint NOT NULL,
    last_attempt_at timestamptz,
    PRIMARY KEY (endpoint_id, shard)
);

-- One delivery per event, endpoint and copy.
DO $$
DECLARE
    child text;
BEGIN
    FOR child IN SELECT inhrelid::regclass::text FROM pg_inherits
                 WHERE inhparent = 'deliveries'::regclass LOOP
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (event_id, endpoint_id, copy)',
                       child || '_one_per_copy', child);
        EXECUTE format('DROP INDEX %I', child || '_one_per_event_and_endpoint');
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION partitions_ensure(first date, days integer) RETURNS void
LANGUAGE plpgsql AS $$
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
                EXECUTE format('CREATE UNIQUE INDEX %I ON %I (event_id, endpoint_id, copy)',
                               child || '_one_per_copy', child);
            END IF;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, uuid_floor(day), uuid_floor(day + 1));
        END LOOP;
    END LOOP;
END
$$;
