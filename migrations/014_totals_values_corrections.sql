-- Totals are kept for each mode, a value that was unknown may become known once, and an admin may correct a value.
-- @step quick
ALTER TABLE settlements ADD COLUMN IF NOT EXISTS corrects uuid, ADD COLUMN IF NOT EXISTS reason text;
COMMENT ON COLUMN settlements.corrects IS 'the settlement whose value this correction changes';
COMMENT ON COLUMN settlements.reason IS 'why an admin made the correction; holds nothing personal';
COMMENT ON COLUMN settlements.usd_amount IS 'NULL: not known yet, and the total says unconverted; it becomes known once, and never changes';
-- @step quick
ALTER TABLE settlements
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS settlements_kind_known,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS settlements_signs,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS settlements_correction_whole,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS settlements_corrects_fkey,
    ADD CONSTRAINT settlements_kind_known CHECK (
        kind IN ('charge', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'opening', 'manual', 'correction')
    ) NOT VALID,
    ADD CONSTRAINT settlements_signs CHECK (
        CASE
            WHEN kind = 'correction' THEN true
            WHEN kind IN ('refund', 'dispute') THEN amount <= 0
            ELSE amount >= 0
        END
        AND (usd_amount IS NULL OR sign(usd_amount) * sign(amount) >= 0)
    ) NOT VALID,
    -- A correction moves the value only. In USD the value is the amount, so there it moves both.
    ADD CONSTRAINT settlements_correction_whole CHECK (
        (kind = 'correction') = (corrects IS NOT NULL)
        AND (
            kind <> 'correction'
            OR (
                reason IS NOT NULL AND usd_amount IS NOT NULL
                AND amount = CASE WHEN currency = 'USD' THEN usd_amount ELSE 0 END
            )
        )
    ) NOT VALID,
    ADD CONSTRAINT settlements_corrects_fkey FOREIGN KEY (corrects) REFERENCES settlements (id) NOT VALID;
-- @step online
ALTER TABLE settlements VALIDATE CONSTRAINT settlements_kind_known;
-- @step online
ALTER TABLE settlements VALIDATE CONSTRAINT settlements_signs;
-- @step online
ALTER TABLE settlements VALIDATE CONSTRAINT settlements_correction_whole;
-- @step online
ALTER TABLE settlements VALIDATE CONSTRAINT settlements_corrects_fkey;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_corrects_idx ON settlements (corrects) WHERE corrects IS NOT NULL;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_without_value_idx ON settlements (created_at)
WHERE usd_amount IS NULL AND provider = 'stripe' AND kind = 'charge';

-- A gift counts while something of it is left: not when all of it went back, and not when it is worth nothing.
-- @step quick
CREATE OR REPLACE FUNCTION hc_is_gift(amount numeric, usd numeric, unknown bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT amount > 0 AND (unknown > 0 OR usd > 0) $$;
COMMENT ON FUNCTION hc_is_gift(numeric, numeric, bigint) IS 'of one payment: the sum of its amounts, of its values, and how many values are unknown';
REVOKE ALL ON FUNCTION hc_is_gift(numeric, numeric, bigint) FROM public;

-- Test money that was paid for a live payment, or the other way round, is kept and never counted. What the old
-- software had been paid has no mode and counts in both: its livemode is NULL here, as that of its corrections.
-- @step quick
-- Plans are kept by each connection: one that was made while the tables were empty would read all of them ever after.
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
               CASE WHEN 'opening' IN (a.kind, c.kind) THEN NULL ELSE a.livemode END AS livemode
        FROM added a JOIN payments p ON p.id = a.payment_id LEFT JOIN settlements c ON c.id = a.corrects
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
        FROM settlements s LEFT JOIN settlements c ON c.id = s.corrects
        WHERE s.payment_id = change.payment_id AND s.currency = change.currency AND s.purpose = 'donation'
          AND CASE WHEN 'opening' IN (s.kind, c.kind) THEN NULL ELSE s.livemode END IS NOT DISTINCT FROM change.livemode
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

-- From one moment on, new settlements are counted by mode, in slots from 8 on. What was counted before is replaced at
-- once when the walk is done, so that the sum over all rows is right all the time.
-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'settlement_totals'::regclass AND attname = 'livemode')
-- squawk-ignore adding-not-nullable-field
ALTER TABLE settlements ADD COLUMN before_modes boolean NOT NULL DEFAULT true;
ALTER TABLE settlements ALTER COLUMN before_modes SET DEFAULT false;
ALTER TABLE settlement_totals ADD COLUMN livemode boolean;
CREATE OR REPLACE TRIGGER settlement_counted AFTER INSERT ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_count_settlements();
-- @step quick
CREATE OR REPLACE TRIGGER settlement_counted AFTER INSERT ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_count_settlements();
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS hc_add_to_total();
COMMENT ON COLUMN settlement_totals.livemode IS 'NULL: what the old software had been paid, which counts in both modes';
COMMENT ON COLUMN settlement_totals.slot IS 'spreads the writers over eight rows of each currency and mode: live 8 to 15, test 16 to 23, neither 24 to 31';
COMMENT ON COLUMN settlement_totals.charges IS 'how many gifts there are of which something is left';

