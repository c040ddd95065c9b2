-- A Wix plan that moves to another site takes the rest of its period's credits along: sites are found by the invoice.
-- @step quick
-- squawk-ignore ban-drop-constraint
ALTER TABLE wix_credits DROP CONSTRAINT IF EXISTS wix_credits_kind_known,
    ADD CONSTRAINT wix_credits_kind_known CHECK (
        kind IN ('trial', 'plan', 'bought', 'spend', 'lapse', 'taken_back', 'given_back', 'moved')
    ) NOT VALID;
-- @step online
ALTER TABLE wix_credits VALIDATE CONSTRAINT wix_credits_kind_known;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS wix_credit_accounts_invoice_idx ON wix_credit_accounts (period_invoice)
WHERE period_invoice IS NOT NULL;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS wix_credit_accounts_seen_invoice_idx ON wix_credit_accounts (period_seen_invoice)
WHERE period_seen_invoice IS NOT NULL;

-- Sites that Wix could not be asked about are put off, apart from the lease: a reconciliation that an owner asks for, or one
-- with --all, asks about them nevertheless.
-- @step quick
ALTER TABLE wix_sites ADD COLUMN IF NOT EXISTS put_off_until timestamptz;
COMMENT ON COLUMN wix_sites.put_off_until IS 'Wix could not be asked about the site: regular reconciliations begin with others until then';
