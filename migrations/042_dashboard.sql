-- What the dashboard of the Wix app reads: figures that are summed up as money moves, refunds that an owner asked for,
-- each pod's version, and indexes for its lists.

-- Figures of days in UTC, of hours, and of quarters of an hour: a day in any zone begins at a quarter. What happens is added to
-- `figure_changes` in the transaction that it happens in, so that the sum of both tables is right at any moment, and
-- writers never wait for each other. Pods move changes into `figures`.
-- @step quick
CREATE TABLE IF NOT EXISTS figures (
    minutes smallint NOT NULL,
    start timestamptz NOT NULL,
    livemode boolean NOT NULL,
    currency text NOT NULL,
    movements bigint NOT NULL DEFAULT 0,
    received numeric NOT NULL DEFAULT 0,
    refunded numeric NOT NULL DEFAULT 0,
    disputed numeric NOT NULL DEFAULT 0,
    usd numeric NOT NULL DEFAULT 0,
    without_value bigint NOT NULL DEFAULT 0,
    paid bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    abandoned bigint NOT NULL DEFAULT 0,
    CONSTRAINT figures_pkey PRIMARY KEY (minutes, start, livemode, currency),
    CONSTRAINT figures_minutes_known CHECK (minutes IN (15, 60, 1440))
);
COMMENT ON TABLE figures IS 'sums of settlements by the time they were booked, and of payments by the time they began, as they are now';
COMMENT ON COLUMN figures.movements IS 'how many times money came in';
COMMENT ON COLUMN figures.received IS 'charges and what old software or admins recorded, with corrections; refunds and disputes are positive and apart';
COMMENT ON COLUMN figures.without_value IS 'how many movements have no value in dollars yet';
COMMENT ON COLUMN figures.expired IS 'not paid in time, after an attempt that failed';
COMMENT ON COLUMN figures.abandoned IS 'not paid in time, and nobody tried';
CREATE TABLE IF NOT EXISTS figure_changes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT figure_changes_pkey PRIMARY KEY,
    payment_id uuid NOT NULL,
    start timestamptz NOT NULL,
    livemode boolean NOT NULL,
    currency text NOT NULL,
    movements int NOT NULL DEFAULT 0,
    received numeric NOT NULL DEFAULT 0,
    refunded numeric NOT NULL DEFAULT 0,
    disputed numeric NOT NULL DEFAULT 0,
    usd numeric NOT NULL DEFAULT 0,
    without_value int NOT NULL DEFAULT 0,
    paid int NOT NULL DEFAULT 0,
    failed int NOT NULL DEFAULT 0,
    expired int NOT NULL DEFAULT 0,
    abandoned int NOT NULL DEFAULT 0
);
COMMENT ON TABLE figure_changes IS 'what is still to be added to figures';

