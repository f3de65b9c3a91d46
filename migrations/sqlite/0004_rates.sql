-- The starts of attempts that were reserved for endpoints whose contract has a rate limit.

CREATE TABLE endpoint_rates (
    endpoint_id BLOB NOT NULL PRIMARY KEY REFERENCES endpoints (id),
    -- JSON: [microseconds after since, how many] of each time at which starts were reserved.
    since       INTEGER NOT NULL,
    starts      TEXT NOT NULL,
    -- For the feeder: how many may start until more_at, and how many from then on.
    room        INTEGER NOT NULL,
    more_at     INTEGER NOT NULL,
    more        INTEGER NOT NULL,
    CONSTRAINT room_is_natural CHECK (room >= 0 AND more >= 0)
) STRICT, WITHOUT ROWID;
