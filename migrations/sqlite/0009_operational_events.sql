-- What operators are told: events that wait to become ordinary ones of their own tenant.

-- Written in the transaction of what they are about.
CREATE TABLE operational_events (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL DEFAULT (randomblob(16)),
    event_type TEXT NOT NULL,
    -- The tenant that it is about.
    tenant_id  TEXT NOT NULL,
    -- JSON: what is known of it.
    facts      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT operational_event_has_one_id UNIQUE (id),
    CONSTRAINT operational_event_is_known CHECK (event_type IN
        ('endpoint.disabled', 'endpoint.failing', 'endpoint.enabled', 'delivery.dead', 'replay.finished'))
) STRICT;

-- When operators were last warned that the endpoint is about to be switched off.
ALTER TABLE endpoints ADD COLUMN warned_at INTEGER;
