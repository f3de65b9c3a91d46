-- Order by key: an endpoint that asks for it gets the deliveries of one ordering key one after the other.
SET LOCAL lock_timeout = '5s';

-- NULL: its deliveries go as they come.
ALTER TABLE endpoints ADD COLUMN ordering text
    CONSTRAINT ordering_is_known CHECK (ordering = 'by_key');
-- What becomes of a key after a delivery that failed for good.
ALTER TABLE endpoints ADD COLUMN ordering_on_failure text NOT NULL DEFAULT 'go_on'
    CONSTRAINT ordering_on_failure_is_known CHECK (ordering_on_failure IN ('wait', 'go_on'));

-- As given. Compared by its bytes, which is the order in which keys are locked.
ALTER TABLE events ADD COLUMN ordering_key text COLLATE "C";
-- Of deliveries that have a place in the order of their key alone. The number is drawn by the accepting
-- transaction once it has locked the key.
ALTER TABLE deliveries ADD COLUMN ordering_key text COLLATE "C";
ALTER TABLE deliveries ADD COLUMN sequence bigint;
CREATE SEQUENCE delivery_sequence;

-- One row per key that something is owed of; whoever accepts or finishes a delivery of the key locks it.
CREATE TABLE ordering_keys (
    endpoint_id uuid NOT NULL,
    key         text COLLATE "C" NOT NULL,
    -- The one delivery that is not waiting for its turn.
    head        uuid NOT NULL,
    PRIMARY KEY (endpoint_id, key)
) WITH (fillfactor = 70);

-- Another state. The CHECK that stood before was narrower, so that no row has to be looked at: they
-- are not validated, which would read every partition while all writers wait.
ALTER TABLE deliveries DROP CONSTRAINT state_is_known;
ALTER TABLE deliveries ADD CONSTRAINT state_is_known CHECK
    (state IN ('queued', 'scheduled', 'held', 'waiting', 'in_flight', 'delivered', 'dead')) NOT VALID;
ALTER TABLE deliveries ADD CONSTRAINT waiting_has_a_place CHECK
    (state <> 'waiting' OR (ordering_key IS NOT NULL AND sequence IS NOT NULL)) NOT VALID;
CREATE INDEX deliveries_waiting ON deliveries (endpoint_id, ordering_key, sequence)
    WHERE state = 'waiting';
