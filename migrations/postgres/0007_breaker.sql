-- Circuit breakers of endpoints that are down, or were.
SET LOCAL lock_timeout = '5s';

-- An endpoint without a row has never been down since it was set up, switched on or moved.
CREATE TABLE endpoint_breaker (
    endpoint_id  uuid PRIMARY KEY REFERENCES endpoints (id),
    state        text NOT NULL,
    -- When it opened after having been closed.
    down_since   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    -- Open: when it is probed. Half open: when the probe that is under way counts as lost.
    probe_at     timestamptz,
    -- When the latest probes were queued, which are known by that.
    probed_at    timestamptz,
    -- How often in a row.
    opened_count integer NOT NULL,
    -- A delivery that has waited for so long goes out with the next probe, and how long a probe may take.
    give_up_s    double precision NOT NULL,
    probe_s      double precision NOT NULL,
    CONSTRAINT breaker_state_is_known CHECK (state IN ('open', 'half_open', 'closed')),
    CONSTRAINT probed_iff_not_closed CHECK ((state = 'closed') = (probe_at IS NULL)),
    CONSTRAINT opened_once_or_more CHECK (opened_count >= 1)
);
-- For dispatchers, which ask every second.
CREATE INDEX endpoint_breaker_by_state ON endpoint_breaker (state, changed_at);
