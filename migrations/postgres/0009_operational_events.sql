-- What operators are told: events that wait to become ordinary ones of their own tenant.
SET LOCAL lock_timeout = '5s';

-- Written in the transaction of what they are about. No foreign keys: checking one would lock rows that
-- such transactions lock in an order of their own.
CREATE TABLE operational_events (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    event_type text NOT NULL,
    -- The tenant that it is about.
    tenant_id  text NOT NULL,
    -- JSON: what is known of it.
    facts      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operational_event_has_one_id UNIQUE (id),
    CONSTRAINT operational_event_is_known CHECK (event_type IN
        ('endpoint.disabled', 'endpoint.failing', 'endpoint.enabled', 'delivery.dead', 'replay.finished'))
);

-- When operators were last warned that the endpoint is about to be switched off.
ALTER TABLE endpoints ADD COLUMN warned_at timestamptz;
