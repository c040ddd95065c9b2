-- These functions run for each payment and look up rows by their key. Their plans are kept for a connection's life; one
-- made while a table was nearly empty would read the whole table, again and again, until the table is analyzed.
-- @step quick
ALTER FUNCTION hc_require_settlement() SET enable_seqscan = off;
ALTER FUNCTION hc_require_audit() SET enable_seqscan = off;
ALTER FUNCTION hc_write_credits(jsonb) SET enable_seqscan = off;
