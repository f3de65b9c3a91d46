-- When a producer wanted an event to be delivered; NULL: at once.
ALTER TABLE events ADD COLUMN deliver_at INTEGER;
