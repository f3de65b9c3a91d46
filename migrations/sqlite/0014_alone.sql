-- Deliveries that were lost with their process again and again are claimed alone.

-- The latest lease that a delivery was claimed alone under. Of no meaning once the lease is another.
ALTER TABLE deliveries ADD COLUMN alone_token BLOB;
