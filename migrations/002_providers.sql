-- What a checkout is and where it lives at its provider; the rows of the old software are brought
-- into this shape in one walk, since a second walk would double the bloat.
-- @step quick
ALTER TABLE payments
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS provider_id text,
    ADD COLUMN IF NOT EXISTS provider_url text,
    ADD COLUMN IF NOT EXISTS reconciled boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS legacy_status text;
-- @step quick
ALTER TABLE external_payments
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS provider_id text,
    ADD COLUMN IF NOT EXISTS provider_url text,
    ADD COLUMN IF NOT EXISTS reconciled boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS legacy_status text,
    ADD COLUMN IF NOT EXISTS kind text,
    ADD COLUMN IF NOT EXISTS carries_email boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz;
COMMENT ON COLUMN external_payments.kind IS
'standing: a link for many payers; single: one payer; legacy: written by the old software';

-- @step quick
CREATE TABLE IF NOT EXISTS legacy_statuses (
    legacy text CONSTRAINT legacy_statuses_pkey PRIMARY KEY,
    status text NOT NULL,
    CONSTRAINT legacy_statuses_folded CHECK (legacy = lower(btrim(legacy)))
);
COMMENT ON TABLE legacy_statuses IS 'what the status texts of the old software mean; a text that is not here means expired';
INSERT INTO legacy_statuses (legacy, status) VALUES
('creating', 'creating'), ('pending', 'pending'), ('awaiting_confirmation', 'awaiting_confirmation'),
('completed', 'completed'), ('failed', 'failed'), ('expired', 'expired'), ('unknown', 'unknown'),
('error', 'error'), ('partially_refunded', 'partially_refunded'), ('refunded', 'refunded'),
('disputed', 'disputed'),
('paid', 'completed'), ('succeeded', 'completed'), ('finished', 'completed'),
('new', 'pending'), ('open', 'pending'), ('created', 'pending'), ('active', 'pending'),
('unpaid', 'pending'), ('waiting', 'pending'), ('confirming', 'pending'), ('confirmed', 'pending'),
('sending', 'pending'), ('partially_paid', 'pending'), ('processing', 'pending'),
('requires_action', 'pending'), ('requires_payment_method', 'pending'),
('declined', 'failed'), ('failure', 'failed'),
('canceled', 'expired'), ('cancelled', 'expired'),
('partial_refund', 'partially_refunded'), ('refund', 'refunded'),
('chargeback', 'disputed'), ('dispute', 'disputed')
ON CONFLICT (legacy) DO NOTHING;

