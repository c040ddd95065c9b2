-- What a checkout of ours is asked with, the keys under which callers repeat themselves, and which way a payment moves.
-- @step quick
ALTER TABLE payments
    ADD COLUMN IF NOT EXISTS price_currency text,
    ADD COLUMN IF NOT EXISTS source text,
    ADD COLUMN IF NOT EXISTS intent_id text,
    ADD COLUMN IF NOT EXISTS livemode boolean,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz;
COMMENT ON COLUMN payments.currency IS 'what is paid in; it differs from price_currency for crypto alone';
-- @step quick
ALTER TABLE external_payments
    ADD COLUMN IF NOT EXISTS price_currency text,
    ADD COLUMN IF NOT EXISTS idempotency_key text,
    ADD COLUMN IF NOT EXISTS request jsonb,
    ADD COLUMN IF NOT EXISTS livemode boolean,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz;
COMMENT ON COLUMN external_payments.request IS 'the exact parameters that the provider was, or will be, asked with';
-- @step quick
ALTER TABLE "ContributionIntent" ADD COLUMN IF NOT EXISTS user_info jsonb, ADD COLUMN IF NOT EXISTS page_load uuid;
COMMENT ON COLUMN "ContributionIntent".page_load IS 'the page load that used it: its own repeat gets the same answer';

-- Orphans of the old software may stay: the constraint is for what comes from now on.
-- @step quick
ALTER TABLE external_payments
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS external_payments_payment_fkey,
    ADD CONSTRAINT external_payments_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) NOT VALID,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS external_payments_single_whole,
    ADD CONSTRAINT external_payments_single_whole CHECK (
        kind <> 'single' OR (payment_id IS NOT NULL AND request IS NOT NULL AND idempotency_key IS NOT NULL)
    ) NOT VALID;
-- @step quick
ALTER TABLE payments
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS payments_intent_fkey,
    ADD CONSTRAINT payments_intent_fkey FOREIGN KEY (intent_id) REFERENCES "ContributionIntent" ("_id") NOT VALID;

-- The moves of `hingecraft.payments.model`, which a test compares with these.
-- @step quick
CREATE OR REPLACE FUNCTION hc_may_move(old_status text, new_status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT old_status = new_status OR old_status || '>' || new_status = ANY (
        '{creating>pending,creating>awaiting_confirmation,creating>completed,creating>failed,creating>expired,creating>unknown,unknown>pending,unknown>completed,unknown>failed,unknown>expired,unknown>error,pending>completed,pending>failed,pending>expired,pending>error,awaiting_confirmation>completed,awaiting_confirmation>expired,failed>completed,expired>completed,error>completed,completed>partially_refunded,completed>refunded,completed>disputed,partially_refunded>refunded,partially_refunded>disputed,partially_refunded>completed,refunded>completed,refunded>partially_refunded,disputed>completed,disputed>partially_refunded,disputed>refunded}'::text [])
$$;
CREATE OR REPLACE FUNCTION hc_hold_to_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT hc_may_move(OLD.status, NEW.status) THEN
        RAISE EXCEPTION 'a payment does not move from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payments_moves';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER payments_moves BEFORE UPDATE OF status ON payments
FOR EACH ROW WHEN (old.status <> new.status) EXECUTE FUNCTION hc_hold_to_moves();
-- A text of the old software that would mean such a move is kept as text, and the payment stays where it is:
-- the old software is never refused for its own words.
CREATE OR REPLACE FUNCTION hc_adopt_payment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.legacy_status := NEW.status;
    NEW.status := hc_status_of(NEW.status);
    IF TG_OP = 'UPDATE' AND NOT hc_may_move(OLD.status, NEW.status) THEN
        NEW.status := OLD.status;
    END IF;
    RETURN NEW;
END
$$;

-- @step quick
CREATE TABLE IF NOT EXISTS idempotency_keys (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz NOT NULL,
    resource text,
    status smallint,
    body text,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key),
    CONSTRAINT idempotency_keys_key_length CHECK (char_length(key) BETWEEN 16 AND 255),
    CONSTRAINT idempotency_keys_answer_whole CHECK ((status IS NULL) = (body IS NULL))
);
COMMENT ON TABLE idempotency_keys IS 'one row for each key that a caller sent, kept for a day; without a status it is in flight, or its process died';
COMMENT ON COLUMN idempotency_keys.resource IS 'the payment or prefill that was begun under the key, for whoever takes over';
CREATE INDEX IF NOT EXISTS idempotency_keys_created_idx ON idempotency_keys (created_at);

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_created_idx ON payments (created_at DESC, id DESC);
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_invoice_idx
ON external_payments (hc_currency_key(currency), created_at DESC, id DESC)
WHERE kind = 'standing' AND provider = 'nowpayments' AND status = 'pending' AND provider_url IS NOT NULL;
