-- The old software goes on writing its own statuses, and does not touch our checkouts.
-- Some of our statuses are also the old software's. On its own rows a forbidden change is kept as text, and the
-- payment's status stays as it is, as with its other statuses. Our payments have a source: there the change is rejected.
-- @step quick
CREATE OR REPLACE FUNCTION hc_hold_to_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF hc_may_move(OLD.status, NEW.status) THEN
        RETURN NEW;
    END IF;
    IF OLD.source IS NOT NULL OR NEW.source IS NOT NULL THEN
        RAISE EXCEPTION 'a payment does not move from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payments_moves';
    END IF;
    NEW.legacy_status := NEW.status;
    NEW.status := OLD.status;
    RETURN NEW;
END
$$;

-- The status of our checkouts changes together with a row in the audit log, in one transaction. A change that only opens
-- one, or closes one that was never opened, needs none.
-- @step quick
CREATE OR REPLACE FUNCTION hc_require_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM payment_audit a WHERE a.payment_id = NEW.payment_id AND a.created_at = now()) THEN
        RAISE EXCEPTION 'checkout % was made by HingeCraft payments, which changes its status when its provider says so: '
            'do not change rows that have an idempotency_key', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'external_payments_status_audited';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_require_audit() FROM public;
-- @step quick
DROP TRIGGER IF EXISTS external_payments_status_audited ON external_payments;
CREATE CONSTRAINT TRIGGER external_payments_status_audited AFTER UPDATE OF status ON external_payments
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
    new.kind = 'single' AND old.status <> new.status
    AND (old.status <> ALL ('{creating,unknown}'::text []) OR new.status <> ALL ('{pending,expired}'::text []))
) EXECUTE FUNCTION hc_require_audit();

-- Our standing links are published or not; each donation through one is a payment of its own.
-- @step quick
CREATE OR REPLACE FUNCTION hc_hold_link() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'standing link % was made by HingeCraft payments and cannot become %: save payments in payments', NEW.id, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'external_payments_link_status';
END
$$;
CREATE OR REPLACE TRIGGER external_payments_link_status BEFORE UPDATE OF status ON external_payments
FOR EACH ROW WHEN (
    new.kind = 'standing' AND new.idempotency_key IS NOT NULL AND new.status <> ALL ('{pending,expired}'::text [])
) EXECUTE FUNCTION hc_hold_link();

-- Ignored events are found by the reason, which may be long.
-- @step online
-- @partitions provider_events
CREATE INDEX CONCURRENTLY IF NOT EXISTS each_partition_ignored_idx
ON each_partition (source, "left"(ignored_because, 200)) WHERE ignored_because IS NOT NULL;
-- Takes over the indexes of the partitions, which are there; later partitions get theirs with it.
-- @step quick
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS provider_events_ignored_idx
ON provider_events (source, "left"(ignored_because, 200)) WHERE ignored_because IS NOT NULL;

-- Links that were saved by hand and are seen for the first time.
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_unseen_link_idx ON external_payments (created_at)
WHERE kind = 'standing' AND checked_at IS NULL AND idempotency_key IS NULL;

-- Which link it is and whether it is published, where its address is not enough to tell.
-- A Payment Link keeps its path, whatever domain of the account it is shown under.
-- @step quick
CREATE OR REPLACE FUNCTION hc_link_path(url text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(rtrim(substring(url from '^https?://[^/?#]+(/[^?#]*)'), '/'), '')
$$;
COMMENT ON FUNCTION hc_link_path(text) IS 'the same for a Payment Link at stripe.com and at a custom domain of the account';
CREATE OR REPLACE FUNCTION hc_link_gap(
    provider text, provider_id text, url text, had_id boolean, nowpayments_live boolean
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN provider = 'stripe' AND provider_id IS NULL AND had_id THEN
            'its id has not been found at Stripe: it must be a Payment Link of this account and mode that is saved once'
        WHEN provider = 'nowpayments' AND nowpayments_live AND url ~* '^https?://([a-z0-9-]+\.)*sandbox\.nowpayments\.io([:/?#]|$)' THEN
            'it leads to the sandbox of NOWPayments, which takes no real money, but NOWPAYMENTS_API_KEY is a live key'
        WHEN provider = 'nowpayments' AND NOT nowpayments_live AND url ~* '^https?://(www\.)?nowpayments\.io([:/?#]|$)' THEN
            'it takes real money, but NOWPAYMENTS_API_KEY is a key of the sandbox, so its donations would not be recorded'
        ELSE hc_link_gap(provider, provider_id, url)
    END
$$;
COMMENT ON FUNCTION hc_link_gap(text, text, text, boolean, boolean) IS 'why a standing link is not published; NULL: it is';
-- An id, and having had one, belong to an address.
CREATE OR REPLACE FUNCTION hc_resolve_link() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    found text;
BEGIN
    NEW.provider := hc_link_provider(NEW.provider, NEW.provider_url);
    IF TG_OP = 'UPDATE' THEN
        IF NEW.provider_url IS DISTINCT FROM OLD.provider_url AND NEW.provider_id IS NOT DISTINCT FROM OLD.provider_id
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
ALTER TABLE installation ADD COLUMN IF NOT EXISTS nowpayments_live boolean;
COMMENT ON COLUMN installation.nowpayments_live IS 'whether the key of NOWPayments is live, as the last reconciliation saw it; NULL: not known, or a stand-in';
CREATE OR REPLACE TRIGGER installation_mode_changed AFTER UPDATE OF nowpayments_live ON installation
FOR EACH ROW WHEN (old.nowpayments_live IS DISTINCT FROM new.nowpayments_live)
EXECUTE FUNCTION notify_hc_routes();
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_link_path_idx
ON external_payments (hc_link_path(provider_url)) WHERE kind = 'standing' AND provider_id IS NULL;
