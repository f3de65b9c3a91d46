-- The starts of attempts that were reserved for endpoints whose contract has a rate limit.
SET LOCAL lock_timeout = '5s';

-- One row per such endpoint, whose lock is what dispatchers take turns by. Kept apart from endpoint_flow,
-- which other work locks.
CREATE TABLE endpoint_rates (
    endpoint_id uuid PRIMARY KEY REFERENCES endpoints (id),
    -- JSON: [microseconds after since, how many] of each time at which starts were reserved.
    since       timestamptz NOT NULL,
    starts      text NOT NULL,
    -- For the feeder: how many may start until more_at, and how many from then on.
    room        integer NOT NULL,
    more_at     timestamptz NOT NULL,
    more        integer NOT NULL,
    CONSTRAINT room_is_natural CHECK (room >= 0 AND more >= 0)
);
