-- Endpoints that more is due for than they may be sent.

-- While an endpoint has a row, what is accepted for it is scheduled behind what is due, and goes out by the
-- feeder alone, which also removes the row.
CREATE TABLE endpoint_backlog (
    endpoint_id BLOB NOT NULL PRIMARY KEY,
    tenant_id   TEXT NOT NULL
) STRICT;
-- For accepting, which asks by tenant.
CREATE INDEX endpoint_backlog_by_tenant ON endpoint_backlog (tenant_id);
