-- Credits of members: a ledger that only grows, and one account row for each user that holds the sum of its rows.
-- @step quick
CREATE TABLE IF NOT EXISTS credit_accounts (
    user_id uuid CONSTRAINT credit_accounts_pkey PRIMARY KEY,
    balance integer NOT NULL DEFAULT 0,
    transaction_count bigint NOT NULL DEFAULT 0,
    first_transaction timestamptz,
    last_transaction timestamptz,
    by_plan jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT credit_accounts_balance_range CHECK (balance BETWEEN -2000000000 AND 2000000000)
) WITH (fillfactor = 50);
COMMENT ON TABLE credit_accounts IS 'the sum of each user''s rows in credits_transactions, written in the same transaction';
COMMENT ON COLUMN credit_accounts.by_plan IS 'the sum of the rows of each plan type; rows without one are only in the balance';
ALTER TABLE credit_accounts ENABLE ROW LEVEL SECURITY;

CREATE TABLE IF NOT EXISTS credit_prices (
    price_id text CONSTRAINT credit_prices_pkey PRIMARY KEY,
    code text NOT NULL,
    kind text NOT NULL,
    credits integer NOT NULL,
    plan_type text NOT NULL,
    reason text NOT NULL,
    amount numeric,
    currency text,
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT credit_prices_kind_known CHECK (kind IN ('pack', 'subscription')),
    CONSTRAINT credit_prices_credits_range CHECK (credits BETWEEN 1 AND 1000000),
    CONSTRAINT credit_prices_amount_whole CHECK ((amount IS NULL) = (currency IS NULL)),
    CONSTRAINT credit_prices_amount_range CHECK (amount >= 0 AND amount < 'Infinity')
);
COMMENT ON TABLE credit_prices IS 'packs and plans; a replaced price stays as an inactive row, so that its renewals still grant';
COMMENT ON COLUMN credit_prices.amount IS 'as Stripe has it; NULL: not read yet, so the price is not offered';
CREATE UNIQUE INDEX IF NOT EXISTS credit_prices_active_code_key ON credit_prices (code) WHERE active;
INSERT INTO credit_prices (price_id, code, kind, credits, plan_type, reason)
SELECT 'price_' || p.code, p.code, p.kind, p.credits, p.plan_type, p.reason
FROM (VALUES
    ('BASIC_MONTHLY', 'subscription', 100, 'basic', 'basic_plan_monthly'),
    ('PRO_MONTHLY', 'subscription', 500, 'vision_pro', 'vision_pro_monthly'),
    ('MAX_MONTHLY', 'subscription', 2000, 'vision_max', 'vision_max_monthly'),
    ('QUICK_SCAN', 'pack', 50, 'credits', 'quick_scan_purchase'),
    ('POWER_PACK', 'pack', 250, 'credits', 'power_pack_purchase'),
    ('PROFESSIONAL', 'pack', 600, 'credits', 'professional_purchase'),
    ('ENTERPRISE', 'pack', 1000, 'credits', 'enterprise_purchase')
) AS p (code, kind, credits, plan_type, reason)
WHERE NOT EXISTS (SELECT FROM credit_prices c WHERE c.code = p.code)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS credits_balance_refreshes (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT credits_balance_refreshes_one_row CHECK (only_row),
    refreshed_at timestamptz NOT NULL
);
COMMENT ON TABLE credits_balance_refreshes IS 'when credits_balance_mv was refreshed last: one row';
INSERT INTO credits_balance_refreshes (refreshed_at) VALUES ('-infinity') ON CONFLICT DO NOTHING;
CREATE SEQUENCE IF NOT EXISTS credits_transactions_sequence;

-- A ledger of the original design refers to auth.users. Dropping that locks auth.users too, so it is a step of its own.
-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('credits_transactions') AND conname = 'credits_transactions_account_fkey')
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
        WHERE conrelid = to_regclass('credits_transactions') AND contype = 'f'
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

