-- To grant credits for events, their locks are taken and then what `add_user_credits` has granted for them is read. Both
-- in one call save a round trip to Postgres for each payment. They are two statements of a function, because a single
-- statement would see the rows from before it waited for a lock.
-- @step quick
CREATE OR REPLACE FUNCTION hc_hold_grants(events text[]) RETURNS TABLE (event text, price_id text)
LANGUAGE plpgsql
SET search_path FROM CURRENT SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('grant:' || named.id, 0))
    FROM (SELECT DISTINCT e.id FROM unnest(events) AS e (id) ORDER BY e.id) AS named;
    RETURN QUERY
    SELECT t.stripe_event_id, t.stripe_price_id FROM credits_transactions AS t
    WHERE t.stripe_event_id = ANY (events) AND t.delta > 0;
END
$$;
REVOKE ALL ON FUNCTION hc_hold_grants(text[]) FROM public;
COMMENT ON FUNCTION hc_hold_grants(text[]) IS 'what add_user_credits has granted for the events; until the transaction ends, it grants nothing for them';
