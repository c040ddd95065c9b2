-- Events that need a question to their provider are worked on in places of their own.
-- @step quick
ALTER TABLE provider_events ADD COLUMN IF NOT EXISTS must_ask boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN provider_events.must_ask IS 'the provider has to be asked before it can be applied: it is claimed only by who asks';