-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = 'settlement_totals_slots')
-- squawk-ignore ban-drop-table
DROP TABLE IF EXISTS settlement_totals_before;
CREATE TABLE settlement_totals_before (
    livemode boolean,
    currency text NOT NULL,
    charges bigint NOT NULL,
    amount numeric NOT NULL,
    usd_amount numeric NOT NULL,
    unconverted numeric NOT NULL
);
-- @step batched settlements
-- @unless SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = 'settlement_totals_slots')
WITH page AS MATERIALIZED (
    SELECT DISTINCT payment_id FROM settlements
    WHERE payment_id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY payment_id LIMIT $2
), before AS (
    SELECT s.payment_id, s.currency, CASE WHEN s.kind <> 'opening' THEN s.livemode END AS livemode,
           sum(s.amount) AS amount, coalesce(sum(s.usd_amount), 0) AS usd,
           coalesce(sum(s.amount) FILTER (WHERE s.usd_amount IS NULL), 0) AS unconverted,
           count(*) FILTER (WHERE s.usd_amount IS NULL) AS unknown
    FROM page JOIN settlements s ON s.payment_id = page.payment_id JOIN payments p ON p.id = s.payment_id
    WHERE s.before_modes AND s.purpose = 'donation' AND coalesce(p.livemode, s.livemode) = s.livemode
    GROUP BY s.payment_id, s.currency, CASE WHEN s.kind <> 'opening' THEN s.livemode END
), summed AS (
    INSERT INTO settlement_totals_before (livemode, currency, charges, amount, usd_amount, unconverted)
    SELECT livemode, currency, count(*) FILTER (WHERE hc_is_gift(amount, usd, unknown)), sum(amount), sum(usd), sum(unconverted)
    FROM before GROUP BY livemode, currency
)
SELECT (SELECT payment_id::text FROM page ORDER BY payment_id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;
-- @step quick
-- @unless SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = 'settlement_totals_slots')
WITH gone AS (
    DELETE FROM settlement_totals WHERE slot < 8 RETURNING currency, updated_at
)
INSERT INTO settlement_totals AS t (livemode, currency, slot, charges, amount, usd_amount, unconverted, updated_at)
SELECT b.livemode, b.currency, CASE b.livemode WHEN true THEN 8 WHEN false THEN 16 ELSE 24 END, sum(b.charges), sum(b.amount), sum(b.usd_amount), sum(b.unconverted),
       coalesce((SELECT max(gone.updated_at) FROM gone WHERE gone.currency = b.currency), now())
FROM settlement_totals_before b GROUP BY b.livemode, b.currency ORDER BY b.livemode, b.currency
ON CONFLICT ON CONSTRAINT settlement_totals_pkey DO UPDATE SET
    charges = t.charges + excluded.charges,
    amount = t.amount + excluded.amount,
    usd_amount = t.usd_amount + excluded.usd_amount,
    unconverted = t.unconverted + excluded.unconverted,
    updated_at = greatest(t.updated_at, excluded.updated_at);
-- squawk-ignore ban-drop-table
DROP TABLE settlement_totals_before;
-- squawk-ignore ban-drop-column
ALTER TABLE settlements DROP COLUMN before_modes;
ALTER TABLE settlement_totals ADD CONSTRAINT settlement_totals_slots CHECK (
    slot BETWEEN 8 AND 31 AND livemode IS NOT DISTINCT FROM CASE slot / 8 WHEN 1 THEN true WHEN 2 THEN false END
);

-- Exactly one change is possible: the value of a settlement that had none. Everything else is refused to everybody.
-- @step quick
CREATE OR REPLACE FUNCTION hc_value_once() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    without_value settlements := NEW;
BEGIN
    without_value.usd_amount := NULL;
    IF NEW.usd_amount IS NOT NULL AND without_value IS NOT DISTINCT FROM OLD THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'settlements is append-only: % is refused, except to give a value to one that has none', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'settlements_append_only';
END
$$;
CREATE OR REPLACE TRIGGER settlements_append_only BEFORE DELETE ON settlements
FOR EACH ROW EXECUTE FUNCTION hc_refuse_change();
CREATE OR REPLACE TRIGGER settlements_value_once BEFORE UPDATE ON settlements
FOR EACH ROW EXECUTE FUNCTION hc_value_once();
CREATE OR REPLACE TRIGGER settlement_valued AFTER UPDATE ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_count_settlements();

-- A correction stands beside a settlement of the same payment whose value is known, never beside another correction.
-- @step quick
CREATE OR REPLACE FUNCTION hc_hold_correction() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM settlements s
        WHERE s.id = NEW.corrects AND s.kind <> 'correction' AND s.usd_amount IS NOT NULL
          AND (s.payment_id, s.provider, s.livemode, s.currency, s.purpose)
              = (NEW.payment_id, NEW.provider, NEW.livemode, NEW.currency, NEW.purpose)
    ) THEN
        RAISE EXCEPTION 'a correction belongs to a settlement of the same payment whose value is known'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'settlements_correction_whole';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER settlements_correction BEFORE INSERT ON settlements
FOR EACH ROW WHEN (new.kind = 'correction') EXECUTE FUNCTION hc_hold_correction();

-- When Stripe is asked again what a settlement is worth.
-- @step quick
CREATE TABLE IF NOT EXISTS settlement_value_checks (
    settlement_id uuid CONSTRAINT settlement_value_checks_pkey PRIMARY KEY,
    next_check_at timestamptz NOT NULL,
    CONSTRAINT settlement_value_checks_settlement_fkey FOREIGN KEY (settlement_id) REFERENCES settlements (id)
);
COMMENT ON COLUMN settlement_value_checks.next_check_at IS 'infinity: Stripe has it in another currency than USD, so there is no more to ask';
