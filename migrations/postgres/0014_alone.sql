-- Deliveries that were lost with their process again and again are claimed alone.
SET LOCAL lock_timeout = '5s';

-- The latest lease that a delivery was claimed alone under. Of no meaning once the lease is another: a token
-- and not a flag, so that claims by older services, which know nothing of it, never look as if they were alone.
ALTER TABLE deliveries ADD COLUMN alone_token uuid;
