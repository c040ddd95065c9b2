-- What the old software, or Stripe, says went back of an old payment leaves the total; and a payment of ours is completed
-- only by its money.
-- What has moved for a payment with an opening has no mode, whichever key we were told with.
-- @step quick
CREATE OR REPLACE FUNCTION hc_has_opening(payment uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM settlements s WHERE s.payment_id = payment AND s.kind = 'opening')
$$;
REVOKE ALL ON FUNCTION hc_has_opening(uuid) FROM public;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_went_back_idx ON settlements (payment_id)
WHERE kind IN ('refund', 'refund_reversal', 'dispute', 'dispute_reversal');

-- Nothing is counted while the rule changes. What stood beside an opening before is moved to where it is counted from now
-- on, in the same transaction.
-- @step quick
-- @unless SELECT prosrc LIKE '%hc_has_opening%' FROM pg_proc WHERE oid = to_regprocedure('hc_count_settlements()')
LOCK TABLE settlements IN SHARE ROW EXCLUSIVE MODE;
CREATE OR REPLACE FUNCTION hc_count_settlements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    valued boolean := TG_OP = 'UPDATE';
BEGIN
    IF NOT EXISTS (SELECT FROM added) THEN
        RETURN NULL;
    END IF;
    -- Two that write about one payment follow each other, since what counts depends on all of its settlements.
    PERFORM 1 FROM payments WHERE id IN (SELECT payment_id FROM added) ORDER BY id FOR NO KEY UPDATE;
    INSERT INTO settlement_totals AS t (livemode, currency, slot, charges, amount, usd_amount, unconverted, updated_at)
    WITH came AS (
        SELECT a.payment_id, a.currency, a.amount, a.usd_amount,
               CASE WHEN p.source IS NULL AND hc_has_opening(p.id) THEN NULL ELSE a.livemode END AS livemode
        FROM added a JOIN payments p ON p.id = a.payment_id
        WHERE a.purpose = 'donation' AND coalesce(p.livemode, a.livemode) = a.livemode
    ), change AS (
        SELECT payment_id, currency, livemode,
               CASE WHEN valued THEN 0 ELSE sum(amount) END AS amount,
               coalesce(sum(usd_amount), 0) AS usd,
               CASE WHEN valued THEN -sum(amount)
                    ELSE coalesce(sum(amount) FILTER (WHERE usd_amount IS NULL), 0) END AS unconverted,
               CASE WHEN valued THEN -count(*) ELSE count(*) FILTER (WHERE usd_amount IS NULL) END AS unknown
        FROM came GROUP BY payment_id, currency, livemode
    )
    SELECT change.livemode, change.currency,
           CASE change.livemode WHEN true THEN 8 WHEN false THEN 16 ELSE 24 END + pg_backend_pid() % 8,
           sum(hc_is_gift(whole.amount, whole.usd, whole.unknown)::int
               - hc_is_gift(whole.amount - change.amount, whole.usd - change.usd, whole.unknown - change.unknown)::int),
           sum(change.amount), sum(change.usd), sum(change.unconverted), now()
    FROM change CROSS JOIN LATERAL (
        SELECT sum(s.amount) AS amount, coalesce(sum(s.usd_amount), 0) AS usd,
               count(*) FILTER (WHERE s.usd_amount IS NULL) AS unknown
        FROM settlements s
        WHERE s.payment_id = change.payment_id AND s.currency = change.currency AND s.purpose = 'donation'
          AND (change.livemode IS NULL OR s.livemode = change.livemode)
    ) AS whole
    GROUP BY change.livemode, change.currency ORDER BY change.livemode, change.currency
    ON CONFLICT ON CONSTRAINT settlement_totals_pkey DO UPDATE SET
        charges = t.charges + excluded.charges,
        amount = t.amount + excluded.amount,
        usd_amount = t.usd_amount + excluded.usd_amount,
        unconverted = t.unconverted + excluded.unconverted,
        updated_at = excluded.updated_at;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_count_settlements() FROM public;
