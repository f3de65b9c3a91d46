-- What an endpoint has of its own: a rate limit, and whether it is switched on again once it answers.
SET LOCAL lock_timeout = '5s';

-- Requests and seconds of one window or of two; NULL: the contract's.
ALTER TABLE endpoints ADD COLUMN rate_limit integer[]
    CONSTRAINT rate_limit_is_one_or_two_windows CHECK (cardinality(rate_limit) IN (2, 4));

-- Whether it is switched on again once a probe is answered.
ALTER TABLE endpoints ADD COLUMN auto_enable boolean NOT NULL DEFAULT false;
-- Of one that is switched off: when it is probed next, how often it was, and the latest probe.
ALTER TABLE endpoints ADD COLUMN probe_at timestamptz;
ALTER TABLE endpoints ADD COLUMN probes integer NOT NULL DEFAULT 0
    CONSTRAINT probes_are_natural CHECK (probes >= 0);
ALTER TABLE endpoints ADD COLUMN probe_delivery uuid;
-- For dispatchers, which ask every few seconds.
CREATE INDEX endpoints_to_probe ON endpoints ((coalesce(probe_at, disabled_at)))
    WHERE auto_enable AND active AND disabled_reason = 'exhausted' AND deleted_at IS NULL;

-- The log's filters name endpoints by their id text, the deleted ones as well.
CREATE INDEX endpoints_by_id_text ON endpoints (tenant_id, public_id);