-- @step quick
CREATE OR REPLACE FUNCTION hc_status_of(legacy_text text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT status FROM legacy_statuses WHERE legacy = lower(btrim(legacy_text))), 'expired')
$$;
CREATE OR REPLACE FUNCTION hc_currency_key(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT upper(btrim(typed)) $$;
CREATE OR REPLACE FUNCTION hc_payload_url(payload jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    document jsonb := payload;
BEGIN
    IF jsonb_typeof(document) = 'string' AND document #>> '{}' ~ '^\s*[\[{]' THEN
        BEGIN
            document := (document #>> '{}')::jsonb;
        EXCEPTION WHEN OTHERS THEN
            RETURN NULL;
        END;
    END IF;
    RETURN coalesce(
        jsonb_path_query_first(document, '$.**.invoice_url ? (@ like_regex "^https?://")', silent => true),
        jsonb_path_query_first(document, '$.**.payment_url ? (@ like_regex "^https?://")', silent => true),
        jsonb_path_query_first(document, '$.**.checkout_url ? (@ like_regex "^https?://")', silent => true)
    ) #>> '{}';
END
$$;
COMMENT ON FUNCTION hc_payload_url(jsonb) IS 'the payment link in a provider''s answer, at any depth; answers were also saved as text';

-- Rows written by the old software while the walk goes on, and ever after, are put right as they come.
-- @step quick
CREATE OR REPLACE FUNCTION hc_adopt_payment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.legacy_status := NEW.status;
    NEW.status := hc_status_of(NEW.status);
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION hc_adopt_checkout() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind IS NULL THEN
        NEW.kind := CASE WHEN NEW.payment_id IS NULL AND NEW.provider_url IS NOT NULL THEN 'standing' ELSE 'legacy' END;
        NEW.provider_url := coalesce(NEW.provider_url, hc_payload_url(NEW.provider_payload));
    END IF;
    NEW.provider := coalesce(NEW.provider, nullif(lower(btrim(NEW.gateway)), ''), 'other');
    IF hc_status_of(NEW.status) IS DISTINCT FROM NEW.status THEN
        NEW.legacy_status := NEW.status;
        NEW.status := hc_status_of(NEW.status);
    END IF;
    RETURN NEW;
END
$$;
-- The conditions are short, since Postgres reads them anew for each statement, and each writer pays for that.
-- @step quick
CREATE OR REPLACE TRIGGER adopt_payment BEFORE INSERT OR UPDATE OF status ON payments
FOR EACH ROW WHEN (
    (new.status = ANY (
        '{creating,pending,awaiting_confirmation,completed,failed,expired,unknown,error,partially_refunded,refunded,disputed}'::text []
    )) IS NOT true
) EXECUTE FUNCTION hc_adopt_payment();
-- @step quick
CREATE OR REPLACE TRIGGER adopt_checkout BEFORE INSERT ON external_payments
FOR EACH ROW WHEN (new.kind IS NULL) EXECUTE FUNCTION hc_adopt_checkout();
CREATE OR REPLACE TRIGGER adopt_checkout_change BEFORE UPDATE OF status, gateway ON external_payments
FOR EACH ROW WHEN (
    new.kind IS NULL
    OR (new.status = ANY (
        '{creating,pending,awaiting_confirmation,completed,failed,expired,unknown,error,partially_refunded,refunded,disputed}'::text []
    )) IS NOT true
) EXECUTE FUNCTION hc_adopt_checkout();

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_payment_idx
ON external_payments (payment_id, created_at DESC) WHERE payment_id IS NOT NULL;

-- @step batched external_payments
WITH page AS MATERIALIZED (
    SELECT id FROM external_payments WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id LIMIT $2
), adopted AS (
    UPDATE external_payments e SET
        kind = 'legacy',
        provider = coalesce(nullif(lower(btrim(e.gateway)), ''), 'other'),
        provider_url = coalesce(e.provider_url, hc_payload_url(e.provider_payload)),
        legacy_status = e.status,
        status = hc_status_of(e.status)
    FROM page WHERE e.id = page.id AND e.kind IS NULL
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;

-- @step batched payments
WITH page AS MATERIALIZED (
    SELECT p.id, c.provider, c.provider_url
    FROM payments p
    LEFT JOIN LATERAL (
        SELECT e.provider, e.provider_url FROM external_payments e
        WHERE e.payment_id = p.id ORDER BY e.created_at DESC LIMIT 1
    ) c ON true
    WHERE p.id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY p.id LIMIT $2
), adopted AS (
    UPDATE payments p SET
        provider = coalesce(p.provider, page.provider),
        provider_url = coalesce(p.provider_url, page.provider_url),
        legacy_status = coalesce(p.legacy_status, p.status),
        status = hc_status_of(p.status)
    FROM page
    WHERE p.id = page.id
    AND (p.legacy_status IS NULL OR p.provider IS NULL)
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;

-- @step quick
-- squawk-ignore ban-drop-constraint
ALTER TABLE payments DROP CONSTRAINT IF EXISTS payments_status_known,
    ADD CONSTRAINT payments_status_known CHECK (status IS NOT NULL AND status IN (
        'creating', 'pending', 'awaiting_confirmation', 'completed', 'failed', 'expired', 'unknown', 'error',
        'partially_refunded', 'refunded', 'disputed'
    )) NOT VALID;
-- @step online
ALTER TABLE payments VALIDATE CONSTRAINT payments_status_known;
-- @step quick
ALTER TABLE external_payments
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS external_payments_status_known,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS external_payments_kind_known,
    ADD CONSTRAINT external_payments_status_known CHECK (status IS NOT NULL AND status IN (
        'creating', 'pending', 'awaiting_confirmation', 'completed', 'failed', 'expired', 'unknown', 'error',
        'partially_refunded', 'refunded', 'disputed'
    )) NOT VALID,
    ADD CONSTRAINT external_payments_kind_known CHECK (
        kind IS NOT NULL AND kind IN ('standing', 'single', 'legacy') AND provider IS NOT NULL
        AND (kind <> 'standing' OR payment_id IS NULL)
    ) NOT VALID;
-- @step online
ALTER TABLE external_payments VALIDATE CONSTRAINT external_payments_status_known;
-- @step online
ALTER TABLE external_payments VALIDATE CONSTRAINT external_payments_kind_known;

-- A checkout exists once at its provider; a payment may have had several.
-- @step online
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS external_payments_provider_key
ON external_payments (provider, provider_id);
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_provider_idx
ON payments (provider, provider_id) WHERE provider_id IS NOT NULL;
