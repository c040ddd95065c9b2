-- The credits of a database are of one mode: what was bought with test keys never counts once it is live.
-- @step quick
ALTER TABLE installation ADD COLUMN IF NOT EXISTS credits_livemode boolean;
COMMENT ON COLUMN installation.credits_livemode IS 'whether its credits are bought with real money; NULL: nothing was sold yet; true stays true';
