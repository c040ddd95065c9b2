-- Wix may name one invoice differently in events and in answers: an account keeps both names of its period. What a
-- chargeback has taken is given back when the owner pays after all.
-- @step quick
ALTER TABLE wix_credit_accounts ADD COLUMN IF NOT EXISTS period_seen_invoice text;
ALTER TABLE wix_credit_accounts ADD COLUMN IF NOT EXISTS taken_back integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN wix_credit_accounts.period_invoice IS 'the invoice of the period, as events name it; NULL: unknown';
COMMENT ON COLUMN wix_credit_accounts.period_seen_invoice IS 'the same invoice as Wix''s answers name it; NULL: unknown';
COMMENT ON COLUMN wix_credit_accounts.taken_back IS 'credits of this period that a refund or chargeback has taken, and that a payment gives back';
-- squawk-ignore ban-drop-constraint
ALTER TABLE wix_credits DROP CONSTRAINT IF EXISTS wix_credits_kind_known,
    ADD CONSTRAINT wix_credits_kind_known CHECK (
        kind IN ('trial', 'plan', 'bought', 'spend', 'lapse', 'taken_back', 'given_back')
    ) NOT VALID;
-- @step online
ALTER TABLE wix_credits VALIDATE CONSTRAINT wix_credits_kind_known;
