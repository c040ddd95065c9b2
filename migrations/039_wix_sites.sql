-- The Wix app: sites that have it, their plans by Wix's events and answers, and the credits that come with a plan.
-- @step quick
CREATE TABLE IF NOT EXISTS wix_plans (
    plan text CONSTRAINT wix_plans_pkey PRIMARY KEY,
    credits integer NOT NULL,
    rank integer NOT NULL CONSTRAINT wix_plans_rank_key UNIQUE,
    CONSTRAINT wix_plans_credits_range CHECK (credits BETWEEN 0 AND 1000000)
);
COMMENT ON TABLE wix_plans IS 'the plans of the Wix app';
COMMENT ON COLUMN wix_plans.credits IS 'for each billing period; those of free are for the trial, once';
COMMENT ON COLUMN wix_plans.rank IS 'a change to a lower rank is a downgrade';
INSERT INTO wix_plans (plan, credits, rank) VALUES ('free', 3, 0), ('starter', 50, 1), ('pro', 100, 2), ('agency', 300, 3)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS wix_plan_names (
    name text CONSTRAINT wix_plan_names_pkey PRIMARY KEY,
    plan text NOT NULL,
    cycle text,
    is_product boolean NOT NULL DEFAULT false,
    CONSTRAINT wix_plan_names_plan_fkey FOREIGN KEY (plan) REFERENCES wix_plans (plan),
    CONSTRAINT wix_plan_names_lower_case CHECK (name = lower(name) AND char_length(name) BETWEEN 1 AND 255),
    CONSTRAINT wix_plan_names_cycle_known CHECK (cycle IN ('MONTHLY', 'YEARLY'))
);
COMMENT ON TABLE wix_plan_names IS 'the names by which callers and Wix mean a plan; they are compared in lower case';
COMMENT ON COLUMN wix_plan_names.cycle IS 'the billing cycle that the name implies; NULL: none';
COMMENT ON COLUMN wix_plan_names.is_product IS 'it is a product id in the app''s dashboard at Wix';
CREATE INDEX IF NOT EXISTS wix_plan_names_plan_idx ON wix_plan_names (plan);
INSERT INTO wix_plan_names (name, plan, cycle)
SELECT plan || variant.ending, plan, variant.cycle
FROM wix_plans
CROSS JOIN (VALUES ('', NULL), ('-plan', NULL), ('-monthly', 'MONTHLY'), ('-yearly', 'YEARLY')) AS variant (ending, cycle)
ON CONFLICT DO NOTHING;

-- @step quick
CREATE TABLE IF NOT EXISTS wix_sites (
    instance_id uuid CONSTRAINT wix_sites_pkey PRIMARY KEY,
    origin_instance_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    installed_at timestamptz NOT NULL,
    removed_at timestamptz,
    owner_email text,
    plan text NOT NULL DEFAULT 'free',
    product text,
    cycle text,
    invoice_id text,
    period_start timestamptz,
    period_end timestamptz,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    access_ends_at timestamptz,
    payment_failed_at timestamptz,
    checked_at timestamptz,
    claimed_until timestamptz,
    CONSTRAINT wix_sites_plan_fkey FOREIGN KEY (plan) REFERENCES wix_plans (plan),
    CONSTRAINT wix_sites_email_length CHECK (char_length(owner_email) <= 320)
);
COMMENT ON TABLE wix_sites IS 'one row for each Wix site that has, or had, the app';
COMMENT ON COLUMN wix_sites.origin_instance_id IS 'the site that this one was duplicated from';
COMMENT ON COLUMN wix_sites.installed_at IS 'when it was last known to have the app';
COMMENT ON COLUMN wix_sites.removed_at IS 'when the app was last removed; the site has the app only if this is NULL or earlier than installed_at';
COMMENT ON COLUMN wix_sites.plan IS 'what follows from wix_plan_facts, as the following columns; see access_ends_at';
COMMENT ON COLUMN wix_sites.product IS 'the plan as Wix names it';
COMMENT ON COLUMN wix_sites.access_ends_at IS 'from then on the plan is free; NULL: it goes on';
COMMENT ON COLUMN wix_sites.payment_failed_at IS 'when Wix last said that a payment had failed; NULL: it is paid';
COMMENT ON COLUMN wix_sites.checked_at IS 'when Wix was last asked about this site';
COMMENT ON COLUMN wix_sites.claimed_until IS 'until when one process asks Wix about it';
CREATE INDEX IF NOT EXISTS wix_sites_plan_idx ON wix_sites (plan, checked_at) WHERE plan <> 'free';

