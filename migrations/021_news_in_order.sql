-- The order of a payment's events, for those who are told: two of them may arrive in any order, and more than once.
-- @step quick
CREATE SEQUENCE IF NOT EXISTS outbox_sequence;
COMMENT ON SEQUENCE outbox_sequence IS 'data.sequence of a payment event: of two events of one payment the later has the larger';

-- A checkout for one payer has what repeats it. Only a row that was written by hand before 009 lacks that: it is kept, and is
-- no longer one that we could ask about or ask for again. Until then nothing could be changed about it.
-- @step batched external_payments
-- @unless SELECT NOT EXISTS (SELECT FROM external_payments WHERE kind = 'single' AND (payment_id IS NULL OR request IS NULL OR idempotency_key IS NULL))
WITH page AS MATERIALIZED (
    SELECT id, kind, payment_id, request, idempotency_key
    FROM external_payments WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id LIMIT $2
), kept AS (
    UPDATE external_payments e SET kind = 'legacy' FROM page
    WHERE e.id = page.id AND page.kind = 'single'
      AND (page.payment_id IS NULL OR page.request IS NULL OR page.idempotency_key IS NULL)
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;
-- @step online
ALTER TABLE external_payments VALIDATE CONSTRAINT external_payments_single_whole;
