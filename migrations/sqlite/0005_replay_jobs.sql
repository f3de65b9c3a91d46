-- Replays in bulk, as jobs that are taken on step by step.

CREATE TABLE replay_jobs (
    id           BLOB NOT NULL PRIMARY KEY,
    tenant_id    TEXT NOT NULL REFERENCES tenants (id),
    -- NULL: all of the tenant's.
    endpoint_id  BLOB REFERENCES endpoints (id),
    mode         TEXT NOT NULL,
    -- JSON: what else narrows it.
    filter       TEXT NOT NULL,
    -- Deliveries per second; NULL: as fast as it goes.
    rate         INTEGER,
    state        TEXT NOT NULL DEFAULT 'running',
    -- Everything up to this id has been dealt with: of deliveries, or of events in mode missed.
    position     BLOB NOT NULL,
    -- How many there were to replay when it was made, if they could be counted.
    matched      INTEGER,
    replayed     INTEGER NOT NULL DEFAULT 0,
    skipped      INTEGER NOT NULL DEFAULT 0,
    -- Its rate is used up to this time.
    paid_until   INTEGER NOT NULL,
    next_step_at INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    CONSTRAINT replay_mode_is_known CHECK (mode IN ('again', 'as_new', 'missed')),
    CONSTRAINT replay_state_is_known CHECK
        (state IN ('running', 'paused', 'cancelled', 'finished')),
    CONSTRAINT replay_is_over_iff_it_has_an_end CHECK
        ((state IN ('cancelled', 'finished')) = (finished_at IS NOT NULL)),
    CONSTRAINT missed_is_of_an_endpoint CHECK (mode <> 'missed' OR endpoint_id IS NOT NULL),
    CONSTRAINT replay_rate_is_positive CHECK (rate >= 1),
    CONSTRAINT replay_counts_are_natural CHECK (matched >= 0 AND replayed >= 0 AND skipped >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_jobs_running ON replay_jobs (next_step_at) WHERE state = 'running';
CREATE INDEX replay_jobs_by_tenant ON replay_jobs (tenant_id, id);
