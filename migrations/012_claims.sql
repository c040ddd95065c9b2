-- One PaymentRoutes resource speaks for a database; a second one is told who does.
-- @step quick
ALTER TABLE installation ADD COLUMN IF NOT EXISTS claimed_by text;
ALTER TABLE installation ADD COLUMN IF NOT EXISTS claimed_as text;
ALTER TABLE installation ADD COLUMN IF NOT EXISTS claimed_in text;
COMMENT ON COLUMN installation.claimed_by IS 'uid of the PaymentRoutes resource that this database belongs to';
COMMENT ON COLUMN installation.claimed_as IS 'its namespace/name, for people';
COMMENT ON COLUMN installation.claimed_in IS 'the cluster that it lives in: only there can one see that it is gone';
