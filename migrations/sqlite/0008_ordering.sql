-- Order by key: an endpoint that asks for it gets the deliveries of one ordering key one after the other.

-- NULL: its deliveries go as they come.
ALTER TABLE endpoints ADD COLUMN ordering TEXT CONSTRAINT ordering_is_known
    CHECK (ordering = 'by_key');
-- What becomes of a key after a delivery that failed for good.
ALTER TABLE endpoints ADD COLUMN ordering_on_failure TEXT NOT NULL DEFAULT 'go_on'
    CONSTRAINT ordering_on_failure_is_known CHECK (ordering_on_failure IN ('wait', 'go_on'));

-- As given.
ALTER TABLE events ADD COLUMN ordering_key TEXT;
-- Of deliveries that have a place in the order of their key alone. The number is drawn by the accepting
-- transaction.
ALTER TABLE deliveries ADD COLUMN ordering_key TEXT;
ALTER TABLE deliveries ADD COLUMN sequence INTEGER CONSTRAINT waiting_has_a_place
    CHECK (state <> 'waiting' OR (ordering_key IS NOT NULL AND sequence IS NOT NULL));

CREATE TABLE delivery_sequence (
    last INTEGER NOT NULL
) STRICT;
INSERT INTO delivery_sequence VALUES (0);

-- One row per key that something is owed of.
CREATE TABLE ordering_keys (
    endpoint_id BLOB NOT NULL,
    key         TEXT NOT NULL,
    -- The one delivery that is not waiting for its turn.
    head        BLOB NOT NULL,
    PRIMARY KEY (endpoint_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_waiting ON deliveries (endpoint_id, ordering_key, sequence)
    WHERE state = 'waiting';

-- Another state. SQLite has no statement that changes a CHECK; this is the way that its documentation
-- has for it (ALTER TABLE, section 7), and the rows stay where they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''held'', ''in_flight'', ''delivered''',
                                       '''held'', ''waiting'', ''in_flight'', ''delivered''')
WHERE type = 'table' AND name = 'deliveries';
PRAGMA writable_schema = RESET;
