-- Which provider a standing link belongs to and the id by which that provider's messages name it. A link that leads to
-- one of our providers is published once that id is known: without it, nobody could say whose donation a message means.
-- @step quick
CREATE OR REPLACE FUNCTION hc_link_provider(provider text, url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN url ~* '^https?://([a-z0-9-]+\.)*stripe\.com([:/?#]|$)' THEN 'stripe'
        WHEN url ~* '^https?://([a-z0-9-]+\.)*nowpayments\.io([:/?#]|$)' THEN 'nowpayments'
        ELSE provider
    END
$$;
COMMENT ON FUNCTION hc_link_provider(text, text) IS 'the address says whose link it is, whatever was written beside it';
CREATE OR REPLACE FUNCTION hc_link_id(provider text, provider_id text, url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(provider_id, CASE WHEN provider = 'nowpayments' THEN coalesce(
        substring(url from '[?&]iid=([0-9]+)(?:[&#]|$)'), substring(url from '/([0-9]+)/?(?:[?#].*)?$')
    ) END)
$$;
COMMENT ON FUNCTION hc_link_id(text, text, text) IS 'the id by which messages name a standing link: kept, or part of the address (NOWPayments)';
CREATE OR REPLACE FUNCTION hc_link_address(url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(
        rtrim(split_part(split_part(url, '#', 1), '?', 1), '/'), '^https?://([a-z0-9-]+\.)*stripe\.com', 'stripe.com', 'i')
$$;
COMMENT ON FUNCTION hc_link_address(text) IS 'the same for every spelling of one Payment Link: with or without parameters, buy. or donate.stripe.com';
CREATE OR REPLACE FUNCTION hc_link_gap(provider text, provider_id text, url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN provider_id IS NOT NULL THEN NULL
        WHEN provider = 'stripe' AND url ~* '^https?://([a-z0-9-]+\.)*stripe\.com([:/?#]|$)' THEN
            'its id has not been found at Stripe: it must be a Payment Link of this account and mode that is saved once'
        WHEN provider = 'nowpayments' AND url ~* '^https?://([a-z0-9-]+\.)*nowpayments\.io([:/?#]|$)'
            AND url !~ '[?&]iid=[0-9]+([&#]|$)' AND url !~ '/[0-9]+/?([?#].*)?$' THEN
            'its address names no invoice: save it as https://nowpayments.io/payment/?iid=<invoice id>'
    END
$$;
COMMENT ON FUNCTION hc_link_gap(text, text, text) IS 'why a standing link is not published; NULL: it is';

-- Runs after adopt_checkout, by its name. An id that was found for another address does not outlive that address.
-- @step quick
CREATE OR REPLACE FUNCTION hc_resolve_link() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    NEW.provider := hc_link_provider(NEW.provider, NEW.provider_url);
    IF TG_OP = 'UPDATE' THEN
        IF NEW.provider_url IS DISTINCT FROM OLD.provider_url AND NEW.provider_id = OLD.provider_id
            AND NEW.idempotency_key IS NULL THEN
            NEW.provider_id := NULL;
            NEW.checked_at := NULL;
        END IF;
    END IF;
    found := hc_link_id(NEW.provider, NULL, NEW.provider_url);
    IF NEW.provider_id IS NULL AND found IS NOT NULL AND NOT EXISTS (
        SELECT FROM external_payments e WHERE e.provider = NEW.provider AND e.provider_id = found AND e.id <> NEW.id
    ) THEN
        NEW.provider_id := found;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER resolve_link BEFORE INSERT OR UPDATE OF provider_url ON external_payments
FOR EACH ROW WHEN (new.kind = 'standing') EXECUTE FUNCTION hc_resolve_link();
-- @step quick
CREATE OR REPLACE TRIGGER standing_link_changed
AFTER UPDATE OF kind, currency, provider, provider_id, provider_url, status, amount, expires_at, created_at
ON external_payments
FOR EACH ROW WHEN (
    (old.kind = 'standing' OR new.kind = 'standing')
    AND (old.kind, old.currency, old.provider, old.provider_id, old.provider_url, old.status, old.amount, old.expires_at, old.created_at)
    IS DISTINCT FROM
    (new.kind, new.currency, new.provider, new.provider_id, new.provider_url, new.status, new.amount, new.expires_at, new.created_at)
) EXECUTE FUNCTION notify_hc_routes();

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_link_idx
ON external_payments (provider, hc_link_id(provider, provider_id, provider_url)) WHERE kind = 'standing';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_link_address_idx
ON external_payments (hc_link_address(provider_url)) WHERE kind = 'standing' AND provider_id IS NULL;

-- Links that were saved before: the trigger above puts them right.
-- @step batched external_payments
WITH page AS MATERIALIZED (
    SELECT id FROM external_payments WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id LIMIT $2
), resolved AS (
    UPDATE external_payments e SET provider_url = e.provider_url
    FROM page WHERE e.id = page.id AND e.kind = 'standing' AND e.provider_id IS NULL
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;

-- Bounds that nobody could pay exactly are drawn in to the currency's own digits.
-- @step quick
UPDATE currencies SET
    min_amount = round(ceil(min_amount * power(10::numeric, exponent)) / power(10::numeric, exponent), exponent),
    max_amount = round(greatest(
        floor(max_amount * power(10::numeric, exponent)), ceil(min_amount * power(10::numeric, exponent))
    ) / power(10::numeric, exponent), exponent)
WHERE kind = 'fiat'
    AND (min_amount <> round(min_amount, exponent) OR max_amount <> round(max_amount, exponent));
ALTER TABLE currencies
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS currencies_bounds_fit_exponent,
    ADD CONSTRAINT currencies_bounds_fit_exponent CHECK (
        kind <> 'fiat' OR (min_amount = round(min_amount, exponent) AND max_amount = round(max_amount, exponent))
    ) NOT VALID;
-- @step online
ALTER TABLE currencies VALIDATE CONSTRAINT currencies_bounds_fit_exponent;