-- How settlements count: one rule for the triggers and for earlier rows.
CREATE OR REPLACE FUNCTION hc_quarter(moment timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT date_bin(interval '15 minutes', moment, timestamptz '2000-01-01 00:00+00') $$;
REVOKE ALL ON FUNCTION hc_quarter(timestamptz) FROM public;
CREATE OR REPLACE FUNCTION hc_figure_of(status text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status IN ('completed', 'partially_refunded', 'refunded', 'disputed') THEN 'paid'
                WHEN status IN ('failed', 'expired') THEN status END
$$;
COMMENT ON FUNCTION hc_figure_of(text) IS 'which figure a payment counts in; NULL: it is not decided yet';

-- @step quick
CREATE OR REPLACE FUNCTION hc_note_settlements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    valued boolean := TG_OP = 'UPDATE';
BEGIN
    -- A value that becomes known moves nothing else. Money of another mode than its payment's never counts.
    INSERT INTO figure_changes (payment_id, start, livemode, currency, movements, received, refunded, disputed, usd, without_value)
    SELECT a.payment_id, hc_quarter(a.created_at), a.livemode, a.currency,
           CASE WHEN valued OR a.kind NOT IN ('charge', 'manual', 'opening') THEN 0 ELSE 1 END,
           CASE WHEN valued OR a.kind NOT IN ('charge', 'manual', 'opening', 'correction') THEN 0 ELSE a.amount END,
           CASE WHEN valued OR a.kind NOT IN ('refund', 'refund_reversal') THEN 0 ELSE -a.amount END,
           CASE WHEN valued OR a.kind NOT IN ('dispute', 'dispute_reversal') THEN 0 ELSE -a.amount END,
           coalesce(a.usd_amount, 0),
           CASE WHEN valued THEN -1 WHEN a.usd_amount IS NULL THEN 1 ELSE 0 END
    FROM added a JOIN payments p ON p.id = a.payment_id
    WHERE coalesce(p.livemode, a.livemode) = a.livemode;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_note_settlements() FROM public;

CREATE OR REPLACE FUNCTION hc_note_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before text := CASE WHEN TG_OP = 'UPDATE' THEN hc_figure_of(OLD.status) END;
    after text := hc_figure_of(NEW.status);
    tried boolean := false;
BEGIN
    IF before IS NOT DISTINCT FROM after THEN
        RETURN NULL;
    END IF;
    IF 'expired' IN (before, after) THEN
        tried := EXISTS (SELECT FROM payment_audit a WHERE a.payment_id = NEW.id AND a.details ?| '{declined,attempts}');
    END IF;
    INSERT INTO figure_changes (payment_id, start, livemode, currency, paid, failed, expired, abandoned)
    VALUES (
        NEW.id, hc_quarter(NEW.created_at), coalesce(NEW.livemode, true),
        coalesce(NEW.price_currency, nullif(hc_currency_key(NEW.currency), ''), 'XXX'),
        coalesce((after = 'paid')::int, 0) - coalesce((before = 'paid')::int, 0),
        coalesce((after = 'failed')::int, 0) - coalesce((before = 'failed')::int, 0),
        coalesce((after = 'expired' AND tried)::int, 0) - coalesce((before = 'expired' AND tried)::int, 0),
        coalesce((after = 'expired' AND NOT tried)::int, 0) - coalesce((before = 'expired' AND NOT tried)::int, 0)
    );
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_note_payment() FROM public;

-- News of an attempt may come after that of the end. Both are written while the payment is locked.
CREATE OR REPLACE FUNCTION hc_note_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO figure_changes (payment_id, start, livemode, currency, expired, abandoned)
    SELECT p.id, hc_quarter(p.created_at), coalesce(p.livemode, true),
           coalesce(p.price_currency, nullif(hc_currency_key(p.currency), ''), 'XXX'), 1, -1
    FROM payments p
    WHERE p.id = NEW.payment_id AND p.status = 'expired' AND p.created_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM payment_audit a
        WHERE a.payment_id = p.id AND a.details ?| '{declined,attempts}' AND (a.id, a.created_at) <> (NEW.id, NEW.created_at)
    );
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION hc_note_attempt() FROM public;

-- From here on each change is noted; earlier rows follow. They are found by what is not noted of them.
-- @step quick
CREATE OR REPLACE TRIGGER settlement_noted AFTER INSERT ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_note_settlements();
CREATE OR REPLACE TRIGGER settlement_value_noted AFTER UPDATE ON settlements
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION hc_note_settlements();
-- @step quick
CREATE OR REPLACE TRIGGER payment_begun_noted AFTER INSERT ON payments
FOR EACH ROW WHEN (
    new.status IN ('completed', 'partially_refunded', 'refunded', 'disputed', 'failed', 'expired')
    AND new.created_at IS NOT NULL
) EXECUTE FUNCTION hc_note_payment();
CREATE OR REPLACE TRIGGER payment_decided_noted AFTER UPDATE OF status ON payments
FOR EACH ROW WHEN (old.status <> new.status AND new.created_at IS NOT NULL) EXECUTE FUNCTION hc_note_payment();
-- @step quick
CREATE OR REPLACE TRIGGER payment_audit_attempt_noted AFTER INSERT ON payment_audit
FOR EACH ROW WHEN (new.details ?| '{declined,attempts}' AND new.payment_id IS NOT NULL) EXECUTE FUNCTION hc_note_attempt();

-- @step online
-- @unless SELECT to_regprocedure('hc_fold_figures(int)') IS NOT NULL
CREATE INDEX CONCURRENTLY IF NOT EXISTS figure_changes_payment_idx ON figure_changes (payment_id);
-- Everything about a payment, less what is noted of it already: a page that is repeated adds nothing.
-- @step batched payments
-- @unless SELECT to_regprocedure('hc_fold_figures(int)') IS NOT NULL
WITH page AS MATERIALIZED (
    SELECT id, status, created_at, livemode, coalesce(price_currency, nullif(hc_currency_key(currency), ''), 'XXX') AS currency
    FROM payments WHERE id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT $2
), decided AS (
    SELECT p.*, hc_figure_of(p.status) AS figure, p.status = 'expired' AND EXISTS (
        SELECT FROM payment_audit a WHERE a.payment_id = p.id AND a.details ?| '{declined,attempts}'
    ) AS tried
    FROM page p WHERE hc_figure_of(p.status) IS NOT NULL AND p.created_at IS NOT NULL
), whole AS (
    SELECT s.payment_id, hc_quarter(s.created_at) AS start, s.livemode, s.currency,
           CASE WHEN s.kind IN ('charge', 'manual', 'opening') THEN 1 ELSE 0 END AS movements,
           CASE WHEN s.kind IN ('charge', 'manual', 'opening', 'correction') THEN s.amount ELSE 0 END AS received,
           CASE WHEN s.kind IN ('refund', 'refund_reversal') THEN -s.amount ELSE 0 END AS refunded,
           CASE WHEN s.kind IN ('dispute', 'dispute_reversal') THEN -s.amount ELSE 0 END AS disputed,
           coalesce(s.usd_amount, 0) AS usd, CASE WHEN s.usd_amount IS NULL THEN 1 ELSE 0 END AS without_value,
           0 AS paid, 0 AS failed, 0 AS expired, 0 AS abandoned
    FROM page p JOIN settlements s ON s.payment_id = p.id WHERE coalesce(p.livemode, s.livemode) = s.livemode
    UNION ALL
    SELECT id, hc_quarter(created_at), coalesce(livemode, true), currency, 0, 0, 0, 0, 0, 0,
           (figure = 'paid')::int, (figure = 'failed')::int, (figure = 'expired' AND tried)::int,
           (figure = 'expired' AND NOT tried)::int
    FROM decided
    UNION ALL
    SELECT c.payment_id, c.start, c.livemode, c.currency, -c.movements, -c.received, -c.refunded, -c.disputed, -c.usd,
           -c.without_value, -c.paid, -c.failed, -c.expired, -c.abandoned
    FROM page p JOIN figure_changes c ON c.payment_id = p.id
), missing AS (
    SELECT payment_id, start, livemode, currency, sum(movements) AS movements, sum(received) AS received,
           sum(refunded) AS refunded, sum(disputed) AS disputed, sum(usd) AS usd, sum(without_value) AS without_value,
           sum(paid) AS paid, sum(failed) AS failed, sum(expired) AS expired, sum(abandoned) AS abandoned
    FROM whole GROUP BY payment_id, start, livemode, currency
), noted AS (
    INSERT INTO figure_changes (payment_id, start, livemode, currency, movements, received, refunded, disputed, usd,
                                without_value, paid, failed, expired, abandoned)
    SELECT * FROM missing
    WHERE (movements, received, refunded, disputed, usd, without_value, paid, failed, expired, abandoned)
          IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
SELECT (SELECT id::text FROM page ORDER BY id DESC LIMIT 1) AS cursor, (SELECT count(*) FROM page) AS rows;

-- @step online
DROP INDEX CONCURRENTLY IF EXISTS figure_changes_payment_idx;
-- Made last: it may add up only what is complete.
-- @step quick
CREATE OR REPLACE FUNCTION hc_fold_figures(most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    folded int;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('hc_fold_figures')) THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM figure_changes WHERE id IN (SELECT id FROM figure_changes ORDER BY id LIMIT most) RETURNING *
    ), added AS (
        INSERT INTO figures AS f (minutes, start, livemode, currency, movements, received, refunded, disputed, usd,
                                  without_value, paid, failed, expired, abandoned)
        SELECT m.minutes, date_bin(make_interval(mins => m.minutes), t.start, timestamptz '2000-01-01 00:00+00'), t.livemode,
               t.currency,
               sum(t.movements), sum(t.received), sum(t.refunded), sum(t.disputed), sum(t.usd), sum(t.without_value),
               sum(t.paid), sum(t.failed), sum(t.expired), sum(t.abandoned)
        FROM taken t CROSS JOIN unnest('{15,60,1440}'::smallint []) AS m (minutes)
        GROUP BY 1, 2, 3, 4
        ON CONFLICT ON CONSTRAINT figures_pkey DO UPDATE SET
            movements = f.movements + excluded.movements, received = f.received + excluded.received,
            refunded = f.refunded + excluded.refunded, disputed = f.disputed + excluded.disputed,
            usd = f.usd + excluded.usd, without_value = f.without_value + excluded.without_value,
            paid = f.paid + excluded.paid, failed = f.failed + excluded.failed,
            expired = f.expired + excluded.expired, abandoned = f.abandoned + excluded.abandoned
    )
    SELECT count(*) INTO folded FROM taken;
    RETURN folded;
END
$$;
REVOKE ALL ON FUNCTION hc_fold_figures(int) FROM public;
COMMENT ON FUNCTION hc_fold_figures(int) IS 'moves changes into figures, at most so many; 0: there is nothing to do, or another process does it';

-- Refunds that an owner asked for. The money is booked only when Stripe reports it.
-- @step quick
CREATE TABLE IF NOT EXISTS refunds (
    id uuid CONSTRAINT refunds_pkey PRIMARY KEY,
    payment_id uuid NOT NULL,
    reference text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    is_rest boolean NOT NULL,
    state text NOT NULL DEFAULT 'asked',
    request jsonb NOT NULL,
    provider_ref text,
    failure text,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT refunds_payment_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT refunds_reference_key UNIQUE (payment_id, reference),
    CONSTRAINT refunds_amount_positive CHECK (amount > 0 AND amount < 'Infinity'),
    CONSTRAINT refunds_state_known CHECK (state IN ('asked', 'pending', 'succeeded', 'failed')),
    CONSTRAINT refunds_answered_whole CHECK (state IN ('asked', 'failed') OR provider_ref IS NOT NULL)
);
COMMENT ON TABLE refunds IS 'refunds that an owner asked for; the money is booked in settlements when Stripe reports it';
COMMENT ON COLUMN refunds.is_rest IS 'no amount was named: all that was left';
COMMENT ON COLUMN refunds.state IS 'asked: Stripe has not answered yet, and the same request is sent again with the same key';
COMMENT ON COLUMN refunds.request IS 'the exact parameters that Stripe was, or will be, asked with';
CREATE INDEX IF NOT EXISTS refunds_unanswered_idx ON refunds (created_at) WHERE state = 'asked';
CREATE UNIQUE INDEX IF NOT EXISTS refunds_provider_key ON refunds (provider_ref) WHERE provider_ref IS NOT NULL;

-- @step quick
ALTER TABLE routes_served ADD COLUMN IF NOT EXISTS each_pod jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN routes_served.each_pod IS 'the version of each pod by its name, and how long the newest took to get there';

-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_status_idx ON payments (status, created_at DESC, id DESC)
WHERE status <> 'completed';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_charged_idx ON settlements (created_at DESC) WHERE kind = 'charge';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS settlements_ref_idx ON settlements (provider_ref);
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_email_idx ON customers (lower(email)) WHERE email IS NOT NULL;
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS contribution_intent_email_idx ON "ContributionIntent" (lower(user_info ->> 'email'))
WHERE user_info ? 'email';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_address_idx
ON external_payments (lower(request ->> 'customer_email')) WHERE request ? 'customer_email';
-- @step online
-- @partitions outbox
CREATE INDEX CONCURRENTLY IF NOT EXISTS each_partition_dead_idx ON each_partition (created_at) WHERE state = 'dead';
-- @step quick
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS outbox_dead_idx ON outbox (created_at) WHERE state = 'dead';
