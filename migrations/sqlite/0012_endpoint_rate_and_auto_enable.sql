-- What an endpoint has of its own: a rate limit, and whether it is switched on again once it answers.

-- Requests and seconds of one window or of two; NULL: the contract's.
ALTER TABLE endpoints ADD COLUMN rate_limit TEXT CONSTRAINT rate_limit_is_one_or_two_windows
    CHECK (json_array_length(rate_limit) IN (2, 4));

-- Whether it is switched on again once a probe is answered.
ALTER TABLE endpoints ADD COLUMN auto_enable INTEGER NOT NULL DEFAULT 0
    CONSTRAINT auto_enable_is_yes_or_no CHECK (auto_enable IN (0, 1));
-- Of one that is switched off: when it is probed next, how often it was, and the latest probe.
ALTER TABLE endpoints ADD COLUMN probe_at INTEGER;
ALTER TABLE endpoints ADD COLUMN probes INTEGER NOT NULL DEFAULT 0 CONSTRAINT probes_are_natural
    CHECK (probes >= 0);
ALTER TABLE endpoints ADD COLUMN probe_delivery BLOB;
-- For dispatchers, which ask every few seconds.
CREATE INDEX endpoints_to_probe ON endpoints (coalesce(probe_at, disabled_at))
    WHERE auto_enable AND active AND disabled_reason = 'exhausted' AND deleted_at IS NULL;