CREATE TABLE IF NOT EXISTS wix_plan_facts (
    instance_id uuid NOT NULL,
    fact_id text NOT NULL,
    kind text NOT NULL,
    happened_at timestamptz NOT NULL,
    details jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT wix_plan_facts_pkey PRIMARY KEY (instance_id, fact_id),
    CONSTRAINT wix_plan_facts_site_fkey FOREIGN KEY (instance_id) REFERENCES wix_sites (instance_id)
);
COMMENT ON TABLE wix_plan_facts IS 'what Wix has told about plans: its events, and its answers about a site; the plan follows from all of a site''s, in the order of happened_at';

-- @step quick
CREATE TABLE IF NOT EXISTS wix_credit_accounts (
    instance_id uuid CONSTRAINT wix_credit_accounts_pkey PRIMARY KEY,
    allowance integer NOT NULL DEFAULT 0,
    trial integer NOT NULL DEFAULT 0,
    bought integer NOT NULL DEFAULT 0,
    used integer NOT NULL DEFAULT 0,
    allowance_ends_at timestamptz,
    period_start timestamptz,
    period_product text,
    period_cycle text,
    period_invoice text,
    CONSTRAINT wix_credit_accounts_site_fkey FOREIGN KEY (instance_id) REFERENCES wix_sites (instance_id),
    CONSTRAINT wix_credit_accounts_balance_range CHECK (
        allowance BETWEEN 0 AND 2000000000 AND trial BETWEEN 0 AND 2000000000 AND bought BETWEEN 0 AND 2000000000
    )
) WITH (fillfactor = 50);
COMMENT ON TABLE wix_credit_accounts IS 'the sum of each site''s rows in wix_credits, written in the same transaction';
COMMENT ON COLUMN wix_credit_accounts.allowance IS 'credits of the plan that are left in this period';
COMMENT ON COLUMN wix_credit_accounts.used IS 'credits that were spent in this period, of all kinds';
COMMENT ON COLUMN wix_credit_accounts.allowance_ends_at IS 'from then on the allowance counts no more; NULL: it goes on';
COMMENT ON COLUMN wix_credit_accounts.period_start IS 'the period that the allowance was granted for; NULL: none yet';

CREATE SEQUENCE IF NOT EXISTS wix_credits_id_seq;
CREATE TABLE IF NOT EXISTS wix_credits (
    id bigint DEFAULT nextval('wix_credits_id_seq') CONSTRAINT wix_credits_pkey PRIMARY KEY,
    instance_id uuid NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    allowance integer NOT NULL DEFAULT 0,
    trial integer NOT NULL DEFAULT 0,
    bought integer NOT NULL DEFAULT 0,
    credits_after integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT wix_credits_account_fkey FOREIGN KEY (instance_id) REFERENCES wix_credit_accounts (instance_id),
    CONSTRAINT wix_credits_reference_key UNIQUE (instance_id, kind, reference),
    CONSTRAINT wix_credits_kind_known CHECK (kind IN ('trial', 'plan', 'bought', 'spend', 'lapse', 'taken_back')),
    CONSTRAINT wix_credits_reference_length CHECK (char_length(reference) BETWEEN 1 AND 400)
);
COMMENT ON TABLE wix_credits IS 'every change of a site''s credits; rows are never changed';
COMMENT ON COLUMN wix_credits.reference IS 'names what may happen only once for each site and kind';
COMMENT ON COLUMN wix_credits.allowance IS 'what was added to the plan''s credits of the period, or taken if negative; the next two likewise';
COMMENT ON COLUMN wix_credits.credits_after IS 'all credits that could be spent after it';
CREATE OR REPLACE FUNCTION hc_refuse_wix_credits_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'wix_credits is append-only: % is rejected; add a row that takes back instead', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wix_credits_append_only';
END
$$;
REVOKE ALL ON FUNCTION hc_refuse_wix_credits_change() FROM public;
CREATE OR REPLACE TRIGGER wix_credits_append_only BEFORE UPDATE OR DELETE ON wix_credits
FOR EACH ROW EXECUTE FUNCTION hc_refuse_wix_credits_change();
CREATE OR REPLACE TRIGGER wix_credits_no_truncate BEFORE TRUNCATE ON wix_credits
FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_wix_credits_change();

