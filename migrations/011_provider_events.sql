-- What providers tell us, stored once as it came and worked on until it is done; and when a checkout is asked about.
-- @step quick
CREATE TABLE IF NOT EXISTS provider_event_ids (
    source text NOT NULL,
    event_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_event_ids_pkey PRIMARY KEY (source, event_id)
);
COMMENT ON TABLE provider_event_ids IS 'what makes an event count once: a key across the months that provider_events is cut into';
CREATE INDEX IF NOT EXISTS provider_event_ids_received_idx ON provider_event_ids (received_at);
CREATE TABLE IF NOT EXISTS provider_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    received_at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    processed_at timestamptz,
    attempts int NOT NULL DEFAULT 0,
    error text,
    ignored_because text,
    payment_id uuid,
    CONSTRAINT provider_events_pkey PRIMARY KEY (id, received_at),
    CONSTRAINT provider_events_source_known CHECK (source IN ('stripe', 'nowpayments', 'wix')),
    CONSTRAINT provider_events_ignored_is_processed CHECK (ignored_because IS NULL OR processed_at IS NOT NULL)
) PARTITION BY RANGE (received_at);
CREATE TABLE IF NOT EXISTS provider_events_default PARTITION OF provider_events DEFAULT;
CREATE INDEX IF NOT EXISTS provider_events_due_idx ON provider_events (next_attempt_at) WHERE processed_at IS NULL;
CREATE INDEX IF NOT EXISTS provider_events_waiting_idx ON provider_events (received_at) WHERE processed_at IS NULL;
COMMENT ON COLUMN provider_events.body IS 'the raw body whose signature was verified';
COMMENT ON COLUMN provider_events.next_attempt_at IS 'while it is claimed, when the claim ends';

-- The column that a table is partitioned by is read from the catalogue, so that the inbox can have its own.
-- @step quick
CREATE OR REPLACE FUNCTION hc_keep_partitions(parent text, months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    child text;
    made int := 0;
    taken boolean;
    moment text;
BEGIN
    SELECT a.attname INTO moment
    FROM pg_partitioned_table p
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = to_regclass(quote_ident(parent));
    IF moment IS NULL THEN
        RAISE EXCEPTION '% is not a partitioned table', parent;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('hc_keep_partitions'));
    FOR i IN 0..months_ahead LOOP
        child := parent || '_' || to_char(first_day, 'YYYY_MM');
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I >= %L AND %I < %L)', parent || '_default',
            moment, first_day::text || ' 00:00+00', moment, (first_day + interval '1 month')::date::text || ' 00:00+00')
            INTO taken;
        IF to_regclass(quote_ident(child)) IS NULL AND NOT taken THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                child, parent, first_day::text || ' 00:00+00', (first_day + interval '1 month')::date::text || ' 00:00+00');
            IF parent = 'payment_audit' THEN
                EXECUTE format('CREATE TRIGGER payment_audit_no_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION hc_refuse_change()', child);
            END IF;
            made := made + 1;
        END IF;
        first_day := (first_day + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$;
SELECT hc_keep_partitions('provider_events', 3);

-- Raw bodies, messages and personal data go after RETENTION_DAYS; what is still to be done never does.
-- @step quick
CREATE OR REPLACE FUNCTION hc_forget(days int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1s' AS $$
DECLARE
    oldest timestamptz := now() - make_interval(days => days);
    part record;
    busy boolean;
    gone int := 0;
BEGIN
    IF days < 1 THEN
        RAISE EXCEPTION 'at least one day is kept';
    END IF;
    FOR part IN
        SELECT c.relname AS name, p.relname AS parent
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.oid IN (to_regclass('provider_events'), to_regclass('outbox')) AND c.relname ~ '_\d{4}_\d{2}$'
          AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= oldest
        ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %s)', part.name,
            CASE part.parent WHEN 'outbox' THEN 'state = ''pending''' ELSE 'processed_at IS NULL' END) INTO busy;
        IF NOT busy THEN
            EXECUTE format('DROP TABLE %I', part.name);
            gone := gone + 1;
        END IF;
    END LOOP;
    DELETE FROM provider_events_default WHERE received_at < oldest AND processed_at IS NOT NULL;
    DELETE FROM outbox_default WHERE created_at < oldest AND state <> 'pending';
    DELETE FROM provider_event_ids k WHERE k.received_at < oldest AND NOT EXISTS (
        SELECT FROM provider_events e WHERE e.source = k.source AND e.event_id = k.event_id AND e.processed_at IS NULL);
    DELETE FROM reconcile_runs WHERE finished_at < oldest;
    UPDATE "ContributionIntent" SET user_info = NULL WHERE "_createdDate" < oldest AND user_info IS NOT NULL;
    UPDATE external_payments SET request = request - 'customer_email'
    WHERE created_at < oldest AND request ? 'customer_email';
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION hc_forget(int) FROM public;