-- A ledger of the original design is taken over. Its rows are copied after this step, with the ids from 1 on; the accounts
-- and the ids of new rows are right from here on. Its functions, policies and view would let users give themselves credits.
-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('credits_transactions') AND conname = 'credits_transactions_account_fkey')
-- Summing a million rows takes a second and a half.
SET LOCAL statement_timeout = '30s';
DO $$
DECLARE
    home regnamespace := quote_ident(current_schema())::regnamespace;
    view_kind text := (
        SELECT CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END
        FROM pg_class WHERE oid = to_regclass('credits_balance_mv')
    );
    old record;
BEGIN
    -- A view that somebody's own view needs is kept under another name, closed to everybody but its owner.
    IF view_kind IS NOT NULL THEN
        BEGIN
            EXECUTE format('DROP %s credits_balance_mv', view_kind);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            ALTER TABLE credits_balance_mv RENAME TO credits_balance_mv_before;
            REVOKE ALL ON credits_balance_mv_before FROM public;
            FOR old IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
                EXECUTE format('REVOKE ALL ON credits_balance_mv_before FROM %I', old.rolname);
            END LOOP;
        END;
    END IF;
    FOR old IN
        SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass) AS statement FROM pg_policy
        WHERE polrelid = to_regclass('credits_transactions')
        UNION ALL
        SELECT format('DROP ROUTINE %s', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = home AND proname IN ('get_user_credit_balance', 'get_user_credit_balance_fast',
            'add_user_credits', 'spend_user_credits', 'refresh_credits_balance')
        UNION ALL
        SELECT format('ALTER INDEX %s RENAME TO %I', indexrelid::regclass, 'original_credits_' || indexrelid) FROM pg_index
        WHERE indrelid = to_regclass('credits_transactions')
    LOOP
        EXECUTE old.statement;
    END LOOP;
    IF to_regclass('credits_transactions') IS NOT NULL THEN
        ALTER TABLE credits_transactions RENAME TO original_credits_transactions;
        ALTER TABLE original_credits_transactions
            ADD COLUMN IF NOT EXISTS plan_type text, ADD COLUMN IF NOT EXISTS metadata jsonb,
            ADD COLUMN IF NOT EXISTS created_at timestamptz, ADD COLUMN IF NOT EXISTS reason text,
            ADD COLUMN IF NOT EXISTS stripe_event_id text, ADD COLUMN IF NOT EXISTS stripe_payment_id text,
            ADD COLUMN IF NOT EXISTS stripe_price_id text;
        INSERT INTO credit_accounts (user_id, balance, transaction_count, first_transaction, last_transaction, by_plan)
        SELECT user_id, sum(delta), sum(number), min(first), max(last),
               coalesce(jsonb_object_agg(plan_type, delta) FILTER (WHERE plan_type IS NOT NULL), '{}')
        FROM (
            SELECT coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id, plan_type,
                   coalesce(sum(delta), 0) AS delta, count(*) AS number, min(created_at) AS first, max(created_at) AS last
            FROM original_credits_transactions GROUP BY 1, 2
        ) AS parts GROUP BY user_id;
        EXECUTE format('ALTER SEQUENCE credits_transactions_sequence START %1$s RESTART %1$s',
            (SELECT count(*) + 1 FROM original_credits_transactions));
        REVOKE ALL ON original_credits_transactions FROM public;
        FOR old IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
            EXECUTE format('REVOKE ALL ON original_credits_transactions FROM %I', old.rolname);
        END LOOP;
    END IF;
END
$$;
CREATE TABLE credits_transactions (
    id bigint CONSTRAINT credits_transactions_pkey PRIMARY KEY DEFAULT nextval('credits_transactions_sequence'),
    user_id uuid NOT NULL,
    stripe_event_id text,
    stripe_payment_id text,
    stripe_price_id text,
    delta integer NOT NULL,
    reason text NOT NULL,
    plan_type text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ref text NOT NULL CONSTRAINT credits_transactions_ref_key UNIQUE,
    balance_after integer NOT NULL,
    CONSTRAINT credits_transactions_account_fkey FOREIGN KEY (user_id) REFERENCES credit_accounts (user_id),
    CONSTRAINT credits_transactions_moves CHECK (delta <> 0 OR ref LIKE 'legacy:%'),
    CONSTRAINT credits_transactions_metadata_object CHECK (jsonb_typeof(metadata) = 'object')
);
COMMENT ON COLUMN credits_transactions.ref IS 'names what may happen only once, such as spend:<user>/<reference>';
COMMENT ON COLUMN credits_transactions.balance_after IS 'the user''s balance after this row, in the order of the ids';
COMMENT ON COLUMN credits_transactions.stripe_event_id IS 'the event, or the object that reconciliation read';
-- Not the order that the primary key has backwards: a page of somebody's old rows is never looked for among all newer ones.
CREATE INDEX credits_transactions_user_idx ON credits_transactions (user_id, id DESC NULLS LAST) INCLUDE (delta);
CREATE INDEX credits_transactions_event_idx ON credits_transactions (stripe_event_id, stripe_price_id)
WHERE stripe_event_id IS NOT NULL;
ALTER TABLE credits_transactions ENABLE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION hc_refuse_credits_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'credits_transactions is append-only: % is rejected; add a row that takes back instead', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'credits_transactions_append_only';
END
$$;
REVOKE ALL ON FUNCTION hc_refuse_credits_change() FROM public;
CREATE TRIGGER credits_transactions_append_only BEFORE UPDATE OR DELETE ON credits_transactions
FOR EACH ROW EXECUTE FUNCTION hc_refuse_credits_change();
CREATE TRIGGER credits_transactions_no_truncate BEFORE TRUNCATE ON credits_transactions
FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_credits_change();
CREATE MATERIALIZED VIEW credits_balance_mv AS
SELECT user_id, balance, transaction_count, last_transaction, first_transaction FROM credit_accounts;
CREATE UNIQUE INDEX credits_balance_mv_user_key ON credits_balance_mv (user_id);

-- Row-level security: the claims are read once for each statement, since the sub-select does not depend on the row. The
-- setting is '' after a transaction that had set it. Roles that were granted a table by name read all of its rows, by
-- policies that `hingecraft migrate` keeps.
-- @step quick
DROP POLICY IF EXISTS own_rows ON credits_transactions;
CREATE POLICY own_rows ON credits_transactions FOR SELECT USING (
    user_id = (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
);
DROP POLICY IF EXISTS own_rows ON credit_accounts;
CREATE POLICY own_rows ON credit_accounts FOR SELECT USING (
    user_id = (SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
);

-- The only way into the ledger. Entries are objects with the columns of a row, and `below_zero` where the balance may
-- become negative. All accounts are locked first, in the order of their users, so that batches cannot deadlock; what
-- was written under a ref before is then visible. Outcomes: written, repeated (the first row's answer), reused (the ref
-- has another amount), insufficient (the ref stays free).
-- @step quick
CREATE OR REPLACE FUNCTION hc_write_credits(entries jsonb)
RETURNS TABLE (place bigint, outcome text, transaction_id bigint, balance integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    entry record;
    known record;
    held_by uuid;
    held bigint;
    locked uuid [];
    written bigint [] := '{}';
BEGIN
    INSERT INTO credit_accounts (user_id)
    SELECT DISTINCT e.user_id FROM jsonb_to_recordset(entries) AS e (user_id uuid, delta integer, below_zero boolean)
    WHERE e.delta > 0 OR e.below_zero ORDER BY e.user_id
    ON CONFLICT DO NOTHING;
    locked := ARRAY(
        SELECT a.user_id FROM credit_accounts AS a
        WHERE a.user_id IN (SELECT e.user_id FROM jsonb_to_recordset(entries) AS e (user_id uuid))
        ORDER BY a.user_id FOR NO KEY UPDATE
    );
    FOR entry IN
        SELECT e.* FROM ROWS FROM (jsonb_to_recordset(entries) AS (
            user_id uuid, stripe_event_id text, stripe_payment_id text, stripe_price_id text, delta integer, reason text,
            plan_type text, metadata jsonb, ref text, below_zero boolean
        )) WITH ORDINALITY AS e (
            user_id, stripe_event_id, stripe_payment_id, stripe_price_id, delta, reason, plan_type, metadata, ref, below_zero,
            place
        ) ORDER BY e.user_id, e.place
    LOOP
        IF held_by IS DISTINCT FROM entry.user_id THEN
            held_by := entry.user_id;
            -- An account that was made after the locks were taken may be changing right now, so nothing is taken from it.
            held := coalesce(
                (SELECT a.balance FROM credit_accounts AS a WHERE a.user_id = held_by AND a.user_id = ANY (locked)), 0
            );
        END IF;
        place := entry.place;
        transaction_id := NULL;
        IF entry.delta > 0 OR entry.below_zero OR held + entry.delta >= 0 THEN
            INSERT INTO credits_transactions (
                user_id, stripe_event_id, stripe_payment_id, stripe_price_id, delta, reason, plan_type, metadata, ref,
                balance_after
            ) VALUES (
                entry.user_id, entry.stripe_event_id, entry.stripe_payment_id, entry.stripe_price_id, entry.delta,
                entry.reason, entry.plan_type, coalesce(entry.metadata, '{}'), entry.ref, held + entry.delta
            ) ON CONFLICT ON CONSTRAINT credits_transactions_ref_key DO NOTHING RETURNING id INTO transaction_id;
        END IF;
        IF transaction_id IS NOT NULL THEN
            held := held + entry.delta;
            written := written || transaction_id;
            outcome := 'written';
            balance := held;
        ELSE
            SELECT t.id, t.user_id, t.delta, t.balance_after INTO known
            FROM credits_transactions AS t WHERE t.ref = entry.ref;
            outcome := CASE
                WHEN known.id IS NULL THEN 'insufficient'
                WHEN (known.user_id, known.delta) = (entry.user_id, entry.delta) THEN 'repeated'
                ELSE 'reused' END;
            transaction_id := known.id;
            balance := CASE WHEN known.id IS NULL THEN held ELSE known.balance_after END;
        END IF;
        RETURN NEXT;
    END LOOP;
    UPDATE credit_accounts AS a SET
        balance = a.balance + w.delta,
        transaction_count = a.transaction_count + w.number,
        first_transaction = coalesce(a.first_transaction, w.first),
        last_transaction = w.last,
        by_plan = CASE WHEN w.plans IS NULL THEN a.by_plan ELSE a.by_plan || (
            SELECT jsonb_object_agg(p.key, coalesce((a.by_plan ->> p.key)::bigint, 0) + p.value::bigint)
            FROM jsonb_each_text(w.plans) AS p
        ) END
    FROM (
        SELECT p.user_id, sum(p.delta) AS delta, sum(p.number) AS number, min(p.first) AS first, max(p.last) AS last,
               jsonb_object_agg(p.plan_type, p.delta) FILTER (WHERE p.plan_type IS NOT NULL) AS plans
        FROM (
            SELECT t.user_id, t.plan_type, sum(t.delta) AS delta, count(*) AS number, min(t.created_at) AS first,
                   max(t.created_at) AS last
            FROM credits_transactions AS t WHERE t.id = ANY (written) GROUP BY t.user_id, t.plan_type
        ) AS p GROUP BY p.user_id
    ) AS w
    WHERE a.user_id = w.user_id;
END
$$;
REVOKE ALL ON FUNCTION hc_write_credits(jsonb) FROM public;

CREATE OR REPLACE FUNCTION spend_user_credits(
    target_user_id uuid, amount integer, reference text, transaction_reason text
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    spent record;
BEGIN
    IF target_user_id IS NULL OR coalesce(amount NOT BETWEEN 1 AND 1000000, true)
        OR coalesce(length(reference) NOT BETWEEN 1 AND 200, true) THEN
        RAISE EXCEPTION 'spend 1 to 1,000,000 credits of a user, under a reference of 1 to 200 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT w.* INTO spent FROM hc_write_credits(jsonb_build_array(jsonb_build_object(
        'user_id', target_user_id, 'delta', -amount, 'ref', 'spend:' || target_user_id || '/' || reference,
        'reason', coalesce(transaction_reason, 'spend')
    ))) AS w;
    IF spent.outcome = 'insufficient' THEN
        RAISE EXCEPTION 'not enough credits: the balance is %', spent.balance USING ERRCODE = 'HC402';
    ELSIF spent.outcome = 'reused' THEN
        RAISE EXCEPTION 'this reference was used for another amount' USING ERRCODE = 'HC422';
    END IF;
    RETURN spent.balance;
END
$$;
REVOKE ALL ON FUNCTION spend_user_credits(uuid, integer, text, text) FROM public;

-- Once for each event and price, also where the original's rows or our own grant has it.
CREATE OR REPLACE FUNCTION add_user_credits(
    target_user_id uuid, credit_amount integer, stripe_event_id text, stripe_payment_id text, stripe_price_id text,
    transaction_reason text, transaction_plan_type text
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    added record;
    granted boolean;
BEGIN
    IF target_user_id IS NULL OR credit_amount IS NULL OR credit_amount = 0
        OR add_user_credits.stripe_event_id IS NULL OR transaction_reason IS NULL THEN
        RAISE EXCEPTION 'a grant needs a user, an amount that is not 0, an event and a reason'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass('original_credits_transactions') IS NOT NULL THEN
        RAISE EXCEPTION 'the earlier ledger is still being copied, so a repeat cannot be recognized: try again in a minute'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('grant:' || add_user_credits.stripe_event_id, 0));
    SELECT bool_or(t.user_id = target_user_id) INTO granted FROM credits_transactions AS t
    WHERE t.stripe_event_id = add_user_credits.stripe_event_id
      AND coalesce(t.stripe_price_id, '') = coalesce(add_user_credits.stripe_price_id, '')
      AND sign(t.delta) = sign(credit_amount);
    IF granted THEN
        RETURN true;
    ELSIF NOT granted THEN
        RAISE EXCEPTION 'the event % has granted this price to another user', add_user_credits.stripe_event_id
            USING ERRCODE = 'unique_violation';
    END IF;
    SELECT w.* INTO added FROM hc_write_credits(jsonb_build_array(jsonb_build_object(
        'user_id', target_user_id, 'delta', credit_amount, 'reason', transaction_reason, 'plan_type', transaction_plan_type,
        'stripe_event_id', add_user_credits.stripe_event_id, 'stripe_payment_id', add_user_credits.stripe_payment_id,
        'stripe_price_id', add_user_credits.stripe_price_id, 'below_zero', credit_amount < 0,
        'ref', add_user_credits.stripe_event_id || '/' || coalesce(add_user_credits.stripe_price_id, '')
    ))) AS w;
    IF added.outcome <> 'written' THEN
        RAISE EXCEPTION 'the event % has granted this price to another user', add_user_credits.stripe_event_id
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION add_user_credits(uuid, integer, text, text, text, text, text) FROM public;

-- With the rights of the caller, so that row-level security holds for whatever role it is.
-- @step quick
CREATE OR REPLACE FUNCTION get_user_credit_balance(target_user_id uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF current_user IN ('anon', 'authenticated') AND target_user_id IS DISTINCT FROM
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid THEN
        RAISE EXCEPTION 'users can read only their own balance' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN coalesce((SELECT a.balance FROM credit_accounts AS a WHERE a.user_id = target_user_id), 0);
END
$$;
REVOKE ALL ON FUNCTION get_user_credit_balance(uuid) FROM public;
CREATE OR REPLACE FUNCTION get_user_credit_balance_fast(target_user_id uuid) RETURNS integer
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$ SELECT get_user_credit_balance(target_user_id) $$;
REVOKE ALL ON FUNCTION get_user_credit_balance_fast(uuid) FROM public;

-- Answers whether it was refreshed. New rows are found by their number, which the view has for each user.
CREATE OR REPLACE FUNCTION refresh_credits_balance() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('refresh_credits_balance')) THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT FROM credits_balance_refreshes AS r WHERE r.refreshed_at > clock_timestamp() - interval '5 minutes'
    ) OR (SELECT coalesce(sum(a.transaction_count), 0) FROM credit_accounts AS a)
        = (SELECT coalesce(sum(v.transaction_count), 0) FROM credits_balance_mv AS v) THEN
        RETURN false;
    END IF;
    REFRESH MATERIALIZED VIEW CONCURRENTLY credits_balance_mv;
    UPDATE credits_balance_refreshes SET refreshed_at = clock_timestamp();
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION refresh_credits_balance() FROM public;
