-- An event that was cancelled is owed to nobody new.
SET LOCAL lock_timeout = '5s';

-- Since when. It has no CHECK, which would read every partition while all writers wait.
ALTER TABLE events ADD COLUMN cancelled_at timestamptz;