INSERT INTO settlement_totals AS t (livemode, currency, slot, charges, amount, usd_amount, unconverted, updated_at)
WITH beside AS (
    SELECT DISTINCT s.payment_id, s.currency FROM settlements s
    WHERE s.kind IN ('refund', 'refund_reversal', 'dispute', 'dispute_reversal') AND s.purpose = 'donation'
      AND hc_has_opening(s.payment_id)
), part AS (
    SELECT s.payment_id, s.currency, CASE WHEN 'opening' IN (s.kind, c.kind) THEN NULL ELSE s.livemode END AS livemode,
           sum(s.amount) AS amount, coalesce(sum(s.usd_amount), 0) AS usd,
           coalesce(sum(s.amount) FILTER (WHERE s.usd_amount IS NULL), 0) AS unconverted,
           count(*) FILTER (WHERE s.usd_amount IS NULL) AS unknown
    FROM beside b JOIN settlements s ON s.payment_id = b.payment_id AND s.currency = b.currency
    LEFT JOIN settlements c ON c.id = s.corrects
    WHERE s.purpose = 'donation' GROUP BY 1, 2, 3
), moved AS (
    SELECT livemode, currency, -hc_is_gift(amount, usd, unknown)::int AS gifts, -amount AS amount, -usd AS usd,
           -unconverted AS unconverted
    FROM part
    UNION ALL
    SELECT NULL, currency, hc_is_gift(sum(amount), sum(usd), sum(unknown)::bigint)::int, sum(amount), sum(usd),
           sum(unconverted)
    FROM part GROUP BY payment_id, currency
)
SELECT livemode, currency, CASE livemode WHEN true THEN 8 WHEN false THEN 16 ELSE 24 END, sum(gifts), sum(amount), sum(usd),
       sum(unconverted), now()
FROM moved GROUP BY livemode, currency ORDER BY livemode, currency
ON CONFLICT ON CONSTRAINT settlement_totals_pkey DO UPDATE SET
    charges = t.charges + excluded.charges,
    amount = t.amount + excluded.amount,
    usd_amount = t.usd_amount + excluded.usd_amount,
    unconverted = t.unconverted + excluded.unconverted,
    updated_at = excluded.updated_at;
COMMENT ON COLUMN settlement_totals.livemode IS 'NULL: of payments with an opening, which count in both modes';
-- @step online
DROP INDEX CONCURRENTLY IF EXISTS settlements_went_back_idx;

-- By these ids, Stripe's events name what the old software had asked Stripe for.
-- @step quick
CREATE OR REPLACE FUNCTION hc_payload_ids(payload jsonb) RETURNS text []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
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
    RETURN ARRAY(
        SELECT DISTINCT named #>> '{}'
        FROM jsonb_path_query(document, '$.** ? (@ like_regex "^(cs|pi|ch)_[A-Za-z0-9_]+$")', silent => true) AS named
    );
END
$$;
COMMENT ON FUNCTION hc_payload_ids(jsonb) IS 'the ids of sessions, intents and charges in Stripe''s answer, at any depth';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_payload_ids_idx
ON external_payments USING gin (hc_payload_ids(provider_payload)) WHERE kind = 'legacy';

-- What the old software says of a payment with an opening: refunded or disputed, all that is left of it goes back; paid
-- again, that is undone. Such a settlement has the payment's id as its reference. `partially_refunded` says no amount, so
-- it changes nothing. A dispute that Stripe has told us of is booked by what Stripe says.
-- @step quick
CREATE OR REPLACE FUNCTION hc_follow_old_payments(ids uuid []) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    old record;
    step record;
    booked bigint := 0;
