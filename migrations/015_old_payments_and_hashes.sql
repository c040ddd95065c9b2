-- What the old software is paid after the migration counts as well; its words are not for payments of ours; and a
-- transaction counts once, however its hash is written.
-- A payment of ours has a source.
-- @step quick
CREATE OR REPLACE FUNCTION hc_adopt_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.source IS NOT NULL THEN
        RAISE EXCEPTION '% is no status of a payment that HingeCraft payments made', coalesce(quote_literal(NEW.status), 'NULL')
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_status_known';
    END IF;
    NEW.legacy_status := NEW.status;
    NEW.status := hc_status_of(NEW.status);
    IF TG_OP = 'UPDATE' AND NOT hc_may_move(OLD.status, NEW.status) THEN
        NEW.status := OLD.status;
    END IF;
    RETURN NEW;
END
$$;
-- A checkout of ours has an idempotency key.
CREATE OR REPLACE FUNCTION hc_adopt_checkout() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.kind IS NULL THEN
        NEW.kind := CASE WHEN NEW.payment_id IS NULL AND NEW.provider_url IS NOT NULL THEN 'standing' ELSE 'legacy' END;
        NEW.provider_url := coalesce(NEW.provider_url, hc_payload_url(NEW.provider_payload));
    END IF;
    NEW.provider := coalesce(NEW.provider, nullif(lower(btrim(NEW.gateway)), ''), 'other');
    IF hc_status_of(NEW.status) IS DISTINCT FROM NEW.status THEN
        IF NEW.idempotency_key IS NOT NULL THEN
            RAISE EXCEPTION '% is no status of a checkout that HingeCraft payments made', coalesce(quote_literal(NEW.status), 'NULL')
                USING ERRCODE = 'check_violation', CONSTRAINT = 'external_payments_status_known';
        END IF;
        NEW.legacy_status := NEW.status;
        NEW.status := hc_status_of(NEW.status);
    END IF;
    RETURN NEW;
END
$$;

-- A payment of the old software that is paid and that no provider has told us of gets its opening settlement.
-- @step quick
CREATE OR REPLACE FUNCTION hc_open_payments(ids uuid []) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH opened AS (
        INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, created_at)
        SELECT p.id, coalesce(p.provider, 'other'), true, 'opening', p.id::text, p.amount, key.currency,
               CASE WHEN key.currency = 'USD' THEN p.amount END, coalesce(p.created_at, now())
        FROM payments p
        CROSS JOIN LATERAL (SELECT coalesce(nullif(hc_currency_key(p.currency), ''), 'XXX') AS currency) AS key
        WHERE p.id = ANY (ids) AND p.source IS NULL AND p.status = 'completed'
          AND p.amount > 0 AND p.amount < 'Infinity'
          AND NOT EXISTS (SELECT FROM settlements s WHERE s.payment_id = p.id)
        ORDER BY p.id
        ON CONFLICT ON CONSTRAINT settlements_movement_key DO NOTHING
        RETURNING true
    )
    SELECT count(*) FROM opened
$$;
REVOKE ALL ON FUNCTION hc_open_payments(uuid []) FROM public;
CREATE OR REPLACE FUNCTION hc_open_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM hc_open_payments(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_open_payment() FROM public;
-- At the end of the transaction, when everything that it says of the payment has been written.
-- @step quick
DROP TRIGGER IF EXISTS open_old_payment ON payments;
CREATE CONSTRAINT TRIGGER open_old_payment AFTER INSERT OR UPDATE OF status, amount ON payments
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (new.source IS NULL AND new.status = 'completed') EXECUTE FUNCTION hc_open_payment();
-- What was paid between an earlier walk and the trigger.
-- @step batched payments
WITH page AS MATERIALIZED (
    SELECT id FROM payments WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT $2
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows,
       hc_open_payments((SELECT array_agg(id) FROM page)) AS opened;

-- The case of a hash in hex means nothing, nor does 0x before it; hashes of other chains are kept as they are.
-- @step quick
CREATE OR REPLACE FUNCTION hc_transaction_key(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN typed ~* '^(0x)?[0-9a-f]+$' THEN regexp_replace(lower(typed), '^0x', '') ELSE typed END
$$;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_transaction_idx ON settlements (hc_transaction_key(provider_ref))
WHERE provider = 'wallet' AND kind = 'manual';
-- Two new ones meet in settlements_movement_key; older ones, which may be written otherwise, are looked for.
-- @step quick
CREATE OR REPLACE FUNCTION hc_hold_transaction() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.provider_ref := hc_transaction_key(NEW.provider_ref);
    IF EXISTS (
        SELECT FROM settlements
        WHERE provider = 'wallet' AND kind = 'manual' AND hc_transaction_key(provider_ref) = NEW.provider_ref
    ) THEN
        RAISE EXCEPTION 'the transaction % was counted before', NEW.provider_ref
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'settlements_movement_key';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER settlements_transaction BEFORE INSERT ON settlements
FOR EACH ROW WHEN (new.provider = 'wallet' AND new.kind = 'manual') EXECUTE FUNCTION hc_hold_transaction();
