-- Plan sessions that a checkout has used up.
-- @step quick
CREATE TABLE IF NOT EXISTS used_plan_sessions (
    nonce text CONSTRAINT used_plan_sessions_pkey PRIMARY KEY,
    payment_id uuid NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT used_plan_sessions_nonce_length CHECK (char_length(nonce) BETWEEN 1 AND 200)
);
COMMENT ON TABLE used_plan_sessions IS 'one row for each plan session that was used, kept for a day; a plan session is valid for 15 minutes';
COMMENT ON COLUMN used_plan_sessions.payment_id IS 'the payment that used it; while that is failed, it can be used again';
CREATE INDEX IF NOT EXISTS used_plan_sessions_used_idx ON used_plan_sessions (used_at);