-- @step quick
CREATE OR REPLACE FUNCTION hc_json(body bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN convert_from(body, 'UTF8')::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION hc_json(bytea) IS 'NULL for what jsonb cannot hold, so that one such body hides no other';
CREATE OR REPLACE VIEW stripe_events_raw AS
SELECT
    id, event_id, type AS event_type, hc_json(body) AS event_data, processed_at IS NOT NULL AS processed,
    processed_at, error AS error_message, received_at AS created_at
FROM provider_events WHERE source = 'stripe';

-- When a checkout is asked about again, and by whom it is being asked now.
-- @step quick
ALTER TABLE external_payments
    ADD COLUMN IF NOT EXISTS next_check_at timestamptz DEFAULT now() + interval '1 minute',
    ADD COLUMN IF NOT EXISTS checked_at timestamptz,
    ADD COLUMN IF NOT EXISTS claimed_until timestamptz;
-- @step quick
CREATE TABLE IF NOT EXISTS reconcile_cursors (
    provider text CONSTRAINT reconcile_cursors_pkey PRIMARY KEY,
    read_until timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN reconcile_cursors.read_until IS 'every event that the provider made before this is in the inbox';
CREATE TABLE IF NOT EXISTS reconcile_runs (
    id uuid CONSTRAINT reconcile_runs_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    succeeded boolean NOT NULL,
    summary jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS reconcile_runs_finished_idx ON reconcile_runs (finished_at DESC);
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_check_idx ON external_payments (next_check_at)
WHERE kind = 'single' AND status IN ('creating', 'unknown', 'pending');
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS external_payments_email_idx ON external_payments (created_at)
WHERE request ? 'customer_email';
-- @step online
CREATE INDEX CONCURRENTLY IF NOT EXISTS contribution_intent_personal_idx ON "ContributionIntent" ("_createdDate")
WHERE user_info IS NOT NULL;

-- A refund that failed is undone by a row of its own, as a dispute that was won is: nothing in this table ever changes.
-- @step quick
ALTER TABLE settlements
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT IF EXISTS settlements_kind_known,
    ADD CONSTRAINT settlements_kind_known CHECK (
        kind IN ('charge', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal', 'opening', 'manual')
    ) NOT VALID;
-- @step online
ALTER TABLE settlements VALIDATE CONSTRAINT settlements_kind_known;

-- Test money that was paid for a payment of the other mode is kept, and never counted.
-- @step quick
CREATE OR REPLACE FUNCTION hc_add_to_total() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO settlement_totals AS t (currency, slot, charges, amount, usd_amount, unconverted, updated_at)
    SELECT a.currency, pg_backend_pid() % 8, count(*) FILTER (WHERE a.kind IN ('charge', 'opening', 'manual')),
           sum(a.amount), coalesce(sum(a.usd_amount), 0),
           coalesce(sum(a.amount) FILTER (WHERE a.usd_amount IS NULL), 0), now()
    FROM added a JOIN payments p ON p.id = a.payment_id
    WHERE a.purpose = 'donation' AND coalesce(p.livemode, a.livemode) = a.livemode
    GROUP BY a.currency ORDER BY a.currency
    ON CONFLICT (currency, slot) DO UPDATE SET
        charges = t.charges + excluded.charges,
        amount = t.amount + excluded.amount,
        usd_amount = t.usd_amount + excluded.usd_amount,
        unconverted = t.unconverted + excluded.unconverted,
        updated_at = excluded.updated_at;
    RETURN NULL;
END
$$;
