-- Retention: for how long a tenant's things are kept, payloads that are gone before that, and taking
-- turns at removing what is too old.
SET LOCAL lock_timeout = '5s';

-- NULL: the installation's own number.
ALTER TABLE tenants ADD COLUMN retention_days integer
    CONSTRAINT retention_is_1_to_3650_days CHECK (retention_days BETWEEN 1 AND 3650);
ALTER TABLE tenants ADD COLUMN hold_days integer NOT NULL DEFAULT 30
    CONSTRAINT hold_is_1_to_3650_days CHECK (hold_days BETWEEN 1 AND 3650);

-- Since when the payload is empty. It has no CHECK, which would read every partition while all writers
-- wait.
ALTER TABLE events ADD COLUMN expunged_at timestamptz;

-- An event's id carries when it was accepted. The condition holds for every row and keeps the index out
-- of the work's statements, which find a key by the primary key.
CREATE INDEX idempotency_keys_by_event ON idempotency_keys (tenant_id, event_id)
    WHERE event_id IS NOT NULL;

-- How far a tenant's events and keys have been looked through, and when it goes on.
CREATE TABLE retention_turns (
    tenant_id    text PRIMARY KEY REFERENCES tenants (id),
    events_after uuid NOT NULL,
    keys_after   uuid NOT NULL,
    next_at      timestamptz NOT NULL
);
CREATE INDEX retention_turns_next ON retention_turns (next_at);

-- Whether anything of a day is not finished. Each state is asked for by itself, of the partition by
-- itself, so that an index of that state answers it.
CREATE FUNCTION partition_is_pending(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    child   text := 'deliveries_' || to_char(day, 'YYYYMMDD');
    state   text;
    pending boolean;
BEGIN
    IF to_regclass(child) IS NULL THEN
        RETURN false;
    END IF;
    FOREACH state IN ARRAY ARRAY['scheduled', 'held', 'waiting', 'queued', 'in_flight'] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE state = %L)', child, state) INTO pending;
        IF pending THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- Removes the partitions of a day unless something in them is not finished; gives whether it did. The
-- locks keep everybody else out until the transaction ends, so the caller sets a short lock_timeout.
CREATE FUNCTION partitions_remove(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    parent text;
BEGIN
    LOCK TABLE ONLY events, ONLY deliveries, ONLY attempts IN ACCESS EXCLUSIVE MODE;
    -- Another remover may have been first.
    IF to_regclass('events_' || to_char(day, 'YYYYMMDD')) IS NULL
        AND to_regclass('deliveries_' || to_char(day, 'YYYYMMDD')) IS NULL
        AND to_regclass('attempts_' || to_char(day, 'YYYYMMDD')) IS NULL THEN
        RETURN false;
    END IF;
    IF partition_is_pending(day) THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['attempts', 'deliveries', 'events'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || to_char(day, 'YYYYMMDD'));
    END LOOP;
    RETURN true;
END
$$;
