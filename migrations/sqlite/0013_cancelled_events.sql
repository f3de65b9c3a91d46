-- An event that was cancelled is owed to nobody new.

-- Since when.
ALTER TABLE events ADD COLUMN cancelled_at INTEGER;
