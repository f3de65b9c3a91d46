-- Endpoints that more is due for than they may be sent.
SET LOCAL lock_timeout = '5s';

-- While an endpoint has a row, what is accepted for it is scheduled behind what is due, and goes out by the
-- feeder alone, which also removes the row. No foreign keys: checking one would lock rows that such
-- transactions lock in an order of their own.
CREATE TABLE endpoint_backlog (
    endpoint_id uuid PRIMARY KEY,
    tenant_id   text NOT NULL
);
-- For accepting, which asks by tenant.
CREATE INDEX endpoint_backlog_by_tenant ON endpoint_backlog (tenant_id);
