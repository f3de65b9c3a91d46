-- The trace that an event was accepted in, as W3C Trace Context writes it; NULL when there was none.
-- Adding it changes the catalogue alone. It has no CHECK, which would read every partition while all
-- writers wait: what is no traceparent is read as none.
SET LOCAL lock_timeout = '5s';

ALTER TABLE events ADD COLUMN traceparent text;
