-- Events that need a question to their provider are worked on in places of their own.
-- @step quick
ALTER TABLE provider_events ADD COLUMN IF NOT EXISTS must_ask boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN provider_events.must_ask IS 'the provider has to be asked before it can be applied: it is claimed only by who asks';

-- A prefill may only be deleted when no payment names it, which each deletion has to look up.
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_intent_idx ON payments (intent_id) WHERE intent_id IS NOT NULL;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS contribution_intent_expired_idx ON "ContributionIntent" (expires_at)
WHERE expires_at IS NOT NULL;
-- What a crash has left, also where the checkout has ended and the payment has not.
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_unfinished_idx ON payments (created_at)
WHERE status IN ('creating', 'unknown');

-- Prefills of before the retention deleted any; later ones go within the window that it looks at.
-- @step batched ContributionIntent
WITH page AS (
    SELECT i."_id", i.expires_at < now() - interval '7 days' AS old
    FROM "ContributionIntent" i WHERE ($1::text IS NULL OR i."_id" > $1) ORDER BY i."_id" LIMIT $2
), gone AS (
    DELETE FROM "ContributionIntent" i USING page
    WHERE i."_id" = page."_id" AND page.old AND NOT EXISTS (SELECT FROM payments p WHERE p.intent_id = i."_id")
    RETURNING 1
)
SELECT max("_id") AS cursor, count(*) AS rows FROM page;

-- Raw bodies, messages and personal data go after RETENTION_DAYS, unused prefills after a week; what is still to be
-- done never does. One call does a small share of it, so that it ends in time and may be broken off anywhere.
-- @step quick
CREATE OR REPLACE FUNCTION hc_forget(days int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1s' AS $$
DECLARE
    most CONSTANT int := 5000;
    oldest timestamptz := now() - make_interval(days => days);
    part record;
    busy boolean;
    gone int := 0;
    step int;
BEGIN
    IF days < 1 THEN
        RAISE EXCEPTION 'at least one day is kept';
    END IF;
    -- A month that is over goes whole; of one that has to stay, and of rows without a month, what is done with.
    FOR part IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname LIKE '%\_default' AS is_default,
               CASE p.relname WHEN 'outbox' THEN 'state <> ''pending''' ELSE 'processed_at IS NOT NULL' END AS done,
               CASE p.relname WHEN 'outbox' THEN 'created_at' ELSE 'received_at' END AS moment
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE p.oid IN (to_regclass('provider_events'), to_regclass('outbox'))
          AND (c.relname LIKE '%\_default' OR (c.relname ~ '_\d{4}_\d{2}$'
               AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= oldest))
        ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE NOT (%s))', part.name, part.done) INTO busy;
        IF busy OR part.is_default THEN
            EXECUTE format('DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE %I < $1 AND %s LIMIT $2))',
                part.name, part.name, part.moment, part.done) USING oldest, most - gone;
            GET DIAGNOSTICS step = ROW_COUNT;
            gone := gone + step;
        ELSE
            BEGIN
                EXECUTE format('DROP TABLE %s', part.name);
                RETURN gone + 1;
            EXCEPTION WHEN lock_not_available THEN
                RAISE WARNING '% is in use and stays for now', part.name;
            END;
        END IF;
    END LOOP;
    DELETE FROM provider_event_ids WHERE ctid = ANY (ARRAY(
        SELECT k.ctid FROM provider_event_ids k WHERE k.received_at < oldest AND NOT EXISTS (
            SELECT FROM provider_events e
            WHERE e.source = k.source AND e.event_id = k.event_id AND e.processed_at IS NULL)
        LIMIT most - gone));
    GET DIAGNOSTICS step = ROW_COUNT;
    gone := gone + step;
    DELETE FROM reconcile_runs WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM reconcile_runs WHERE finished_at < oldest LIMIT most - gone));
    GET DIAGNOSTICS step = ROW_COUNT;
    gone := gone + step;
    UPDATE "ContributionIntent" SET user_info = NULL WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM "ContributionIntent" WHERE "_createdDate" < oldest AND user_info IS NOT NULL
        LIMIT most - gone));
    GET DIAGNOSTICS step = ROW_COUNT;
    gone := gone + step;
    UPDATE external_payments SET request = request - 'customer_email' WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM external_payments WHERE created_at < oldest AND request ? 'customer_email'
        LIMIT most - gone));
    GET DIAGNOSTICS step = ROW_COUNT;
    gone := gone + step;
    BEGIN
        DELETE FROM "ContributionIntent" WHERE ctid = ANY (ARRAY(
            SELECT i.ctid FROM "ContributionIntent" i
            WHERE i.expires_at BETWEEN now() - interval '60 days' AND now() - interval '7 days'
              AND NOT EXISTS (SELECT FROM payments p WHERE p.intent_id = i."_id")
            LIMIT most - gone FOR UPDATE SKIP LOCKED));
        GET DIAGNOSTICS step = ROW_COUNT;
        gone := gone + step;
    EXCEPTION WHEN foreign_key_violation THEN
        -- Somebody has given through one of them just now: the next call sees it.
        gone := gone + 1;
    END;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION hc_forget(int) FROM public;
COMMENT ON FUNCTION hc_forget(int) IS 'answers how much it has done: there is more until that is 0';
