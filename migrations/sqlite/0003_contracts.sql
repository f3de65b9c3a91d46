-- Contracts in force and every version of them; test events; replays as new; an endpoint's own numbers
-- in a schedule, rotation of its secret, a second secret, and what its owner is told was sent to it.

-- Every text of a contract that was ever in force. Deliveries refer to the one that makes their body, so
-- none is ever removed.
CREATE TABLE contract_versions (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    digest     BLOB NOT NULL,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT contract_version_is_kept_once UNIQUE (name, digest),
    CONSTRAINT contract_digest_is_sha256 CHECK (length(digest) = 32)
) STRICT;

-- The version of each contract that is in force.
CREATE TABLE contracts (
    name     TEXT NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL REFERENCES contract_versions (id),
    -- Drawn anew by every change: a process that knows the highest one knows all.
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- NULL: the present version of the endpoint's contract, in rows from before there were versions.
ALTER TABLE deliveries ADD COLUMN contract_version INTEGER;
-- A test goes to its endpoint even while that is off, is attempted once, and counts for nothing.
ALTER TABLE deliveries ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
-- The feeder looks for those of an endpoint that is off, beside whatever else waits for it.
CREATE INDEX deliveries_due_tests ON deliveries (endpoint_id, next_attempt_at)
    WHERE state = 'scheduled' AND test;
-- 0 for what an event owes an endpoint; replays as new count from 1.
ALTER TABLE deliveries ADD COLUMN copy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
-- NULL where no request was made.
ALTER TABLE attempts ADD COLUMN contract_digest BLOB;

-- What a rotation leaves valid, and until when: both or neither.
ALTER TABLE endpoints ADD COLUMN previous_secret BLOB;
ALTER TABLE endpoints ADD COLUMN previous_until INTEGER CONSTRAINT previous_secret_has_an_end
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
ALTER TABLE endpoints ADD COLUMN second_secret BLOB;
-- Its own numbers in an exponential schedule; NULL: the contract's.
ALTER TABLE endpoints ADD COLUMN max_retries INTEGER CONSTRAINT max_retries_is_0_to_50
    CHECK (max_retries BETWEEN 0 AND 50);
ALTER TABLE endpoints ADD COLUMN first_delay_s INTEGER CONSTRAINT first_delay_is_0_to_30_days
    CHECK (first_delay_s BETWEEN 0 AND 2592000);
ALTER TABLE endpoints ADD COLUMN retry_factor REAL CONSTRAINT retry_factor_is_1_to_100
    CHECK (retry_factor BETWEEN 1 AND 100);

-- What was sent to an endpoint, for its owner. PostgreSQL spreads it over several rows; here there is
-- one writer, and shard is 0.
CREATE TABLE endpoint_stats (
    endpoint_id     BLOB NOT NULL REFERENCES endpoints (id),
    shard           INTEGER NOT NULL,
    attempted       INTEGER NOT NULL,
    dead            INTEGER NOT NULL,
    last_attempt_at INTEGER,
    PRIMARY KEY (endpoint_id, shard)
) STRICT, WITHOUT ROWID;

-- One delivery per event, endpoint and copy.
DROP INDEX deliveries_one_per_event_and_endpoint;
CREATE UNIQUE INDEX deliveries_one_per_copy ON deliveries (event_id, endpoint_id, copy);
