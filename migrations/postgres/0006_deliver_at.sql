-- When a producer wanted an event to be delivered; NULL: at once.
SET LOCAL lock_timeout = '5s';

ALTER TABLE events ADD COLUMN deliver_at timestamptz;
