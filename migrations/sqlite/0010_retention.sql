-- Retention: for how long a tenant's things are kept, payloads that are gone before that, and taking
-- turns at removing what is too old.

-- NULL: the installation's own number.
ALTER TABLE tenants ADD COLUMN retention_days INTEGER CONSTRAINT retention_is_1_to_3650_days
    CHECK (retention_days BETWEEN 1 AND 3650);
ALTER TABLE tenants ADD COLUMN hold_days INTEGER NOT NULL DEFAULT 30 CONSTRAINT hold_is_1_to_3650_days
    CHECK (hold_days BETWEEN 1 AND 3650);

-- Since when the payload is empty.
ALTER TABLE events ADD COLUMN expunged_at INTEGER;

-- An event's id carries when it was accepted.
CREATE INDEX idempotency_keys_by_event ON idempotency_keys (tenant_id, event_id);

-- How far a tenant's events and keys have been looked through, and when it goes on.
CREATE TABLE retention_turns (
    tenant_id    TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    events_after BLOB NOT NULL,
    keys_after   BLOB NOT NULL,
    next_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX retention_turns_next ON retention_turns (next_at);
