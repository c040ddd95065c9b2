-- A contribution intent is the prefill that carries an amount from Mission Support to Charter, once.
-- @step quick
ALTER TABLE "ContributionIntent"
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS used boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS used_at timestamptz;
