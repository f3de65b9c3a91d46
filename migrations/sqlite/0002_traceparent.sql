-- The trace that an event was accepted in, as W3C Trace Context writes it; NULL when there was none.
ALTER TABLE events ADD COLUMN traceparent TEXT;
