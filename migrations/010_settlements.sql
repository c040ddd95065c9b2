-- Money that has moved, one row for each movement; the public total is made of nothing else.
-- @step quick
CREATE TABLE IF NOT EXISTS settlements (
    id uuid CONSTRAINT settlements_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    payment_id uuid NOT NULL,
    provider text NOT NULL,
    livemode boolean NOT NULL,
    kind text NOT NULL,
    provider_ref text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    usd_amount numeric,
    purpose text NOT NULL DEFAULT 'donation',
    CONSTRAINT settlements_movement_key UNIQUE (provider, livemode, kind, provider_ref),
    CONSTRAINT settlements_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT settlements_kind_known CHECK (
        kind IN ('charge', 'refund', 'dispute', 'dispute_reversal', 'opening', 'manual')
    ),
    CONSTRAINT settlements_purpose_known CHECK (purpose IN ('donation', 'credits', 'purchase')),
    CONSTRAINT settlements_amount_finite CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    CONSTRAINT settlements_signs CHECK (
        CASE WHEN kind IN ('refund', 'dispute') THEN amount <= 0 ELSE amount >= 0 END
        AND (usd_amount IS NULL OR sign(usd_amount) * sign(amount) >= 0)
    )
);
COMMENT ON COLUMN settlements.provider_ref IS 'the id of this movement at the provider; a transaction hash for a wallet';
COMMENT ON COLUMN settlements.usd_amount IS 'fixed once; NULL: nobody knew its worth that day, and the total says unconverted';
CREATE INDEX IF NOT EXISTS settlements_payment_idx ON settlements (payment_id);
CREATE TABLE IF NOT EXISTS fx_rates (
    currency text NOT NULL,
    day date NOT NULL,
    usd numeric NOT NULL,
    CONSTRAINT fx_rates_pkey PRIMARY KEY (currency, day),
    CONSTRAINT fx_rates_positive CHECK (usd > 0 AND usd < 'Infinity')
);
COMMENT ON COLUMN fx_rates.usd IS 'what one unit of the currency was worth that day';

-- Says which table it was.
-- @step quick
CREATE OR REPLACE FUNCTION hc_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = CASE WHEN TG_TABLE_NAME LIKE 'settlements%' THEN 'settlements' ELSE 'payment_audit' END || '_append_only';
END
$$;

-- The total is kept as it grows, so that nobody ever sums a million rows; a few rows of each currency spread the writers.
-- @step quick
CREATE TABLE IF NOT EXISTS settlement_totals (
    currency text NOT NULL,
    slot smallint NOT NULL,
    charges bigint NOT NULL DEFAULT 0,
    amount numeric NOT NULL DEFAULT 0,
    usd_amount numeric NOT NULL DEFAULT 0,
    unconverted numeric NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settlement_totals_pkey PRIMARY KEY (currency, slot)
);
CREATE OR REPLACE FUNCTION hc_add_to_total() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO settlement_totals AS t (currency, slot, charges, amount, usd_amount, unconverted, updated_at)
    SELECT currency, pg_backend_pid() % 8, count(*) FILTER (WHERE kind IN ('charge', 'opening', 'manual')),
           sum(amount), coalesce(sum(usd_amount), 0), coalesce(sum(amount) FILTER (WHERE usd_amount IS NULL), 0), now()
    FROM added WHERE purpose = 'donation' GROUP BY currency ORDER BY currency
    ON CONFLICT (currency, slot) DO UPDATE SET
        charges = t.charges + excluded.charges,
        amount = t.amount + excluded.amount,
        usd_amount = t.usd_amount + excluded.usd_amount,
        unconverted = t.unconverted + excluded.unconverted,
        updated_at = excluded.updated_at;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER settlement_counted AFTER INSERT ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_add_to_total();
CREATE OR REPLACE TRIGGER settlements_append_only BEFORE UPDATE OR DELETE ON settlements
FOR EACH ROW EXECUTE FUNCTION hc_refuse_change();
CREATE OR REPLACE TRIGGER settlements_no_truncate BEFORE TRUNCATE ON settlements
FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_change();

-- What the old software had been paid, so that the public total does not restart at zero.
-- @step batched payments
WITH page AS MATERIALIZED (
    SELECT p.id, p.amount, coalesce(nullif(hc_currency_key(p.currency), ''), 'XXX') AS currency, p.created_at, p.provider, p.source, p.status
    FROM payments p
    WHERE p.id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY p.id LIMIT $2
), opened AS (
    INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, created_at)
    SELECT page.id, coalesce(page.provider, 'other'), true, 'opening', page.id::text, page.amount, page.currency,
           CASE WHEN page.currency = 'USD' THEN page.amount END, coalesce(page.created_at, now())
    FROM page
    WHERE page.source IS NULL AND page.status = 'completed' AND page.amount > 0 AND page.amount < 'Infinity'
    ON CONFLICT ON CONSTRAINT settlements_movement_key DO NOTHING
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;
