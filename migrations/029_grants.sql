-- An invoice is a checkout of its payment, and the ledger is read by PaymentIntent: what was granted for it, and taken.
-- @step quick
ALTER TABLE external_payments
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS external_payments_kind_known,
    ADD CONSTRAINT external_payments_kind_known CHECK (
        kind IS NOT NULL AND kind IN ('standing', 'single', 'legacy', 'invoice') AND provider IS NOT NULL
        AND (kind <> 'standing' OR payment_id IS NULL)
    ) NOT VALID;
-- @step online
ALTER TABLE external_payments VALIDATE CONSTRAINT external_payments_kind_known;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS credits_transactions_payment_idx ON credits_transactions (stripe_payment_id)
WHERE stripe_payment_id IS NOT NULL;
