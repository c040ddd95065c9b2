-- The rows of a ledger of the original design, page by page, in the order of their ids. These are numbers or UUIDs, so the
-- page is read by a statement that is made for their type.
-- @step quick
-- @unless SELECT to_regclass('original_credits_transactions') IS NULL
CREATE OR REPLACE FUNCTION hc_copy_original_credits(after text, most integer, OUT last_id text, OUT number bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    kind text := (
        SELECT format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = 'original_credits_transactions'::regclass AND attname = 'id'
    );
    newest bigint := (SELECT seqstart FROM pg_sequence WHERE seqrelid = 'credits_transactions_sequence'::regclass) - 1;
BEGIN
    EXECUTE format($copy$
        WITH page AS MATERIALIZED (
            SELECT o.id, coalesce(o.user_id, '00000000-0000-0000-0000-000000000000') AS owner,
                   o.stripe_event_id, o.stripe_payment_id, o.stripe_price_id, o.reason, o.plan_type, o.metadata,
                   o.created_at, coalesce(o.delta, 0) AS delta, row_number() OVER (ORDER BY o.id) AS place
            FROM original_credits_transactions AS o WHERE $1 IS NULL OR o.id > $1::%s ORDER BY o.id LIMIT $2
        ), copied AS (
            INSERT INTO credits_transactions (id, user_id, stripe_event_id, stripe_payment_id, stripe_price_id, delta, reason,
                plan_type, metadata, created_at, ref, balance_after)
            SELECT (SELECT coalesce(max(t.id), 0) FROM credits_transactions AS t WHERE t.id <= $3) + p.place,
                   p.owner, p.stripe_event_id, p.stripe_payment_id, p.stripe_price_id, p.delta,
                   coalesce(p.reason, 'legacy'), p.plan_type,
                   CASE jsonb_typeof(p.metadata::jsonb) WHEN 'object' THEN p.metadata::jsonb ELSE '{}' END,
                   coalesce(p.created_at, 'epoch'), 'legacy:' || p.id,
                   coalesce(before.balance_after, 0)
                       + sum(p.delta) OVER (PARTITION BY p.owner ORDER BY p.place)
            FROM page AS p LEFT JOIN LATERAL (
                SELECT t.balance_after FROM credits_transactions AS t
                WHERE t.user_id = p.owner AND t.id <= $3 ORDER BY t.id DESC NULLS LAST LIMIT 1
            ) AS before ON true
        )
        SELECT (SELECT p.id::text FROM page AS p ORDER BY p.place DESC LIMIT 1), (SELECT count(*) FROM page)
    $copy$, kind) INTO last_id, number USING coalesce(after, (
        -- Where a run was broken off and its cursor is lost, it goes on after the newest row that was copied.
        SELECT substr(t.ref, 8) FROM credits_transactions AS t WHERE t.id <= newest ORDER BY t.id DESC LIMIT 1
    )), most, newest;
END
$$;
REVOKE ALL ON FUNCTION hc_copy_original_credits(text, integer) FROM public;
-- @step batched original_credits_transactions
-- @unless SELECT to_regclass('original_credits_transactions') IS NULL
SELECT last_id AS cursor, number AS rows FROM hc_copy_original_credits($1, $2);
-- A table that somebody's own view needs is kept under another name, closed to everybody but its owner.
-- @step quick
-- @unless SELECT to_regclass('original_credits_transactions') IS NULL
-- Counting some millions of rows takes seconds.
SET LOCAL statement_timeout = '5min';
DO $$
BEGIN
    IF (SELECT count(*) FROM original_credits_transactions)
        <> (SELECT count(*) FROM credits_transactions WHERE ref LIKE 'legacy:%') THEN
        RAISE EXCEPTION 'not every row of the earlier ledger was copied';
    END IF;
    BEGIN
        DROP TABLE original_credits_transactions;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        ALTER TABLE original_credits_transactions RENAME TO credits_transactions_before;
    END;
    DROP FUNCTION hc_copy_original_credits(text, integer);
END
$$;