BEGIN
    FOR old IN
        SELECT p.id, p.status, p.legacy_status, o.provider, o.livemode, o.currency
        FROM payments p JOIN settlements o ON o.payment_id = p.id AND o.kind = 'opening'
        WHERE p.id = ANY (ids) AND p.source IS NULL AND p.status IN ('completed', 'refunded', 'disputed')
        ORDER BY p.id FOR NO KEY UPDATE OF p
    LOOP
        FOR step IN
            WITH said AS (
                SELECT split_part(s.kind, '_', 1) AS kind, -sum(s.amount) AS amount,
                       CASE WHEN bool_and(s.usd_amount IS NOT NULL) THEN -sum(s.usd_amount) END AS usd
                FROM settlements s
                WHERE s.payment_id = old.id AND s.currency = old.currency AND s.kind ~ '^(refund|dispute)'
                  AND split_part(s.provider_ref, '/', 1) = old.id::text
                GROUP BY 1 HAVING sum(s.amount) < 0
            ), undone AS (
                SELECT kind, kind || '_reversal' AS booked_as, amount, usd FROM said
                WHERE kind <> CASE old.status WHEN 'refunded' THEN 'refund' WHEN 'disputed' THEN 'dispute' ELSE '' END
            ), rest AS (
                SELECT sum(amount) AS amount, CASE WHEN bool_and(usd IS NOT NULL) THEN sum(usd) END AS usd
                FROM (SELECT amount, usd_amount AS usd FROM settlements WHERE payment_id = old.id
                      UNION ALL SELECT amount, usd FROM undone) AS every
            )
            SELECT booked_as, amount, usd FROM undone
            UNION ALL
            SELECT CASE old.status WHEN 'refunded' THEN 'refund' ELSE 'dispute' END, -amount, -usd FROM rest
            WHERE old.status <> 'completed' AND amount > 0
              AND NOT EXISTS (SELECT FROM settlements WHERE payment_id = old.id AND currency <> old.currency)
              AND (old.status = 'refunded' OR coalesce((
                  SELECT sum(s.amount) FROM settlements s
                  WHERE s.payment_id = old.id AND s.kind IN ('dispute', 'dispute_reversal')
                    AND split_part(s.provider_ref, '/', 1) <> old.id::text), 0) >= 0)
        LOOP
            INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount,
                                     created_at)
            SELECT old.id, old.provider, old.livemode, step.booked_as,
                   old.id || CASE WHEN count(*) > 0 THEN '/' || count(*) + 1 ELSE '' END,
                   step.amount, old.currency, step.usd, clock_timestamp()
            FROM settlements s
            WHERE s.payment_id = old.id AND s.kind = step.booked_as
              AND split_part(s.provider_ref, '/', 1) = old.id::text;
            INSERT INTO payment_audit (actor, action, payment_id, details)
            SELECT 'old_software', 'old_payment_' || step.booked_as, old.id, jsonb_build_object(
                'to', old.status, 'text', old.legacy_status, 'amount', trim_scale(step.amount)::text,
                'currency', old.currency);
            booked := booked + 1;
        END LOOP;
    END LOOP;
    RETURN booked;
END
$$;
REVOKE ALL ON FUNCTION hc_follow_old_payments(uuid []) FROM public;
CREATE OR REPLACE FUNCTION hc_follow_old_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM hc_follow_old_payments(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_follow_old_payment() FROM public;
-- At the end of the transaction, when what a provider told us in it has been written too.
-- @step quick
DROP TRIGGER IF EXISTS follow_old_payment ON payments;
CREATE CONSTRAINT TRIGGER follow_old_payment AFTER UPDATE OF status ON payments
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (new.source IS NULL AND new.status = ANY ('{completed,refunded,disputed}'::text []))
EXECUTE FUNCTION hc_follow_old_payment();
-- What went back between the opening and the trigger.
-- @step batched payments
WITH page AS MATERIALIZED (
    SELECT id, source, status FROM payments
    WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT $2
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows,
       hc_follow_old_payments((
           SELECT array_agg(id) FROM page WHERE source IS NULL AND status = ANY ('{refunded,disputed}'::text [])
       )) AS booked;

-- A payment of ours is completed by a settlement. One that cost nothing has none: the audit log has its move instead.
-- @step quick
CREATE OR REPLACE FUNCTION hc_require_settlement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlements s WHERE s.payment_id = NEW.id AND s.kind IN ('charge', 'manual'))
        AND NOT EXISTS (SELECT FROM payment_audit a WHERE a.payment_id = NEW.id AND a.details ->> 'to' = NEW.status) THEN
        RAISE EXCEPTION 'payment % has no settlement: HingeCraft payments completes it when its provider says that it is paid', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_completed_settled';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_require_settlement() FROM public;
-- @step quick
DROP TRIGGER IF EXISTS payments_completed_settled ON payments;
CREATE CONSTRAINT TRIGGER payments_completed_settled AFTER UPDATE OF status ON payments
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (
    new.source IS NOT NULL AND new.status = 'completed'
    AND old.status <> ALL ('{completed,partially_refunded,refunded,disputed}'::text [])
) EXECUTE FUNCTION hc_require_settlement();
