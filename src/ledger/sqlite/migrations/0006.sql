-- Where in a trace an article was accepted, so that its deliveries belong to it through whatever restarts: the trace's 16
-- bytes, the span's 8, one of flags, and what others keep beside it. Null: it is not traced.
ALTER TABLE article ADD COLUMN trace BLOB;