-- Spends once for each reference, never below zero: the plan's credits first, since they lapse, then the trial's, then
-- bought ones. Outcomes: spent, repeated (the first answer), reused (the reference has another amount), insufficient
-- (the reference stays free).
-- @step quick
CREATE OR REPLACE FUNCTION hc_spend_wix_credits(site uuid, amount integer, spend_reference text)
RETURNS TABLE (outcome text, credits integer)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    account wix_credit_accounts;
    earlier wix_credits;
    lasting integer;
    from_allowance integer;
    from_trial integer;
BEGIN
    SELECT a.* INTO STRICT account FROM wix_credit_accounts a WHERE a.instance_id = site FOR UPDATE;
    SELECT c.* INTO earlier FROM wix_credits c
    WHERE c.instance_id = site AND c.kind = 'spend' AND c.reference = spend_reference;
    IF FOUND THEN
        RETURN QUERY SELECT
            CASE WHEN -(earlier.allowance + earlier.trial + earlier.bought) = amount THEN 'repeated' ELSE 'reused' END,
            earlier.credits_after;
        RETURN;
    END IF;
    lasting := CASE WHEN account.allowance_ends_at <= clock_timestamp() THEN 0 ELSE account.allowance END;
    credits := lasting + account.trial + account.bought;
    IF credits < amount THEN
        RETURN QUERY SELECT 'insufficient', credits;
        RETURN;
    END IF;
    from_allowance := least(lasting, amount);
    from_trial := least(account.trial, amount - from_allowance);
    credits := credits - amount;
    UPDATE wix_credit_accounts a SET
        allowance = a.allowance - from_allowance, trial = a.trial - from_trial,
        bought = a.bought - (amount - from_allowance - from_trial), used = a.used + amount
    WHERE a.instance_id = site;
    INSERT INTO wix_credits (instance_id, kind, reference, allowance, trial, bought, credits_after)
    VALUES (
        site, 'spend', spend_reference, -from_allowance, -from_trial, -(amount - from_allowance - from_trial), credits
    );
    RETURN QUERY SELECT 'spent', credits;
END
$$;
REVOKE ALL ON FUNCTION hc_spend_wix_credits(uuid, integer, text) FROM public;

CREATE TABLE IF NOT EXISTS wix_site_settings (
    instance_id uuid NOT NULL,
    name text NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT wix_site_settings_pkey PRIMARY KEY (instance_id, name),
    CONSTRAINT wix_site_settings_site_fkey FOREIGN KEY (instance_id) REFERENCES wix_sites (instance_id)
);
COMMENT ON TABLE wix_site_settings IS 'what a site''s owner has set; a name without a row has its default';

-- A site is not a user: nobody but the application reads these.
-- @step quick
ALTER TABLE wix_sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE wix_plan_facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE wix_credit_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE wix_credits ENABLE ROW LEVEL SECURITY;
ALTER TABLE wix_site_settings ENABLE ROW LEVEL SECURITY;
